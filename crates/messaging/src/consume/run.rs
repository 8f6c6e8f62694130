//! From what was said about a loop to one that runs, and its end.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    Classify, Context, DrainReport, Loop, LoopError, RetryMode,
    engine::{self, Shared},
    lanes::{Bounds, Lanes, Ordering},
    ledger::Ledger,
    metrics::Metrics,
    parked::Parked,
    read::Readable,
    strict,
    tiers::Tiers,
    work::Failed,
};
use crate::{
    transport::{DeadReason, Settler, SubscribeError, SubscribeSpec},
    wire::Payload,
};

impl<T: Readable> Loop<T> {
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

    /// Where failed messages wait, if that can be.
    fn retry_mode(&self) -> Result<RetryMode, LoopError> {
        let (options, capabilities) = (&self.options, self.bus.capabilities());
        // Brokers with one watermark do not deliver again by themselves, and have retry topics instead.
        let delivers = capabilities.redelivery || capabilities.watermark;
        let redelivers = delivers && options.group.is_some() && options.ordering != Ordering::Strict;
        let mode = options.retry.chosen_mode().unwrap_or(match options.ordering {
            Ordering::None if redelivers => RetryMode::Redeliver,
            _ => RetryMode::InLane,
        });
        if mode == RetryMode::Redeliver && !redelivers {
            let why = "RetryMode::Redeliver needs a group, and a loop that is not Ordering::Strict; use InLane";
            return Err(LoopError::Settings(why.into()));
        }
        Ok(mode)
    }

    async fn read<H, F>(self, handler: H) -> Result<DrainReport, LoopError>
    where
        H: Fn(Context, Payload<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failed>> + Send + 'static,
    {
        let retry_mode = self.retry_mode()?;
        let Self { bus, channel, mut options, handle, positions, ledger, .. } = self;
        let group: Arc<str> = options.group.as_deref().unwrap_or("").into();
        let strict = match options.ordering {
            Ordering::Strict => Some(strict::Place::open(&bus, &channel.topic, &group, positions).await?),
            _ => None,
        };
        if let Some(place) = &strict {
            options.from = place.from(options.from);
        }
        let parked = if options.dead_letter.is_sequenced() {
            Some(Parked::open(&bus, &channel.topic, &group, options.ordering).await?)
        } else {
            None
        };
        let spec = SubscribeSpec {
            topic: channel.topic.clone(),
            filters: channel.filters,
            stream: channel.stream,
            // A strict reader keeps its place itself: the broker knows of no group.
            group: options.group.clone().filter(|_| strict.is_none()),
            from: options.from.clone(),
            partition_token: channel.partition_token,
            settings: options.settings.consume.clone(),
        };
        let opened = async {
            if retry_mode == RetryMode::InLane || bus.capabilities().redelivery {
                return Ok((bus.transport().subscribe(spec).await?, None));
            }
            let tiers = Tiers::new(&bus, &channel.topic, &group);
            Ok::<_, SubscribeError>((tiers.subscribe(spec).await?, Some(tiers)))
        };
        let (source, tiers) = tokio::select! {
            opened = opened => opened?,
            () = handle.stop.cancelled() => return Ok(DrainReport::default()),
        };
        let settler: Arc<dyn Settler> = match strict {
            Some(place) => Arc::new(place),
            None => source.settler(),
        };
        // Where the broker counts deliveries nobody else has to, and without a group nobody begins where another ended.
        let counts = !bus.capabilities().redelivery && options.group.is_some();
        let ledger = ledger.filter(|_| counts).map(|store| Ledger::new(store, group.clone()));
        let bounds = Bounds { messages: options.in_flight_max(), bytes: options.settings.consume.max_in_flight_bytes };
        let lanes = Arc::new(Lanes::new(options.ordering, options.concurrency, bounds));
        handle.lanes.set(lanes.clone()).ok();
        let shared = Arc::new(Shared {
            metrics: Metrics::new(&channel.topic, &group, bus.system()),
            settler,
            parked,
            ledger,
            tiers,
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
