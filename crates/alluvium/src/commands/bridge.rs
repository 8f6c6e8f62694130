//! `alluvium bridge`: carries messages between Kafka and JetStream until it is stopped.

use std::sync::Arc;

use alluvium_kernel::DEFAULT_TENANT;
use alluvium_messaging::bridge::{
    Bridge, BridgeError, KeyFrom, OnUndecodable, Report, ToJetStream, ToKafka, run_to_jetstream, run_to_kafka,
    run_to_kafka_transactional,
};
use alluvium_messaging::dead_letter;
use alluvium_messaging::profile::Profile;
use alluvium_messaging::transport::Transport;
use alluvium_messaging::transport::jetstream::JetStream;
use alluvium_messaging::transport::kafka::{Kafka, KafkaConfig};
use async_nats::jetstream;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use super::schema::Registry;
use crate::cli::bridge::{BridgeArgs, BridgeCommand, Rewrap, Side, Undecodable};
use crate::failure::{Done, Exit, Failure};
use crate::node::nats;

/// Subjects of a bridge to JetStream that names none.
const SUBJECT: &str = "kafka.{topic}.{key}";

/// Runs one of its commands.
pub async fn run(cx: &Context, command: BridgeCommand) -> Done {
    let BridgeCommand::Run(args) = command;
    if args.to == Side::Jetstream && (args.transactional || args.key_token.is_some()) {
        return Err(Failure::usage("--transactional and --key-token are for bridges to Kafka."));
    }
    let js = nats::for_command(&cx.session()?).await?;
    let bridge = open(cx, &args, &js).await?;
    let mut terminated = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! { _ = terminated.recv() => {} _ = tokio::signal::ctrl_c() => {} }
    };
    cx.ui.say(format!(
        "bridge {}: {} → {}",
        args.name,
        bridge.from.capabilities().system,
        bridge.to.capabilities().system
    ));
    let report = match args.to {
        Side::Jetstream => {
            let subject = args.subject.clone().unwrap_or_else(|| SUBJECT.to_owned());
            let way = ToJetStream { topic: args.topic.clone(), subject, stream: args.stream.clone() };
            run_to_jetstream(&bridge, &way, js, stop).await
        }
        Side::Kafka => {
            let filters =
                args.subject.iter().flat_map(|all| all.split(',')).map(|each| each.trim().to_owned()).collect();
            let key = args.key_token.map_or(KeyFrom::KeyOrSubject, KeyFrom::Token);
            let way = ToKafka { stream: args.stream.clone(), filters, topic: args.topic.clone(), key };
            if args.transactional {
                run_to_kafka_transactional(&bridge, &way, stop).await
            } else {
                run_to_kafka(&bridge, &way, stop).await
            }
        }
    };
    print(cx, report.map_err(ended)?);
    Ok(())
}

async fn open(cx: &Context, args: &BridgeArgs, js: &jetstream::Context) -> Result<Bridge, Failure> {
    let settings = Profile::Base.settings().publish;
    let jetstream = JetStream::new(js.client(), settings.clone()).await.map_err(|error| ended(error.into()))?;
    let mut config = KafkaConfig::from_vars(std::env::vars()).with("bootstrap.servers", &args.brokers);
    if args.transactional {
        config = config.with("transactional.id", format!("{}.bridge", args.name));
    }
    let kafka = Kafka::new(config, settings).map_err(|error| ended(error.into()))?;
    let (jetstream, kafka): (Arc<dyn Transport>, Arc<dyn Transport>) = (Arc::new(jetstream), Arc::new(kafka));
    let (from, to, aside) = match args.to {
        Side::Jetstream => (kafka, jetstream, dead_letter::subject(DEFAULT_TENANT, &args.topic, &args.name)),
        Side::Kafka => (jetstream, kafka, dead_letter::kafka_topic(&args.stream, &args.name)),
    };
    let mut bridge = Bridge::new(args.name.as_str(), from, to);
    if args.rewrap == Rewrap::Auto {
        bridge.rewrap = Some(Arc::new(Registry::open(cx, &args.registry)?.client()));
    }
    if args.on_undecodable == Undecodable::Dlq {
        bridge.on_undecodable = OnUndecodable::DeadLetter(aside);
    }
    Ok(bridge)
}

fn print(cx: &Context, report: Report) {
    cx.ui.record(&json!({
        "forwarded": report.forwarded,
        "duplicates": report.duplicates,
        "own": report.own,
        "undecodable": report.undecodable,
        "restarts": report.restarts,
    }));
}

/// A bridge that could not begin, or met what no new beginning helps against.
fn ended(error: BridgeError) -> Failure {
    let exit = match &error {
        BridgeError::Settings(_) => Exit::Usage,
        error if error.retryable() => Exit::Unavailable,
        _ => Exit::Rejected,
    };
    Failure::new(exit, error.code(), "The bridge cannot go on.").because(&error)
}
