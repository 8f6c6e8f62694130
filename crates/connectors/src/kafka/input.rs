//! Reads a topic partition by partition, and knows where it is in each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use rdkafka::ClientConfig;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::metadata::MetadataPartition;
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::filter::Filter;
use super::merge::Merge;
use super::settings::{InputConfig, StartFrom};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::input::{Backoff, Draft, Input, Message, Payload, Port};

/// How many messages, and how many of their bytes, go on at once.
const CHUNK_MESSAGES_MAX: usize = 10_000;
const CHUNK_BYTES_MAX: usize = 1 << 20;
/// How long until it is asked again whether the topic has more partitions, in seconds.
const REFRESH_SECS: u64 = 60;
/// The longest wait between two tries, in seconds.
const RETRY_SECS_MAX: u64 = 30;

/// What was read: in each partition, all messages below an offset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    next: BTreeMap<i32, i64>,
}

/// Reads a topic.
pub(crate) struct KafkaInput {
    client: ClientConfig,
    config: InputConfig,
    filter: Option<Filter>,
}

enum Failure {
    Passing(String),
    Exit(Exit),
}

impl From<Exit> for Failure {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl KafkaInput {
    /// Checks the options; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// librdkafka does not take an option, or it names a file that is not allowed.
    pub fn new(connector: &str, config: &InputConfig, context: &Context) -> Result<Self, Error> {
        let group = format!("alluvium-{}-{connector}", context.pipeline);
        let ours = [
            ("group.id", group.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            // What expired is never left out silently.
            ("auto.offset.reset", "error"),
        ];
        let client = config.options.client(connector, context, config.log_level, &ours)?;
        let filter = config.header_filter.as_ref().map(super::HeaderFilter::compile).transpose();
        let filter = filter.map_err(|reason| Error::member(connector, "transport.config.header_filter", reason))?;
        Ok(Self { client, config: config.clone(), filter })
    }

    async fn read(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let mut at: Option<Position> = match position {
            None => None,
            Some(position) => Some(
                serde_json::from_value(position)
                    .map_err(|error| Exit::fatal(format!("this is no position in a topic: {error}")))?,
            ),
        };
        let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
        loop {
            match self.session(&mut at, &mut port, &mut backoff).await {
                Ok(()) => {}
                Err(Failure::Exit(exit)) => return Err(exit),
                Err(Failure::Passing(reason)) => {
                    port.trouble("kafka", &self.config.options.hide(&reason));
                    port.sleep(backoff.next()).await?;
                }
            }
        }
    }

    /// Finds the partitions and reads them, until the topic has more of them or something fails.
    async fn session(&self, at: &mut Option<Position>, port: &mut Port, backoff: &mut Backoff) -> Result<(), Failure> {
        let consumer: StreamConsumer =
            self.client.create().map_err(|error| self.failed("making a consumer", &error))?;
        let consumer = Arc::new(consumer);
        let next = self.locate(&consumer, at.as_ref(), port).await?;
        let is_news = at.as_ref().is_none_or(|at| at.next != next);
        let at = at.insert(Position { next });
        if is_news {
            // What comes from now on is read, also when nothing came before a restart.
            give(Vec::new(), at, port).await?;
        }
        let mut list = TopicPartitionList::new();
        for (partition, offset) in &at.next {
            list.add_partition_offset(&self.config.topic, *partition, Offset::Offset(*offset))
                .map_err(|error| self.failed("choosing partitions", &error))?;
        }
        consumer.assign(&list).map_err(|error| self.failed("choosing partitions", &error))?;
        port.well();
        backoff.reset();
        self.poll(&consumer, at, port).await
    }

    async fn poll(&self, consumer: &Arc<StreamConsumer>, at: &mut Position, port: &mut Port) -> Result<(), Failure> {
        let mut merge = self.config.synchronize_partitions.then(|| Merge::new(at.next.keys().copied()));
        let mut held: BTreeSet<i32> = BTreeSet::new();
        let mut looked = Instant::now();
        let refresh = Duration::from_secs(REFRESH_SECS);
        let batch = CHUNK_MESSAGES_MAX.min(usize::try_from(port.limits().batch_records).unwrap_or(usize::MAX)).max(1);
        loop {
            port.ready().await?;
            if looked.elapsed() >= refresh {
                if self.config.partitions.is_none() && self.partitions(consumer, port).await?.len() > at.next.len() {
                    return Ok(());
                }
                looked = Instant::now();
            }
            let first = tokio::time::timeout(refresh, consumer.recv());
            let Ok(first) = port.guard(first).await? else { continue };
            let (mut chunk, mut bytes, mut seen, mut has_moved) = (Vec::new(), 0, 0, merge.is_none());
            let mut next = Some(first);
            while let Some(message) = next.take() {
                let message = message.map_err(|error| self.broken(&error))?;
                bytes += message.payload_len();
                seen += 1;
                let (partition, offset) = (message.partition(), message.offset());
                let read = (offset, self.received(&message));
                if let Some(merge) = &mut merge {
                    if merge.push(partition, message.timestamp().to_millis().unwrap_or(0), read)
                        && held.insert(partition)
                    {
                        self.hold(consumer, partition, true)?;
                    }
                    while let Some((partition, (offset, read))) = merge.pop() {
                        at.next.insert(partition, offset + 1);
                        chunk.extend(read);
                        has_moved = true;
                    }
                } else {
                    at.next.insert(partition, offset + 1);
                    chunk.extend(read.1);
                }
                if seen < batch && bytes < CHUNK_BYTES_MAX {
                    next = consumer.recv().now_or_never();
                }
            }
            if let Some(merge) = &merge {
                let low: Vec<i32> = held.iter().copied().filter(|partition| merge.is_low(*partition)).collect();
                for partition in low {
                    held.remove(&partition);
                    self.hold(consumer, partition, false)?;
                }
            }
            if has_moved {
                give(chunk, at, port).await?;
            }
        }
    }

    /// Has a partition be read no further for now, or again.
    fn hold(&self, consumer: &StreamConsumer, partition: i32, is_held: bool) -> Result<(), Failure> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.config.topic, partition);
        let done = if is_held { consumer.pause(&list) } else { consumer.resume(&list) };
        done.map_err(|error| self.failed("pausing a partition", &error))
    }

