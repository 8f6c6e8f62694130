//! Writes encoded rows to a topic: at least once, or each step exactly once in a transaction.

use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::metadata::MetadataPartition;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _, future_producer::DeliveryFuture};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::options::Options;
use super::settings::OutputConfig;
use crate::context::Context;
use crate::error::{Error, Fault};
use crate::output::{Item, Output, Reached, Wants};

/// The header that says of which step of whom a message is.
const STEP_HEADER: &str = "alluvium-step";
/// How long each call of a transaction may take, in seconds.
const TRANSACTION_SECS: u64 = 60;
/// How long until a full queue is tried again, in milliseconds.
const FULL_MS: u64 = 20;
/// How many offsets at the end of a partition are read back at first; twice as many each time none of ours is among
/// them.
const READ_BACK_FIRST: i64 = 100;
/// How many are read back at most.
const READ_BACK_MAX: i64 = 100_000;

/// Writes to a topic.
pub(crate) struct KafkaOutput {
    config: OutputConfig,
    options: Options,
    producer_config: ClientConfig,
    /// For what is read back, if each step comes exactly once.
    consumer_config: Option<ClientConfig>,
    producer: Option<FutureProducer>,
    reached: Option<u64>,
    /// Tells steps of this output from those of others to the same topic, and from those before all began anew.
    id: String,
    is_in_transaction: bool,
    in_flight: Vec<DeliveryFuture>,
}

impl KafkaOutput {
    /// Checks the options; connects to nothing yet. The endpoint is the view and the connector.
    ///
    /// # Errors
    ///
    /// librdkafka does not take an option, or it names a file that is not allowed.
    pub fn new(connector: &str, endpoint: &str, config: &OutputConfig, context: &Context) -> Result<Self, Error> {
        let client =
            |options: &Options, ours: &[(&str, &str)]| options.client(connector, context, config.log_level, ours);
        let (mut options, mut consumer_config, mut ours) = (config.options.clone(), None, Vec::new());
        let id = format!("alluvium-{}-{endpoint}", context.pipeline);
        if let Some(tolerance) = &config.fault_tolerance {
            let consumer = config.options.with(&tolerance.consumer_options);
            let of_consumer = [
                ("group.id", id.as_str()),
                ("enable.auto.commit", "false"),
                ("isolation.level", "read_committed"),
                ("enable.partition.eof", "true"),
                ("auto.offset.reset", "earliest"),
            ];
            consumer_config = Some(client(&consumer, &of_consumer)?);
            options = config.options.with(&tolerance.producer_options);
            if !options.0.contains_key("transactional.id") {
                ours.push(("transactional.id", id.as_str()));
            }
        }
        let producer_config = client(&options, &ours)?;
        Ok(Self {
            config: config.clone(),
            options,
            producer_config,
            consumer_config,
            producer: None,
            reached: None,
            id,
            is_in_transaction: false,
            in_flight: Vec::new(),
        })
    }

    fn fault(&self, doing: &str, error: &KafkaError) -> Fault {
        fault(&self.options, doing, error)
    }

    async fn connect(&mut self) -> Result<Option<Reached>, Fault> {
        self.in_flight.clear();
        self.is_in_transaction = false;
        // A producer that failed in a transaction is not used again: the next one fences it and ends what it began.
        self.producer = None;
        let (config, topic, id) = (self.producer_config.clone(), self.config.topic.clone(), self.id.clone());
        let consumer = self.consumer_config.clone();
        let limit = Duration::from_secs(self.config.initialization_timeout_secs.into());
        let opening = move || -> Result<_, (&'static str, KafkaError)> {
            let producer: FutureProducer = config.create().map_err(|error| ("making a producer", error))?;
            let told = producer.client().fetch_metadata(Some(&topic), limit);
            told.map_err(|error| ("asking about the topic", error))?;
            let mut reached = None;
            if let Some(consumer) = consumer {
                producer.init_transactions(limit).map_err(|error| ("beginning to use transactions", error))?;
                reached =
                    last_step(&consumer, &topic, &id, limit).map_err(|error| ("reading back the last step", error))?;
            }
            Ok((producer, reached))
        };
        let opened = tokio::task::spawn_blocking(opening).await;
        let opened = opened.map_err(|_| Fault::Passing("connecting broke off".to_owned()))?;
        let (producer, reached) = opened.map_err(|(doing, error)| self.fault(doing, &error))?;
        self.producer = Some(producer);
        self.reached = reached;
        Ok(reached.map(|step| Reached { step, items: None }))
    }

    fn is_exact(&self) -> bool {
        self.consumer_config.is_some()
    }

