//! Keeps the index with the log, and tells whether it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_kernel::{Position, Problem, Timestamp};
use alluvium_messaging::{LogMessage, PullSettings, Tail, TailConfig, Tailed, direct, stream_created};
use alluvium_projection::Freshness;
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;

use super::Index;
use crate::error;

/// The stream of this context's events.
pub const STREAM: &str = "EV_SCHEMAS";
/// The fold's name where reads wait for it.
pub const LIVE: &str = "schemas.live";
/// Pause after a failure that the tail cannot get over by itself, in milliseconds.
const RETRY_MS: u64 = 500;

/// The fold in memory with its reader.
pub struct Follower {
    js: jetstream::Context,
    index: Index,
    freshness: Freshness,
    ready: AtomicBool,
}

impl Follower {
    /// A fold that knows nothing yet, and until it runs and has read the log to its end, answers nothing.
    pub fn new(js: jetstream::Context, freshness: Freshness) -> Arc<Self> {
        freshness.register(LIVE, STREAM);
        let (index, ready) = (Index::default(), AtomicBool::new(false));
        Arc::new(Self { js, index, freshness, ready })
    }

    /// What is known now; refuses while the log has not been read to its end once.
    pub fn index(&self) -> Result<&Index, Problem> {
        if self.is_ready() { Ok(&self.index) } else { Err(error::not_ready()) }
    }

    /// Whether the log has been read to its end, as it was when reading began.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// How far the fold is.
    pub fn position(&self) -> Position {
        self.freshness.reached(&[LIVE])
    }

    /// How many messages of the log are not known here yet.
    pub async fn lag(&self) -> Result<u64, Problem> {
        let (_, last) = stream_created(&self.js, STREAM).await?;
        Ok(last.saturating_sub(self.position().seq(STREAM)))
    }

    /// What is known of the schemas that a decision names, ready or not.
    pub(crate) fn known(&self) -> &Index {
        &self.index
    }

    /// Waits until a position is known here.
    pub async fn wait(&self, position: &Position, budget: Duration) -> Result<(), Problem> {
        self.freshness.wait(position, &[LIVE], budget).await
    }

    /// Reads the log for as long as it is not told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let ended = stop.run_until_cancelled(self.read()).await;
            let Some(failure) = ended else { return };
            self.ready.store(false, Ordering::Release);
            tracing::error!(stream.name = STREAM, error = %failure, "the registry's log is read again from its beginning");
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
        let (created, end) = stream_created(&self.js, STREAM).await?;
        self.index.clear();
        self.freshness.reset(LIVE, 0);
        if end == 0 {
            self.ready.store(true, Ordering::Release);
        }
        let pull = PullSettings::default();
        let config = TailConfig { stream: STREAM.to_owned(), filters: Vec::new(), from: 1, pull };
        let mut tail = Tail::new(self.js.clone(), config)?;
        let mut last: Option<LogMessage> = None;
        loop {
            match tail.next().await? {
                Tailed::Message(message) => {
                    self.index.apply(&message);
                    self.freshness.advance(LIVE, message.seq);
                    if message.seq >= end {
                        self.ready.store(true, Ordering::Release);
                    }
                    last = Some(message);
                }
                Tailed::Reconnected => verify(&self.js, created, last.as_ref()).await?,
                Tailed::Idle => {}
            }
        }
    }
}

/// The stream must still be the one read so far: made at the same moment, with the same last message.
async fn verify(js: &jetstream::Context, created: Timestamp, last: Option<&LogMessage>) -> Result<(), Problem> {
    let changed = || Problem::new("platform.log_damaged", 500, format!("Stream {STREAM} is not the one read so far."));
    loop {
        match unchanged(js, created, last).await {
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
    created: Timestamp,
    last: Option<&LogMessage>,
) -> Result<bool, alluvium_messaging::Error> {
    let (now, _) = stream_created(js, STREAM).await?;
    let Some(last) = last.filter(|_| now == created) else { return Ok(now == created) };
    let found = direct::leader_at(js, STREAM, last.seq).await?;
    Ok(found.is_some_and(|found| found.payload == last.payload && found.chain() == last.chain()))
}
