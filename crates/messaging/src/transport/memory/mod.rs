//! A broker in memory, for tests: the same promises and the same quirks, faults on demand, and tokio's clock, so that with a paused
//! clock time passes as fast as nobody has anything to do.

mod admin;
mod log;
mod source;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alluvium_kernel::BoxFuture;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use super::{
    Admin, Capabilities, DeliveryErrorHook, FlushError, Outgoing, Pending, PublishError, Receipt, Source,
    SubscribeError, SubscribeSpec, Transport,
};
use log::{Dice, Faults, State};

/// Messages in flight at once.
const WINDOW: usize = 1_024;
/// Largest message, in bytes, as NATS has it.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// How long a publish is tried while the broker is away, in milliseconds.
const WITHIN_MS: u64 = 10_000;

/// Whose quirks a broker in memory has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Like {
    JetStream,
    Kafka { partitions: u32 },
}

/// A broker in memory. A cheap clone; every clone is the same broker.
#[derive(Clone)]
pub struct MemoryBroker(Arc<Inner>);

pub(crate) struct Inner {
    like: Like,
    state: Mutex<State>,
    changed: Notify,
    window: Arc<Semaphore>,
    hook: Mutex<Option<DeliveryErrorHook>>,
    admin: std::sync::OnceLock<admin::MemoryAdmin>,
}

impl std::fmt::Debug for MemoryBroker {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("MemoryBroker").field("like", &self.0.like).finish_non_exhaustive()
    }
}

impl MemoryBroker {
    /// One that behaves like JetStream.
    pub fn jetstream() -> Self {
        Self::like(Like::JetStream)
    }

    /// One that behaves like Kafka; topics get so many partitions.
    pub fn kafka(partitions: u32) -> Self {
        Self::like(Like::Kafka { partitions: partitions.max(1) })
    }

    fn like(like: Like) -> Self {
        let broker = Self(Arc::new(Inner {
            like,
            state: Mutex::default(),
            changed: Notify::new(),
            window: Arc::new(Semaphore::new(WINDOW)),
            hook: Mutex::default(),
            admin: std::sync::OnceLock::new(),
        }));
        let admin = admin::MemoryAdmin(Arc::downgrade(&broker.0));
        broker.0.admin.set(admin).ok();
        broker
    }