    /// The partitions that are read.
    async fn partitions(&self, consumer: &Arc<StreamConsumer>, port: &mut Port) -> Result<Vec<i32>, Failure> {
        let (asked, topic, limit) = (consumer.clone(), self.config.topic.clone(), self.limit());
        let asking = tokio::task::spawn_blocking(move || asked.fetch_metadata(Some(&topic), limit));
        let told =
            port.guard(asking).await?.map_err(|_| Failure::Passing("asking about the topic broke off".to_owned()))?;
        let told = told.map_err(|error| self.failed("asking about the topic", &error))?;
        let topic = told.topics().iter().find(|topic| topic.name() == self.config.topic);
        let missing = || Failure::Passing(format!("there is no topic {}", self.config.topic));
        let there: Vec<i32> = topic.ok_or_else(missing)?.partitions().iter().map(MetadataPartition::id).collect();
        if there.is_empty() {
            return Err(missing());
        }
        match &self.config.partitions {
            None => Ok(there),
            Some(wanted) => match wanted.iter().find(|wanted| !there.contains(wanted)) {
                Some(none) => {
                    Err(Failure::Exit(Exit::fatal(format!("the topic {} has no partition {none}", self.config.topic))))
                }
                None => Ok(wanted.clone()),
            },
        }
    }

