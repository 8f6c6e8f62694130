//! The broker that a command names, with the registry that describes its messages.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::DEFAULT_TENANT;
use alluvium_messaging::profile::Profile;
use alluvium_messaging::transport::jetstream::JetStream;
use alluvium_messaging::transport::kafka::{Kafka, KafkaConfig};
use alluvium_messaging::transport::{AdminError, Transport};
use alluvium_messaging::{Bus, CodecConfig, Register};

use crate::cli::broker::{Broker, BrokerArgs};
use crate::commands::Context;
use crate::commands::schema::Registry;
use crate::failure::{Exit, Failure};
use crate::node::nats;

/// The variable that names Kafka's brokers.
const KAFKA_BROKERS: &str = "KAFKA_BOOTSTRAP_SERVERS";

/// How long a broker may take to answer first, in seconds.
const CONNECT_SECONDS: u64 = 5;

/// Connects to it. The registry is only asked when a message or a command needs it.
pub async fn open(cx: &Context, args: &BrokerArgs, tenant: Option<&str>) -> Result<Bus, Failure> {
    let settings = Profile::Base.settings().publish;
    let transport: Arc<dyn Transport> = match args.transport {
        Broker::Jetstream => {
            let client = nats::client_for_command(&cx.session()?).await?;
            Arc::new(JetStream::new(client, settings).await.map_err(|error| unreachable(&error))?)
        }
        Broker::Kafka => {
            let said = args.brokers.iter().map(|hosts| (KAFKA_BROKERS.to_owned(), hosts.clone()));
            let vars: Vec<(String, String)> =
                std::env::vars().filter(|(name, _)| name != KAFKA_BROKERS).chain(said).collect();
            if !vars.iter().any(|(name, _)| name == KAFKA_BROKERS) {
                return Err(Failure::usage("No Kafka broker is named.").help("add `--brokers HOST:PORT`"));
            }
            Arc::new(Kafka::new(KafkaConfig::from_vars(vars), settings).map_err(|error| unreachable(&error))?)
        }
    };
    let registry = Registry::open(cx, &args.registry)?.client();
    // A person at the command line looks at what is there; registering is `alluvium schema register`.
    let codecs = CodecConfig { register: Register::Lookup, source: Some(Arc::new(registry)), ..CodecConfig::default() };
    transport.ping(Duration::from_secs(CONNECT_SECONDS)).await.map_err(|error| unreachable(&error))?;
    let bus = Bus::builder().codecs(codecs).transport(transport).tenant(tenant.unwrap_or(DEFAULT_TENANT)).lazy(true);
    bus.build().await.map_err(|error| unreachable(&error))
}

/// A broker that does not answer.
pub fn unreachable(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::unavailable("messaging.unreachable", "The broker does not answer.").because(error)
}

/// What a broker's administration says no to.
pub fn refused(error: AdminError) -> Failure {
    match error {
        AdminError::NotFound(what) => {
            Failure::new(Exit::NotFound, "messaging.not_found", format!("The broker has no {what}."))
        }
        AdminError::Unsupported { .. } => Failure::usage(error.to_string()),
        AdminError::Failed { .. } => {
            Failure::unavailable("messaging.failed", "The broker could not do it.").because(&error)
        }
    }
}
