//! How NATS connectors are configured.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_nats::jetstream::consumer;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::config::Wrong;
use crate::secret::Secret;

/// How long one pull may wait for messages at most, in seconds.
pub const PULL_SECS_MAX: u64 = 5;
/// How many messages one pull asks for, where nothing else is said, and at most.
pub const PULL_MESSAGES_MAX: usize = 1000;

/// Where a server is and how to get in.
#[derive(Clone, Debug, Deserialize)]
pub struct Connection {
    /// The URL of the server, or several with commas between.
    pub server_url: Secret,
    /// How to get in.
    #[serde(default)]
    pub auth: Auth,
    /// How long connecting may take, in seconds.
    #[serde(default = "ten")]
    pub connection_timeout_secs: u64,
    /// How long an answer may take, in seconds.
    #[serde(default = "ten")]
    pub request_timeout_secs: u64,
}

/// How to get in. Of several, the first of this order is used; a JWT needs the `nkey` that signs for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Auth {
    /// A credentials file.
    pub credentials: Option<Credentials>,
    /// A user's JWT.
    pub jwt: Option<Secret>,
    /// A user's seed.
    pub nkey: Option<Secret>,
    /// A token.
    pub token: Option<Secret>,
    /// User and password.
    pub user_and_password: Option<UserAndPassword>,
}

/// A credentials file.
#[derive(Clone, Debug, Deserialize)]
pub enum Credentials {
    /// What is in it.
    FromString(Secret),
    /// Where it is, on the server, below a directory that is allowed.
    FromFile(String),
}

/// User and password.
#[derive(Clone, Debug, Deserialize)]
pub struct UserAndPassword {
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// `nats_input`.
#[derive(Clone, Debug, Deserialize)]
pub struct InputConfig {
    /// The server.
    pub connection_config: Connection,
    /// The stream.
    pub stream_name: String,
    /// How long nothing may come before the stream is looked at, in seconds.
    #[serde(default = "sixty")]
    pub inactivity_timeout_secs: u64,
    /// How long to wait before it is tried again, in seconds.
    #[serde(default = "five")]
    pub retry_interval_secs: u64,
    /// What is read of the stream.
    pub consumer_config: ConsumerSettings,
}

/// What is read of a stream, and how.
#[derive(Clone, Debug, Deserialize)]
pub struct ConsumerSettings {
    /// The consumer's name; the server chooses one without.
    #[serde(default)]
    pub name: Option<String>,
    /// What the consumer is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Where it begins, where no position says.
    pub deliver_policy: DeliverPolicy,
    /// Which subjects it reads; all without.
    #[serde(default)]
    pub filter_subjects: Vec<String>,
    /// How fast.
    #[serde(default)]
    pub replay_policy: ReplayPolicy,
    /// Bits per second; no limit for 0.
    #[serde(default)]
    pub rate_limit: u64,
    /// Pulls that may wait; the server's own limit for 0.
    #[serde(default)]
    pub max_waiting: i64,
    /// Names and values for whoever looks at the consumer.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Messages to a pull.
    #[serde(default)]
    pub max_batch: Option<i64>,
    /// Bytes to a pull.
    #[serde(default)]
    pub max_bytes: Option<i64>,
    /// How long a pull may wait: `30s`, `1m`.
    #[serde(default)]
    pub max_expires: Option<String>,
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum DeliverPolicy {
    /// With the first message.
    All,
    /// With the last message.
    Last,
    /// Behind the last message.
    New,
    /// With the last message of each subject.
    LastPerSubject,
    /// At a sequence.
    ByStartSequence {
        /// The sequence.
        start_sequence: u64,
    },
    /// At a time.
    ByStartTime {
        /// The time: RFC 3339.
        start_time: jiff::Timestamp,
    },
}

/// How fast messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ReplayPolicy {
    /// As fast as it goes.
    #[default]
    Instant,
    /// As they came.
    Original,
}

/// `nats_output`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    /// The server.
    pub connection_config: Connection,
    /// The stream. A message that another stream would take is refused.
    pub stream_name: String,
    /// The subject of messages; `{column}` stands for the row's value, in which what a subject must not have is
    /// written `_`.
    pub subject: String,
    /// Names and values that all messages get.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

fn five() -> u64 {
    5
}

fn ten() -> u64 {
    10
}

fn sixty() -> u64 {
    60
}

impl Connection {
    fn check(&self) -> Result<(), Wrong> {
        let at = |member: &str| format!("connection_config.{member}");
        Wrong::unless_at_least(&at("connection_timeout_secs"), self.connection_timeout_secs, 1)?;
        Wrong::unless_at_least(&at("request_timeout_secs"), self.request_timeout_secs, 1)?;
        if self.auth.jwt.is_some() && self.auth.nkey.is_none() && self.auth.credentials.is_none() {
            return Err(Wrong::new(at("auth.jwt"), "a JWT needs `nkey`, the seed that signs for it"));
        }
        Ok(())
    }
}

fn check_stream(name: &str) -> Result<(), Wrong> {
    let is_bad = |each: char| each.is_whitespace() || each.is_control() || ".*>/\\".contains(each);
    if name.is_empty() || name.chars().any(is_bad) {
        return Err(Wrong::new("stream_name", format!("{name:?} is no name of a stream")));
    }
    Ok(())
}

impl InputConfig {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        self.connection_config.check()?;
        check_stream(&self.stream_name)?;
        Wrong::unless_at_least("inactivity_timeout_secs", self.inactivity_timeout_secs, 1)?;
        Wrong::unless_at_least("retry_interval_secs", self.retry_interval_secs, 1)?;
        let consumer = &self.consumer_config;
        for (member, value) in [("max_batch", consumer.max_batch), ("max_bytes", consumer.max_bytes)] {
            if value.is_some_and(|value| value < 1) {
                return Err(Wrong::new(format!("consumer_config.{member}"), "it must be at least 1"));
            }
        }
        consumer.expires().map(drop)
    }
}