    /// Where to read next in each partition.
    async fn locate(
        &self,
        consumer: &Arc<StreamConsumer>,
        at: Option<&Position>,
        port: &mut Port,
    ) -> Result<BTreeMap<i32, i64>, Failure> {
        let partitions = self.partitions(consumer, port).await?;
        let (asked, topic, limit) = (consumer.clone(), self.config.topic.clone(), self.limit());
        let (all, time) = (
            partitions.clone(),
            match self.config.start_from {
                StartFrom::Timestamp(time) if at.is_none() => Some(time),
                _ => None,
            },
        );
        let asking = tokio::task::spawn_blocking(move || -> Result<_, KafkaError> {
            let mut marks = BTreeMap::new();
            for partition in &all {
                marks.insert(*partition, asked.fetch_watermarks(&topic, *partition, limit)?);
            }
            let mut by_time = BTreeMap::new();
            if let Some(time) = time {
                let mut list = TopicPartitionList::new();
                for partition in &all {
                    list.add_partition_offset(&topic, *partition, Offset::Offset(time))?;
                }
                for found in asked.offsets_for_times(list, limit)?.elements() {
                    by_time.insert(found.partition(), found.offset().to_raw());
                }
            }
            Ok((marks, by_time))
        });
        let told =
            port.guard(asking).await?.map_err(|_| Failure::Passing("asking for offsets broke off".to_owned()))?;
        let (marks, by_time) = told.map_err(|error| self.failed("asking for offsets", &error))?;
        if let (None, StartFrom::Offsets(offsets)) = (at, &self.config.start_from)
            && offsets.len() != partitions.len()
        {
            let reason =
                format!("`start_from` has {} offsets, and the topic {} partitions", offsets.len(), partitions.len());
            return Err(Exit::fatal(reason).into());
        }
        let mut next = BTreeMap::new();
        for (number, partition) in partitions.iter().enumerate() {
            let (low, high) = marks.get(partition).copied().unwrap_or((0, 0));
            let from = match (at, &self.config.start_from) {
                // A partition that the topic did not have before is read from its beginning.
                (Some(at), _) => at.next.get(partition).copied().unwrap_or(low),
                (None, StartFrom::Earliest) => low,
                (None, StartFrom::Latest) => high,
                (None, StartFrom::Offsets(offsets)) => offsets.get(number).copied().unwrap_or(low),
                (None, StartFrom::Timestamp(_)) => {
                    by_time.get(partition).copied().flatten().filter(|offset| *offset >= 0).unwrap_or(high)
                }
            };
            next.insert(*partition, self.checked(*partition, from, low, high)?);
        }
        Ok(next)
    }

    fn checked(&self, partition: i32, from: i64, low: i64, high: i64) -> Result<i64, Failure> {
        let topic = &self.config.topic;
        if from < low && self.config.resume_earliest_if_data_expires {
            tracing::warn!(
                topic,
                partition,
                from,
                low,
                "what comes next in a partition expired; it is read from its beginning"
            );
            return Ok(low);
        }
        if (low..=high).contains(&from) {
            return Ok(from);
        }
        Err(Exit::fatal(format!(
            "offset {from} comes next in partition {partition} of the topic {topic}, which has {low} to {high}"
        ))
        .into())
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.config.group_join_timeout_secs.into())
    }

    fn failed(&self, doing: &str, error: &KafkaError) -> Failure {
        Failure::Passing(self.config.options.hide(&format!("{doing}: {error}")))
    }

    /// Something is wrong with reading. librdkafka reconnects by itself, but offsets that are gone do not come back:
    /// those are found out by a new session.
    fn broken(&self, error: &KafkaError) -> Failure {
        let code = error.rdkafka_error_code();
        let doing = match code {
            Some(Code::OffsetOutOfRange | Code::AutoOffsetReset) => "an offset is out of range",
            _ => "reading",
        };
        self.failed(doing, error)
    }

    /// A message, unless it is filtered away.
    fn received(&self, message: &BorrowedMessage<'_>) -> Option<Message> {
        let headers: Vec<(&str, &[u8])> = message
            .headers()
            .map(|all| all.iter().map(|header| (header.key, header.value.unwrap_or_default())).collect())
            .unwrap_or_default();
        if self.filter.as_ref().is_some_and(|filter| !filter.takes(&headers)) {
            return None;
        }
        let mut metadata = Map::new();
        let [with_headers, with_time, with_partition, with_offset, with_topic] = self.config.include;
        if with_headers {
            let value = |bytes: &[u8]| match std::str::from_utf8(bytes) {
                Ok(text) => Value::from(text),
                Err(_) => Value::from(bytes),
            };
            let all = headers.iter().map(|(name, bytes)| ((*name).to_owned(), value(bytes)));
            metadata.insert("kafka_headers".to_owned(), Value::Object(all.collect()));
        }
        if with_time {
            metadata.insert("kafka_timestamp".to_owned(), json!(message.timestamp().to_millis()));
        }
        if with_partition {
            metadata.insert("kafka_partition".to_owned(), message.partition().into());
        }
        if with_offset {
            metadata.insert("kafka_offset".to_owned(), message.offset().into());
        }
        if with_topic {
            metadata.insert("kafka_topic".to_owned(), message.topic().into());
        }
        let payload = message.payload().map(Bytes::copy_from_slice).unwrap_or_default();
        Some(Message { payload, key: message.key().map(Bytes::copy_from_slice), metadata })
    }
}

async fn give(chunk: Vec<Message>, at: &Position, port: &mut Port) -> Result<(), Exit> {
    let position = json!(at);
    port.send(Draft { payload: Payload::Messages(chunk), position, transaction: None }).await
}

impl Input for KafkaInput {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).read(position, port))
    }
}
