//! Markers around attaching: replaying a broken write-ahead log can abort the whole process, and the next start must know
//! which file did it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::wal;

/// Where markers live below the data directory.
const MARKER_DIR: &str = ".attaching";
/// How long the probe of one file may take before the file counts as broken.
const PROBE_MS_MAX: u64 = 60_000;
/// Memory for mending the log of a file that is probed, in bytes.
const PROBE_MEMORY_BYTES: u64 = 1 << 30;
/// How often a running probe is looked at.
const PROBE_POLL_MS: u64 = 10;

/// Broken files kept beside each other for one table; the last place is overwritten.
const MOVED_ASIDE_MAX: u32 = 1_000;

/// A file that was being attached when the process last died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// The file.
    pub path: PathBuf,
    /// Where it was moved, when it was found broken (or there was no probe to ask); `None` when it is healthy.
    pub moved_to: Option<PathBuf>,
}

fn dir(data_dir: &Path) -> PathBuf {
    data_dir.join(MARKER_DIR)
}

/// Writes the marker of `path` and returns the marker's own path.
pub(crate) fn write(data_dir: &Path, path: &Path) -> Result<PathBuf> {
    let dir = dir(data_dir);
    // Not hashed for secrecy: the name only has to be short and differ between paths being attached at the same time.
    let name = format!("{:016x}", alluvium_fnv(path.as_os_str().as_encoded_bytes()));
    let marker = dir.join(name);
    let text = path.to_str().ok_or_else(|| Error::invalid("invalid_path", "a table path is not UTF-8"))?;
    let outcome = std::fs::write(&marker, text).or_else(|_| {
        std::fs::create_dir_all(&dir)?;
        std::fs::write(&marker, text)
    });
    outcome.map_err(|source| Error::io(&marker, source))?;
    Ok(marker)
}

/// FNV-1a, 64 bits.
fn alluvium_fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

pub(crate) fn remove(marker: &Path) -> Result<()> {
    match std::fs::remove_file(marker) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::io(marker, source)),
    }
}

/// Looks at every marker left behind: probes its file in a child process and moves it aside when it is broken.
pub(crate) fn settle_all(data_dir: &Path, probe_command: Option<&[OsString]>) -> Result<Vec<Suspect>> {
    let dir = dir(data_dir);
    std::fs::create_dir_all(&dir).map_err(|source| Error::io(&dir, source))?;
    let mut suspects = Vec::new();
    for item in std::fs::read_dir(&dir).map_err(|source| Error::io(&dir, source))? {
        let marker = item.map_err(|source| Error::io(&dir, source))?.path();
        let text = std::fs::read_to_string(&marker).map_err(|source| Error::io(&marker, source))?;
        let path = PathBuf::from(text);
        // A marker torn by a power cut names nothing; one that points elsewhere is not ours to act on.
        if path.starts_with(data_dir) && path.exists() {
            let healthy = probe_command.is_some_and(|command| probe(command, &path));
            let moved_to = if healthy { None } else { Some(move_aside(&path)?) };
            tracing::warn!(
                file.path = %path.display(), file.healthy = healthy,
                "a table file was being attached when the process died"
            );
            suspects.push(Suspect { path, moved_to });
        }
        remove(&marker)?;
    }
    Ok(suspects)
}

/// Runs `command path` and says whether it ended well in time.
fn probe(command: &[OsString], path: &Path) -> bool {
    let Some((program, arguments)) = command.split_first() else { return false };
    let child = Command::new(program)
        .args(arguments)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let deadline = Instant::now() + Duration::from_millis(PROBE_MS_MAX);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(PROBE_POLL_MS)),
            Ok(None) | Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// Moves a file and its write-ahead log to `…corrupt-<n>`, the first free n.
pub(crate) fn move_aside(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("table");
    let target = (1..=MOVED_ASIDE_MAX)
        .map(|n| path.with_file_name(format!("{name}.corrupt-{n}")))
        .find(|candidate| !candidate.exists())
        .unwrap_or_else(|| path.with_file_name(format!("{name}.corrupt")));
    std::fs::rename(path, &target).map_err(|source| Error::io(path, source))?;
    for (from, to) in wal::beside(path).iter().zip(wal::beside(&target)) {
        match std::fs::rename(from, to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(from, error)),
            _ => {}
        }
    }
    Ok(target)
}

/// What the probing child runs: opens the file with an engine of its own, replays its log, reads its mark and every row group.
/// The process may abort in here; that is the point.
pub fn probe_file(path: &Path) -> Result<()> {
    let broken =
        |error: duckdb::Error| Error::Corrupt { table: path.display().to_string(), reason: crate::error::text(&error) };
    wal::mend(path, PROBE_MEMORY_BYTES).map_err(broken)?;
    let connection = duckdb::Connection::open(path).map_err(broken)?;
    connection.query_row("SELECT seq FROM main._meta", [], |row| row.get::<_, i64>(0)).map_err(broken)?;
    connection.query_row("SELECT count(d) FROM main.data d", [], |row| row.get::<_, i64>(0)).map_err(broken)?;
    connection.execute_batch("CHECKPOINT").map_err(broken)
}