impl OutputConfig {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        self.connection_config.check()?;
        check_stream(&self.stream_name)?;
        super::output::Subject::parse(&self.subject).map_err(|reason| Wrong::new("subject", reason))?;
        super::output::headers(&self.headers).map_err(|reason| Wrong::new("headers", reason)).map(drop)
    }
}

impl ConsumerSettings {
    /// How long a pull may wait.
    fn expires(&self) -> Result<Duration, Wrong> {
        let most = Duration::from_secs(PULL_SECS_MAX);
        let Some(text) = &self.max_expires else { return Ok(most) };
        let parsed: Option<SignedDuration> = text.parse().ok();
        let wrong = || Wrong::new("consumer_config.max_expires", format!("{text:?} is no length of time, as `30s` is"));
        let expires = parsed.and_then(|parsed| Duration::try_from(parsed).ok()).ok_or_else(wrong)?;
        Ok(expires.clamp(Duration::from_secs(1), most))
    }

    /// How long a pull may wait, its messages, and its bytes.
    pub(super) fn pull(&self) -> (Duration, usize, Option<usize>) {
        let expires = self.expires().unwrap_or(Duration::from_secs(PULL_SECS_MAX));
        let messages = self.max_batch.and_then(|count| usize::try_from(count).ok());
        let bytes = self.max_bytes.and_then(|count| usize::try_from(count).ok());
        (expires, messages.unwrap_or(PULL_MESSAGES_MAX).clamp(1, PULL_MESSAGES_MAX), bytes)
    }

    /// The consumer that reads on from a sequence, or from where the policy says.
    pub(super) fn consumer(&self, from: Option<u64>) -> consumer::pull::Config {
        consumer::pull::Config {
            name: self.name.clone(),
            description: self.description.clone(),
            deliver_policy: match from {
                Some(start_sequence) => consumer::DeliverPolicy::ByStartSequence { start_sequence },
                None => self.deliver_policy.native(),
            },
            ack_policy: consumer::AckPolicy::None,
            filter_subjects: self.filter_subjects.clone(),
            replay_policy: match self.replay_policy {
                ReplayPolicy::Instant => consumer::ReplayPolicy::Instant,
                ReplayPolicy::Original => consumer::ReplayPolicy::Original,
            },
            rate_limit: self.rate_limit,
            max_waiting: self.max_waiting,
            metadata: self.metadata.clone().into_iter().collect::<HashMap<_, _>>(),
            // Nothing is kept on the server that we need: the position is ours.
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: Duration::from_mins(1),
            ..consumer::pull::Config::default()
        }
    }
}

impl DeliverPolicy {
    fn native(&self) -> consumer::DeliverPolicy {
        match self {
            Self::All => consumer::DeliverPolicy::All,
            Self::Last => consumer::DeliverPolicy::Last,
            Self::New => consumer::DeliverPolicy::New,
            Self::LastPerSubject => consumer::DeliverPolicy::LastPerSubject,
            Self::ByStartSequence { start_sequence } => {
                consumer::DeliverPolicy::ByStartSequence { start_sequence: (*start_sequence).max(1) }
            }
            Self::ByStartTime { start_time } => {
                // Both know the same years.
                let moment = time::OffsetDateTime::from_unix_timestamp_nanos(start_time.as_nanosecond());
                let start_time = moment.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
                consumer::DeliverPolicy::ByStartTime { start_time }
            }
        }
    }
}
