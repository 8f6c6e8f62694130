//! All projections of a process: run, watch, remedy, rebuild.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::direct::leader_next;
use async_nats::jetstream::Context;
use futures::future::{join_all, try_join_all};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::parking;
use crate::runner::Unit;
use crate::watermark::{CHANNEL, Watermark};
use crate::{
    ActiveSchema, Error, Freshness, Generation, Health, Order, Pace, Parked, PgProjection, Progress, RebuildMode,
    RebuildReport, Remedy, RollbackReport, State, VerifyReport, generation, lineage,
};

/// How long the health page waits for the log or Postgres, in milliseconds.
const HEALTH_WAIT_MS: u64 = 1_000;
/// Pause before listening again after Postgres went away, in milliseconds.
const LISTEN_PAUSE_MS: u64 = 500;

/// Everything a set of projections needs.
#[derive(Clone)]
pub struct Settings {
    /// The database of the read models.
    pub pool: PgPool,
    /// The log.
    pub js: Context,
    /// Where reads of this process wait.
    pub freshness: Freshness,
}

/// The projections of a process. Cheap to clone.
#[derive(Clone)]
pub struct Projections(Arc<BTreeMap<&'static str, Arc<Unit>>>);

impl Projections {
    /// Makes or updates the tables, and makes the projections known to freshness. Needs Postgres; the log may be away.
    pub async fn open(settings: Settings, projections: Vec<Arc<dyn PgProjection>>) -> Result<Self, Error> {
        generation::prepare(&settings.pool).await?;
        let mut units = BTreeMap::new();
        for projection in projections {
            let schema = generation::active(&settings.pool, &*projection).await?;
            let (name, stream) = (projection.name(), projection.stream());
            let mut db = settings.pool.acquire().await?;
            let watermark = Watermark::read(&mut db, name, schema.generation()).await?.unwrap_or_default();
            settings.freshness.register(name, stream);
            settings.freshness.advance(name, watermark.seq);
            let (pool, js, freshness) = (settings.pool.clone(), settings.js.clone(), settings.freshness.clone());
            units.insert(name, Arc::new(Unit::new(projection, schema, pool, js, freshness)));
        }
        Ok(Self(Arc::new(units)))
    }

    /// The schema to read of a projection; `None` when this process does not know it.
    pub fn active(&self, name: &str) -> Option<ActiveSchema> {
        self.0.get(name).map(|unit| ActiveSchema::new(unit.active.subscribe()))
    }

    /// Folds, until `stop`. One process of an installation does this per projection; a second one is fenced off by the
    /// watermark and only wastes work.
    pub async fn run(&self, stop: CancellationToken) {
        for unit in self.0.values() {
            if let Err(error) = generation::drop_left_behind(&unit.pool, &*unit.projection).await {
                tracing::warn!(projection = unit.name(), error = %error, "what was left behind is not dropped yet");
            }
        }
        // Another process may fold too, and switch: its flips are heard of here as well.
        let folding = join_all(self.0.values().map(|unit| unit.run(stop.clone())));
        tokio::join!(folding, self.follow(stop.clone()));
    }

    /// Hears from the other processes how far they are and which generation is read, until `stop`.
    pub async fn follow(&self, stop: CancellationToken) {
        let Some(pool) = self.0.values().next().map(|unit| unit.pool.clone()) else { return };
        loop {
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = self.listen(&pool) => result,
            };
            if let Err(error) = result {
                tracing::warn!(error = %error, "lost the connection that tells how far projections are");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(LISTEN_PAUSE_MS)) => {}
            }
        }
    }

    async fn listen(&self, pool: &PgPool) -> Result<(), Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        // What happened before listening began, or while the connection was away.
        self.catch_up(pool).await?;
        while let Some(notice) = listener.try_recv().await? {
            let Some((name, what)) = notice.payload().split_once(' ') else { continue };
            let Some(unit) = self.0.get(name) else { continue };
            match what.parse::<u64>() {
                // Who folds here knows better.
                Ok(_) if unit.silent_for().is_some() => {}
                Ok(seq) => unit.freshness.advance(name, seq),
                Err(_) => self.catch_up(pool).await?,
            }
        }
        Ok(())
    }

    async fn catch_up(&self, pool: &PgPool) -> Result<(), Error> {
        for unit in self.0.values() {
            unit.switch_to(generation::read_active(pool, &*unit.projection).await?);
            let generation = unit.active.borrow().generation();
            let mut db = pool.acquire().await?;
            if let Some(watermark) = Watermark::read(&mut db, unit.name(), generation).await?
                && unit.silent_for().is_none()
            {
                unit.freshness.advance(unit.name(), watermark.seq);
            }
        }
        Ok(())
    }

    /// Replays a projection from the start beside the running one and switches reads to it. Must run in the process that
    /// folds it. Reads never stop.
    pub async fn rebuild(&self, name: &str, mode: RebuildMode, pace: Pace) -> Result<RebuildReport, Problem> {
        Ok(self.unit(name)?.rebuild(mode, pace).await?)
    }

    /// Replays a projection aside and says what differs from the live one; changes nothing.
    pub async fn verify(&self, name: &str, pace: Pace) -> Result<VerifyReport, Problem> {
        Ok(self.unit(name)?.verify(pace).await?)
    }

    /// Brings the generation that was read before up to date and switches reads back to it. Must run in the process that folds
    /// it. Reads never stop and never go back.
    pub async fn rollback(&self, name: &str, pace: Pace) -> Result<RollbackReport, Problem> {
        Ok(self.unit(name)?.rollback(pace).await?)
    }

    /// Every generation of a projection, newest first.
    pub async fn generations(&self, name: &str) -> Result<Vec<Generation>, Problem> {
        let unit = self.unit(name)?;
        Ok(generation::list(&unit.pool, &*unit.projection).await?)
    }

    /// The projections that fold messages of this subject.
    pub fn folding(&self, stream: &str, subject: &str) -> Vec<&'static str> {
        let folds = |unit: &&Arc<Unit>| {
            let filters = unit.projection.subjects();
            unit.projection.stream() == stream
                && (filters.is_empty() || filters.iter().any(|filter| matches(filter, subject)))
        };
        self.0.values().filter(folds).map(|unit| unit.name()).collect()
    }

    /// How far a running rebuild or check is; `None` while there is none.
    pub fn progress(&self, name: &str) -> Result<watch::Receiver<Option<Progress>>, Problem> {
        Ok(self.unit(name)?.progress.subscribe())
    }

    /// Drops a generation that is not read.
    pub async fn drop_generation(&self, name: &str, number: i32) -> Result<(), Problem> {
        let unit = self.unit(name)?;
        let there = generation::list(&unit.pool, &*unit.projection).await?;
        if !there.iter().any(|found| found.generation == number) {
            let numbers: Vec<String> = there.iter().map(|found| found.generation.to_string()).collect();
            let detail = format!("`{name}` has no generation {number}; there are: {}.", numbers.join(", "));
            return Err(Problem::new("projection.unknown_generation", 404, detail));
        }
        Ok(generation::drop(&unit.pool, &*unit.projection, number).await?)
    }

    /// What could not be applied, oldest first.
    pub async fn parked(&self, name: &str) -> Result<Vec<Parked>, Problem> {
        let unit = self.unit(name)?;
        let generation = unit.active.borrow().generation();
        Ok(parking::list(&unit.pool, name, generation).await?)
    }

    /// Does something about the parked events of a key, once for the order's position.
    pub async fn remedy(&self, name: &str, order: &Order) -> Result<Remedy, Problem> {
        let unit = self.unit(name)?;
        let _working = unit
            .working
            .try_lock()
            .map_err(|_| Problem::new("projection.busy", 409, format!("A rebuild or check of `{name}` is running.")))?;
        let schema = unit.active.borrow().clone();
        Ok(unit.bench(&schema).remedy(order).await?)
    }

    /// Leaves out what the log says was given up, also where the tables have never heard of it (a database made anew).
    pub async fn obey(&self, name: &str, order: &Order) -> Result<(), Problem> {
        let unit = self.unit(name)?;
        let schema = unit.active.borrow().clone();
        Ok(unit.bench(&schema).obey(order).await?)
    }

    /// An event is not left out any more: at its sequence stands another one, of another stream.
    pub async fn take_in_again(&self, name: &str, seq: u64) -> Result<(), Problem> {
        let unit = self.unit(name)?;
        let deleted = sqlx::query("DELETE FROM projection.skipped WHERE projection = $1 AND seq = $2")
            .bind(name)
            .bind(seq as i64)
            .execute(&unit.pool)
            .await;
        deleted.map(drop).map_err(|error| Error::from(error).into())
    }

    /// The stream that a projection folds.
    pub fn stream(&self, name: &str) -> Option<&'static str> {
        self.0.get(name).map(|unit| unit.projection.stream())
    }

    /// Names of all, in order.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    /// How every projection is doing. Never fails and never takes long: what cannot be known now says so.
    pub async fn health(&self) -> Vec<Health> {
        join_all(self.0.values().map(|unit| health(unit))).await
    }

    pub(crate) fn unit(&self, name: &str) -> Result<&Arc<Unit>, Problem> {
        let known = || self.0.keys().copied().collect::<Vec<_>>().join(", ");
        self.0.get(name).ok_or_else(|| {
            Problem::new("projection.unknown", 404, format!("There is no projection `{name}`; there are: {}.", known()))
        })
    }
}

