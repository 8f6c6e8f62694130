//! The one who folds: reads, applies, and stops loudly when the stream is not the one it knows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alluvium_kernel::header;
use alluvium_kernel::trace::{self, Kind, Span};
use alluvium_messaging::direct::{extent, leader_at, leader_next};
use alluvium_messaging::{PullSettings, Tail, TailConfig, TailHealth};
use async_nats::jetstream::Context;
use metrics::{counter, gauge, histogram};
use sqlx::PgPool;
use tokio::sync::{MutexGuard, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::apply::Applier;
use crate::batch::{Gathered, Reader};
use crate::parking::Bench;
use crate::past::{PAST_IDLE, PAST_KEPT_MAX, PastGeneration};
use crate::recent::Recent;
use crate::watermark::Watermark;
use crate::{Error, Freshness, PgProjection, Progress, Schema, State, generation, lineage};

/// First and longest pause before trying again, in milliseconds.
const PAUSE_MS: (u64, u64) = (50, 5_000);
/// How long a missing stream may be a server still starting, in milliseconds, before it counts as deleted.
const STREAM_MISSING_MS_MAX: u64 = 3_000;
/// Messages of one batch that get a span; when so many come together, the rest waits for the same transaction.
const SPANS_PER_BATCH_MAX: usize = 64;
/// First and longest time that a runner somebody waits for gives the next message before it asks whether there is one.
const ASKED_MS: (u64, u64) = (3, 1_000);
/// How often what a stream has let go of is deleted.
const TRIM_EVERY: Duration = Duration::from_mins(10);

/// One projection in this process.
pub(crate) struct Unit {
    pub projection: Arc<dyn PgProjection>,
    pub pool: PgPool,
    pub js: Context,
    pub freshness: Freshness,
    pub active: watch::Sender<Arc<Schema>>,
    pub progress: watch::Sender<Option<Progress>>,
    /// Rebuilds, checks and remedies, one at a time.
    pub working: tokio::sync::Mutex<()>,
    /// Earlier points that were read lately.
    pub past: Recent<u64, PastGeneration>,
    status: Mutex<(State, Option<String>)>,
    began: Instant,
    beat_ms: AtomicU64,
    /// How the runner's tail is doing, while it listens.
    heard: Mutex<Option<TailHealth>>,
    control: mpsc::Sender<Hold>,
    /// Whoever has the lock is the runner.
    orders: tokio::sync::Mutex<mpsc::Receiver<Hold>>,
}

/// An order to stand still until released.
pub(crate) struct Hold {
    standing: oneshot::Sender<()>,
    release: oneshot::Receiver<()>,
}

/// While this lives no runner of this process applies anything.
pub(crate) enum Held<'a> {
    Runner { _release: oneshot::Sender<()> },
    Nobody { _lock: MutexGuard<'a, mpsc::Receiver<Hold>> },
}

enum End {
    Stopped,
    Again,
}

impl Unit {
    pub fn new(
        projection: Arc<dyn PgProjection>,
        schema: Schema,
        pool: PgPool,
        js: Context,
        freshness: Freshness,
    ) -> Self {
        let (control, orders) = mpsc::channel(1);
        Self {
            projection,
            pool,
            js,
            freshness,
            active: watch::Sender::new(Arc::new(schema)),
            progress: watch::Sender::new(None),
            working: tokio::sync::Mutex::new(()),
            past: Recent::new(PAST_KEPT_MAX, PAST_IDLE),
            status: Mutex::new((State::Stopped, None)),
            began: Instant::now(),
            beat_ms: AtomicU64::new(u64::MAX),
            heard: Mutex::default(),
            control,
            orders: tokio::sync::Mutex::new(orders),
        }
    }

    pub fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub fn status(&self) -> (State, Option<String>) {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Time since the runner last showed life, or last heard the log if that is longer ago; `None` without one.
    pub fn silent_for(&self) -> Option<Duration> {
        let beat = self.beat_ms.load(Ordering::Relaxed);
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(TailHealth::silent_for);
        let silent = self.began.elapsed().saturating_sub(Duration::from_millis(beat));
        (beat != u64::MAX).then(|| silent.max(heard.unwrap_or_default()))
    }

    fn listens(&self, tail: Option<TailHealth>) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = tail;
    }

    fn beat(&self) {
        self.beat_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn set(&self, state: State, error: Option<String>) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = (state, error);
    }

    /// Makes the runner stand still between two batches; when there is none, keeps one from starting.
    pub async fn hold(&self) -> Held<'_> {
        let (standing, stands) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let order = async {
            // Fails only when the receiver is gone, which lives as long as we do.
            let _ = self.control.send(Hold { standing, release: released }).await;
            if stands.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            lock = self.orders.lock() => Held::Nobody { _lock: lock },
            () = order => Held::Runner { _release: release },
        }
    }

    /// Runs until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut orders = self.orders.lock().await;
        let mut failures = 0;
        let mut missing_since = None;
        loop {
            self.beat();
            let ended = self.session(&mut orders, &stop, &mut failures, &mut missing_since).await;
            self.listens(None);
            let error = match ended {
                Ok(End::Stopped) => break,
                Ok(End::Again) => continue,
                Err(error) => self.judged(error, &mut missing_since),
            };
            let pause = if let Error::Quarantine(reason) = &error {
                self.quarantine(reason).await
            } else {
                tracing::warn!(projection = self.name(), error = %error, "a projection waits and tries again");
                self.set(State::Retrying, Some(error.to_string()));
                failures = (failures + 1).min(16);
                Duration::from_millis((PAUSE_MS.0 << failures).min(PAUSE_MS.1))
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(hold) = orders.recv() => self.stand(hold).await,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.set(State::Stopped, None);
        self.beat_ms.store(u64::MAX, Ordering::Relaxed);
    }

    /// A stream that stays away is a deleted stream, unless nothing was read from it yet.
    fn judged(&self, error: Error, missing_since: &mut Option<Instant>) -> Error {
        let Error::Log(log) = &error else { return error };
        if !log.is_no_stream() {
            return error;
        }
        let since = *missing_since.get_or_insert_with(Instant::now);
        let applied = self.freshness.applied(self.name()).unwrap_or(0);
        if applied > 0 && since.elapsed() > Duration::from_millis(STREAM_MISSING_MS_MAX) {
            return Error::Quarantine(format!(
                "the stream {} was deleted; applied so far: {applied}",
                self.projection.stream()
            ));
        }
        error
    }

    /// Writes the quarantine down, so that a restart does not forget it; gives how long to wait before looking again.
    async fn quarantine(&self, reason: &str) -> Duration {
        if self.status().0 != State::Quarantined {
            tracing::error!(projection = self.name(), reason, "QUARANTINED: the stream is not the one folded so far");
        }
        self.set(State::Quarantined, Some(reason.to_owned()));
        gauge!("alluvium_projection_quarantined", "projection" => self.name()).set(1.0);
        let generation = self.active.borrow().generation();
        let written = async {
            let mut db = self.pool.acquire().await?;
            Watermark::quarantine(&mut db, self.name(), generation, reason).await
        };
        if let Err(error) = written.await {
            tracing::warn!(projection = self.name(), error = %error, "the quarantine could not be written down yet");
        }
        Duration::from_millis(PAUSE_MS.1)
    }

    async fn stand(&self, hold: Hold) {
        self.listens(None);
        let before = self.status();
        self.set(State::Held, before.1);
        if hold.standing.send(()).is_ok() {
            let mut released = hold.release;
            let mut tick = tokio::time::interval(Duration::from_secs(1));
            loop {
                tokio::select! {
                    _ = &mut released => break,
                    _ = tick.tick() => self.beat(),
                }
            }
        }
    }

    /// From the stored watermark on, until something is in doubt.
    async fn session(
        &self,
        orders: &mut mpsc::Receiver<Hold>,
        stop: &CancellationToken,
        failures: &mut u32,
        missing_since: &mut Option<Instant>,
    ) -> Result<End, Error> {
        let mut applier = self.open().await?;
        if let Some(reason) = &applier.watermark.quarantined {
            return Err(Error::Quarantine(reason.clone()));
        }
        let facts = lineage::verify(&self.js, &*self.projection, &applier.watermark).await?;
        applier.adopt(facts.created).await?;
        *missing_since = None;
        self.freshness.reset(self.name(), applier.watermark.seq);
        self.set(State::Running, None);
        gauge!("alluvium_projection_quarantined", "projection" => self.name()).set(0.0);

        let mut reader = self.reader(applier.watermark.seq + 1)?;
        self.listens(Some(reader.health()));
        let wanted = self.freshness.wanted(self.name());
        // Somebody waits for more than is applied: how long the next message may take before we ask whether there is one.
        let mut asked_ms = None;
        let mut trimmed: Option<Instant> = None;
        loop {
            if trimmed.is_none_or(|at| at.elapsed() > TRIM_EVERY) {
                let schema = applier.schema.clone();
                lineage::trim(&self.pool, &self.js, &*self.projection, &[&schema]).await?;
                trimmed = Some(Instant::now());
            }
            // Lives through the other branches: dropping it would begin a reconnect anew each time.
            let gathered = {
                let mut first = std::pin::pin!(reader.first());
                loop {
                    self.beat();
                    let ask = Duration::from_millis(asked_ms.unwrap_or(ASKED_MS.1));
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return Ok(End::Stopped),
                        Some(hold) = orders.recv() => {
                            self.stand(hold).await;
                            return Ok(End::Again);
                        }
                        gathered = &mut first => break gathered?,
                        () = wanted.notified() => asked_ms = Some(ASKED_MS.0),
                        () = tokio::time::sleep(ask) => {
                            if asked_ms.is_some() && !self.pass(&mut applier).await? {
                                asked_ms = Some((ask.as_millis() as u64 * 2).min(ASKED_MS.1));
                            } else {
                                asked_ms = None;
                            }
                        }
                    }
                }
            };
            match gathered {
                Gathered::Messages(batch) => {
                    self.fold(&mut applier, &mut reader, batch).await?;
                    asked_ms = asked_ms.map(|_| ASKED_MS.0);
                }
                Gathered::Reconnected => {
                    let facts = lineage::verify(&self.js, &*self.projection, &applier.watermark).await?;
                    applier.adopt(facts.created).await?;
                }
                Gathered::Idle => {
                    self.pass(&mut applier).await?;
                }
            }
            *failures = 0;
        }
    }

    /// Moves over what does not concern the fold; tells whether that is everything there is.
    async fn pass(&self, applier: &mut Applier) -> Result<bool, Error> {
        let everything = pass_irrelevant(&self.js, applier, u64::MAX).await?;
        self.freshness.advance(self.name(), applier.watermark.seq);
        if everything {
            self.measure(applier, 0);
        }
        Ok(everything)
    }

    async fn fold(
        &self,
        applier: &mut Applier,
        reader: &mut Reader,
        mut batch: Vec<alluvium_messaging::LogMessage>,
    ) -> Result<(), Error> {
        reader.fill(&mut batch).await;
        batch.retain(|message| message.seq > applier.watermark.seq);
        let Some(pending) = batch.last().map(|last| last.pending) else { return Ok(()) };
        let started = Instant::now();
        let mut spans = self.spans(&batch);
        let applied = applier.apply(&batch).await;
        if let Err(error) = &applied {
            spans.iter_mut().for_each(|span| span.fail(error));
        }
        drop(spans);
        let parked = applied?;
        self.freshness.advance(self.name(), applier.watermark.seq);
        histogram!("alluvium_projection_batch_seconds", "projection" => self.name()).record(started.elapsed());
        counter!("alluvium_projection_events_total", "projection" => self.name()).increment(batch.len() as u64);
        counter!("alluvium_projection_parked_total", "projection" => self.name()).increment(parked as u64);
        self.measure(applier, pending);
        Ok(())
    }

    /// One span for each message that says what it follows from.
    fn spans(&self, batch: &[alluvium_messaging::LogMessage]) -> Vec<Span> {
        if !trace::is_on() {
            return Vec::new();
        }
        let traced = batch.iter().filter_map(|message| Some((message, message.header(header::TRACE_PARENT)?)));
        let begin = |(message, parent): (&alluvium_messaging::LogMessage, &str)| {
            let mut span = trace::begin(Kind::Consumer, Some(parent), || format!("apply {}", self.name()));
            span.note("stream.name", &message.stream);
            span.note("stream.seq", message.seq);
            span
        };
        traced.take(SPANS_PER_BATCH_MAX).map(begin).collect()
    }

    fn measure(&self, applier: &Applier, pending: u64) {
        gauge!("alluvium_projection_lag_events", "projection" => self.name()).set(pending as f64);
        gauge!("alluvium_projection_watermark", "projection" => self.name()).set(applier.watermark.seq as f64);
        gauge!("alluvium_projection_parked_keys", "projection" => self.name()).set(applier.parked.len() as f64);
    }

    async fn open(&self) -> Result<Applier, Error> {
        let number = generation::read_active(&self.pool, &*self.projection).await?;
        self.switch_to(number);
        let schema = self.active.borrow().clone();
        Applier::open(&self.pool, self.projection.clone(), schema, true).await
    }

    /// Makes reads of this process use a generation.
    pub fn switch_to(&self, number: i32) {
        self.active.send_if_modified(|schema| {
            let moves = schema.generation() != number;
            if moves {
                *schema = Arc::new(Schema::new(self.projection.schema(), number));
            }
            moves
        });
    }

    /// Where remedies are made on a generation.
    pub fn bench<'a>(&'a self, schema: &'a Schema) -> Bench<'a> {
        Bench { pool: &self.pool, js: &self.js, projection: &*self.projection, schema }
    }

    pub fn reader(&self, from: u64) -> Result<Reader, Error> {
        let config = TailConfig {
            stream: self.projection.stream().to_owned(),
            filters: self.projection.subjects(),
            from,
            pull: PullSettings::default(),
        };
        Ok(Reader::new(Tail::new(self.js.clone(), config)?))
    }
}

