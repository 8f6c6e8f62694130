//! Which offsets of a topic a stream holds already: for starts after a pause longer than JetStream remembers ids.

use std::collections::{HashMap, HashSet};

use async_nats::jetstream;

use super::to_jetstream::{KAFKA_OFFSET, KAFKA_PARTITION, KAFKA_TOPIC};
use crate::{
    Error, direct,
    pull::PullSettings,
    tail::{Tail, TailConfig, Tailed},
};

/// How far back a stream is looked at, in messages. What may be stored and not committed is what was in flight and what the
/// commit cadence left, a fraction of this.
const LOOKED_AT_MESSAGES_MAX: u64 = 20_000;

/// Offsets by partition.
pub type Stored = HashMap<u32, HashSet<u64>>;

/// The offsets of `topic` among the last messages of the stream. The single ones, not the highest: of messages to several
/// subjects, a later one may have been stored and an earlier one not.
pub async fn stored(js: &jetstream::Context, stream: &str, topic: &str) -> Result<Stored, Error> {
    let mut stored = Stored::new();
    let extent = direct::extent(js, stream).await?;
    if extent.messages == 0 {
        return Ok(stored);
    }
    let from = extent.first.max(extent.last.saturating_sub(LOOKED_AT_MESSAGES_MAX) + 1);
    let config = TailConfig { stream: stream.to_owned(), filters: vec![], from, pull: PullSettings::default() };
    let mut tail = Tail::new(js.clone(), config)?;
    while tail.last() < extent.last {
        match tail.next().await? {
            Tailed::Message(message) if message.header(KAFKA_TOPIC) == Some(topic) => {
                let number = |name| message.header(name).and_then(|text| text.parse::<u64>().ok());
                if let (Some(partition), Some(offset)) = (number(KAFKA_PARTITION), number(KAFKA_OFFSET)) {
                    stored.entry(partition as u32).or_default().insert(offset);
                }
            }
            // The last messages may have been deleted meanwhile: silence is the end.
            Tailed::Idle => break,
            Tailed::Message(_) | Tailed::Reconnected => {}
        }
    }
    Ok(stored)
}