/// Whether a NATS filter takes a concrete subject.
fn matches(filter: &str, subject: &str) -> bool {
    let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
    loop {
        match (filter.next(), subject.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(found)) if wanted == "*" || wanted == found => {}
            _ => return false,
        }
    }
}

async fn health(unit: &Unit) -> Health {
    let wait = Duration::from_millis(HEALTH_WAIT_MS);
    let generation = unit.active.borrow().generation();
    let facts = tokio::time::timeout(wait, lineage::facts(&unit.js, unit.projection.stream()));
    let (facts, stored) = tokio::join!(facts, tokio::time::timeout(wait, stored(unit, generation)));
    let (mut state, mut error) = unit.status();
    if unit.progress.borrow().is_some() && state == State::Running {
        state = State::Rebuilding;
    }
    let mut note = |text: String| error = Some(error.take().unwrap_or(text));
    let last_seq = match facts {
        Ok(Ok(facts)) => Some(facts.last_seq),
        Ok(Err(cause)) => {
            note(cause.to_string());
            None
        }
        Err(_) => {
            note("the log does not answer".to_owned());
            None
        }
    };
    let (watermark, parked_events, parked_keys, behind) = match stored {
        Ok(Ok((watermark, events, keys, behind))) => {
            if let Some(reason) = watermark.quarantined {
                state = State::Quarantined;
                note(reason);
            }
            (watermark.seq, events, keys, behind)
        }
        Ok(Err(cause)) => {
            note(cause.to_string());
            (unit.freshness.applied(unit.name()).unwrap_or(0), 0, 0, 0.0)
        }
        Err(_) => {
            note("Postgres does not answer".to_owned());
            (unit.freshness.applied(unit.name()).unwrap_or(0), 0, 0, 0.0)
        }
    };
    let lag_events = last_seq.map(|last| last.saturating_sub(watermark));
    let waiting =
        async { if lag_events.is_none_or(|lag| lag == 0) { Ok(None) } else { oldest_waiting(unit, watermark).await } };
    // When nobody can say what waits, it waits at most as long as the newest applied message is old.
    let lag_seconds = match tokio::time::timeout(wait, waiting).await {
        Ok(Ok(None)) => 0.0,
        Ok(Ok(Some(taken_in))) => age_seconds(taken_in),
        Ok(Err(_)) | Err(_) => behind,
    };
    Health {
        projection: unit.name(),
        stream: unit.projection.stream(),
        generation,
        state,
        last_seq,
        watermark,
        lag_events,
        lag_seconds,
        parked_events,
        parked_keys,
        heartbeat_age_ms: unit.silent_for().map(|age| age.as_millis() as u64),
        error,
    }
}

