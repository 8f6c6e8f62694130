//! Sending commands and waiting for what became of them: the gateway's side.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alluvium_kernel::trace::{self, Kind};
use alluvium_kernel::{
    Actor, BoxFuture, Outcome, Problem, SigningKey, Timestamp, Token, Verdict, body_hash, header, subject,
};
use alluvium_messaging::{Error, stream_created};
use async_nats::{HeaderMap, Message, jetstream};
use bytes::Bytes;
use futures::StreamExt;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    clock::Clock,
    commit::pause,
    intake::{check_id, id_reused},
    outcome::{DryOutcome, OutcomePublisher, subject_of},
    seals::Seals,
};

/// Pauses between looks for an outcome that was not heard of, in milliseconds; the last one repeats. Long enough that
/// waiting in a crowd does not make the crowd slower.
const LOOKS_MS: [u64; 3] = [1_000, 2_000, 4_000];

/// How long the log may answer nothing before those who wait for it are told, in milliseconds: longer than a server takes to be
/// restarted, shorter than callers have patience.
const LOG_SILENT_MS_MAX: u64 = 10_000;

/// How long the client goes on listening for outcomes when nobody waits for one, in milliseconds. Each outcome of the
/// installation is heard while it listens, and beginning again costs one line to the server, which overtakes no command.
const LISTENING_MS: u64 = 100;

/// A command to send.
#[derive(Clone, Debug)]
pub struct CommandRequest {
    /// Whose.
    pub tenant: Token,
    /// `storage`
    pub context: String,
    /// `CreateBucket`
    pub command: String,
    /// Its id; the same one when the command is sent again.
    pub command_id: String,
    /// On whose behalf; vouched for by the client's signature.
    pub actor: Actor,
    /// Avro single-object bytes or a JSON object.
    pub payload: Bytes,
    /// What it follows from, as W3C trace context; else what runs around [`CommandClient::send`].
    pub trace_parent: Option<String>,
}

type Waiters = Arc<Mutex<HashMap<String, Vec<oneshot::Sender<Outcome>>>>>;

/// Since when somebody listens for outcomes, as far as somebody does.
type Listening = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// Sends signed commands and waits for their outcomes, with one subscription for all. Cheap to clone.
#[derive(Clone)]
pub struct CommandClient {
    js: jetstream::Context,
    key: SigningKey,
    outcomes: OutcomePublisher,
    waiters: Waiters,
    listening: Listening,
    /// When the log last took a command in.
    taking: Answering,
    /// When it last let an outcome be looked for.
    telling: Answering,
    room: Option<Room>,
    streams: Option<Streams>,
    sealer: Option<Sealer>,
    seals: Seals,
    clock: Arc<Clock>,
}

/// The stream that commands of a context are decided on, where it is known.
pub type Streams = fn(&str) -> Option<&'static str>;

/// The body of a command with what must be sealed sealed; none when there is nothing to seal.
pub type Sealer = for<'a> fn(&'a Seals, &'a CommandRequest) -> BoxFuture<'a, Result<Option<Bytes>, Problem>>;

/// Says whether there is room for so many bytes more.
pub type Room = Arc<dyn Fn(u64) -> Result<(), Problem> + Send + Sync>;

/// When the log last answered any of the requests of a client.
#[derive(Clone)]
struct Answering {
    began: Instant,
    heard_ms: Arc<AtomicU64>,
}

impl Answering {
    fn heard(&self) {
        self.heard_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether the log has been silent for too long to somebody who has waited since `since`.
    fn is_silent(&self, since: Instant) -> bool {
        let heard = self.began + Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        since.max(heard).elapsed() > Duration::from_millis(LOG_SILENT_MS_MAX)
    }
}

impl CommandClient {
    /// A client that listens for outcomes while somebody waits for one.
    pub fn new(js: jetstream::Context, key: SigningKey) -> Self {
        let new = || Answering { began: Instant::now(), heard_ms: Arc::default() };
        let (taking, telling, outcomes) = (new(), new(), OutcomePublisher::new(js.clone()));
        let (waiters, listening) = (Waiters::default(), Listening::default());
        let clock = Arc::new(Clock::new());
        let seals = Seals::new(js.clone(), key.clone());
        let (room, streams, sealer) = (None, None, None);
        Self { js, key, outcomes, waiters, listening, taking, telling, room, streams, sealer, seals, clock }
    }

