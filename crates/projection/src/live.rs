//! Folds that live in memory: each process reads the whole of a stream when it starts and goes on with it, and answers from
//! what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alluvium_kernel::{Position, Problem, Timestamp};
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed, direct, stream_created};
use async_nats::jetstream;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::Freshness;

/// How long [`Live::catch_up`] waits for the log to be read to its end, in milliseconds.
const CATCH_UP_MS: u64 = 2_000;
/// Pause after a failure that the tail cannot get over by itself, in milliseconds.
const RETRY_MS: u64 = 500;

/// What messages come to. It is shared with those who read it, so it changes behind a lock of its own.
pub trait LiveFold: Default + Send + Sync + 'static {
    /// The stream it folds.
    const STREAM: &'static str;
    /// Its name where reads wait for it.
    const NAME: &'static str;

    /// Forgets everything, before the log is read again from its beginning.
    fn clear(&self);

    /// Takes one message in. What cannot be used is for it to tell people.
    fn apply(&self, message: &LogMessage);

    /// The answer to who asks before the log has been read to its end once.
    fn not_ready() -> Problem;
}

/// A fold in memory with its reader.
pub struct Live<F> {
    js: jetstream::Context,
    fold: F,
    freshness: Freshness,
    ready: AtomicBool,
    /// When the last look at the log's end began, and how it ended.
    last_look: Mutex<Option<(Instant, Result<(), Problem>)>>,
}

impl<F: LiveFold> Live<F> {
    /// A fold that knows nothing yet, and until it runs and has read the log to its end, answers nothing.
    pub fn new(js: jetstream::Context, freshness: Freshness) -> Arc<Self> {
        freshness.register(F::NAME, F::STREAM);
        Arc::new(Self { js, fold: F::default(), freshness, ready: AtomicBool::new(false), last_look: Mutex::new(None) })
    }

    /// What holds now; refuses while the log has not been read to its end once.
    pub fn get(&self) -> Result<&F, Problem> {
        if self.is_ready() { Ok(&self.fold) } else { Err(F::not_ready()) }
    }

    /// What is known by now, ready or not.
    pub fn known(&self) -> &F {
        &self.fold
    }

    /// Whether the log has been read to its end, as it was when reading began.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// How far the fold is.
    pub fn position(&self) -> Position {
        self.freshness.reached(&[F::NAME])
    }

    /// How many messages of the log are not known here yet.
    pub async fn lag(&self) -> Result<u64, Problem> {
        let (_, last) = stream_created(&self.js, F::STREAM).await?;
        Ok(last.saturating_sub(self.position().seq(F::STREAM)))
    }

    /// Waits until everything that is on the log by now is known here: before a refusal, so that what another process wrote a
    /// moment ago is not refused. Many callers share one look at the log.
    pub async fn catch_up(&self) -> Result<(), Problem> {
        let asked = Instant::now();
        let mut last_look = self.last_look.lock().await;
        if let Some((began, result)) = &*last_look
            && *began >= asked
        {
            return result.clone();
        }
        let began = Instant::now();
        let result = self.look().await;
        *last_look = Some((began, result.clone()));
        result
    }

    async fn look(&self) -> Result<(), Problem> {
        let (_, last) = stream_created(&self.js, F::STREAM).await?;
        self.wait(&Position::of(F::STREAM, last), Duration::from_millis(CATCH_UP_MS)).await
    }

    /// Waits until a position is known here.
    pub async fn wait(&self, position: &Position, budget: Duration) -> Result<(), Problem> {
        self.freshness.wait(position, &[F::NAME], budget).await
    }

    /// Reads the log for as long as it is not told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let ended = stop.run_until_cancelled(self.read()).await;
            let Some(failure) = ended else { return };
            self.ready.store(false, Ordering::Release);
            let name = F::NAME;
            tracing::error!(stream.name = F::STREAM, fold.name = name, error = %failure, "a log is read again from its beginning");
            if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(RETRY_MS))).await.is_none() {
                return;
            }
        }
    }

    /// Reads from the beginning; ends only with the reason why it must begin again.
    async fn read(&self) -> Problem {
        match self.read_on().await {
            Ok(never) => match never {},
            Err(problem) => problem,
        }
    }

    async fn read_on(&self) -> Result<std::convert::Infallible, Problem> {
        let (created, end) = stream_created(&self.js, F::STREAM).await?;
        self.fold.clear();
        self.freshness.reset(F::NAME, 0);
        if end == 0 {
            self.ready.store(true, Ordering::Release);
        }
        let pull = PullSettings::default();
        let config = TailConfig { stream: F::STREAM.to_owned(), filters: Vec::new(), from: 1, pull };
        let mut tail = Tail::new(self.js.clone(), config)?;
        let mut last: Option<LogMessage> = None;
        loop {
            match tail.next().await? {
                Tailed::Message(message) => {
                    self.fold.apply(&message);
                    self.freshness.advance(F::NAME, message.seq);
                    if message.seq >= end {
                        self.ready.store(true, Ordering::Release);
                    }
                    last = Some(message);
                }
                Tailed::Reconnected => verify(&self.js, F::STREAM, created, last.as_ref()).await?,
                Tailed::Idle => {}
            }
        }
    }
}

/// The stream must still be the one read so far: made at the same moment, with the same last message.
async fn verify(
    js: &jetstream::Context,
    stream: &str,
    created: Timestamp,
    last: Option<&LogMessage>,
) -> Result<(), Problem> {
    let changed = || Problem::new("platform.log_damaged", 500, format!("Stream {stream} is not the one read so far."));
    loop {
        match unchanged(js, stream, created, last).await {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(changed()),
            Err(error) if error.is_no_stream() => return Err(changed()),
            // The log is away: what was read so far goes on holding.
            Err(_) => tokio::time::sleep(Duration::from_millis(RETRY_MS)).await,
        }
    }
}

async fn unchanged(
    js: &jetstream::Context,
    stream: &str,
    created: Timestamp,
    last: Option<&LogMessage>,
) -> Result<bool, alluvium_messaging::Error> {
    let (now, _) = stream_created(js, stream).await?;
    let Some(last) = last.filter(|_| now == created) else { return Ok(now == created) };
    let found = direct::leader_at(js, stream, last.seq).await?;
    Ok(found.is_some_and(|found| found.payload == last.payload && found.chain() == last.chain()))
}
