//! Publishing: librdkafka's queue does the batching, its delivery report resolves the [`Pending`].

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alluvium_kernel::Timestamp;
use rdkafka::{
    ClientContext, Message as _,
    config::FromClientConfigAndContext as _,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer},
};
use tokio::sync::{Semaphore, TryAcquireError};

use super::{KafkaConfig, config, wire};
use crate::{
    profile::PublishSettings,
    transport::{
        DeliveryErrorHook, FlushError, Outgoing, Pending, Position, PublishError, Receipt, Resolver, SubscribeError,
    },
};

/// Messages in flight where `queue.buffering.max.messages` does not say otherwise.
const IN_FLIGHT_MESSAGES_MAX: usize = 10_000;
/// How long a message waits for a place in librdkafka's queue before it asks again, in milliseconds.
const QUEUE_FULL_MS: u64 = 5;
/// Topics named in an error.
const TOPICS_SHOWN_MAX: usize = 5;

/// How many messages of a topic are on their way. Kept for good, as librdkafka keeps each topic that it was ever given.
#[derive(Default)]
struct Topic {
    open: AtomicUsize,
}

/// One message on its way. The name is cloned by whoever publishes, so that the thread of reports shares no count with it.
pub(super) struct InFlight {
    resolver: Resolver,
    topic: Arc<Topic>,
    name: Arc<str>,
    bytes: usize,
}

/// What is on its way, shared with librdkafka's thread.
pub(super) struct Flights {
    slots: Semaphore,
    slots_max: usize,
    topics: RwLock<HashMap<Arc<str>, Arc<Topic>>>,
    hook: RwLock<Option<DeliveryErrorHook>>,
    bytes_max: usize,
}

pub(super) struct Reports(Arc<Flights>);

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(error = %error, reason, "the Kafka producer met a fault");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Box<InFlight>;

    fn delivery(&self, report: &DeliveryResult<'_>, flight: Box<InFlight>) {
        let InFlight { resolver, topic, name, bytes } = *flight;
        match report {
            Ok(message) => resolver.deliver(Receipt {
                position: Position::Partition { topic: name, partition: message.partition(), offset: message.offset() },
                duplicate: false,
                time: message.timestamp().to_millis().map(|ms| Timestamp::from_micros(ms.saturating_mul(1000))),
            }),
            Err((error, _)) => {
                let error = failed(error, &name, bytes, self.0.bytes_max);
                resolver.resolve(&name, Err(error), self.0.hook());
            }
        }
        // Last: whoever flushes may rely on everybody having been told.
        topic.open.fetch_sub(1, Ordering::Relaxed);
        self.0.slots.add_permits(1);
    }
}

impl Flights {
    fn topic(&self, name: &Arc<str>) -> Arc<Topic> {
        let known = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        known.unwrap_or_else(|| {
            let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
            topics.entry(name.clone()).or_default().clone()
        })
    }

    fn flight(&self, message: &Outgoing) -> (Box<InFlight>, Pending) {
        let (resolver, pending) = Pending::new();
        let (topic, name) = (self.topic(&message.topic), message.topic.clone());
        (Box::new(InFlight { resolver, topic, name, bytes: message.bytes() }), pending)
    }

    fn hook(&self) -> Option<DeliveryErrorHook> {
        self.hook.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Topics with messages on their way, in their order.
    fn open(&self) -> Vec<String> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        let open = topics.iter().filter(|(_, topic)| topic.open.load(Ordering::Relaxed) > 0);
        let mut names: Vec<String> = open.map(|(name, _)| name.to_string()).collect();
        names.sort();
        names.truncate(TOPICS_SHOWN_MAX);
        names
    }
}

/// What a failed delivery means.
fn failed(error: &KafkaError, topic: &Arc<str>, bytes: usize, bytes_max: usize) -> PublishError {
    use RDKafkaErrorCode as Code;
    let subject = topic.to_string();
    let code = error.rdkafka_error_code().unwrap_or(Code::Unknown);
    match code {
        Code::MessageTimedOut | Code::RequestTimedOut | Code::OperationTimedOut | Code::BrokerTransportFailure => {
            PublishError::Timeout { unknown: true, subject, detail: code.to_string() }
        }
        Code::PurgeQueue => PublishError::Closed,
        Code::PurgeInflight => {
            PublishError::Timeout { unknown: true, subject, detail: "the bus was closed".to_owned() }
        }
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
            PublishError::TooLarge { subject, bytes, max: bytes_max }
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            PublishError::NoDestination { subject }
        }
        code => PublishError::Refused { subject, code: i64::from(code as i32), detail: error.to_string() },
    }
}

/// Publishes through one producer.
pub(super) struct Publisher {
    producer: ThreadedProducer<Reports>,
    flights: Arc<Flights>,
}

