//! Whether the disk of the data directory has room for more.
//!
//! Writes are refused while some room is left: a log on the same disk must never find it full, because nats-server then takes
//! nothing in until it is started again, and what is under way needs room to end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alluvium_eventlog::Room;
use alluvium_kernel::Problem;
use nix::sys::statvfs::statvfs;

/// What stays free, in bytes, on a large disk.
const RESERVE_BYTES_MAX: u64 = 256 << 20;
/// What stays free on a small one: one part in so many.
const RESERVE_PART: u64 = 20;

/// Refuses when the disk below a directory is nearly full. Asks the system each time, which takes microseconds.
pub fn of(data_dir: &Path) -> Room {
    let directory = PathBuf::from(data_dir);
    Arc::new(move |bytes| look(&directory, bytes))
}

fn look(directory: &Path, bytes: u64) -> Result<(), Problem> {
    // Who cannot be told how full it is finds out by writing.
    let Ok(disk) = statvfs(directory) else { return Ok(()) };
    let (free, all) = (disk.blocks_available() * disk.fragment_size(), disk.blocks() * disk.fragment_size());
    let reserve = (all / RESERVE_PART).min(RESERVE_BYTES_MAX);
    if free >= reserve.saturating_add(bytes) {
        return Ok(());
    }
    tracing::warn!(disk.free_bytes = free, disk.reserve_bytes = reserve, "a write is refused: the disk is nearly full");
    let detail = format!(
        "The disk of the data directory has {} MiB left, {} MiB of them are kept free, and {} MiB are asked for. \
         Nothing was written.",
        free >> 20,
        reserve >> 20,
        bytes.div_ceil(1 << 20)
    );
    Err(Problem::new("platform.storage_full", 507, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_room_takes_more() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(of(directory.path())(0), Ok(()), "tests need a disk that is not nearly full");
        assert_eq!(of(directory.path())(u64::MAX).unwrap_err().status, 507);
        assert_eq!(of(Path::new("/does/not/exist"))(0), Ok(()));
    }
}
