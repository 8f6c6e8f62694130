//! Generations of table files: folded again beside the live one, compared, switched to, gone back to, dropped.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use alluvium_kernel::Problem;
use alluvium_messaging::{direct, stream_created};
use alluvium_projection::{Pace, Throttle};
use serde::Serialize;
use tokio::sync::MutexGuard;

use super::active::{self, Active, TableGeneration};
use super::compare::{Found, Level, level};
use super::effects::Effects;
use super::floor::{Floor, Lineage};
use super::fold::{Fold, STREAM};
use super::read::store_problem;
use super::tables::Tables;

/// How often a rebuild tells how far it is.
const TELL_MS: u64 = 250;
/// How long another one may take to end, in milliseconds: one that moves tables between processes does so at once.
const BUSY_MS_MAX: u64 = 3_000;
/// How long a generation's files stay after reads were switched away from it: requests that began before still read them.
const READERS_LEAVE: Duration = Duration::from_secs(5);

/// What a rebuild or a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The generation that was folded again.
    pub generation: u32,
    /// Sequence at which both were compared.
    pub seq: u64,
    /// Tables compared.
    pub tables: usize,
    /// The first difference, if any: which table, which row.
    pub difference: Option<String>,
    /// Whether the new generation is live now.
    pub flipped: bool,
}

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// The generation that was read; kept, so that one can go back again.
    pub from: u32,
    /// The generation that is read.
    pub to: u32,
    /// Messages that it had missed.
    pub events: u64,
    /// Sequence at which reads were switched.
    pub seq: u64,
}

/// How far a rebuild is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RebuildProgress {
    /// Sequence reached.
    pub done: u64,
    /// Sequence of the live generation.
    pub total: u64,
}

/// What this process knows of the kept generation: it was the live one until then.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptSince {
    since: Instant,
    /// Which tables were kept here then.
    owned: u64,
}

/// A number that is being worked on, for as long as this lives.
struct Building<'a>(&'a Tables);

impl Drop for Building<'_> {
    fn drop(&mut self) {
        self.0.building.store(0, Ordering::Relaxed);
    }
}

impl Tables {
    /// Folds everything again beside the live generation, compares, and makes the new one live. A difference keeps the old
    /// one live, unless `force`d or the old one is quarantined.
    pub async fn rebuild(
        &self,
        force: bool,
        pace: Pace,
        tell: impl Fn(RebuildProgress) + Send,
    ) -> Result<Comparison, Problem> {
        let _one = self.begin().await?;
        let (began, live, active) = (Instant::now(), self.fold(), self.active()?);
        let _building = self.building(active.next());
        let new = self.beside(&live, active.next(), pace).await?;
        let rebuilt = self.replay_and_flip(&live, &new, force, active, tell).await;
        match &rebuilt {
            Ok(comparison) if comparison.flipped => {
                if let Some(outdated) = active.previous {
                    // It was read until the flip before this one, maybe a moment before this began.
                    tokio::time::sleep(READERS_LEAVE.saturating_sub(began.elapsed())).await;
                    self.discard(outdated).await;
                }
            }
            _ => self.undo(&new).await,
        }
        rebuilt
    }

    async fn replay_and_flip(
        &self,
        live: &Arc<Fold>,
        new: &Arc<Fold>,
        force: bool,
        active: Active,
        tell: impl Fn(RebuildProgress) + Send,
    ) -> Result<Comparison, Problem> {
        self.replay(live, new, tell).await?;
        let quarantined = live.quarantine().is_some();
        let Found { tables, difference } = if quarantined { Found::default() } else { self.compare(live, new).await? };
        let generation = new.generation;
        let level = level(live, new).await?;
        let seq = level.seq;
        let flipped = difference.is_none() || force || quarantined;
        if flipped {
            self.flip(live, new, active, level).await?;
        }
        Ok(Comparison { generation, seq, tables, difference, flipped })
    }

    /// Folds everything again into a scratch generation and says where it first differs from the live one.
    pub async fn verify(&self, pace: Pace, tell: impl Fn(RebuildProgress) + Send) -> Result<Comparison, Problem> {
        let _one = self.begin().await?;
        let (live, active) = (self.fold(), self.active()?);
        let _building = self.building(active.next());
        let new = self.beside(&live, active.next(), pace).await?;
        let compared = async {
            self.replay(&live, &new, tell).await?;
            let found = self.compare(&live, &new).await?;
            Ok::<_, Problem>((found, new.progress.floor()))
        };
        let compared = compared.await;
        self.undo(&new).await;
        let (Found { tables, difference }, seq) = compared?;
        Ok(Comparison { generation: new.generation, seq, tables, difference, flipped: false })
    }