impl Publisher {
    pub(super) fn open(config: &KafkaConfig, settings: &PublishSettings) -> Result<Self, SubscribeError> {
        let client = config.producer(&settings.kafka);
        let native = client.create_native_config().map_err(|error| config::refused(&error))?;
        let number = |name: &str| native.get(name).ok().and_then(|value| value.parse::<usize>().ok());
        let asked = client.get("queue.buffering.max.messages").and_then(|value| value.parse().ok());
        let slots_max = asked.unwrap_or(IN_FLIGHT_MESSAGES_MAX).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let flights = Arc::new(Flights {
            slots: Semaphore::new(slots_max),
            slots_max,
            topics: RwLock::default(),
            hook: RwLock::default(),
            bytes_max: number("message.max.bytes").unwrap_or(usize::MAX),
        });
        let producer = ThreadedProducer::from_config_and_context(&client, Reports(flights.clone()))
            .map_err(|error| config::refused(&error))?;
        Ok(Self { producer, flights })
    }

    pub(super) fn on_delivery_error(&self, hook: DeliveryErrorHook) {
        *self.flights.hook.write().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flights.slots_max - self.flights.slots.available_permits().min(self.flights.slots_max)
    }

    pub(super) async fn publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        wire::check(&message)?;
        let slot = self.flights.slots.acquire().await.map_err(|_| PublishError::Closed)?;
        let (mut flight, pending) = self.flights.flight(&message);
        loop {
            flight = match self.send(&message, flight) {
                Ok(()) => break,
                Err((error, flight)) if is_full(&error) => {
                    tokio::time::sleep(Duration::from_millis(QUEUE_FULL_MS)).await;
                    flight
                }
                Err((error, flight)) => return Err(self.not_sent(&error, &flight)),
            };
        }
        slot.forget();
        Ok(self.limited(pending, &message))
    }

    pub(super) fn try_publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        wire::check(&message)?;
        let window = self.flights.slots_max;
        let slot = self.flights.slots.try_acquire().map_err(|error| match error {
            TryAcquireError::NoPermits => PublishError::Full { window },
            TryAcquireError::Closed => PublishError::Closed,
        })?;
        let (flight, pending) = self.flights.flight(&message);
        self.send(&message, flight).map_err(|(error, flight)| {
            if is_full(&error) { PublishError::Full { window } } else { self.not_sent(&error, &flight) }
        })?;
        slot.forget();
        Ok(self.limited(pending, &message))
    }

    /// Gives a message to librdkafka; counted as on its way before its report can come.
    fn send(&self, message: &Outgoing, flight: Box<InFlight>) -> Result<(), (KafkaError, Box<InFlight>)> {
        flight.topic.open.fetch_add(1, Ordering::Relaxed);
        let mut record = BaseRecord::with_opaque_to(&message.topic, flight);
        record.key = message.key.as_deref();
        record.payload = message.payload.as_deref();
        record.partition = message.partition;
        record.timestamp = message.time.map(|time| time.micros() / 1000);
        record.headers = wire::outgoing_headers(message);
        self.producer.send::<[u8], [u8]>(record).map_err(|(error, record)| {
            record.delivery_opaque.topic.open.fetch_sub(1, Ordering::Relaxed);
            (error, record.delivery_opaque)
        })
    }

    fn not_sent(&self, error: &KafkaError, flight: &InFlight) -> PublishError {
        failed(error, &flight.name, flight.bytes, self.flights.bytes_max)
    }

    /// A pending publish that is given up, not called back, when its time is over.
    fn limited(&self, pending: Pending, message: &Outgoing) -> Pending {
        let Some(within) = message.within else { return pending };
        let (resolver, limited) = Pending::new();
        let (topic, flights) = (message.topic.clone(), self.flights.clone());
        tokio::spawn(async move {
            let result = tokio::time::timeout(within, pending).await.unwrap_or_else(|_| {
                let detail = format!("no acknowledgement within {within:?}");
                Err(PublishError::Timeout { unknown: true, subject: topic.to_string(), detail })
            });
            resolver.resolve(&topic, result, flights.hook());
        });
        limited
    }

    /// Waits until all slots are free at once: the queue for slots is fair, so later messages wait behind.
    pub(super) async fn flush(&self, within: Duration) -> Result<(), FlushError> {
        let all = self.flights.slots.acquire_many(self.flights.slots_max as u32);
        if let Ok(Ok(_) | Err(_)) = tokio::time::timeout(within, all).await {
            return Ok(());
        }
        Err(FlushError { pending: self.in_flight(), subjects: self.flights.open(), within })
    }

    pub(super) fn close(&self) {
        self.flights.slots.close();
    }
}

fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}
