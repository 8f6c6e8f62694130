//! Handling messages in a loop: in order where it matters, side by side where it does not, again when it failed, and put aside when
//! it never will.
//!
//! Intake is bounded by messages and bytes. Each message goes into a lane (by its key, its partition, or none); one message of a
//! lane is handled at a time. A message is settled only after its handler and everything the handler sent came to a good end.

mod batch;
mod context;
mod engine;
mod health;
mod lanes;
mod metrics;
mod options;
mod outcome;
mod read;
mod retry;
mod router;
mod work;

use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering as Atomic},
    },
    time::Duration,
};

use alluvium_kernel::BoxFuture;
use tokio_util::sync::CancellationToken;

pub use batch::BatchLoop;
pub use context::{Context, Delivery as DeliveredMessage};
pub use engine::{DrainReport, LoopError};
pub use health::{Report, State};
pub use lanes::Ordering;
pub use options::Delivery;
pub use outcome::{BoxError, Class, Classify, Failure, HandlerError, error_chain};
pub use read::{Opaque, Readable, Unreadable};
pub use retry::{Retry, RetryMode};
pub use router::{Router, RouterHandle};
pub(crate) use work::Verdict;

use engine::{ErrorHook, Shared};
use health::Health;
use lanes::{Bounds, Lanes};
use metrics::Metrics;
use options::Options;
use work::Failed;

use crate::{
    bus::Bus,
    dead_letter::DeadLetter,
    model::Message,
    profile::Profile,
    transport::{DeadReason, StartFrom, SubscribeSpec},
    wire::{Payload, ReadWire},
};

type Hook = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), BoxError>> + Send>;

/// What a loop reads.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The logical name.
    pub topic: Arc<str>,
    /// Subjects on JetStream, wildcards allowed; the topic when empty.
    pub filters: Vec<String>,
    /// The stream on JetStream.
    pub stream: Option<Arc<str>>,
    /// Which token of the subject (from 0) is the partition, on JetStream.
    pub partition_token: Option<usize>,
}

impl Channel {
    /// A topic by its name.
    pub fn new(topic: impl Into<Arc<str>>) -> Self {
        Self { topic: topic.into(), filters: Vec::new(), stream: None, partition_token: None }
    }
}

impl Channel {
    /// The channel of a type.
    pub fn of<M: Message>() -> Self {
        let meta = M::meta();
        let stream = meta.stream.map(Into::into);
        Self { topic: meta.topic.into(), filters: vec![meta.filter.to_owned()], stream, partition_token: None }
    }
}

/// A loop that handles messages.
///
/// It begins with [`Self::run`] and ends when its token is cancelled, when its handle is told to stop, or when a handler says
/// that nothing will work.
pub struct Loop<T: Readable> {
    bus: Bus,
    channel: Channel,
    options: Options,
    on_error: Option<ErrorHook>,
    on_startup: Option<Hook>,
    on_shutdown: Option<Hook>,
    handle: Handle,
    _reads: PhantomData<fn() -> T>,
}

/// Stops a loop and tells how it is doing. A cheap clone.
#[derive(Clone, Debug)]
pub struct Handle {
    stop: CancellationToken,
    health: Health,
    finished: Arc<AtomicU64>,
    lanes: Arc<std::sync::OnceLock<Arc<Lanes>>>,
}