    /// Lets chance decide what it gives out next wherever a broker is free to: new or again, this partition or that. The same seed
    /// decides the same way, so with one thread and a paused clock a run can be had again.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        self.0.state().dice = Some(Dice::of(seed));
        self
    }

    /// What the broker's clock shows now; from here on it goes with tokio's.
    pub fn set_clock(&self, now: alluvium_kernel::Timestamp) {
        self.0.state().clock = Some((now, Instant::now()));
    }

    /// Lets time pass, on a paused clock.
    #[cfg(feature = "testing")]
    pub async fn advance(&self, time: Duration) {
        tokio::time::advance(time).await;
        self.0.changed.notify_waiters();
    }

    /// The next `count` acknowledgements of publishes are lost; the messages are stored.
    pub fn drop_ack(&self, count: usize) {
        self.0.state().faults.drop_acks = count;
    }

    /// The next `count` messages are delivered twice.
    pub fn duplicate(&self, count: usize) {
        self.0.state().faults.duplicates = count;
    }

    /// Deliveries are late by this.
    pub fn delay(&self, by: Duration) {
        self.0.state().faults.delay = by;
    }

    /// Nothing goes in or out for this long.
    pub fn disconnect(&self, time: Duration) {
        self.0.state().faults.away_until = Some(Instant::now() + time);
    }

    /// The next `count` publishes to subjects that match are refused.
    pub fn fail_publish(&self, filter: &str, count: usize) {
        self.0.state().faults.refuse = Some((filter.to_owned(), count));
    }

    /// Everybody who reads now dies without a word: what they took comes again when a broker would notice, what they settle from now on
    /// counts for nothing, and their loops end with [`SourceError::Gone`](crate::transport::SourceError::Gone). Who comes after is
    /// served.
    pub fn crash(&self) {
        self.0.state().crash();
        self.0.changed.notify_waiters();
    }

    /// Gives every partition to another member of its group.
    pub fn rebalance(&self) {
        self.0.state().rebalance_all();
        self.0.changed.notify_waiters();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn capabilities(&self) -> Capabilities {
        let jetstream = self.like == Like::JetStream;
        Capabilities {
            system: "memory",
            atomic_batch: true,
            expect_sequence: jetstream,
            ttl: false,
            delay: false,
            redelivery: jetstream,
            working: jetstream,
            watermark: !jetstream,
            null_payload: !jetstream,
            binary_headers: !jetstream,
        }
    }

    fn check(&self, message: &Outgoing) -> Result<(), PublishError> {
        message.headers.check()?;
        let subject = message.subject.clone();
        if message.bytes() > MESSAGE_BYTES_MAX {
            return Err(PublishError::TooLarge { subject, bytes: message.bytes(), max: MESSAGE_BYTES_MAX });
        }
        if message.subject.split('.').any(str::is_empty) || message.subject.contains(['*', '>', ' ', '\r', '\n']) {
            return Err(PublishError::Subject { subject, detail: "it is not a concrete subject".into() });
        }
        if message.ttl.is_some() || message.delay.is_some() {
            return Err(PublishError::Unsupported { what: "ttl or delay", transport: "memory" });
        }
        if message.expect_last_subject_seq.is_some() && !self.capabilities().expect_sequence {
            return Err(PublishError::Unsupported { what: "an expected sequence", transport: "memory" });
        }
        Ok(())
    }

    /// Stores, as soon as the broker is there.
    async fn store(&self, messages: &[Outgoing]) -> Result<Vec<Receipt>, PublishError> {
        let Some(first) = messages.first() else { return Ok(Vec::new()) };
        let until = Instant::now() + first.within.unwrap_or(Duration::from_millis(WITHIN_MS));
        loop {
            let away = self.state().faults.away_until.filter(|away| *away > Instant::now());
            let Some(away) = away else { break };
            tokio::time::sleep_until(away.min(until)).await;
            if Instant::now() >= until {
                let detail = "the broker is away".to_owned();
                return Err(PublishError::Timeout { unknown: true, subject: first.subject.clone(), detail });
            }
        }
        let result = self.state().store(self.like, messages, Instant::now());
        self.changed.notify_waiters();
        result
    }

    fn send(self: &Arc<Self>, message: Outgoing, place: tokio::sync::OwnedSemaphorePermit) -> Pending {
        let (resolver, pending) = Pending::new();
        let inner = self.clone();
        // Stored now when the broker is there, so that the order of calls is the order of the log.
        let now = inner.state().faults.away_until.is_none_or(|away| away <= Instant::now());
        if now && inner.state().waiting == 0 {
            let result = inner.state().store(inner.like, std::slice::from_ref(&message), Instant::now());
            inner.changed.notify_waiters();
            drop(place);
            let result = result.map(|mut all| all.remove(0));
            resolver.resolve(&message.subject, result, inner.hook());
            return pending;
        }
        inner.state().waiting += 1;
        tokio::spawn(async move {
            let result = inner.store(std::slice::from_ref(&message)).await.map(|mut all| all.remove(0));
            inner.state().waiting -= 1;
            drop(place);
            resolver.resolve(&message.subject, result, inner.hook());
        });
        pending
    }

    fn hook(&self) -> Option<DeliveryErrorHook> {
        self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for MemoryBroker {
    fn publish(&self, message: Outgoing) -> BoxFuture<'_, Result<Pending, PublishError>> {
        Box::pin(async move {
            self.0.check(&message)?;
            let place = self.0.window.clone().acquire_owned().await.map_err(|_| PublishError::Closed)?;
            Ok(self.0.send(message, place))
        })
    }

    fn try_publish(&self, message: Outgoing) -> Result<Pending, PublishError> {
        self.0.check(&message)?;
        let full = |_| PublishError::Full { window: WINDOW };
        let place = self.0.window.clone().try_acquire_owned().map_err(full)?;
        Ok(self.0.send(message, place))
    }

    fn publish_atomic(&self, messages: Vec<Outgoing>) -> BoxFuture<'_, Result<Vec<Receipt>, PublishError>> {
        Box::pin(async move {
            messages.iter().try_for_each(|message| self.0.check(message))?;
            self.0.store(&messages).await
        })
    }

    fn subscribe(&self, spec: SubscribeSpec) -> BoxFuture<'_, Result<Box<dyn Source>, SubscribeError>> {
        Box::pin(async move {
            let source = source::MemorySource::open(self.0.clone(), spec)?;
            Ok(Box::new(source) as Box<dyn Source>)
        })
    }

    fn flush(&self, within: Duration) -> BoxFuture<'_, Result<(), FlushError>> {
        Box::pin(async move {
            let all = self.0.window.acquire_many(WINDOW as u32);
            if tokio::time::timeout(within, all).await.is_ok() {
                return Ok(());
            }
            let pending = WINDOW - self.0.window.available_permits();
            Err(FlushError { pending, subjects: Vec::new(), within })
        })
    }

    fn ping(&self, within: Duration) -> BoxFuture<'_, Result<(), SubscribeError>> {
        Box::pin(async move {
            let away = self.0.state().faults.away_until.filter(|away| *away > Instant::now() + within);
            match away {
                None => Ok(()),
                Some(_) => Err(SubscribeError::Unreachable { trying: "asking".into(), detail: "it is away".into() }),
            }
        })
    }

    fn admin(&self) -> &dyn Admin {
        self.0.admin.get_or_init(|| admin::MemoryAdmin(Arc::downgrade(&self.0)))
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        // Others may go on: every clone is the same broker.
        Box::pin(async {})
    }

    fn on_delivery_error(&self, hook: DeliveryErrorHook) {
        *self.0.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self { drop_acks: 0, duplicates: 0, delay: Duration::ZERO, away_until: None, refuse: None }
    }
}
