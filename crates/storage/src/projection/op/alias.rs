//! Aliases.

use super::{Key, json};
use crate::contract::{AliasCreated, AliasDropped};

#[derive(Clone, Debug)]
pub(in crate::projection) enum AliasOp {
    Put(Box<AliasRow>),
    Drop { tenant: String, project: String, uid: String },
}

#[derive(Clone, Debug)]
pub(in crate::projection) struct AliasRow {
    pub tenant: String,
    pub project: String,
    pub branch: String,
    pub bucket: String,
    pub name: String,
    pub uid: String,
    pub source_bucket: String,
    pub source_table: String,
    pub columns: Option<String>,
    pub filter: String,
    pub time: i64,
}

pub(super) fn created(event: AliasCreated, tenant: String, time: i64) -> AliasOp {
    AliasOp::Put(Box::new(AliasRow {
        tenant,
        project: event.project,
        branch: event.branch,
        bucket: event.bucket,
        name: event.table,
        uid: event.uid,
        source_bucket: event.source_bucket,
        source_table: event.source_table,
        columns: event.columns.as_ref().map(json),
        filter: json(&event.filter),
        time,
    }))
}

pub(super) fn dropped(event: AliasDropped, tenant: String) -> AliasOp {
    AliasOp::Drop { tenant, project: event.project, uid: event.uid }
}

impl AliasOp {
    pub fn kind(&self) -> u8 {
        match self {
            Self::Put(_) => 120,
            Self::Drop { .. } => 121,
        }
    }

    pub fn row(&self) -> Key<'_> {
        match self {
            Self::Put(row) => Key::Alias(&row.uid),
            Self::Drop { uid, .. } => Key::Alias(uid),
        }
    }

    /// A name may go from one to another, and all go with their project, branch or bucket.
    pub fn order(&self) -> [Option<Key<'_>>; 2] {
        let (tenant, project) = match self {
            Self::Put(row) => (&row.tenant, &row.project),
            Self::Drop { tenant, project, .. } => (tenant, project),
        };
        [Some(Key::Project(tenant, project)), Some(self.row())]
    }
}
