//! The name of this process among all that share a log.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use uuid::Uuid;

/// The file in the data directory that keeps the name and is locked while a process has it.
const FILE: &str = "node";

/// A name that no other living process has.
#[derive(Debug)]
pub struct Identity {
    name: String,
    _lock: Option<File>,
}

impl Identity {
    /// The name that the data directory keeps. So a process that follows a killed one on the same directory holds the leases
    /// of the killed one at once, instead of waiting until they run out. Beside a living process on the same directory it is
    /// a new name.
    pub fn of(data_dir: &Path) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(data_dir.join(FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { name: kept(&mut file)?, _lock: Some(file) }),
            Err(TryLockError::WouldBlock) => Ok(Self { name: Uuid::new_v4().to_string(), _lock: None }),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the data directory cannot be locked; after a crash, commands wait for the lease");
                Ok(Self { name: Uuid::new_v4().to_string(), _lock: None })
            }
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The name in the file; a new one when there is none, or only a part of one.
fn kept(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if let Ok(id) = Uuid::try_parse_ascii(&bytes) {
        return Ok(id.to_string());
    }
    let name = Uuid::new_v4().to_string();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(name.as_bytes())?;
    file.sync_all()?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_for_the_next_and_never_shared() {
        let directory = tempfile::tempdir().unwrap();
        let first = Identity::of(directory.path()).unwrap();
        let beside = Identity::of(directory.path()).unwrap();
        assert_ne!(first.name(), beside.name());
        let name = first.name().to_owned();
        drop(first);
        assert_eq!(Identity::of(directory.path()).unwrap().name(), name);
        std::fs::write(directory.path().join(FILE), &name[..9]).unwrap();
        assert_ne!(Identity::of(directory.path()).unwrap().name(), name, "half a name is none");
    }
}
