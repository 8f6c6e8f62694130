//! What the broker in memory holds.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use alluvium_kernel::Timestamp;
use tokio::time::Instant;

use super::Like;
use crate::transport::{Outgoing, Position, PublishError, Receipt, Stored, TopicSpec, window::Window};

/// How long message ids are remembered, in seconds.
const DEDUP_SECONDS: u64 = 120;

/// What goes wrong on demand.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) drop_acks: usize,
    pub(crate) duplicates: usize,
    pub(crate) delay: Duration,
    pub(crate) away_until: Option<Instant>,
    pub(crate) refuse: Option<(String, usize)>,
}

/// Chance that comes out the same every time (SplitMix64).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % count.max(1)
    }
}

/// A stream (all in one partition) or a topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) subjects: Vec<String>,
    pub(crate) partitions: Vec<Vec<Option<Stored>>>,
    ids: HashMap<String, (Instant, u64)>,
    dedup: Duration,
}

/// A message given out and not settled.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) again_at: Instant,
}

/// The place of a group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// JetStream: the next message never given out.
    pub(crate) cursor: usize,
    pub(crate) taken: BTreeMap<usize, Taken>,
    pub(crate) delivered: HashMap<usize, u32>,
    /// Kafka: members, who has which partition, how far each is committed.
    pub(crate) members: Vec<u64>,
    pub(crate) owners: Vec<Option<u64>>,
    pub(crate) marks: Vec<Window>,
    pub(crate) starts: Vec<usize>,
    pub(crate) positions: Vec<usize>,
    pub(crate) generation: u64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) groups: HashMap<(String, String), Group>,
    pub(crate) faults: Faults,
    /// Publishes that wait until the broker is back.
    pub(crate) waiting: usize,
    pub(crate) next_member: u64,
    /// Decides what comes next where a broker is free to.
    pub(crate) dice: Option<Dice>,
    /// Readers of an earlier life are dead.
    pub(crate) life: u64,
    /// What the clock shows at a moment.
    pub(crate) clock: Option<(Timestamp, Instant)>,
}

