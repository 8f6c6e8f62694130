//! Arguments that name a broker: of `topic`, `dlq` and what else stands on the messaging kit.

use clap::{Args, ValueEnum};

use super::schema::RegistryArgs;

/// Whom messages travel over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Broker {
    /// NATS JetStream
    Jetstream,
    /// Kafka, or what speaks its protocol
    Kafka,
}

impl Broker {
    /// Its name in the kit's settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jetstream => "jetstream",
            Self::Kafka => "kafka",
        }
    }
}

/// The broker, and the registry that its messages are described in.
#[derive(Clone, Debug, Args)]
pub struct BrokerArgs {
    /// Whom the messages are with
    #[arg(long, global = true, value_enum, default_value = "jetstream", env = "ALLUVIUM_MESSAGING_TRANSPORT")]
    pub transport: Broker,
    /// Kafka brokers, host:port, comma-separated; NATS is named by --nats
    #[arg(long, global = true, env = "KAFKA_BOOTSTRAP_SERVERS", value_name = "HOSTS")]
    pub brokers: Option<String>,
    /// The schema registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
}
