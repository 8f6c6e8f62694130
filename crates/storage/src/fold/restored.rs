//! A table that gets the content that a table had with an earlier message, or that begins with it: that is folded again, beside
//! the live files, and taken over in the transaction that moves the mark.

use std::sync::Arc;
use std::time::Instant;

use alluvium_kernel::Problem;
use alluvium_tablestore::{Change, Mark, TableFile, TableSchema};
use metrics::{counter, histogram};

use super::lane::{Lane, LaneError, UNAVAILABLE};
use super::past::Version;
use super::queue::CommitEvent;
use super::version_of::{self, content_at};
use crate::model::problem;

/// Content that a table is to get.
pub(super) struct Wanted {
    /// Whose.
    pub source: String,
    /// With all messages up to this one.
    pub seq: u64,
    /// Only if this table was changed by no message above this one.
    pub unchanged_since: Option<u64>,
}

impl Lane {
    /// A request for the content that a table has with a message that stands before the request.
    pub(super) async fn restored(
        &self,
        at: u64,
        event: &CommitEvent,
        reply: Option<&str>,
        wanted: Wanted,
        to: Mark,
        mark: &mut Option<Mark>,
    ) -> Result<(), LaneError> {
        let Wanted { source, seq, unchanged_since } = wanted;
        let changed_at_micros = Some(event.time.micros());
        match self.effects.verdict(&self.id, event.request(), at).await? {
            Some(verdict) if verdict.problem.is_some() => {
                return self.asked(at, event, reply, Ok(None), to, mark).await;
            }
            Some(_) => {}
            None => {
                if let Some(since) = unchanged_since
                    && self.effects.was_changed(&self.id, since, at).await?
                {
                    let conflict = problem::merge_conflict(&self.id.table.decode());
                    return self.asked(at, event, reply, Err(conflict), to, mark).await;
                }
            }
        }
        if let Some(from) = self.file_of_other(&source, seq).await {
            let change = Change::Replace { from, up_to: Some(seq), changed_at_micros };
            return self.asked(at, event, reply, Ok(Some(change)), to, mark).await;
        }
        match self.content_of(&source, seq, at).await {
            Ok(version) => {
                let change = Change::Replace { from: version.file().clone(), up_to: None, changed_at_micros };
                let asked = self.asked(at, event, reply, Ok(Some(change)), to, mark).await;
                // Held until here: its file goes with it.
                drop(version);
                asked
            }
            Err(problem) if problem.is_transient() => Err(problem.into()),
            Err(problem) => self.asked(at, event, reply, Err(problem), to, mark).await,
        }
    }

    /// A table that begins with what `source` has with all messages before the commit that opens it. There is no verdict to
    /// give: the table is there, so what keeps the content away is waited for.
    pub(super) async fn forked(
        &self,
        (at, chain): (u64, &str),
        schema: TableSchema,
        source: &str,
        to: Mark,
        mark: &mut Option<Mark>,
    ) -> Result<(), LaneError> {
        if mark.is_none() {
            // Nothing of the commit is in a file with this mark.
            self.create(schema, self.mark(at, format!("{chain}#empty")), mark).await?;
        }
        let began = Instant::now();
        let mut held = None;
        let (from, up_to) = match self.file_at(source, at).await? {
            Some(file) => (file, Some(at)),
            None => (held.insert(self.content_of(source, at, at).await?).file().clone(), None),
        };
        let (at, applied) =
            self.apply(mark.as_ref(), to, vec![Change::Replace { from, up_to, changed_at_micros: None }]).await?;
        *mark = Some(at);
        // Until here, as its file goes with it.
        drop(held);
        if self.effects.is_live() {
            self.count_fork(applied.bytes_estimate, began);
        }
        Ok(())
    }

    fn count_fork(&self, bytes: u64, began: Instant) {
        let (project, branch) = (self.id.project.decode(), self.id.branch.clone());
        let labels = [("project_id", project), ("branch_id", branch)];
        counter!("duckdb_branch_cow_operations_total", &labels).increment(1);
        counter!("duckdb_branch_cow_bytes_total", &labels).increment(bytes);
        histogram!("duckdb_branch_cow_duration_seconds").record(began.elapsed());
    }

    /// The file of a table, when it is here and holds all messages up to `seq` and none behind: then nothing need be folded again.
    async fn file_at(&self, source: &str, seq: u64) -> Result<Option<TableFile>, LaneError> {
        if !self.tells(seq) {
            return Ok(None);
        }
        self.reached(source, seq).await?;
        let file = version_of::table(&self.js, &self.id.tenant, source).await?.file(self.file.generation);
        let (hub, at) = (self.hub.clone(), file.clone());
        let mark = tokio::task::spawn_blocking(move || hub.mark(&at)).await.map_err(|_| Problem::internal())?;
        // A file that cannot be read is its own lane's matter; the log tells as well what it held.
        let fits = mark.is_ok_and(|mark| {
            mark.is_some_and(|mark| mark.seq <= seq && mark.stream_created_micros == self.stream_created_micros)
        });
        // One that stands still holds less.
        let is_whole = self.progress.oldest(source).is_none_or(|oldest| oldest > seq);
        Ok((fits && is_whole).then_some(file))
    }

    /// The same of another table than this one; what is in the way is found out again by folding.
    async fn file_of_other(&self, source: &str, seq: u64) -> Option<TableFile> {
        if source == self.id.uid { None } else { self.file_at(source, seq).await.ok().flatten() }
    }

    /// Waits until a table has taken in `seq`. This looks at earlier messages only, so lanes never wait for each other in a ring.
    async fn reached(&self, source: &str, seq: u64) -> Result<(), Problem> {
        tokio::select! {
            () = self.progress.wait_table(source, seq) => Ok(()),
            () = self.stop.cancelled() => Err(Problem::unavailable(UNAVAILABLE, "the process ends")),
        }
    }

    async fn content_of(&self, source: &str, seq: u64, at: u64) -> Result<Version, Problem> {
        if self.tells(at) && source != self.id.uid {
            // Whatever stands before that point there has its verdict on the log once its own lane is past it.
            self.reached(source, seq).await?;
        }
        let id = version_of::table(&self.js, &self.id.tenant, source).await?;
        version_of::is_readable(&self.js, self.effects.kept(), &id, seq).await?;
        let effects = Arc::new(self.effects.behind(Arc::clone(&self.progress)));
        content_at(&self.js, &self.hub, effects, &id, seq, u64::MAX).await
    }
}
