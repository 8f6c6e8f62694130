//! Publishing a commit so that its fate is known for certain.

use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use alluvium_kernel::{Chain, Problem, header};
use alluvium_messaging::{
    Entry, Error, ErrorKind,
    batch::{Draft, publish_batch},
    commit_to_avro, direct,
};
use async_nats::{HeaderMap, HeaderName};
use bytes::Bytes;

use crate::log::Log;

/// Publishes of one commit, the first included.
const PUBLISH_ATTEMPTS_MAX: u32 = 5;
/// Reads to learn the fate of one publish.
const READ_ATTEMPTS_MAX: u32 = 12;
/// First and longest pause between attempts, in milliseconds.
const PAUSE_MS: (u64, u64) = (10, 2_000);

/// One subject's commit, ready to be published.
///
/// It carries no id for the server to know it again by: the exact last sequence that it expects already keeps a second copy out,
/// for ever and on any number of replicas, and each header is paid for by the server and by every reader.
#[derive(Clone, Debug)]
pub(crate) struct SubjectDraft {
    pub subject: String,
    pub expected: u64,
    pub chain: Chain,
    headers: Vec<(&'static str, String)>,
    pub payload: Bytes,
}

impl SubjectDraft {
    /// The commit of `entries` after sequence `expected` and chain value `previous` of the subject.
    pub fn new(
        subject: String,
        expected: u64,
        previous: &Chain,
        entries: &[Entry],
        extra: &[(&'static str, &str)],
    ) -> Self {
        let payload = commit_to_avro(entries);
        let mut types = String::new();
        for entry in entries {
            if !types.is_empty() {
                types.push(',');
            }
            types.push_str(&entry.r#type);
        }
        let mut headers = vec![(header::TYPES, types)];
        headers.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let ours: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| name.starts_with("Alv-"))
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let chain = previous.next(&payload, &ours);
        headers.push((header::CHAIN, chain.as_str().to_owned()));
        Self { subject, expected, chain, headers, payload: payload.into() }
    }

    fn message(&self) -> Draft {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.insert(HeaderName::from_static(name), value.as_str());
        }
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, self.expected.to_string());
        Draft { subject: self.subject.clone(), headers, payload: self.payload.clone() }
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// On the log; the first message at this sequence, the others right after it.
    At(u64),
    /// Another writer was first: this can never be committed as it is.
    Conflict,
}

/// What the leader holds after the expected sequence.
enum Found {
    Mine(u64),
    Others,
    Nothing,
}

/// Publishes `drafts`, all or none. Every answer but a plain acknowledgement is resolved by reading from the leader.
pub(crate) async fn commit(log: &Log, drafts: Vec<SubjectDraft>) -> Result<Committed, Problem> {
    let mut last = None;
    for attempt in 0..PUBLISH_ATTEMPTS_MAX {
        match publish(log, &drafts).await {
            Ok(Some(seq)) => return Ok(Committed::At(seq)),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
        match Box::pin(fate(log, &drafts)).await? {
            Found::Mine(seq) => return Ok(Committed::At(seq)),
            Found::Others => return Ok(Committed::Conflict),
            Found::Nothing => {}
        }
        if last.as_ref().is_some_and(|error| error.is_full() || error.kind == ErrorKind::Malformed) {
            break;
        }
        pause(attempt).await;
    }
    // Not on the log as far as the leader knows. Should a copy still be under way, the command is found in the aggregate's
    // ring when it is decided again.
    match last {
        Some(error) => Err(error.into()),
        None => Err(Problem::unavailable("platform.log_unavailable", "A commit is neither stored nor refused.")),
    }
}

/// `Some(sequence)` for a plain acknowledgement, `None` for one that says "seen before".
async fn publish(log: &Log, drafts: &[SubjectDraft]) -> Result<Option<u64>, Error> {
    if let [draft] = drafts {
        return log.store.publish(draft.message()).await;
    }
    let chain = drafts.first().map(|draft| draft.chain.as_str()).unwrap_or_default();
    // A batch left half sent may still be open under its id: a new attempt must not continue it.
    let id = format!("{}-{:016x}", chain.get(..32).unwrap_or_default(), RandomState::new().hash_one(chain));
    let messages = drafts.iter().map(SubjectDraft::message).collect();
    Box::pin(publish_batch(&log.js, &id, messages)).await.map(Some)
}

async fn fate(log: &Log, drafts: &[SubjectDraft]) -> Result<Found, Problem> {
    for (at, draft) in drafts.iter().enumerate() {
        match first_after(log, draft).await? {
            // The sequence of the first of the batch: it is stored without a gap.
            Found::Mine(seq) => return Ok(Found::Mine(seq - at as u64)),
            Found::Others => return Ok(Found::Others),
            Found::Nothing => {}
        }
    }
    Ok(Found::Nothing)
}

async fn first_after(log: &Log, draft: &SubjectDraft) -> Result<Found, Problem> {
    let mut attempt = 0;
    loop {
        match direct::leader_next(&log.js, &log.stream, &draft.subject, draft.expected + 1).await {
            // The chain covers payload, headers and everything before: nobody else's commit has it.
            Ok(Some(message)) if message.chain() == draft.chain => return Ok(Found::Mine(message.seq)),
            Ok(Some(_)) => return Ok(Found::Others),
            Ok(None) => return Ok(Found::Nothing),
            Err(error) => {
                attempt += 1;
                if attempt == READ_ATTEMPTS_MAX {
                    return Err(error.into());
                }
                pause(attempt).await;
            }
        }
    }
}

/// Waits longer with each attempt, and never exactly as long as another waiter.
pub(crate) async fn pause(attempt: u32) {
    let longest = (PAUSE_MS.0 << attempt.min(16)).min(PAUSE_MS.1);
    let jitter = RandomState::new().hash_one(attempt) % (longest / 2 + 1);
    tokio::time::sleep(Duration::from_millis(longest / 2 + jitter)).await;
}
