//! Reading a stream in order from a sequence, for as long as one likes, without ever skipping a message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{
    Message,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
    },
};

use crate::{
    error::{Error, ErrorKind},
    message::{LogMessage, micros},
    pull::{PullRoom, PullSettings, Puller},
};

/// Filter subjects of one tail; the server takes long to make a consumer with more.
pub const FILTERS_MAX: usize = 256;
/// How long the server keeps a consumer that nobody pulls, in seconds.
const CONSUMER_KEPT_SECONDS: u64 = 30;
/// First and longest pause before trying again, in milliseconds.
const PAUSE_MS: (u64, u64) = (20, 2_000);

/// What to read.
#[derive(Clone, Debug)]
pub struct TailConfig {
    /// The stream.
    pub stream: String,
    /// Subjects to read, wildcards allowed; all when empty. At most [`FILTERS_MAX`].
    pub filters: Vec<String>,
    /// The first sequence wanted.
    pub from: u64,
    /// Bounds of what is asked for at once.
    pub pull: PullSettings,
}

/// What a tail gives.
#[derive(Debug)]
pub enum Tailed {
    /// The next message.
    Message(LogMessage),
    /// The consumer was made (again): before trusting what follows, verify that the stream is still the one read so far.
    Reconnected,
    /// Nothing new; the server is alive.
    Idle,
}

/// Tells others how a tail is doing.
#[derive(Clone, Debug)]
pub struct TailHealth {
    began: Instant,
    heard_ms: Arc<AtomicU64>,
}

impl TailHealth {
    /// Time since the server was last heard.
    pub fn silent_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.heard_ms.load(Ordering::Relaxed)))
    }

    fn heard(&self) {
        self.heard_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

/// An ordered reader of one stream.
pub struct Tail {
    js: jetstream::Context,
    config: TailConfig,
    open: Option<Puller>,
    room: Option<PullRoom>,
    /// Last stream sequence given out, or the one before the first wanted.
    last: u64,
    /// Last consumer sequence seen on the open consumer.
    consumer_seq: u64,
    /// Messages after the last one given out, as the server counted them when it sent that one.
    pending: Option<u64>,
    failures: u32,
    health: TailHealth,
}

impl Tail {
    /// A tail that begins with the first [`Self::next`].
    pub fn new(js: jetstream::Context, config: TailConfig) -> Result<Self, Error> {
        if config.filters.len() > FILTERS_MAX {
            let detail = format!("{} filter subjects, the limit is {FILTERS_MAX}", config.filters.len());
            return Err(Error::malformed(format!("reading {}", config.stream), detail));
        }
        let health = TailHealth { began: Instant::now(), heard_ms: Arc::default() };
        let last = config.from.max(1) - 1;
        Ok(Self { js, config, open: None, room: None, last, consumer_seq: 0, pending: None, failures: 0, health })
    }

    /// Bounds what may come from now on.
    pub fn set_room(&mut self, room: PullRoom) {
        self.room = Some(room);
        if let Some(puller) = &mut self.open {
            puller.set_room(room);
        }
    }

    /// A handle for the health page.
    pub fn health(&self) -> TailHealth {
        self.health.clone()
    }

    /// The sequence of the last message given out, or the one before the first wanted.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How many messages there were after the last one given out when the server sent that one; `None` before the first
    /// [`Self::next`].
    pub fn pending(&self) -> Option<u64> {
        self.pending
    }

    /// The next thing. Waits through lost connections and restarted servers; fails only when the stream does not exist or
    /// the server refuses what is asked. Safe to drop while waiting.
    pub async fn next(&mut self) -> Result<Tailed, Error> {
        loop {
            let Some(puller) = self.open.as_mut() else {
                if self.failures > 0 {
                    tokio::time::sleep(pause(self.failures)).await;
                }
                match self.reopen().await {
                    Ok(puller) => {
                        self.open = Some(puller);
                        self.health.heard();
                        return Ok(Tailed::Reconnected);
                    }
                    Err(error) if is_final(&error) => return Err(error),
                    Err(error) => self.broken(&error),
                }
                continue;
            };
            match puller.next().await {
                Ok(Some(message)) => {
                    self.health.heard();
                    self.failures = 0;
                    match self.in_order(message) {
                        Ok(message) => return Ok(Tailed::Message(message)),
                        Err(error) => self.broken(&error),
                    }
                }
                Ok(None) => {
                    self.health.heard();
                    self.failures = 0;
                    return Ok(Tailed::Idle);
                }
                Err(error) => self.broken(&error),
            }
        }
    }

    /// A message that has arrived already, without waiting: what fills a batch.
    pub fn ready(&mut self) -> Option<LogMessage> {
        let result = match self.open.as_mut()?.ready() {
            Ok(message) => self.in_order(message?),
            Err(error) => Err(error),
        };
        match result {
            Ok(message) => {
                self.health.heard();
                Some(message)
            }
            Err(error) => {
                self.broken(&error);
                None
            }
        }
    }

    async fn reopen(&mut self) -> Result<Puller, Error> {
        let trying = || format!("making a consumer of {}", self.config.stream);
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.last + 1 },
            ack_policy: AckPolicy::None,
            filter_subjects: self.config.filters.clone(),
            inactive_threshold: Duration::from_secs(CONSUMER_KEPT_SECONDS),
            num_replicas: 1,
            memory_storage: true,
            max_deliver: -1,
            ..pull::Config::default()
        };
        let consumer =
            self.js.create_consumer_on_stream(config, &self.config.stream).await.map_err(|error| {
                match error.kind() {
                    jetstream::stream::ConsumerErrorKind::JetStream(cause) => Error::refused(trying(), &cause),
                    _ => Error::unknown(trying(), error),
                }
            })?;
        self.consumer_seq = 0;
        self.pending = Some(consumer.cached_info().num_pending);
        let name = &consumer.cached_info().name;
        let mut puller = Puller::open(&self.js, &self.config.stream, name, self.config.pull).await?;
        if let Some(room) = self.room {
            puller.set_room(room);
        }
        Ok(puller)
    }

    /// The message, if it is the one right after the last on this consumer.
    fn in_order(&mut self, message: Message) -> Result<LogMessage, Error> {
        let trying = || format!("reading {}", self.config.stream);
        let place =
            place(message.reply.as_deref()).ok_or_else(|| Error::malformed(trying(), "a message without place"))?;
        if place.consumer_seq != self.consumer_seq + 1 || place.stream_seq <= self.last {
            let detail = format!(
                "message {} of the consumer came after {}, stream sequence {} after {}",
                place.consumer_seq, self.consumer_seq, place.stream_seq, self.last
            );
            return Err(Error::new(ErrorKind::Unknown, trying(), detail));
        }
        self.consumer_seq = place.consumer_seq;
        self.last = place.stream_seq;
        self.pending = Some(place.pending);
        Ok(LogMessage {
            stream: self.config.stream.clone(),
            seq: place.stream_seq,
            subject: message.subject.into_string(),
            headers: message.headers.unwrap_or_default(),
            payload: message.payload,
            time: alluvium_kernel::Timestamp::from_micros(place.time_nanos / 1000),
            pending: place.pending,
        })
    }

    fn broken(&mut self, error: &Error) {
        self.open = None;
        self.failures = self.failures.saturating_add(1);
        tracing::warn!(stream.name = %self.config.stream, stream.seq = self.last, error = %error, "the tail reads again");
    }
}

