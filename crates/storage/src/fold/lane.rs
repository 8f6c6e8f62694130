//! One table's lane: takes its messages in order and moves its file, transaction by transaction.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use alluvium_kernel::Problem;
use alluvium_kernel::trace::{self, Kind, Span};
use alluvium_tablestore::{
    Applied, ApplyError, Change, Error, Hub, Mark, RowsDecoder, TableFile, TableSchema, avro_schema::avro_schema,
};
use async_nats::jetstream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::effects::Effects;
use super::fold::STREAM;
use super::long::long;
use super::owned::Owned;
use super::progress::Progress;
use super::queue::{Body, CommitEvent, Item, Queue};
use super::rebase::CHECKPOINT_LOST;
use super::request::{self, Effect};
use super::restored::Wanted;
use super::routing::TableId;
use super::rows;
use super::suspect::disk_full;
use super::tries::Tries;

/// First pause before a failed transaction is tried again.
pub(super) const RETRY_MS_MIN: u64 = 50;
/// Longest pause between tries.
pub(super) const RETRY_MS_MAX: u64 = 5_000;

/// The code of a table that stands still for a while.
pub(super) const UNAVAILABLE: &str = "storage.table_unavailable";

/// Messages of one batch that get a span.
const SPANS_PER_BATCH_MAX: usize = 64;

/// Namespace of the Avro schemas of rows; part of their fingerprints, so it never changes.
const ROWS_NAMESPACE: &str = "alluvium.rows";

/// The Avro schema that rows of a table are published with.
pub fn rows_schema(schema: &TableSchema) -> String {
    avro_schema(schema, ROWS_NAMESPACE)
}

/// What everybody may know of a table without opening its file.
#[derive(Clone, Debug, Default)]
pub struct TableView {
    /// Columns and primary key; `None` until the file has been looked at.
    pub schema: Option<Arc<TableSchema>>,
    /// Rows in the table.
    pub rows: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Why the table stands still, when it does.
    pub trouble: Option<Problem>,
    /// Where and why, when only a remedy helps.
    pub parked: Option<Parked>,
}

/// A message that a table cannot take in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Its sequence in the stream.
    pub seq: u64,
    /// Why, as a stable code.
    pub code: String,
    /// Why, for people.
    pub reason: String,
}

/// One table and all that its lane needs.
pub struct Lane {
    /// Which table.
    pub id: TableId,
    /// Its file.
    pub file: TableFile,
    /// What is to be applied.
    pub queue: Queue,
    /// What others see of it.
    pub view: RwLock<TableView>,
    /// When the stream was created, microseconds since 1970.
    pub stream_created_micros: i64,
    /// Earlier schemas, once somebody wrote with one.
    pub(super) schemas: Mutex<Option<Vec<Arc<TableSchema>>>>,
    pub(super) decoder: Mutex<Option<RowsDecoder>>,
    /// The message that is being taken in.
    pub(super) at: AtomicU64,
    /// How often the engine has failed on a request.
    pub(super) tries: Tries,
    /// Held while a request is tried again on which the engine has failed; all tables have the same.
    pub(super) one_by_one: Arc<tokio::sync::Mutex<()>>,
    /// One remedy at a time.
    pub(super) remedy: tokio::sync::Mutex<()>,
    pub(super) js: jetstream::Context,
    pub(super) hub: Hub,
    pub(super) effects: Arc<Effects>,
    pub(super) progress: Arc<Progress>,
    /// Somebody could not read the file.
    pub(super) suspected: Notify,
    pub(super) owned: Arc<Owned>,
    /// Up to here others, or this process before it lost the file, decided: the log is obeyed and nobody is told again.
    pub(super) decided: AtomicU64,
    /// Up to here the file is brought from the log before what is read now counts; none for a table that begins here.
    pub(super) catch_up: Option<u64>,
    /// Ends the lane: the process is ending, or the table is kept elsewhere from now on.
    pub(super) stop: CancellationToken,
    /// The lane has ended.
    pub(super) ended: CancellationToken,
}

