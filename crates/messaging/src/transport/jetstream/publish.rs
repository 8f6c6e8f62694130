//! Publishing with many acknowledgements outstanding: one inbox for all of them, and one ring of messages in flight.
//!
//! What is not acknowledged in time, or is refused in a way that says nothing about an earlier attempt, goes to
//! [`super::resolve`]; until it is resolved, later messages of its subject wait behind it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, atomic::Ordering},
    time::Duration,
};

use async_nats::{Client, Subscriber, jetstream};
use futures::{FutureExt, StreamExt};
use serde::Deserialize;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{resolve, wire};
use crate::{
    profile::PublishSettings,
    transport::{DeliveryErrorHook, FlushError, Outgoing, Pending, Position, PublishError, Receipt, Resolver},
};

/// How often overdue messages are looked for, in milliseconds.
const LOOK_EVERY_MS: u64 = 50;
/// How long acknowledgements may still come after the connection was replaced, in milliseconds.
const AFTER_RECONNECT_MS: u64 = 500;
/// Subjects that a failed flush names.
const FLUSH_SUBJECTS_MAX: usize = 10;
/// How long a message is tried when it says nothing itself, in milliseconds.
pub(super) const WITHIN_MS: u64 = 10_000;

/// Numbers of one topic.
struct Counts {
    stored: metrics::Counter,
    failed: metrics::Counter,
    seconds: metrics::Histogram,
}

impl Counts {
    fn of(topic: &str) -> Self {
        let labels = |result: &'static str| {
            [("topic", topic.to_owned()), ("transport", "nats".to_owned()), ("result", result.to_owned())]
        };
        Self {
            stored: metrics::counter!("messaging_published_total", &labels("stored")),
            failed: metrics::counter!("messaging_published_total", &labels("failed")),
            seconds: metrics::histogram!("messaging_publish_seconds", &labels("")[..2]),
        }
    }
}

/// A message on its way.
pub(super) struct Flight {
    began: Instant,
    pub(super) message: Outgoing,
    pub(super) resolver: Resolver,
    /// Until when it may be tried.
    pub(super) until: Instant,
    /// Whether the server may have it.
    pub(super) sent: bool,
    place: OwnedSemaphorePermit,
}

/// Messages of a subject that wait for an earlier one of it.
#[derive(Default)]
struct Stall {
    /// Sent and not acknowledged, in the order in which they were sent.
    failed: BTreeMap<u64, Flight>,
    /// Not sent yet.
    waiting: VecDeque<Flight>,
}

#[derive(Default)]
struct State {
    /// Number of the first place of the ring.
    first: u64,
    /// Messages in flight by number, with the moment at which they are overdue.
    ring: VecDeque<Option<(Flight, Instant)>>,
    stalls: HashMap<String, Stall>,
    /// Resolved one at a time by now, out of ring and stalls.
    resolving: usize,
    closed: bool,
}

/// What publisher, reader and resolvers share.
pub(super) struct Shared {
    pub(super) js: jetstream::Context,
    pub(super) settings: PublishSettings,
    client: Client,
    inbox: String,
    state: Mutex<State>,
    window: Arc<Semaphore>,
    settled: Notify,
    hook: Mutex<Option<DeliveryErrorHook>>,
    counts: RwLock<HashMap<Arc<str>, Counts>>,
    in_flight: metrics::Gauge,
}

/// Publishes.
pub(super) struct Publisher {
    shared: Arc<Shared>,
    reader: tokio::task::JoinHandle<()>,
}

impl Publisher {
    pub(super) async fn open(
        js: jetstream::Context,
        settings: PublishSettings,
    ) -> Result<Self, async_nats::SubscribeError> {
        let client = js.client();
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.*")).await?;
        let shared = Arc::new(Shared {
            window: Arc::new(Semaphore::new(settings.window)),
            js,
            settings,
            client,
            inbox,
            state: Mutex::default(),
            settled: Notify::new(),
            hook: Mutex::default(),
            counts: RwLock::default(),
            in_flight: metrics::gauge!("messaging_publish_in_flight", "transport" => "nats"),
        });
        let reader = tokio::spawn(read(shared.clone(), answers));
        Ok(Self { shared, reader })
    }

