//! A broker to try things on, and a loop that notes what it is given.

use std::{
    any::Any,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{PATIENCE, Subject, TOPIC};
use crate::{
    Bus, HandlerError, Loop,
    bus::BusBuilder,
    consume::{Channel, Context, Opaque, Retry},
    profile::Profile,
    testing::MemoryRegistry,
    transport::{Browse, Outgoing, TopicSpec},
    wire::Wire,
};

pub(super) struct World {
    pub(super) bus: Bus,
    _guard: Box<dyn Any + Send>,
}

impl World {
    pub(super) async fn new(subject: Subject) -> Self {
        let world = Self::without_dead_letters(subject).await;
        world.dead_letters().await;
        world
    }

    pub(super) async fn without_dead_letters(subject: Subject) -> Self {
        Self::of(subject.guard, Bus::builder().transport(subject.transport).wire(Wire::SingleObject)).await
    }

    /// With ids of a registry on the wire.
    pub(super) async fn with_registry(subject: Subject, registry: &MemoryRegistry) -> Self {
        let registry = Arc::new(registry.clone());
        let building = Bus::builder().transport(subject.transport).registry(registry).wire(Wire::Confluent);
        let world = Self::of(subject.guard, building).await;
        world.dead_letters().await;
        world
    }

    async fn of(guard: Box<dyn Any + Send>, building: BusBuilder) -> Self {
        let bus = building.name("conformance").build().await.expect("the broker answers");
        make(&bus, TOPIC, &["orders", "orders.>"]).await;
        Self { bus, _guard: guard }
    }

    /// What holds the messages: a stream, or a topic.
    pub(super) fn place(&self) -> String {
        if self.bus.capabilities().watermark { TOPIC.to_owned() } else { "ORDERS".to_owned() }
    }

    pub(super) async fn dead_letters(&self) {
        if !self.bus.capabilities().watermark {
            make(&self.bus, "DLQ", &["dlq.>"]).await;
        }
    }

    pub(super) async fn letters(&self) -> Vec<crate::transport::Stored> {
        let name = if self.bus.capabilities().watermark { "orders.group.dlq" } else { "DLQ" };
        let what = Browse { name: name.into(), filter: ">".into(), from: 0, messages_max: 1_000, partition: None };
        self.bus.admin().browse(what).await.unwrap_or_default()
    }

    pub(super) async fn unsettled(&self) -> u64 {
        self.bus.admin().lag(self.place(), "group".into()).await.map_or(u64::MAX, |lag| lag.total())
    }

    pub(super) async fn publish(&self, messages: impl IntoIterator<Item = Outgoing>) {
        for message in messages {
            self.bus.deliver(message).await.expect("it is stored");
        }
    }

    pub(super) fn reading(&self) -> Loop<Opaque> {
        let quick = Retry::exponential(Duration::from_millis(10), 2.0, Duration::from_millis(50)).attempts(3);
        let profile = Profile::custom(&Profile::Reliable).jetstream(|it| it.ack_wait = Duration::from_secs(1));
        Loop::raw(&self.bus, Channel::new(TOPIC)).group("group").profile(profile).retry(quick)
    }
}

pub(super) async fn make(bus: &Bus, topic: &str, subjects: &[&str]) {
    let subjects = subjects.iter().map(|&subject| subject.to_owned()).collect();
    let spec = TopicSpec { topic: topic.into(), subjects, ..TopicSpec::default() };
    bus.admin().create(spec).await.expect("the topic is made");
}

pub(super) fn message(key: &str, n: usize) -> Outgoing {
    Outgoing::new(TOPIC, format!("{key}:{n}")).with_key(key.to_owned()).with_id(format!("{key}-{n}"))
}

pub(super) fn text(message: &Opaque) -> String {
    String::from_utf8_lossy(&message.0).into_owned()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A running loop that notes what it handles.
pub(super) struct Running {
    pub(super) seen: Arc<Mutex<Vec<(String, u32)>>>,
    stop: CancellationToken,
    pub(super) handle: crate::consume::Handle,
    pub(super) task: tokio::task::JoinHandle<Result<crate::consume::DrainReport, crate::consume::LoopError>>,
}

impl Running {
    /// Handles as `handle` says, which is told the text and the attempt.
    pub(super) fn start<F>(reading: Loop<Opaque>, handle: impl Fn(String, u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let (seen, stop) = (Arc::<Mutex<Vec<_>>>::default(), CancellationToken::new());
        let (into, control) = (seen.clone(), reading.handle());
        let handler = move |context: Context, message: Opaque| {
            let (text, attempt) = (text(&message), context.attempt());
            let (into, result) = (into.clone(), handle(text.clone(), attempt));
            async move {
                let result = result.await;
                lock(&into).push((text, attempt));
                result
            }
        };
        let task = tokio::spawn(reading.run(handler, stop.clone()));
        Self { seen, stop, handle: control, task }
    }

    pub(super) fn texts(&self) -> Vec<String> {
        lock(&self.seen).iter().map(|(text, _)| text.clone()).collect()
    }

    pub(super) async fn end(self) -> crate::consume::DrainReport {
        self.stop.cancel();
        self.task.await.expect("the loop does not panic").expect("the loop ends well")
    }
}
