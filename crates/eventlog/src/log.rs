//! One context's part of the log: loads aggregates, keeps them at hand, and asks for many at once.

use std::{any::Any, collections::HashMap, sync::Arc};

use alluvium_kernel::{Problem, SigningKey, Token, subject};
use alluvium_messaging::{LogMessage, direct};
use async_nats::jetstream;
use tokio::sync::{mpsc, oneshot};

use crate::snapshot::{SNAPSHOT_EVERY_EVENTS, Snapshots};
use crate::store::Store;
use crate::stored::{LogAggregate, Stored};

/// Loads that may wait for the next read at once; more wait for a free place.
const LOADS_WAITING_MAX: usize = 4_096;
/// Header under which JetStream stores the expectation that a message was published with.
const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// Bounds of a log.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// Memory for aggregates at hand, in bytes, roughly.
    pub cache_bytes: u64,
    /// Whether commits that wait at the same moment are stored together: for a server alone that syncs each message.
    pub group_commit: bool,
    /// Events of an aggregate from one snapshot to the next.
    pub snapshot_every_events: usize,
    /// Copies of the stream. With more than one, what counts is asked of the leader: another copy may be behind.
    pub replicas: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 * 1024 * 1024,
            group_commit: false,
            snapshot_every_events: SNAPSHOT_EVERY_EVENTS,
            replicas: 1,
        }
    }
}

/// One context's aggregates on its stream. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub(crate) js: Arc<jetstream::Context>,
    pub(crate) store: Store,
    pub(crate) stream: Arc<str>,
    context: &'static str,
    cache: moka::sync::Cache<String, Cached>,
    loads: mpsc::Sender<Wanted>,
    snapshots: Option<Arc<Snapshots>>,
    snapshot_every_events: usize,
    replicated: bool,
}

/// An aggregate at hand, of whatever type.
#[derive(Clone)]
pub(crate) struct Cached {
    stored: Arc<dyn Any + Send + Sync>,
    weight: u32,
}

impl Cached {
    fn of<A: LogAggregate>(stored: Arc<Stored<A>>) -> Self {
        Self { weight: stored.weight(), stored }
    }
}

struct Wanted {
    subject: String,
    answer: oneshot::Sender<Result<Option<LogMessage>, Problem>>,
}

impl Log {
    /// The log of `context` on `stream`. Must be called inside a tokio runtime: loads are gathered by a task that ends
    /// with the last clone.
    pub fn new(js: jetstream::Context, stream: &str, context: &'static str, options: LogOptions) -> Self {
        let (loads, wanted) = mpsc::channel(LOADS_WAITING_MAX);
        let js = Arc::new(js);
        tokio::spawn(gather(js.clone(), stream.to_owned(), wanted));
        let cache = moka::sync::Cache::builder()
            .weigher(|key: &String, cached: &Cached| cached.weight.saturating_add(key.len() as u32))
            .max_capacity(options.cache_bytes)
            .build();
        let store = if options.group_commit { Store::grouped(js.clone()) } else { Store::alone(js.clone()) };
        let snapshot_every_events = options.snapshot_every_events;
        let replicated = options.replicas > 1;
        let stream = stream.into();
        Self { js, store, stream, context, cache, loads, snapshots: None, snapshot_every_events, replicated }
    }

    /// Begins from snapshots where there are some signed with `key`, and has them written.
    #[must_use]
    pub fn with_snapshots(mut self, key: SigningKey) -> Self {
        self.snapshots = Snapshots::new(self.js.clone(), key, self.snapshot_every_events).map(Arc::new);
        self
    }

    /// The stream's name.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The one subject of an aggregate.
    pub fn subject<A: LogAggregate>(&self, tenant: &Token, id: &Token) -> String {
        subject::event(tenant, self.context, A::TYPE, id)
    }

    /// The aggregate as far as is known here: a stale one is found out by its expectation when something is committed.
    pub async fn load<A: LogAggregate>(&self, tenant: &Token, id: &Token) -> Result<Arc<Stored<A>>, Problem> {
        let subject = self.subject::<A>(tenant, id);
        if let Some(stored) = self.at_hand(&subject) {
            return Ok(stored);
        }
        let stored = match self.last(&subject).await? {
            // Not kept: what comes next is its first commit, or a refusal that the log is asked about again.
            None => return Ok(Arc::default()),
            // Its first commit is its last: the whole history came with the answer.
            Some(last) if last.header(EXPECTED) == Some("0") => {
                let mut stored = Stored::default();
                stored.fold(&last)?;
                stored
            }
            Some(_) => {
                let begun = self.begin(&subject).await;
                let before = begun.events;
                let stored = self.replay(&subject, begun).await?;
                return Ok(self.advance(&subject, before, stored));
            }
        };
        Ok(self.advance(&subject, 0, stored))
    }

