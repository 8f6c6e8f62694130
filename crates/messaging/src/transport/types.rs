//! What goes to a broker and what comes from it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use alluvium_kernel::Timestamp;
use bytes::Bytes;

use crate::{
    dead_letter::names,
    headers::{Headers, NOT_BEFORE},
    profile::ConsumeSettings,
};

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The logical name: Kafka's topic, and what metrics say.
    pub topic: Arc<str>,
    /// The subject on JetStream.
    pub subject: String,
    /// The stream that must take it, on JetStream.
    pub stream: Option<Arc<str>>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its payload; `None` is a tombstone.
    pub payload: Option<Bytes>,
    /// Its headers.
    pub headers: Headers,
    /// Its id, by which the broker knows it again.
    pub id: Option<String>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The partition to put it in, instead of what the key says.
    pub partition: Option<i32>,
    /// Only if the subject's last sequence is this (0: none yet).
    pub expect_last_subject_seq: Option<u64>,
    /// How long the broker keeps it.
    pub ttl: Option<Duration>,
    /// Not to be delivered before this has passed.
    pub delay: Option<Duration>,
    /// How long the kit may try, acknowledgement included; then the publish fails as unknown.
    pub within: Option<Duration>,
}

impl Outgoing {
    /// A message with this payload and nothing else.
    pub fn new(topic: impl Into<Arc<str>>, payload: impl Into<Bytes>) -> Self {
        let topic = topic.into();
        let subject = topic.as_ref().to_owned();
        Self::on(topic, subject, Some(payload.into()))
    }

    /// A message on this subject, a tombstone without a payload, and nothing else.
    pub fn on(topic: impl Into<Arc<str>>, subject: String, payload: Option<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            subject,
            stream: None,
            key: None,
            payload,
            headers: Headers::new(),
            id: None,
            time: None,
            partition: None,
            expect_last_subject_seq: None,
            ttl: None,
            delay: None,
            within: None,
        }
    }

    /// The same with this key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same on this subject.
    #[must_use]
    pub fn on_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// The same under this id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Bytes that it takes about.
    pub fn bytes(&self) -> usize {
        self.payload.as_ref().map_or(0, Bytes::len) + self.key.as_ref().map_or(0, Bytes::len) + self.headers.bytes()
    }
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Position {
    /// On a JetStream stream.
    Stream {
        /// The stream.
        stream: Arc<str>,
        /// Its sequence there, from 1.
        seq: u64,
    },
    /// In a partition of a Kafka topic.
    Partition {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset there, from 0.
        offset: i64,
    },
}

impl fmt::Display for Position {
    /// `stream:seq` or `topic/partition/offset`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream { stream, seq } => write!(out, "{stream}:{seq}"),
            Self::Partition { topic, partition, offset } => write!(out, "{topic}/{partition}/{offset}"),
        }
    }
}

impl Position {
    /// Sequence or offset.
    pub fn number(&self) -> u64 {
        match self {
            Self::Stream { seq, .. } => *seq,
            Self::Partition { offset, .. } => (*offset).max(0) as u64,
        }
    }
}

/// The broker has a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where.
    pub position: Position,
    /// It had it already.
    pub duplicate: bool,
    /// When it took it in, where the broker says so.
    pub time: Option<Timestamp>,
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The logical name.
    pub topic: Arc<str>,
    /// Its subject; on Kafka the topic.
    pub subject: String,
    /// Its partition, as its source calls it.
    pub partition: u32,
    /// Where it stands.
    pub position: Position,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its payload; `None` is a tombstone.
    pub payload: Option<Bytes>,
    /// Its headers.
    pub headers: Headers,
    /// When the broker took it in.
    pub time: Timestamp,
    /// How often the broker has delivered it, this time included.
    pub attempt: u32,
    /// For settling it.
    pub token: SettleToken,
}

impl Incoming {
    /// Bytes that it takes about.
    pub fn bytes(&self) -> usize {
        self.payload.as_ref().map_or(0, Bytes::len) + self.key.as_ref().map_or(0, Bytes::len) + self.headers.bytes()
    }

    /// Where it stood first: before it went to a retry topic, if it did.
    pub fn origin(&self) -> String {
        let noted = self.of_retry(names::ORIGIN);
        noted.map_or_else(|| self.position.to_string(), ToOwned::to_owned)
    }

    /// When the broker took it in first.
    pub fn first_time(&self) -> Timestamp {
        self.of_retry(names::FIRST).and_then(Timestamp::parse).unwrap_or(self.time)
    }

