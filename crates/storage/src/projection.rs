//! The read model in Postgres: projects, buckets, tables and files as they are now.

mod op;
mod steps;
mod write;

use std::sync::LazyLock;
use std::time::Instant;

use alluvium_kernel::subject::{self, Parsed};
use alluvium_kernel::{BoxFuture, Token};
use alluvium_messaging::{Commit, ContractSet as _, LogMessage};
use alluvium_projection::{ApplyError, PgProjection, migrations};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use crate::contract::Event;
use crate::queries;
use op::Op;

/// The projection's name, for freshness and health.
pub const NAME: &str = "storage";

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[
        (1, "catalogue", include_str!("../migrations/0001_catalogue.sql")),
        (2, "snapshots", include_str!("../migrations/0002_snapshots.sql")),
        (5, "branches", include_str!("../migrations/0005_branches.sql")),
        (6, "branch_tables", include_str!("../migrations/0006_branch_tables.sql")),
        (7, "hidden_tables", include_str!("../migrations/0007_hidden_tables.sql")),
        (8, "snapshot_settings", include_str!("../migrations/0008_snapshot_settings.sql")),
        (10, "objects", include_str!("../migrations/0010_objects.sql")),
        (11, "sharing", include_str!("../migrations/0011_sharing.sql")),
        (13, "workspaces", include_str!("../migrations/0013_workspaces.sql")),
        (15, "files_of_branches", include_str!("../migrations/0015_files_of_branches.sql")),
        (16, "workspace_users", include_str!("../migrations/0016_workspace_users.sql")),
        (18, "multiparts", include_str!("../migrations/0018_multiparts.sql")),
        (19, "jobs", include_str!("../migrations/0019_jobs.sql")),
        (29, "workspaces_of_keys", include_str!("../migrations/0029_workspaces_of_keys.sql")),
        (33, "deleted_projects", include_str!("../migrations/0033_deleted_projects.sql")),
        (34, "metadata", include_str!("../migrations/0034_metadata.sql")),
        (35, "sharing_levels", include_str!("../migrations/0035_sharing_levels.sql")),
        (36, "aliases", include_str!("../migrations/0036_aliases.sql")),
        (37, "typed_tables", include_str!("../migrations/0037_typed_tables.sql")),
        (38, "workspace_credentials", include_str!("../migrations/0038_workspace_credentials.sql")),
        (39, "pinned_branches", include_str!("../migrations/0039_pinned_branches.sql")),
    ])
});

/// Folds storage's events (not the rows) into Postgres.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatalogueProjection;

impl PgProjection for CatalogueProjection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stream(&self) -> &'static str {
        crate::context::STREAM
    }

    fn subjects(&self) -> Vec<String> {
        vec!["ev.*.storage.>".to_owned()]
    }

    fn schema(&self) -> &'static str {
        "storage"
    }

    fn migrator(&self) -> &'static Migrator {
        &MIGRATOR
    }

    fn apply<'a>(&'a self, tx: &'a mut PgConnection, batch: &'a [LogMessage]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let mut ops = Vec::new();
            for message in batch {
                read(message, &mut ops)?;
            }
            for step in steps::arrange(ops) {
                let began = Instant::now();
                write::write(tx, step).await?;
                queries::count("write", began);
            }
            Ok(())
        })
    }
}

/// What a message changes.
fn read(message: &LogMessage, ops: &mut Vec<Op>) -> Result<(), ApplyError> {
    let Some(Parsed::Event { tenant, id, .. }) = subject::parse(&message.subject) else {
        return Err(ApplyError::poison(message, "storage.unknown_subject", "this is no subject of an aggregate"));
    };
    let commit = alluvium_messaging::Contract::from_avro(&message.payload)
        .map_err(|error| ApplyError::poison(message, "storage.malformed_commit", error.to_string()))?;
    let Commit { entries } = commit;
    for entry in entries {
        let event = Event::decode(&entry.r#type, &entry.event)
            .map_err(|error| ApplyError::poison(message, "storage.malformed_event", error.to_string()))?;
        let place = Place { tenant: &tenant, id: &id, seq: message.seq as i64, time: entry.time };
        ops.extend(op::left_by(&event, &place, &entry.actor));
        let columns = op::columns_of(&event, &place);
        ops.extend(op::of(event, &place));
        ops.extend(columns);
    }
    Ok(())
}

/// Where an event stands.
struct Place<'a> {
    tenant: &'a Token,
    id: &'a Token,
    seq: i64,
    time: i64,
}
