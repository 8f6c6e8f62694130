//! All-or-nothing batches: Kafka transactions. Needs `transactional.id` in the configuration.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use alluvium_kernel::Timestamp;
use rdkafka::{ClientContext, error::RDKafkaErrorCode};
use rdkafka::{
    config::FromClientConfigAndContext as _,
    error::KafkaError,
    message::Message as _,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext},
};

use super::{KafkaConfig, config, wire};
use crate::{
    profile::PublishSettings,
    transport::{Outgoing, Position, PublishError, Receipt, SubscribeError},
};

/// How long each step of a transaction may take, in milliseconds.
const STEP_MS: u64 = 30_000;

/// A place for each receipt of the transaction under way.
#[derive(Default)]
struct Receipts(Mutex<Vec<Option<Place>>>);

/// Partition, offset, and time in milliseconds.
type Place = (i32, i64, Option<i64>);

impl ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, at: usize) {
        if let Ok(message) = report {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = places.get_mut(at) {
                *place = Some((message.partition(), message.offset(), message.timestamp().to_millis()));
            }
        }
    }
}

/// A transactional producer; one transaction at a time. Its calls block.
pub struct Transactions {
    producer: BaseProducer<Receipts>,
    is_broken: bool,
}

impl Transactions {
    /// Fences every older producer of the same `transactional.id`.
    pub fn open(config: &KafkaConfig, settings: &PublishSettings) -> Result<Self, SubscribeError> {
        let mut client = config.producer(&settings.kafka);
        // A transaction lasts no shorter than its messages may take; librdkafka insists.
        let delivery = client.get("delivery.timeout.ms").or_else(|| client.get("message.timeout.ms"));
        if let (None, Some(delivery)) = (client.get("transaction.timeout.ms"), delivery.map(ToOwned::to_owned)) {
            client.set("transaction.timeout.ms", delivery);
        }
        let producer: BaseProducer<Receipts> = BaseProducer::from_config_and_context(&client, Receipts::default())
            .map_err(|error| config::refused(&error))?;
        producer.init_transactions(Duration::from_millis(STEP_MS)).map_err(|error| SubscribeError::Unreachable {
            trying: "beginning to use transactions".to_owned(),
            detail: error.to_string(),
        })?;
        Ok(Self { producer, is_broken: false })
    }

    /// It could not come back from a failure: only another producer can go on.
    pub const fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Publishes all messages or none.
    pub fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Receipt>, PublishError> {
        let Some(first) = messages.first() else { return Ok(Vec::new()) };
        messages.iter().try_for_each(wire::check)?;
        let producer = &self.producer;
        let within = Duration::from_millis(STEP_MS);
        let failed = |error: &KafkaError| failed(error, &first.topic);
        *producer.context().0.lock().unwrap_or_else(PoisonError::into_inner) = vec![None; messages.len()];
        producer.begin_transaction().map_err(|error| failed(&error))?;
        let sent = messages.iter().enumerate().try_for_each(|(at, message)| send(producer, at, message));
        // Flushing is part of it.
        match sent.and_then(|()| producer.commit_transaction(within)) {
            Ok(()) => {}
            Err(error) => {
                let aborted = producer.abort_transaction(within);
                let mut failure = failed(&error);
                // A fenced producer is fenced for good; that somebody else has its name is not hidden by trying again.
                if aborted.is_err() && !is_fenced(&error) {
                    self.is_broken = true;
                    let subject = first.topic.to_string();
                    failure = PublishError::Timeout { unknown: true, subject, detail: error.to_string() };
                }
                return Err(failure);
            }
        }
        let places = std::mem::take(&mut *producer.context().0.lock().unwrap_or_else(PoisonError::into_inner));
        let receipts = messages.iter().zip(places).map(|(message, place)| {
            let (partition, offset, time) = place.ok_or_else(|| PublishError::Timeout {
                unknown: true,
                subject: message.topic.to_string(),
                detail: "the transaction was committed without a report of this message".to_owned(),
            })?;
            let position = Position::Partition { topic: message.topic.clone(), partition, offset };
            let time = time.map(|ms| Timestamp::from_micros(ms.saturating_mul(1000)));
            Ok(Receipt { position, duplicate: false, time })
        });
        receipts.collect()
    }
}

fn send(producer: &BaseProducer<Receipts>, at: usize, message: &Outgoing) -> Result<(), KafkaError> {
    let mut record = BaseRecord::with_opaque_to(&message.topic, at);
    record.key = message.key.as_deref();
    record.payload = message.payload.as_deref();
    record.partition = message.partition;
    record.timestamp = message.time.map(|time| time.micros() / 1000);
    record.headers = wire::outgoing_headers(message);
    loop {
        match producer.send::<[u8], [u8]>(record) {
            Ok(()) => return Ok(()),
            Err((error, again)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                record = again;
                producer.poll(Duration::from_millis(100));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Another producer of the same `transactional.id` began after this one.
fn is_fenced(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let code = match error {
        KafkaError::Transaction(inner) => Some(inner.code()),
        other => other.rdkafka_error_code(),
    };
    matches!(code, Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch))
}

fn failed(error: &KafkaError, topic: &str) -> PublishError {
    let (subject, detail) = (topic.to_owned(), error.to_string());
    match error {
        KafkaError::Transaction(inner) if inner.is_retriable() => {
            PublishError::Timeout { unknown: true, subject, detail }
        }
        other => {
            let code = other.rdkafka_error_code().map_or(0, |code| i64::from(code as i32));
            PublishError::Refused { subject, code, detail }
        }
    }
}