    /// Has outcomes listened for from now on, after a waiter is there and before its command is sent.
    async fn listen(&self) -> Result<(), Problem> {
        let mut listening = self.listening.lock().await;
        if listening.is_none() {
            // Not `out.>` itself: there one would also hear outcomes that the stream then refuses. `told.>` is what it stored.
            let told = self.js.client().subscribe("told.>").await;
            let told = told.map_err(|error| Problem::unavailable("platform.log_unavailable", error.to_string()))?;
            tokio::spawn(dispatch(told, self.waiters.clone(), self.listening.clone()));
        }
        *listening = Some(Instant::now());
        Ok(())
    }

    /// The same, which asks before it sends anything whether there is room for what follows from it.
    #[must_use]
    pub fn with_room(mut self, room: Room) -> Self {
        self.room = Some(room);
        self
    }

    /// The same, which knows where commands are decided, and does not wait for what cannot be decided there.
    #[must_use]
    pub fn with_streams(mut self, streams: Streams) -> Self {
        self.streams = Some(streams);
        self
    }

    /// The same, which seals what must be sealed before anything is sent.
    #[must_use]
    pub fn with_sealer(mut self, sealer: Sealer) -> Self {
        self.sealer = Some(sealer);
        self
    }

    /// The log that commands go to.
    pub fn log(&self) -> &jetstream::Context {
        &self.js
    }

    /// What seals and opens with this installation's keys.
    pub fn seals(&self) -> &Seals {
        &self.seals
    }

