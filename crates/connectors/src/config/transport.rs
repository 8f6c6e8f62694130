//! The transports that a connector may name, and their configurations.

use serde_json::Value;

use super::Reader;
use crate::error::Error;
use crate::{datagen, file, nats, nexmark, postgres, redis, s3, url_input};

/// Whether a connector fills tables or takes changes out of views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It fills a table.
    Input,
    /// It takes changes out of a view.
    Output,
}

/// A transport that may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportTag {
    /// Its name.
    pub name: &'static str,
    /// Where data goes.
    pub direction: Direction,
    /// Whether the same data can be read again from a position.
    pub is_replayable: bool,
    /// Whether it may come to an end.
    pub may_end: bool,
}

const fn input(name: &'static str, is_replayable: bool, may_end: bool) -> TransportTag {
    TransportTag { name, direction: Direction::Input, is_replayable, may_end }
}

const fn output(name: &'static str) -> TransportTag {
    TransportTag { name, direction: Direction::Output, is_replayable: false, may_end: false }
}

/// All transports.
pub const TRANSPORTS: [TransportTag; 25] = [
    input("file_input", true, true),
    input("nats_input", true, false),
    input("kafka_input", true, false),
    input("pub_sub_input", false, false),
    input("url_input", true, true),
    input("s3_input", true, true),
    input("delta_table_input", false, false),
    input("iceberg_input", false, false),
    input("postgres_input", false, true),
    input("postgres_cdc_input", false, false),
    input("datagen", true, true),
    input("nexmark", true, true),
    // These two are replayed from the pipeline's own stream.
    input("http_input", true, false),
    input("ad_hoc_input", true, false),
    input("clock_input", false, false),
    input("empty_input", true, true),
    output("file_output"),
    output("nats_output"),
    output("kafka_output"),
    output("delta_table_output"),
    output("dynamodb_output"),
    output("redis_output"),
    output("postgres_output"),
    output("http_output"),
    output("null_output"),
];

/// A transport and its configuration.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Rows made by a plan.
    Datagen(datagen::Config),
    /// The events of the Nexmark benchmark.
    Nexmark(nexmark::Config),
    /// A file to read.
    FileInput(file::InputConfig),
    /// A file to write.
    FileOutput(file::OutputConfig),
    /// Something to get over HTTP.
    UrlInput(url_input::Config),
    /// Objects of a bucket.
    S3Input(s3::Config),
    /// A stream of a NATS server to read.
    NatsInput(nats::InputConfig),
    /// A stream of a NATS server to write to.
    NatsOutput(nats::OutputConfig),
    /// A topic to read.
    #[cfg(feature = "kafka")]
    KafkaInput(Box<crate::kafka::InputConfig>),
    /// A topic to write to.
    #[cfg(feature = "kafka")]
    KafkaOutput(Box<crate::kafka::OutputConfig>),
    /// The rows of a query.
    PostgresInput(postgres::InputConfig),
    /// A table to keep up to date.
    PostgresOutput(postgres::OutputConfig),
    /// Keys of a Redis server.
    RedisOutput(redis::Config),
    /// Nothing comes.
    EmptyInput,
    /// Nothing goes.
    NullOutput,
    /// One that the pipeline itself serves; its configuration.
    Internal(TransportTag, Value),
    /// One that is not built: its configuration is taken, and starting it fails.
    Unbuilt(TransportTag),
}

impl Transport {
    pub(super) fn read(read: &Reader<'_>, value: Value, unknown: &mut Vec<String>) -> Result<Self, Error> {
        let wrong = |member: &str, reason: &str| Error::member(read.connector, member, reason);
        let Value::Object(mut members) = value else {
            return Err(wrong("transport", "it is missing, or no JSON object"));
        };
        let Some(Value::String(name)) = members.remove("name") else {
            return Err(wrong("transport.name", "it is missing, or no text"));
        };
        let config = members.remove("config").filter(|config| !config.is_null());
        unknown.extend(members.keys().map(|key| format!("transport.{key}")));
        let config = config.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        if !config.is_object() {
            return Err(wrong("transport.config", "it is no JSON object"));
        }
        let Some(tag) = TRANSPORTS.iter().find(|tag| tag.name == name) else {
            return Err(wrong("transport.name", &format!("there is no transport '{name}'")));
        };
        let transport = Self::of(read, *tag, config, unknown)?;
        transport.check(read.connector)?;
        Ok(transport)
    }

    fn of(read: &Reader<'_>, tag: TransportTag, config: Value, unknown: &mut Vec<String>) -> Result<Self, Error> {
        const AT: &str = "transport.config";
        Ok(match tag.name {
            "datagen" => Self::Datagen(read.read(AT, config, unknown)?),
            "nexmark" => Self::Nexmark(read.read(AT, config, unknown)?),
            "file_input" => Self::FileInput(read.read(AT, config, unknown)?),
            "file_output" => Self::FileOutput(read.read(AT, config, unknown)?),
            "url_input" => Self::UrlInput(read.read(AT, config, unknown)?),
            "s3_input" => Self::S3Input(read.read(AT, config, unknown)?),
            "nats_input" => Self::NatsInput(read.read(AT, config, unknown)?),
            "nats_output" => Self::NatsOutput(read.read(AT, config, unknown)?),
            #[cfg(feature = "kafka")]
            "kafka_input" => Self::KafkaInput(Box::new(crate::kafka::InputConfig::read(read, config, unknown)?)),
            #[cfg(feature = "kafka")]
            "kafka_output" => Self::KafkaOutput(Box::new(crate::kafka::OutputConfig::read(read, config, unknown)?)),
            "postgres_input" => Self::PostgresInput(read.read(AT, config, unknown)?),
            "postgres_output" => Self::PostgresOutput(read.read(AT, config, unknown)?),
            "redis_output" => Self::RedisOutput(read.read(AT, config, unknown)?),
            "empty_input" => Self::EmptyInput,
            "null_output" => Self::NullOutput,
            "http_input" | "http_output" | "ad_hoc_input" | "clock_input" => Self::Internal(tag, config),
            _ => Self::Unbuilt(tag),
        })
    }

    /// What types cannot say.
    fn check(&self, connector: &str) -> Result<(), Error> {
        let checked = match self {
            Self::Datagen(config) => config.check(),
            Self::Nexmark(config) => config.check(),
            Self::FileInput(config) => config.check(),
            Self::UrlInput(config) => config.check(),
            Self::S3Input(config) => config.check(),
            Self::NatsInput(config) => config.check(),
            Self::NatsOutput(config) => config.check(),
            #[cfg(feature = "kafka")]
            Self::KafkaInput(config) => config.check(),
            #[cfg(feature = "kafka")]
            Self::KafkaOutput(config) => config.check(),
            Self::PostgresInput(config) => config.check(),
            Self::PostgresOutput(config) => config.check(),
            Self::RedisOutput(config) => config.check(),
            Self::FileOutput(_) | Self::EmptyInput | Self::NullOutput | Self::Internal(..) | Self::Unbuilt(_) => Ok(()),
        };
        checked.map_err(|wrong| Error::member(connector, format!("transport.config.{}", wrong.member), wrong.reason))
    }
}

/// A member of a transport's configuration with a value it must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub member: String,
    pub reason: String,
}

impl Wrong {
    pub fn new(member: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { member: member.into(), reason: reason.into() }
    }

    /// An error if a number is below the least it may be.
    pub fn unless_at_least(member: &str, value: u64, least: u64) -> Result<(), Self> {
        if value >= least {
            Ok(())
        } else {
            Err(Self::new(member, format!("it is {value} and must be at least {least}")))
        }
    }
}
