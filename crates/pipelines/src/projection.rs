//! Pipelines in Postgres: each as its fold has it, and how it was after each change of a status.
//!
//! The fold is the aggregate's own, so that what people read and what commands are decided on cannot differ.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use alluvium_kernel::BoxFuture;
use alluvium_kernel::subject::{self, Parsed};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage};
use alluvium_projection::{ApplyError, PgProjection, migrations};
use cqrs_es::Aggregate as _;
use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;
use sqlx::{PgConnection, Row as _};

use crate::context::STREAM;
use crate::contract::{ClusterEvent, Event};
use crate::model::{Pipeline, uuid_v7};
use crate::wire::{ClusterMoment, Moment};

/// The projection's name, and the base name of its schema.
pub const PROJECTION: &str = "pipelines";
/// Events that are kept of a pipeline.
const EVENTS_KEPT_MAX: i64 = 720;
/// Events that are kept of the installation.
const CLUSTER_EVENTS_KEPT_MAX: i64 = 1_000;
/// How long they are kept, counted back from the newest, in microseconds.
const CLUSTER_EVENTS_KEPT_MICROS: i64 = 72 * 3_600 * 1_000_000;

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[
        (1, "pipelines", include_str!("../migrations/0001_pipelines.sql")),
        (2, "cluster", include_str!("../migrations/0002_cluster.sql")),
    ])
});

const GET_STATES: &str = include_str!("sql/get_states.sql");
const PUT_STATES: &str = include_str!("sql/put_states.sql");
const DELETE_PIPELINES: &str = include_str!("sql/delete_pipelines.sql");
const PUT_EVENTS: &str = include_str!("sql/put_events.sql");
const TRIM_EVENTS: &str = include_str!("sql/trim_events.sql");
const PUT_CLUSTER_EVENTS: &str = include_str!("sql/put_cluster_events.sql");
const TRIM_CLUSTER_EVENTS: &str = include_str!("sql/trim_cluster_events.sql");

/// Folds `EV_PIPELINES` into the tables of `migrations/`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PipelinesProjection;

impl PgProjection for PipelinesProjection {
    fn name(&self) -> &'static str {
        PROJECTION
    }

    fn stream(&self) -> &'static str {
        STREAM
    }

    fn subjects(&self) -> Vec<String> {
        vec!["ev.*.pipelines.*.pipeline.*".to_owned(), "ev.*.pipelines.*.cluster.*".to_owned()]
    }

    fn schema(&self) -> &'static str {
        PROJECTION
    }

    fn migrator(&self) -> &'static Migrator {
        &MIGRATOR
    }

    fn apply<'a>(&'a self, tx: &'a mut PgConnection, batch: &'a [LogMessage]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let commits = batch.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let of_pipelines = commits.iter().filter(|commit| !commit.is_cluster).map(|commit| commit.key.clone());
            let mut fold = Fold::load(tx, of_pipelines).await?;
            commits.into_iter().for_each(|commit| fold.apply(commit));
            fold.write(tx).await
        })
    }
}

/// Tenant and id of a pipeline.
type Key = (String, String);

/// The events of a message.
struct Read {
    key: Key,
    /// Whether it is about the installation, and not about a pipeline.
    is_cluster: bool,
    seq: u64,
    events: Vec<(Event, i64)>,
}

fn read(message: &LogMessage) -> Result<Read, ApplyError> {
    let Some(Parsed::Event { tenant, aggregate, id, .. }) = subject::parse(&message.subject) else {
        return Err(ApplyError::poison(message, "pipelines.unknown_subject", "this is no subject of an aggregate"));
    };
    let malformed = |reason: String| ApplyError::poison(message, "pipelines.event_malformed", reason);
    let commit = Commit::from_avro(&message.payload).map_err(|error| malformed(error.to_string()))?;
    let decode = |entry: &alluvium_messaging::Entry| {
        let event = Event::decode(&entry.r#type, &entry.event).map_err(|error| malformed(error.to_string()))?;
        Ok((event, entry.time))
    };
    let events = commit.entries.iter().map(decode).collect::<Result<_, ApplyError>>()?;
    Ok(Read { key: (tenant.decode(), id.decode()), is_cluster: aggregate == "cluster", seq: message.seq, events })
}

/// A pipeline as its row has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The aggregate.
    pub pipeline: Pipeline,
    /// How many changes of a status it has had.
    pub changes: i64,
}

struct Change {
    key: Key,
    id: String,
    at: i64,
    number: i64,
    body: String,
}

/// The pipelines of a batch.
struct Fold {
    kept: BTreeMap<Key, Kept>,
    changes: Vec<Change>,
    /// Of the installation: id, time, content.
    cluster: Vec<(String, i64, String)>,
}

impl Fold {
    async fn load(tx: &mut PgConnection, keys: impl Iterator<Item = Key>) -> Result<Self, ApplyError> {
        let mut kept: BTreeMap<Key, Kept> = keys.map(|key| (key, Kept::default())).collect();
        let tenants: Vec<String> = kept.keys().map(|(tenant, _)| tenant.clone()).collect();
        let ids: Vec<String> = kept.keys().map(|(_, id)| id.clone()).collect();
        let rows = sqlx::query(GET_STATES).bind(tenants).bind(ids).fetch_all(&mut *tx).await?;
        for row in rows {
            let (key, state): (Key, String) = ((row.try_get("tenant")?, row.try_get("id")?), row.try_get("state")?);
            let state = serde_json::from_str(&state).map_err(|error| sqlx::Error::Decode(error.into()))?;
            kept.insert(key, state);
        }
        Ok(Self { kept, changes: Vec::new(), cluster: Vec::new() })
    }

