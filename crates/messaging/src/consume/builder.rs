//! What can be said about a loop before it runs.

use std::{marker::PhantomData, sync::Arc, time::Duration};

use alluvium_kernel::BoxFuture;

use super::{
    BoxError, Channel, Failure, Handle, Opaque, Readable, Retry,
    engine::ErrorHook,
    lanes::Ordering,
    ledger::AttemptLedger,
    options::{Delivery, Options},
    strict::Positions,
};
use crate::{
    bus::Bus, dead_letter::DeadLetter, model::Message, profile::Profile, transport::StartFrom, wire::ReadWire,
};

pub(super) type Hook = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), BoxError>> + Send>;

/// A loop that handles messages.
///
/// It begins with [`Self::run`] and ends when its token is cancelled, when its handle is told to stop, or when a handler says
/// that nothing will work.
pub struct Loop<T: Readable> {
    pub(super) bus: Bus,
    pub(super) channel: Channel,
    pub(super) options: Options,
    pub(super) positions: Option<Arc<dyn Positions>>,
    pub(super) ledger: Option<Arc<dyn AttemptLedger>>,
    pub(super) on_error: Option<ErrorHook>,
    pub(super) on_startup: Option<Hook>,
    pub(super) on_shutdown: Option<Hook>,
    pub(super) handle: Handle,
    _reads: PhantomData<fn() -> T>,
}

impl Loop<Opaque> {
    /// A loop over the bytes of a channel, without any codec.
    pub fn raw(bus: &Bus, channel: Channel) -> Self {
        Self::over(bus, channel, None)
    }
}

impl<M: Message> Loop<M> {
    /// A loop over messages of a type, in the group that the type names.
    pub fn new(bus: &Bus) -> Self {
        let over = Self::over(bus, Channel::of::<M>(), M::meta().group.map(ToOwned::to_owned));
        // Without a key there is nothing to keep in order.
        if M::meta().key.is_some() { over } else { over.ordering(Ordering::None) }
    }
}

impl<T: Readable> Loop<T> {
    pub(crate) fn over(bus: &Bus, channel: Channel, group: Option<String>) -> Self {
        Self {
            options: Options::new(bus.settings().clone(), group),
            bus: bus.clone(),
            channel,
            positions: None,
            ledger: None,
            on_error: None,
            on_startup: None,
            on_shutdown: None,
            handle: Handle::new(),
            _reads: PhantomData,
        }
    }

    /// The group that shares the messages.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.options.group = Some(group.into());
        self
    }

    /// The group that it reads as.
    #[cfg(feature = "testing")]
    pub(crate) fn group_name(&self) -> Option<&str> {
        self.options.group.as_deref()
    }

    /// The settings of reading.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.options.settings = profile.settings();
        self
    }

    /// Handlers at once.
    #[must_use]
    pub fn concurrency(mut self, handlers: usize) -> Self {
        self.options.concurrency = handlers.max(1);
        self
    }

    /// What is kept in order.
    #[must_use]
    pub fn ordering(mut self, ordering: Ordering) -> Self {
        self.options.ordering = ordering;
        self
    }

    /// Where a loop with [`Ordering::Strict`] keeps its place.
    #[must_use]
    pub fn positions(mut self, positions: impl Positions + 'static) -> Self {
        self.positions = Some(Arc::new(positions));
        self
    }

    /// Counts messages that kill their process, on Kafka, whose brokers do not: one that was begun with more often than it may be tried,
    /// and never came to an end, is put aside. Without it such a message comes again without end. Brokers that count deliveries
    /// themselves need none.
    #[must_use]
    pub fn attempt_ledger(mut self, ledger: impl AttemptLedger + 'static) -> Self {
        self.ledger = Some(Arc::new(ledger));
        self
    }

    /// When failed messages are tried again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = retry;
        self
    }

    /// What becomes of messages that cannot be handled.
    #[must_use]
    pub fn dead_letter(mut self, dead_letter: DeadLetter) -> Self {
        self.options.dead_letter = dead_letter;
        self
    }

    /// Where a group that is new begins.
    #[must_use]
    pub fn from(mut self, from: StartFrom) -> Self {
        self.options.from = from;
        self
    }

    /// Whether a crash repeats messages or loses them.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.options.delivery = delivery;
        self
    }

    /// How long a handler may take, instead of what the profile says.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// How long running handlers may take once the loop ends.
    #[must_use]
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.options.drain = deadline;
        self
    }

    /// How long handlers of a partition may take once it is given to somebody else.
    #[must_use]
    pub fn revoke_grace(mut self, grace: Duration) -> Self {
        self.options.revoke_grace = grace;
        self
    }

    /// The formats that are read, instead of the type's own.
    #[must_use]
    pub fn wire(mut self, wire: impl Into<ReadWire>) -> Self {
        self.options.read_wire = Some(wire.into());
        self
    }

    /// Ends the loop on SIGTERM and SIGINT.
    #[must_use]
    pub fn install_signals(mut self, install: bool) -> Self {
        self.options.signals = install;
        self
    }

    /// Runs before the first message; the loop does not begin when it fails.
    #[must_use]
    pub fn on_startup<F>(mut self, hook: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.on_startup = Some(Box::new(|| Box::pin(hook())));
        self
    }

    /// Runs after the last message, also when the loop never began.
    #[must_use]
    pub fn on_shutdown<F>(mut self, hook: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.on_shutdown = Some(Box::new(|| Box::pin(hook())));
        self
    }

    /// Told of every failure, before anything becomes of the message.
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(hook));
        self
    }

    /// Stops the loop and tells how it is doing.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}
