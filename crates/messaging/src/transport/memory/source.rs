//! Reading from the broker in memory.

use std::{sync::Arc, time::Duration};

use alluvium_kernel::BoxFuture;
use futures::{StreamExt, stream::BoxStream};
use tokio::time::Instant;

use super::{
    Inner, Like,
    log::{Group, State, Taken, subject_matches, time_of},
};
use crate::transport::{
    Incoming, Lag, Room, Settle, SettleError, SettleToken, Settler, Source, SourceError, SourceEvent, StartFrom,
    Stored, SubscribeError, SubscribeSpec, window::Window,
};

/// How often a reader looks that waits for time to pass, in milliseconds.
const LOOK_EVERY_MS: u64 = 50;

pub(crate) struct MemorySource {
    inner: Arc<Inner>,
    spec: SubscribeSpec,
    topic: String,
    group: String,
    member: u64,
    life: u64,
    room: Option<Room>,
    paused: Vec<u32>,
    closed: bool,
}

impl MemorySource {
    pub(crate) fn open(inner: Arc<Inner>, spec: SubscribeSpec) -> Result<Self, SubscribeError> {
        let mut state = inner.state();
        let filter = spec.filters.first().map_or(spec.topic.as_ref(), String::as_str);
        let topic = match inner.like {
            Like::JetStream => {
                let found = state.topics.iter().find(|(name, topic)| {
                    spec.stream.as_deref().is_some_and(|stream| stream == name.as_str())
                        || (spec.stream.is_none()
                            && topic.subjects.iter().any(|has| has == filter || subject_matches(has, filter)))
                });
                found.map(|(name, _)| name.clone()).ok_or_else(|| SubscribeError::NoSource(filter.to_owned()))?
            }
            Like::Kafka { .. } => {
                let topic = spec.topic.to_string();
                let spec = crate::transport::TopicSpec { topic: topic.clone(), ..Default::default() };
                state.create(inner.like, spec);
                topic
            }
        };
        state.next_member += 1;
        let member = state.next_member;
        // A reader without a group is a group of its own that nobody else knows.
        let group = spec.group.clone().unwrap_or_else(|| format!("\0{member}"));
        let lengths: Vec<usize> = state.topics[&topic].partitions.iter().map(Vec::len).collect();
        let start = |at: usize| match &spec.from {
            StartFrom::Earliest => 0,
            StartFrom::Stored if spec.settings.from_earliest => 0,
            StartFrom::Seq(seq) => seq.saturating_sub(1) as usize,
            StartFrom::Offsets(offsets) => offsets.get(&(at as i32)).map_or(0, |offset| (*offset).max(0) as usize),
            StartFrom::Stored | StartFrom::Latest => lengths[at],
            StartFrom::Time(time) => {
                let messages = &state.topics[&topic].partitions[at];
                let later = |each: &Option<Stored>| each.as_ref().is_some_and(|each| time_of(each) >= *time);
                messages.iter().position(later).unwrap_or(messages.len())
            }
        };
        let starts: Vec<usize> = (0..lengths.len()).map(start).collect();
        let known = state.groups.entry((topic.clone(), group.clone())).or_insert_with(|| Group {
            cursor: starts[0],
            owners: vec![None; starts.len()],
            marks: starts.iter().map(|_| Window::default()).collect(),
            positions: starts.clone(),
            starts,
            ..Group::default()
        });
        known.members.push(member);
        known.assign(0);
        let life = state.life;
        drop(state);
        inner.changed.notify_waiters();
        Ok(Self { inner, spec, topic, group, member, life, room: None, paused: Vec::new(), closed: false })
    }

    fn key(&self) -> (String, String) {
        (self.topic.clone(), self.group.clone())
    }

    fn wants(&self, stored: &Stored) -> bool {
        if self.inner.like != Like::JetStream {
            return true;
        }
        match self.spec.filters.as_slice() {
            [] => subject_matches(&self.spec.topic, &stored.subject),
            filters => filters.iter().any(|filter| subject_matches(filter, &stored.subject)),
        }
    }

    /// The next message, if one can be given out now.
    fn take(&mut self) -> Option<Incoming> {
        let inner = self.inner.clone();
        let mut state = inner.state();
        let now = Instant::now();
        if self.closed || self.life != state.life || state.faults.away_until.is_some_and(|away| away > now) {
            return None;
        }
        match inner.like {
            Like::JetStream => self.take_stream(&mut state, now),
            Like::Kafka { .. } => self.take_partition(&mut state),
        }
    }