/// What JetStream says in the reply subject of a delivered message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many times it was delivered, this time included.
    pub delivered: u64,
    /// Its sequence on the stream.
    pub stream_seq: u64,
    /// Its number on the consumer.
    pub consumer_seq: u64,
    /// When the stream took it in, in nanoseconds since 1970.
    pub time_nanos: i64,
    /// How many more the consumer has.
    pub pending: u64,
}

/// Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<nanos>.<pending>`, or the longer form with domain
/// and account before the stream.
pub fn place(reply: Option<&str>) -> Option<Place> {
    let rest = reply?.strip_prefix("$JS.ACK.")?;
    let skip = if rest.split('.').count() >= 9 { 4 } else { 2 };
    let mut parts = rest.split('.').skip(skip);
    Some(Place {
        delivered: parts.next()?.parse().ok()?,
        stream_seq: parts.next()?.parse().ok()?,
        consumer_seq: parts.next()?.parse().ok()?,
        time_nanos: parts.next()?.parse().ok()?,
        pending: parts.next()?.parse().ok()?,
    })
}

fn is_final(error: &Error) -> bool {
    // 10003 and 10014-ish refusals of a malformed consumer never get better; an absent stream is for the reader to judge.
    error.is_no_stream() || error.kind == ErrorKind::Malformed
}

fn pause(failures: u32) -> Duration {
    Duration::from_millis((PAUSE_MS.0 << failures.min(8)).min(PAUSE_MS.1))
}

/// When a stream was made: with the sequence, it tells a stream from one of the same name made later.
pub async fn stream_created(js: &jetstream::Context, stream: &str) -> Result<(alluvium_kernel::Timestamp, u64), Error> {
    let trying = || format!("asking about stream {stream}");
    let handle = js.get_stream(stream).await.map_err(|error| match error.kind() {
        jetstream::context::GetStreamErrorKind::JetStream(cause) => Error::refused(trying(), &cause),
        _ => Error::unknown(trying(), error),
    })?;
    let info = handle.cached_info();
    Ok((micros(info.created), info.state.last_sequence))
}