    /// Brings the generation that was read before up to date and switches reads back to it. They never stop and never go back.
    pub async fn rollback(&self, pace: Pace, tell: impl Fn(RebuildProgress) + Send) -> Result<RolledBack, Problem> {
        let _one = self.begin().await?;
        let (live, active) = (self.fold(), self.active()?);
        let Some(number) = active.previous else {
            let detail = "There is no other generation of tables than the one being read.";
            return Err(Problem::new("projection.nothing_kept", 409, detail));
        };
        let missed_from = self.can_go_back(&live, number).await?;
        let _building = self.building(number);
        let kept = self.beside(&live, number, pace).await?;
        let flipped = async {
            self.replay(&live, &kept, tell).await?;
            if let Some(problem) = kept.quarantine() {
                return Err(cannot_go_back(number, &problem.detail));
            }
            let level = level(&live, &kept).await?;
            let seq = level.seq;
            self.flip(&live, &kept, active, level).await?;
            Ok::<_, Problem>(seq)
        };
        match flipped.await {
            Ok(seq) => Ok(RolledBack { from: live.generation, to: number, events: seq - missed_from.min(seq), seq }),
            Err(problem) => {
                // It stays what it was: kept.
                kept.finish().await;
                Err(problem)
            }
        }
    }

    /// Whether a kept generation can follow the log from where it is; gives that place.
    async fn can_go_back(&self, live: &Fold, number: u32) -> Result<u64, Problem> {
        let refuse = |why: &str| Err(cannot_go_back(number, why));
        if live.quarantine().is_some() {
            return refuse("the live generation is quarantined: what the log holds now has to be folded anew");
        }
        let known = *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if live.owned.is_shared() && known.is_none_or(|kept| kept.owned != live.owned.version()) {
            return refuse("tables moved between processes since, or this one was started again");
        }
        let directory = self.hub.config().data_dir.join(format!("g{number}"));
        let floor =
            tokio::task::spawn_blocking(move || Floor::load(&directory)).await.map_err(|_| Problem::internal())?;
        let Ok(Some(floor)) = floor else { return refuse("it does not say how far it is") };
        let (created, last) = stream_created(&self.js, STREAM).await?;
        if created.micros() != floor.stream_created_micros || last < floor.seq {
            return refuse("the stream was truncated or made anew since");
        }
        live.kept().refresh_all(&self.js).await?;
        if live.kept().purges().up_to > floor.seq {
            return refuse("rows that it has not taken in were purged since");
        }
        if floor.seq > 0 {
            let message = direct::leader_at(&self.js, STREAM, floor.seq).await?;
            if message.is_some_and(|message| Lineage::of(&message).hash() != floor.hash) {
                return refuse("the stream is not the one that it was folded from");
            }
        }
        Ok(floor.seq)
    }

    /// Every generation there is, newest first.
    pub async fn generations(&self) -> Result<Vec<TableGeneration>, Problem> {
        let (active, building) = (self.active()?, self.building.load(Ordering::Relaxed));
        let data_dir = self.hub.config().data_dir.clone();
        let listed = tokio::task::spawn_blocking(move || active::list(&data_dir, active, building)).await;
        let mut listed = listed.map_err(|_| Problem::internal())?.map_err(|error| {
            Problem::unavailable("storage.fold_unavailable", format!("the directory of tables cannot be read: {error}"))
        })?;
        let live = self.fold();
        if let Some(listed) = listed.iter_mut().find(|listed| listed.generation == live.generation) {
            listed.watermark = live.progress.floor();
        }
        Ok(listed)
    }

    /// Removes a generation that is not read. Who only just stopped being read is left for a moment to those who still read it.
    pub async fn drop_generation(&self, number: u32) -> Result<(), Problem> {
        let in_use = |what: &str| {
            let detail = format!("Generation {number} of the tables is {what}.");
            Err(Problem::new("projection.generation_in_use", 409, detail))
        };
        if self.building.load(Ordering::Relaxed) == number {
            return in_use("being built or checked");
        }
        let _one = self.begin().await?;
        let active = self.active()?;
        if active.generation == number {
            return in_use("the one being read");
        }
        let there = self.generations().await?;
        if !there.iter().any(|found| found.generation == number) {
            let numbers: Vec<String> = there.iter().map(|found| found.generation.to_string()).collect();
            let detail = format!("There is no generation {number} of the tables; there are: {}.", numbers.join(", "));
            return Err(Problem::new("projection.unknown_generation", 404, detail));
        }
        if active.previous == Some(number) {
            let kept = *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(kept) = kept {
                tokio::time::sleep(READERS_LEAVE.saturating_sub(kept.since.elapsed())).await;
            }
            Active { previous: None, ..active }.save(&self.hub.config().data_dir)?;
        }
        let hub = self.hub.clone();
        let removed = tokio::task::spawn_blocking(move || hub.drop_generation(number)).await;
        removed.map_err(|_| Problem::internal())?.map_err(store_problem)
    }

