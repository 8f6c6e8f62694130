//! A loop under way: intake, workers, signs of life, and its end.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering as Atomic},
    },
    time::Duration,
};

use futures::{StreamExt, stream::BoxStream};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    context::{Context, Delivery},
    health::{Health, State},
    lanes::Lanes,
    ledger::Ledger,
    metrics::Metrics,
    options::Options,
    outcome::Failure,
    parked::Parked,
    read::Readable,
    retry::RetryMode,
    tiers::Tiers,
    work::{Failed, worker},
};
use crate::{
    bus::Bus,
    transport::{Incoming, Room, Settle, Settler, Source, SourceError, SourceEvent},
    wire::Payload,
};

/// How often a waiting intake looks whether there is more room, in milliseconds.
const LOOK_EVERY_MS: u64 = 250;
/// How often numbers are reported, in milliseconds.
const REPORT_EVERY_MS: u64 = 1_000;
/// How often the broker is asked how far behind the group is, in seconds, and how long its answer is waited for.
const LAG_EVERY_SECONDS: u64 = 15;
const LAG_MS_MAX: u64 = 1_000;
/// How long an intake waits after its source failed in a way that passes, in milliseconds.
const BROKEN_PAUSE_MS: u64 = 500;
/// Messages taken in at once.
const BATCH_MESSAGES_MAX: usize = 256;
/// Signs of life within one `ack_wait`.
const SIGNS_PER_WAIT: u32 = 3;

/// A hook for failures.
pub(crate) type ErrorHook = Arc<dyn Fn(&Failure) + Send + Sync>;

/// A loop ended otherwise than it should.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// A setting that cannot be.
    #[error("{0}")]
    Settings(String),
    /// The hook that runs before the first message failed.
    #[error("the start hook failed: {0}")]
    Startup(String),
    /// It cannot be found out where to begin.
    #[error("the loop does not know where it stands: {0}")]
    Place(String),
    /// There is nothing to read.
    #[error("the loop cannot read")]
    Subscribe(#[from] crate::transport::SubscribeError),
    /// Messages stopped coming.
    #[error("the loop cannot read on")]
    Source(#[from] SourceError),
    /// A handler said that nothing will work.
    #[error("a handler gave up: {}", .0.first().map_or("", String::as_str))]
    Fatal(Vec<String>),
    /// A worker ended that never should.
    #[error("a worker broke: {0}")]
    Broken(String),
    /// The hook that runs after the last message failed.
    #[error("the end hook failed: {0}")]
    Shutdown(String),
}

impl LoopError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) => "messaging.settings",
            Self::Startup(_) => "messaging.startup_hook",
            Self::Place(_) => "messaging.place",
            Self::Subscribe(error) => error.code(),
            Self::Source(error) => error.code(),
            Self::Fatal(_) => "messaging.handler_fatal",
            Self::Broken(_) => "messaging.worker_broke",
            Self::Shutdown(_) => "messaging.shutdown_hook",
        }
    }
}

/// How a loop ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrainReport {
    /// Messages handled while it ended.
    pub finished: usize,
    /// Messages given back unhandled; they are delivered again.
    pub abandoned: usize,
}

/// What intake and workers share.
pub(crate) struct Shared {
    pub(crate) bus: Bus,
    pub(crate) group: Arc<str>,
    pub(crate) options: Options,
    pub(crate) retry_mode: RetryMode,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) settler: Arc<dyn Settler>,
    pub(super) parked: Option<Parked>,
    /// Counts what kills its process, when the broker does not count deliveries.
    pub(super) ledger: Option<Ledger>,
    /// Where failed messages wait, when the broker does not deliver again by itself.
    pub(super) tiers: Option<Arc<Tiers>>,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    pub(crate) on_error: Option<ErrorHook>,
    pub(crate) stop: CancellationToken,
    pub(crate) finished: Arc<AtomicU64>,
    pub(crate) failed: Mutex<Option<LoopError>>,
}

impl Shared {
    pub(crate) fn count_finished(&self) {
        self.finished.fetch_add(1, Atomic::Relaxed);
    }

    pub(crate) fn tell(&self, failure: Failure) {
        if let Some(hook) = &self.on_error {
            hook(&failure);
        }
    }

