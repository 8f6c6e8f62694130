//! Looking after topics, and looking at what they hold.

use std::time::Duration;

use alluvium_kernel::{BoxFuture, Timestamp};
use bytes::Bytes;

use super::{AdminError, Lag, Position};
use crate::headers::Headers;

/// A topic to make.
#[derive(Clone, Debug, Default)]
pub struct TopicSpec {
    /// Its logical name; on JetStream also the subject, unless `subjects` says others.
    pub topic: String,
    /// The stream on JetStream; from the topic's name when absent.
    pub stream: Option<String>,
    /// Its subjects on JetStream.
    pub subjects: Vec<String>,
    /// Its partitions on Kafka; 1 when absent.
    pub partitions: Option<u32>,
    /// How many copies; 1 when absent.
    pub replicas: Option<u32>,
    /// How long messages are kept; for ever when absent.
    pub retention: Option<Duration>,
    /// Only the last message of each key or subject is kept.
    pub compact: bool,
    /// How long message ids are remembered, on JetStream.
    pub dedup: Option<Duration>,
    /// Messages may be published now and delivered later. On JetStream they wait on subjects of their own in the same stream.
    pub delays: bool,
}

/// What is known of a topic.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TopicInfo {
    /// Its name; on JetStream the stream's.
    pub name: String,
    /// Its subjects, on JetStream.
    pub subjects: Vec<String>,
    /// Its partitions.
    pub partitions: u32,
    /// How many copies.
    pub replicas: u32,
    /// Messages that it holds, where the broker counts them.
    pub messages: Option<u64>,
    /// Bytes that it holds, where the broker counts them.
    pub bytes: Option<u64>,
    /// First and last sequence, on JetStream.
    pub sequences: Option<(u64, u64)>,
}

/// Which stored messages to look at.
#[derive(Clone, Debug, Default)]
pub struct Browse {
    /// The stream or topic.
    pub name: String,
    /// Only messages of these subjects, wildcards allowed; `>` for all.
    pub filter: String,
    /// Only of this partition, on Kafka.
    pub partition: Option<i32>,
    /// From this sequence or offset on.
    pub from: u64,
    /// At most so many messages.
    pub messages_max: usize,
}

/// A stored message.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its subject or topic.
    pub subject: String,
    /// Where it stands.
    pub position: Position,
    /// When the broker took it in.
    pub time: Timestamp,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its payload; `None` is a tombstone.
    pub payload: Option<Bytes>,
    /// Its headers.
    pub headers: Headers,
}

/// Looks after topics.
pub trait Admin: Send + Sync {
    /// Makes a topic; one that is there already stays as it is.
    fn create(&self, spec: TopicSpec) -> BoxFuture<'_, Result<(), AdminError>>;

    /// What is known of all topics.
    fn list(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, AdminError>>;

    /// What is known of one.
    fn describe(&self, name: String) -> BoxFuture<'_, Result<TopicInfo, AdminError>>;

    /// Removes one with everything in it.
    fn delete(&self, name: String) -> BoxFuture<'_, Result<(), AdminError>>;

    /// How far a group is behind.
    fn lag(&self, name: String, group: String) -> BoxFuture<'_, Result<Lag, AdminError>>;

    /// Stored messages, in order, without taking them from anybody.
    fn browse(&self, what: Browse) -> BoxFuture<'_, Result<Vec<Stored>, AdminError>>;

    /// Removes one stored message.
    fn remove(&self, position: Position) -> BoxFuture<'_, Result<(), AdminError>>;
}
