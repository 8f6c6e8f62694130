//! What is on the shelves: listing blobs, taking them away, and keeping others from doing so.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::fs;

use super::{Blob, BlobError, BlobId, BlobStore};

/// Holds blobs that are about to be removed.
const ASIDE: &str = "swept";
/// Locked by those who remove blobs, and, shared, by those who need them to stay.
const LOCK: &str = "sweep.lock";

/// A blob on its shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Which.
    pub blob: Blob,
    /// When it was last stored.
    pub modified: SystemTime,
}

/// Keeps blobs under `root` from being swept for as long as the answer lives. Waits for a sweep that runs; blocks.
pub fn keep_all(root: &Path) -> io::Result<File> {
    let lock = open_lock(root)?;
    lock.lock_shared()?;
    Ok(lock)
}

fn open_lock(root: &Path) -> io::Result<File> {
    std::fs::create_dir_all(root)?;
    File::options().create(true).truncate(false).read(true).write(true).open(root.join(LOCK))
}

impl BlobStore {
    /// The right to remove blobs, for as long as the answer lives; `None` while somebody needs all of them.
    pub fn alone(&self) -> Result<Option<File>, BlobError> {
        let disk = |cause| BlobError::Disk { path: self.root.join(LOCK), cause };
        let lock = open_lock(&self.root).map_err(disk)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(cause)) => Err(disk(cause)),
        }
    }

    /// Every blob, by name.
    pub async fn list(&self) -> Result<Vec<Stored>, BlobError> {
        let root = self.root.clone();
        let listing = tokio::task::spawn_blocking(move || listed(&root).map_err(|cause| (root, cause)));
        let unfinished =
            |_| BlobError::Disk { path: self.root.clone(), cause: io::Error::other("listing was cut off") };
        listing.await.map_err(unfinished)?.map_err(|(path, cause)| BlobError::Disk { path, cause })
    }

    /// Takes a blob off its shelf; it can be put back.
    pub async fn set_aside(&self, id: &BlobId) -> Result<(), BlobError> {
        let disk = |cause| BlobError::Disk { path: self.path(id), cause };
        fs::create_dir_all(self.root.join(ASIDE)).await.map_err(disk)?;
        gone_is_fine(fs::rename(self.path(id), self.aside(id)).await).map_err(disk)
    }

    /// Removes a blob that was set aside.
    pub async fn discard(&self, id: &BlobId) -> Result<(), BlobError> {
        let path = self.aside(id);
        gone_is_fine(fs::remove_file(&path).await).map_err(|cause| BlobError::Disk { path, cause })
    }

    /// Puts back everything that was set aside and not removed.
    pub async fn put_back_all(&self) -> Result<(), BlobError> {
        let aside = self.root.join(ASIDE);
        let disk = |cause| BlobError::Disk { path: aside.clone(), cause };
        let mut entries = match fs::read_dir(&aside).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(disk)?,
        };
        while let Some(entry) = entries.next_entry().await.map_err(disk)? {
            let Ok(id) = BlobId::try_from(entry.file_name().to_string_lossy().into_owned()) else { continue };
            gone_is_fine(fs::rename(entry.path(), self.path(&id)).await).map_err(disk)?;
        }
        Ok(())
    }

    /// Whether a blob is there with the content that its name says. Reads all of it.
    pub async fn is_whole(&self, id: &BlobId) -> bool {
        let (path, id) = (self.path(id), id.clone());
        let read = tokio::task::spawn_blocking(move || hash(&path).is_ok_and(|found| found == id.as_str()));
        read.await.unwrap_or(false)
    }

    fn aside(&self, id: &BlobId) -> PathBuf {
        self.root.join(ASIDE).join(id.as_str())
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn hash(path: &Path) -> io::Result<String> {
    use sha2::{Digest as _, Sha256};
    let (mut hash, mut file, mut chunk) = (Sha256::new(), File::open(path)?, vec![0; super::CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
    }
    Ok(hex::encode(hash.finalize()))
}

fn listed(root: &Path) -> io::Result<Vec<Stored>> {
    let mut found = Vec::new();
    for shelf in std::fs::read_dir(root)? {
        let shelf = shelf?;
        // A shelf is named by the first two digits of what is on it.
        if shelf.file_name().len() != 2 || !shelf.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shelf.path())? {
            let file = file?;
            let Ok(id) = BlobId::try_from(file.file_name().to_string_lossy().into_owned()) else { continue };
            let about = file.metadata()?;
            found.push(Stored { blob: Blob { id, bytes: about.len() }, modified: about.modified()? });
        }
    }
    found.sort_by(|a, b| a.blob.id.cmp(&b.blob.id));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_set_aside_comes_back_unless_it_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        let (a, b) = (store.put(&b"a"[..], 9).await.unwrap(), store.put(&b"b"[..], 9).await.unwrap());
        assert_eq!(store.list().await.unwrap().len(), 2);
        assert!(store.is_whole(&a.id).await);
        for blob in [&a, &b] {
            store.set_aside(&blob.id).await.unwrap();
        }
        assert!(!store.exists(&a.id).await && store.list().await.unwrap().is_empty());
        store.discard(&a.id).await.unwrap();
        store.discard(&a.id).await.unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        assert!(!store.exists(&a.id).await && store.is_whole(&b.id).await, "a start puts back what a crash left");
        std::fs::write(store.path(&b.id), "x").unwrap();
        assert!(!store.is_whole(&b.id).await);
    }

    #[tokio::test]
    async fn nobody_removes_blobs_while_somebody_needs_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        let kept = keep_all(dir.path()).unwrap();
        assert!(store.alone().unwrap().is_none());
        drop(kept);
        let alone = store.alone().unwrap();
        assert!(alone.is_some() && store.alone().unwrap().is_none());
    }
}