    /// Nothing will work: the loop stops.
    pub(crate) fn fatal(&self, chain: Vec<String>) {
        self.fail(LoopError::Fatal(chain));
    }

    fn fail(&self, error: LoopError) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.cancel();
    }
}

/// Runs until told to stop; then lets running handlers finish and gives everything else back.
pub(crate) async fn run<T, H, F>(
    shared: Arc<Shared>,
    mut source: Box<dyn Source>,
    handler: H,
) -> Result<DrainReport, LoopError>
where
    T: Readable,
    H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Failed>> + Send + 'static,
{
    let handler = Arc::new(handler);
    // Dropping the set stops the workers: a loop that is dropped handles nothing more.
    let mut workers = JoinSet::new();
    for _ in 0..shared.options.concurrency {
        workers.spawn(worker::<T, H, F>(shared.clone(), handler.clone()));
    }
    let mut helpers = JoinSet::new();
    helpers.spawn(signs_of_life(shared.clone()));
    helpers.spawn(report(shared.clone()));
    shared.health.phase(State::Ready);
    let read = tokio::select! {
        read = intake(&shared, source.as_mut()) => read,
        Some(ended) = workers.join_next() => Err(LoopError::Broken(match ended {
            Ok(()) => "it ended".to_owned(),
            Err(error) => error.to_string(),
        })),
    };
    shared.health.phase(State::Stopping);
    let report = drain(&shared, source, &mut workers).await;
    drop(helpers);
    let failed = shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (failed, read) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(())) => Ok(report),
    }
}

async fn intake(shared: &Arc<Shared>, source: &mut dyn Source) -> Result<(), LoopError> {
    let mut events: BoxStream<'static, SourceEvent> = source.events();
    let mut batch: Vec<Arc<Delivery>> = Vec::new();
    let mut paused = false;
    let mut asked = Instant::now();
    loop {
        if asked.elapsed() >= Duration::from_secs(LAG_EVERY_SECONDS) {
            asked = Instant::now();
            if let Ok(Ok(lag)) = tokio::time::timeout(Duration::from_millis(LAG_MS_MAX), source.lag()).await {
                shared.metrics.lag.set(lag.total() as f64);
            }
        }
        let room = shared.lanes.free();
        source.room(room);
        if room.any() == paused {
            paused = !paused;
            shared.metrics.paused.set(f64::from(u8::from(paused)));
        }
        let first = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return Ok(()),
            Some(event) = events.next() => {
                on_event(shared, event);
                continue;
            }
            () = shared.lanes.freed(), if !room.any() => continue,
            first = tokio::time::timeout(Duration::from_millis(LOOK_EVERY_MS), source.next()), if room.any() => first,
        };
        let Ok(first) = first else { continue };
        let Some(first) = first else { return Ok(()) };
        shared.health.heard();
        if !accept(shared, first, &mut batch).await? {
            continue;
        }
        fill(shared, source, room, &mut batch).await?;
        shared.metrics.received.increment(batch.len() as u64);
        shared.lanes.take(&mut batch);
    }
}

/// What has arrived behind the first message.
async fn fill(
    shared: &Arc<Shared>,
    source: &mut dyn Source,
    room: Room,
    batch: &mut Vec<Arc<Delivery>>,
) -> Result<(), LoopError> {
    let mut bytes: usize = batch.iter().map(|delivery| delivery.incoming.bytes()).sum();
    while batch.len() < room.messages.min(BATCH_MESSAGES_MAX) && bytes < room.bytes {
        let Some(next) = source.ready() else { break };
        if accept(shared, next, batch).await? {
            bytes += batch.last().map_or(0, |delivery| delivery.incoming.bytes());
        }
    }
    Ok(())
}

