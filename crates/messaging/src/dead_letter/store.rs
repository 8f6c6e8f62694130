//! Dead letters, looked at, replayed and removed. The command line stands on these.

use std::time::Duration;

use alluvium_kernel::Timestamp;
use bytes::Bytes;
use serde::Serialize;

use super::{
    STREAM, names,
    place::{self, Place},
};
use crate::{
    Bus,
    headers::{self, Headers},
    transport::{AdminError, Browse, Outgoing, Position, PublishError, Receipt, Stored},
};

/// Dead letters that one listing gives at most.
pub const LETTERS_MAX: usize = 10_000;
/// Dead letters read at once.
const PAGE_MESSAGES: usize = 1_000;

/// A dead letter.
#[derive(Clone, Debug, Serialize)]
pub struct Letter {
    /// Its number: the sequence in the stream of dead letters; on Kafka its offset, with its partition in the bits above the lower 40.
    pub id: u64,
    /// The logical name that it came under.
    pub topic: String,
    /// The group that could not handle it.
    pub group: String,
    /// Why: `decode`, `schema`, `handler`, `deadline`, `attempts`, `crash` or `sequenced`.
    pub reason: String,
    /// The error.
    pub error: String,
    /// The error and what caused it, outermost first.
    pub chain: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it came first.
    pub first: Option<Timestamp>,
    /// When it was put aside.
    pub last: Option<Timestamp>,
    /// Where it stood.
    pub origin: String,
    /// The subject that it came on.
    pub subject: String,
    /// Its id, if it has one.
    pub message_id: Option<String>,
    /// Its key, as text.
    pub key: Option<String>,
    /// Bytes of its payload.
    pub bytes: usize,
    #[serde(skip)]
    stored: Stored,
}

impl Letter {
    fn of(stored: Stored) -> Self {
        let text = |name: &str| stored.headers.get_str(name).unwrap_or_default().to_owned();
        let time = |name: &str| stored.headers.get_str(name).and_then(Timestamp::parse);
        Self {
            id: place::number(&stored.position),
            topic: text(names::TOPIC),
            group: text(names::GROUP),
            reason: text(names::REASON),
            error: text(names::ERROR),
            chain: text(names::CHAIN),
            attempts: text(names::ATTEMPTS).parse().unwrap_or(0),
            first: time(names::FIRST),
            last: time(names::LAST),
            origin: text(names::ORIGIN),
            subject: text(names::SUBJECT),
            message_id: stored.headers.get_str(headers::MESSAGE_ID).map(ToOwned::to_owned),
            key: stored.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned()),
            bytes: stored.payload.as_ref().map_or(0, Bytes::len),
            stored,
        }
    }

    /// Its payload, unchanged; `None` is a tombstone.
    pub fn payload(&self) -> Option<&Bytes> {
        self.stored.payload.as_ref()
    }

    /// Its headers, those of its original and those of its being dead.
    pub fn headers(&self) -> &Headers {
        &self.stored.headers
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.stored.position
    }
}

/// Which dead letters. Everything said must hold; the default means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These numbers.
    pub ids: Vec<u64>,
    /// Of this topic.
    pub topic: Option<String>,
    /// Of this group.
    pub group: Option<String>,
    /// For this reason.
    pub reason: Option<String>,
    /// Put aside at this time or after.
    pub since: Option<Timestamp>,
    /// Of this key.
    pub key: Option<String>,
    /// At most so many; [`LETTERS_MAX`] when nothing is said.
    pub limit: Option<usize>,
}

impl Filter {
    fn takes(&self, letter: &Letter) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        (self.ids.is_empty() || self.ids.contains(&letter.id))
            && same(&self.topic, &letter.topic)
            && same(&self.group, &letter.group)
            && same(&self.reason, &letter.reason)
            && self.since.is_none_or(|since| letter.last.is_some_and(|last| last >= since))
            && (self.key.is_none() || self.key == letter.key)
    }
}

