//! A whole body with its hash, before anything is done with it: small ones in memory, large ones in a file that has no name.

use std::io::{self, SeekFrom};
use std::path::Path;

use alluvium_kernel::Problem;
use axum::body::{Body, Bytes};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use crate::extract::{classify, too_large};

/// How much of a body is held in memory, in bytes.
const MEMORY_BYTES_MAX: usize = 1024 * 1024;

/// A body that arrived whole.
pub(super) struct Spooled {
    /// SHA-256 in hex.
    pub hash: String,
    content: Content,
}

enum Content {
    Memory(Bytes),
    Disk(File),
}

impl Spooled {
    /// Reads a body of at most `limit` bytes, into a file of `directory` when it is large.
    pub async fn read(body: Body, limit: usize, directory: &Path) -> Result<Self, Problem> {
        let (mut hash, mut bytes, mut memory, mut disk) = (Sha256::new(), 0, Vec::new(), None);
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| classify(&error))?;
            bytes += chunk.len();
            if bytes > limit {
                return Err(too_large());
            }
            hash.update(&chunk);
            if disk.is_none() && memory.len() + chunk.len() <= MEMORY_BYTES_MAX {
                memory.extend_from_slice(&chunk);
                continue;
            }
            if disk.is_none() {
                let mut file = nameless(directory).await.map_err(|error| refused(&error))?;
                file.write_all(&std::mem::take(&mut memory)).await.map_err(|error| refused(&error))?;
                disk = Some(file);
            }
            if let Some(file) = &mut disk {
                file.write_all(&chunk).await.map_err(|error| refused(&error))?;
            }
        }
        let content = match disk {
            None => Content::Memory(memory.into()),
            Some(mut file) => {
                file.flush().await.map_err(|error| refused(&error))?;
                file.seek(SeekFrom::Start(0)).await.map_err(|error| refused(&error))?;
                Content::Disk(file)
            }
        };
        Ok(Self { hash: hex::encode(hash.finalize()), content })
    }

    /// The body again.
    pub fn into_body(self) -> Body {
        match self.content {
            Content::Memory(bytes) => Body::from(bytes),
            Content::Disk(file) => Body::from_stream(ReaderStream::new(file)),
        }
    }
}

/// A file that is gone when it is closed, however the process ends.
async fn nameless(directory: &Path) -> io::Result<File> {
    let directory = directory.to_owned();
    let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory)).await;
    made.map_err(io::Error::other)?.map(File::from_std)
}

fn refused(error: &io::Error) -> Problem {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Problem::new("platform.storage_full", 507, "There is no room left on the disk; nothing was done.");
    }
    tracing::error!(%error, "a body cannot be written down");
    Problem::internal()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn bodies_come_back_whole_wherever_they_were() {
        let directory = tempfile::tempdir().unwrap();
        for size in [0, 10, MEMORY_BYTES_MAX, MEMORY_BYTES_MAX + 1, 3 * MEMORY_BYTES_MAX] {
            let content = vec![7_u8; size];
            let chunks: Vec<io::Result<Vec<u8>>> = content.chunks(600_000).map(|chunk| Ok(chunk.to_vec())).collect();
            let body = Body::from_stream(futures::stream::iter(chunks));
            let spooled = Spooled::read(body, 3 * MEMORY_BYTES_MAX, directory.path()).await.unwrap();
            assert_eq!(matches!(spooled.content, Content::Disk(_)), size > MEMORY_BYTES_MAX, "{size}");
            assert_eq!(spooled.hash, hex::encode(Sha256::digest(&content)));
            assert_eq!(to_bytes(spooled.into_body(), usize::MAX).await.unwrap(), content);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let too_much = Spooled::read(Body::from(vec![0; 11]), 10, directory.path()).await;
        assert_eq!(too_much.map(|_| ()).unwrap_err().status, 413);
    }
}