    fn take_stream(&self, state: &mut State, now: Instant) -> Option<Incoming> {
        if self.paused.contains(&0) {
            return None;
        }
        let State { topics, groups, faults, dice, .. } = state;
        let messages = &topics.get(&self.topic)?.partitions[0];
        let group = groups.get_mut(&self.key())?;
        let full = group.taken.len() as i64 >= self.spec.settings.max_ack_pending;
        let due: Vec<usize> =
            group.taken.iter().filter(|(_, taken)| taken.again_at <= now).map(|(at, _)| *at).collect();
        // What is to come again comes first, and in order, unless chance decides.
        let again = match dice {
            Some(dice) if !full => due.get(dice.below(due.len() + 1)).copied(),
            _ => due.first().copied(),
        };
        if full && again.is_none() {
            return None;
        }
        let at = if let Some(at) = again {
            at
        } else {
            while group.cursor < messages.len()
                && !messages[group.cursor].as_ref().is_some_and(|stored| self.wants(stored))
            {
                group.cursor += 1;
            }
            if group.cursor < messages.len() {
                group.cursor += 1;
                group.cursor - 1
            } else {
                *due.first()?
            }
        };
        let Some(stored) = messages[at].as_ref() else {
            // Removed meanwhile.
            group.taken.remove(&at);
            return None;
        };
        let delivered = group.delivered.entry(at).or_default();
        *delivered += 1;
        group.generation += 1;
        let mut again_at = now + self.spec.settings.ack_wait;
        if faults.duplicates > 0 {
            faults.duplicates -= 1;
            again_at = now;
        }
        group.taken.insert(at, Taken { again_at });
        let token = SettleToken { partition: 0, number: at as u64, generation: group.generation, reply: None };
        Some(self.incoming(stored, 0, *delivered, token))
    }

    fn take_partition(&self, state: &mut State) -> Option<Incoming> {
        let State { topics, groups, dice, .. } = state;
        let partitions = &topics.get(&self.topic)?.partitions;
        let group = groups.get_mut(&self.key())?;
        let first = dice.as_mut().map_or(0, |dice| dice.below(partitions.len()));
        for at in (first..partitions.len()).chain(0..first) {
            let messages = &partitions[at];
            if group.owners[at] != Some(self.member) || self.paused.contains(&(at as u32)) {
                continue;
            }
            while group.positions[at] < messages.len() {
                let offset = group.positions[at];
                group.positions[at] += 1;
                let Some(stored) = messages[offset].as_ref() else { continue };
                group.marks[at].take(offset as i64);
                let token = SettleToken {
                    partition: at as u32,
                    number: offset as u64,
                    generation: group.generation,
                    reply: None,
                };
                return Some(self.incoming(stored, at as u32, 1, token));
            }
        }
        None
    }

    fn incoming(&self, stored: &Stored, partition: u32, attempt: u32, token: SettleToken) -> Incoming {
        Incoming {
            topic: self.spec.topic.clone(),
            subject: stored.subject.clone(),
            partition,
            position: stored.position.clone(),
            key: stored.key.clone(),
            payload: stored.payload.clone(),
            headers: stored.headers.clone(),
            time: stored.time,
            attempt,
            token,
        }
    }

    fn leave(&self) {
        let mut state = self.inner.state();
        if let Some(group) = state.groups.get_mut(&self.key()) {
            group.members.retain(|member| *member != self.member);
            group.assign(0);
        }
        drop(state);
        self.inner.changed.notify_waiters();
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        if !self.closed {
            self.leave();
        }
    }
}

impl Source for MemorySource {
    fn room(&mut self, room: Room) {
        self.room = Some(room);
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Result<Incoming, SourceError>>> {
        Box::pin(async move {
            loop {
                if self.closed {
                    return None;
                }
                let inner = self.inner.clone();
                if inner.state().life != self.life {
                    return Some(Err(SourceError::Gone(format!("the reader of {}", self.topic))));
                }
                let changed = inner.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let late = inner.state().faults.delay;
                if self.room.is_none_or(Room::any)
                    && let Some(incoming) = self.take()
                {
                    if !late.is_zero() {
                        tokio::time::sleep(late).await;
                    }
                    return Some(Ok(incoming));
                }
                tokio::time::timeout(Duration::from_millis(LOOK_EVERY_MS), changed).await.ok();
            }
        })
    }

    fn ready(&mut self) -> Option<Result<Incoming, SourceError>> {
        let late = self.inner.state().faults.delay;
        if !late.is_zero() {
            return None;
        }
        self.take().map(Ok)
    }

    fn settler(&self) -> Arc<dyn Settler> {
        let ack_wait = self.spec.settings.ack_wait;
        let (key, member, life) = (self.key(), self.member, self.life);
        Arc::new(MemorySettler { inner: self.inner.clone(), key, member, life, ack_wait })
    }

    fn pause(&mut self, partitions: &[u32]) {
        self.paused.extend(partitions);
    }

    fn resume(&mut self, partitions: &[u32]) {
        self.paused.retain(|each| !partitions.contains(each));
        self.inner.changed.notify_waiters();
    }

    fn events(&mut self) -> BoxStream<'static, SourceEvent> {
        let state = (self.inner.clone(), self.key(), self.member, Vec::<u32>::new());
        futures::stream::unfold(state, |(inner, key, member, mut mine)| async move {
            let event = next_event(&inner, &key, member, &mut mine).await;
            Some((event, (inner, key, member, mine)))
        })
        .boxed()
    }

