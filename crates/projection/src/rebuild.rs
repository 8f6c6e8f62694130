//! Replaying everything beside the running fold: to take its place, or only to see whether it would be the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alluvium_kernel::Problem;
use alluvium_messaging::LogMessage;
use serde::Serialize;

use crate::ahead::Ahead;
use crate::apply::Applier;
use crate::batch::Gathered;
use crate::compare::{Difference, Snapshot};
use crate::generation::Switch;
use crate::runner::{Held, Unit, pass_irrelevant};
use crate::watermark::Watermark;
use crate::{Error, Pace, Schema, Throttle, generation, lineage};

/// How long a replay waits for a message before it asks whether there is one at all, in milliseconds.
const REPLAY_WAIT_MS: u64 = 100;

/// How far the live fold may be ahead when it is made to stand still for the last of it, in events.
const GAP_EVENTS_MAX: u64 = 500;
/// How long the live fold stands still at the first try, and at the longest, in milliseconds: less than a read waits for its
/// position when it does not say how long.
const STAND_MS: (u64, u64) = (500, 4_000);
/// How long it goes on between two tries, in milliseconds.
const GO_ON_MS: u64 = 300;
/// How often that is tried.
const STANDS_MAX: u32 = 60;

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
    /// Both are at the same event and are compared; the live fold goes on.
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
    pub async fn rebuild(&self, mode: RebuildMode, pace: Pace) -> Result<RebuildReport, Error> {
        let _working = self.begin_work()?;
        let (began, live) = (Instant::now(), self.active.borrow().clone());
        let ahead = self.read_ahead().await?;
        let (next, building) = generation::next(&self.pool, &*self.projection).await?;
        let next = Arc::new(next);
        let result = self.replay_and_flip(&live, &next, ahead, mode, pace).await;
        building.done().await;
        self.progress.send_replace(None);
        match result {
            Ok((report, outdated)) => {
                if let Some(outdated) = outdated {
                    // It was read until the flip before this one, maybe a moment before this began.
                    tokio::time::sleep(generation::READERS_LEAVE.saturating_sub(began.elapsed())).await;
                    self.discard(outdated).await;
                }
                Ok(report)
            }
            Err(error) => {
                self.discard(next.generation()).await;
                Err(error)
            }
        }
    }

    /// Replays into a generation that is dropped again, and says what differs from the live one.
    pub async fn verify(&self, pace: Pace) -> Result<VerifyReport, Error> {
        let _working = self.begin_work()?;
        let live = self.active.borrow().clone();
        let ahead = self.read_ahead().await?;
        let (scratch, building) = generation::next(&self.pool, &*self.projection).await?;
        let scratch = Arc::new(scratch);
        let result = async {
            if self.live_watermark(&live).await?.quarantined.is_some() {
                let detail = format!("`{}` is quarantined: its stream is not the one it was folded from.", self.name());
                return Err(Problem::new("projection.quarantined", 503, detail).into());
            }
            let mut replay = Replay::begin(self, scratch.clone(), ahead, pace).await?;
            let (seq, differences) = self.compared(&mut replay, &live, &scratch).await?;
            Ok(VerifyReport { events: replay.done, seq, differences: differences.unwrap_or_default() })
        }
        .await;
        building.done().await;
        self.progress.send_replace(None);
        self.discard(scratch.generation()).await;
        result
    }

    /// Begins to read from the start, while the tables are made; with when the stream was made that is read.
    pub(crate) async fn read_ahead(&self) -> Result<(i64, Ahead), Error> {
        let created = lineage::facts(&self.js, self.projection.stream()).await?.created;
        Ok((created, Ahead::of(self.reader(1)?)))
    }

    pub(crate) fn begin_work(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Error> {
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
        pace: Pace,
    ) -> Result<(RebuildReport, Option<i32>), Error> {
        let mut replay = Replay::begin(self, next.clone(), ahead, pace).await?;
        let (_, compared) = self.compared(&mut replay, live, next).await?;
        let is_equal = compared.as_ref().is_some_and(Vec::is_empty);
        let differences = compared.clone().unwrap_or_default();
        if mode == RebuildMode::MustEqual && !is_equal {
            return Err(self.differs(&differences, compared.is_some()).into());
        }
        let (seq, outdated) = self.flip(&mut replay, live, next).await?;
        let report = RebuildReport {
            from_generation: live.generation(),
            to_generation: next.generation(),
            events: replay.done,
            seq,
            differences,
        };
        Ok((report, outdated))
    }

    /// Compares both as they are at one event, while the live fold goes on behind it. Gives where that was; without differences when
    /// the live content is not worth comparing.
    async fn compared(
        &self,
        replay: &mut Replay<'_>,
        live: &Schema,
        next: &Schema,
    ) -> Result<(u64, Option<Vec<Difference>>), Error> {
        let level = self.level(replay, live).await?;
        if !level.comparable {
            return Ok((level.seq, None));
        }
        let standing = Switch::begin(&self.pool, &*self.projection, live.generation()).await?;
        // Another process may have moved it on, up to here.
        let seq = standing.at;
        replay.to(seq).await?;
        lineage::trim(&self.pool, &self.js, &*self.projection, &[live, next]).await?;
        let snapshot = Snapshot::take(&self.pool).await?;
        standing.let_go().await?;
        drop(level);
        replay.tell(Phase::Comparing);
        let differences = snapshot.compare(self.name(), live, next).await?;
        Ok((seq, Some(differences)))
    }

    /// Makes reads use what was replayed, at exactly the event that they are at. Gives that, and the generation that is kept
    /// no longer.
    pub(crate) async fn flip(
        &self,
        replay: &mut Replay<'_>,
        live: &Schema,
        next: &Schema,
    ) -> Result<(u64, Option<i32>), Error> {
        let (from, to) = (live.generation(), next.generation());
        let level = self.level(replay, live).await?;
        let switch = Switch::begin(&self.pool, &*self.projection, from).await?;
        // Another process may have moved it on, up to here.
        let seq = if level.comparable { switch.at } else { level.seq };
        replay.to(seq).await?;
        let outdated = switch.to(&*self.projection, to).await?;
        self.switch_to(to);
        self.freshness.reset(self.name(), seq);
        drop(level);
        replay.tell(Phase::Done);
        tracing::info!(
            projection = self.name(),
            generation = to,
            generation.before = from,
            stream.seq = seq,
            events = replay.done,
            "reads use another generation"
        );
        Ok((seq, outdated))
    }

    /// Brings both to the same event and makes the live fold stand still there. It goes on between tries, so that nobody waits for
    /// long.
    async fn level(&self, replay: &mut Replay<'_>, live: &Schema) -> Result<Level<'_>, Error> {
        self.approach(replay, live).await?;
        replay.throttle.lift();
        let mut stand = Duration::from_millis(STAND_MS.0);
        for tried in 0..STANDS_MAX {
            let held = self.hold().await;
            let (seq, comparable) = self.end_of(live).await?;
            if replay.within(seq, stand, tried + 1).await? {
                return Ok(Level { _held: held, seq, comparable });
            }
            drop(held);
            tokio::time::sleep(Duration::from_millis(GO_ON_MS)).await;
            stand = (stand * 2).min(Duration::from_millis(STAND_MS.1));
        }
        let detail = format!("More is written than `{}` can be folded twice; try again later.", self.name());
        Err(Problem::unavailable("projection.lagging", detail).into())
    }

    /// Goes after the live fold until little is left, or it turns out to be no faster.
    async fn approach(&self, replay: &mut Replay<'_>, live: &Schema) -> Result<(), Error> {
        let mut before = u64::MAX;
        loop {
            let target = self.end_of(live).await?.0;
            replay.to(target).await?;
            let gap = self.end_of(live).await?.0.saturating_sub(target);
            if gap <= GAP_EVENTS_MAX {
                return Ok(());
            }
            if gap > before / 4 * 3 {
                // At its pace it would never get there; as fast as it can it may.
                if replay.throttle.is_lifted() {
                    return Ok(());
                }
                replay.throttle.lift();
            }
            before = gap;
        }
    }

    /// Where the replay must end, and whether the live content is worth comparing: a quarantined one is of another stream.
    async fn end_of(&self, live: &Schema) -> Result<(u64, bool), Error> {
        let watermark = self.live_watermark(live).await?;
        match lineage::verify(&self.js, &*self.projection, &watermark).await {
            Ok(_) if watermark.quarantined.is_none() => Ok((watermark.seq, true)),
            Ok(facts) => Ok((facts.last_seq, false)),
            Err(Error::Quarantine(_)) => {
                Ok((lineage::facts(&self.js, self.projection.stream()).await?.last_seq, false))
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn live_watermark(&self, live: &Schema) -> Result<Watermark, Error> {
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

    async fn discard(&self, number: i32) {
        if let Err(error) = generation::drop(&self.pool, &*self.projection, number).await {
            tracing::warn!(projection = self.name(), generation = number, error = %error, "a generation is left behind");
        }
    }
}

/// Both at the same event, for as long as this lives.
struct Level<'a> {
    _held: Held<'a>,
    seq: u64,
    /// Whether the live content is of this stream at all.
    comparable: bool,
}

/// A fold beside the live one, into a generation that nobody reads.
pub(crate) struct Replay<'a> {
    unit: &'a Unit,
    /// Whether others hear how far it is: of rebuilds and checks, not of reads.
    told: bool,
    throttle: Throttle,
    applier: Applier,
    ahead: Ahead,
    /// What was read beyond the last target.
    beyond: Vec<LogMessage>,
    pub done: u64,
    total: u64,
}

impl<'a> Replay<'a> {
    pub async fn begin(unit: &'a Unit, schema: Arc<Schema>, ahead: (i64, Ahead), pace: Pace) -> Result<Self, Error> {
        let replay = Self { told: true, throttle: Throttle::new(pace), ..Self::quietly(unit, schema, ahead).await? };
        replay.tell(Phase::Replaying);
        Ok(replay)
    }

    /// A fold that nobody is told of.
    pub async fn quietly(unit: &'a Unit, schema: Arc<Schema>, (created, ahead): (i64, Ahead)) -> Result<Self, Error> {
        let mut applier = Applier::open(&unit.pool, unit.projection.clone(), schema, false).await?;
        applier.adopt(created).await?;
        let throttle = Throttle::new(Pace::default());
        Ok(Self { unit, told: false, throttle, applier, ahead, beyond: Vec::new(), done: 0, total: 0 })
    }

    fn tell(&self, phase: Phase) {
        if !self.told {
            return;
        }
        self.unit.progress.send_replace(Some(Progress { phase, done: self.done, total: self.total.max(self.done) }));
    }

    /// Applies everything up to `target`, unless that takes longer than somebody may stand still; tells whether it did. Takes at
    /// least so many steps: where one takes that long, the live fold takes one too between two tries.
    async fn within(&mut self, target: u64, longest: Duration, steps: u32) -> Result<bool, Error> {
        let (began, mut done) = (Instant::now(), 0);
        while self.applier.watermark.seq < target {
            if done >= steps && began.elapsed() > longest {
                return Ok(false);
            }
            self.step(target).await?;
            done += 1;
        }
        self.vouched().await?;
        Ok(true)
    }

    /// Applies everything up to `target`, and nothing after it.
    pub async fn to(&mut self, target: u64) -> Result<(), Error> {
        while self.applier.watermark.seq < target {
            self.step(target).await?;
        }
        self.vouched().await
    }

    async fn step(&mut self, target: u64) -> Result<(), Error> {
        match self.next().await? {
            Gathered::Messages(batch) => self.batch(batch, target).await?,
            Gathered::Reconnected => {
                let watermark = &self.applier.watermark;
                let facts = lineage::verify(&self.unit.js, &*self.unit.projection, watermark).await?;
                if facts.created != watermark.stream_created {
                    return Err(Error::Quarantine("the stream was made anew during the replay".to_owned()));
                }
            }
            Gathered::Idle => {
                pass_irrelevant(&self.unit.js, &mut self.applier, target).await?;
            }
        }
        Ok(())
    }

    /// What was read ahead may be of a stream that was replaced since, without the reader having noticed.
    async fn vouched(&self) -> Result<(), Error> {
        lineage::verify(&self.unit.js, &*self.unit.projection, &self.applier.watermark).await.map(drop)
    }

    async fn next(&mut self) -> Result<Gathered, Error> {
        if !self.beyond.is_empty() {
            return Ok(Gathered::Messages(std::mem::take(&mut self.beyond)));
        }
        let wait = Duration::from_millis(REPLAY_WAIT_MS);
        Ok(tokio::time::timeout(wait, self.ahead.next()).await.unwrap_or(Ok(Gathered::Idle))?)
    }

    async fn batch(&mut self, mut batch: Vec<LogMessage>, target: u64) -> Result<(), Error> {
        let within = batch.partition_point(|message| message.seq <= target);
        let stride = self.throttle.stride(within as u64) as usize;
        self.beyond = batch.split_off(within.min(stride));
        let Some(last) = batch.last() else {
            // All that concerns the fold up to the target is applied: the next that does lies beyond it.
            pass_irrelevant(&self.unit.js, &mut self.applier, target).await?;
            return Ok(());
        };
        self.total = self.done + batch.len() as u64 + last.pending;
        self.applier.apply(&batch).await?;
        self.done += batch.len() as u64;
        self.tell(Phase::Replaying);
        self.throttle.after(batch.len() as u64).await;
        Ok(())
    }
}
