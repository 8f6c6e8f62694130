//! What the log says about remedies: those that wait, those that were carried out, and what was given up.

use std::collections::{BTreeMap, HashSet};

use alluvium_kernel::{DEFAULT_TENANT, Problem, Timestamp, Token, body_hash, header, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet, LogMessage, direct, stream_created};
use async_nats::jetstream;
use serde::{Deserialize, Serialize};

use crate::STREAM;
use crate::contract::{ProjectionEvent, RemedySettled};

/// Where remedies stand on the stream.
pub(crate) const SUBJECTS: &str = "ev.*.platform.*.projection.*";

/// What a remedy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Try all of the key again.
    Retry,
    /// Give up this event, the first of its key.
    Skip(u64),
}

/// A remedy that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whose command it was.
    pub tenant: Token,
    /// Id of the command.
    pub id: String,
    /// Hash of the command.
    pub body_hash: String,
    /// Its name.
    pub command: &'static str,
    /// Name of the projection.
    pub projection: String,
    /// The parked key.
    pub key: String,
    /// What is to be done.
    pub wanted: Wanted,
    /// Its place, which nothing else ever has: the stream's beginning, the sequence, the index in the commit.
    pub position: String,
    /// When the command was taken in.
    pub time: Timestamp,
    /// Where the sender wants the outcome, besides.
    pub reply: Option<String>,
    /// Sequence of its commit.
    pub seq: u64,
}

/// An event that is left out of every fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Name of the projection.
    pub projection: String,
    /// The key it was parked under.
    pub key: String,
    /// Its sequence on the projection's stream.
    pub seq: u64,
}

/// Which message a sequence stood for when it was given up; part of the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    stream: String,
    message: String,
}

impl Identity {
    /// Of the message that stands there now; none when there is none.
    pub async fn of(js: &jetstream::Context, stream: &str, seq: u64) -> Result<Option<Self>, Problem> {
        let message = match direct::leader_at(js, stream, seq).await {
            Ok(message) => message,
            // Without its stream nothing stands anywhere.
            Err(error) if error.is_no_stream() => None,
            Err(error) => return Err(error.into()),
        };
        let message = message.map(|message| body_hash(&message.subject, &message.payload));
        Ok(message.map(|message| Self { stream: stream.to_owned(), message }))
    }