    fn lag(&self) -> BoxFuture<'_, Result<Lag, SourceError>> {
        Box::pin(async move { Ok(lag(&self.inner, &self.topic, &self.group).unwrap_or_default()) })
    }

    fn close(&mut self, _by: Instant) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async move {
            if !self.closed {
                self.closed = true;
                self.leave();
            }
            Ok(())
        })
    }
}

/// Waits until partitions come or go.
async fn next_event(inner: &Inner, key: &(String, String), member: u64, mine: &mut Vec<u32>) -> SourceEvent {
    loop {
        let changed = inner.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        let now = owned(inner, key, member);
        let lost: Vec<u32> = mine.iter().copied().filter(|each| !now.contains(each)).collect();
        let won: Vec<u32> = now.iter().copied().filter(|each| !mine.contains(each)).collect();
        mine.clone_from(&now);
        if !lost.is_empty() {
            return SourceEvent::Lost(lost);
        }
        if !won.is_empty() {
            return SourceEvent::Assigned(won);
        }
        changed.await;
    }
}

fn owned(inner: &Inner, key: &(String, String), member: u64) -> Vec<u32> {
    if inner.like == Like::JetStream {
        return vec![0];
    }
    let state = inner.state();
    let Some(group) = state.groups.get(key) else { return Vec::new() };
    (0_u32..).zip(&group.owners).filter(|(_, owner)| **owner == Some(member)).map(|(at, _)| at).collect()
}

/// Messages not settled by a group, by partition.
pub(super) fn lag(inner: &Inner, topic: &str, group: &str) -> Option<Lag> {
    let state = inner.state();
    let messages = state.topics.get(topic)?;
    let group = state.groups.get(&(topic.to_owned(), group.to_owned()))?;
    let partitions = (0_u32..).zip(&messages.partitions).map(|(at, messages)| {
        let behind = match inner.like {
            Like::JetStream => messages.len().saturating_sub(group.cursor) + group.taken.len(),
            Like::Kafka { .. } => messages.len().saturating_sub(group.place(at as usize)),
        };
        (at, behind as u64)
    });
    Some(Lag { partitions: partitions.collect() })
}

struct MemorySettler {
    inner: Arc<Inner>,
    key: (String, String),
    member: u64,
    life: u64,
    ack_wait: Duration,
}

impl Settler for MemorySettler {
    fn settle<'a>(&'a self, token: &'a SettleToken, how: Settle) -> BoxFuture<'a, Result<(), SettleError>> {
        Box::pin(async move {
            let now = Instant::now();
            let mut state = self.inner.state();
            if state.faults.away_until.is_some_and(|away| away > now) {
                return Err(SettleError("the broker is away".into()));
            }
            if state.life != self.life {
                return Err(SettleError("who settles this is dead".into()));
            }
            let Some(group) = state.groups.get_mut(&self.key) else { return Ok(()) };
            let at = token.number as usize;
            match self.inner.like {
                Like::JetStream => match how {
                    Settle::Done | Settle::Dead(_) => drop(group.taken.remove(&at)),
                    Settle::Retry(after) => later(group, at, now + after),
                    Settle::Working => later(group, at, now + self.ack_wait),
                },
                Like::Kafka { .. } => {
                    let partition = token.partition as usize;
                    let mine = group.owners.get(partition) == Some(&Some(self.member));
                    if mine && matches!(how, Settle::Done | Settle::Dead(_)) {
                        group.marks[partition].done(token.number as i64);
                    }
                }
            }
            drop(state);
            self.inner.changed.notify_waiters();
            Ok(())
        })
    }

    fn commit(&self) -> BoxFuture<'_, Result<(), SettleError>> {
        Box::pin(async { Ok(()) })
    }
}

fn later(group: &mut Group, at: usize, again_at: Instant) {
    if let Some(taken) = group.taken.get_mut(&at) {
        taken.again_at = again_at;
    }
}