    /// A command as it is sent.
    async fn sealed<'r>(&self, request: &'r CommandRequest) -> Result<Cow<'r, CommandRequest>, Problem> {
        let Some(sealer) = self.sealer else { return Ok(Cow::Borrowed(request)) };
        Ok(match sealer(&self.seals, request).await? {
            Some(payload) => Cow::Owned(CommandRequest { payload, ..request.clone() }),
            None => Cow::Borrowed(request),
        })
    }

    /// Refuses when there is no room for so many bytes more.
    pub fn room(&self, bytes: u64) -> Result<(), Problem> {
        self.room.as_ref().map_or(Ok(()), |room| room(bytes))
    }

    /// Sends a command and waits for its outcome, at most `wait`. A rejection is an outcome, not an error; errors are an id
    /// that belongs to another command, and an outcome that is not known in time.
    pub async fn send(&self, request: &CommandRequest, wait: Duration) -> Result<Outcome, Problem> {
        let request = &*self.sealed(request).await?;
        let outcome = self.send_as_it_is(request, wait).await?;
        let subject = subject::command(&request.tenant, &request.context, &request.command);
        if outcome.body_hash == body_hash(&subject, &request.payload) {
            Ok(outcome)
        } else {
            Err(id_reused(&request.command_id))
        }
    }

    /// The same for a command whose id nobody else can have, and which may have been sent before with a body that was made at
    /// another moment: what was decided then stands.
    pub async fn send_again(&self, request: &CommandRequest, wait: Duration) -> Result<Outcome, Problem> {
        let request = &*self.sealed(request).await?;
        self.send_as_it_is(request, wait).await
    }

    async fn send_as_it_is(&self, request: &CommandRequest, wait: Duration) -> Result<Outcome, Problem> {
        let until = Instant::now() + wait;
        check_id(&request.command_id)?;
        self.room(request.payload.len() as u64)?;
        let at = subject_of(&request.tenant, &request.command_id)?;
        let subject = subject::command(&request.tenant, &request.context, &request.command);
        let parent = request.trace_parent.as_deref();
        let mut span = trace::begin(Kind::Producer, parent, || format!("send {}.{}", request.context, request.command));
        span.note("command.id", &request.command_id);
        let around = span.traceparent().or_else(|| parent.map(Into::into)).or_else(trace::current);
        let waiter = self.wait_at(&at);
        if let Err(problem) = self.listen().await {
            drop(waiter);
            self.forget(&at);
            return Err(problem);
        }
        let exchange = self.exchange(request, &subject, around.as_deref(), waiter);
        let result = tokio::time::timeout_at(until, exchange).await;
        self.forget(&at);
        let outcome = result
            .map_err(|_| timeout(&request.command_id))
            .flatten()
            .inspect_err(|problem| span.fail(&problem.code))?;
        if let Verdict::Rejected { problem } = &outcome.verdict {
            span.note("error.code", &problem.code);
        }
        Ok(outcome)
    }

    /// The outcome of a command that may have been sent before, if it is known now.
    pub async fn known(&self, tenant: &Token, command_id: &str) -> Result<Option<Outcome>, Problem> {
        self.outcomes.find(tenant, command_id).await
    }

    /// Waits for the outcome of a request that came with a command. Nothing is sent: it is known that the log has it.
    pub async fn outcome(&self, tenant: &Token, request: &str) -> Result<Outcome, Problem> {
        let at = subject_of(tenant, request)?;
        let mut waiter = self.wait_at(&at);
        let heard = async {
            self.listen().await?;
            for look in 0.. {
                if let Some(outcome) = self.outcomes.find(tenant, request).await? {
                    return Ok(outcome);
                }
                let look = LOOKS_MS[usize::min(look, LOOKS_MS.len() - 1)];
                if let Ok(Ok(outcome)) = tokio::time::timeout(Duration::from_millis(look), &mut waiter).await {
                    return Ok(outcome);
                }
            }
            Err(timeout(request))
        };
        let heard = heard.await;
        drop(waiter);
        self.forget(&at);
        heard
    }

    /// Asks what a command would do; nothing is appended.
    pub async fn dry_run(&self, request: &CommandRequest, wait: Duration) -> Result<DryOutcome, Problem> {
        let until = Instant::now() + wait;
        check_id(&request.command_id)?;
        let request = &*self.sealed(request).await?;
        let client = self.js.client();
        let inbox = client.new_inbox();
        let unavailable =
            |error: async_nats::SubscribeError| Problem::unavailable("platform.log_unavailable", error.to_string());
        let mut answers = client.subscribe(inbox.clone()).await.map_err(unavailable)?;
        let subject = subject::command(&request.tenant, &request.context, &request.command);
        let mut headers = self.headers(request, &subject, request.trace_parent.as_deref());
        headers.insert(header::DRY_RUN, "1");
        headers.insert(header::REPLY, inbox.as_str());
        let exchange = async {
            self.publish(&subject, &headers, &request.payload).await?;
            Ok::<_, Problem>(answers.next().await)
        };
        let answer = tokio::time::timeout_at(until, exchange).await.ok().transpose()?.flatten();
        let answer = answer.ok_or_else(|| timeout(&request.command_id))?;
        if let Ok(outcome) = serde_json::from_slice(&answer.payload) {
            return Ok(outcome);
        }
        // Its id belongs to a command that was carried out.
        Err(id_reused(&request.command_id))
    }

    async fn exchange(
        &self,
        request: &CommandRequest,
        subject: &str,
        around: Option<&str>,
        mut waiter: oneshot::Receiver<Outcome>,
    ) -> Result<Outcome, Problem> {
        self.clock.check(&self.js).await?;
        let headers = self.headers(request, subject, around);
        let since = Instant::now();
        let mut known = self.publish(subject, &headers, &request.payload).await?;
        for look in 0.. {
            if !known {
                let look = LOOKS_MS[usize::min(look, LOOKS_MS.len() - 1)];
                if let Ok(Ok(outcome)) = tokio::time::timeout(Duration::from_millis(look), &mut waiter).await {
                    return Ok(outcome);
                }
            }
            known = false;
            // An outcome told before, or while the connection was away. When it cannot be read now, look again later.
            match self.outcomes.find(&request.tenant, &request.command_id).await {
                Ok(Some(outcome)) => return Ok(outcome),
                Ok(None) => {
                    self.telling.heard();
                    if since.elapsed() > Duration::from_millis(LOG_SILENT_MS_MAX) {
                        self.decidable(request).await?;
                    }
                }
                Err(problem) if self.telling.is_silent(since) => return Err(unheard(&request.command_id, &problem)),
                Err(_) => {}
            }
        }
        Err(timeout(&request.command_id))
    }

    /// Refuses when the stream that a command is decided on is not there: nobody knows when it will be.
    async fn decidable(&self, request: &CommandRequest) -> Result<(), Problem> {
        let Some(stream) = self.streams.and_then(|of| of(&request.context)) else { return Ok(()) };
        match stream_created(&self.js, stream).await {
            Err(error) if error.is_no_stream() => {
                let detail = format!(
                    "The stream {stream} is not there, so nothing can be decided. Command `{}` waits on the log: send it again \
                     under the same id to learn its outcome.",
                    request.command_id
                );
                Err(Problem::unavailable("platform.log_unavailable", detail))
            }
            // Whoever cannot answer now is asked again with the next look.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Publishes until the stream has it; gives whether the stream had it already. Fails when the log has no room, and when it
    /// has answered nobody for too long.
    async fn publish(&self, subject: &str, headers: &HeaderMap, payload: &Bytes) -> Result<bool, Problem> {
        let since = Instant::now();
        let mut again = false;
        for attempt in 0.. {
            let published = async {
                self.js.publish_with_headers(subject.to_owned(), headers.clone(), payload.clone()).await?.await
            };
            match published.await {
                Ok(ack) => {
                    self.taking.heard();
                    return Ok(ack.duplicate || again);
                }
                Err(error) => {
                    let error = Error::of_publish(subject, &error);
                    if error.is_full() {
                        return Err(error.into());
                    }
                    if self.taking.is_silent(since) {
                        let id = headers.get(header::MESSAGE_ID).map_or("", async_nats::HeaderValue::as_str);
                        return Err(unheard(id, &error.into()));
                    }
                    tracing::warn!(%error, "a command is sent again");
                    again = true;
                }
            }
            pause(attempt).await;
        }
        Ok(again)
    }

    fn headers(&self, request: &CommandRequest, subject: &str, around: Option<&str>) -> HeaderMap {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let time = Timestamp::from_micros(now.as_micros() as i64);
        let signature = self.key.sign(&request.command_id, &request.actor, time, subject, &request.payload);
        let mut headers = HeaderMap::new();
        headers.insert(header::MESSAGE_ID, request.command_id.as_str());
        headers.insert(header::ACTOR, request.actor.to_string());
        headers.insert(header::TIME, time.micros().to_string());
        headers.insert(header::SIGNATURE, signature);
        if let Some(trace) = around.filter(|trace| trace.bytes().all(|b| b.is_ascii_graphic())) {
            headers.insert(header::TRACE_PARENT, trace);
        }
        headers
    }

    fn wait_at(&self, subject: &str) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.entry(subject.to_owned()).or_default().push(sender);
        receiver
    }

    fn forget(&self, subject: &str) {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = waiters.get_mut(subject) {
            waiting.retain(|waiter| !waiter.is_closed());
            if waiting.is_empty() {
                waiters.remove(subject);
            }
        }
    }
}

