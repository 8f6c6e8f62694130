//! Temporary directories that do not pile up, even when tests are killed.

use std::{
    env,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Once,
};

use nix::sys::statvfs::statvfs;
use tempfile::TempDir;

use crate::must;

const PREFIX: &str = "scratch-";
const LOCK: &str = ".owner";
/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";
const MEMORY_FREE_BYTES_MIN: u64 = 4 << 30;

/// A temporary directory, removed when dropped. It is locked while it is used, so that a later test process can tell
/// and remove what a killed one left.
#[derive(Debug)]
pub struct Scratch {
    directory: TempDir,
    _lock: File,
}

impl Scratch {
    /// Makes one. Other users may pass through it (Postgres may run as another user), not look around.
    pub fn new() -> Self {
        static SWEPT: Once = Once::new();
        let parent = parent();
        must("making the directory of scratch directories", fs::create_dir_all(&parent));
        SWEPT.call_once(|| sweep(&parent));
        // Nobody sweeps a directory that has no lock file yet.
        let directory = must("making a scratch directory", tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent));
        must("opening a scratch directory", fs::set_permissions(directory.path(), Permissions::from_mode(0o711)));
        let lock = lock_new(directory.path());
        Self { directory, _lock: lock }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// One for each user: in memory where there is plenty, because copying a Postgres to a disk takes longer than most tests;
/// else, or when `TMPDIR` names a place, below the system's temporary directory.
fn parent() -> PathBuf {
    let memory = Path::new(MEMORY);
    let plenty = || {
        let free = statvfs(memory).map(|found| found.blocks_available() * found.fragment_size());
        free.is_ok_and(|bytes| bytes >= MEMORY_FREE_BYTES_MIN)
    };
    let base = if env::var_os("TMPDIR").is_none() && plenty() { memory.to_owned() } else { env::temp_dir() };
    base.join(format!("alluvium-tests-{}", nix::unistd::geteuid()))
}

/// The lock file appears under its name only when it is locked.
fn lock_new(directory: &Path) -> File {
    let unnamed = directory.join(".owner.new");
    let file = must("making a lock file", File::create(&unnamed));
    must("locking a scratch directory", file.try_lock());
    must("naming a lock file", fs::rename(&unnamed, directory.join(LOCK)));
    file
}

fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if lock.try_lock().is_ok() {
            // A server of the killed test may still be leaving; then the next test process removes the rest.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_test_left_is_swept_and_what_is_in_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let [left, used, unlocked] = ["left", "used", "young"].map(|name| parent.path().join(name));
        for directory in [&left, &used, &unlocked] {
            fs::create_dir(directory).unwrap();
        }
        drop(lock_new(&left));
        let _held = lock_new(&used);
        sweep(parent.path());
        assert_eq!([left.exists(), used.exists(), unlocked.exists()], [false, true, true]);
    }
}
