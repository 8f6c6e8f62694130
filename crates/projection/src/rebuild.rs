//! Replaying everything beside the running fold: to take its place, or only to see whether it would be the same.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::Problem;
use alluvium_messaging::LogMessage;
use serde::Serialize;

use crate::ahead::Ahead;
use crate::apply::Applier;
use crate::batch::Gathered;
use crate::compare::{Difference, compare};
use crate::runner::{Unit, pass_irrelevant};
use crate::watermark::Watermark;
use crate::{Error, Schema, generation, lineage};

/// How long a replay waits for a message before it asks whether there is one at all, in milliseconds.
const REPLAY_WAIT_MS: u64 = 100;

/// When the replayed generation may take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildMode {
    /// Only when it equals the live one in every row. The replayed generation is dropped when it does not.
    MustEqual,
    /// In any case: after a correction of the fold, or for a quarantined projection, whose old content means nothing.
    AcceptDifferences,
}

/// Where a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Applying the log from the start.
    Replaying,
    /// The live fold stands still; the last messages are applied and both are compared.
    Comparing,
    /// Done.
    Done,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Messages applied.
    pub done: u64,
    /// Messages to apply, as known now.
    pub total: u64,
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RebuildReport {
    /// The generation read until now; kept until dropped.
    pub from_generation: i32,
    /// The generation read from now on.
    pub to_generation: i32,
    /// Messages replayed.
    pub events: u64,
    /// Sequence of the stream at which both were compared and switched.
    pub seq: u64,
    /// What differed; only with [`RebuildMode::AcceptDifferences`]. Empty for a quarantined projection: there is nothing to
    /// compare with.
    pub differences: Vec<Difference>,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifyReport {
    /// Messages replayed.
    pub events: u64,
    /// Sequence of the stream at which both were compared.
    pub seq: u64,
    /// What differs; empty when the live fold is exactly what the log says.
    pub differences: Vec<Difference>,
}

impl Unit {
    /// Replays into a new generation and flips to it.
    pub async fn rebuild(&self, mode: RebuildMode) -> Result<RebuildReport, Error> {
        let _working = self.begin_work()?;
        let live = self.active.borrow().clone();
        let ahead = self.read_ahead().await?;
        let next = Arc::new(generation::next(&self.pool, &*self.projection).await?);
        let result = self.replay_and_flip(&live, &next, ahead, mode).await;
        self.progress.send_replace(None);
        if result.is_err() {
            self.discard(&next).await;
        }
        result
    }

    /// Replays into a generation that is dropped again, and says what differs from the live one.
    pub async fn verify(&self) -> Result<VerifyReport, Error> {
        let _working = self.begin_work()?;
        let live = self.active.borrow().clone();
        let ahead = self.read_ahead().await?;
        let scratch = Arc::new(generation::next(&self.pool, &*self.projection).await?);
        let result = async {
            if self.live_watermark(&live).await?.quarantined.is_some() {
                let detail = format!("`{}` is quarantined: its stream is not the one it was folded from.", self.name());
                return Err(Problem::new("projection.quarantined", 503, detail).into());
            }
            let mut replay = Replay::begin(self, scratch.clone(), ahead).await?;
            replay.to(self.live_watermark(&live).await?.seq).await?;
            let held = self.hold().await;
            let seq = self.live_watermark(&live).await?.seq;
            replay.to(seq).await?;
            replay.tell(Phase::Comparing);
            let differences = compare(&self.pool, self.name(), &live, &scratch).await?;
            drop(held);
            Ok(VerifyReport { events: replay.done, seq, differences })
        }
        .await;
        self.progress.send_replace(None);
        self.discard(&scratch).await;
        result
    }

    /// Begins to read from the start, while the tables are made; with when the stream was made that is read.
    pub(crate) async fn read_ahead(&self) -> Result<(i64, Ahead), Error> {
        let created = lineage::facts(&self.js, self.projection.stream()).await?.created;
        Ok((created, Ahead::of(self.reader(1)?)))
    }

    fn begin_work(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
        self.working.try_lock().map_err(|_| {
            let detail = format!("A rebuild, check or remedy of `{}` is running; wait for it.", self.name());
            Problem::new("projection.busy", 409, detail).into()
        })
    }

    async fn replay_and_flip(
        &self,
        live: &Schema,
        next: &Arc<Schema>,
        ahead: (i64, Ahead),
        mode: RebuildMode,
    ) -> Result<RebuildReport, Error> {
        let mut replay = Replay::begin(self, next.clone(), ahead).await?;
        replay.to(self.end_of(live).await?.0).await?;
        let held = self.hold().await;
        let (seq, comparable) = self.end_of(live).await?;
        replay.to(seq).await?;
        replay.tell(Phase::Comparing);
        let differences = if comparable { compare(&self.pool, self.name(), live, next).await? } else { Vec::new() };
        if mode == RebuildMode::MustEqual && !(differences.is_empty() && comparable) {
            return Err(self.differs(&differences, comparable).into());
        }
        generation::flip(&self.pool, &*self.projection, live.generation(), next.generation()).await?;
        self.switch_to(next.generation());
        self.freshness.reset(self.name(), seq);
        drop(held);
        replay.tell(Phase::Done);
        tracing::info!(
            projection = self.name(),
            generation = next.generation(),
            stream.seq = seq,
            events = replay.done,
            "reads use the rebuilt generation"
        );
        Ok(RebuildReport {
            from_generation: live.generation(),
            to_generation: next.generation(),
            events: replay.done,
            seq,
            differences,
        })
    }

    /// Where the replay must end, and whether the live content is worth comparing: a quarantined one is of another stream.
    async fn end_of(&self, live: &Schema) -> Result<(u64, bool), Error> {
        let watermark = self.live_watermark(live).await?;
        match lineage::verify(&self.js, self.projection.stream(), &watermark).await {
            Ok(_) if watermark.quarantined.is_none() => Ok((watermark.seq, true)),
            Ok(facts) => Ok((facts.last_seq, false)),
            Err(Error::Quarantine(_)) => {
                Ok((lineage::facts(&self.js, self.projection.stream()).await?.last_seq, false))
            }
            Err(error) => Err(error),
        }
    }

    async fn live_watermark(&self, live: &Schema) -> Result<Watermark, Error> {
        let mut db = self.pool.acquire().await?;
        let stored = Watermark::read(&mut db, self.name(), live.generation()).await?;
        Ok(stored.ok_or(sqlx::Error::RowNotFound)?)
    }

    fn differs(&self, differences: &[Difference], comparable: bool) -> Problem {
        let detail = match differences.first() {
            _ if !comparable => format!(
                "`{}` is quarantined: its content cannot be compared. Rebuild it accepting differences once you know why.",
                self.name()
            ),
            Some(first) => format!(
                "{} of `{}` differ from a replay, first `{}` ({} rows only live, {} only replayed). Nothing was switched.",
                differences.len(),
                self.name(),
                first.table,
                first.only_live,
                first.only_replayed
            ),
            None => String::new(),
        };
        let details = serde_json::to_value(differences).unwrap_or_default();
        Problem::new("projection.differs", 409, detail).with_details(serde_json::json!({ "differences": details }))
    }

    async fn discard(&self, schema: &Schema) {
        if let Err(error) = generation::drop(&self.pool, &*self.projection, schema.generation()).await {
            tracing::warn!(projection = self.name(), schema = schema.name(), error = %error, "a generation is left behind");
        }
    }
}

/// A fold from the start, into a generation that nobody reads.
pub(crate) struct Replay<'a> {
    unit: &'a Unit,
    /// Whether others hear how far it is: of rebuilds and checks, not of reads.
    told: bool,
    applier: Applier,
    ahead: Ahead,
    /// What was read beyond the last target.
    beyond: Vec<LogMessage>,
    done: u64,
    total: u64,
}