    /// Takes a place in the window, waiting for one, and sends.
    pub(super) async fn publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        let shared = &self.shared;
        wire::check(&message, shared.client.max_payload())?;
        let place = shared.window.clone().acquire_owned().await.map_err(|_| PublishError::Closed)?;
        let Begun { pending, send } = shared.begin(message, place)?;
        let Some((number, subject, message)) = send else { return Ok(pending) };
        // Should the caller give up while the connection takes nothing, the message counts as never taken in.
        let mut unsent = Unsent { shared, number: Some(number) };
        shared.send(number, subject, message).await?;
        unsent.number = None;
        Ok(pending)
    }

    /// The same without waiting.
    pub(super) fn try_publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        let shared = &self.shared;
        wire::check(&message, shared.client.max_payload())?;
        let full = || PublishError::Full { window: shared.settings.window };
        let place = shared.window.clone().try_acquire_owned().map_err(|_| full())?;
        let Begun { pending, send } = shared.begin(message, place)?;
        let Some((number, subject, message)) = send else { return Ok(pending) };
        let mut unsent = Unsent { shared, number: Some(number) };
        shared.send(number, subject, message).now_or_never().ok_or_else(full)??;
        unsent.number = None;
        Ok(pending)
    }

    /// Waits until what is in flight now is settled.
    pub(super) async fn flush(&self, within: Duration) -> Result<(), FlushError> {
        let shared = &self.shared;
        let target = shared.state().next();
        let settled = async {
            loop {
                let changed = shared.settled.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if shared.state().settled_to() >= target {
                    return;
                }
                changed.await;
            }
        };
        // The last messages must leave the client before their answers can come.
        let both = async { tokio::join!(shared.client.flush(), settled) };
        if tokio::time::timeout(within, both).await.is_ok() {
            return Ok(());
        }
        let (pending, subjects) = shared.state().open(FLUSH_SUBJECTS_MAX);
        Err(FlushError { pending, subjects, within })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.shared.settings.window - self.shared.window.available_permits()
    }

    pub(super) fn hook(&self, hook: DeliveryErrorHook) {
        *self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.shared.window.close();
        self.shared.state().closed = true;
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.close();
        self.reader.abort();
    }
}

/// A message that was taken in, and what to send now: nothing when it waits behind another of its subject.
struct Begun {
    pending: Pending,
    send: Option<(u64, String, (async_nats::HeaderMap, bytes::Bytes))>,
}

/// Takes a message that never reached the connection out of the ring again.
struct Unsent<'a> {
    shared: &'a Arc<Shared>,
    number: Option<u64>,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.state().take(number);
            self.shared.settled.notify_waiters();
        }
    }
}

impl State {
    fn next(&self) -> u64 {
        self.first + self.ring.len() as u64
    }

