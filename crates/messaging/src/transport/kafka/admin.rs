//! Topics of a Kafka cluster, and what they hold.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alluvium_kernel::BoxFuture;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::MetadataTopic,
};

use super::{KafkaConfig, source::ASK_MS, wire};
use crate::transport::{Admin, AdminError, Browse, Lag, Position, Stored, TopicInfo, TopicSpec};

/// How long a broker may take to give a message or to say that there is no more, in milliseconds.
const BROWSE_MS: u64 = 5_000;

pub struct KafkaAdmin {
    pub config: KafkaConfig,
}

fn failed(trying: impl Into<String>) -> impl FnOnce(KafkaError) -> AdminError {
    let trying = trying.into();
    move |error| AdminError::Failed { trying, detail: error.to_string() }
}

fn within() -> Duration {
    Duration::from_millis(ASK_MS)
}

impl KafkaAdmin {
    fn client(&self) -> Result<AdminClient<DefaultClientContext>, AdminError> {
        self.config.client(&BTreeMap::new()).create().map_err(failed("opening an administration client"))
    }

    fn consumer(&self, group: Option<&str>) -> Result<BaseConsumer, AdminError> {
        let mut client = self.config.client(&BTreeMap::new());
        client.set("enable.auto.commit", "false").set("isolation.level", "read_committed");
        // The end is told by the broker: offsets that transactions take for themselves never come as messages.
        client.set("enable.partition.eof", "true").set("auto.offset.reset", "latest");
        if let Some(group) = group {
            client.set("group.id", group);
        }
        client.create().map_err(failed("opening a consumer"))
    }

    /// Runs what blocks where blocking is allowed.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, AdminError> {
        let this = Self { config: self.config.clone() };
        tokio::task::spawn_blocking(move || work(this)).await.map_err(|error| AdminError::Failed {
            trying: "asking the cluster".to_owned(),
            detail: error.to_string(),
        })?
    }

    fn topics(&self, only: Option<&str>) -> Result<Vec<TopicInfo>, AdminError> {
        let consumer = self.consumer(None)?;
        let metadata = consumer.fetch_metadata(only, within()).map_err(failed("listing topics"))?;
        let there = metadata.topics().iter().filter(|topic| !topic.partitions().is_empty());
        Ok(there.map(|topic| info(&consumer, topic)).collect())
    }

    fn browse_now(&self, what: &Browse) -> Result<Vec<Stored>, AdminError> {
        let mut found = Vec::new();
        let topic: Arc<str> = what.name.as_str().into();
        let info = self.topics(Some(&what.name))?.into_iter().find(|info| info.name == what.name);
        let partitions = info.ok_or_else(|| AdminError::NotFound(what.name.clone()))?.partitions as i32;
        let consumer = self.consumer(Some("browse"))?;
        for partition in what.partition.map_or(0..partitions, |only| only..only.saturating_add(1).min(partitions)) {
            let (low, _) =
                consumer.fetch_watermarks(&topic, partition, within()).map_err(failed("asking for offsets"))?;
            let mut list = TopicPartitionList::new();
            let from = Offset::Offset((what.from as i64).max(low));
            list.add_partition_offset(&topic, partition, from).map_err(failed("seeking"))?;
            consumer.assign(&list).map_err(failed("seeking"))?;
            while found.len() < what.messages_max {
                let message = match consumer.poll(Duration::from_millis(BROWSE_MS)) {
                    None | Some(Err(KafkaError::PartitionEOF(_))) => break,
                    Some(Err(error)) => return Err(failed(format!("reading {topic}"))(error)),
                    Some(Ok(message)) => message,
                };
                let offset = message.offset();
                let (key, payload, headers) = wire::content(&message);
                found.push(Stored {
                    subject: topic.to_string(),
                    position: Position::Partition { topic: topic.clone(), partition, offset },
                    time: wire::time(&message),
                    key,
                    payload,
                    headers,
                });
            }
        }
        Ok(found)
    }

    fn lag_now(&self, topic: &str, group: &str) -> Result<Lag, AdminError> {
        let info = self.topics(Some(topic))?.into_iter().find(|info| info.name == topic);
        let partitions = info.ok_or_else(|| AdminError::NotFound(topic.to_owned()))?.partitions as i32;
        let consumer = self.consumer(Some(group))?;
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(topic, 0, partitions - 1);
        let committed = consumer.committed_offsets(asked, within()).map_err(failed("asking for a group's offsets"))?;
        let mut lag = Lag::default();
        for each in committed.elements() {
            let (low, high) =
                consumer.fetch_watermarks(topic, each.partition(), within()).map_err(failed("asking for offsets"))?;
            let place = match each.offset() {
                Offset::Offset(offset) => offset.max(low),
                _ => low,
            };
            lag.partitions.insert(each.partition() as u32, (high - place).max(0) as u64);
        }
        Ok(lag)
    }
}