    /// What a message of a retry topic says about itself.
    fn of_retry(&self, name: &str) -> Option<&str> {
        self.headers.get(NOT_BEFORE).and_then(|_| self.headers.get_str(name))
    }

    /// Its id, if it has one.
    pub fn id(&self) -> Option<&str> {
        use crate::headers::{MESSAGE_ID, NATS_MESSAGE_ID};
        self.headers.get_str(NATS_MESSAGE_ID).or_else(|| self.headers.get_str(MESSAGE_ID))
    }
}

/// By what a message is settled; only its transport reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettleToken {
    /// The partition.
    pub partition: u32,
    /// Sequence or offset.
    pub number: u64,
    /// Which delivery or assignment it belongs to; an older one does nothing.
    pub generation: u64,
    /// The subject to answer to, on JetStream.
    pub reply: Option<async_nats::Subject>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Handled.
    Done,
    /// To be delivered again after this.
    Retry(Duration),
    /// Put aside for good; the dead letter is stored already.
    Dead(DeadReason),
    /// Still being worked on: the broker shall wait.
    Working,
}

impl Settle {
    /// As in traces.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry(_) => "retry",
            Self::Dead(_) => "dead",
            Self::Working => "working",
        }
    }
}

/// Why a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeadReason {
    /// Its bytes are not what they should be.
    Decode,
    /// Its schema is unknown.
    Schema,
    /// The handler called it poison.
    Handler,
    /// The handler took too long, each time.
    Deadline,
    /// The handler failed as often as it may.
    Attempts,
    /// The process died each time before the handler came to an end.
    Crash,
    /// An earlier message of its key is a dead letter, and this one waits behind it.
    Sequenced,
}

impl DeadReason {
    /// As it stands in headers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Schema => "schema",
            Self::Handler => "handler",
            Self::Deadline => "deadline",
            Self::Attempts => "attempts",
            Self::Crash => "crash",
            Self::Sequenced => "sequenced",
        }
    }
}

/// How much may be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Messages.
    pub messages: usize,
    /// Bytes.
    pub bytes: usize,
    /// Nothing is taken and unsettled: one message may come whatever its size, or a big one would wait for ever.
    pub idle: bool,
}

impl Room {
    /// Nothing.
    pub const NONE: Self = Self { messages: 0, bytes: 0, idle: false };

    /// Whether a message may come.
    pub const fn any(self) -> bool {
        self.messages > 0 && (self.bytes > 0 || self.idle)
    }
}

/// Where a subscription begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// Where the group has come to; a new group where its profile says.
    #[default]
    Stored,
    /// The first message there is.
    Earliest,
    /// Behind the last.
    Latest,
    /// The first at this time or after.
    Time(Timestamp),
    /// This sequence of the stream.
    Seq(u64),
    /// These offsets by partition.
    Offsets(BTreeMap<i32, i64>),
}

/// What to read.
#[derive(Clone, Debug)]
pub struct SubscribeSpec {
    /// The logical name.
    pub topic: Arc<str>,
    /// Subjects on JetStream, wildcards allowed; the topic when empty.
    pub filters: Vec<String>,
    /// The stream on JetStream; looked up by the first filter when absent.
    pub stream: Option<Arc<str>>,
    /// The group that shares the messages and keeps its place; without one this reader sees all and keeps nothing.
    pub group: Option<String>,
    /// Where to begin.
    pub from: StartFrom,
    /// Which token of the subject (from 0) is the number of the partition, on JetStream.
    pub partition_token: Option<usize>,
    /// How to read.
    pub settings: ConsumeSettings,
}

/// How far behind a reader is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Messages not settled, by partition.
    pub partitions: BTreeMap<u32, u64>,
}

impl Lag {
    /// Of all partitions.
    pub fn total(&self) -> u64 {
        self.partitions.values().sum()
    }
}

/// What a broker can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its name in metrics and traces: `nats`, `kafka` or `memory`.
    pub system: &'static str,
    /// All-or-nothing batches.
    pub atomic_batch: bool,
    /// Expected last sequences.
    pub expect_sequence: bool,
    /// Messages that expire one by one.
    pub ttl: bool,
    /// Messages that are delivered later.
    pub delay: bool,
    /// [`Settle::Retry`] is kept by the broker; else the kit waits or uses retry topics.
    pub redelivery: bool,
    /// [`Settle::Working`] prolongs the broker's patience.
    pub working: bool,
    /// Settling is a watermark per partition: single messages in the middle cannot be settled.
    pub watermark: bool,
    /// A payload may be absent; else tombstones are marked by a header.
    pub null_payload: bool,
    /// Header values may be any bytes; else text, and the rest in base64.
    pub binary_headers: bool,
}
