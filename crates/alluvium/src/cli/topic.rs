//! Arguments of `topic` and `asyncapi`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::broker::BrokerArgs;
use crate::config::Seconds;

/// `topic`
#[derive(Debug, Args)]
pub struct TopicArgs {
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: TopicCommand,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicCommand {
    /// List topics (on JetStream: streams)
    List,
    /// Say what is known of one
    Describe(DescribeArgs),
    /// Make one
    Create(CreateArgs),
    /// Print every setting of a profile: Base, LongRunning, Batch, RealTime, HighThroughput, Reliable
    Profile(ProfileArgs),
    /// Say how far a group is behind
    Lag(LagArgs),
    /// Publish messages
    Produce(ProduceArgs),
    /// Read messages that are there, as a group if one is named
    Consume(ConsumeArgs),
    /// Follow messages as they come
    Tail(ConsumeArgs),
    /// Describe channels and messages as an AsyncAPI document
    Asyncapi(AsyncapiArgs),
}

/// `topic describe`
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// The topic (on JetStream: the stream)
    pub topic: String,
}

/// `topic create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The topic; on JetStream the subject too, unless --subjects says others
    pub topic: String,
    /// Partitions, on Kafka [default: 1]
    #[arg(long, value_name = "N")]
    pub partitions: Option<u32>,
    /// Copies of each message [default: 1]
    #[arg(long, value_name = "N")]
    pub replicas: Option<u32>,
    /// Keep messages for this long, e.g. 90s, 12h or 7d [default: for ever]
    #[arg(long, value_name = "TIME")]
    pub retention: Option<Seconds>,
    /// Keep only the last message of each key or subject
    #[arg(long)]
    pub compact: bool,
    /// The stream, on JetStream [default: from the topic's name]
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// Its subjects, on JetStream, comma-separated
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    pub subjects: Vec<String>,
    /// Remember message ids for this long, on JetStream [default: 2m]
    #[arg(long, value_name = "TIME")]
    pub dedup: Option<Seconds>,
    /// Take messages that are to be delivered later, on JetStream
    #[arg(long)]
    pub delays: bool,
    /// Say what would be made, make nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `topic profile`
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Its name
    pub name: String,
}

/// `topic lag`
#[derive(Debug, Args)]
pub struct LagArgs {
    /// The topic (on JetStream: the stream)
    pub topic: String,
    /// The group
    #[arg(long)]
    pub group: String,
}

/// How a schema is found and how it is named in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WireArg {
    /// Confluent framing: 00, schema id, datum
    Confluent,
    /// The schema's GUID in a header, the datum alone
    ConfluentHeader,
    /// Avro single-object encoding: C3 01, fingerprint, datum
    SingleObject,
    /// The datum alone
    Raw,
    /// JSON
    Json,
}

/// `topic produce`
#[derive(Debug, Args)]
pub struct ProduceArgs {
    /// The topic; on JetStream a subject, in which {field} stands for a field's value
    pub topic: String,
    /// One JSON value a line; - is stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// The field that is the key, its path dotted
    #[arg(long, value_name = "FIELD")]
    pub message_key: Option<String>,
    /// A header of each message
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<String>,
    /// The schema: a file, SUBJECT, SUBJECT@VERSION, or id:N; without one the lines travel as JSON
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Option<String>,
    /// How messages are encoded [default: single-object on JetStream, confluent on Kafka]
    #[arg(long, value_enum, requires = "schema")]
    pub wire: Option<WireArg>,
    /// The registry's subject, for encodings that name a schema by its id [default: TOPIC-value]
    #[arg(long, value_name = "SUBJECT", requires = "schema")]
    pub schema_subject: Option<String>,
    /// At most so many messages a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
}

/// How payloads are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PayloadFormat {
    /// As JSON, unions by their value
    Json,
    /// As Avro's own JSON encoding, unions with the name of their branch
    AvroJson,
    /// As hexadecimal digits
    Hex,
    /// As the bytes are, a line feed after each
    Raw,
}

/// `topic consume` and `topic tail`
#[derive(Debug, Args)]
pub struct ConsumeArgs {
    /// The topic, or the subject on JetStream, wildcards allowed
    pub topic: String,
    /// The stream, on JetStream; needed when several have messages of the subject
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// Read as this group: what is printed is acknowledged
    #[arg(long)]
    pub group: Option<String>,
    /// Where to begin: earliest, latest, a sequence (on JetStream), or a time (RFC 3339) [default: consume earliest, tail latest]
    #[arg(long, value_name = "PLACE", conflicts_with = "group")]
    pub from: Option<String>,
    /// Stop after so many messages
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Stop at the first message of this time (RFC 3339) or later
    #[arg(long, value_name = "TIME", conflicts_with = "group")]
    pub until: Option<String>,
    /// Only messages of this key
    #[arg(long, value_name = "KEY", conflicts_with = "group")]
    pub message_key: Option<String>,
    /// Only messages whose field has this value, e.g. order.city=Brno; all that are given must hold
    #[arg(long, value_name = "FIELD=VALUE", conflicts_with = "group")]
    pub filter: Vec<String>,
    /// How payloads are printed
    #[arg(long, value_enum, default_value = "json")]
    pub format: PayloadFormat,
    /// Print headers too
    #[arg(long)]
    pub headers: bool,
    /// The schema of payloads that name none: a file, SUBJECT, SUBJECT@VERSION, or id:N
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Option<String>,
}

/// `asyncapi`
#[derive(Debug, Args)]
pub struct AsyncapiArgs {
    /// Message types, as `messaging::export_models` writes them [default: the value subjects of the registry]
    #[arg(long, value_name = "FILE")]
    pub models: Option<PathBuf>,
    /// What the service is called
    #[arg(long, default_value = "Messages")]
    pub title: String,
    /// The edition: 3.0.0 or 3.1.0
    #[arg(long, value_name = "EDITION", default_value = "3.0.0")]
    pub spec: String,
    /// Write it here instead of to stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exits 10 if this file is not what would be written
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub check: Option<PathBuf>,
}

/// `asyncapi` by itself.
#[derive(Debug, Args)]
pub struct AsyncapiCommand {
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// What to describe.
    #[command(flatten)]
    pub args: AsyncapiArgs,
}
