//! How Kafka connectors are configured.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::filter::HeaderFilter;
use super::options::{LogLevel, Options};
use crate::config::{Reader, Wrong};
use crate::error::Error;

/// Where reading begins, where no position says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartFrom {
    /// With what is there first.
    Earliest,
    /// With what comes.
    #[default]
    Latest,
    /// At an offset for each partition.
    Offsets(Vec<i64>),
    /// At a time, in milliseconds since 1970.
    Timestamp(i64),
}

/// `kafka_input`.
#[derive(Clone, Debug)]
pub struct InputConfig {
    /// The topic.
    pub topic: String,
    /// Where reading begins.
    pub start_from: StartFrom,
    /// The partitions that are read; all without.
    pub partitions: Option<Vec<i32>>,
    /// How long the cluster may take to say what it has, in seconds.
    pub group_join_timeout_secs: u32,
    /// What librdkafka tells of itself.
    pub log_level: Option<LogLevel>,
    /// Whether it goes on with what is there first if what comes next expired.
    pub resume_earliest_if_data_expires: bool,
    /// Which of headers, timestamp, partition, offset and topic go with a message.
    pub include: [bool; 5],
    /// Whether messages of all partitions come in the order of their times.
    pub synchronize_partitions: bool,
    /// Which messages are read.
    pub header_filter: Option<HeaderFilter>,
    region: Option<String>,
    pub(super) options: Options,
}

#[derive(Deserialize)]
struct RawInput {
    topic: Option<String>,
    topics: Option<Vec<String>>,
    #[serde(default)]
    start_from: StartFrom,
    partitions: Option<Vec<i32>>,
    #[serde(rename = "poller_threads")]
    _poller_threads: Option<u64>,
    #[serde(default = "ten")]
    group_join_timeout_secs: u32,
    log_level: Option<LogLevel>,
    region: Option<String>,
    #[serde(default)]
    resume_earliest_if_data_expires: bool,
    include_headers: Option<bool>,
    include_timestamp: Option<bool>,
    include_partition: Option<bool>,
    include_offset: Option<bool>,
    include_topic: Option<bool>,
    #[serde(default)]
    synchronize_partitions: bool,
    header_filter: Option<HeaderFilter>,
}

/// Where the members of a transport are.
const AT: &str = "transport.config";

/// The members of these names, and all others.
fn split(value: Value, names: &[&str]) -> (Value, Value) {
    let Value::Object(members) = value else { return (value, Value::Object(Map::new())) };
    let (ours, others): (Map<_, _>, Map<_, _>) =
        members.into_iter().filter(|(_, value)| !value.is_null()).partition(|(name, _)| names.contains(&name.as_str()));
    (Value::Object(ours), Value::Object(others))
}

impl InputConfig {
    /// Members that are ours; all others are options of librdkafka.
    const MEMBERS: [&str; 16] = [
        "topic",
        "topics",
        "start_from",
        "partitions",
        "poller_threads",
        "group_join_timeout_secs",
        "log_level",
        "region",
        "resume_earliest_if_data_expires",
        "include_headers",
        "include_timestamp",
        "include_partition",
        "include_offset",
        "include_topic",
        "synchronize_partitions",
        "header_filter",
    ];

    pub(crate) fn read(read: &Reader<'_>, value: Value, unknown: &mut Vec<String>) -> Result<Self, Error> {
        let (ours, options) = split(value, &Self::MEMBERS);
        let raw: RawInput = read.read(AT, ours, unknown)?;
        let options: Options = read.read(AT, options, unknown)?;
        let wrong = |member: &str, reason: &str| Err(Error::member(read.connector, format!("{AT}.{member}"), reason));
        let topic = match (raw.topic, raw.topics) {
            (Some(topic), None) => topic,
            (None, Some(mut topics)) if topics.len() == 1 => topics.remove(0),
            (None, Some(_)) => return wrong("topics", "it must have one entry; make a connector for each topic"),
            (None, None) => return wrong("topic", "it is missing"),
            (Some(_), Some(_)) => return wrong("topics", "only one of `topic` and `topics` may be given"),
        };
        let include =
            [raw.include_headers, raw.include_timestamp, raw.include_partition, raw.include_offset, raw.include_topic];
        Ok(Self {
            topic,
            start_from: raw.start_from,
            partitions: raw.partitions,
            group_join_timeout_secs: raw.group_join_timeout_secs,
            log_level: raw.log_level,
            resume_earliest_if_data_expires: raw.resume_earliest_if_data_expires,
            include: include.map(|given| given.unwrap_or(false)),
            synchronize_partitions: raw.synchronize_partitions,
            header_filter: raw.header_filter,
            region: raw.region,
            options,
        })
    }
}

fn ten() -> u32 {
    10
}

fn sixty() -> u32 {
    60
}

