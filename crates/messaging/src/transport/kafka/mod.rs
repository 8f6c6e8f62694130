//! Kafka as a [`Transport`], through librdkafka.

mod admin;
mod atomic;
mod commit;
mod config;
mod context;
mod poll;
mod publish;
mod shared;
mod source;
pub(crate) mod wire;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alluvium_kernel::BoxFuture;

use super::{
    Admin, Capabilities, DeliveryErrorHook, FlushError, Outgoing, Pending, PublishError, Receipt, Source,
    SubscribeError, SubscribeSpec, Transport,
};
use crate::profile::PublishSettings;
pub use config::KafkaConfig;
use publish::Publisher;

/// What Kafka can, transactions aside.
const CAPABILITIES: Capabilities = Capabilities {
    system: "kafka",
    atomic_batch: false,
    expect_sequence: false,
    ttl: false,
    delay: false,
    redelivery: false,
    working: false,
    watermark: true,
    null_payload: true,
    binary_headers: true,
};

/// A Kafka cluster.
pub struct Kafka {
    config: KafkaConfig,
    settings: PublishSettings,
    publisher: Publisher,
    /// Opened by the first batch, and anew after a failure that its producer does not survive.
    transactions: Arc<Mutex<Option<atomic::Transactions>>>,
    admin: admin::KafkaAdmin,
}

impl Kafka {
    /// Makes the producer. Nothing is asked of the cluster yet: see [`Transport::ping`].
    ///
    /// With the property `transactional.id`, batches can be atomic; everything else is published outside of transactions.
    pub fn new(config: KafkaConfig, settings: PublishSettings) -> Result<Self, SubscribeError> {
        let mut plain = config.clone();
        plain.remove("transactional.id");
        let publisher = Publisher::open(&plain, &settings)?;
        let admin = admin::KafkaAdmin { config: plain.clone() };
        Ok(Self { config, settings, publisher, transactions: Arc::default(), admin })
    }

    /// Messages that wait for their acknowledgement.
    pub fn in_flight(&self) -> usize {
        self.publisher.in_flight()
    }
}

impl Transport for Kafka {
    fn publish(&self, message: Outgoing) -> BoxFuture<'_, Result<Pending, PublishError>> {
        Box::pin(self.publisher.publish(message))
    }

    fn try_publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        self.publisher.try_publish(message)
    }

    fn publish_atomic(&self, messages: Vec<Outgoing>) -> BoxFuture<'_, Result<Vec<Receipt>, PublishError>> {
        Box::pin(async move {
            if self.config.get("transactional.id").is_none() {
                let what = "an atomic batch without the property transactional.id";
                return Err(PublishError::Unsupported { what, transport: "kafka" });
            }
            let (config, settings, transactions) =
                (self.config.clone(), self.settings.clone(), self.transactions.clone());
            let subject = messages.first().map(|message| message.topic.to_string()).unwrap_or_default();
            let lost = |detail: String| PublishError::Timeout { unknown: false, subject: subject.clone(), detail };
            let not_opened = |error: SubscribeError| match error {
                SubscribeError::Unreachable { .. } => lost(error.to_string()),
                other => PublishError::Refused { subject: subject.clone(), code: 0, detail: other.to_string() },
            };
            let published = tokio::task::spawn_blocking(move || {
                let mut open = transactions.lock().unwrap_or_else(PoisonError::into_inner);
                let mut current = match open.take() {
                    Some(current) => current,
                    None => atomic::Transactions::open(&config, &settings)?,
                };
                let result = current.publish(&messages);
                *open = (!current.is_broken()).then_some(current);
                Ok::<_, SubscribeError>(result)
            });
            match published.await {
                Ok(Ok(result)) => result,
                Ok(Err(error)) => Err(not_opened(error)),
                Err(error) => Err(lost(error.to_string())),
            }
        })
    }

    fn subscribe(&self, spec: SubscribeSpec) -> BoxFuture<'_, Result<Box<dyn Source>, SubscribeError>> {
        let config = self.admin.config.clone();
        Box::pin(async move {
            let opened = tokio::task::spawn_blocking(move || source::KafkaSource::open(&config, &spec)).await;
            let source = opened.map_err(|error| SubscribeError::Settings(error.to_string()))??;
            Ok(Box::new(source) as Box<dyn Source>)
        })
    }

    fn flush(&self, within: Duration) -> BoxFuture<'_, Result<(), FlushError>> {
        Box::pin(self.publisher.flush(within))
    }

    fn ping(&self, within: Duration) -> BoxFuture<'_, Result<(), SubscribeError>> {
        let config = self.admin.config.clone();
        Box::pin(async move {
            let unreachable =
                |detail: String| SubscribeError::Unreachable { trying: "asking the cluster who it is".into(), detail };
            let asked = tokio::task::spawn_blocking(move || {
                use rdkafka::consumer::{BaseConsumer, Consumer as _};
                let client = config.client(&BTreeMap::new());
                let consumer: BaseConsumer = client.create().map_err(|error| config::refused(&error))?;
                let asked = consumer.fetch_metadata(Some("__alluvium_ping"), within);
                asked.map(drop).map_err(|error| SubscribeError::Unreachable {
                    trying: "asking the cluster who it is".into(),
                    detail: error.to_string(),
                })
            });
            asked.await.map_err(|error| unreachable(error.to_string()))?
        })
    }

    fn admin(&self) -> &dyn Admin {
        &self.admin
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { atomic_batch: self.config.get("transactional.id").is_some(), ..CAPABILITIES }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.publisher.close();
        Box::pin(std::future::ready(()))
    }

    fn on_delivery_error(&self, hook: DeliveryErrorHook) {
        self.publisher.on_delivery_error(hook);
    }
}