    fn apply(&mut self, read: Read) {
        if read.is_cluster {
            for (index, (event, at)) in read.events.into_iter().enumerate() {
                let Event::Cluster(ClusterEvent::ClusterObserved(observed)) = event else { continue };
                let id = event_id(&read.key, read.seq, index, at);
                let at = observed.at;
                let body = serde_json::to_string(&ClusterMoment::from(observed)).unwrap_or_default();
                self.cluster.push((id, at, body));
            }
            return;
        }
        let kept = self.kept.entry(read.key.clone()).or_default();
        for (index, (event, at)) in read.events.into_iter().enumerate() {
            let Event::Pipeline(event) = event else { continue };
            let before = kept.pipeline.is_live().then(|| Moment::of(&kept.pipeline));
            kept.pipeline.apply(event);
            let after = Moment::of(&kept.pipeline);
            if !kept.pipeline.is_live() || before.as_ref() == Some(&after) {
                continue;
            }
            kept.changes += 1;
            let id = event_id(&read.key, read.seq, index, at);
            let body = serde_json::to_string(&after).unwrap_or_default();
            self.changes.push(Change { key: read.key.clone(), id, at, number: kept.changes, body });
        }
    }

    async fn write(self, tx: &mut PgConnection) -> Result<(), ApplyError> {
        write_cluster(&self.cluster, tx).await?;
        let (live, gone): (Vec<_>, Vec<_>) = self.kept.into_iter().partition(|(_, kept)| kept.pipeline.is_live());
        let texts = |pick: fn(&Change) -> &String| -> Vec<&str> {
            self.changes.iter().map(|change| pick(change).as_str()).collect()
        };
        if !self.changes.is_empty() {
            sqlx::query(PUT_EVENTS)
                .bind(texts(|change| &change.key.0))
                .bind(texts(|change| &change.key.1))
                .bind(texts(|change| &change.id))
                .bind(self.changes.iter().map(|change| change.at).collect::<Vec<_>>())
                .bind(self.changes.iter().map(|change| change.number).collect::<Vec<_>>())
                .bind(texts(|change| &change.body))
                .execute(&mut *tx)
                .await?;
        }
        let columns = |rows: &[(Key, Kept)]| -> (Vec<String>, Vec<String>) {
            rows.iter().map(|((tenant, id), _)| (tenant.clone(), id.clone())).unzip()
        };
        if !live.is_empty() {
            let (tenants, ids) = columns(&live);
            let names: Vec<&str> = live.iter().map(|(_, kept)| kept.pipeline.name.as_str()).collect();
            let states: Vec<String> =
                live.iter().map(|(_, kept)| serde_json::to_string(kept).unwrap_or_default()).collect();
            let put = sqlx::query(PUT_STATES).bind(&tenants).bind(&ids).bind(names).bind(states);
            put.execute(&mut *tx).await?;
            let firsts: Vec<i64> = live.iter().map(|(_, kept)| kept.changes - EVENTS_KEPT_MAX + 1).collect();
            sqlx::query(TRIM_EVENTS).bind(tenants).bind(ids).bind(firsts).execute(&mut *tx).await?;
        }
        if !gone.is_empty() {
            let (tenants, ids) = columns(&gone);
            sqlx::query(DELETE_PIPELINES).bind(tenants).bind(ids).execute(&mut *tx).await?;
        }
        Ok(())
    }
}

async fn write_cluster(events: &[(String, i64, String)], tx: &mut PgConnection) -> Result<(), ApplyError> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = events.iter().map(|(id, ..)| id.as_str()).collect();
    let times: Vec<i64> = events.iter().map(|(_, at, _)| *at).collect();
    let bodies: Vec<&str> = events.iter().map(|(.., body)| body.as_str()).collect();
    sqlx::query(PUT_CLUSTER_EVENTS).bind(ids).bind(times).bind(bodies).execute(&mut *tx).await?;
    let trim = sqlx::query(TRIM_CLUSTER_EVENTS).bind(CLUSTER_EVENTS_KEPT_MICROS).bind(CLUSTER_EVENTS_KEPT_MAX);
    trim.execute(&mut *tx).await?;
    Ok(())
}

/// The id of a change: by time, the same in every replay.
fn event_id(key: &Key, seq: u64, index: usize, at: i64) -> String {
    use sha2::Digest as _;

    let digest = sha2::Sha256::new()
        .chain_update(&key.0)
        .chain_update([0])
        .chain_update(&key.1)
        .chain_update(seq.to_be_bytes())
        .chain_update((index as u64).to_be_bytes())
        .finalize();
    // The order of changes within one millisecond is that of the log.
    let mut chance = [0; 10];
    chance[..2].copy_from_slice(&(index as u16).to_be_bytes());
    chance[2..].copy_from_slice(&digest[..8]);
    uuid_v7(at, &chance)
}
