//! What happens when a group shares its partitions out anew. Runs on the polling thread, inside librdkafka's poll.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::KafkaError,
    topic_partition_list::TopicPartitionListElem,
    types::RDKafkaRespErr,
};
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{commit, shared::Shared};
use crate::transport::SourceEvent;

/// How long messages of a partition that goes to somebody else may take to finish, in milliseconds.
const REVOKE_GRACE_MS: u64 = 2_000;
/// How often it is looked whether they have, in milliseconds.
const REVOKE_LOOK_MS: u64 = 2;

/// Where partitions begin that this reader has not had before.
#[derive(Clone, Debug)]
pub enum Begin {
    /// Where the group is.
    Stored,
    /// All at one end.
    At(Offset),
    /// Each at its own offset; those not named where the group is.
    Offsets(BTreeMap<i32, i64>),
}

impl Begin {
    /// The offset for one partition.
    pub fn of(&self, partition: i32) -> Option<Offset> {
        match self {
            Self::Stored => None,
            Self::At(offset) => Some(*offset),
            Self::Offsets(all) => all.get(&partition).map(|offset| Offset::Offset(*offset)),
        }
    }
}

pub struct Group {
    pub shared: Arc<Shared>,
    pub begin: Begin,
    /// Partitions that began already: given to us again, they go on where the group is.
    pub begun: Mutex<Vec<i32>>,
    /// The consumer that this belongs to.
    pub consumer: OnceLock<Weak<BaseConsumer<Self>>>,
}

impl ClientContext for Group {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(error = %error, reason, "the Kafka consumer met a fault");
        if error.rdkafka_error_code() == Some(rdkafka::error::RDKafkaErrorCode::AllBrokersDown) {
            self.shared.tell(SourceEvent::Broken(reason.to_owned()));
        }
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions: Vec<i32> = list.elements().iter().map(TopicPartitionListElem::partition).collect();
        let is_cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.begin_at(list);
            self.split(&partitions);
            let done = if is_cooperative { consumer.incremental_assign(list) } else { consumer.assign(list) };
            self.shared.gain(&partitions);
            self.shared.tell(SourceEvent::Assigned(numbers(&partitions)));
            done
        } else {
            if consumer.assignment_lost() {
                tracing::info!(topic = %self.shared.topic, ?partitions, "partitions were lost; what was done since their last commit comes again");
                self.shared.tell(SourceEvent::Lost(numbers(&partitions)));
            } else {
                self.finish(consumer, &partitions);
            }
            self.shared.lose(&partitions);
            if is_cooperative { consumer.incremental_unassign(list) } else { consumer.unassign() }
        };
        if let Err(error) = done {
            tracing::warn!(error = %error, "partitions could not be taken over or given away");
            self.shared.tell(SourceEvent::Broken(error.to_string()));
        }
    }

    fn main_queue_min_poll_interval(&self) -> rdkafka::util::Timeout {
        Duration::from_millis(100).into()
    }
}

impl Group {
    /// Gives partitions queues of their own, before anything is fetched for them: messages that came over the common queue first
    /// would be overtaken by those behind them.
    pub fn split(&self, partitions: &[i32]) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else { return };
        let topic = &self.shared.topic;
        let queues = partitions.iter().filter_map(|each| Some((*each, consumer.split_partition_queue(topic, *each)?)));
        self.shared.assigned.lock().unwrap_or_else(PoisonError::into_inner).extend(queues);
    }

    fn begin_at(&self, list: &mut TopicPartitionList) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.shared.topic.clone();
        for partition in list.elements().iter().map(TopicPartitionListElem::partition).collect::<Vec<_>>() {
            if begun.contains(&partition) {
                continue;
            }
            begun.push(partition);
            if let Some(offset) = self.begin.of(partition) {
                list.set_partition_offset(&topic, partition, offset).ok();
            }
        }
    }

    /// Gives what runs some time, then commits how far these partitions came.
    fn finish(&self, consumer: &BaseConsumer<Self>, partitions: &[i32]) {
        // Nothing more begins; it stays open in its window, so that the next owner gets it.
        self.shared.withhold(partitions);
        if self.shared.is_listened_to() {
            let (done, mut finished) = oneshot::channel();
            self.shared.tell(SourceEvent::Revoked { partitions: numbers(partitions), done });
            let until = Instant::now() + Duration::from_millis(REVOKE_GRACE_MS);
            while finished.try_recv() == Err(TryRecvError::Empty) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(REVOKE_LOOK_MS));
            }
        }
        commit::last(consumer, &self.shared, partitions);
    }
}

fn numbers(partitions: &[i32]) -> Vec<u32> {
    partitions.iter().map(|partition| *partition as u32).collect()
}