/// Hands outcomes to those who wait for them, until nobody has for a while.
async fn dispatch(mut told: async_nats::Subscriber, waiters: Waiters, listening: Listening) {
    let quiet = Duration::from_millis(LISTENING_MS);
    let mut look = tokio::time::interval(quiet);
    loop {
        tokio::select! {
            message = told.next() => match message {
                Some(message) => hand_over(&message, &waiters),
                None => break,
            },
            _ = look.tick() => {
                let mut listening = listening.lock().await;
                // Whoever waits from now on asks for a new subscription, as soon as the lock is free.
                let nobody = is_empty(&waiters);
                if nobody && listening.is_none_or(|since| since.elapsed() > quiet) {
                    *listening = None;
                    return;
                }
            }
        }
    }
    // The connection has ended.
    *listening.lock().await = None;
}

/// Whether nobody waits; those who gave up are taken out.
fn is_empty(waiters: &Waiters) -> bool {
    let mut waiters = waiters.lock().unwrap_or_else(PoisonError::into_inner);
    waiters.retain(|_, waiting| {
        waiting.retain(|waiter| !waiter.is_closed());
        !waiting.is_empty()
    });
    waiters.is_empty()
}

fn hand_over(message: &Message, waiters: &Waiters) {
    let waiting = waiters.lock().unwrap_or_else(PoisonError::into_inner).remove(&stored_at(&message.subject));
    let Some(waiting) = waiting else { return };
    match serde_json::from_slice::<Outcome>(&message.payload) {
        Ok(outcome) => waiting.into_iter().for_each(|waiter| {
            // Whoever gave up meanwhile is not there to be told.
            let _ = waiter.send(outcome.clone());
        }),
        Err(error) => tracing::error!(subject = %message.subject, %error, "an outcome cannot be read"),
    }
}

/// Where the outcome heard on `told.…` is stored.
fn stored_at(subject: &str) -> String {
    subject.replacen("told.", "out.", 1)
}

/// The log does not answer: whether it took the command is not known.
fn unheard(command_id: &str, problem: &Problem) -> Problem {
    let detail = format!(
        "{} Whether it has command `{command_id}` is not known: send it again under the same id.",
        problem.detail
    );
    Problem { detail, ..problem.clone() }
}

fn timeout(command_id: &str) -> Problem {
    let detail = format!(
        "The outcome of command `{command_id}` is not known yet. Send it again under the same id to learn its outcome."
    );
    Problem::unavailable("command.timeout", detail)
}
