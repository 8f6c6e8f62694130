//! Given these messages, when another one comes, then this is what happened: handlers run as they do in production, on a broker in
//! memory.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alluvium_kernel::{BoxFuture, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{MemoryBroker, timeline::Timeline};
use crate::{
    Bus, Loop, Message, Payload,
    bus::ProduceOpts,
    consume::{Classify, Context, Handle, State, TIERS, retry_group, retry_topic},
    dead_letter::{self, Filter, Letter},
    transport::{Browse, Stored, jetstream::stream_name},
};

/// How long everything together may take until nothing is left to do, in seconds of tokio's clock.
const QUIET_SECONDS_MAX: u64 = 3_600;
/// How often it is looked whether anything is left to do, in milliseconds.
const LOOK_EVERY_MS: u64 = 20;
/// Messages of one topic that are looked at.
const MESSAGES_MAX: usize = 100_000;

/// A broker in memory, and the loops that are tried out on it.
///
/// Under `#[tokio::test(start_paused = true)]` retries and deadlines cost no time.
pub struct Harness {
    broker: MemoryBroker,
    bus: Bus,
    groups: Vec<Group>,
    timeline: Arc<Timeline>,
    stop: CancellationToken,
    broken: Arc<Mutex<Option<String>>>,
}

/// A loop that is watched.
struct Group {
    name: String,
    place: String,
    handle: Handle,
}

impl std::fmt::Debug for Harness {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Harness").field("broker", &self.broker).finish_non_exhaustive()
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Harness {
    /// On a broker that behaves like JetStream.
    pub async fn new() -> Self {
        Self::on(MemoryBroker::jetstream()).await
    }

    /// On this broker.
    pub async fn on(broker: MemoryBroker) -> Self {
        let building =
            Bus::builder().transport(Arc::new(broker.clone())).name("harness").wire(crate::Wire::SingleObject);
        let bus = building.build().await.expect("a broker in memory is there");
        let (timeline, stop, broken) = (Arc::default(), CancellationToken::new(), Arc::default());
        Self { broker, bus, groups: Vec::new(), timeline, stop, broken }
    }

    /// The broker, for its faults and its clock.
    pub fn broker(&self) -> &MemoryBroker {
        &self.broker
    }

    /// The bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Makes the topic of a type that handlers send and no loop here handles.
    pub async fn knows<M: Message>(&self) {
        self.bus.ensure::<M>().await.expect("a broker in memory makes every topic");
    }

    /// Begins a loop, told to be as in production.
    ///
    /// # Panics
    /// If it has no group, or cannot begin.
    pub async fn handles<M, H, F, E>(&mut self, told: impl FnOnce(Loop<M>) -> Loop<M>, handler: H)
    where
        M: Message,
        H: Fn(Context, M) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Classify + 'static,
    {
        self.knows::<M>().await;
        let reading = told(Loop::<M>::new(&self.bus));
        let name = reading.group_name().expect("a loop under test has a group").to_owned();
        let place = if self.bus.capabilities().watermark {
            M::TOPIC.to_owned()
        } else {
            M::meta().stream.map_or_else(|| stream_name(M::TOPIC), ToOwned::to_owned)
        };
        let handle = reading.handle();
        let (timeline, group) = (self.timeline.clone(), name.clone());
        let noting = move |context: Context, message: M| {
            let (timeline, group) = (timeline.clone(), group.clone());
            let handling = handler(context.clone(), message);
            async move {
                let result = handling.await;
                let failed = result.as_ref().err().map(|error| error.chain().join(" <- "));
                timeline.tried::<M>(&context, &group, failed);
                result
            }
        };
        let (running, broken) = (reading.run(noting, self.stop.clone()), self.broken.clone());
        tokio::spawn(async move {
            if let Err(error) = running.await {
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        });
        let group = Group { name, place, handle };
        while group.handle.report().state == State::Starting {
            self.look();
            tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        }
        self.groups.push(group);
    }

    /// Panics when a loop has ended that should not.
    fn look(&self) {
        if let Some(why) = self.broken.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            panic!("a loop ended: {why}\n{}", self.timeline);
        }
    }

    /// Waits until nothing is left to do.
    ///
    /// # Panics
    /// If something always is.
    pub async fn quiet(&self) {
        let until = Instant::now() + Duration::from_secs(QUIET_SECONDS_MAX);
        let mut before = None;
        loop {
            self.look();
            let stored = self.stored().await.len();
            let idle = self.open().await.iter().all(|(_, open)| *open == 0)
                && self.groups.iter().all(|group| group.handle.report().in_flight == 0);
            // Twice the same: what one loop had sent before it was done may have been another's work.
            if idle && before == Some(stored) {
                return;
            }
            before = idle.then_some(stored);
            assert!(Instant::now() < until, "something is always left to do\n{}", self.timeline);
            tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        }
    }

    async fn left(&self, topic: String, group: String) -> u64 {
        self.bus.admin().lag(topic, group).await.map_or(0, |lag| lag.total())
    }

    /// Messages that each group has not settled.
    async fn open(&self) -> Vec<(String, u64)> {
        let mut open = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let mut left = self.left(group.place.clone(), group.name.clone()).await;
            for tier in 1..=TIERS {
                let topic = retry_topic(&group.place, &group.name, tier);
                left += self.left(topic, retry_group(&group.name, tier)).await;
            }
            open.push((group.name.clone(), left));
        }
        open
    }

