//! Checking a log: is every message of a subject there, in order and unchanged?
//!
//! [`Checker`] takes the messages of one stream in order and keeps, for each subject, the last chain value: about 250 bytes a
//! subject, nothing a message. [`check`] feeds it from a server.

use std::collections::{HashMap, HashSet};

use alluvium_kernel::{Chain, Problem};
use alluvium_messaging::{Commit, Contract, LogMessage, PullSettings, Tail, TailConfig, Tailed, direct, snapshot};
use async_nats::jetstream;
use sha2::{Digest, Sha256};

/// Header under which JetStream stores the expectation that a message was published with.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
/// First bytes of an Avro single object, an Avro container and an Arrow stream.
const ROWS_MAGIC: [&[u8]; 3] = [&[0xC3, 0x01], b"Obj\x01", &[0xFF, 0xFF, 0xFF, 0xFF]];

/// What is wrong with a message, or with its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakKind {
    /// Something that was stored is not there any more.
    Missing,
    /// A message is not what was stored.
    Altered,
    /// A message stands where another one must have been before it.
    Reordered,
    /// A message cannot be read as what its subject says it is.
    Undecodable,
}

/// The first break of a subject, or a hole in a stream.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Break {
    /// The stream.
    pub stream: String,
    /// Where it shows.
    pub seq: u64,
    /// The subject; empty for a hole in the stream as a whole.
    pub subject: String,
    /// What is wrong.
    pub kind: BreakKind,
    /// In words.
    pub detail: String,
}

/// What recorded purges may have taken off a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Messages that were there for them to take.
    pub messages: u64,
    /// The highest sequence that any of them may have taken.
    pub up_to: u64,
    /// By subject of rows: all at or below may be gone.
    pub floors: HashMap<String, u64>,
}

/// What was read, for those who compare two readings.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Messages read.
    pub messages: u64,
    /// Subjects with a chain.
    pub subjects: u64,
    /// Messages of rows.
    pub rows_messages: u64,
    /// Hex SHA-256 over sequence, subject, payload and chain value of every message, in order.
    pub digest: String,
}

/// Takes messages of one stream in order and says what does not fit.
#[derive(Debug)]
pub struct Checker {
    stream: String,
    /// The sequence that must come next, when the whole stream is read and it never loses one by itself.
    next: Option<u64>,
    recorded: Recorded,
    /// Messages that are missing where purges were recorded, and where the first of them was.
    gone: (u64, u64),
    /// Messages that are still there, though a recorded purge may take them.
    left: u64,
    heads: HashMap<String, (u64, Chain)>,
    broken: HashSet<String>,
    messages: u64,
    rows_messages: u64,
    digest: Sha256,
}

