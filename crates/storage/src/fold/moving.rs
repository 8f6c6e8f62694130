//! Tables move between processes: brought up to date here, taken over, handed over, or thrown away and folded again.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::Problem;

use super::fold::Fold;
use super::lane::{Lane, TableView};
use super::routing::TableId;

/// How long tables that leave may take to apply what was read for them.
const DRAIN_MS_MAX: u64 = 5_000;

impl Fold {
    /// The lanes of a project.
    fn lanes_of(&self, project: &str) -> Vec<Arc<Lane>> {
        self.lanes().into_iter().filter(|lane| lane.id.project_key() == project).collect()
    }

    /// Keeps the tables of a project from now on, after others have decided on the log up to `decided`: their files are
    /// brought up to the reader's place, and what is read from there on follows.
    pub async fn take_over(self: &Arc<Self>, project: &str, epoch: u64, decided: u64) {
        let (_held, seq) = self.hold().await;
        let routing = self.routing();
        let tables: Vec<&TableId> = routing.tables().filter(|id| id.project_key() == project).collect();
        self.owned.claim(project, epoch, decided, tables.iter().map(|id| id.uid.clone()).collect());
        for id in tables {
            self.open_lane(id, TableView::default(), Some(seq));
        }
    }

    /// Keeps the tables of a project no longer; gives the sequence up to which they were decided on here.
    pub async fn hand_over(&self, project: &str) -> u64 {
        let (held, seq) = self.hold().await;
        // From here on nothing more is handed to its lanes, and nobody who reads them is told that they are fresh.
        self.owned.give_up(project);
        drop(held);
        let lanes = self.lanes_of(project);
        let drained = async {
            for lane in &lanes {
                self.progress.wait_table(&lane.id.uid, seq).await;
            }
        };
        if tokio::time::timeout(Duration::from_millis(DRAIN_MS_MAX), drained).await.is_err() {
            tracing::warn!(
                project,
                "tables are handed over before all that was read is applied; the next owner does that"
            );
        }
        let mut decided = seq;
        for lane in lanes {
            lane.stop.cancel();
            lane.ended.cancelled().await;
            decided = self.progress.oldest(&lane.id.uid).map_or(decided, |oldest| decided.min(oldest - 1));
            self.forget_lane(&lane.id.uid);
            self.progress.left(&lane.id.uid);
        }
        decided
    }

    /// Throws away files of a project that hold more than was decided by this process when it lost the project: who decided
    /// after that may have decided otherwise. All its files when `sure_up_to` is none.
    pub async fn distrust(&self, project: &str, sure_up_to: Option<u64>) -> Result<(), Problem> {
        let files: Vec<_> = {
            let routing = self.routing();
            routing.tables().filter(|id| id.project_key() == project).map(|id| id.file(self.generation)).collect()
        };
        let hub = self.hub.clone();
        let done = tokio::task::spawn_blocking(move || {
            for file in files {
                let Some(mark) = hub.mark(&file)? else { continue };
                if sure_up_to.is_none_or(|sure| mark.seq > sure) {
                    tracing::info!(table.file = %file, "a file from before another owner is folded again");
                    hub.drop(&file)?;
                }
            }
            Ok::<(), alluvium_tablestore::Error>(())
        });
        done.await.map_err(|_| Problem::internal())?.map_err(super::read::store_problem)
    }

    /// Brings the files of a project up to `until` without keeping its tables yet, so that taking them over takes no time.
    /// Decides nothing: what is not decided up to `until` must not be asked for.
    pub async fn warm(self: &Arc<Self>, project: &str, until: u64) -> Result<(), Problem> {
        let ids: Vec<TableId> = {
            let routing = self.routing();
            routing.tables().filter(|id| id.project_key() == project && id.created_seq < until).cloned().collect()
        };
        for id in ids {
            let lane = self.lane_for(&id, TableView::default(), Some(until), until);
            lane.catch_up(until).await.map_err(|error| {
                Problem::unavailable("storage.table_unavailable", format!("a table cannot be folded here: {error}"))
            })?;
        }
        Ok(())
    }
}
