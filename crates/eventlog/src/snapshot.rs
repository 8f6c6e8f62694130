//! Snapshots of long aggregates: a cold start takes the state of a while ago and reads what came since.
//!
//! A snapshot is a short cut, never a source. It is signed by the installation, made by exactly this build, and the log must still
//! have the commit that it stands at; if anything is not so it is not used, and the aggregate is read from its beginning.

use std::{
    sync::{Arc, OnceLock},
    time::UNIX_EPOCH,
};

use alluvium_kernel::{Actor, Chain, SigningKey, Timestamp, header};
use alluvium_messaging::{ContractSet, direct, streams::SNAPSHOTS};
use async_nats::{HeaderMap, jetstream};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::{
    ring::{Ring, RingEntry},
    stored::{LogAggregate, Stored},
};

/// Events of an aggregate from one snapshot to the next: about what one batch read brings.
pub const SNAPSHOT_EVERY_EVENTS: usize = 1_000;
/// Bytes of one snapshot; a state that takes more is read from its events. Under the server's `max_payload` of 1 MiB.
const SNAPSHOT_BYTES_MAX: usize = 768 * 1024;
/// Aggregates that wait for their snapshot; of more, the next one is written.
const SNAPSHOTS_WAITING_MAX: usize = 64;
/// What the signature calls them.
const ID: &str = "snapshot";
/// Grows when what a snapshot says is written differently.
const FORMAT: u32 = 1;

/// Reads and writes snapshots of one log's aggregates.
#[derive(Debug)]
pub(crate) struct Snapshots {
    js: Arc<jetstream::Context>,
    key: SigningKey,
    every: usize,
    due: mpsc::Sender<Due>,
}

/// An aggregate whose snapshot is to be written.
struct Due {
    subject: String,
    encode: Box<dyn FnOnce() -> Result<Vec<u8>, String> + Send>,
}

/// What a snapshot says, to be written.
#[derive(Serialize)]
struct Written<'a, A> {
    made_by: String,
    seq: u64,
    chain: &'a str,
    events: usize,
    bytes: usize,
    ring: Vec<&'a RingEntry>,
    state: &'a A,
}

/// What must be known before the rest can be understood.
#[derive(Deserialize)]
struct Head {
    made_by: String,
    seq: u64,
    chain: String,
}

#[derive(Deserialize)]
#[serde(bound = "A: DeserializeOwned")]
struct Rest<A> {
    events: usize,
    bytes: usize,
    ring: Vec<RingEntry>,
    state: A,
}

impl Snapshots {
    /// Signed with `key`, one every `every` events. Must be called inside a tokio runtime: they are written by a task that ends
    /// with this. `None` when this build cannot be told from others.
    pub fn new(js: Arc<jetstream::Context>, key: SigningKey, every: usize) -> Option<Self> {
        if build().is_none() {
            tracing::warn!("the program's own file cannot be looked at: no snapshots are used");
            return None;
        }
        let (due, waiting) = mpsc::channel(SNAPSHOTS_WAITING_MAX);
        tokio::spawn(write(js.clone(), key.clone(), waiting));
        Some(Self { js, key, every: every.max(1), due })
    }

    /// Has a snapshot written if the aggregate, which had `before` events, has passed the mark for one. Does not wait.
    pub fn offer<A: LogAggregate>(&self, subject: &str, before: usize, stored: &Arc<Stored<A>>) {
        if before / self.every == stored.events / self.every {
            return;
        }
        let stored = stored.clone();
        let due = Due { subject: subject_of(subject), encode: Box::new(move || encode(&stored)) };
        if self.due.try_send(due).is_err() {
            tracing::debug!(subject, "too many snapshots wait; this aggregate's is written another time");
        }
    }

    /// The aggregate as a snapshot has it, if there is one that holds.
    pub async fn find<A: LogAggregate>(&self, stream: &str, subject: &str) -> Option<Stored<A>> {
        match self.read(stream, subject).await {
            Ok(stored) => stored,
            Err(Unfit::Other(reason)) => {
                tracing::info!(stream.name = stream, subject, reason, "a snapshot is not used");
                None
            }
            Err(Unfit::Wrong(reason)) => {
                tracing::warn!(stream.name = stream, subject, reason, "a snapshot is not used");
                None
            }
        }
    }

