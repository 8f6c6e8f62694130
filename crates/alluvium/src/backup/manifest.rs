//! What a backup says of itself.

use std::collections::HashSet;
use std::path::{Component, Path};

use alluvium_eventlog::check::Summary;
use alluvium_messaging::snapshot::StreamState;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::damaged;
use crate::failure::{Exit, Failure};

/// Name of the manifest.
pub const FILE: &str = "manifest.json";
/// The largest manifest that is read, in bytes: that of a few million blobs.
pub const BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The format that this binary writes and reads.
const FORMAT: u32 = 1;

/// Everything a backup holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The backup's format.
    pub format: u32,
    /// The version of Alluvium that made it.
    pub alluvium: String,
    /// The version of the nats-server it is from; an older one may not be able to read it.
    pub nats_server: String,
    /// When it was begun, RFC 3339: everything acknowledged before is in it.
    pub begun: String,
    /// When it was finished, RFC 3339.
    pub created: String,
    /// A fingerprint of the key that signs messages and peppers the digests of API keys.
    pub signing_key: String,
    /// The streams, in the order in which they were taken.
    pub streams: Vec<Stream>,
    /// How many blobs.
    pub blobs: u64,
    /// All files of the backup but this one.
    pub parts: Vec<Part>,
    /// SHA-256 over the manifest with this field empty.
    pub sha256: String,
}

/// A stream of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// The part with its snapshot.
    pub part: String,
    /// When the stream was made, in microseconds since 1970.
    pub created_micros: i64,
    /// What the snapshot holds.
    pub holds: StreamState,
    /// Its configuration, as the server wrote it.
    pub config: Value,
    /// Its state, as the server wrote it.
    pub state: Value,
    /// What a reading of the stream came to; of streams whose messages are not taken away.
    pub read: Option<Summary>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path in the backup.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Hex SHA-256 of its content.
    pub sha256: String,
}

impl Manifest {
    /// One of this binary's format, still without parts.
    pub fn begin(nats_server: String, begun: String, signing_key: String) -> Self {
        Self {
            format: FORMAT,
            alluvium: env!("CARGO_PKG_VERSION").to_owned(),
            nats_server,
            begun,
            created: String::new(),
            signing_key,
            streams: Vec::new(),
            blobs: 0,
            parts: Vec::new(),
            sha256: String::new(),
        }
    }

    /// The file's text, with its checksum.
    pub fn seal(mut self, created: String) -> Result<(Self, String), Failure> {
        self.created = created;
        self.sha256 = self.checksum()?;
        let text = serde_json::to_string_pretty(&self).map_err(Failure::bug)?;
        Ok((self, text))
    }

    /// Reads the file's text.
    pub fn read(text: &[u8]) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| damaged("The manifest cannot be read.").because(&error);
        let Version { format } = serde_json::from_slice(text).map_err(unreadable)?;
        if format != FORMAT {
            let message = format!("The backup has format {format}, this binary reads {FORMAT}.");
            return Err(Failure::new(Exit::Rejected, "backup.other_format", message)
                .help(crate::errors::help("backup.other_format")));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(unreadable)?;
        if manifest.checksum()? != manifest.sha256 {
            return Err(damaged("The manifest was changed: it does not have its own checksum."));
        }
        if let Some(part) = manifest.parts.iter().find(|part| !is_inside(&part.name)) {
            return Err(damaged(format!("The manifest names a part outside of the backup: `{}`.", part.name)));
        }
        Ok(manifest)
    }

    /// The names of all parts.
    pub fn names(&self) -> HashSet<&str> {
        self.parts.iter().map(|part| part.name.as_str()).collect()
    }

    /// A part by its name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    fn checksum(&self) -> Result<String, Failure> {
        let bare = Self { sha256: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).map_err(Failure::bug)?;
        Ok(hex::encode(Sha256::digest(text)))
    }
}

/// Whether a name stays below the directory that it is appended to.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_manifest_is_noticed() {
        let (_, text) = Manifest::begin("2.15.1".into(), "then".into(), "key".into()).seal("now".into()).unwrap();
        assert_eq!(Manifest::read(text.as_bytes()).unwrap().created, "now");
        assert_eq!(Manifest::read(text.replace("then", "when").as_bytes()).unwrap_err().code, "backup.damaged");
        assert_eq!(Manifest::read(&text.as_bytes()[..40]).unwrap_err().code, "backup.damaged");
        let newer = text.replace("\"format\": 1", "\"format\": 2");
        assert_eq!(Manifest::read(newer.as_bytes()).unwrap_err().code, "backup.other_format");
    }

    #[test]
    fn no_part_leaves_the_backup() {
        for name in ["", "../x", "/etc/passwd", "a/../../b"] {
            let mut manifest = Manifest::begin(String::new(), String::new(), String::new());
            manifest.parts.push(Part { name: name.into(), bytes: 0, sha256: String::new() });
            let (_, text) = manifest.seal(String::new()).unwrap();
            assert!(Manifest::read(text.as_bytes()).is_err(), "{name}");
        }
    }
}