/// Whether a subject is one that a filter with `*` and `>` means.
pub(crate) fn subject_matches(filter: &str, subject: &str) -> bool {
    let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
    loop {
        match (filter.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

impl State {
    /// The moment that it is, by the clock that was set.
    fn now(&self) -> Timestamp {
        let Some((then, at)) = self.clock else { return crate::bus::now() };
        Timestamp::from_micros(then.micros().saturating_add(at.elapsed().as_micros() as i64))
    }

    /// Everybody who reads is gone without a word.
    pub(crate) fn crash(&mut self) {
        self.life += 1;
        for group in self.groups.values_mut() {
            group.members.clear();
            group.assign(0);
        }
    }

    pub(crate) fn create(&mut self, like: Like, spec: TopicSpec) {
        let name = match like {
            Like::JetStream => spec.stream.unwrap_or_else(|| crate::transport::jetstream::stream_name(&spec.topic)),
            Like::Kafka { .. } => spec.topic.clone(),
        };
        let partitions = match like {
            Like::JetStream => 1,
            Like::Kafka { partitions } => spec.partitions.unwrap_or(partitions),
        };
        let subjects = if spec.subjects.is_empty() { vec![spec.topic] } else { spec.subjects };
        self.topics.entry(name).or_insert_with(|| Topic {
            subjects,
            partitions: (0..partitions).map(|_| Vec::new()).collect(),
            ids: HashMap::new(),
            dedup: spec.dedup.unwrap_or(Duration::from_secs(DEDUP_SECONDS)),
        });
    }

    /// The name of what stores a message.
    fn home(&mut self, like: Like, message: &Outgoing) -> Option<String> {
        if let Like::Kafka { .. } = like {
            // As brokers do that make topics on demand.
            if !self.topics.contains_key(message.topic.as_ref()) {
                self.create(like, TopicSpec { topic: message.topic.to_string(), ..TopicSpec::default() });
            }
            return Some(message.topic.to_string());
        }
        let takes = |topic: &Topic| topic.subjects.iter().any(|filter| subject_matches(filter, &message.subject));
        let name = self.topics.iter().find(|(_, topic)| takes(topic)).map(|(name, _)| name.clone())?;
        message.stream.as_deref().is_none_or(|wanted| wanted == name).then_some(name)
    }

    /// Stores all or none.
    pub(crate) fn store(
        &mut self,
        like: Like,
        messages: &[Outgoing],
        now: Instant,
    ) -> Result<Vec<Receipt>, PublishError> {
        let mut homes = Vec::with_capacity(messages.len());
        for message in messages {
            let subject = message.subject.clone();
            if let Some((filter, count)) = self.faults.refuse.as_mut().filter(|(_, count)| *count > 0)
                && (subject_matches(filter, &message.subject) || *filter == *message.topic)
            {
                *count -= 1;
                return Err(PublishError::Refused { subject, code: 0, detail: "refused on demand".into() });
            }
            let home = self.home(like, message).ok_or(PublishError::NoDestination { subject })?;
            if let Some(expected) = message.expect_last_subject_seq {
                let last = self.topics[&home].last_of(&message.subject);
                if last != expected {
                    let detail = format!("the last sequence is {last}, not {expected}");
                    return Err(PublishError::WrongSequence { subject: message.subject.clone(), detail });
                }
            }
            homes.push(home);
        }
        let receipts: Vec<Receipt> =
            messages.iter().zip(homes).map(|(message, home)| self.append(like, &home, message, now)).collect();
        // The acknowledgement is lost, so the message is sent again and found to be there already.
        if self.faults.drop_acks > 0 {
            self.faults.drop_acks -= 1;
            return self.store(like, messages, now);
        }
        Ok(receipts)
    }

    fn append(&mut self, like: Like, home: &str, message: &Outgoing, now: Instant) -> Receipt {
        let time = self.now();
        let topic = self.topics.get_mut(home).expect("found just before");
        let name: Arc<str> = home.into();
        let partition = match (like, message.partition) {
            (Like::JetStream, _) => 0,
            (Like::Kafka { .. }, Some(partition)) => partition.unsigned_abs() as usize % topic.partitions.len(),
            (Like::Kafka { .. }, None) => spread(message.key.as_deref(), topic),
        };
        let position = |number: u64| match like {
            Like::JetStream => Position::Stream { stream: name.clone(), seq: number + 1 },
            Like::Kafka { .. } => {
                Position::Partition { topic: name.clone(), partition: partition as i32, offset: number as i64 }
            }
        };
        let dedup = topic.dedup;
        topic.ids.retain(|_, (at, _)| now.duration_since(*at) < dedup);
        if let Some(id) = message.id.as_ref() {
            if let Some((_, number)) = topic.ids.get(id) {
                return Receipt { position: position(*number), duplicate: true, time: None };
            }
            let number = topic.partitions[partition].len() as u64;
            topic.ids.insert(id.clone(), (now, number));
        }
        let number = topic.partitions[partition].len() as u64;
        let mut headers = message.headers.clone();
        if let Some(id) = &message.id {
            let name =
                if like == Like::JetStream { crate::headers::NATS_MESSAGE_ID } else { crate::headers::MESSAGE_ID };
            headers.insert(name, id.clone());
        }
        topic.partitions[partition].push(Some(Stored {
            subject: message.subject.clone(),
            position: position(number),
            time,
            key: message.key.clone(),
            payload: message.payload.clone(),
            headers,
        }));
        Receipt { position: position(number), duplicate: false, time: Some(time) }
    }

    /// Gives every partition of every group to another of its members.
    pub(crate) fn rebalance_all(&mut self) {
        for group in self.groups.values_mut() {
            group.assign(1);
        }
    }
}

/// The partition of a key; messages without one go round.
fn spread(key: Option<&[u8]>, topic: &Topic) -> usize {
    let count = topic.partitions.len();
    match key {
        None => topic.partitions.iter().map(Vec::len).sum::<usize>() % count,
        Some(key) => {
            let hash =
                key.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
            hash as usize % count
        }
    }
}

impl Topic {
    fn last_of(&self, subject: &str) -> u64 {
        let found =
            self.partitions[0].iter().rposition(|each| each.as_ref().is_some_and(|each| each.subject == subject));
        found.map_or(0, |at| at as u64 + 1)
    }
}

impl Group {
    /// The first offset of a partition that is not finished.
    pub(crate) fn place(&self, at: usize) -> usize {
        self.marks[at].place().map_or(self.starts[at], |offset| offset as usize)
    }

    /// Shares the partitions out among the members; what changes hands is read again from what is committed.
    pub(crate) fn assign(&mut self, turn: usize) {
        self.generation += 1;
        let count = self.members.len();
        for at in 0..self.owners.len() {
            let owner = (count > 0).then(|| self.members[(at + turn) % count]);
            if self.owners[at] != owner || turn > 0 {
                self.owners[at] = owner;
                self.positions[at] = self.place(at);
            }
        }
    }
}

/// The moment of a message, as sources give it.
pub(crate) fn time_of(stored: &Stored) -> Timestamp {
    stored.time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_mean_what_they_mean_on_nats() {
        for (filter, subject, matches) in [
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a", true),
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.*.c", "a.x.c", true),
        ] {
            assert_eq!(subject_matches(filter, subject), matches, "{filter} {subject}");
        }
    }
}