/// Dead letters, oldest first. On Kafka those of one topic and group, which the filter has to name.
pub async fn list(bus: &Bus, filter: &Filter) -> Result<Vec<Letter>, AdminError> {
    let limit = filter.limit.unwrap_or(LETTERS_MAX).min(LETTERS_MAX);
    match Place::of(bus, filter)? {
        Place::Stream => of_stream(bus, filter, limit).await,
        Place::Topic(name) => of_topic(bus, &name, filter, limit).await,
    }
}

async fn of_topic(bus: &Bus, name: &str, filter: &Filter, limit: usize) -> Result<Vec<Letter>, AdminError> {
    let partitions = bus.admin().describe(name.to_owned()).await?.partitions as i32;
    let mut letters = Vec::new();
    for partition in 0..partitions {
        let Some(mut from) = place::first_offset(&filter.ids, partition) else { continue };
        let mut here = Vec::new();
        loop {
            let (name, all) = (name.to_owned(), ">".to_owned());
            let what = Browse { name, filter: all, partition: Some(partition), from, messages_max: PAGE_MESSAGES };
            let page = bus.admin().browse(what).await?;
            let is_last = page.len() < PAGE_MESSAGES;
            from = page.last().map_or(from, |last| last.position.number() + 1);
            let found = page.into_iter().map(Letter::of).filter(|letter| filter.takes(letter));
            here.extend(found.take(limit - here.len()));
            if is_last || here.len() >= limit {
                break;
            }
        }
        letters.extend(in_turn(here));
    }
    letters.sort_by_key(|(time, _)| *time);
    Ok(letters.into_iter().take(limit).map(|(_, letter)| letter).collect())
}

/// Letters of one partition with the times that they are sorted by: clocks of writers may differ, and the order of a key must not.
fn in_turn(letters: Vec<Letter>) -> impl Iterator<Item = (Timestamp, Letter)> {
    letters.into_iter().scan(Timestamp::default(), |latest, letter| {
        *latest = letter.stored.time.max(*latest);
        Some((*latest, letter))
    })
}

async fn of_stream(bus: &Bus, filter: &Filter, limit: usize) -> Result<Vec<Letter>, AdminError> {
    let mut letters = Vec::new();
    let mut from = filter.ids.iter().min().copied().unwrap_or(1).max(1);
    loop {
        let subjects = format!("dlq.{}.>", bus.tenant());
        let what =
            Browse { name: STREAM.to_owned(), filter: subjects, from, messages_max: PAGE_MESSAGES, partition: None };
        let page = bus.admin().browse(what).await?;
        let Some(last) = page.last() else { return Ok(letters) };
        from = last.position.number() + 1;
        for stored in page {
            // Others of the platform lie in the same stream; a letter of the kit says its reason.
            if stored.headers.get(names::REASON).is_none() {
                continue;
            }
            let letter = Letter::of(stored);
            if filter.takes(&letter) {
                letters.push(letter);
            }
            if letters.len() >= limit {
                return Ok(letters);
            }
        }
    }
}

/// One dead letter, of those that `among` takes.
pub async fn show(bus: &Bus, id: u64, among: &Filter) -> Result<Letter, AdminError> {
    let found = list(bus, &Filter { ids: vec![id], limit: Some(1), ..among.clone() }).await?;
    found.into_iter().next().ok_or_else(|| AdminError::NotFound(format!("dead letter {id}")))
}

/// How to replay.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Another subject, or topic on Kafka, than the one it came on.
    pub to: Option<String>,
    /// Says only what would be done.
    pub dry_run: bool,
    /// Leaves the dead letter where it is. On Kafka it stays always: single messages cannot be taken out of a topic. Replayed again it
    /// is published again, with the same id and the same `Alv-Replay`, by which a reader knows it.
    pub keep: bool,
    /// Under an id of its own instead of its original's.
    pub new_id: bool,
    /// At most so many in a second.
    pub per_second: Option<u32>,
    /// Another payload, as edited by hand.
    pub edited: Option<Bytes>,
}