    fn take(&mut self, number: u64) -> Option<Flight> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (flight, _) = self.ring.get_mut(at)?.take()?;
        while matches!(self.ring.front(), Some(None)) {
            self.ring.pop_front();
            self.first += 1;
        }
        Some(flight)
    }

    /// Every message with a smaller number is settled. Stalled ones count by their number, waiting ones as the first stall.
    fn settled_to(&self) -> u64 {
        if self.resolving > 0 || self.stalls.values().any(|stall| !stall.waiting.is_empty()) {
            return 0;
        }
        let failed = self.stalls.values().filter_map(|stall| stall.failed.keys().next().copied());
        failed.chain([self.first]).min().unwrap_or(self.first)
    }

    fn open(&self, subjects_max: usize) -> (usize, Vec<String>) {
        let stalled = self.stalls.values().flat_map(|stall| stall.failed.values().chain(&stall.waiting));
        let flights = self.ring.iter().flatten().map(|(flight, _)| flight).chain(stalled);
        let mut subjects: Vec<String> = flights.map(|flight| flight.message.subject.clone()).collect();
        let count = subjects.len() + self.resolving;
        subjects.sort();
        subjects.dedup();
        subjects.truncate(subjects_max);
        (count, subjects)
    }

    fn has_in_flight(&self, subject: &str) -> bool {
        self.ring.iter().flatten().any(|(flight, _)| flight.message.subject == subject)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hook(&self) -> Option<DeliveryErrorHook> {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, message: Outgoing, place: OwnedSemaphorePermit) -> Result<Begun, PublishError> {
        let (resolver, pending) = Pending::new();
        let now = Instant::now();
        let until = now + message.within.unwrap_or(Duration::from_millis(WITHIN_MS));
        let mut flight = Flight { began: now, message, resolver, until, sent: false, place };
        let mut state = self.state();
        if state.closed {
            return Err(PublishError::Closed);
        }
        if !state.stalls.is_empty()
            && let Some(stall) = state.stalls.get_mut(&flight.message.subject)
        {
            stall.waiting.push_back(flight);
            return Ok(Begun { pending, send: None });
        }
        flight.sent = true;
        let subject = flight.message.subject.clone();
        let bytes = (wire::headers(&flight.message), flight.message.payload.clone().unwrap_or_default());
        let number = state.next();
        state.ring.push_back(Some((flight, now + self.settings.ack_timeout)));
        Ok(Begun { pending, send: Some((number, subject, bytes)) })
    }

    async fn send(
        &self,
        number: u64,
        subject: String,
        (headers, payload): (async_nats::HeaderMap, bytes::Bytes),
    ) -> Result<(), PublishError> {
        let reply = format!("{}.{number}", self.inbox);
        let sent = if headers.is_empty() {
            self.client.publish_with_reply(subject.clone(), reply, payload).await
        } else {
            self.client.publish_with_reply_and_headers(subject.clone(), reply, headers, payload).await
        };
        sent.map_err(|error| match error.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => {
                PublishError::TooLarge { subject, bytes: 0, max: self.client.max_payload() }
            }
            _ => PublishError::Subject { subject, detail: error.to_string() },
        })
    }

    /// The message failed in a way that must be looked into; later ones of its subject wait from now on.
    fn stall(self: &Arc<Self>, state: &mut State, number: u64, flight: Flight) {
        let subject = flight.message.subject.clone();
        if let Some(stall) = state.stalls.get_mut(&subject) {
            stall.failed.insert(number, flight);
            return;
        }
        let failed = BTreeMap::from([(number, flight)]);
        state.stalls.insert(subject.clone(), Stall { failed, waiting: VecDeque::new() });
        tokio::spawn(resolve::subject(self.clone(), subject));
    }

    /// The next message of a stalled subject, once nothing of the subject is in flight; `None` ends the stall.
    pub(super) async fn next_stalled(&self, subject: &str) -> Option<Flight> {
        loop {
            {
                let mut state = self.state();
                if !state.has_in_flight(subject) {
                    let stall = state.stalls.get_mut(subject)?;
                    let next = stall.failed.pop_first().map(|(_, flight)| flight);
                    let Some(flight) = next.or_else(|| stall.waiting.pop_front()) else {
                        state.stalls.remove(subject);
                        drop(state);
                        self.settled.notify_waiters();
                        return None;
                    };
                    state.resolving += 1;
                    return Some(flight);
                }
            }
            tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        }
    }

    /// A message of a stalled subject came to an end.
    pub(super) fn resolved(&self, flight: Flight, result: Result<Receipt, PublishError>) {
        self.end(flight, result);
        self.state().resolving -= 1;
        self.settled.notify_waiters();
    }

    fn end(&self, flight: Flight, result: Result<Receipt, PublishError>) {
        let Flight { message, resolver, place, began, .. } = flight;
        drop(place);
        self.count(&message.topic, began.elapsed(), result.is_ok());
        resolver.resolve(&message.subject, result, self.hook().as_ref());
    }

    fn count(&self, topic: &Arc<str>, took: Duration, stored: bool) {
        let note = |counts: &Counts| {
            if stored { &counts.stored } else { &counts.failed }.increment(1);
            counts.seconds.record(took.as_secs_f64());
        };
        if let Some(counts) = self.counts.read().unwrap_or_else(PoisonError::into_inner).get(topic) {
            return note(counts);
        }
        let mut all = self.counts.write().unwrap_or_else(PoisonError::into_inner);
        note(all.entry(topic.clone()).or_insert_with(|| Counts::of(topic)));
    }
}