impl Handle {
    /// Ends the loop as its token does.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// How it is doing.
    pub fn report(&self) -> Report {
        let (in_flight, in_flight_bytes, oldest) = self.lanes.get().map_or((0, 0, None), |lanes| lanes.vitals());
        Report {
            state: self.health.state(),
            heard_before: self.health.heard_before(),
            in_flight,
            in_flight_bytes,
            oldest,
            finished: self.finished.load(Atomic::Relaxed),
        }
    }
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
        let handle = Handle {
            stop: CancellationToken::new(),
            health: Health::new(),
            finished: Arc::default(),
            lanes: Arc::default(),
        };
        Self {
            options: Options::new(bus.settings().clone(), group),
            bus: bus.clone(),
            channel,
            on_error: None,
            on_startup: None,
            on_shutdown: None,
            handle,
            _reads: PhantomData,
        }
    }

    /// The group that shares the messages.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.options.group = Some(group.into());
        self
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

    /// Handles values until `shutdown` is cancelled. A tombstone is a dead letter; see [`Self::run_payloads`].
    pub async fn run<H, F, E>(self, handler: H, shutdown: CancellationToken) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, T) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Classify,
    {
        let handler = Arc::new(handler);
        let values = move |context: Context, payload: Payload<T>| {
            let handler = handler.clone();
            async move {
                match payload {
                    Payload::Value(value) => handler(context, value).await.map_err(|error| failed(&error)),
                    Payload::Tombstone => {
                        let why = "a tombstone, which this loop does not take (run_payloads does)";
                        Err(Failed::poison(why, DeadReason::Decode))
                    }
                }
            }
        };
        self.run_with(values, shutdown).await
    }

    /// Handles values and tombstones until `shutdown` is cancelled.
    pub async fn run_payloads<H, F, E>(self, handler: H, shutdown: CancellationToken) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Classify,
    {
        let handler = Arc::new(handler);
        let payloads = move |context: Context, payload: Payload<T>| {
            let handler = handler.clone();
            async move { handler(context, payload).await.map_err(|error| failed(&error)) }
        };
        self.run_with(payloads, shutdown).await
    }

    async fn run_with<H, F>(mut self, handler: H, shutdown: CancellationToken) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failed>> + Send + 'static,
    {
        let on_shutdown = self.on_shutdown.take();
        let result = self.run_between(handler, shutdown).await;
        let Some(hook) = on_shutdown else { return result };
        let ended = hook().await.map_err(|error| LoopError::Shutdown(error.to_string()));
        // What went wrong first is what matters.
        result.and_then(|report| ended.map(|()| report))
    }

    async fn run_between<H, F>(mut self, handler: H, shutdown: CancellationToken) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failed>> + Send + 'static,
    {
        if let Some(hook) = self.on_startup.take() {
            hook().await.map_err(|error| LoopError::Startup(error.to_string()))?;
        }
        let stop = self.handle.stop.clone();
        let watch = stop.clone();
        let signals = self.options.signals;
        // Ends with the loop: the token is cancelled then at the latest.
        let watching = tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => watch.cancel(),
                () = signal(), if signals => watch.cancel(),
                () = watch.cancelled() => {}
            }
        });
        let result = self.read(handler).await;
        stop.cancel();
        watching.await.ok();
        result
    }

    async fn read<H, F>(self, handler: H) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failed>> + Send + 'static,
    {
        let Self { bus, channel, options, handle, .. } = self;
        let capabilities = bus.capabilities();
        let retry_mode = options.retry.chosen_mode().unwrap_or(match options.ordering {
            Ordering::None if capabilities.redelivery => RetryMode::Redeliver,
            _ => RetryMode::InLane,
        });
        if retry_mode == RetryMode::Redeliver && (!capabilities.redelivery || options.group.is_none()) {
            let why = "RetryMode::Redeliver needs a group and a broker that delivers again by itself; use InLane";
            return Err(LoopError::Settings(why.into()));
        }
        let spec = SubscribeSpec {
            topic: channel.topic.clone(),
            filters: channel.filters,
            stream: channel.stream,
            group: options.group.clone(),
            from: options.from.clone(),
            partition_token: channel.partition_token,
            settings: options.settings.consume.clone(),
        };
        let source = tokio::select! {
            source = bus.transport().subscribe(spec) => source?,
            () = handle.stop.cancelled() => return Ok(DrainReport::default()),
        };
        let bounds = Bounds { messages: options.in_flight_max(), bytes: options.settings.consume.max_in_flight_bytes };
        let lanes = Arc::new(Lanes::new(options.ordering, options.concurrency, bounds));
        handle.lanes.set(lanes.clone()).ok();
        let group: Arc<str> = options.group.as_deref().unwrap_or("").into();
        let shared = Arc::new(Shared {
            metrics: Metrics::new(&channel.topic, &group, bus.system()),
            settler: source.settler(),
            on_error: self.on_error,
            stop: handle.stop.clone(),
            health: handle.health.clone(),
            finished: handle.finished.clone(),
            failed: std::sync::Mutex::default(),
            bus,
            group,
            options,
            retry_mode,
            lanes,
        });
        engine::run::<T, H, F>(shared, source, handler).await
    }
}

fn failed<E: Classify>(error: &E) -> Failed {
    Failed { class: error.class(), chain: error.chain(), reason: DeadReason::Handler }
}

/// Resolves when the process is asked to end.
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    if let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        return;
    }
    tracing::error!("signals cannot be listened to; the loop ends by its token only");
    std::future::pending::<()>().await;
}