/// When the stream took in the first message behind the watermark that concerns the projection.
async fn oldest_waiting(unit: &Unit, watermark: u64) -> Result<Option<Timestamp>, alluvium_messaging::Error> {
    let subjects = unit.projection.subjects();
    let all = if subjects.is_empty() { vec![">".to_owned()] } else { subjects };
    let mut asked = Vec::with_capacity(all.len());
    for subject in &all {
        asked.push(leader_next(&unit.js, unit.projection.stream(), subject, watermark + 1));
    }
    let mut oldest: Option<(u64, Timestamp)> = None;
    for message in try_join_all(asked).await?.into_iter().flatten() {
        if oldest.is_none_or(|(seq, _)| message.seq < seq) {
            oldest = Some((message.seq, message.time));
        }
    }
    Ok(oldest.map(|(_, taken_in)| taken_in))
}

fn age_seconds(at: Timestamp) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64;
    (now - at.micros()).max(0) as f64 / 1e6
}

/// Watermark, parked events and keys, and the age of the newest applied message in seconds.
async fn stored(unit: &Unit, generation: i32) -> Result<(Watermark, i64, i64, f64), sqlx::Error> {
    let watermark = async { Watermark::read(&mut *unit.pool.acquire().await?, unit.name(), generation).await };
    let parked = sqlx::query_as(
        "SELECT count(*), count(DISTINCT key), extract(epoch FROM now())::float8 FROM projection.parked \
         WHERE projection = $1 AND generation = $2",
    )
    .bind(unit.name())
    .bind(generation)
    .fetch_one(&unit.pool);
    let (watermark, (events, keys, now)): (_, (i64, i64, f64)) = tokio::try_join!(watermark, parked)?;
    let watermark = watermark.unwrap_or_default();
    let behind = if watermark.message_micros == 0 { 0.0 } else { now - watermark.message_micros as f64 / 1e6 };
    Ok((watermark, events, keys, behind.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filters_take_what_nats_would_give_them() {
        assert!(matches("ev.*.storage.>", "ev.default.storage.001.table.x"));
        assert!(matches("a.b", "a.b"));
        for (filter, subject) in [("a.>", "a"), ("a.*", "a.b.c"), ("ev.*.storage.>", "rows.a.b.c.d"), ("a.b", "a")] {
            assert!(!matches(filter, subject), "{filter} {subject}");
        }
    }
}
