//! A request on which the engine fails on every try is refused in the end, or it would keep its table from all that is behind it
//! for ever. How much memory a process has is no fact of the log, so the refusal is put there before the file takes it: who folds
//! the table after this, with whatever memory, finds a verdict to obey.

use std::sync::{Mutex, PoisonError};

use alluvium_kernel::Problem;
use alluvium_tablestore::{ApplyError, Error, Fault};
use serde_json::json;
use tokio::sync::MutexGuard;

use super::lane::{Lane, LaneError};
use super::queue::CommitEvent;
use super::request::Verdict;
use crate::contract::TableEvent;

/// How often a request is tried on which the engine fails.
pub(super) const REQUEST_TRIES_MAX: u32 = 5;

/// How often the engine has failed on the request that is being tried.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<Option<(String, u32)>>);

impl Tries {
    /// Counts one more failure; gives how many there are.
    fn failed(&self, request: &str) -> u32 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().filter(|(of, _)| of == request).map_or(0, |(_, tries)| *tries);
        *last = Some((request.to_owned(), before + 1));
        before + 1
    }

    fn has_failed(&self, request: &str) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|(of, _)| of == request)
    }
}

impl Lane {
    /// One after another for what the engine failed on before: two that have room alone may not have it together.
    pub(super) async fn by_itself(&self, request: &str) -> Option<MutexGuard<'_, ()>> {
        if self.tries.has_failed(request) { Some(self.one_by_one.lock().await) } else { None }
    }

    /// After a failure: the refusal that stands on the log from now on, or nothing while another try may help.
    pub(super) async fn gives_up(
        &self,
        seq: u64,
        event: &CommitEvent,
        reply: Option<&str>,
        error: &LaneError,
    ) -> Result<Option<Verdict>, LaneError> {
        let Some(fault) = fault_of(error) else { return Ok(None) };
        let tries = self.tries.failed(event.request());
        // What others decided is obeyed, with as many tries as it takes.
        if tries < REQUEST_TRIES_MAX || !self.tells(seq) || !self.effects.is_live() {
            return Ok(None);
        }
        let memory_bytes = self.hub.config().memory_limit_bytes;
        let problem = Some(refusal(&event.event, fault, tries, memory_bytes));
        let result = json!({});
        let refused = Verdict { request: event.request().to_owned(), problem, result, columns: None };
        tracing::warn!(table.id = %self.id.uid, stream.seq = seq, tries, error = %error, "a request is refused: the engine fails on it");
        match self.effects.settle(&self.id, seq, event, reply, &refused).await? {
            None => Ok(Some(refused)),
            // Another owner was first: the log counts, whatever it says.
            Some(stands) if stands.problem.is_some() => Ok(Some(stands)),
            Some(_) => Ok(None),
        }
    }
}

fn fault_of(error: &LaneError) -> Option<Fault> {
    match error {
        LaneError::Store(Error::Failed(fault)) | LaneError::Apply(ApplyError::Store(Error::Failed(fault))) => {
            Some(*fault)
        }
        LaneError::Store(_) | LaneError::Apply(_) | LaneError::Effect(_) | LaneError::Diverged(_) => None,
    }
}

/// What the caller is told, and can do.
fn refusal(event: &TableEvent, fault: Fault, tries: u32, memory_bytes: u64) -> Problem {
    let (reason, what) = match fault {
        Fault::OutOfMemory => {
            ("out_of_memory", format!("needs more memory than the table engine has ({memory_bytes} bytes)"))
        }
        Fault::Refused => ("engine_refused", "is refused by the table engine for a reason of its own".to_owned()),
        Fault::Broken => ("engine_broke", "breaks the table engine".to_owned()),
    };
    let (code, subject, less) = match event {
        TableEvent::LoadRequested(_) => {
            ("storage.import_failed", "The load", "Load the file in smaller parts with `incremental`")
        }
        _ => ("storage.change_failed", "The change", "Make it in smaller steps, or of a smaller table"),
    };
    let help = match fault {
        Fault::OutOfMemory => format!("{less}, or give the engine more memory (`duckdb.memory_limit`)."),
        Fault::Refused | Fault::Broken => format!("{less}; what the engine said is in the log of the server."),
    };
    let detail = format!("{subject} {what}: it was tried {tries} times, and the table is as it was. {help}");
    Problem::new(code, 400, detail).with_details(json!({ "reason": reason, "tries": tries }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_counted_for_one_request_at_a_time() {
        let tries = Tries::default();
        assert!(!tries.has_failed("a"));
        assert_eq!((tries.failed("a"), tries.failed("a")), (1, 2));
        assert!(tries.has_failed("a") && !tries.has_failed("b"));
        assert_eq!((tries.failed("b"), tries.failed("a")), (1, 1));
    }

    #[test]
    fn only_what_the_engine_failed_on_counts() {
        let store = |error| LaneError::Apply(ApplyError::Store(error));
        assert_eq!(fault_of(&store(Error::Failed(Fault::OutOfMemory))), Some(Fault::OutOfMemory));
        for other in [store(Error::DiskFull), store(Error::Unavailable("x".into())), LaneError::Diverged("x".into())] {
            assert_eq!(fault_of(&other), None);
        }
    }
}
