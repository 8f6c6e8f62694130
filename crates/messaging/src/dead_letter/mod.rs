//! Dead letters: messages that could not be handled, put aside unchanged with the reason beside them.

mod action;
mod place;
mod store;

pub use action::{Action, Deed, NoteError, actions, note};
pub use store::{Filter, LETTERS_MAX, Letter, Replay, ReplayError, Replayed, drop_letter, list, replay, show};

use crate::{
    bus::Bus,
    consume::Verdict,
    headers::{ATTEMPT, Headers, MESSAGE_ID, NOT_BEFORE},
    transport::{
        Incoming, Outgoing,
        jetstream::{consumer::durable_name, wire::without_instructions},
    },
};

/// The stream of dead letters on JetStream.
pub const STREAM: &str = "DLQ";
/// Bytes of the error that are kept.
const ERROR_BYTES_MAX: usize = 1_024;
/// Bytes of the chain of causes that are kept.
const CHAIN_BYTES_MAX: usize = 4_096;

/// Headers of a dead letter.
pub mod names {
    /// Why: `decode`, `schema`, `handler`, `deadline`, `attempts`, `crash` or `sequenced`.
    pub const REASON: &str = "Alv-Dlq-Reason";
    /// The error, at most 1 KiB of it.
    pub const ERROR: &str = "Alv-Dlq-Error";
    /// The error and what caused it, outermost first.
    pub const CHAIN: &str = "Alv-Dlq-Chain";
    /// How often it was tried.
    pub const ATTEMPTS: &str = "Alv-Dlq-Attempts";
    /// When it came first.
    pub const FIRST: &str = "Alv-Dlq-First";
    /// When it was put aside.
    pub const LAST: &str = "Alv-Dlq-Last";
    /// Where it stood: `stream:seq` or `topic/partition/offset`.
    pub const ORIGIN: &str = "Alv-Dlq-Origin";
    /// The subject that it came on.
    pub const SUBJECT: &str = "Alv-Dlq-Subject";
    /// The logical name that it came under.
    pub const TOPIC: &str = "Alv-Dlq-Topic";
    /// The group that could not handle it.
    pub const GROUP: &str = "Alv-Dlq-Group";
    /// The machine that could not.
    pub const HOST: &str = "Alv-Dlq-Host";
    /// The release that could not.
    pub const VERSION: &str = "Alv-Dlq-Version";
    /// `1`: replayed with another payload.
    pub const EDITED: &str = "Alv-Dlq-Edited";
    /// Begins all of them.
    pub const PREFIX: &str = "Alv-Dlq-";
}

/// What becomes of messages that cannot be handled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    dropped: bool,
    sequenced: bool,
}

impl DeadLetter {
    /// They are dropped, with a line in the log and a number in the metrics.
    pub fn none() -> Self {
        Self { dropped: true, sequenced: false }
    }

    /// They are stored, and so are later messages of their key, one behind the other, until those before them were replayed: the order
    /// of a key holds across a dead letter. Needs a loop that keeps keys in order.
    pub fn sequenced() -> Self {
        Self { dropped: false, sequenced: true }
    }

    pub(crate) fn is_sequenced(&self) -> bool {
        self.sequenced
    }

    /// The dead letter of a message; `None` when there shall be none.
    pub(crate) fn letter(&self, bus: &Bus, incoming: &Incoming, group: &str, verdict: &Verdict) -> Option<Outgoing> {
        (!self.dropped).then(|| letter(bus, incoming, group, verdict))
    }
}

/// The subject of the dead letters of a topic and group.
pub fn subject(tenant: &str, topic: &str, group: &str) -> String {
    format!("dlq.{tenant}.{}.{}", durable_name(topic), durable_name(group))
}

/// Kafka's topic for the dead letters of a topic and group.
pub fn kafka_topic(topic: &str, group: &str) -> String {
    format!("{topic}.{group}.dlq")
}

fn letter(bus: &Bus, incoming: &Incoming, group: &str, verdict: &Verdict) -> Outgoing {
    let mut headers: Headers = incoming.headers.clone();
    let id = incoming.id().map(ToOwned::to_owned);
    without_instructions(&mut headers);
    // Replayed, it begins anew.
    headers.retain(|name, _| name != ATTEMPT && name != NOT_BEFORE);
    if let Some(id) = id {
        headers.insert(MESSAGE_ID, id);
    }
    let origin = incoming.origin();
    let error = verdict.chain.first().map_or("", String::as_str);
    for (name, value) in [
        (names::REASON, verdict.reason.as_str().to_owned()),
        (names::ERROR, one_line(error, ERROR_BYTES_MAX)),
        (names::CHAIN, one_line(&verdict.chain.join(" <- "), CHAIN_BYTES_MAX)),
        (names::ATTEMPTS, verdict.attempts.to_string()),
        (names::FIRST, verdict.first.to_rfc3339()),
        (names::LAST, verdict.last.to_rfc3339()),
        (names::ORIGIN, origin.clone()),
        (names::SUBJECT, incoming.subject.clone()),
        (names::TOPIC, incoming.topic.to_string()),
        (names::GROUP, group.to_owned()),
        (names::HOST, bus.instance().to_owned()),
        (names::VERSION, env!("CARGO_PKG_VERSION").to_owned()),
    ] {
        headers.insert(name, value);
    }
    let mut letter = Outgoing::new(kafka_topic(&incoming.topic, group), bytes::Bytes::new()).on_subject(subject(
        bus.tenant(),
        &incoming.topic,
        group,
    ));
    if !bus.capabilities().watermark {
        // The same letter stored twice, after a crash or a lost acknowledgement, is one. Kafka's brokers know no ids, and there the
        // header has to keep the original's.
        letter.id = Some(format!("dlq-{origin}-{group}"));
    }
    letter.stream = Some(STREAM.into());
    letter.key.clone_from(&incoming.key);
    letter.payload.clone_from(&incoming.payload);
    letter.headers = headers;
    letter
}

/// Text for a header: without line breaks, cut where a character ends.
fn one_line(text: &str, bytes_max: usize) -> String {
    let mut line: String = text.chars().map(|each| if each.is_control() { ' ' } else { each }).collect();
    let mut end = line.len().min(bytes_max);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_any_text_fit_a_header() {
        assert_eq!(one_line("a\r\nb", 10), "a  b");
        assert_eq!(one_line("ä".repeat(600).as_str(), ERROR_BYTES_MAX).len(), 1_024);
        assert_eq!(one_line("äää", 5), "ää");
        assert_eq!(subject("default", "shop.orders", "a b"), "dlq.default.shop_orders.a_b");
    }
}
