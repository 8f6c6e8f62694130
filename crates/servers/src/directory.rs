//! A server's directory: its lock, its log, and where shared downloads are kept.

use std::{
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result};

/// How long a start waits for the server of a parent that was just killed to leave.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_POLL: Duration = Duration::from_millis(10);
/// A log larger than this is set aside at the next start; one older log is kept.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How much of a log an error message shows.
const TAIL_BYTES_MAX: u64 = 2 * 1024;
const TAIL_LINES_MAX: usize = 12;

/// Where downloads are kept: `ALLUVIUM_CACHE`, else `XDG_CACHE_HOME/alluvium`, else `~/.cache/alluvium`.
pub fn cache_directory() -> Option<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("ALLUVIUM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("alluvium")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/alluvium")))
}

/// Takes the lock of `directory`, waiting a little. The lock is handed to the server as its standard input: it is free
/// only when neither this process nor the server nor any child of the server lives.
pub(crate) fn lock(directory: &Path) -> Result<File> {
    let path = directory.join("lock");
    let started = Instant::now();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|source| Error::io(format!("opening {}", path.display()), source))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_WAIT => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { directory: directory.to_owned() }),
            Err(TryLockError::Error(source)) => {
                return Err(Error::io(format!("locking {}", path.display()), source));
            }
        }
    }
}

/// Makes `directory` and its parents.
pub(crate) fn create(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|source| Error::io(format!("making {}", directory.display()), source))
}

/// Opens a server's log for appending, setting aside one that has grown large.
pub(crate) fn open_log(path: &Path) -> Result<File> {
    let doing = || format!("opening {}", path.display());
    if fs::metadata(path).is_ok_and(|found| found.len() > LOG_BYTES_MAX) {
        let mut old = path.as_os_str().to_owned();
        old.push(".old");
        fs::rename(path, old).map_err(|source| Error::io(doing(), source))?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(|source| Error::io(doing(), source))
}

/// The last lines of a log, for an error message.
pub(crate) fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("({error})"));
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES_MAX)..].join("\n")
}
