//! A blob that somebody else writes: it is hashed while it is written, and no byte of it is copied.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::num::NonZeroU64;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::Advice;
use sha2::{Digest as _, Sha256};

use super::{Blob, BlobError, BlobId, BlobStore, CHUNK_BYTES};

/// How long a reader that has all there is waits for more, in milliseconds.
const MORE_POLL_MS: u64 = 1;
/// How much is read before the system is asked to begin writing it to disk, so that little is left when the file is synced.
const WRITE_BACK_BYTES: u64 = 8 * 1024 * 1024;

/// A file of the store that is being written. It becomes a blob, or goes.
#[derive(Debug)]
pub struct Incoming {
    store: BlobStore,
    path: PathBuf,
}

/// Tells the reader that no more comes, however the writing ended.
struct Ended(Arc<AtomicBool>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// What was read of a file.
struct Followed {
    hash: String,
    bytes: u64,
}

impl BlobStore {
    /// Where a file can be written that is to become a blob. There is none yet.
    pub fn incoming(&self) -> Incoming {
        Incoming { store: self.clone(), path: self.temporary().join(uuid::Uuid::now_v7().to_string()) }
    }
}

impl Incoming {
    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the file in once `written` is done, which writes it from its beginning to its end, no byte twice, and syncs it. It is
    /// read meanwhile. More than `max` bytes are none that are kept.
    pub async fn taken<T, E: From<BlobError>>(
        self,
        max: u64,
        written: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Blob), E> {
        let ended = Ended(Arc::default());
        let (path, flag) = (self.path.clone(), Arc::clone(&ended.0));
        let following = tokio::task::spawn_blocking(move || follow(&path, &flag));
        let written = written.await;
        drop(ended);
        let disk = |cause| BlobError::Disk { path: self.path.clone(), cause };
        let followed = following.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        // If the writer failed, that is why there was nothing to read.
        let written = written?;
        let Followed { hash, bytes } = followed.map_err(disk)?;
        if bytes > max {
            return Err(BlobError::TooLarge { max }.into());
        }
        let id = BlobId(hash);
        self.store.settle(&self.path, &id).await?;
        Ok((written, Blob { id, bytes }))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Under its own name by now, or of no use; what a writer leaves behind even so is cleared at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Reads a file to the end that it has once `ended` is set.
fn follow(path: &Path, ended: &AtomicBool) -> std::io::Result<Followed> {
    let (mut hash, mut bytes, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK_BYTES]);
    let mut begun = 0;
    let mut file: Option<File> = None;
    loop {
        // Asked before reading: what was written by then is read below.
        let last = ended.load(Ordering::Acquire);
        match &mut file {
            Some(file) => loop {
                let read = file.read(&mut chunk)?;
                if read == 0 {
                    break;
                }
                bytes += read as u64;
                hash.update(&chunk[..read]);
                if bytes - begun >= WRITE_BACK_BYTES {
                    begin_writing(file, begun..bytes);
                    begun = bytes;
                }
            },
            None => match File::open(path) {
                Ok(opened) => {
                    file = Some(opened);
                    continue;
                }
                Err(error) if last || error.kind() != ErrorKind::NotFound => return Err(error),
                Err(_) => {}
            },
        }
        if last {
            return Ok(Followed { hash: hex::encode(hash.finalize()), bytes });
        }
        std::thread::sleep(Duration::from_millis(MORE_POLL_MS));
    }
}

/// Asks the system to begin writing a part of a file to disk. It is only advice, and so is its refusal.
fn begin_writing(file: &File, part: Range<u64>) {
    // Linux begins to write what of the part is not on disk, and forgets what is.
    let _ = rustix::fs::fadvise(file, part.start, NonZeroU64::new(part.end - part.start), Advice::DontNeed);
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn left(store: &BlobStore) -> usize {
        std::fs::read_dir(store.temporary()).unwrap().count()
    }

    #[tokio::test]
    async fn what_is_written_piece_by_piece_is_hashed_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        let incoming = store.incoming();
        let path = incoming.path().to_owned();
        let writing = async move {
            let mut file = File::create(&path).unwrap();
            for piece in [&b"a"[..], b"b", b"c"] {
                file.write_all(piece).unwrap();
                tokio::task::yield_now().await;
            }
            Ok::<_, BlobError>(3)
        };
        let (written, blob) = incoming.taken(3, writing).await.unwrap();
        assert_eq!((written, blob.bytes), (3, 3));
        assert_eq!(blob, store.put(&b"abc"[..], 3).await.unwrap());
        assert_eq!(std::fs::read(store.path(&blob.id)).unwrap(), b"abc");
        assert_eq!(left(&store), 0);
    }

    #[tokio::test]
    async fn a_writer_that_fails_or_writes_too_much_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).await.unwrap();
        let incoming = store.incoming();
        let path = incoming.path().to_owned();
        let failing = async move {
            std::fs::write(&path, "half").unwrap();
            Err::<(), _>(BlobError::Source(std::io::Error::other("cut")))
        };
        assert!(matches!(incoming.taken(9, failing).await, Err(BlobError::Source(_))));
        let incoming = store.incoming();
        let path = incoming.path().to_owned();
        let long = async move { std::fs::write(&path, "abcd").map_err(BlobError::Source) };
        assert!(matches!(incoming.taken(3, long).await, Err(BlobError::TooLarge { max: 3 })));
        let nothing = store.incoming().taken(3, async { Ok::<_, BlobError>(()) }).await;
        assert!(matches!(nothing, Err(BlobError::Disk { .. })));
        assert_eq!(left(&store), 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
