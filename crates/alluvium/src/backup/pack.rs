//! Writing a backup: beside its place first, under its name when it is whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::{self, Part};
use crate::failure::{Done, Exit, Failure};

/// What the name of an archive ends with.
const ARCHIVE: &str = "tar";
/// Bytes copied at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A backup being written.
#[derive(Debug)]
pub struct Pack {
    target: PathBuf,
    partial: PathBuf,
}

/// A part being written.
#[derive(Debug)]
pub struct PartWriter {
    name: String,
    file: File,
    hash: Sha256,
    bytes: u64,
}

/// Refuses a target that is there already.
pub fn refuse_existing(target: &Path) -> Done {
    let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    if target.symlink_metadata().is_ok() && !empty {
        let message = format!("`{}` is there already.", target.display());
        return Err(Failure::new(Exit::Conflict, "backup.exists", message).help(crate::errors::help("backup.exists")));
    }
    Ok(())
}

/// The same path with more at its end.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

impl Pack {
    /// Begins. What an interrupted run left beside the target is removed.
    pub fn begin(target: &Path) -> Result<Self, Failure> {
        refuse_existing(target)?;
        let partial = beside(target, ".partial");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        // For its owner only: it holds everything that the platform holds.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&partial)?;
        fs::set_permissions(&partial, Permissions::from_mode(0o700))?;
        Ok(Self { target: target.to_owned(), partial })
    }

    /// Begins a part.
    pub fn part(&self, name: &str) -> Result<PartWriter, Failure> {
        let path = self.partial.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(PartWriter { name: name.to_owned(), file, hash: Sha256::new(), bytes: 0 })
    }

    /// A part with what `source` has.
    pub fn copy(&self, name: &str, mut source: impl Read) -> Result<Part, Failure> {
        let mut part = self.part(name)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match source.read(&mut chunk)? {
                0 => return part.finish(),
                read => part.write(&chunk[..read])?,
            }
        }
    }

    /// Writes the manifest, and gives the whole its name.
    pub fn finish(self, manifest: &str) -> Done {
        let mut part = self.part(manifest::FILE)?;
        part.write(manifest.as_bytes())?;
        part.finish()?;
        if is_archive(&self.target) {
            let archive = beside(&self.target, ".new");
            self.archive(&archive)?;
            fs::rename(&archive, &self.target)?;
            fs::remove_dir_all(&self.partial)?;
        } else {
            sync_directories(&self.partial)?;
            // An empty directory is replaced, anything else refuses the rename.
            fs::rename(&self.partial, &self.target)?;
        }
        let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    /// Removes what was written.
    pub fn abandon(self) {
        // The error that led here is the one to show; the next run removes the rest.
        let _ = fs::remove_dir_all(&self.partial);
    }

    fn archive(&self, path: &Path) -> Done {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let mut archive = tar::Builder::new(std::io::BufWriter::new(file));
        archive.follow_symlinks(false);
        // The manifest first: of an archive that was cut off it is known what is missing.
        archive.append_path_with_name(self.partial.join(manifest::FILE), manifest::FILE)?;
        for entry in fs::read_dir(&self.partial)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                archive.append_dir_all(entry.file_name(), entry.path())?;
            }
        }
        let file = archive.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(())
    }
}

/// Whether a path names an archive rather than a directory.
pub fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == ARCHIVE)
}

impl PartWriter {
    /// Adds to it.
    pub fn write(&mut self, bytes: &[u8]) -> Done {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Ends it, durably.
    pub fn finish(self) -> Result<Part, Failure> {
        self.file.sync_all()?;
        Ok(Part { name: self.name, bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) })
    }
}

fn sync_directories(directory: &Path) -> Done {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_directories(&entry.path())?;
        }
    }
    Ok(File::open(directory)?.sync_all()?)
}