/// Why a lane stops for good.
#[derive(Debug)]
pub enum Stopped {
    /// The table was dropped.
    Closed,
    /// The process is ending.
    Cancelled,
}

/// Why a message could not be applied.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaneError {
    #[error(transparent)]
    Store(#[from] Error),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Effect(#[from] Problem),
    #[error("the log refuses a request that the file took, or the other way round: {0}")]
    Diverged(String),
}

impl LaneError {
    /// Whether trying again cannot help: the table is parked with the reason, and every other goes on.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Diverged(_) => true,
            Self::Effect(problem) => [request::POISON, CHECKPOINT_LOST].contains(&problem.code.as_str()),
            Self::Store(_) | Self::Apply(_) => false,
        }
    }
}

impl Lane {
    /// Applies messages until the table is dropped, or leaves, or the process ends.
    pub async fn run(self: Arc<Self>) -> Stopped {
        let _ended = self.ended.clone().drop_guard();
        let stop = self.stop.clone();
        if let Some(until) = self.catch_up {
            if !self.caught_up(until, &stop).await {
                return Stopped::Cancelled;
            }
            self.owned.caught_up(&self.id.project_key(), &self.id.uid);
        }
        if self.is_unfinished().await.unwrap_or(false) {
            self.suspect();
        }
        let mut mark = None;
        let mut pause = RETRY_MS_MIN;
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return Stopped::Cancelled,
                () = self.suspected.notified() => Vec::new(),
                batch = self.queue.next() => batch,
            };
            if batch.is_empty() && self.queue.is_ended() {
                self.queue.close(&self.progress);
                return Stopped::Closed;
            }
            let mut spans = self.spans(&batch);
            let taken = if batch.is_empty() {
                self.check(&mut mark).await.map(|()| false)
            } else {
                self.take(&batch, &mut mark).await
            };
            if let Err(error) = &taken {
                spans.iter_mut().for_each(|span| span.fail(error));
            }
            drop(spans);
            match taken {
                Ok(closed) => {
                    if batch.is_empty() {
                        continue;
                    }
                    self.set_trouble(None);
                    self.queue.applied(batch.len(), &self.progress);
                    pause = RETRY_MS_MIN;
                    if closed {
                        self.queue.close(&self.progress);
                        return Stopped::Closed;
                    }
                }
                Err(error) => {
                    self.report(&error);
                    if error.is_final() {
                        self.park(&error);
                    }
                    self.move_aside_if_corrupt(&error).await;
                    // The engine may have broken on what this file holds: it is looked at before it breaks the engine again.
                    if (batch.is_empty() || self.hub.is_fatal()) && !error.is_final() {
                        self.suspect();
                    }
                    // What the file holds is read again: the failure may have come after a commit.
                    mark = None;
                    tokio::select! {
                        () = stop.cancelled() => return Stopped::Cancelled,
                        () = self.worth_trying(Duration::from_millis(pause)) => {}
                    }
                    pause = (pause * 2).min(RETRY_MS_MAX);
                }
            }
        }
    }

    /// One span for each message that says what it follows from.
    fn spans(&self, batch: &[Arc<Item>]) -> Vec<Span> {
        let traced = batch.iter().filter_map(|item| Some((item, item.trace.as_deref()?)));
        let begin = |(item, parent): (&Arc<Item>, &str)| {
            let mut span = trace::begin(Kind::Consumer, Some(parent), || "apply tables".to_owned());
            span.note("stream.name", STREAM);
            span.note("stream.seq", item.seq);
            span.note("table.id", &self.id.uid);
            span
        };
        traced.take(SPANS_PER_BATCH_MAX).map(begin).collect()
    }

    /// Applies a batch; true when it closed the table.
    pub(super) async fn take(&self, batch: &[Arc<Item>], mark: &mut Option<Mark>) -> Result<bool, LaneError> {
        let Some(first) = batch.first() else { return Ok(false) };
        self.at.store(first.seq, Ordering::Relaxed);
        if mark.is_none() {
            if self.effects.kept().is_gone(&self.id) {
                return self.pass_gone(batch).await;
            }
            *mark = self.look().await?;
            self.recover(batch, mark).await?;
        }
        self.at.store(first.seq, Ordering::Relaxed);
        match &first.body {
            Body::Commit { .. } | Body::Unreadable { .. } if self.effects.is_given_up(first.seq) => {
                self.pass_over(first, mark).await?;
                Ok(false)
            }
            Body::Unreadable { reason } => Err(request::poison(reason).into()),
            Body::Commit { chain, reply, events } => self.commit(first, chain, reply.as_deref(), events, mark).await,
            Body::Rows { .. } => {
                // Rows reach a lane only behind the commit that opened the table, so a missing file is a lost one.
                let Some(from) = mark.clone() else { return Err(Error::NotFound(self.file.to_string()).into()) };
                *mark = Some(rows::take(self, batch, from).await?);
                Ok(false)
            }
        }
    }

    pub(super) async fn commit(
        &self,
        item: &Item,
        chain: &str,
        reply: Option<&str>,
        events: &[CommitEvent],
        mark: &mut Option<Mark>,
    ) -> Result<bool, LaneError> {
        for (index, event) in events.iter().enumerate() {
            let last = index + 1 == events.len();
            let to = self.mark(item.seq, if last { chain.to_owned() } else { format!("{chain}#{index}") });
            let done = mark.as_ref().is_some_and(|at| is_done(at, item.seq, index, last));
            if done && event.event.request_of().is_some() {
                // What it was about may have changed since: what the file says of it counts.
                self.answered(item.seq, event, reply).await?;
                continue;
            }
            let schema = self.view().schema;
            let effect = request::effect(
                &event.event,
                request::moment(event.time, item.seq, index),
                |blob| self.effects.blob_path(blob),
                schema.as_deref(),
            )?;
            match effect {
                Effect::Open { schema, copy_of: None } if mark.is_none() => self.create(schema, to, mark).await?,
                Effect::Open { schema, copy_of: Some(source) } if !done => {
                    self.forked((item.seq, chain), schema, &source, to, mark).await?;
                }
                Effect::Close => {
                    self.blocking(move |hub, file| hub.drop(file).map_err(Into::into)).await?;
                    return Ok(true);
                }
                Effect::Decided(change) if !done => {
                    *mark = Some(self.apply(mark.as_ref(), to, vec![change]).await?.0);
                }
                Effect::Asked(change) => {
                    let change = self.still_meant(item.seq, event, change).await?;
                    self.asked(item.seq, event, reply, change, to, mark).await?;
                }
                Effect::Counted => self.asked(item.seq, event, reply, Ok(None), to, mark).await?,
                Effect::Restored { source, seq, unchanged_since } => {
                    let wanted = Wanted { source, seq: if seq == 0 { item.seq } else { seq }, unchanged_since };
                    self.restored(item.seq, event, reply, wanted, to, mark).await?;
                }
                Effect::Open { .. } | Effect::Decided(_) | Effect::Nothing => {}
            }
        }
        Ok(false)
    }

    /// The file comes to be, empty.
    pub(super) async fn create(&self, schema: TableSchema, at: Mark, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        self.blocking(move |hub, file| hub.create(file, &schema, &at).map_err(Into::into)).await?;
        *mark = self.look().await?;
        Ok(())
    }

    /// One transaction on the file.
    pub(super) async fn apply(
        &self,
        from: Option<&Mark>,
        to: Mark,
        changes: Vec<Change>,
    ) -> Result<(Mark, Applied), LaneError> {
        let Some(from) = from.cloned() else { return Err(Error::NotFound(self.file.to_string()).into()) };
        let is_long = changes.iter().any(Change::is_long);
        let (hub, file, target) = (self.hub.clone(), self.file.clone(), to.clone());
        let work = move || hub.apply(&file, &from, &target, changes);
        let applied = if is_long { long(work).await? } else { self.blocking(|_, _| Ok(work())).await? }?;
        if is_long {
            self.look().await?;
        } else {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            (view.rows, view.bytes) = (applied.rows, applied.bytes_estimate);
        }
        Ok((to, applied))
    }

    /// Reads the file's mark, and shows its schema and size to everybody.
    pub(super) async fn look(&self) -> Result<Option<Mark>, LaneError> {
        let found = self
            .blocking(|hub, file| {
                let Some(mark) = hub.mark(file)? else { return Ok(None) };
                Ok(Some((mark, hub.schema(file)?, hub.stats(file)?)))
            })
            .await?;
        let Some((mark, schema, stats)) = found else { return Ok(None) };
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.schema = schema.map(Arc::new);
        (view.rows, view.bytes) = (stats.rows, stats.bytes);
        Ok(Some(mark))
    }

    /// What others may know of the table now.
    pub fn view(&self) -> TableView {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn mark(&self, seq: u64, hash: String) -> Mark {
        Mark { seq, hash, stream_created_micros: self.stream_created_micros }
    }

    /// Runs blocking work of the hub on a thread that may block.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hub, &TableFile) -> Result<T, LaneError> + Send + 'static,
    ) -> Result<T, LaneError> {
        let (hub, file) = (self.hub.clone(), self.file.clone());
        tokio::task::spawn_blocking(move || work(&hub, &file)).await.unwrap_or_else(|_| Err(Problem::internal().into()))
    }

    /// Whether the log is told what becomes of the message at `seq`.
    pub(super) fn tells(&self, seq: u64) -> bool {
        seq > self.decided.load(Ordering::Relaxed)
    }

    pub(super) fn set_trouble(&self, trouble: Option<Problem>) {
        self.view.write().unwrap_or_else(PoisonError::into_inner).trouble = trouble;
    }

    pub(super) fn report(&self, error: &LaneError) {
        tracing::error!(table.id = %self.id.uid, table.file = %self.file, error = %error, "a table stands still; trying again");
        if let LaneError::Effect(problem) = error
            && problem.code == CHECKPOINT_LOST
        {
            return self.set_trouble(Some(problem.clone()));
        }
        let (code, what) = if error.is_final() {
            ("storage.table_parked", "is parked at an event that cannot be applied; an operator must look at it")
        } else {
            (UNAVAILABLE, "cannot be brought up to date now; it is being retried")
        };
        let table = format!("table {} of bucket {}", self.id.table.decode(), self.id.bucket.decode());
        let trouble = disk_full(error, &table).unwrap_or_else(|| Problem::unavailable(code, format!("{table} {what}")));
        self.set_trouble(Some(trouble));
    }
}

/// Whether the file at `at` already holds event `index` of the commit at `seq`.
fn is_done(at: &Mark, seq: u64, index: usize, last: bool) -> bool {
    if at.seq != seq {
        return at.seq > seq;
    }
    match at.hash.split_once('#') {
        None => true,
        Some((_, applied)) => !last && applied.parse::<usize>().is_ok_and(|applied| applied >= index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_inside_a_commit_says_which_events_are_in() {
        let mark = |seq, hash: &str| Mark { seq, hash: hash.into(), stream_created_micros: 0 };
        assert!(is_done(&mark(5, "c"), 4, 0, true));
        assert!(!is_done(&mark(5, "c"), 6, 0, true));
        assert!(is_done(&mark(5, "c"), 5, 2, true));
        assert!(is_done(&mark(5, "c#1"), 5, 1, false));
        assert!(!is_done(&mark(5, "c#1"), 5, 2, false));
        assert!(!is_done(&mark(5, "c#1"), 5, 2, true));
        assert!(!is_done(&mark(5, "c#empty"), 5, 0, false) && !is_done(&mark(5, "c#empty"), 5, 0, true));
    }
}
