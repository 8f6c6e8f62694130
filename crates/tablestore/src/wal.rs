//! The write-ahead logs that the engine keeps beside a file, and their torn ends.
//!
//! A process that dies in the middle of a commit leaves a log whose last commit lacks its end. The engine (seen with 1.5.6)
//! replays such a log up to there and says that the commit never was, yet keeps the row groups that it brought in memory: they are read,
//! and the next checkpoint makes them last. A load that is then made again, as the mark of the file says, would stand there twice.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use duckdb::{Config, Connection};

use crate::error::{Kind, kind};

/// What the engine appends to a file's name: its log, the one it writes while a checkpoint takes in the first, and the two made one
/// after a crash in between.
const SUFFIXES: [&str; 3] = [".wal", ".wal.checkpoint", ".wal.recovery"];

/// Nothing of what is in memory may reach the file.
const NO_CHECKPOINT: &str = "PRAGMA disable_checkpoint_on_shutdown; SET checkpoint_threshold = '1 TB';";

/// The logs that may be beside a file.
pub(crate) fn beside(path: &Path) -> [PathBuf; 3] {
    SUFFIXES.map(|suffix| {
        let mut name = OsString::from(path.as_os_str());
        name.push(suffix);
        PathBuf::from(name)
    })
}

/// Bytes of the logs beside a file.
pub(crate) fn bytes(path: &Path) -> u64 {
    beside(path).iter().filter_map(|wal| std::fs::metadata(wal).ok()).map(|wal| wal.len()).sum()
}

/// Takes the torn end off the log of a file that no engine of this process has open. Without a log, which is how a file is left by all but a crash,
/// it does nothing. A full disk is no error: the torn end is gone before the disk is asked for room.
///
/// Replaying a damaged log may abort the process.
pub fn mend(path: &Path, memory_bytes: u64) -> duckdb::Result<()> {
    if !path.exists() || !beside(path).iter().any(|wal| wal.exists()) {
        return Ok(());
    }
    let config = Config::default()
        .threads(1)?
        .with("memory_limit", format!("{memory_bytes}B"))?
        .with("temp_directory", "")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?;
    // A commit that changes nothing, in no schema that there may be: the first one after a replay is written where the last whole one ends.
    let schema = format!("mend_{}", uuid::Uuid::new_v4().simple());
    let commit = format!("{NO_CHECKPOINT} BEGIN; CREATE SCHEMA {schema}; DROP SCHEMA {schema}; COMMIT");
    let mended = Connection::open_with_flags(path, config).and_then(|connection| connection.execute_batch(&commit));
    match mended {
        Err(error) if kind(&error) == Kind::DiskFull => Ok(()),
        mended => mended,
    }
}
