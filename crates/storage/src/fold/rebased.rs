//! What the main line has become, under the changes of a dev branch: made of three tables, and refused when one of them has gone on.

use std::path::PathBuf;

use alluvium_kernel::{Problem, Token};
use alluvium_tablestore::{Change, RebaseSpec, Rebased};

use super::lane::{Lane, LaneError};
use super::queue::CommitEvent;
use super::tables::Tables;
use crate::contract::{LoadRequested, TableEvent};
use crate::model::{Table, problem};

impl Lane {
    /// The change, unless it was meant for a table that this one is no more. What was decided before stands.
    pub(super) async fn still_meant(
        &self,
        at: u64,
        event: &CommitEvent,
        change: Change,
    ) -> Result<Result<Option<Change>, Problem>, LaneError> {
        if let TableEvent::LoadRequested(LoadRequested { unchanged_since: Some(since), .. }) = &event.event
            && self.effects.verdict(&self.id, event.request(), at).await?.is_none()
            && self.effects.was_changed(&self.id, since.unsigned_abs(), at).await?
        {
            return Ok(Err(problem::rebase_outdated(&self.id.table.decode())));
        }
        Ok(Ok(Some(change)))
    }
}

impl Tables {
    /// Writes what a table of the main line holds, with the changes of a branch's own one on top, to a file of the export directory.
    pub async fn rebase(&self, main: &str, own: &str, own_wins: Option<bool>, to: PathBuf) -> Result<Rebased, Problem> {
        let (main, own) = (self.lane_of(main)?, self.lane_of(own)?);
        let base = self.version_of(&main.id, self.taken_at(&own).await?).await?;
        let (base_file, onto, own_file) = (base.file().clone(), main.file.clone(), own.file.clone());
        let spec = RebaseSpec { base: base_file, onto, own: own_file, own_wins };
        let rebased = self.long_on_file(&*own, move |hub, _| hub.rebase(&spec, &to)).await;
        // Held until here: its file goes with it.
        drop(base);
        rebased
    }

    /// The last message of the main line's table that a branch's own one takes in.
    pub(super) async fn taken_at(&self, own: &Lane) -> Result<u64, Problem> {
        let uid = Token::encode(&own.id.uid).map_err(|_| Problem::internal())?;
        let known = self.live.log.load_fresh::<Table>(&own.id.tenant, &uid).await?;
        Ok(known.state.rebased_on.map_or(own.id.created_seq, i64::unsigned_abs))
    }
}