/// What became of a replayed dead letter.
#[derive(Debug)]
pub struct Replayed {
    /// The dead letter's number.
    pub id: u64,
    /// Where it went or would go.
    pub to: String,
    /// What became of it; `None` in a dry run.
    pub result: Option<Result<Receipt, ReplayError>>,
}

/// A dead letter was not replayed; it is still there.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It says not where it came from.
    #[error("it does not say where it came from; name a subject")]
    NoOrigin,
    /// It could not be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The broker took it for a message that it has.
    #[error("the broker still remembers its id and took it for a duplicate; wait, or replay it under a new id")]
    Duplicate,
    /// It was published, but the dead letter could not be removed.
    #[error("it was published at {0}, but its dead letter could not be removed: {1}")]
    NotRemoved(Position, String),
}

/// Publishes dead letters again, oldest first, which keeps the order of each key; stops a key at its first failure. What was
/// published is removed from the dead letters unless it shall be kept or the broker is Kafka.
pub async fn replay(bus: &Bus, letters: &[Letter], how: &Replay) -> Vec<Replayed> {
    let mut done: Vec<Replayed> = Vec::with_capacity(letters.len());
    let mut stopped: Vec<Option<&str>> = Vec::new();
    for letter in letters {
        let to = how.to.clone().unwrap_or_else(|| letter.subject.clone());
        if how.dry_run {
            done.push(Replayed { id: letter.id, to, result: None });
            continue;
        }
        let key = letter.key.as_deref();
        if key.is_some() && stopped.contains(&key) {
            continue;
        }
        let result = one(bus, letter, &to, how).await;
        if result.is_err() {
            stopped.push(key);
        }
        done.push(Replayed { id: letter.id, to, result: Some(result) });
        if let Some(rate) = how.per_second {
            tokio::time::sleep(Duration::from_secs(1) / rate.max(1)).await;
        }
    }
    done
}

async fn one(bus: &Bus, letter: &Letter, to: &str, how: &Replay) -> Result<Receipt, ReplayError> {
    if to.is_empty() {
        return Err(ReplayError::NoOrigin);
    }
    let stays = how.keep || bus.capabilities().watermark;
    // Kafka knows no subjects: there it is the topic that says where a message goes.
    let topic = if bus.capabilities().watermark { to } else { letter.topic.as_str() };
    let mut message = Outgoing::new(topic, Bytes::new()).on_subject(to);
    message.key.clone_from(&letter.stored.key);
    message.payload = how.edited.clone().or_else(|| letter.stored.payload.clone());
    let mut kept = letter.stored.headers.clone();
    let times = kept.get_str(headers::REPLAY).and_then(|times| times.parse::<u32>().ok()).unwrap_or(0);
    kept.retain(|name, _| {
        !name.starts_with(names::PREFIX) && name != headers::MESSAGE_ID && !name.starts_with("Nats-")
    });
    kept.insert(headers::REPLAY, (times + 1).to_string());
    if how.edited.is_some() {
        kept.insert(names::EDITED, "1");
    }
    message.headers = kept;
    let new_id = || crate::ids::next().to_string();
    message.id = Some(letter.message_id.clone().filter(|_| !how.new_id).unwrap_or_else(new_id));
    let receipt = bus.deliver(message).await?;
    if receipt.duplicate {
        return Err(ReplayError::Duplicate);
    }
    if !stays {
        drop_letter(bus, letter)
            .await
            .map_err(|error| ReplayError::NotRemoved(receipt.position.clone(), error.to_string()))?;
    }
    Ok(receipt)
}

/// Removes a dead letter for good; not on Kafka, which cannot.
pub async fn drop_letter(bus: &Bus, letter: &Letter) -> Result<(), AdminError> {
    bus.admin().remove(letter.stored.position.clone()).await
}