    /// The aggregate as the leader has it now.
    pub async fn load_fresh<A: LogAggregate>(&self, tenant: &Token, id: &Token) -> Result<Arc<Stored<A>>, Problem> {
        let subject = self.subject::<A>(tenant, id);
        self.forget(&subject);
        let begun = self.begin(&subject).await;
        let before = begun.events;
        let mut stored: Stored<A> = self.replay(&subject, begun).await?;
        while let Some(message) = direct::leader_next(&self.js, &self.stream, &subject, stored.seq + 1).await? {
            stored.fold(&message)?;
        }
        Ok(self.advance(&subject, before, stored))
    }

    /// The aggregate as a snapshot has it, else as it is before its first event.
    async fn begin<A: LogAggregate>(&self, subject: &str) -> Stored<A> {
        match &self.snapshots {
            Some(snapshots) => snapshots.find(&self.stream, subject).await.unwrap_or_default(),
            None => Stored::default(),
        }
    }

    async fn replay<A: LogAggregate>(&self, subject: &str, mut stored: Stored<A>) -> Result<Stored<A>, Problem> {
        loop {
            let messages = direct::history(&self.js, &self.stream, subject, stored.seq + 1).await?;
            for message in &messages {
                stored.fold(message)?;
            }
            if messages.last().is_none_or(|last| last.pending == 0) {
                return Ok(stored);
            }
        }
    }

    /// Sequence of a subject's last message, 0 when there is none. What the leader says: a copy that is behind would prove
    /// a decision on what is no longer so.
    pub(crate) async fn last_seq(&self, subject: &str) -> Result<u64, Problem> {
        let last = if self.replicated {
            direct::leader_last(&self.js, &self.stream, subject).await?
        } else {
            self.last(subject).await?
        };
        Ok(last.map_or(0, |message| message.seq))
    }

    async fn last(&self, subject: &str) -> Result<Option<LogMessage>, Problem> {
        let (answer, answered) = oneshot::channel();
        self.loads.send(Wanted { subject: subject.to_owned(), answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    pub(crate) fn at_hand<A: LogAggregate>(&self, subject: &str) -> Option<Arc<Stored<A>>> {
        self.cache.get(subject)?.stored.downcast().ok()
    }

    /// Keeps an aggregate at hand, now that it has more than `before` events, and has its snapshot written when one is due.
    pub(crate) fn advance<A: LogAggregate>(&self, subject: &str, before: usize, stored: Stored<A>) -> Arc<Stored<A>> {
        let stored = Arc::new(stored);
        if let Some(snapshots) = &self.snapshots {
            snapshots.offer(subject, before, &stored);
        }
        self.cache.insert(subject.to_owned(), Cached::of(stored.clone()));
        stored
    }

    pub(crate) fn forget(&self, subject: &str) {
        self.cache.invalidate(subject);
    }
}

fn stopped() -> Problem {
    Problem::unavailable("platform.log_unavailable", "The process is stopping; send the request again.")
}

/// Answers loads: all that wait at the moment are asked for in one request, so that many new aggregates cost one round trip.
async fn gather(js: Arc<jetstream::Context>, stream: String, mut wanted: mpsc::Receiver<Wanted>) {
    let mut waiting = Vec::new();
    while wanted.recv_many(&mut waiting, direct::MULTI_LAST_SUBJECTS_MAX).await > 0 {
        let subjects: Vec<String> = waiting.iter().map(|wanted| wanted.subject.clone()).collect();
        match direct::multi_last(&js, &stream, &subjects).await {
            Ok(messages) => {
                let found: HashMap<String, LogMessage> =
                    messages.into_iter().map(|message| (message.subject.clone(), message)).collect();
                for Wanted { subject, answer } in waiting.drain(..) {
                    // Nobody waits any more when a decision was cancelled; then there is nobody to tell.
                    let _ = answer.send(Ok(found.get(&subject).cloned()));
                }
            }
            Err(error) => {
                let problem = Problem::from(error);
                for Wanted { answer, .. } in waiting.drain(..) {
                    let _ = answer.send(Err(problem.clone()));
                }
            }
        }
    }
}
