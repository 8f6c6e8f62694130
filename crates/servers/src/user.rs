//! Whom to run Postgres as, when we are root.

use std::path::Path;

use nix::unistd::{Uid, User};

use crate::{Error, Result};

/// Users that root drops to, the best first.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// A user that a program is run as instead of root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunAs {
    pub uid: u32,
    pub gid: u32,
}

impl RunAs {
    /// Nobody else when this process is not root, else a user of this machine that is not root.
    pub fn when_root() -> Result<Option<Self>> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let known = USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
        match known {
            Some(user) => Ok(Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })),
            None => Err(Error::Root { missing: "this machine has neither a user postgres nor a user nobody" }),
        }
    }

    /// Gives one file or directory to the user.
    pub fn own(self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .map_err(|source| Error::io(format!("giving {} to another user", path.display()), source))
    }
}
