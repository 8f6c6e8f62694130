//! What connectors may use of the place where they run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// What a server gives to the connectors of one pipeline. The default gives nothing.
#[derive(Clone, Default)]
pub struct Context {
    /// The pipeline, as it stands in ids of messages: a UUID.
    pub pipeline: String,
    /// What `${env:NAME}` stands for.
    pub environment: BTreeMap<String, String>,
    /// Directories whose files `${secret:file:…}` may name.
    pub secret_directories: Vec<PathBuf>,
    /// Where secrets of Kubernetes are mounted: a directory for each, in it a file for each key.
    pub kubernetes_secrets: Option<PathBuf>,
    /// Directories whose files connectors may read and write.
    pub file_directories: Vec<PathBuf>,
}

/// Why a path is refused where no directory is allowed at all.
const NONE_ALLOWED: &str = "no directory is allowed to connectors on this server";
/// Why a path outside of what is allowed is refused.
const OUTSIDE: &str = "it is in no directory that is allowed to connectors on this server";

impl Context {
    /// Where a file to read really is: a plain file below an allowed directory, links followed.
    ///
    /// # Errors
    ///
    /// The path is not allowed, or there is no such file; outside of what is allowed both look alike.
    pub(crate) fn readable(&self, connector: &str, path: &str) -> Result<PathBuf, Error> {
        let refused = |reason: &str| Error::Path {
            connector: connector.to_owned(),
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        below(&self.file_directories, Path::new(local(path)))
            .and_then(|real| if real.is_file() { Ok(real) } else { Err("it is no plain file") })
            .map_err(refused)
    }

    /// Where a file to write will be: in a directory that is there, below an allowed one; not a link.
    pub(crate) fn writable(&self, connector: &str, path: &str) -> Result<PathBuf, Error> {
        let refused = |reason: &str| Error::Path {
            connector: connector.to_owned(),
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let wanted = Path::new(local(path));
        let (Some(parent), Some(name)) = (wanted.parent(), wanted.file_name()) else {
            return Err(refused("it names no file"));
        };
        let real = below(&self.file_directories, parent).map_err(refused)?.join(name);
        match std::fs::symlink_metadata(&real) {
            Ok(found) if !found.is_file() => Err(refused("it is there and no plain file")),
            _ => Ok(real),
        }
    }
}

/// The path in a `file://` URL, or the path itself.
fn local(path: &str) -> &str {
    path.strip_prefix("file://").unwrap_or(path)
}

/// The real place of a path, if it is below one of the directories.
pub(crate) fn below(directories: &[PathBuf], path: &Path) -> Result<PathBuf, &'static str> {
    if directories.is_empty() {
        return Err(NONE_ALLOWED);
    }
    if !path.is_absolute() {
        return Err("the path is not absolute");
    }
    let allowed = |at: &Path| directories.iter().any(|each| each.canonicalize().is_ok_and(|each| at.starts_with(each)));
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    match path.canonicalize() {
        Ok(real) if allowed(&real) => Ok(real),
        // What is outside stays unknown: whether it is there, too. What is inside may be named as missing.
        Err(_) if parent.is_some_and(|at| allowed(&at)) => Err("there is no such file"),
        Ok(_) | Err(_) => Err(OUTSIDE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_allowed_directories_are_reached() {
        let home = tempfile::tempdir().unwrap();
        let allowed = home.path().join("allowed");
        std::fs::create_dir_all(allowed.join("deep")).unwrap();
        std::fs::write(allowed.join("deep/a"), "a").unwrap();
        std::fs::write(home.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(home.path().join("secret"), allowed.join("link")).unwrap();
        std::os::unix::fs::symlink(home.path(), allowed.join("up")).unwrap();
        let context = Context { file_directories: vec![allowed.clone()], ..Context::default() };
        let at = |path: &str| format!("{}/{path}", allowed.display());
        assert!(context.readable("c", &at("deep/a")).unwrap().ends_with("deep/a"));
        assert!(context.readable("c", &format!("file://{}", at("deep/a"))).is_ok());
        for (path, reason) in [
            (at("link"), OUTSIDE),
            (at("up/secret"), OUTSIDE),
            (at("../secret"), OUTSIDE),
            (at("../nothing/at/all"), OUTSIDE),
            ("/etc/passwd".to_owned(), OUTSIDE),
            ("deep/a".to_owned(), "the path is not absolute"),
            (at("deep"), "it is no plain file"),
            (at("missing"), "there is no such file"),
        ] {
            let error = context.readable("c", &path).unwrap_err();
            assert_eq!(
                error,
                Error::Path { connector: "c".into(), path: path.clone(), reason: reason.into() },
                "{path}"
            );
            assert_eq!(error.code(), "ConnectorPathNotAllowed");
        }
        assert!(context.writable("c", &at("deep/new")).is_ok());
        assert!(context.writable("c", &at("deep/a")).is_ok());
        for path in [at("link"), at("up/new"), at("none/new"), "/".to_owned(), "new".to_owned()] {
            assert!(context.writable("c", &path).is_err(), "{path}");
        }
        let nothing = Context::default().readable("c", &at("deep/a")).unwrap_err().to_string();
        assert!(nothing.contains(NONE_ALLOWED), "{nothing}");
    }
}