impl Checker {
    /// For the messages of `stream` that a filter lets through.
    pub fn new(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            next: None,
            recorded: Recorded::default(),
            gone: (0, 0),
            left: 0,
            heads: HashMap::new(),
            broken: HashSet::new(),
            messages: 0,
            rows_messages: 0,
            digest: Sha256::new(),
        }
    }

    /// For all messages of a stream from which nothing but rows is ever taken, and those by recorded purges only: as many may be
    /// missing where they were as they took. Which ones that are, the chains tell for all but rows.
    pub fn without_holes(stream: &str, recorded: Recorded) -> Self {
        Self { next: Some(1), recorded, ..Self::new(stream) }
    }

    /// The next message; what is wrong with it. Nothing more is said of a subject after its first break.
    pub fn take(&mut self, message: &LogMessage) -> Vec<Break> {
        let mut found = Vec::new();
        found.extend(self.hole(message.seq, message.seq));
        self.messages += 1;
        self.hash(message);
        if message.subject.starts_with("ev.") {
            found.extend(self.commit(message));
        } else if message.subject.starts_with("rows.") {
            self.rows_messages += 1;
            self.left +=
                u64::from(self.recorded.floors.get(&message.subject).is_some_and(|floor| message.seq <= *floor));
            found.extend(self.rows(message));
        }
        found
    }

    /// The end: what should have come up to `last` and did not.
    pub fn end(mut self, last: u64) -> (Vec<Break>, Summary) {
        let found = self.hole(last + 1, last).into_iter().chain(self.unaccounted()).collect();
        let summary = Summary {
            messages: self.messages,
            subjects: self.heads.len() as u64,
            rows_messages: self.rows_messages,
            digest: hex::encode(self.digest.finalize()),
        };
        (found, summary)
    }

    fn hole(&mut self, seq: u64, shown_at: u64) -> Option<Break> {
        let wanted = std::mem::replace(self.next.as_mut()?, seq + 1);
        let last = seq.checked_sub(1).filter(|last| *last >= wanted)?;
        let purged = last.min(self.recorded.up_to);
        if purged >= wanted {
            self.gone = (self.gone.0 + purged + 1 - wanted, if self.gone.0 == 0 { wanted } else { self.gone.1 });
        }
        let wanted = wanted.max(self.recorded.up_to + 1);
        if wanted > last {
            return None;
        }
        let which = if last == wanted { format!("{wanted} is") } else { format!("{wanted} to {last} are") };
        let detail = format!("what was stored at {which} not there");
        Some(Break { subject: String::new(), ..self.at(shown_at, "", BreakKind::Missing, detail) })
    }

    /// More is missing than recorded purges took.
    fn unaccounted(&self) -> Option<Break> {
        let ((gone, first), up_to) = (self.gone, self.recorded.up_to);
        let taken = self.recorded.messages.saturating_sub(self.left);
        let more = gone.checked_sub(taken).filter(|more| *more > 0)?;
        let detail = format!(
            "of the {gone} messages that are not there from {first} to {up_to}, recorded purges took {taken}: {more} more are missing"
        );
        Some(self.at(first, "", BreakKind::Missing, detail))
    }

    fn commit(&mut self, message: &LogMessage) -> Option<Break> {
        if self.broken.contains(&message.subject) {
            return None;
        }
        let (before, chain) = self.heads.get(&message.subject).cloned().unwrap_or((0, Chain::start()));
        let next = message.chain_after(&chain);
        let follows = message.header(EXPECTED).and_then(|expected| expected.parse::<u64>().ok());
        let wrong = match (next == message.chain(), follows) {
            (true, _) => Commit::from_avro(&message.payload)
                .err()
                .map(|error| (BreakKind::Undecodable, format!("it is no commit: {error}"))),
            (false, Some(expected)) if expected > before => Some((
                BreakKind::Missing,
                format!("the message before it, sequence {expected} of the subject, is not there"),
            )),
            (false, Some(expected)) if expected < before => {
                Some((BreakKind::Reordered, format!("it follows {expected}, but stands after {before}")))
            }
            (false, Some(_)) => Some((
                BreakKind::Altered,
                format!("its content and the chain up to {before} do not give its chain value"),
            )),
            (false, None) => Some((
                BreakKind::Altered,
                "it was not published as a commit: it says nothing of what it follows".into(),
            )),
        };
        if let Some((kind, detail)) = wrong {
            self.broken.insert(message.subject.clone());
            self.heads.remove(&message.subject);
            return Some(self.at(message.seq, &message.subject, kind, detail));
        }
        match self.heads.get_mut(&message.subject) {
            Some(head) => *head = (message.seq, next),
            None => drop(self.heads.insert(message.subject.clone(), (message.seq, next))),
        }
        None
    }

    /// Rows have no chain, anybody may publish them, and what does not fit its table is a dead letter. What cannot be rows at
    /// all is told.
    fn rows(&mut self, message: &LogMessage) -> Option<Break> {
        let payload = message.payload.as_ref();
        if ROWS_MAGIC.iter().any(|magic| payload.starts_with(magic)) {
            return None;
        }
        let json =
            serde_json::Deserializer::from_slice(payload).into_iter::<serde::de::IgnoredAny>().all(|one| one.is_ok());
        if json && !payload.is_empty() || !self.broken.insert(message.subject.clone()) {
            return None;
        }
        let detail = "it is neither Avro, nor Arrow, nor JSON".to_owned();
        Some(self.at(message.seq, &message.subject, BreakKind::Undecodable, detail))
    }

    fn hash(&mut self, message: &LogMessage) {
        self.digest.update(message.seq.to_be_bytes());
        for part in [message.subject.as_bytes(), message.payload.as_ref(), message.chain().as_str().as_bytes()] {
            self.digest.update((part.len() as u64).to_be_bytes());
            self.digest.update(part);
        }
    }

    fn at(&self, seq: u64, subject: &str, kind: BreakKind, detail: String) -> Break {
        Break { stream: self.stream.clone(), seq, subject: subject.to_owned(), kind, detail }
    }
}

