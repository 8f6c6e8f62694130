//! Versions of a table, and tables made of them.

use alluvium_kernel::{Actor, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::read;
use crate::recall::Version;

/// A version of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageTableVersion)]
pub struct TableVersion {
    /// What `as_of` takes to read it.
    pub version: String,
    /// Its sequence on the log.
    pub sequence: u64,
    /// When the change was asked for.
    pub time: String,
    /// `create`, `import`, `delete_rows`, `add_column`, `alter_column`, `drop_column`, `set_primary_key`, `drop_primary_key` or
    /// `restore`.
    pub operation: &'static str,
    /// Id of the key that asked for it, or another actor.
    pub actor: String,
    /// Rows from then on, where the log says so.
    pub rows: Option<u64>,
}

impl TableVersion {
    pub(crate) fn of(stream: &str, version: Version) -> Self {
        let Version { seq, time, operation, actor, rows } = version;
        let actor = match Actor::try_from(actor.clone()) {
            Ok(Actor::Key(key)) => key,
            Ok(Actor::Admin | Actor::Login(_) | Actor::Owner(_) | Actor::Nats(_) | Actor::System(_)) | Err(_) => actor,
        };
        Self { version: format!("{stream}:{seq}"), sequence: seq, time: time.to_rfc3339(), operation, actor, rows }
    }
}

/// One page of versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageTableVersions)]
pub struct TableVersions {
    /// Newest first.
    pub versions: Vec<TableVersion>,
    /// How many there are.
    pub total: usize,
}

/// Of what a table is made.
#[derive(Clone, Debug, PartialEq, Eq, ToSchema)]
#[schema(as = StorageTableFromTimeTravel)]
pub struct TimeTravel {
    /// Bucket of the table then.
    pub source_bucket: String,
    /// Its name then.
    pub source_table: String,
    /// As it was at this RFC 3339 time; excludes `version`.
    pub timestamp: Option<String>,
    /// As it was at this version, `STREAM:SEQUENCE`.
    pub version: Option<String>,
    /// Name of the table that is made.
    pub name: String,
}

impl TimeTravel {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            source_bucket: body.string("source_bucket"),
            source_table: body.string("source_table"),
            timestamp: body.opt_string("timestamp"),
            version: body.opt_string("version"),
            name: body.string("name"),
        })
    }

    /// The point, said one way.
    pub(crate) fn point(&self) -> Result<&str, Problem> {
        match (self.timestamp.as_deref(), self.version.as_deref()) {
            (Some(point), None) | (None, Some(point)) => Ok(point),
            _ => Err(crate::model::problem::invalid_request("Say either `timestamp` or `version`.")),
        }
    }
}