    async fn read<A: LogAggregate>(&self, stream: &str, subject: &str) -> Result<Option<Stored<A>>, Unfit> {
        let at = subject_of(subject);
        let found = direct::multi_last(&self.js, SNAPSHOTS, std::slice::from_ref(&at)).await;
        let found = found.map_err(|error| Unfit::Other(error.to_string()))?;
        // Purged or deleted by somebody: a marker without a signature or content.
        let Some(message) = found.into_iter().next().filter(|message| !message.payload.is_empty()) else {
            return Ok(None);
        };
        let signature = message.header(header::SIGNATURE).unwrap_or_default();
        if !self.key.verify(signature, ID, &writer(), Timestamp::from_micros(0), &at, &message.payload) {
            return Err(Unfit::Wrong("it is not signed by this installation".to_owned()));
        }
        let unread = |error: serde_json::Error| Unfit::Wrong(format!("it cannot be read: {error}"));
        let head: Head = serde_json::from_slice(&message.payload).map_err(unread)?;
        if head.made_by != made_by::<A>() {
            return Err(Unfit::Other("it was made by another build".to_owned()));
        }
        let rest: Rest<A> = serde_json::from_slice(&message.payload).map_err(unread)?;
        let chain = Chain::from_header(&head.chain);
        match direct::leader_at(&self.js, stream, head.seq).await {
            Ok(Some(commit)) if commit.subject == subject && commit.chain() == chain => {}
            Ok(_) => return Err(Unfit::Wrong(format!("the log has another message at {}, or none", head.seq))),
            Err(error) => return Err(Unfit::Other(error.to_string())),
        }
        let mut ring = Ring::default();
        rest.ring.into_iter().for_each(|entry| ring.push(entry));
        let Rest { events, bytes, state, .. } = rest;
        Ok(Some(Stored { state, seq: head.seq, chain, events, ring, bytes }))
    }
}

/// Why a snapshot is not used.
enum Unfit {
    /// Nothing is wrong with it.
    Other(String),
    /// Somebody should look.
    Wrong(String),
}

/// Where an aggregate's snapshot stands: its subject as a key of the bucket, which may hold no `%`.
fn subject_of(subject: &str) -> String {
    format!("$KV.SNAPSHOTS.{}", subject.replace('%', "="))
}

fn writer() -> Actor {
    Actor::System("executor".to_owned())
}

fn encode<A: LogAggregate>(stored: &Stored<A>) -> Result<Vec<u8>, String> {
    let Stored { state, seq, chain, events, ring, bytes } = stored;
    let (made_by, chain, ring) = (made_by::<A>(), chain.as_str(), ring.entries().collect());
    let written = Written { made_by, seq: *seq, chain, events: *events, bytes: *bytes, ring, state };
    let text = serde_json::to_vec(&written).map_err(|error| error.to_string())?;
    if text.len() > SNAPSHOT_BYTES_MAX {
        return Err(format!("it takes {} bytes, at most {SNAPSHOT_BYTES_MAX} are kept", text.len()));
    }
    // What does not survive its encoding must not come back as the truth.
    let again: Rest<A> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let value = |state: &A| serde_json::to_value(state).map_err(|error| error.to_string());
    if value(&again.state)? != value(state)? {
        return Err("it is not the same after reading it back".to_owned());
    }
    Ok(text)
}

async fn write(js: Arc<jetstream::Context>, key: SigningKey, mut due: mpsc::Receiver<Due>) {
    while let Some(Due { subject, encode }) = due.recv().await {
        let text = match tokio::task::spawn_blocking(encode).await {
            Ok(Ok(text)) => text,
            Ok(Err(reason)) => {
                tracing::info!(subject, reason, "no snapshot of an aggregate is kept");
                continue;
            }
            Err(error) => {
                tracing::error!(subject, %error, "a snapshot could not be made");
                continue;
            }
        };
        let mut headers = HeaderMap::new();
        let signature = key.sign(ID, &writer(), Timestamp::from_micros(0), &subject, &text);
        headers.insert(header::SIGNATURE, signature);
        let stored = async { js.publish_with_headers(subject.clone(), headers, text.into()).await?.await };
        if let Err(error) = stored.await {
            tracing::info!(subject, %error, "a snapshot was not stored; the next one may be");
        }
    }
}

/// What states are made by: this build, the type, and the schemas of its events. Another build may fold otherwise.
fn made_by<A: LogAggregate>() -> String {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    part(&FORMAT.to_string());
    part(env!("CARGO_PKG_VERSION"));
    part(build().unwrap_or_default());
    part(std::any::type_name::<A>());
    for name in A::Event::names() {
        part(name);
        part(A::Event::schema_of(name).unwrap_or_default());
    }
    hex::encode(&hash.finalize()[..16])
}

/// What tells this program from another build of the same version: size and time of its file.
fn build() -> Option<&'static str> {
    static BUILD: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        // On Linux this is the file that runs, also after another was put in its place.
        let file = std::fs::metadata("/proc/self/exe").or_else(|_| std::fs::metadata(std::env::current_exe()?)).ok()?;
        let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{} {}", file.len(), modified.as_nanos()))
    };
    BUILD.get_or_init(look).as_deref()
}