    async fn begin(&self) -> Result<MutexGuard<'_, ()>, Problem> {
        let busy = "A rebuild, check or rollback of the tables is running; wait for it.";
        let begun = tokio::time::timeout(Duration::from_millis(BUSY_MS_MAX), self.rebuilding.lock());
        begun.await.map_err(|_| Problem::new("projection.busy", 409, busy))
    }

    fn building(&self, number: u32) -> Building<'_> {
        self.building.store(number, Ordering::Relaxed);
        Building(self)
    }

    fn active(&self) -> Result<Active, Problem> {
        Active::load(&self.hub.config().data_dir)
    }

    /// Another generation, beside the live one and behind it.
    async fn beside(&self, live: &Arc<Fold>, number: u32, pace: Pace) -> Result<Arc<Fold>, Problem> {
        // A quarantined generation decides nothing any more: the new one has to.
        let alone = live.quarantine().is_some();
        let effects: Effects = if alone { live.effects_alone(&self.live).await? } else { live.effects_behind() };
        if alone {
            // Whoever rebuilds what is quarantined takes the log as it is.
            effects.accept_loss(effects.kept().lost(&self.js).await?);
        }
        let (hub, js) = (self.hub.clone(), self.js.clone());
        let (effects, owned) = (Arc::new(effects), Arc::clone(&live.owned));
        let fold = Fold::start(hub, js, number, effects, owned, self.stop.child_token()).await?;
        // Set once, here.
        let _ = fold.throttle.set(Arc::new(Throttle::new(pace)));
        Ok(fold)
    }

    /// Waits until it has what the live one had when it began.
    async fn replay(
        &self,
        live: &Arc<Fold>,
        new: &Arc<Fold>,
        tell: impl Fn(RebuildProgress) + Send,
    ) -> Result<(), Problem> {
        // What a quarantined generation has read is another history, which may have been longer.
        let alone = live.quarantine().is_some();
        let total = if alone { stream_created(&self.js, STREAM).await?.1 } else { live.progress.read_to() };
        loop {
            let done = new.progress.floor();
            tell(RebuildProgress { done: done.min(total), total });
            if done >= total {
                return Ok(());
            }
            if let Some(problem) = new.quarantine() {
                return Err(problem);
            }
            if self.stop.is_cancelled() {
                return Err(Problem::unavailable("projection.unavailable", "The process ends; nothing was changed."));
            }
            let wait = new.progress.wait_all(total);
            let _ = tokio::time::timeout(Duration::from_millis(TELL_MS), wait).await;
        }
    }

    /// Makes reads use another generation, which is at the same message as the live one; that one is kept.
    async fn flip(&self, live: &Arc<Fold>, to: &Arc<Fold>, active: Active, level: Level<'_>) -> Result<(), Problem> {
        let seq = level.seq;
        Active { generation: to.generation, previous: Some(active.generation) }.save(&self.hub.config().data_dir)?;
        to.go_live(Arc::clone(&self.live));
        self.active.store(Arc::clone(to));
        let kept = KeptSince { since: Instant::now(), owned: live.owned.version() };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        // Before it is let go: two that decide would not agree on who is told.
        live.stop.cancel();
        drop(level);
        live.finish().await;
        tracing::info!(
            projection.name = "tables",
            projection.generation = to.generation,
            generation.before = live.generation,
            stream.seq = seq,
            "reads use another generation"
        );
        Ok(())
    }

    /// Ends and removes a generation that did not become the live one.
    async fn undo(&self, new: &Fold) {
        new.finish().await;
        self.discard(new.generation).await;
    }

    /// Removes a generation's files. Failing only leaves garbage, which the next start removes.
    async fn discard(&self, generation: u32) {
        if generation == 0 || generation == self.fold().generation {
            return;
        }
        let hub = self.hub.clone();
        let removed = tokio::task::spawn_blocking(move || hub.drop_generation(generation)).await;
        if !matches!(removed, Ok(Ok(()))) {
            tracing::warn!(projection.generation = generation, "an old generation of tables could not be removed");
        }
    }
}

fn cannot_go_back(number: u32, why: &str) -> Problem {
    let detail = format!("Generation {number} of the tables cannot be brought up to date: {why}.");
    Problem::new("projection.cannot_go_back", 409, detail)
}