async fn accept(
    shared: &Arc<Shared>,
    message: Result<Incoming, SourceError>,
    batch: &mut Vec<Arc<Delivery>>,
) -> Result<bool, LoopError> {
    match message {
        Ok(incoming) => {
            shared.health.heal("source");
            if let Some(ledger) = &shared.ledger {
                ledger.came(&incoming);
            }
            batch.push(Delivery::new(incoming, shared.bus.clone(), shared.group.clone(), shared.options.ordering));
            Ok(true)
        }
        Err(error) if error.retryable() => {
            shared.health.degrade("source", error.to_string());
            tokio::time::sleep(Duration::from_millis(BROKEN_PAUSE_MS)).await;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn on_event(shared: &Arc<Shared>, event: SourceEvent) {
    match event {
        SourceEvent::Reconnected => {
            shared.health.heard();
            shared.health.heal("source");
        }
        SourceEvent::Broken(why) => shared.health.degrade("source", why),
        SourceEvent::Assigned(_) => shared.metrics.rebalances.increment(1),
        SourceEvent::Lost(partitions) => given_away(shared, &partitions),
        SourceEvent::Revoked { partitions, done } => {
            given_away(shared, &partitions);
            let shared = shared.clone();
            tokio::spawn(async move {
                let until = Instant::now() + shared.options.revoke_grace;
                while shared.lanes.holds(&partitions) && Instant::now() < until {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                done.send(()).ok();
            });
        }
    }
}

fn given_away(shared: &Shared, partitions: &[u32]) {
    shared.lanes.revoke(partitions);
    if let Some(ledger) = &shared.ledger {
        ledger.forget(partitions);
    }
}

/// Tells the broker of every message that is held for long that somebody works on it.
async fn signs_of_life(shared: Arc<Shared>) {
    if !shared.bus.capabilities().working {
        return;
    }
    let silent = shared.options.settings.consume.ack_wait / SIGNS_PER_WAIT;
    let mut look = tokio::time::interval((silent / 2).max(Duration::from_millis(10)));
    loop {
        look.tick().await;
        for token in shared.lanes.quiet_since(silent) {
            if let Err(error) = shared.settler.settle(&token, Settle::Working).await {
                tracing::debug!(error = %error, "the broker was not told that a message is worked on");
            }
        }
    }
}

/// Reports numbers, and messages that are stuck.
async fn report(shared: Arc<Shared>) {
    let mut look = tokio::time::interval(Duration::from_millis(REPORT_EVERY_MS));
    loop {
        look.tick().await;
        let (messages, bytes, oldest) = shared.lanes.vitals();
        shared.metrics.in_flight.set(messages as f64);
        shared.metrics.in_flight_bytes.set(bytes as f64);
        shared.metrics.oldest.set(oldest.unwrap_or_default().as_secs_f64());
        if oldest.is_some_and(|oldest| oldest > shared.options.stuck_after()) {
            shared.health.degrade("stuck", format!("a message has been open for {oldest:?}"));
        } else {
            shared.health.heal("stuck");
        }
    }
}

/// Ends: running handlers may finish, everything else is given back.
async fn drain(shared: &Arc<Shared>, mut source: Box<dyn Source>, workers: &mut JoinSet<()>) -> DrainReport {
    let until = Instant::now() + shared.options.drain;
    let rest = shared.lanes.close();
    let before = shared.finished.load(Atomic::Relaxed);
    let mut abandoned = rest.len();
    let hands_back = shared.bus.capabilities().redelivery;
    if hands_back {
        // First, or the broker would give what is handed back to this reader again, which reads no more.
        close(source.as_mut(), until).await;
        for delivery in &rest {
            shared.settler.settle(&delivery.incoming.token, Settle::Retry(Duration::ZERO)).await.ok();
        }
    }
    if tokio::time::timeout_at(until, shared.lanes.quiet()).await.is_err() {
        abandoned += shared.lanes.running();
        tracing::warn!(messages = shared.lanes.running(), "handlers did not finish in time; their messages come again");
    }
    workers.abort_all();
    while workers.join_next().await.is_some() {}
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    if let Err(error) = shared.bus.flush(left).await {
        tracing::warn!(error = %error, "messages of handlers are not acknowledged");
    }
    let began = Instant::now();
    if let Err(error) = shared.settler.commit().await {
        tracing::warn!(error = %error, "the last messages may come again");
    }
    shared.metrics.committed(began.elapsed());
    if !hands_back {
        // Last: the group must not give partitions away whose last messages are not committed.
        close(source.as_mut(), Instant::now() + left).await;
    }
    let finished = shared.finished.load(Atomic::Relaxed).saturating_sub(before) as usize;
    DrainReport { finished, abandoned }
}

async fn close(source: &mut dyn Source, by: Instant) {
    if let Err(error) = source.close(by).await {
        tracing::warn!(error = %error, "the subscription did not end cleanly");
    }
}