fn check_topic(topic: &str) -> Result<(), Wrong> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if topic.is_empty() || topic.len() > 249 || !topic.bytes().all(is_good) {
        return Err(Wrong::new("topic", format!("{topic:?} is no name of a topic")));
    }
    Ok(())
}

fn check_region(region: Option<&String>) -> Result<(), Wrong> {
    match region {
        Some(_) => Err(Wrong::new("region", "logins by AWS MSK IAM are not supported")),
        None => Ok(()),
    }
}

impl InputConfig {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        check_topic(&self.topic)?;
        check_region(self.region.as_ref())?;
        self.options.check()?;
        if self.options.0.contains_key("auto.offset.reset") {
            return Err(Wrong::new("auto.offset.reset", "say by `start_from` where to begin"));
        }
        for name in ["enable.auto.commit", "enable.auto.offset.store"] {
            if self.options.0.get(name).is_some_and(|value| value != "false") {
                return Err(Wrong::new(name, "it must be \"false\": positions are kept with the pipeline"));
            }
        }
        if let Some(filter) = &self.header_filter {
            filter.compile().map_err(|reason| Wrong::new("header_filter", reason))?;
        }
        if let Some(partitions) = &self.partitions {
            let mut sorted = partitions.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if sorted.is_empty() || sorted.len() < partitions.len() || sorted[0] < 0 {
                return Err(Wrong::new("partitions", "it must have each partition once, and at least one"));
            }
        }
        match (&self.start_from, &self.partitions) {
            (StartFrom::Offsets(offsets), _) if offsets.iter().any(|offset| *offset < 0) => {
                Err(Wrong::new("start_from", "an offset is below 0"))
            }
            (StartFrom::Offsets(offsets), Some(partitions)) if offsets.len() != partitions.len() => {
                Err(Wrong::new("start_from", "it must have as many offsets as there are `partitions`"))
            }
            _ => Wrong::unless_at_least("group_join_timeout_secs", self.group_join_timeout_secs.into(), 1),
        }
    }
}

/// `kafka_output`.
#[derive(Clone, Debug, Deserialize)]
pub struct OutputConfig {
    /// The topic.
    pub topic: String,
    /// Headers that all messages get.
    #[serde(default)]
    pub headers: Vec<KafkaHeader>,
    /// How long the cluster may take to say what it has, in seconds.
    #[serde(default = "sixty")]
    pub initialization_timeout_secs: u32,
    /// Given, each step is a transaction and comes exactly once.
    #[serde(default)]
    pub fault_tolerance: Option<FaultTolerance>,
    /// What librdkafka tells of itself.
    #[serde(default)]
    pub log_level: Option<LogLevel>,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    kafka_service: Option<String>,
    #[serde(skip)]
    pub(super) options: Options,
}

/// Options of the two clients that exactly-once needs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FaultTolerance {
    /// Of the one that reads back how far it is.
    pub consumer_options: Options,
    /// Of the one that writes.
    pub producer_options: Options,
}

/// A header that all messages get.
#[derive(Clone, Debug, Deserialize)]
pub struct KafkaHeader {
    /// Its name.
    pub key: String,
    /// Its value, if it has one.
    #[serde(default)]
    pub value: Option<HeaderValue>,
}

/// A value of a header.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of bytes")]
pub enum HeaderValue {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl HeaderValue {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl OutputConfig {
    /// Members that are ours; all others are options of librdkafka.
    const MEMBERS: [&str; 7] =
        ["topic", "headers", "initialization_timeout_secs", "fault_tolerance", "log_level", "region", "kafka_service"];

    pub(crate) fn read(read: &Reader<'_>, value: Value, unknown: &mut Vec<String>) -> Result<Self, Error> {
        let (ours, options) = split(value, &Self::MEMBERS);
        let mut config: Self = read.read(AT, ours, unknown)?;
        config.options = read.read(AT, options, unknown)?;
        Ok(config)
    }

    pub(crate) fn check(&self) -> Result<(), Wrong> {
        check_topic(&self.topic)?;
        check_region(self.region.as_ref())?;
        if self.kafka_service.is_some() {
            return Err(Wrong::new("kafka_service", "services are not supported; give the options themselves"));
        }
        self.options.check()?;
        if let Some(tolerance) = &self.fault_tolerance {
            for (member, options) in
                [("consumer_options", &tolerance.consumer_options), ("producer_options", &tolerance.producer_options)]
            {
                self.options
                    .with(options)
                    .check()
                    .map_err(|wrong| Wrong::new(format!("fault_tolerance.{member}.{}", wrong.member), wrong.reason))?;
            }
        }
        if self.headers.iter().any(|header| header.key.is_empty() || header.key.contains('\0')) {
            return Err(Wrong::new("headers", "a header has no name, or one with a zero byte"));
        }
        Wrong::unless_at_least("initialization_timeout_secs", self.initialization_timeout_secs.into(), 1)
    }
}
