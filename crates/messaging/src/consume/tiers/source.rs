//! One reader over a topic and its retry topics.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alluvium_kernel::BoxFuture;
use futures::{
    StreamExt as _,
    future::{join_all, select_all},
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use super::{Tiers, delay, not_before, until};
use crate::transport::{
    Incoming, Lag, Room, Settle, SettleError, SettleToken, Settler, Source, SourceError, SourceEvent,
};

/// Partitions of retry topics are told from those of the topic itself by the bits above these.
const PARTITION_BITS: u32 = 24;
/// How long to wait before a message is published once more that could not be, in milliseconds.
const AGAIN_MS: u64 = 5_000;
/// How far the clocks of those who write and who read a retry topic may be apart, in milliseconds, without a message counting as one
/// that has to wait longer than its topic's do.
const CLOCKS_APART_MS: u64 = 1_000;
/// Retry topics are read whatever room there is: what they give waits here, and its partition is paused.
const ALL: Room = Room { messages: usize::MAX, bytes: usize::MAX, idle: true };

/// A partition of source number `at` (0: the topic itself), as everybody else knows it.
fn outside(at: usize, partition: u32) -> u32 {
    ((at as u32) << PARTITION_BITS) | partition
}

/// Which source a partition belongs to, and what it is there.
fn inside(partition: u32) -> (usize, u32) {
    ((partition >> PARTITION_BITS) as usize, partition & ((1 << PARTITION_BITS) - 1))
}

/// A message whose time has not come.
struct Kept {
    due: Instant,
    /// It has to wait longer than its topic's messages do: then it is published once more.
    is_long: bool,
    message: Incoming,
}

/// Messages whose time has not come, by partition. A partition that has some is paused.
#[derive(Default)]
struct Waiting {
    partitions: BTreeMap<u32, VecDeque<Kept>>,
    paused: BTreeSet<u32>,
}

impl Waiting {
    /// The first message of a partition whose time has come, the oldest of all.
    fn due(&mut self) -> Option<Kept> {
        let fronts = self.partitions.iter().filter_map(|(each, queue)| Some((queue.front()?.due, *each)));
        let (_, partition) = fronts.min().filter(|(due, _)| *due <= Instant::now())?;
        let queue = self.partitions.get_mut(&partition)?;
        let kept = queue.pop_front()?;
        if queue.is_empty() {
            self.partitions.remove(&partition);
        }
        Some(kept)
    }

    fn is_idle(&self) -> bool {
        self.partitions.is_empty() && self.paused.is_empty()
    }

    fn next_due(&self) -> Option<Instant> {
        self.partitions.values().filter_map(|queue| Some(queue.front()?.due)).min()
    }
}

pub(super) struct TieredSource {
    tiers: Arc<Tiers>,
    /// The topic itself, then its retry topics.
    sources: Vec<Box<dyn Source>>,
    settler: Arc<TieredSettler>,
    waiting: Arc<Mutex<Waiting>>,
    room: Option<Room>,
}

fn locked(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TieredSource {
    pub(super) fn new(tiers: Arc<Tiers>, main: Box<dyn Source>, retries: Vec<Box<dyn Source>>) -> Self {
        let sources: Vec<Box<dyn Source>> = std::iter::once(main).chain(retries).collect();
        let settler = Arc::new(TieredSettler(sources.iter().map(|source| source.settler()).collect()));
        Self { tiers, sources, settler, waiting: Arc::default(), room: None }
    }

    fn allows(&self) -> bool {
        self.room.is_none_or(Room::any)
    }

    fn given(&mut self, message: Incoming) -> Incoming {
        if let Some(room) = &mut self.room {
            room.messages = room.messages.saturating_sub(1);
            room.bytes = room.bytes.saturating_sub(message.bytes());
            room.idle = false;
        }
        message
    }

    /// Keeps a message of a retry topic until its time has come.
    fn keep(&mut self, at: usize, mut message: Incoming) {
        let partition = outside(at, message.partition);
        let left = not_before(&message).map(until).unwrap_or_default();
        // Longer than its topic's own pause no message waits here: those behind it would, too.
        let wait = left.min(delay(at - 1) + Duration::from_millis(CLOCKS_APART_MS));
        let own = message.partition;
        message.partition = partition;
        message.token.partition = partition;
        message.topic = self.tiers.topic.clone();
        message.subject = self.tiers.topic.to_string();
        let mut waiting = locked(&self.waiting);
        waiting.partitions.entry(partition).or_default().push_back(Kept {
            due: Instant::now() + wait,
            is_long: left > wait,
            message,
        });
        if !wait.is_zero() && waiting.paused.insert(partition) {
            drop(waiting);
            self.sources[at].pause(&[own]);
        }
    }

    /// A message whose time has come.
    fn due(&mut self) -> Option<Incoming> {
        loop {
            let due = {
                let mut waiting = locked(&self.waiting);
                if waiting.is_idle() {
                    return None;
                }
                waiting.due()
            };
            self.resume_empty();
            let Kept { is_long, message, .. } = due?;
            if !is_long {
                return Some(message);
            }
            self.send_on(message);
        }
    }

    /// Reads on where nothing waits any more.
    fn resume_empty(&mut self) {
        let mut waiting = locked(&self.waiting);
        let Waiting { partitions, paused } = &mut *waiting;
        let empty: Vec<u32> = paused.iter().filter(|each| !partitions.contains_key(each)).copied().collect();
        paused.retain(|each| partitions.contains_key(each));
        drop(waiting);
        for (at, partition) in empty.into_iter().map(inside) {
            self.sources[at].resume(&[partition]);
        }
    }

    /// Publishes a message once more that has to wait longer; it is done here when the broker has it.
    fn send_on(&self, message: Incoming) {
        let (tiers, settler, waiting) = (self.tiers.clone(), self.settler.clone(), self.waiting.clone());
        // Whoever asks for the next message may stop asking at any time.
        tokio::spawn(async move {
            if let Err(error) = tiers.send_on(&message).await {
                tracing::warn!(message.position = %message.position, error = %error, "a retry cannot be put off; trying again");
                let due = Instant::now() + Duration::from_millis(AGAIN_MS);
                let mut waiting = locked(&waiting);
                let kept = Kept { due, is_long: true, message };
                waiting.partitions.entry(kept.message.partition).or_default().push_front(kept);
            } else if let Err(error) = settler.settle(&message.token, Settle::Done).await {
                tracing::warn!(message.position = %message.position, error = %error, "a retry that was put off may come twice");
            }
        });
    }
}

impl Source for TieredSource {
    fn room(&mut self, room: Room) {
        self.room = Some(room);
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Result<Incoming, SourceError>>> {
        Box::pin(async move {
            loop {
                if !self.allows() {
                    // Only a new room changes that, and it comes through `&mut self`.
                    std::future::pending::<()>().await;
                }
                if let Some(message) = self.due() {
                    return Some(Ok(self.given(message)));
                }
                let wakes = locked(&self.waiting).next_due();
                for (at, source) in self.sources.iter_mut().enumerate() {
                    source.room(if at == 0 { self.room.unwrap_or(ALL) } else { ALL });
                }
                let woken = async {
                    match wakes {
                        Some(wakes) => tokio::time::sleep_until(wakes).await,
                        None => std::future::pending().await,
                    }
                };
                let (came, at) = tokio::select! {
                    (came, at, _) = select_all(self.sources.iter_mut().map(|source| source.next())) => (came, at),
                    () = woken => continue,
                };
                match came {
                    None => return None,
                    Some(Err(error)) => return Some(Err(error)),
                    Some(Ok(message)) if at == 0 => return Some(Ok(self.given(message))),
                    Some(Ok(message)) => self.keep(at, message),
                }
            }
        })
    }

    fn ready(&mut self) -> Option<Result<Incoming, SourceError>> {
        if !self.allows() {
            return None;
        }
        // Whatever is due goes out before more comes in: what waits here stays bounded.
        if let Some(message) = self.due() {
            return Some(Ok(self.given(message)));
        }
        for at in 1..self.sources.len() {
            match self.sources[at].ready() {
                Some(Ok(message)) => self.keep(at, message),
                Some(Err(error)) => return Some(Err(error)),
                None => continue,
            }
            if let Some(message) = self.due() {
                return Some(Ok(self.given(message)));
            }
        }
        let room = self.room.unwrap_or(ALL);
        let main = self.sources.first_mut()?;
        main.room(room);
        let message = main.ready()?;
        Some(message.map(|message| self.given(message)))
    }

    fn settler(&self) -> Arc<dyn Settler> {
        self.settler.clone()
    }

    fn pause(&mut self, partitions: &[u32]) {
        for (at, partition) in partitions.iter().copied().map(inside) {
            self.sources[at].pause(&[partition]);
        }
    }

    fn resume(&mut self, partitions: &[u32]) {
        for (at, partition) in partitions.iter().copied().map(inside) {
            self.sources[at].resume(&[partition]);
        }
    }

    fn events(&mut self) -> BoxStream<'static, SourceEvent> {
        let waiting = &self.waiting;
        let all = self.sources.iter_mut().enumerate().map(|(at, source)| {
            let waiting = waiting.clone();
            source.events().map(move |event| from_outside(&waiting, at, event))
        });
        stream::select_all(all).boxed()
    }

    fn lag(&self) -> BoxFuture<'_, Result<Lag, SourceError>> {
        let lags: Vec<_> = self.sources.iter().map(|source| source.lag()).collect();
        Box::pin(async move {
            let mut all = Lag::default();
            for (at, lag) in join_all(lags).await.into_iter().enumerate() {
                all.partitions.extend(lag?.partitions.into_iter().map(|(each, behind)| (outside(at, each), behind)));
            }
            Ok(all)
        })
    }

    fn close(&mut self, by: Instant) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move {
            let closed = join_all(self.sources.iter_mut().map(|source| source.close(by))).await;
            closed.into_iter().collect()
        })
    }
}