    async fn send(&mut self, step: u64, items: &[Item]) -> Result<(), Fault> {
        if self.reached.is_some_and(|reached| step <= reached) {
            return Ok(());
        }
        let producer = self.producer.clone().ok_or_else(|| Fault::Passing("it is not connected".to_owned()))?;
        if self.is_exact() && !self.is_in_transaction {
            producer.begin_transaction().map_err(|error| self.fault("beginning a transaction", &error))?;
            self.is_in_transaction = true;
        }
        for item in items {
            let Item::Message { payload, key, headers, .. } = item else {
                return Err(Fault::Fatal("it takes encoded rows and was given others".to_owned()));
            };
            let mut all = OwnedHeaders::new_with_capacity(self.config.headers.len() + headers.len() + 1);
            for header in &self.config.headers {
                let value = header.value.as_ref().map(super::HeaderValue::bytes);
                all = all.insert(Header { key: &header.key, value });
            }
            for (name, value) in headers {
                if name.contains('\0') {
                    return Err(Fault::Fatal("a header's name has a zero byte".to_owned()));
                }
                all = all.insert(Header { key: name, value: Some(value.as_ref()) });
            }
            if self.is_exact() {
                all = all.insert(Header { key: STEP_HEADER, value: Some(format!("{}/{step}", self.id).as_str()) });
            }
            let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.config.topic).headers(all);
            record.payload = payload.as_deref();
            record.key = key.as_deref();
            loop {
                match producer.send_result(record) {
                    Ok(sent) => break self.in_flight.push(sent),
                    Err((error, again)) if error.rdkafka_error_code() == Some(Code::QueueFull) => {
                        record = again;
                        tokio::time::sleep(Duration::from_millis(FULL_MS)).await;
                    }
                    Err((error, _)) => return Err(self.fault("writing", &error)),
                }
            }
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), Fault> {
        for sent in std::mem::take(&mut self.in_flight) {
            let settled = sent.await.map_err(|_| Fault::Passing("the producer is gone".to_owned()))?;
            settled.map_err(|(error, _)| self.fault("writing", &error))?;
        }
        if !self.is_in_transaction {
            return Ok(());
        }
        let producer = self.producer.clone().ok_or_else(|| Fault::Passing("it is not connected".to_owned()))?;
        let limit = Duration::from_secs(TRANSACTION_SECS);
        let committing = tokio::task::spawn_blocking(move || producer.commit_transaction(limit));
        let committed = committing.await.map_err(|_| Fault::Passing("committing broke off".to_owned()))?;
        // Whether it was committed or not, the step that is read back says.
        committed.map_err(|error| self.fault("committing a transaction", &error))?;
        self.is_in_transaction = false;
        Ok(())
    }
}

fn fault(options: &Options, doing: &str, error: &KafkaError) -> Fault {
    let text = options.hide(&format!("{doing}: {error}"));
    let code = match error {
        KafkaError::Transaction(inner) => Some(inner.code()),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(
            Code::MessageSizeTooLarge
            | Code::InvalidTopic
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::UnsupportedFeature,
        ) => Fault::Fatal(text),
        Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch) => {
            Fault::Fatal(format!("{text}: another producer has the same `transactional.id`"))
        }
        _ => Fault::Passing(text),
    }
}

/// The last step of which the topic has a committed message. It blocks.
fn last_step(config: &ClientConfig, topic: &str, id: &str, limit: Duration) -> Result<Option<u64>, KafkaError> {
    let consumer: BaseConsumer = config.create()?;
    let told = consumer.fetch_metadata(Some(topic), limit)?;
    let partitions = told.topics().iter().flat_map(|topic| topic.partitions().iter().map(MetadataPartition::id));
    let mut last = None;
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, limit)?;
        if high <= low {
            continue;
        }
        let mut count = READ_BACK_FIRST;
        loop {
            let from = (high - count).max(low);
            let found = last_step_of(&consumer, (topic, partition, from), id, limit)?;
            if found.is_some() || from == low || count >= READ_BACK_MAX {
                last = last.max(found);
                break;
            }
            count *= 2;
        }
    }
    Ok(last)
}

/// The greatest step of the messages of a partition from an offset on.
fn last_step_of(
    consumer: &BaseConsumer,
    (topic, partition, from): (&str, i32, i64),
    id: &str,
    limit: Duration,
) -> Result<Option<u64>, KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(from))?;
    consumer.assign(&list)?;
    let until = Instant::now() + limit;
    let mut last = None;
    while Instant::now() < until {
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) => return Err(error),
            Some(Ok(message)) => {
                let headers = message.headers().into_iter().flat_map(|all| all.iter());
                let step = headers
                    .filter(|header| header.key == STEP_HEADER)
                    .find_map(|header| step_of(std::str::from_utf8(header.value?).ok()?, id));
                last = last.max(step);
            }
        }
    }
    Err(KafkaError::MessageConsumption(Code::OperationTimedOut))
}

/// The step that a header tells of, if it is one of this output.
fn step_of(header: &str, id: &str) -> Option<u64> {
    header.strip_prefix(id)?.strip_prefix('/')?.parse().ok()
}

impl Output for KafkaOutput {
    fn wants(&self) -> Wants {
        Wants::Messages
    }

    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
        Box::pin(self.connect())
    }

    fn write<'a>(&'a mut self, step: u64, _: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.send(step, items))
    }

    fn finish(&mut self, _: u64) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.settle())
    }
}
