//! Blobs on local disk, named by the hash of their content. They are part of the log: stored before the event that names
//! them, and never changed.

mod incoming;
mod shelves;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use alluvium_kernel::Problem;
use sha2::{Digest, Sha256};
use tokio::{
    fs,
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
};

pub use incoming::Incoming;
pub use shelves::{Stored, keep_all};

/// Bytes read from a source at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Length of a blob's name in hex digits.
const NAME_DIGITS: usize = 64;

/// The hash that names a blob: 64 lower-case hex digits, checked, so that no other text reaches a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobId(String);

impl BlobId {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BlobId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == NAME_DIGITS && text.bytes().all(hex) {
            Ok(Self(text))
        } else {
            Err("a blob is named by 64 lower-case hex digits".to_owned())
        }
    }
}

impl From<BlobId> for String {
    fn from(id: BlobId) -> Self {
        id.0
    }
}

impl std::fmt::Display for BlobId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// A stored blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub id: BlobId,
    /// Its size.
    pub bytes: u64,
}

/// Further digests of content while it is stored, for surfaces that promise them. Nothing is named by them.
pub trait Digests: Send {
    /// The next piece of the content.
    fn update(&mut self, piece: &[u8]);
}

/// None.
impl Digests for () {
    fn update(&mut self, _: &[u8]) {}
}

/// Why a blob was not stored.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// More came than is allowed.
    #[error("the content is larger than the {max} bytes allowed")]
    TooLarge {
        /// The limit, in bytes.
        max: u64,
    },
    /// The sender broke off.
    #[error("the content could not be read to its end")]
    Source(#[source] std::io::Error),
    /// The disk refused.
    #[error("the content could not be stored at {path}")]
    Disk {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match &error {
            BlobError::TooLarge { .. } => {
                Problem::new("command.too_large", 413, format!("Nothing was stored: {error}."))
            }
            BlobError::Source(_) => {
                Problem::new("command.malformed", 400, "The upload broke off before its end; nothing was stored.")
            }
            BlobError::Disk { cause, path } if is_full(cause) => {
                tracing::error!(path = %path.display(), error = %cause, "no room for a blob");
                Problem::new("platform.storage_full", 507, "There is no room left on the disk; nothing was stored.")
            }
            BlobError::Disk { cause, path } => {
                tracing::error!(path = %path.display(), error = %cause, "a blob could not be stored");
                Problem::internal()
            }
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// The blobs under one directory: `<root>/<2 hex>/<64 hex>`.
#[derive(Clone, Debug)]
pub struct BlobStore {
    root: PathBuf,
    /// Shelves that are known to survive a power cut themselves.
    synced: Arc<Mutex<HashSet<PathBuf>>>,
}

impl BlobStore {
    /// Opens the store, making its directory and clearing what an earlier process left half written.
    pub async fn open(root: impl Into<PathBuf>) -> Result<Self, BlobError> {
        let store = Self { root: root.into(), synced: Arc::default() };
        let temporary = store.temporary();
        let disk = |cause| BlobError::Disk { path: temporary.clone(), cause };
        match fs::remove_dir_all(&temporary).await {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(disk(cause)),
            _ => {}
        }
        fs::create_dir_all(&temporary).await.map_err(disk)?;
        store.put_back_all().await?;
        Ok(store)
    }

    /// Where a blob is, or would be.
    pub fn path(&self, id: &BlobId) -> PathBuf {
        self.root.join(&id.0[..2]).join(&id.0)
    }

    /// Whether a blob is there, whole.
    pub async fn exists(&self, id: &BlobId) -> bool {
        fs::try_exists(self.path(id)).await.unwrap_or(false)
    }

    /// Stores what `source` gives, up to `max` bytes. Once this returns, the blob survives a power cut.
    pub async fn put(&self, source: impl AsyncRead + Unpin, max: u64) -> Result<Blob, BlobError> {
        self.put_with(source, max, &mut ()).await
    }

    /// The same, digested further on the way.
    pub async fn put_with(
        &self,
        source: impl AsyncRead + Unpin,
        max: u64,
        digests: &mut impl Digests,
    ) -> Result<Blob, BlobError> {
        let temporary = self.temporary().join(uuid::Uuid::now_v7().to_string());
        let result = self.store(source, max, &temporary, digests).await;
        if result.is_err() {
            // The error that matters is the first; what remains is cleared at the next start.
            let _ = fs::remove_file(&temporary).await;
        }
        result
    }

    async fn store(
        &self,
        mut source: impl AsyncRead + Unpin,
        max: u64,
        temporary: &Path,
        digests: &mut impl Digests,
    ) -> Result<Blob, BlobError> {
        let disk = |cause| BlobError::Disk { path: temporary.to_owned(), cause };
        let mut file = fs::File::create_new(temporary).await.map_err(disk)?;
        let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK_BYTES]);
        loop {
            let read = source.read(&mut chunk).await.map_err(BlobError::Source)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            if bytes > max {
                return Err(BlobError::TooLarge { max });
            }
            hash.update(&chunk[..read]);
            digests.update(&chunk[..read]);
            file.write_all(&chunk[..read]).await.map_err(disk)?;
        }
        file.flush().await.map_err(disk)?;
        file.sync_all().await.map_err(disk)?;
        let id = BlobId(hex::encode(hash.finalize()));
        self.settle(temporary, &id).await?;
        Ok(Blob { id, bytes })
    }

    /// Gives the whole file its name, durably.
    async fn settle(&self, temporary: &Path, id: &BlobId) -> Result<(), BlobError> {
        let path = self.path(id);
        let shelf = self.root.join(&id.0[..2]);
        let disk = |cause| BlobError::Disk { path: path.clone(), cause };
        fs::create_dir_all(&shelf).await.map_err(disk)?;
        fs::rename(temporary, &path).await.map_err(disk)?;
        let sync = async |directory: &Path| fs::File::open(directory).await?.sync_all().await;
        sync(&shelf).await.map_err(disk)?;
        if !self.synced.lock().unwrap_or_else(PoisonError::into_inner).contains(&shelf) {
            sync(&self.root).await.map_err(disk)?;
            self.synced.lock().unwrap_or_else(PoisonError::into_inner).insert(shelf);
        }
        Ok(())
    }

    fn temporary(&self) -> PathBuf {
        self.root.join("incoming")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn content_is_found_by_its_hash_and_stored_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        let blob = store.put(&b"abc"[..], 3).await.unwrap();
        assert_eq!(blob.id.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(blob.bytes, 3);
        assert_eq!(std::fs::read(store.path(&blob.id)).unwrap(), b"abc");
        assert_eq!(store.put(&b"abc"[..], 3).await.unwrap(), blob);
        assert!(store.exists(&blob.id).await);
    }

    #[tokio::test]
    async fn too_much_or_broken_content_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        assert!(matches!(store.put(&b"abcd"[..], 3).await, Err(BlobError::TooLarge { max: 3 })));
        let broken = tokio_util::io::StreamReader::new(futures::stream::iter([
            Ok(bytes::Bytes::from_static(b"ab")),
            Err(std::io::Error::other("cut")),
        ]));
        assert!(matches!(store.put(broken, 9).await, Err(BlobError::Source(_))));
        assert_eq!(std::fs::read_dir(store.temporary()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_hashes_become_paths() {
        for name in ["", "../../etc/passwd", &"A".repeat(64), &"a".repeat(63)] {
            assert!(BlobId::try_from(name.to_owned()).is_err(), "{name}");
        }
    }
}