impl<'a> Replay<'a> {
    async fn begin(unit: &'a Unit, schema: Arc<Schema>, ahead: (i64, Ahead)) -> Result<Self, Error> {
        let replay = Self { told: true, ..Self::quietly(unit, schema, ahead).await? };
        replay.tell(Phase::Replaying);
        Ok(replay)
    }

    /// A fold that nobody is told of.
    pub async fn quietly(unit: &'a Unit, schema: Arc<Schema>, (created, ahead): (i64, Ahead)) -> Result<Self, Error> {
        let mut applier = Applier::open(&unit.pool, unit.projection.clone(), schema, false).await?;
        applier.adopt(created).await?;
        Ok(Self { unit, told: false, applier, ahead, beyond: Vec::new(), done: 0, total: 0 })
    }

    fn tell(&self, phase: Phase) {
        if !self.told {
            return;
        }
        self.unit.progress.send_replace(Some(Progress { phase, done: self.done, total: self.total.max(self.done) }));
    }

    /// Applies everything up to `target`, and nothing after it.
    pub async fn to(&mut self, target: u64) -> Result<(), Error> {
        while self.applier.watermark.seq < target {
            match self.next().await? {
                Gathered::Messages(batch) => self.batch(batch, target).await?,
                Gathered::Reconnected => {
                    let watermark = &self.applier.watermark;
                    let facts = lineage::verify(&self.unit.js, self.unit.projection.stream(), watermark).await?;
                    if facts.created != watermark.stream_created {
                        return Err(Error::Quarantine("the stream was made anew during the replay".to_owned()));
                    }
                }
                Gathered::Idle => {
                    pass_irrelevant(&self.unit.js, &mut self.applier, target).await?;
                }
            }
        }
        // What was read ahead may be of a stream that was replaced since, without the reader having noticed.
        lineage::verify(&self.unit.js, self.unit.projection.stream(), &self.applier.watermark).await?;
        Ok(())
    }

    async fn next(&mut self) -> Result<Gathered, Error> {
        if !self.beyond.is_empty() {
            return Ok(Gathered::Messages(std::mem::take(&mut self.beyond)));
        }
        let wait = Duration::from_millis(REPLAY_WAIT_MS);
        Ok(tokio::time::timeout(wait, self.ahead.next()).await.unwrap_or(Ok(Gathered::Idle))?)
    }

    async fn batch(&mut self, mut batch: Vec<LogMessage>, target: u64) -> Result<(), Error> {
        self.beyond = batch.split_off(batch.partition_point(|message| message.seq <= target));
        let Some(last) = batch.last() else {
            // All that concerns the fold up to the target is applied: the next that does lies beyond it.
            pass_irrelevant(&self.unit.js, &mut self.applier, target).await?;
            return Ok(());
        };
        self.total = self.done + batch.len() as u64 + last.pending;
        self.applier.apply(&batch).await?;
        self.done += batch.len() as u64;
        self.tell(Phase::Replaying);
        Ok(())
    }
}
