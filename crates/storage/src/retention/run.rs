//! One run: finishes what an earlier one left, makes checkpoints, purges. A table that cannot be dealt with now is left for the
//! next run, and the others go on.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Actor, Position, Problem, Timestamp};
use alluvium_messaging::direct;
use serde::Serialize;

use super::plan::{Found, now_micros};
use super::policy::{Policy, Purge};
use super::{Retention, busy, unavailable};
use crate::fold::{Lane, STREAM};

/// Code of a read model that is not as far as it has to be.
const LAGGING: &str = "projection.lagging";
/// How long tables may take to be as far as the log is when a run begins, in seconds; one that stands still is left as it is.
const CAUGHT_UP_SECONDS: u64 = 5;

/// Whether a run goes on with the next table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Go,
    Later,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each table something was done for, or should have been.
    pub tables: Vec<TableDone>,
    /// Checkpoints made.
    pub checkpoints: u64,
    /// Messages of rows that were taken off the log.
    pub purged_messages: u64,
    /// Tables that could not be dealt with.
    pub failed: u64,
}

/// What a run did for a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableDone {
    /// Subject of its rows.
    pub table: String,
    /// Position of the checkpoint that was made.
    pub checkpoint: Option<u64>,
    /// Up to where rows were purged.
    pub purged_up_to: Option<u64>,
    /// Messages that went.
    pub purged_messages: u64,
    /// Whether the table was dropped.
    pub dropped: bool,
    /// Code and reason when it failed.
    pub problem: Option<Problem>,
}

impl Retention {
    /// Does for each table what the policy wants. Fails only when nothing could be done at all.
    pub async fn run(&self, policy: &Policy, actor: &Actor) -> Result<Report, Problem> {
        let _one = self.running.try_lock().map_err(|_| busy())?;
        self.is_allowed().await?;
        let report = self.all(policy, actor).await?;
        metrics::gauge!("alluvium_retention_failed_tables").set(report.failed as f64);
        Ok(report)
    }

    async fn all(&self, policy: &Policy, actor: &Actor) -> Result<Report, Problem> {
        self.catch_up().await?;
        let fold = self.tables.fold();
        fold.kept().refresh_all(&self.tables.js).await?;
        self.pins.lock().await.read_on(&self.tables.js).await?;
        let mut report = Report::default();
        // First those of the past: what later tables of their names purge may be theirs.
        for dropped in self.dropped(policy).await? {
            let mut done = TableDone { table: dropped.id.rows_subject(), dropped: true, ..TableDone::default() };
            let purged = self.purge_dropped(&dropped.id, dropped.at, actor).await;
            done.purged(dropped.at, &purged);
            if report.add(done, purged.map(drop)) == Next::Later {
                return Ok(report);
            }
        }
        for lane in self.lanes() {
            let mut done = TableDone { table: lane.id.rows_subject(), ..TableDone::default() };
            let result = self.table(&lane, policy, actor, &mut done).await;
            if report.add(done, result) == Next::Later {
                return Ok(report);
            }
        }
        self.finish_dropped(&mut report).await?;
        Ok(report)
    }

    /// What was dropped before the run is dropped for it: a table whose end its fold has not met yet would count as living.
    async fn catch_up(&self) -> Result<(), Problem> {
        let end = direct::extent(&self.tables.js, STREAM).await.map_err(unavailable)?.last;
        let waited = self.tables.wait_all(&Position::of(STREAM, end), Duration::from_secs(CAUGHT_UP_SECONDS)).await;
        if let Err(problem) = waited {
            tracing::info!(%problem, "retention begins while tables are behind the log");
        }
        Ok(())
    }

    async fn table(
        &self,
        lane: &Arc<Lane>,
        policy: &Policy,
        actor: &Actor,
        done: &mut TableDone,
    ) -> Result<(), Problem> {
        let found = self.look(lane, policy).await?;
        self.finish(&found, done).await?;
        if found.steps.checkpoint {
            done.checkpoint = Some(self.checkpoint(lane, actor).await?);
        }
        let up_to = match found.steps.purge {
            Some(Purge::At(seq)) => Some(seq),
            Some(Purge::Fresh) => done.checkpoint,
            None => None,
        };
        if let Some(up_to) = up_to
            && self.still_allowed(lane, up_to).await?
        {
            done.purged_messages += self.purge(lane, up_to, actor).await?;
            done.purged_up_to = Some(up_to);
        }
        Ok(())
    }

    /// Whether nobody has named anything before `up_to` since that was looked at. Who does so from now on names what is behind.
    async fn still_allowed(&self, lane: &Lane, up_to: u64) -> Result<bool, Problem> {
        let mut pins = self.pins.lock().await;
        pins.read_on(&self.tables.js).await?;
        Ok(pins.allow(self.tables.fold().kept(), &lane.id, up_to, Timestamp::from_micros(now_micros())))
    }

    /// Takes away what an earlier run said would go, and was cut off.
    async fn finish(&self, found: &Found, done: &mut TableDone) -> Result<(), Problem> {
        let (floor, subject) = (found.kept.floor, found.lane.id.rows_subject());
        if floor > 0 && self.count(&subject, floor).await? > 0 {
            done.purged_messages += self.take_away(&subject, floor, found.kept.noted).await?;
            done.purged_up_to = Some(floor);
        }
        Ok(())
    }

    /// The same for tables that were dropped.
    async fn finish_dropped(&self, report: &mut Report) -> Result<(), Problem> {
        for table in self.tables.fold().kept().dropped() {
            if self.count(&table.subject, table.floor).await? == 0 {
                continue;
            }
            let mut done = TableDone { table: table.subject.clone(), dropped: true, ..TableDone::default() };
            let purged = self.take_away(&table.subject, table.floor, table.noted).await;
            done.purged(table.floor, &purged);
            report.add(done, purged.map(drop));
        }
        Ok(())
    }
}

impl TableDone {
    fn purged(&mut self, up_to: u64, purged: &Result<u64, Problem>) {
        if let Ok(messages) = purged {
            self.purged_up_to = Some(up_to);
            self.purged_messages += messages;
        }
    }
}

impl Report {
    fn add(&mut self, mut done: TableDone, result: Result<(), Problem>) -> Next {
        let mut next = Next::Go;
        self.checkpoints += u64::from(done.checkpoint.is_some());
        self.purged_messages += done.purged_messages;
        if let Err(problem) = result {
            tracing::warn!(table = %done.table, code = %problem.code, reason = %problem.detail, "retention leaves a table for the next run");
            self.failed += 1;
            // The read model is behind, or Postgres is away: each other table would wait as long for it.
            if problem.code == LAGGING {
                next = Next::Later;
            }
            done.problem = Some(problem);
        }
        let said = done.checkpoint.is_some() || done.purged_up_to.is_some() || done.problem.is_some();
        if said {
            self.tables.push(done);
        }
        next
    }
}
