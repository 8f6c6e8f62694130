//! The floor: a saved point of the fold. Below it all is applied or irrelevant; a start reads on from there.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use alluvium_messaging::LogMessage;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::routing::Routing;

/// Shape of the file; one of another shape is ignored and the stream read from its beginning.
const FORMAT: u32 = 1;

/// Where a fold can begin again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    format: u32,
    /// Last sequence below which nothing is needed any more.
    pub seq: u64,
    /// Lineage hash of the message at `seq`; empty at 0.
    pub hash: String,
    /// When the stream was created, microseconds since 1970.
    pub stream_created_micros: i64,
    /// The names as they were at `seq`.
    pub routing: Routing,
    /// Rows and bytes by table uid, so that lists need not open files.
    pub sizes: HashMap<String, (u64, u64)>,
    /// Other processes kept tables too: not all files are here.
    #[serde(default)]
    pub shared: bool,
    /// Missing messages that were accepted when these files were made.
    #[serde(default)]
    pub lost: u64,
}

impl Floor {
    /// A point that can be saved, still without the sizes of tables.
    pub fn new(seq: u64, hash: String, stream_created_micros: i64, routing: Routing) -> Self {
        let sizes = HashMap::new();
        Self { format: FORMAT, seq, hash, stream_created_micros, routing, sizes, shared: false, lost: 0 }
    }

    /// Before the first message of a stream.
    pub fn start(stream_created_micros: i64) -> Self {
        Self::new(0, String::new(), stream_created_micros, Routing::default())
    }

    /// Reads a generation's floor. `None` when there is none to go by: the fold then starts at the beginning and skips what
    /// the files already hold.
    pub fn load(directory: &Path) -> io::Result<Option<Self>> {
        match fs::read(path(directory)) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok().filter(|floor: &Self| floor.format == FORMAT)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it so that a crash leaves the old or the new one.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let temporary = directory.join("_floor.json.new");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path(directory))?;
        fs::File::open(directory)?.sync_all()
    }
}

/// What a watermark remembers of a message: the chain value of a commit, the payload's hash of rows.
///
/// The hash is made when somebody asks, because of most messages nobody does.
#[derive(Clone, Debug)]
pub enum Lineage {
    /// The value itself.
    Known(String),
    /// The payload that it is the hash of.
    Payload(Bytes),
}

impl Lineage {
    /// Of a message.
    pub fn of(message: &LogMessage) -> Self {
        match message.header(alluvium_kernel::header::CHAIN) {
            Some(chain) => Self::Known(chain.to_owned()),
            None => Self::Payload(message.payload.clone()),
        }
    }

    /// The value, as text.
    pub fn hash(&self) -> String {
        match self {
            Self::Known(value) => value.clone(),
            Self::Payload(payload) => hex::encode(Sha256::digest(payload)),
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join("_floor.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_comes_back_and_strange_files_do_not() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Floor::load(directory.path()).unwrap(), None);
        let sizes = HashMap::from([("t".into(), (1, 2))]);
        let floor = Floor { sizes, ..Floor::new(7, "h".into(), 5, Routing::default()) };
        floor.save(directory.path()).unwrap();
        assert_eq!(Floor::load(directory.path()).unwrap(), Some(floor));
        fs::write(path(directory.path()), "{\"format\":0}").unwrap();
        assert_eq!(Floor::load(directory.path()).unwrap(), None);
    }
}
