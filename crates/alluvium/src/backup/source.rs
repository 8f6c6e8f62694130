//! Reading a backup: a directory, or one tar file, alike.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::{self, Manifest, Part};
use super::{damaged, pack};
use crate::failure::{Exit, Failure};

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A part's bytes.
type Content = Box<dyn Read + Send>;

/// Where the parts are.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    /// Offset and size of each file, when it is an archive.
    index: Option<HashMap<String, (u64, u64)>>,
}

impl Source {
    /// Opens a backup and reads its manifest.
    pub fn open(path: &Path) -> Result<(Self, Manifest), Failure> {
        let index = if pack::is_archive(path) && path.is_file() { Some(indexed(path)?) } else { None };
        let source = Self { path: path.to_owned(), index };
        let Some((file, bytes)) = source.part(manifest::FILE)? else {
            let message = format!("There is no whole backup at `{}`: it has no manifest.", path.display());
            return Err(
                Failure::new(Exit::NotFound, "backup.not_found", message).help(crate::errors::help("backup.not_found"))
            );
        };
        if bytes > manifest::BYTES_MAX {
            return Err(damaged(format!("The manifest takes {bytes} bytes, the limit is {}.", manifest::BYTES_MAX)));
        }
        let mut text = Vec::new();
        file.take(manifest::BYTES_MAX).read_to_end(&mut text)?;
        let manifest = Manifest::read(&text)?;
        Ok((source, manifest))
    }

    /// A part's content and size; `None` when it is not there.
    pub fn part(&self, name: &str) -> Result<Option<(Content, u64)>, Failure> {
        let Some(index) = &self.index else {
            let file = match File::open(self.path.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                file => file?,
            };
            let bytes = file.metadata()?.len();
            return Ok(Some((Box::new(file), bytes)));
        };
        let Some(&(offset, bytes)) = index.get(name) else { return Ok(None) };
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Some((Box::new(file.take(bytes)), bytes)))
    }

    /// A part that must be there.
    pub fn require(&self, name: &str) -> Result<Content, Failure> {
        self.part(name)?.map(|(file, _)| file).ok_or_else(|| damaged(format!("The part `{name}` is missing.")))
    }

    /// Reads a part to its end; what is wrong with it, if anything. `read` is told how many bytes were read.
    pub fn wrong(&self, part: &Part, mut read: impl FnMut(u64)) -> Result<Option<String>, Failure> {
        let Some((mut file, bytes)) = self.part(&part.name)? else { return Ok(Some("it is missing".to_owned())) };
        if bytes != part.bytes {
            return Ok(Some(format!("it takes {bytes} bytes, not {}", part.bytes)));
        }
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK_BYTES]);
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                some => {
                    hash.update(&chunk[..some]);
                    read(some as u64);
                }
            }
        }
        let same = hex::encode(hash.finalize()) == part.sha256;
        Ok((!same).then(|| "its content was changed".to_owned()))
    }
}

fn indexed(path: &Path) -> Result<HashMap<String, (u64, u64)>, Failure> {
    let unreadable = |error: std::io::Error| damaged("The archive cannot be read.").because(&error);
    let mut archive = tar::Archive::new(BufReader::new(File::open(path)?));
    let mut index = HashMap::new();
    for entry in archive.entries_with_seek().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.path().map_err(unreadable)?.to_string_lossy().into_owned();
        index.insert(name, (entry.raw_file_position(), entry.size()));
    }
    Ok(index)
}
