//! What events do to settings of snapshots.

use super::{Key, json};
use crate::contract::{SnapshotSettingsCleared, SnapshotSettingsSet};

/// What one level says from now on.
#[derive(Clone, Debug)]
pub(in crate::projection) struct SettingsOp {
    pub tenant: String,
    pub project: String,
    pub level: Level,
    pub settings: Option<String>,
}

/// Whose row it stands in.
#[derive(Clone, Debug)]
pub(in crate::projection) enum Level {
    Project,
    Bucket(String),
    /// By uid.
    Table(String),
}

fn level(bucket: Option<String>, uid: Option<String>) -> Level {
    match (bucket, uid) {
        (_, Some(uid)) => Level::Table(uid),
        (Some(bucket), None) => Level::Bucket(bucket),
        (None, None) => Level::Project,
    }
}

pub(super) fn set(event: SnapshotSettingsSet, tenant: String) -> SettingsOp {
    let settings = Some(json(&event.settings));
    SettingsOp { tenant, project: event.project, level: level(event.bucket, event.uid), settings }
}

pub(super) fn cleared(event: SnapshotSettingsCleared, tenant: String) -> SettingsOp {
    SettingsOp { tenant, project: event.project, level: level(event.bucket, event.uid), settings: None }
}

impl SettingsOp {
    /// The bucket, or the uid of the table.
    pub fn name(&self) -> String {
        match &self.level {
            Level::Project => String::new(),
            Level::Bucket(name) | Level::Table(name) => name.clone(),
        }
    }

    pub fn kind(&self) -> u8 {
        match self.level {
            Level::Project => 80,
            Level::Bucket(_) => 81,
            Level::Table(_) => 82,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match &self.level {
            Level::Project => Key::Project(&self.tenant, &self.project),
            Level::Bucket(bucket) => Key::Bucket(&self.tenant, &self.project, bucket),
            Level::Table(uid) => Key::Table(uid),
        }
    }

    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        let table = match &self.level {
            Level::Table(uid) => Some(Key::Table(uid)),
            Level::Project | Level::Bucket(_) => None,
        };
        [Some(Key::Project(&self.tenant, &self.project)), table]
    }
}