fn info(consumer: &BaseConsumer, topic: &MetadataTopic) -> TopicInfo {
    let ends = topic.partitions().iter().map(|each| consumer.fetch_watermarks(topic.name(), each.id(), within()).ok());
    let messages = ends.map(|ends| ends.map(|(low, high)| (high - low).max(0) as u64)).sum();
    TopicInfo {
        name: topic.name().to_owned(),
        subjects: Vec::new(),
        partitions: topic.partitions().len() as u32,
        replicas: topic.partitions().first().map_or(1, |each| each.replicas().len() as u32),
        messages,
        bytes: None,
        sequences: None,
    }
}

impl Admin for KafkaAdmin {
    fn create(&self, spec: TopicSpec) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            // It may be there already, made by somebody with more rights.
            if self.describe(spec.topic.clone()).await.is_ok() {
                return Ok(());
            }
            let client = self.client()?;
            let retention = spec.retention.map_or("-1".to_owned(), |time| time.as_millis().to_string());
            let (partitions, replicas) = (spec.partitions.unwrap_or(1) as i32, spec.replicas.unwrap_or(1) as i32);
            let topic = NewTopic::new(&spec.topic, partitions, TopicReplication::Fixed(replicas))
                .set("retention.ms", &retention)
                .set("cleanup.policy", if spec.compact { "compact" } else { "delete" });
            let trying = format!("making topic {}", spec.topic);
            let options = AdminOptions::new().operation_timeout(Some(within())).request_timeout(Some(within()));
            let made = client.create_topics([&topic], &options).await.map_err(failed(trying.clone()))?;
            match made.into_iter().next() {
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists)) | Ok(_)) | None => Ok(()),
                Some(Err((_, code))) => Err(AdminError::Failed { trying, detail: code.to_string() }),
            }
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, AdminError>> {
        Box::pin(self.blocking(|this| this.topics(None)))
    }

    fn describe(&self, name: String) -> BoxFuture<'_, Result<TopicInfo, AdminError>> {
        Box::pin(self.blocking(move |this| {
            let found = this.topics(Some(&name))?.into_iter().find(|info| info.name == name);
            found.ok_or(AdminError::NotFound(name))
        }))
    }

    fn delete(&self, name: String) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            let client = self.client()?;
            let trying = format!("removing topic {name}");
            let gone = client.delete_topics(&[&name], &AdminOptions::new()).await.map_err(failed(trying.clone()))?;
            match gone.into_iter().next() {
                Some(Ok(_)) | None => Ok(()),
                Some(Err((_, RDKafkaErrorCode::UnknownTopicOrPartition))) => Err(AdminError::NotFound(name)),
                Some(Err((_, code))) => Err(AdminError::Failed { trying, detail: code.to_string() }),
            }
        })
    }

    fn lag(&self, name: String, group: String) -> BoxFuture<'_, Result<Lag, AdminError>> {
        Box::pin(self.blocking(move |this| this.lag_now(&name, &group)))
    }

    fn browse(&self, what: Browse) -> BoxFuture<'_, Result<Vec<Stored>, AdminError>> {
        Box::pin(self.blocking(move |this| this.browse_now(&what)))
    }

    fn remove(&self, _position: Position) -> BoxFuture<'_, Result<(), AdminError>> {
        let error = AdminError::Unsupported { what: "removing one message", transport: "kafka" };
        Box::pin(std::future::ready(Err(error)))
    }
}