    /// Dead letters; on Kafka those of each group.
    async fn letters(&self) -> Vec<Letter> {
        if !self.bus.capabilities().watermark {
            return dead_letter::list(&self.bus, &Filter::default()).await.unwrap_or_default();
        }
        let mut letters = Vec::new();
        for group in &self.groups {
            let (topic, group) = (Some(group.place.clone()), Some(group.name.clone()));
            let of = Filter { topic, group, ..Filter::default() };
            letters.extend(dead_letter::list(&self.bus, &of).await.unwrap_or_default());
        }
        letters
    }

    /// Everything that is stored and neither a dead letter nor a retry.
    async fn stored(&self) -> Vec<Stored> {
        let mut all = Vec::new();
        for topic in self.bus.admin().list().await.unwrap_or_default() {
            let is_of = |group: &Group| {
                topic.name == dead_letter::kafka_topic(&group.place, &group.name)
                    || (1..=TIERS).any(|tier| topic.name == retry_topic(&group.place, &group.name, tier))
            };
            if topic.name == dead_letter::STREAM || self.groups.iter().any(is_of) {
                continue;
            }
            let what = Browse {
                name: topic.name,
                filter: ">".to_owned(),
                from: 0,
                messages_max: MESSAGES_MAX,
                partition: None,
            };
            all.extend(self.bus.admin().browse(what).await.unwrap_or_default());
        }
        all
    }
}

type Step<'h> = Box<dyn FnOnce() -> BoxFuture<'h, ()> + Send + 'h>;

/// What is there before anything is tried.
#[must_use = "nothing is published before `publish` or `nothing_more` is awaited"]
pub struct Given<'h> {
    harness: &'h Harness,
    steps: Vec<Step<'h>>,
}

/// Begins to say what is there.
pub fn given(harness: &Harness) -> Given<'_> {
    Given { harness, steps: Vec::new() }
}

impl<'h> Given<'h> {
    /// These messages were published, and handled.
    pub fn published<M: Message>(mut self, messages: impl IntoIterator<Item = M>) -> Self {
        let harness = self.harness;
        for message in messages {
            self.steps.push(Box::new(move || Box::pin(publish(harness, message))));
        }
        self
    }

    /// The broker's clock shows this (RFC 3339).
    ///
    /// # Panics
    /// If it is no time.
    pub fn clock(mut self, time: &str) -> Self {
        let time = Timestamp::parse(time).unwrap_or_else(|| panic!("`{time}` is no time of RFC 3339"));
        let harness = self.harness;
        self.steps.push(Box::new(move || {
            Box::pin(async move {
                harness.quiet().await;
                harness.broker.set_clock(time);
            })
        }));
        self
    }

    /// When this message comes, and everything that follows from it has happened.
    pub async fn publish<M: Message>(self, message: M) -> When<'h> {
        self.published([message]).nothing_more().await
    }

    /// When nothing more comes.
    pub async fn nothing_more(self) -> When<'h> {
        for step in self.steps {
            step().await;
        }
        self.harness.quiet().await;
        When(self.harness, look(self.harness).await)
    }
}

async fn publish<M: Message>(harness: &Harness, message: M) {
    let key = message.key().ok().flatten();
    let published = harness.bus.produce_with(&message, ProduceOpts::new()).await;
    let what = match &published {
        Ok(receipt) => format!("published {} at {}", M::NAME, receipt.position),
        Err(error) => format!("not published: {error}"),
    };
    harness.timeline.note(key.as_deref(), what);
    assert!(published.is_ok(), "a message cannot be published\n{}", harness.timeline);
}

