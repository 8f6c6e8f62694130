//! Requests that are done once, however often they are sent: those with an `X-Idempotency-Key`, on routes that change something.
//!
//! The first one reserves its key, create-only, in a store that all processes share. While it runs, its process says so every few
//! seconds, and others with the key wait. Its answer is kept, sealed, and told again to the same caller. When its process dies in
//! between, the next one takes the reservation over with the same [`Seed`], so that its commands have the same ids, and what was
//! done already is found instead of done again.

mod answer;
mod entry;
mod key;
mod run;
mod spool;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Problem, Reservations, SigningKey};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use metrics::counter;
use tokio::time::Instant;

use crate::ProblemResponse;
use crate::seed::Seed;
use answer::Answer;
use entry::{Entry, Print, Process, State};
pub use key::IDEMPOTENCY_KEY;
pub(crate) use key::{KEY_CHARS_MAX, Key, Space, given};
pub(crate) use run::answer;

/// Response header: the answer is that of an earlier request.
pub const IDEMPOTENCY_REPLAY: HeaderName = HeaderName::from_static("x-idempotency-replay");

/// How long an answer is kept, in seconds.
const ANSWER_KEPT_SECONDS: u64 = 600;
/// How long a request that was begun is known without its answer, in seconds: as long as somebody may come back for it.
const BEGUN_KEPT_SECONDS: u64 = 24 * 60 * 60;
/// How long a request waits for another one with its key, in seconds.
const JOIN_SECONDS_MAX: u64 = 60;
/// What a client that waited that long should wait before it asks again, in seconds.
const RETRY_SECONDS: u64 = 5;
/// How often a process says that it is at it, in milliseconds.
const BEAT_MS: u64 = 2_000;
/// Without a word for this long, in milliseconds, somebody else takes over. Should both run after all, they do the same once.
const SILENT_MS_MAX: u64 = 3 * BEAT_MS;
/// First and longest pause between two looks at a request under way, in milliseconds.
const LOOK_MS: (u64, u64) = (20, 500);

/// The layer: where reservations are, and who this process is.
pub struct Idempotency {
    store: Arc<dyn Reservations>,
    pepper: SigningKey,
    process: Process,
    spool: PathBuf,
}

/// What is there for a request.
enum Found {
    /// An answer of before.
    Answer(Answer),
    /// Nothing that still runs: it is this process's now.
    Ours(Held),
}

/// A reservation of this process.
struct Held {
    place: String,
    claim: String,
    revision: u64,
    entry: Entry,
    seed: Seed,
}

impl Idempotency {
    /// Over a store. `pepper` is the installation's secret; `node` a name that no other living process has; large bodies are
    /// written down in `spool` until they are whole.
    pub fn new(store: Arc<dyn Reservations>, pepper: SigningKey, node: &str, spool: PathBuf) -> Self {
        let process = Process { node: node.to_owned(), life: uuid::Uuid::new_v4().to_string() };
        Self { store, pepper, process, spool }
    }

    /// Whether anything is known of a request whose caller's credential is dead by now.
    pub(crate) async fn knows(&self, key: &Key) -> Result<bool, Problem> {
        let Some(found) = self.store.read(&key.place()).await? else { return Ok(false) };
        Ok(Entry::from_bytes(&found.value)?.print.credential == key.print(&self.pepper, "").credential)
    }

    /// Waits for the answer of a request under way, or takes it in hand.
    async fn find(&self, key: &Key, print: &Print) -> Result<Found, Problem> {
        let (place, until) = (key.place(), Instant::now() + Duration::from_secs(JOIN_SECONDS_MAX));
        let (mut pause_ms, mut silent_since) = (LOOK_MS.0, (0, Instant::now()));
        loop {
            let found = self.store.read(&place).await?;
            let (revision, entry) = match found {
                None if key.is_late => return Err(crate::guard::unknown_credential()),
                None => (0, None),
                Some(found) => (found.revision, Some(Entry::from_bytes(&found.value)?)),
            };
            if let Some(entry) = &entry {
                print
                    .must_be(&entry.print)
                    .inspect_err(|_| counter!("duckdb_idempotency_conflicts_total").increment(1))?;
            }
            if silent_since.0 != revision {
                silent_since = (revision, Instant::now());
            }
            let is_again = entry.is_some();
            let begun = match entry {
                None => Some(Entry::new(print.clone())?),
                Some(Entry { state: State::Done { answer }, nonce, .. }) => {
                    let secret = key.secret(&self.pepper, SEAL, &nonce);
                    return Answer::open(&answer, &secret, &place).map(Found::Answer);
                }
                Some(entry) => self.is_abandoned(&entry.state, silent_since.1).then_some(entry),
            };
            if let Some(begun) = begun
                && let Some(held) = self.take(key, &place, revision, begun, is_again).await?
            {
                return Ok(Found::Ours(held));
            }
            if Instant::now() > until {
                return Err(in_progress());
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(LOOK_MS.1);
        }
    }

    fn running(&self, claim: &str, beat: u64) -> State {
        State::Running { by: self.process.clone(), claim: claim.to_owned(), beat }
    }

    /// Whether nobody is at it: left open, by an earlier life of this very process, or silent for too long.
    fn is_abandoned(&self, state: &State, silent_since: Instant) -> bool {
        match state {
            State::Done { .. } => false,
            State::Open => true,
            State::Running { by, .. } => {
                let dead = by.node == self.process.node && by.life != self.process.life;
                dead || silent_since.elapsed() > Duration::from_millis(SILENT_MS_MAX)
            }
        }
    }

    /// Takes a request in hand; none when somebody else was faster.
    async fn take(
        &self,
        key: &Key,
        place: &str,
        revision: u64,
        entry: Entry,
        is_again: bool,
    ) -> Result<Option<Held>, Problem> {
        // Told apart from another request of this very process that takes it in the same moment.
        let claim = uuid::Uuid::new_v4().to_string();
        let entry = Entry { state: self.running(&claim, 0), ..entry };
        let keep = Duration::from_secs(BEGUN_KEPT_SECONDS);
        let Some(revision) = self.store.write(place, revision, entry.to_bytes(), keep).await? else { return Ok(None) };
        let seed = Seed::new(key.secret(&self.pepper, SEED, &entry.nonce), entry.began(), is_again);
        Ok(Some(Held { place: place.to_owned(), claim, revision, entry, seed }))
    }
}

/// What the secret of a seed is derived for.
const SEED: &str = "idempotency seed";
/// What the secret of a sealed answer is derived for.
const SEAL: &str = "idempotency answer";

fn in_progress() -> Problem {
    let detail = format!(
        "The first request with this idempotency key has been under way for more than {JOIN_SECONDS_MAX} s. Send it again later to \
         learn its answer."
    );
    Problem::new("http.idempotency_in_progress", 409, detail)
}

/// A refusal as an answer; one that passes by itself says when to come back.
fn refusal(problem: Problem) -> Response {
    let passes = problem.code == "http.idempotency_in_progress";
    let mut response = ProblemResponse(problem).into_response();
    if passes {
        response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS.into());
    }
    response
}

/// An answer of before, marked as such.
fn replay(answer: Answer, key: &Key) -> Response {
    let mut response = answer.response();
    if let Ok(text) = HeaderValue::from_str(&key.text) {
        response.headers_mut().insert(IDEMPOTENCY_KEY, text);
    }
    response.headers_mut().insert(IDEMPOTENCY_REPLAY, HeaderValue::from_static("true"));
    response
}
