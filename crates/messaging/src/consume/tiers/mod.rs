//! Retry topics: where failed messages wait when the broker cannot deliver one message again.
//!
//! A message that failed is published to a topic beside its own, one for each length of pause, and counts as done where it came
//! from. The same reader reads those topics too, and hands a message out when its pause is over.

mod source;

use std::{sync::Arc, time::Duration};

use alluvium_kernel::Timestamp;
use tokio::time::Instant;

use crate::{
    bus::{Bus, now},
    dead_letter::names,
    headers,
    transport::{
        AdminError, Incoming, Outgoing, PublishError, Source, StartFrom, SubscribeError, SubscribeSpec, TopicSpec,
    },
};

/// Retry topics of a topic and group.
pub(crate) const TIERS: usize = 3;
/// How long messages of each retry topic wait, in seconds.
const DELAYS_SECONDS: [u64; TIERS] = [5, 60, 600];
/// How long a retry topic keeps its messages, in days: those that a group which does not run has not tried again are gone then.
const KEPT_DAYS: u64 = 14;
/// How long a topic that was just made may take to be known everywhere, in milliseconds, and how often it is looked for.
const MADE_MS_MAX: u64 = 10_000;
const MADE_LOOK_MS: u64 = 100;

/// How long a failed message shall wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// About so long: the nearest there is.
    About(Duration),
    /// Not shorter.
    AtLeast(Duration),
}

/// The retry topics of one topic and group.
pub(crate) struct Tiers {
    bus: Bus,
    topic: Arc<str>,
    names: [Arc<str>; TIERS],
}

/// The retry topic number `tier`, from 1, of a topic and group.
pub(crate) fn retry_topic(topic: &str, group: &str, tier: impl std::fmt::Display) -> String {
    format!("{topic}.{group}.retry.{tier}")
}

/// The group that reads retry topic number `tier`.
pub(crate) fn retry_group(group: &str, tier: usize) -> String {
    format!("{group}.retry.{tier}")
}

fn delay(tier: usize) -> Duration {
    Duration::from_secs(DELAYS_SECONDS[tier])
}

