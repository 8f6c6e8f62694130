//! A parked table goes on: what it cannot take in is tried again or, when an operator gave it up, passed over; then everything
//! that waited behind it is taken from the log, while all other tables go on.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use alluvium_kernel::Problem;
use alluvium_tablestore::Mark;

use super::fold::Fold;
use super::history::History;
use super::lane::{Lane, LaneError, Parked};
use super::queue::{Body, Item};
use super::request::Verdict;
use super::rows;

/// Code of requests whose event was given up.
const GIVEN_UP: &str = "storage.given_up";

/// What a table took in when it went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Messages.
    pub messages: u64,
}

impl Lane {
    /// Where the table is parked, when it is.
    pub fn parked(&self) -> Option<Parked> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).parked.clone()
    }

    /// Stands still at the message that is being taken in.
    pub(super) fn park(&self, error: &LaneError) {
        let code = match error {
            LaneError::Effect(problem) => problem.code.clone(),
            LaneError::Diverged(_) => "storage.diverged".to_owned(),
            LaneError::Store(_) | LaneError::Apply(_) => "storage.table_unavailable".to_owned(),
        };
        let parked = Parked { seq: self.at.load(Ordering::Relaxed), code, reason: error.to_string() };
        self.queue.park(parked.seq, &self.progress);
        self.view.write().unwrap_or_else(PoisonError::into_inner).parked = Some(parked);
    }

    /// Moves the mark over a message that is given up. Whoever waits for an answer to it is refused.
    pub(super) async fn pass_over(&self, item: &Item, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        let hash = match &item.body {
            Body::Commit { chain, reply, events } => {
                for event in events.iter().filter(|event| event.event.request_of().is_some()) {
                    let problem = Problem::new(GIVEN_UP, 409, "An operator gave this request up; nothing was changed.");
                    let (request, result) = (event.request().to_owned(), serde_json::json!({}));
                    let refused = Verdict { request, problem: Some(problem), result, columns: None };
                    self.effects.settle(&self.id, item.seq, event, reply.as_deref(), &refused).await?;
                }
                chain.clone()
            }
            Body::Rows { .. } => rows::hash(item),
            Body::Unreadable { .. } => String::new(),
        };
        // Part of it may be in the file: then it is as far as it will ever be.
        let behind = |at: &&Mark| at.seq < item.seq || (at.seq == item.seq && at.hash.contains('#'));
        if let Some(from) = mark.as_ref().filter(behind).cloned() {
            *mark = Some(self.apply(Some(&from), self.mark(item.seq, hash), Vec::new()).await?.0);
        }
        Ok(())
    }

    /// Goes on from where it is parked. `None` when it is not.
    pub(super) async fn resume(&self, fold: &Fold) -> Result<Option<Resumed>, LaneError> {
        let _one = self.remedy.lock().await;
        let Some(parked) = self.parked() else { return Ok(None) };
        let taken = self.take_what_waited(fold, parked.seq).await;
        match taken {
            Ok(resumed) => Ok(Some(resumed)),
            Err(error) => {
                self.report(&error);
                if error.is_final() {
                    self.park(&error);
                }
                Err(error)
            }
        }
    }

    async fn take_what_waited(&self, fold: &Fold, parked: u64) -> Result<Resumed, LaneError> {
        let (mut mark, mut at, mut resumed) = (None, parked, Resumed::default());
        // First beside the running reader, which may take long; then the rest while it stands between two messages.
        for last in [false, true] {
            let held = if last { Some(fold.hold().await) } else { None };
            // From the last one taken, which is there for sure: taking it twice changes nothing.
            let mut history = History::open(&self.js, &self.id, at, fold.progress.read_to() + 1).await?;
            while let Some(batch) = history.next().await? {
                let fresh = batch.iter().filter(|item| item.seq > at || (item.seq == parked && !last)).count();
                let closed = self.take(&batch, &mut mark).await?;
                resumed.messages += fresh as u64;
                at = batch.last().map_or(at, |item: &Arc<Item>| item.seq.max(at));
                if closed {
                    self.queue.end();
                    self.queue.resume(&self.progress);
                    return Ok(resumed);
                }
            }
            if last {
                let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
                (view.trouble, view.parked) = (None, None);
                drop(view);
                self.queue.resume(&self.progress);
            }
            drop(held);
        }
        Ok(resumed)
    }
}