/// Moves the watermark over the end of the stream, up to `limit`, when none of it concerns this projection. Tells whether
/// everything up to there is dealt with.
pub(crate) async fn pass_irrelevant(js: &Context, applier: &mut Applier, limit: u64) -> Result<bool, Error> {
    let projection = applier.projection.clone();
    let stream = projection.stream();
    let facts = lineage::facts(js, stream).await?;
    if facts.created != applier.watermark.stream_created {
        let made_anew =
            format!("the stream {stream} was deleted and made anew; applied so far: {}", applier.watermark.seq);
        return if applier.watermark.seq == 0 { Ok(false) } else { Err(Error::Quarantine(made_anew)) };
    }
    let (from, target) = (applier.watermark.seq + 1, facts.last_seq.min(limit));
    if facts.last_seq < applier.watermark.seq {
        let cut =
            format!("the stream {stream} ends at {}, it was truncated; applied so far: {}", facts.last_seq, from - 1);
        return Err(Error::Quarantine(cut));
    }
    if target < from {
        return Ok(true);
    }
    let subjects = projection.subjects();
    if subjects.is_empty() {
        return Ok(false);
    }
    for subject in subjects {
        // Asked of the leader: only it knows that there is no such message.
        if leader_next(js, stream, &subject, from).await?.is_some_and(|message| message.seq <= target) {
            return Ok(false);
        }
    }
    // A purged message cannot vouch for the stream later on; the watermark then stays where it is.
    match leader_at(js, stream, target).await? {
        Some(message) => applier.pass(&message).await?,
        None if projection.forgets() && extent(js, stream).await?.first > target => {
            applier.pass_forgotten(target).await?;
        }
        None => {}
    }
    Ok(true)
}