/// What [`check`] is to read.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The stream.
    pub stream: String,
    /// Subjects, wildcards allowed; the whole stream when none.
    pub filter: Option<String>,
    /// The last sequence to read; the stream's last one when none.
    pub to: Option<u64>,
    /// What recorded purges may have taken off the stream.
    pub recorded: Recorded,
}

/// Reads a stream, or some subjects of it, from the server, and checks every message. Each break and each message goes to
/// `see`, in order. `None` when there is no such stream.
pub async fn check(
    js: &jetstream::Context,
    what: &Checked,
    mut see: impl FnMut(Seen<'_>),
) -> Result<Option<Summary>, Problem> {
    let Some(described) = snapshot::describe(js, &what.stream).await? else { return Ok(None) };
    let mut last = what.to.unwrap_or(u64::MAX).min(described.state.last_seq);
    let mut checker = match &what.filter {
        None if keeps_all(&described.config) => Checker::without_holes(&what.stream, what.recorded.clone()),
        _ => Checker::new(&what.stream),
    };
    if let Some(filter) = &what.filter {
        // The end of what is asked for: a reader of a filter does not learn that nothing more will come.
        last = direct::leader_last(js, &what.stream, filter).await?.map_or(0, |message| message.seq.min(last));
    }
    if let Some(lost) = &described.state.lost {
        let detail = format!("the server itself found messages unreadable on its disk: {lost}");
        see(Seen::Break(checker.at(0, "", BreakKind::Missing, detail)));
    }
    let first = described.state.first_seq;
    see(Seen::Range { first, last });
    let config = TailConfig {
        stream: what.stream.clone(),
        filters: what.filter.iter().cloned().collect(),
        from: 1,
        pull: PullSettings::default(),
    };
    let mut tail = Tail::new(js.clone(), config)?;
    // A stream whose messages were all taken gives none; the last one may be gone while an earlier one is awaited.
    let mut done = last < first || described.state.messages == 0;
    while !done {
        match tail.next().await? {
            Tailed::Message(message) if message.seq <= last => {
                done = message.seq == last || message.pending == 0;
                checker.take(&message).into_iter().for_each(|found| see(Seen::Break(found)));
                see(Seen::Message(&message));
            }
            Tailed::Message(_) => done = true,
            // A slow server is silent too: only what it says counts.
            Tailed::Idle => {
                let filter = what.filter.as_deref().unwrap_or(">");
                let next = direct::leader_next(js, &what.stream, filter, tail.last() + 1).await?;
                done = next.is_none_or(|message| message.seq > last);
            }
            Tailed::Reconnected => {}
        }
    }
    let (breaks, summary) = checker.end(last);
    breaks.into_iter().for_each(|found| see(Seen::Break(found)));
    Ok(Some(summary))
}

/// What a check comes across.
#[derive(Debug)]
pub enum Seen<'a> {
    /// What will be read: the first and the last sequence.
    Range {
        /// The first that the stream has.
        first: u64,
        /// The last that is read.
        last: u64,
    },
    /// A message.
    Message(&'a LogMessage),
    /// Something is wrong.
    Break(Break),
}

/// Whether a stream of this configuration loses nothing by itself: what is not there any more was taken away by somebody.
pub fn keeps_all(config: &serde_json::Value) -> bool {
    let limit = |key: &str| config.get(key).and_then(serde_json::Value::as_i64).unwrap_or(0);
    let limits = ["max_age", "max_msgs", "max_bytes", "max_msgs_per_subject"];
    config.get("retention").and_then(serde_json::Value::as_str) == Some("limits")
        && limits.into_iter().all(|key| limit(key) <= 0)
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::{Timestamp, header};
    use alluvium_messaging::chain_after;
    use async_nats::HeaderMap;

    use super::*;

    const SUBJECT: &str = "ev.default.storage.000.table.t";

    /// Commits at these sequences, chained.
    fn commits(seqs: &[u64]) -> Vec<LogMessage> {
        let (mut before, mut chain) = (0, Chain::start());
        let mut messages = Vec::new();
        for seq in seqs {
            let payload = bytes::Bytes::from(Commit { entries: vec![] }.to_avro());
            let mut headers = HeaderMap::new();
            headers.insert(header::TYPES, format!("At{seq}"));
            chain = chain_after(&chain, &payload, &headers);
            headers.insert(header::CHAIN, chain.as_str());
            headers.insert(EXPECTED, before.to_string());
            before = *seq;
            let (time, subject, stream) = (Timestamp::from_micros(0), SUBJECT.to_owned(), "S".to_owned());
            messages.push(LogMessage { stream, seq: *seq, subject, headers, payload, time, pending: 0 });
        }
        messages
    }

    fn breaks(mut checker: Checker, messages: &[LogMessage], last: u64) -> Vec<(u64, BreakKind)> {
        let mut found: Vec<Break> = messages.iter().flat_map(|message| checker.take(message)).collect();
        found.extend(checker.end(last).0);
        found.iter().map(|found| (found.seq, found.kind)).collect()
    }

    #[test]
    fn a_whole_log_has_no_break() {
        assert_eq!(breaks(Checker::without_holes("S", Recorded::default()), &commits(&[1, 2, 3]), 3), []);
        assert_eq!(breaks(Checker::new("S"), &commits(&[4, 7, 9]), 9), []);
    }

    #[test]
    fn each_kind_of_damage_is_told_apart_and_once() {
        let mut messages = commits(&[1, 2, 3, 4]);
        messages[1].payload = bytes::Bytes::from_static(b"other");
        assert_eq!(breaks(Checker::new("S"), &messages, 4), [(2, BreakKind::Altered)]);
        let mut messages = commits(&[1, 2, 3, 4]);
        messages[1].headers.insert(header::TYPES, "Other");
        assert_eq!(breaks(Checker::new("S"), &messages, 4), [(2, BreakKind::Altered)]);
        let mut messages = commits(&[1, 2, 3, 4]);
        messages.remove(1);
        assert_eq!(breaks(Checker::new("S"), &messages, 4), [(3, BreakKind::Missing)]);
        let mut messages = commits(&[1, 2, 3, 4]);
        messages.swap(1, 2);
        (messages[1].seq, messages[2].seq) = (2, 3);
        assert_eq!(breaks(Checker::new("S"), &messages, 4)[0], (2, BreakKind::Missing));
        let mut messages = commits(&[1, 2, 3, 4]);
        messages[3].headers.insert(EXPECTED, "2");
        assert_eq!(breaks(Checker::new("S"), &messages[..], 4), [], "the chain is what counts");
        messages[3].payload = bytes::Bytes::from_static(b"other");
        assert_eq!(breaks(Checker::new("S"), &messages[..], 4), [(4, BreakKind::Reordered)]);
    }

    fn recorded(messages: u64, up_to: u64) -> Recorded {
        Recorded { messages, up_to, floors: HashMap::from([("rows.default.p.b.t".to_owned(), up_to)]) }
    }

    #[test]
    fn a_hole_is_a_break_unless_a_recorded_purge_took_as_many() {
        let messages = commits(&[2, 3, 7]);
        let missing = |seq| (seq, BreakKind::Missing);
        let found =
            |messages: &[LogMessage], recorded, last| breaks(Checker::without_holes("S", recorded), messages, last);
        assert_eq!(found(&messages, recorded(0, 0), 8), [missing(2), missing(7), missing(8)]);
        assert_eq!(found(&messages, recorded(3, 5), 7), [missing(7)], "6 is above all purges");
        assert_eq!(found(&messages, recorded(4, 6), 7), []);
        assert_eq!(found(&messages, recorded(3, 6), 7), [missing(1)], "one more than was recorded");
        assert_eq!(found(&[], recorded(0, 0), 2), [missing(2)]);
        // A purge that was cut off: what is still there was not taken.
        let mut half = messages.clone();
        half[1].subject = "rows.default.p.b.t".to_owned();
        half.truncate(2);
        assert_eq!(found(&half, recorded(3, 4), 4), []);
        assert_eq!(found(&half, recorded(2, 4), 4), [missing(1)]);
    }

    #[test]
    fn a_forged_commit_is_a_break() {
        let mut message = commits(&[1]).remove(0);
        message.headers = HeaderMap::new();
        assert_eq!(breaks(Checker::new("S"), &[message], 1), [(1, BreakKind::Altered)]);
    }

    #[test]
    fn two_readings_of_the_same_have_the_same_digest() {
        let digest = |messages: &[LogMessage]| {
            let mut checker = Checker::new("S");
            messages.iter().for_each(|message| drop(checker.take(message)));
            checker.end(0).1.digest
        };
        let messages = commits(&[1, 2]);
        assert_eq!(digest(&messages), digest(&messages.clone()));
        assert_ne!(digest(&messages), digest(&messages[..1]));
    }
}