/// An event of source number `at`; what waits of partitions that are given away waits no more.
fn from_outside(waiting: &Mutex<Waiting>, at: usize, event: SourceEvent) -> SourceEvent {
    let named = |partitions: Vec<u32>| partitions.into_iter().map(|each| outside(at, each)).collect::<Vec<u32>>();
    let forgotten = |partitions: Vec<u32>| {
        let partitions = named(partitions);
        locked(waiting).partitions.retain(|each, _| !partitions.contains(each));
        partitions
    };
    match event {
        SourceEvent::Assigned(partitions) => SourceEvent::Assigned(named(partitions)),
        SourceEvent::Lost(partitions) => SourceEvent::Lost(forgotten(partitions)),
        SourceEvent::Revoked { partitions, done } => SourceEvent::Revoked { partitions: forgotten(partitions), done },
        other => other,
    }
}

/// Tells the topic that a message came from.
struct TieredSettler(Vec<Arc<dyn Settler>>);

impl Settler for TieredSettler {
    fn settle<'a>(&'a self, token: &'a SettleToken, how: Settle) -> BoxFuture<'a, Result<(), SettleError>> {
        let (at, partition) = inside(token.partition);
        let token = SettleToken { partition, ..token.clone() };
        Box::pin(async move {
            let Some(settler) = self.0.get(at) else {
                return Err(SettleError(format!("there is no partition {}", token.partition)));
            };
            settler.settle(&token, how).await
        })
    }

    fn commit(&self) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move { join_all(self.0.iter().map(|settler| settler.commit())).await.into_iter().collect() })
    }
}
