//! What a run would do for each table, with how much it would take away.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::{count_up_to, direct};
use serde::Serialize;

use super::policy::{Policy, Purge, Steps};
use super::{Retention, unavailable};
use crate::fold::{KeptTable, Lane, STREAM};

/// What is kept of one table, and what a run would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TablePlan {
    /// Subject of its rows.
    pub table: String,
    /// Up to here rows are purged.
    pub floor: u64,
    /// Checkpoints that are kept.
    pub checkpoints: usize,
    /// What they take, in bytes.
    pub checkpoint_bytes: u64,
    /// Messages since the last checkpoint, or since the floor.
    pub messages_since: u64,
    /// Whether a checkpoint would be made.
    pub would_checkpoint: bool,
    /// Up to where rows would be purged, if any.
    pub would_purge_up_to: Option<u64>,
    /// How many messages that would take.
    pub would_purge_messages: u64,
    /// About how many bytes: by the size of the first of them.
    pub would_purge_bytes_about: u64,
    /// Whether the table was dropped.
    pub dropped: bool,
    /// Why nothing can be done for it now, when that is so.
    pub problem: Option<String>,
}

/// A table as it is found.
pub struct Found {
    /// Its lane.
    pub lane: Arc<Lane>,
    /// What is kept of it.
    pub kept: KeptTable,
    /// How far it is folded.
    pub folded: u64,
    /// Messages since the last checkpoint.
    pub messages: u64,
    /// What is to be done.
    pub steps: Steps,
}

impl Retention {
    /// What a run would do now, changing nothing.
    pub async fn plan(&self, policy: &Policy) -> Result<Vec<TablePlan>, Problem> {
        let fold = self.tables.fold();
        fold.kept().refresh_all(&self.tables.js).await?;
        self.pins.lock().await.read_on(&self.tables.js).await?;
        let mut plans = Vec::new();
        for lane in self.lanes() {
            plans.push(match self.look(&lane, policy).await {
                Ok(found) => self.planned(&found).await?,
                Err(problem) => {
                    let table = lane.id.rows_subject();
                    TablePlan { table, problem: Some(problem.detail), ..TablePlan::default() }
                }
            });
        }
        for dropped in self.dropped(policy).await? {
            plans.push(TablePlan {
                table: dropped.id.rows_subject(),
                would_purge_up_to: Some(dropped.at),
                would_purge_messages: dropped.messages,
                would_purge_bytes_about: self.about_bytes(&dropped.id.rows_subject(), dropped.messages).await?,
                dropped: true,
                ..TablePlan::default()
            });
        }
        Ok(plans)
    }

    /// The tables that are kept here, by name.
    pub(super) fn lanes(&self) -> Vec<Arc<Lane>> {
        let mut lanes = self.tables.fold().lanes();
        lanes.sort_by_key(|lane| lane.id.rows_subject());
        lanes
    }

    /// A table that is as it should be, and what is to be done for it.
    pub(super) async fn look(&self, lane: &Arc<Lane>, policy: &Policy) -> Result<Found, Problem> {
        self.is_well(lane)?;
        let kept = self.tables.fold().kept().table(&lane.id.uid).unwrap_or_default();
        let folded = self.folded(lane).await?;
        let since = kept.checkpoints.last().map_or(kept.floor.max(lane.id.created_seq), |newest| newest.seq);
        let events = lane.id.event_subject().map_err(|_| Problem::internal())?;
        let mut messages = 0;
        for subject in [lane.id.rows_subject(), events] {
            messages += direct::count_from(&self.tables.js, STREAM, &subject, since + 1).await.map_err(unavailable)?;
        }
        let (pins, now) = (self.pins.lock().await, Timestamp::from_micros(now_micros()));
        let fold = self.tables.fold();
        let allowed = |up_to: u64| pins.allow(fold.kept(), &lane.id, up_to, now);
        let steps = policy.steps(now.micros(), &kept, folded, messages, allowed);
        drop(pins);
        Ok(Found { lane: Arc::clone(lane), kept, folded, messages, steps })
    }

    /// What stands still, or is not brought up to date yet, is left alone.
    pub(super) fn is_well(&self, lane: &Lane) -> Result<(), Problem> {
        let fold = self.tables.fold();
        let view = lane.view();
        let quarantine = fold.quarantine();
        let moving = || {
            let here = fold.owned.serves(&lane.id.project_key()).is_some();
            (!here).then(|| Problem::unavailable("storage.table_moving", "the table is being moved to another node"))
        };
        let shared = || {
            let twin = fold
                .lanes()
                .into_iter()
                .find(|other| other.id.uid != lane.id.uid && other.id.rows_subject() == lane.id.rows_subject());
            twin.map(|_| {
                Problem::unavailable(
                    "storage.table_unavailable",
                    "an earlier table of the name is not folded to its end",
                )
            })
        };
        let parked = view.parked.map(|parked| Problem::unavailable("storage.table_parked", parked.reason));
        quarantine.or(view.trouble).or(parked).or_else(moving).or_else(shared).map_or(Ok(()), Err)
    }

    pub(super) async fn folded(&self, lane: &Lane) -> Result<u64, Problem> {
        let (hub, file) = (self.tables.hub().clone(), lane.file.clone());
        let mark = tokio::task::spawn_blocking(move || hub.mark(&file)).await.map_err(|_| Problem::internal())?;
        Ok(mark.map_err(crate::fold::store_problem)?.map_or(0, |mark| mark.seq))
    }

    async fn planned(&self, found: &Found) -> Result<TablePlan, Problem> {
        let (kept, table) = (&found.kept, found.lane.id.rows_subject());
        let up_to = found.steps.purge.map(|purge| match purge {
            Purge::At(seq) => seq,
            Purge::Fresh => found.folded,
        });
        // What a run that was cut off left behind is taken too.
        let below = up_to.unwrap_or(kept.floor);
        let messages = if below == 0 { 0 } else { self.count(&table, below).await? };
        Ok(TablePlan {
            floor: kept.floor,
            checkpoints: kept.checkpoints.len(),
            checkpoint_bytes: kept.checkpoints.iter().map(|checkpoint| checkpoint.bytes).sum(),
            messages_since: found.messages,
            would_checkpoint: found.steps.checkpoint,
            would_purge_up_to: up_to.or_else(|| (messages > 0).then_some(below)),
            would_purge_messages: messages,
            would_purge_bytes_about: self.about_bytes(&table, messages).await?,
            table,
            ..TablePlan::default()
        })
    }

    pub(super) async fn count(&self, subject: &str, up_to: u64) -> Result<u64, Problem> {
        count_up_to(&self.tables.js, STREAM, subject, up_to).await.map_err(unavailable)
    }

    /// What so many first messages of a subject take, judged by a page of them.
    pub(super) async fn about_bytes(&self, subject: &str, messages: u64) -> Result<u64, Problem> {
        if messages == 0 {
            return Ok(0);
        }
        let page = direct::history(&self.tables.js, STREAM, subject, 1).await.map_err(unavailable)?;
        let bytes: usize = page.iter().map(|message| message.payload.len()).sum();
        Ok((bytes as u64).saturating_mul(messages) / (page.len() as u64).max(1))
    }
}

pub(super) fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