/// What happened.
struct Seen {
    stored: Vec<Stored>,
    letters: Vec<Letter>,
    open: Vec<(String, u64)>,
}

async fn look(harness: &Harness) -> Seen {
    let letters = harness.letters().await;
    for letter in &letters {
        let what = format!("dead letter of {} ({}): {}", letter.group, letter.reason, letter.error);
        harness.timeline.note_once(letter.key.as_deref().map(str::as_bytes), what);
    }
    Seen { stored: harness.stored().await, letters, open: harness.open().await }
}

/// Everything has happened.
pub struct When<'h>(&'h Harness, Seen);

impl<'h> When<'h> {
    /// Begins to say what should have.
    #[must_use]
    pub fn then(self) -> Then<'h> {
        Then { harness: self.0, seen: self.1 }
    }
}

/// How far a group should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Nothing is left.
    All,
    /// So many messages are left.
    AllBut(u64),
}

/// What should have happened. Each of these panics with everything that did happen, by key, when it did not.
pub struct Then<'h> {
    harness: &'h Harness,
    seen: Seen,
}

impl Then<'_> {
    #[track_caller]
    fn check(self, holds: bool, what: impl FnOnce(&mut String)) -> Self {
        if !holds {
            let mut text = String::new();
            what(&mut text);
            panic!("{text}\n{}", self.harness.timeline);
        }
        self
    }

    /// So many messages of a type were handled well, each counted once for each group.
    #[track_caller]
    #[must_use]
    pub fn handled<M: Message>(self, count: usize) -> Self {
        let all: BTreeSet<_> = self.harness.timeline.handled().into_iter().collect();
        let found = all.iter().filter(|each| each.name == M::NAME).count();
        self.check(found == count, |text| {
            let _ = write!(text, "{found} messages of {} were handled, not {count}", M::NAME);
        })
    }

    /// A message of a type was published that is as it should be.
    #[track_caller]
    #[must_use]
    pub fn published<M: Message>(self, is_right: impl Fn(&M) -> bool) -> Self {
        let found = self.of_type::<M>();
        let holds = found.iter().any(is_right);
        self.check(holds, |text| {
            let _ = write!(text, "none of the {} messages of {} that were published is it", found.len(), M::NAME);
        })
    }

    /// So many messages of a type were published, those that were given included.
    #[track_caller]
    #[must_use]
    pub fn published_in_all<M: Message>(self, count: usize) -> Self {
        let found = self.of_type::<M>().len();
        self.check(found == count, |text| {
            let _ = write!(text, "{found} messages of {} were published, not {count}", M::NAME);
        })
    }

    fn of_type<M: Message>(&self) -> Vec<M> {
        let bus = &self.harness.bus;
        let decoder = bus.codecs().decoder::<M>(bus.codecs().wire_of::<M>());
        let of_type =
            self.seen.stored.iter().filter(|each| each.headers.get_str(crate::headers::TYPE) == Some(M::NAME));
        let decoded = of_type.filter_map(|each| decoder.decode_now(each.payload.as_deref(), &each.headers)?.ok());
        decoded.filter_map(Payload::value).collect()
    }

    /// So many messages of a type were put aside.
    #[track_caller]
    #[must_use]
    pub fn dead_lettered<M: Message>(self, count: usize) -> Self {
        let found = self.seen.letters.iter().filter(|letter| letter.topic == M::TOPIC).count();
        self.check(found == count, |text| {
            let _ = write!(text, "{found} messages of {} were put aside, not {count}", M::NAME);
        })
    }

    /// A group is so far.
    #[track_caller]
    #[must_use]
    pub fn committed(self, group: &str, so_far: Committed) -> Self {
        let wanted = match so_far {
            Committed::All => 0,
            Committed::AllBut(left) => left,
        };
        let found: Vec<u64> = self.seen.open.iter().filter(|(name, _)| name == group).map(|(_, open)| *open).collect();
        let holds = !found.is_empty() && found.iter().sum::<u64>() == wanted;
        self.check(holds, |text| {
            let _ = write!(text, "of group `{group}` {found:?} messages are not settled, not {wanted}");
        })
    }

    /// Nothing is taken and not settled.
    #[track_caller]
    pub fn no_unsettled(self) {
        let held: usize = self.harness.groups.iter().map(|group| group.handle.report().in_flight).sum();
        let open: u64 = self.seen.open.iter().map(|(_, open)| open).sum();
        self.check(held == 0 && open == 0, |text| {
            let _ = write!(text, "{held} messages are held and {open} are not settled");
        });
    }
}
