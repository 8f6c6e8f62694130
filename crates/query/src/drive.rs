//! Runs a plan on a thread of its own, so that computing never holds up what serves requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::error::QueryError;
use crate::session::timed_out;

/// How many results may wait for a slow reader.
const WAITING_MAX: usize = 2;
/// How much stack planning and running have: both go down trees as deep as the text made them.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// What is to be run, and how far.
pub(crate) struct Job {
    pub plan: Arc<dyn ExecutionPlan>,
    pub context: Arc<TaskContext>,
    pub rows_max: Option<u64>,
    pub deadline: Option<Instant>,
    pub permit: Arc<OwnedSemaphorePermit>,
}

/// What becomes of the rows, on the thread that computes them.
pub(crate) trait Stage: Send + 'static {
    /// What goes to the reader.
    type Out: Send + 'static;

    /// Takes some rows.
    fn rows(&mut self, batch: RecordBatch) -> Result<Vec<Self::Out>, QueryError>;

    /// There are no more rows.
    fn end(&mut self) -> Result<Vec<Self::Out>, QueryError>;
}

/// Runs the job. What comes ends with an error, if there is one. It stops soon after the receiver is dropped.
pub(crate) fn spawn<S: Stage>(job: Job, stage: S) -> mpsc::Receiver<Result<S::Out, QueryError>> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let permit = job.permit.clone();
        if let Err(error) = unwound(|| on_large_stack(|| handle.block_on(pull(job, stage, &sender)))) {
            // If this fails, nobody listens any more.
            sender.blocking_send(Err(error)).ok();
        }
        drop(permit);
    });
    receiver
}

async fn pull<S: Stage>(
    job: Job,
    mut stage: S,
    sender: &mpsc::Sender<Result<S::Out, QueryError>>,
) -> Result<(), QueryError> {
    let timeout = async {
        match job.deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(timeout);
    let mut left = job.rows_max.unwrap_or(u64::MAX);
    let mut batches = execute_stream(job.plan, job.context)?;
    loop {
        // In this order: rows are there nearly always.
        let next = tokio::select! {
            biased;
            () = sender.closed() => return Ok(()),
            () = &mut timeout => return Err(timed_out()),
            next = batches.next() => next,
        };
        let Some(batch) = next.transpose()? else { break };
        left = left.checked_sub(batch.num_rows() as u64).ok_or_else(|| {
            QueryError::too_large(format!("the query gives more than {} rows", job.rows_max.unwrap_or(u64::MAX)))
        })?;
        for result in stage.rows(batch)? {
            if sender.send(Ok(result)).await.is_err() {
                return Ok(());
            }
        }
    }
    for result in stage.end()? {
        if sender.send(Ok(result)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Runs `work`, whose trees may be deep, on a stack that is large enough for them.
pub(crate) fn on_large_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::grow(STACK_BYTES, work)
}

/// Runs `work`; a panic inside, which is a mistake of ours or of a library, becomes an error.
pub(crate) fn unwound<T>(work: impl FnOnce() -> Result<T, QueryError>) -> Result<T, QueryError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(QueryError::internal(format!("the query broke off: {}", words.unwrap_or_default())))
    })
}
