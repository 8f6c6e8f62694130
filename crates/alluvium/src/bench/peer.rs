//! Commands on one aggregate, beside the same aggregate on cqrs-es with a Postgres event table, as people write it today:
//! load the snapshot and the events after it, handle, insert. Postgres need not sync at each commit, as our log does not here.

use std::time::Instant;

use alluvium_kernel::{Actor, DecisionContext, Timestamp};
use alluvium_storage::contract::{CreateProject, ProjectCommand, UpdateProject};
use alluvium_storage::model::Project;
use bytes::Bytes;
use cqrs_es::persist::{
    PersistedEventRepository, PersistedEventStore, PersistenceError, ReplayStream, SerializedEvent, SerializedSnapshot,
};
use cqrs_es::{Aggregate, CqrsFramework};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};

use super::world::{World, tenant};
use super::{Measured, Results, Run, commands};
use crate::failure::Failure;

/// Commands of one measurement.
const COMMANDS: u64 = 5_000;
/// How many times as fast as the peer is promised.
const TIMES: f64 = 5.0;
/// Events between two of the peer's snapshots.
const SNAPSHOT_EVENTS: usize = 100;

pub async fn run(run: Run) -> Results {
    let count = run.scaled(COMMANDS, 200);
    let world = World::start().await?;
    let running = world.node().await?;
    let parts = running.node.parts();
    running.command("storage", "CreateProject", json!({ "project": "hot" })).await?;
    let subject = "cmd.default.storage.UpdateProject";
    let body = |n: u64| Bytes::from(json!({ "project": "hot", "name": format!("name {n}") }).to_string());
    let ours = commands::told(&parts.js, (0..count).map(|n| (subject.to_owned(), body(n))), count).await?;
    let peer = peer(&parts.pool, count).await?;
    running.node.stop().await;
    world.stop().await?;
    let (ours, peer) = (count as f64 / ours, count as f64 / peer);
    let beside = "the same aggregate on cqrs-es and Postgres";
    Ok(vec![Measured::share("commands on one aggregate", "commands/s", ours, peer, TIMES, beside)])
}

/// Seconds the peer takes, one command after another: a second one at the same time would only lose its optimistic lock.
async fn peer(pool: &PgPool, count: u64) -> Result<f64, Failure> {
    sqlx::raw_sql(include_str!("sql/peer.sql")).execute(pool).await.map_err(Failure::bug)?;
    let store = PersistedEventStore::new_snapshot_store(Repository(pool.clone()), SNAPSHOT_EVENTS);
    let at = DecisionContext {
        tenant: tenant()?,
        command_id: "peer".to_owned(),
        actor: Actor::Admin,
        time: Timestamp::from_micros(0),
    };
    let framework = CqrsFramework::<Project, _>::new(store, Vec::new(), at);
    let create = CreateProject { project: "hot".to_owned(), name: None, settings: "{}".to_owned(), organization: None };
    framework.execute("hot", ProjectCommand::CreateProject(create)).await.map_err(Failure::bug)?;
    let began = Instant::now();
    for n in 0..count {
        let update = UpdateProject {
            project: "hot".to_owned(),
            name: Some(format!("name {n}")),
            settings: None,
            organization: None,
        };
        framework.execute("hot", ProjectCommand::UpdateProject(update)).await.map_err(Failure::bug)?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Events and snapshots in Postgres.
struct Repository(PgPool);

fn failed(error: sqlx::Error) -> PersistenceError {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => PersistenceError::OptimisticLockError,
        _ => PersistenceError::ConnectionError(Box::new(error)),
    }
}

fn unused() -> PersistenceError {
    PersistenceError::UnknownError("nothing is replayed here".into())
}

fn event(row: &PgRow) -> SerializedEvent {
    SerializedEvent::new(
        row.get("aggregate_id"),
        row.get::<i64, _>("sequence") as usize,
        row.get("aggregate_type"),
        row.get("event_type"),
        row.get("event_version"),
        row.get("payload"),
        row.get("metadata"),
    )
}

impl PersistedEventRepository for Repository {
    async fn get_events<A: Aggregate>(&self, id: &str) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.get_last_events::<A>(id, 0).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        after: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let sql = "SELECT * FROM peer_events WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence";
        let rows =
            sqlx::query(sql).bind(A::TYPE).bind(id).bind(after as i64).fetch_all(&self.0).await.map_err(failed)?;
        Ok(rows.iter().map(event).collect())
    }

    async fn get_snapshot<A: Aggregate>(&self, id: &str) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        let sql = "SELECT * FROM peer_snapshots WHERE aggregate_type = $1 AND aggregate_id = $2";
        let row = sqlx::query(sql).bind(A::TYPE).bind(id).fetch_optional(&self.0).await.map_err(failed)?;
        Ok(row.map(|row| SerializedSnapshot {
            aggregate_id: id.to_owned(),
            aggregate: row.get("payload"),
            current_sequence: row.get::<i64, _>("last_sequence") as usize,
            current_snapshot: row.get::<i64, _>("current_snapshot") as usize,
        }))
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        snapshot: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        let mut tx = self.0.begin().await.map_err(failed)?;
        sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *tx).await.map_err(failed)?;
        let mut last = 0;
        for event in events {
            let sql = "INSERT INTO peer_events VALUES ($1, $2, $3, $4, $5, $6, $7)";
            last = event.sequence as i64;
            sqlx::query(sql)
                .bind(A::TYPE)
                .bind(&event.aggregate_id)
                .bind(last)
                .bind(&event.event_type)
                .bind(&event.event_version)
                .bind(&event.payload)
                .bind(&event.metadata)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        }
        if let Some((id, payload, number)) = snapshot {
            let sql = "INSERT INTO peer_snapshots VALUES ($1, $2, $3, $4, $5) ON CONFLICT (aggregate_type, aggregate_id) \
                       DO UPDATE SET last_sequence = $3, current_snapshot = $4, payload = $5";
            let query = sqlx::query(sql).bind(A::TYPE).bind(id).bind(last).bind(number as i64).bind(payload);
            query.execute(&mut *tx).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    async fn stream_events<A: Aggregate>(&self, _: &str) -> Result<ReplayStream, PersistenceError> {
        Err(unused())
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        Err(unused())
    }
}