    /// Whether it is still what stands there, or stood before it was purged. Beyond the end of a stream whatever comes is another.
    async fn still_stands(&self, js: &jetstream::Context, seq: u64) -> Result<bool, Problem> {
        match Self::of(js, &self.stream, seq).await? {
            Some(there) => Ok(there == *self),
            None => match stream_created(js, &self.stream).await {
                Ok((_, last)) => Ok(seq <= last),
                Err(error) if error.is_no_stream() => Ok(true),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// From a verdict; earlier releases wrote none.
    fn read(result: &str) -> Option<Self> {
        serde_json::from_str(result).ok()
    }
}

/// A remedy with its verdict.
#[derive(Clone, Debug)]
pub(crate) struct Settled {
    pub request: Request,
    pub verdict: RemedySettled,
    pub seq: u64,
    pub at: Timestamp,
}

/// The remedies of all projections, folded.
#[derive(Clone, Debug)]
pub struct Journal {
    pub(crate) stream_created: Timestamp,
    pub(crate) last: u64,
    /// In the order in which they were asked for.
    pub(crate) pending: BTreeMap<(u64, usize), Request>,
    pub(crate) settled: Vec<Settled>,
    /// What was given up of a stream that another one has replaced since.
    stale: Vec<GivenUp>,
}

impl Journal {
    /// Reads everything there is. It is short: operators write it.
    pub async fn read(js: &jetstream::Context) -> Result<Self, Problem> {
        let (stream_created, _) = stream_created(js, STREAM).await?;
        let mut journal =
            Self { stream_created, last: 0, pending: BTreeMap::new(), settled: Vec::new(), stale: Vec::new() };
        loop {
            let page = direct::history(js, STREAM, SUBJECTS, journal.last + 1).await?;
            for message in &page {
                journal.take(message);
            }
            if page.last().is_none_or(|last| last.pending == 0) {
                break;
            }
        }
        journal.tell_stale(js).await?;
        Ok(journal)
    }

    /// A sequence says nothing about another stream of the same name: what stands there now was never given up.
    async fn tell_stale(&mut self, js: &jetstream::Context) -> Result<(), Problem> {
        let mut settled = Vec::new();
        for one in std::mem::take(&mut self.settled) {
            let (Some(given_up), Some(of)) = (one.given_up(), Identity::read(&one.verdict.result)) else {
                settled.push(one);
                continue;
            };
            if of.still_stands(js, given_up.seq).await? {
                settled.push(one);
            } else {
                tracing::warn!(
                    projection = given_up.projection,
                    stream.name = of.stream,
                    stream.seq = given_up.seq,
                    "an event that was given up is another one now: it is taken in again"
                );
                self.stale.push(given_up);
            }
        }
        self.settled = settled;
        Ok(())
    }

    /// What was given up, and is not what stands at its sequence any more.
    pub fn stale(&self) -> &[GivenUp] {
        &self.stale
    }

    /// Sequences that a projection leaves out for ever.
    pub fn given_up(&self, projection: &str) -> HashSet<u64> {
        self.all_given_up().filter(|given_up| given_up.projection == projection).map(|given_up| given_up.seq).collect()
    }

    /// Everything that was given up, oldest first.
    pub fn all_given_up(&self) -> impl Iterator<Item = GivenUp> {
        self.settled.iter().filter_map(Settled::given_up)
    }

    /// Takes in the next message; gives what it settles.
    pub(crate) fn take(&mut self, message: &LogMessage) -> Vec<Settled> {
        self.last = self.last.max(message.seq);
        let mut settled = Vec::new();
        for (index, event) in events(message).into_iter().enumerate() {
            let Some((entry, event)) = event else { continue };
            let place = (message.seq, index);
            let request = |command, projection, key, wanted| Request {
                tenant: entry.0.clone(),
                id: entry.1.clone(),
                body_hash: entry.2.clone(),
                command,
                projection,
                key,
                wanted,
                position: format!("{}:{}:{index}", self.stream_created.micros(), message.seq),
                time: entry.3,
                reply: message.header(header::REPLY).map(str::to_owned),
                seq: message.seq,
            };
            match event {
                ProjectionEvent::RetryRequested(e) => {
                    self.pending.insert(place, request("RetryParked", e.projection, e.key, Wanted::Retry));
                }
                ProjectionEvent::SkipRequested(e) => {
                    let wanted = Wanted::Skip(e.seq as u64);
                    self.pending.insert(place, request("SkipParked", e.projection, e.key, wanted));
                }
                ProjectionEvent::RemedySettled(verdict) => {
                    let of = |request: &Request| request.id == verdict.request && request.tenant == entry.0;
                    let place = self.pending.iter().find(|(_, request)| of(request)).map(|(place, _)| *place);
                    if let Some(request) = place.and_then(|place| self.pending.remove(&place)) {
                        settled.push(Settled { request, verdict, seq: message.seq, at: message.time });
                    }
                }
            }
        }
        self.settled.extend(settled.iter().cloned());
        settled
    }
}

impl Settled {
    pub fn given_up(&self) -> Option<GivenUp> {
        match (&self.request.wanted, self.verdict.accepted) {
            (Wanted::Skip(seq), true) => {
                let (projection, key) = (self.request.projection.clone(), self.request.key.clone());
                Some(GivenUp { projection, key, seq: *seq })
            }
            _ => None,
        }
    }
}

/// Tenant, command id, body hash and time of an entry.
type Origin = (Token, String, String, Timestamp);

/// The events of a commit at their places. What cannot be read remedies nothing, loudly.
fn events(message: &LogMessage) -> Vec<Option<(Origin, ProjectionEvent)>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        tracing::error!(stream.name = STREAM, stream.seq = message.seq, error = %error, "a remedy cannot be read");
    };
    let tenant = match subject::parse(&message.subject) {
        Some(subject::Parsed::Event { tenant, .. }) if tenant.as_str() == DEFAULT_TENANT => tenant,
        _ => return Vec::new(),
    };
    let commit = match Commit::from_avro(&message.payload) {
        Ok(commit) => commit,
        Err(error) => {
            unreadable(&error);
            return Vec::new();
        }
    };
    let read = |entry: alluvium_messaging::Entry| match ProjectionEvent::decode(&entry.r#type, &entry.event) {
        Ok(event) => {
            let time = Timestamp::from_micros(entry.time);
            Some(((tenant.clone(), entry.command_id, entry.body_hash, time), event))
        }
        Err(error) => {
            unreadable(&error);
            None
        }
    };
    commit.entries.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use alluvium_messaging::Entry;
    use async_nats::HeaderMap;

    use super::*;
    use crate::contract::SkipRequested;

    fn message(tenant: &str, seq: u64, id: &str, events: Vec<ProjectionEvent>) -> LogMessage {
        let entry = |event: ProjectionEvent| Entry {
            command_id: id.into(),
            body_hash: "h".into(),
            actor: "admin".into(),
            time: 5,
            r#type: event.name().to_owned(),
            event: event.to_avro(),
        };
        let commit = Commit { entries: events.into_iter().map(entry).collect() };
        let token = |text| Token::encode(text).unwrap();
        LogMessage {
            stream: STREAM.into(),
            seq,
            subject: subject::event(&token(tenant), "platform", "projection", &token("storage")),
            headers: HeaderMap::new(),
            payload: commit.to_avro().into(),
            time: Timestamp::from_micros(9),
            pending: 0,
        }
    }

    fn skip(request: &str, seq: i64) -> ProjectionEvent {
        let (projection, key) = ("storage".to_owned(), "k".to_owned());
        SkipRequested { request: request.into(), projection, key, seq, reason: "why".into() }.into()
    }

    fn settled(request: &str, accepted: bool) -> ProjectionEvent {
        RemedySettled { request: request.into(), accepted, problem: None, result: "{}".into() }.into()
    }

    #[test]
    fn what_is_asked_waits_until_it_is_settled() {
        let created = Timestamp::from_micros(3);
        let mut journal = Journal {
            stream_created: created,
            last: 0,
            pending: BTreeMap::new(),
            settled: Vec::new(),
            stale: Vec::new(),
        };
        assert!(journal.take(&message("default", 1, "a", vec![skip("a", 7)])).is_empty());
        journal.take(&message("default", 2, "b", vec![skip("b", 8)]));
        journal.take(&message("elsewhere", 3, "c", vec![skip("c", 9)]));
        let places: Vec<&str> = journal.pending.values().map(|request| request.position.as_str()).collect();
        assert_eq!(places, ["3:1:0", "3:2:0"], "in order, and of the operator's tenant only");
        assert_eq!(journal.take(&message("default", 4, "settle:a", vec![settled("a", true)])).len(), 1);
        journal.take(&message("default", 5, "settle:b", vec![settled("b", false)]));
        assert_eq!(journal.given_up("storage"), HashSet::from([7]), "what was refused is not given up");
        assert!(journal.pending.is_empty() && journal.given_up("tables").is_empty());
    }
}
