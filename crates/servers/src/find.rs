//! Looks for a program of at least a given version, and remembers why each one found would not do.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, Result};

/// A program's version; parts that are not printed count as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

impl Version {
    /// The version `major.minor.0`.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor, patch: 0 }
    }

    /// Takes the first word with a digit in front (after an optional `v`) from what `--version` printed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let word = text
            .split_whitespace()
            .map(|word| word.trim_start_matches('v'))
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut parts = word.split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
            digits.parse().unwrap_or(0)
        });
        let mut next = || parts.next().unwrap_or(0);
        Some(Self { major: next(), minor: next(), patch: next() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 { write!(f, ".{}", self.patch) } else { Ok(()) }
    }
}

/// A program that was found and would not do.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// Where it is.
    pub path: PathBuf,
    /// Its version, when it printed one.
    pub version: Option<Version>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Some(version) => write!(f, "the one at {} is {version}, too old", self.path.display()),
            None => write!(f, "{} does not run or tells no version", self.path.display()),
        }
    }
}

/// A program that will do.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub path: PathBuf,
    pub version: Version,
}

/// Takes the first of `candidates` that runs and is new enough.
pub(crate) fn first_usable(
    server: &'static str,
    variable: &'static str,
    minimum: Version,
    candidates: impl IntoIterator<Item = PathBuf>,
) -> Result<Found> {
    let mut looked: Vec<Rejected> = Vec::new();
    for path in candidates {
        if !path.is_file() || looked.iter().any(|rejected| rejected.path == path) {
            continue;
        }
        match version_of(&path) {
            Some(version) if version >= minimum => return Ok(Found { path, version }),
            version => looked.push(Rejected { path, version }),
        }
    }
    Err(Error::NotFound { server, minimum, variable, looked })
}

/// Every directory on `PATH`, each with `program` appended.
pub(crate) fn on_path(program: &str) -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).map(|dir| dir.join(program)).collect()).unwrap_or_default()
}

fn version_of(program: &Path) -> Option<Version> {
    let output = Command::new(program).arg("--version").output().ok()?;
    Version::parse(&String::from_utf8_lossy(&output.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_print() {
        let parse = |text| Version::parse(text).unwrap().to_string();
        assert_eq!(parse("nats-server: v2.15.1\n"), "2.15.1");
        assert_eq!(parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), "15.18");
        assert_eq!(parse("postgres (PostgreSQL) 18beta1"), "18.0");
        assert_eq!(parse("nats-server: v2.12.0-RC.1"), "2.12");
        assert!(Version::parse("command not found").is_none());
    }

    #[test]
    fn an_old_program_is_named_with_its_version() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("nats-server");
        std::fs::write(&old, "#!/bin/sh\necho nats-server: v2.9.10\n").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
        let error =
            first_usable("nats-server", "ALLUVIUM_NATS_SERVER", Version::new(2, 12), [old.clone()]).unwrap_err();
        assert_eq!(error.code(), "servers.not_found");
        let said = error.to_string();
        assert!(said.contains(&format!("the one at {} is 2.9.10, too old", old.display())), "{said}");
        assert!(said.contains("no nats-server 2.12 or newer"), "{said}");
    }
}
