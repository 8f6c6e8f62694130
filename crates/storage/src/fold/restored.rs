//! A table that gets the content that a table had with an earlier message: that is folded again, beside the live files, and
//! taken over in the transaction that moves the mark.

use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_tablestore::{Change, Mark};

use super::lane::{Lane, LaneError, UNAVAILABLE};
use super::past::Version;
use super::queue::CommitEvent;
use super::version_of::{self, content_at};

impl Lane {
    /// A request for the content of `source` with message `seq`, which stands before the request.
    pub(super) async fn restored(
        &self,
        at: u64,
        event: &CommitEvent,
        reply: Option<&str>,
        (source, seq): (&str, u64),
        to: Mark,
        mark: &mut Option<Mark>,
    ) -> Result<(), LaneError> {
        let verdict = self.effects.verdict(&self.id, event.request(), at).await?;
        if verdict.is_some_and(|verdict| verdict.problem.is_some()) {
            return self.asked(at, event, reply, Ok(None), to, mark).await;
        }
        match self.content_of(source, seq, at).await {
            Ok(version) => {
                let change = Change::Replace { from: version.file().clone() };
                let asked = self.asked(at, event, reply, Ok(Some(change)), to, mark).await;
                // Held until here: its file goes with it.
                drop(version);
                asked
            }
            Err(problem) if problem.is_transient() => Err(problem.into()),
            Err(problem) => self.asked(at, event, reply, Err(problem), to, mark).await,
        }
    }

    async fn content_of(&self, source: &str, seq: u64, at: u64) -> Result<Version, Problem> {
        if self.tells(at) && source != self.id.uid {
            // Whatever stands before that point there has its verdict on the log once its own lane is past it. This looks
            // at earlier messages only, so lanes never wait for each other in a ring.
            tokio::select! {
                () = self.progress.wait_table(source, seq) => {}
                () = self.stop.cancelled() => return Err(Problem::unavailable(UNAVAILABLE, "the process ends")),
            }
        }
        let id = version_of::table(&self.js, &self.id.tenant, source).await?;
        version_of::is_readable(&self.js, self.effects.kept(), &id, seq).await?;
        let effects = Arc::new(self.effects.behind(Arc::clone(&self.progress)));
        content_at(&self.js, &self.hub, effects, &id, seq, u64::MAX).await
    }
}