/// Reads acknowledgements, and looks for those that are overdue.
async fn read(shared: Arc<Shared>, mut answers: Subscriber) {
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_EVERY_MS));
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let connects = || shared.client.statistics().connects.load(Ordering::Relaxed);
    let mut known = connects();
    // Messages with smaller numbers were sent on a connection that is gone; given up at that moment.
    let mut lost: Option<(u64, Instant)> = None;
    let mut stream: Arc<str> = Arc::from("");
    loop {
        tokio::select! {
            biased;
            answer = answers.next() => match answer {
                Some(answer) => take(&shared, &answer, &mut stream),
                None => return,
            },
            _ = look.tick() => {
                if connects() != known {
                    known = connects();
                    lost = Some((shared.state().next(), Instant::now() + Duration::from_millis(AFTER_RECONNECT_MS)));
                }
                let given_up = lost.filter(|(_, at)| *at <= Instant::now()).map(|(number, _)| number);
                if given_up.is_some() {
                    lost = None;
                }
                overdue(&shared, given_up.unwrap_or(0));
                shared.in_flight.set((shared.settings.window - shared.window.available_permits()) as f64);
            }
        }
    }
}

/// Messages whose acknowledgement has not come in time, or will not come because their connection is gone.
fn overdue(shared: &Arc<Shared>, lost_before: u64) {
    let now = Instant::now();
    let mut state = shared.state();
    let first = state.first;
    let late: Vec<u64> = state
        .ring
        .iter()
        .enumerate()
        .filter_map(|(at, place)| {
            let (flight, overdue) = place.as_ref()?;
            let number = first + at as u64;
            // Without an id it cannot be sent again, so its acknowledgement is worth waiting for.
            let lost = number < lost_before && flight.message.id.is_some();
            (lost || *overdue <= now || flight.until <= now).then_some(number)
        })
        .collect();
    for number in late {
        if let Some(flight) = state.take(number) {
            shared.stall(&mut state, number, flight);
        }
    }
}

/// An acknowledgement as the server writes it.
#[derive(Deserialize)]
struct Ack<'a> {
    #[serde(borrow, default)]
    stream: std::borrow::Cow<'a, str>,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    error: Option<jetstream::Error>,
}

fn take(shared: &Arc<Shared>, answer: &async_nats::Message, stream: &mut Arc<str>) {
    let number = answer.subject.get(shared.inbox.len() + 1..).and_then(|number| number.parse().ok());
    let Some(number) = number else { return };
    let mut state = shared.state();
    // One that is looked into by now: its answer is found there.
    let Some(mut flight) = state.take(number) else { return };
    // 503: nobody was there to store it.
    flight.sent = answer.status != Some(async_nats::StatusCode::NO_RESPONDERS);
    let ack = if answer.status.is_some() { None } else { serde_json::from_slice::<Ack<'_>>(&answer.payload).ok() };
    let result = match ack {
        Some(Ack { stream: name, seq, duplicate, error: None }) if seq > 0 => {
            if stream.as_ref() != name {
                *stream = Arc::from(name.as_ref());
            }
            let position = Position::Stream { stream: stream.clone(), seq };
            Ok(Receipt { position, duplicate, time: None })
        }
        Some(Ack { error: Some(error), .. }) if resolve::is_final(&error) => {
            Err(resolve::refused(&flight.message.subject, &error))
        }
        // Nobody takes the subject now, or an answer that says nothing.
        _ => {
            shared.stall(&mut state, number, flight);
            return;
        }
    };
    drop(state);
    shared.end(flight, result);
    shared.settled.notify_waiters();
}
