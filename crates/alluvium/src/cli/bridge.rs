//! Arguments of `bridge`.

use clap::{Args, Subcommand, ValueEnum};

use super::schema::RegistryArgs;

/// `bridge`
#[derive(Debug, Subcommand)]
pub enum BridgeCommand {
    /// Copy messages from Kafka to JetStream or back, until stopped; prints what it did
    Run(Box<BridgeArgs>),
}

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// From Kafka to JetStream, each once
    Jetstream,
    /// From JetStream to Kafka, each at least once
    Kafka,
}

/// What happens to the name of the schema in front of a datum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Rewrap {
    /// A registry's id becomes a fingerprint on JetStream, and a fingerprint an id on Kafka
    Auto,
    /// Payloads stay as they are
    Keep,
}

/// What becomes of messages whose schema cannot be named on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Undecodable {
    /// They pass as they are, with a header that says why
    Pass,
    /// They are put among the dead letters of the other side
    Dlq,
}

/// `bridge run`
#[derive(Debug, Args)]
pub struct BridgeArgs {
    /// The bridge's name: the group that keeps its place, and the mark by which it knows its own messages
    pub name: String,
    /// Which way
    #[arg(long, value_enum)]
    pub to: Side,
    /// Kafka brokers, host:port, comma-separated; more in the KAFKA_ variables. NATS is named by --nats
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "HOSTS")]
    pub brokers: String,
    /// The Kafka topic. To Kafka, {subject} and {stream} stand for where a message is from
    #[arg(long)]
    pub topic: String,
    /// The JetStream stream
    #[arg(long)]
    pub stream: String,
    /// To JetStream: the subject, from {topic}, {partition} and {key} [default: kafka.{topic}.{key}]. To Kafka: the subjects
    /// to read, comma-separated [default: all]
    #[arg(long)]
    pub subject: Option<String>,
    /// To Kafka: this token of the subject, from 0, is the key [default: a message's own key, else its subject]
    #[arg(long, value_name = "N")]
    pub key_token: Option<usize>,
    /// Whether schemas are named as the other side names them
    #[arg(long, value_enum, default_value = "auto")]
    pub rewrap: Rewrap,
    /// What becomes of messages whose schema cannot be named there
    #[arg(long, value_enum, default_value = "pass")]
    pub on_undecodable: Undecodable,
    /// To Kafka: records and progress in one transaction, so that readers of committed records see each once
    #[arg(long)]
    pub transactional: bool,
    /// The registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
}
