//! `runtime_config.storage`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Where a pipeline keeps what it has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StorageOptions {
    /// What keeps it.
    pub backend: Backend,
    /// From which size on batches are kept there, in bytes.
    pub min_storage_bytes: Option<u64>,
    /// The same of what one step makes.
    pub min_step_storage_bytes: Option<u64>,
    /// How it is compressed.
    pub compression: Compression,
    /// How much of it is held in memory, in MiB.
    pub cache_mib: Option<u64>,
}

/// What keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "config", rename_all = "snake_case")]
pub enum Backend {
    /// Whatever the platform has.
    #[default]
    Default,
    /// Files.
    File(FileBackend),
    /// An object store.
    Object(ObjectBackend),
}

/// Files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileBackend {
    /// Whether they are written by threads of their own.
    pub async_threads: Option<bool>,
    /// A pause before each operation, in milliseconds.
    pub ioop_delay: Option<u64>,
    /// Where checkpoints are copied to.
    pub sync: Option<CheckpointSync>,
}

/// Where checkpoints are copied to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckpointSync {
    /// The bucket, perhaps with a path.
    pub bucket: String,
    /// The rest, as it came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// An object store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectBackend {
    /// Where it is.
    pub url: String,
    /// The rest, as it came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// How it is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// As the platform likes.
    #[default]
    Default,
    /// Not.
    None,
    /// With Snappy.
    Snappy,
}

impl StorageOptions {
    /// Whether checkpoints are copied to where a pipeline in standby finds them.
    pub fn is_synced(&self) -> bool {
        matches!(&self.backend, Backend::File(FileBackend { sync: Some(_), .. }))
    }

    /// Reads options, or whether there is storage at all.
    pub(super) fn read<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Self>, D::Error> {
        match Value::deserialize(input)? {
            Value::Null | Value::Bool(false) => Ok(None),
            Value::Bool(true) => Ok(Some(Self::default())),
            options => serde_json::from_value(options).map(Some).map_err(serde::de::Error::custom),
        }
    }
}