/// The tier, from 0, for a pause.
fn tier_of(pause: Pause) -> usize {
    let mut tiers = 0..TIERS;
    let found = match pause {
        Pause::About(wanted) => tiers.min_by_key(|tier| delay(*tier).abs_diff(wanted)),
        Pause::AtLeast(wanted) => tiers.find(|tier| delay(*tier) >= wanted),
    };
    found.unwrap_or(TIERS - 1)
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(from.micros().saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

/// Not to be handled before this moment.
fn not_before(incoming: &Incoming) -> Option<Timestamp> {
    incoming.headers.get_str(headers::NOT_BEFORE).and_then(Timestamp::parse)
}

/// How long it is until `time`.
fn until(time: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(time.micros().saturating_sub(now().micros())).unwrap_or(0))
}

impl Tiers {
    pub(crate) fn new(bus: &Bus, topic: &Arc<str>, group: &str) -> Arc<Self> {
        let names = std::array::from_fn(|tier| Arc::from(retry_topic(topic, group, tier + 1)));
        Arc::new(Self { bus: bus.clone(), topic: topic.clone(), names })
    }

    /// Reads what `spec` says, and the retry topics beside it; makes those that are missing.
    pub(crate) async fn subscribe(self: &Arc<Self>, spec: SubscribeSpec) -> Result<Box<dyn Source>, SubscribeError> {
        // First, for without the topic itself there is nothing to make retry topics for.
        let main = self.bus.transport().subscribe(spec.clone()).await?;
        self.make().await.map_err(|error| SubscribeError::Refused {
            trying: format!("making the retry topics of {} (RetryMode::InLane needs none)", self.topic),
            detail: error.to_string(),
        })?;
        let mut retries = Vec::with_capacity(self.names.len());
        for (at, name) in self.names.iter().enumerate() {
            let mut spec = SubscribeSpec { topic: name.clone(), from: StartFrom::Stored, ..spec.clone() };
            // Groups of their own: when readers of one topic come and go, those of the others are left in peace.
            spec.group = spec.group.map(|group| retry_group(&group, at + 1));
            // What was published before a reader had its partitions must not be missed, wherever the group begins on its topic.
            spec.settings.from_earliest = true;
            spec.settings.kafka.insert("auto.offset.reset".to_owned(), "earliest".to_owned());
            retries.push(self.subscribe_to(spec).await?);
        }
        Ok(Box::new(source::TieredSource::new(self.clone(), main, retries)))
    }

    /// Makes the topics that are missing, with as many partitions and copies as the topic itself has.
    async fn make(&self) -> Result<(), AdminError> {
        let info = self.bus.admin().describe(self.topic.to_string()).await?;
        for name in &self.names {
            let spec = TopicSpec {
                topic: str::to_owned(name),
                partitions: Some(info.partitions),
                replicas: Some(info.replicas),
                retention: Some(Duration::from_hours(24 * KEPT_DAYS)),
                ..TopicSpec::default()
            };
            self.bus.admin().create(spec).await?;
        }
        Ok(())
    }

    async fn subscribe_to(&self, spec: SubscribeSpec) -> Result<Box<dyn Source>, SubscribeError> {
        let by = Instant::now() + Duration::from_millis(MADE_MS_MAX);
        loop {
            match self.bus.transport().subscribe(spec.clone()).await {
                Err(SubscribeError::NoSource(_)) if Instant::now() < by => {
                    tokio::time::sleep(Duration::from_millis(MADE_LOOK_MS)).await;
                }
                result => return result,
            }
        }
    }

    /// Publishes a message for its try number `attempt`, and waits until the broker has it. Only then its original is done.
    pub(crate) async fn send(&self, incoming: &Incoming, attempt: u32, pause: Pause) -> Result<(), PublishError> {
        let tier = tier_of(pause);
        let waits = match pause {
            Pause::About(_) => delay(tier),
            Pause::AtLeast(wanted) => wanted.max(delay(tier)),
        };
        let mut message = self.copy(incoming, tier);
        message.headers.insert(names::ORIGIN, incoming.origin());
        message.headers.insert(names::FIRST, incoming.first_time().to_rfc3339());
        message.headers.insert(headers::ATTEMPT, attempt.to_string());
        message.headers.insert(headers::NOT_BEFORE, later(now(), waits).to_rfc3339());
        self.bus.deliver(message).await.map(drop)
    }

    /// The same once more, for what has to wait longer than its topic does.
    async fn send_on(&self, incoming: &Incoming) -> Result<(), PublishError> {
        let left = not_before(incoming).map(until).unwrap_or_default();
        self.bus.deliver(self.copy(incoming, tier_of(Pause::AtLeast(left)))).await.map(drop)
    }

    fn copy(&self, incoming: &Incoming, tier: usize) -> Outgoing {
        let name = &self.names[tier];
        let mut message = Outgoing::on(name.clone(), name.to_string(), incoming.payload.clone());
        message.key.clone_from(&incoming.key);
        message.headers.clone_from(&incoming.headers);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_finds_its_tier() {
        let about = |seconds| tier_of(Pause::About(Duration::from_secs(seconds)));
        assert_eq!([0, 5, 32, 33, 60, 330, 331, 90_000].map(about), [0, 0, 0, 1, 1, 1, 2, 2]);
        let at_least = |seconds| tier_of(Pause::AtLeast(Duration::from_secs(seconds)));
        assert_eq!([0, 5, 6, 60, 61, 600, 601].map(at_least), [0, 0, 1, 1, 2, 2, 2]);
        assert_eq!(retry_topic("orders", "billing", 2), "orders.billing.retry.2");
    }
}
