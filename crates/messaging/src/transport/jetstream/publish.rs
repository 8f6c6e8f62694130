//! Publishing with many acknowledgements outstanding: one inbox for all of them, and one ring of messages in flight.
//!
//! What is not acknowledged in time, or is refused in a way that says nothing about an earlier attempt, goes to
//! [`super::resolve`]; until it is resolved, later messages of its subject wait behind it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use async_nats::{Client, jetstream};
use futures::FutureExt;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    acks,
    flights::{Flight, Stall, State},
    resolve, wire,
};
use crate::{
    profile::PublishSettings,
    transport::{DeliveryErrorHook, FlushError, Outgoing, Pending, PublishError, Receipt},
};

/// How often overdue messages are looked for, in milliseconds.
pub(super) const LOOK_EVERY_MS: u64 = 50;
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

/// What publisher, reader and resolvers share.
pub(super) struct Shared {
    pub(super) js: jetstream::Context,
    pub(super) settings: PublishSettings,
    pub(super) client: Client,
    pub(super) inbox: String,
    state: Mutex<State>,
    pub(super) window: Arc<Semaphore>,
    pub(super) settled: Notify,
    hook: Mutex<Option<DeliveryErrorHook>>,
    counts: RwLock<HashMap<Arc<str>, Counts>>,
    pub(super) in_flight: metrics::Gauge,
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
        let reader = tokio::spawn(acks::read(shared.clone(), answers));
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

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn hook(&self) -> Option<DeliveryErrorHook> {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn begin(&self, message: Outgoing, place: OwnedSemaphorePermit) -> Result<Begun, PublishError> {
        let (resolver, pending) = Pending::new();
        let now = Instant::now();
        let until = now + message.within.unwrap_or(Duration::from_millis(WITHIN_MS));
        // Written before the lock is taken: the reader of acknowledgements waits for it.
        let subject = message.subject.clone();
        let bytes = (wire::headers(&message), message.payload.clone().unwrap_or_default());
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
    pub(super) fn stall(self: &Arc<Self>, state: &mut State, number: u64, flight: Flight) {
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

    pub(super) fn end(&self, flight: Flight, result: Result<Receipt, PublishError>) {
        let Flight { message, resolver, place, began, .. } = flight;
        drop(place);
        self.count(&message.topic, began.elapsed(), result.is_ok());
        let hook = if result.is_err() { self.hook() } else { None };
        resolver.resolve(&message.subject, result, hook);
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
