//! Publishing a commit so that its fate is known for certain.

use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use alluvium_kernel::{Chain, Problem, header};
use alluvium_messaging::{
    Commit, Contract, Entry, Error, ErrorKind,
    batch::{Draft, publish_batch},
    chain_after, direct,
};
use async_nats::HeaderMap;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::log::Log;

/// Publishes of one commit, the first included.
const PUBLISH_ATTEMPTS_MAX: u32 = 5;
/// Reads to learn the fate of one publish.
const READ_ATTEMPTS_MAX: u32 = 12;
/// First and longest pause between attempts, in milliseconds.
const PAUSE_MS: (u64, u64) = (10, 2_000);

/// One subject's commit, ready to be published.
#[derive(Clone, Debug)]
pub(crate) struct SubjectDraft {
    pub subject: String,
    pub expected: u64,
    pub chain: Chain,
    pub headers: HeaderMap,
    pub payload: Bytes,
    pub id: String,
}

impl SubjectDraft {
    /// The commit of `entries` after sequence `expected` and chain value `previous` of the subject.
    pub fn new(subject: String, expected: u64, previous: &Chain, entries: &[Entry], extra: &[(&str, &str)]) -> Self {
        let payload = Commit { entries: entries.to_vec() }.to_avro();
        let mut headers = HeaderMap::new();
        let types: Vec<&str> = entries.iter().map(|entry| entry.r#type.as_str()).collect();
        headers.insert(header::TYPES, types.join(","));
        extra.iter().for_each(|(name, value)| headers.insert(*name, *value));
        let chain = chain_after(previous, &payload, &headers);
        headers.insert(header::CHAIN, chain.as_str());
        let id = commit_id(&subject, expected, entries);
        headers.insert(header::MESSAGE_ID, id.as_str());
        headers.insert(async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        Self { subject, expected, chain, headers, payload: payload.into(), id }
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

/// The id of a commit: the same whenever the same commands follow the same state.
fn commit_id(subject: &str, expected: u64, entries: &[Entry]) -> String {
    let mut hash = Sha256::new();
    hash.update(subject.as_bytes());
    hash.update(expected.to_be_bytes());
    let mut last = "";
    for entry in entries.iter().filter(|entry| std::mem::replace(&mut last, &entry.command_id) != entry.command_id) {
        hash.update((entry.command_id.len() as u64).to_be_bytes());
        hash.update(entry.command_id.as_bytes());
    }
    hex::encode(&hash.finalize()[..16])
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
        match fate(log, &drafts).await? {
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
    let message = |draft: &SubjectDraft| Draft {
        subject: draft.subject.clone(),
        headers: draft.headers.clone(),
        payload: draft.payload.clone(),
    };
    if let [draft] = drafts {
        return log.store.publish(message(draft)).await;
    }
    let batch_id = drafts.first().map(|draft| draft.id.clone()).unwrap_or_default();
    // A batch left half sent may still be open under its id: a new attempt must not continue it.
    let unique = RandomState::new().hash_one(&batch_id);
    publish_batch(&log.js, &format!("{batch_id}-{unique:016x}"), drafts.iter().map(message).collect()).await.map(Some)
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
