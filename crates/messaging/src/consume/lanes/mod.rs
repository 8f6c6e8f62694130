//! Work queues that keep order: one message of a lane at a time, different lanes side by side, and a bound on everything taken.

mod queue;

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

pub(crate) use queue::Item;
use queue::{Held, Lane, Ready, State};

use super::context::Delivery;
use crate::transport::{Room, SettleToken};

/// Lanes for each message that may be handled at once.
const LANES_PER_WORKER: usize = 8;

/// What is kept in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// Messages of one key; messages without a key go to any free worker.
    #[default]
    Key,
    /// Messages of one partition.
    Partition,
    /// Nothing.
    None,
    /// Everything, one message after the other, also after a crash: the reader keeps its place itself
    /// ([`Loop::positions`](super::Loop::positions)) instead of having the broker deliver again what was not settled. One process
    /// reads at a time; messages are handled one by one, whatever the concurrency. A message that kills its process each time is
    /// not put aside, because nobody counts its deliveries.
    Strict,
}

/// What may be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Lanes {
    state: Mutex<State>,
    ordering: Ordering,
    bounds: Bounds,
    work: Notify,
    /// Told when there is room again.
    room: Notify,
    /// Told when the last running message came to an end.
    quiet: Notify,
}

impl Lanes {
    pub(crate) fn new(ordering: Ordering, workers: usize, bounds: Bounds) -> Self {
        let lanes = (0..workers.saturating_mul(LANES_PER_WORKER).max(1)).map(|_| Lane::default()).collect();
        let state = Mutex::new(State { lanes, ..State::default() });
        Self { state, ordering, bounds, work: Notify::new(), room: Notify::new(), quiet: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in messages.
    pub(crate) fn take(&self, batch: &mut Vec<Arc<Delivery>>) {
        let now = Instant::now();
        let mut state = self.state();
        let mut wake = 0;
        for delivery in batch.drain(..) {
            let bytes = delivery.incoming.bytes();
            let lane = self.lane(&delivery, state.lanes.len());
            let held = Held { delivery: delivery.clone(), since: now, heard: now };
            let slot = state.hold(held);
            state.messages += 1;
            state.bytes += bytes;
            let item = Item { delivery, crashes: 0, failures: 0, dead: None, lane, slot, bytes };
            wake += usize::from(state.enqueue(item));
        }
        drop(state);
        for _ in 0..wake {
            self.work.notify_one();
        }
    }

    fn lane(&self, delivery: &Delivery, lanes: usize) -> Option<usize> {
        match self.ordering {
            Ordering::None => None,
            Ordering::Strict => Some(0),
            Ordering::Partition => Some(delivery.incoming.partition as usize % lanes),
            Ordering::Key => {
                let mut hasher = DefaultHasher::new();
                delivery.incoming.key.as_ref()?.hash(&mut hasher);
                Some((hasher.finish() % lanes as u64) as usize)
            }
        }
    }

    /// The next message to work on; `None` when nothing more will come.
    pub(crate) async fn next(&self) -> Option<Item> {
        loop {
            let woken = self.work.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some(item) = state.pop() {
                    return Some(item);
                }
            }
            woken.await;
        }
    }

    /// A message came to an end; gives the next one, if there is one.
    pub(crate) fn done(&self, item: Item) -> Option<Item> {
        let mut state = self.state();
        state.release(&item);
        state.running -= 1;
        if let Some(lane) = item.lane {
            state.free_lane(lane);
        }
        let next = if state.closed { None } else { state.pop() };
        let roomy = state.messages <= self.bounds.messages - self.bounds.messages.div_ceil(4)
            && state.bytes <= self.bounds.bytes - self.bounds.bytes / 4;
        let quiet = state.running == 0;
        drop(state);
        if roomy {
            self.room.notify_one();
        }
        if quiet {
            self.quiet.notify_waiters();
        }
        next
    }

    /// A message waits for another try; its lane waits with it and others go on.
    pub(crate) fn wait(self: &Arc<Self>, item: Item, pause: Duration) {
        let mut state = self.state();
        state.running -= 1;
        let quiet = state.running == 0;
        let lane = item.lane;
        let single = match lane {
            Some(lane) => {
                state.lanes[lane].queue.push_front(item);
                None
            }
            None => Some(item),
        };
        drop(state);
        if quiet {
            self.quiet.notify_waiters();
        }
        // Weak: a loop that was dropped must not be kept by those that wait.
        let lanes = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let Some(lanes) = lanes.upgrade() else { return };
            let mut state = lanes.state();
            match single {
                Some(item) => state.ready.push_back(Ready::Single(Box::new(item))),
                None => lane.into_iter().for_each(|lane| state.free_lane(lane)),
            }
            drop(state);
            lanes.work.notify_one();
        });
    }

    /// A message that stays unsettled for good.
    pub(crate) fn abandon(&self, item: &Item) {
        let mut state = self.state();
        state.release(item);
        state.running -= 1;
        // Its lane stays closed: what comes behind it must not overtake it.
        let quiet = state.running == 0;
        drop(state);
        if quiet {
            self.quiet.notify_waiters();
        }
    }

    /// How much may be taken in now.
    pub(crate) fn free(&self) -> Room {
        let state = self.state();
        Room {
            messages: self.bounds.messages.saturating_sub(state.messages),
            bytes: self.bounds.bytes.saturating_sub(state.bytes),
            idle: state.messages == 0,
        }
    }

    /// Waits until there may be room.
    pub(crate) async fn freed(&self) {
        self.room.notified().await;
    }

    /// Messages and bytes taken, and how long ago the oldest was.
    pub(crate) fn vitals(&self) -> (usize, usize, Option<Duration>) {
        let state = self.state();
        let oldest = state.held.iter().flatten().map(|held| held.since).min();
        (state.messages, state.bytes, oldest.map(|since| since.elapsed()))
    }

    /// Tokens of messages for which the broker was told nothing for `silent`.
    pub(crate) fn quiet_since(&self, silent: Duration) -> Vec<SettleToken> {
        let now = Instant::now();
        let mut state = self.state();
        let quiet = state.held.iter_mut().flatten().filter(|held| now.duration_since(held.heard) >= silent);
        quiet
            .map(|held| {
                held.heard = now;
                held.delivery.incoming.token.clone()
            })
            .collect()
    }

    /// No worker gets more; gives what nobody works on.
    pub(crate) fn close(&self) -> Vec<Arc<Delivery>> {
        let mut state = self.state();
        state.closed = true;
        let mut rest: Vec<Item> = state.lanes.iter_mut().flat_map(|lane| lane.queue.drain(..)).collect();
        rest.extend(std::mem::take(&mut state.ready).into_iter().filter_map(|ready| match ready {
            Ready::Single(item) => Some(*item),
            Ready::Lane(_) => None,
        }));
        for item in &rest {
            state.release(item);
        }
        drop(state);
        self.work.notify_waiters();
        rest.into_iter().map(|item| item.delivery).collect()
    }

    /// Waits until no message is worked on.
    pub(crate) async fn quiet(&self) {
        loop {
            let quiet = self.quiet.notified();
            tokio::pin!(quiet);
            quiet.as_mut().enable();
            if self.state().running == 0 {
                return;
            }
            quiet.await;
        }
    }

    /// Messages worked on now.
    pub(crate) fn running(&self) -> usize {
        self.state().running
    }

    /// Takes out what nobody works on in these partitions.
    pub(crate) fn revoke(&self, partitions: &[u32]) -> usize {
        let mut state = self.state();
        let mut rest = Vec::new();
        for lane in &mut state.lanes {
            let all = std::mem::take(&mut lane.queue);
            for item in all {
                let gone = partitions.contains(&item.delivery.incoming.partition);
                if gone { rest.push(item) } else { lane.queue.push_back(item) }
            }
        }
        for ready in std::mem::take(&mut state.ready) {
            match ready {
                Ready::Single(item) if partitions.contains(&item.delivery.incoming.partition) => rest.push(*item),
                other => state.ready.push_back(other),
            }
        }
        for item in &rest {
            state.release(item);
        }
        rest.len()
    }

    /// Whether a message of these partitions is held.
    pub(crate) fn holds(&self, partitions: &[u32]) -> bool {
        self.state().held.iter().flatten().any(|held| partitions.contains(&held.delivery.incoming.partition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(ordering: Ordering) -> Arc<Lanes> {
        Arc::new(Lanes::new(ordering, 4, Bounds { messages: 100, bytes: 10_000 }))
    }

    fn take(lanes: &Lanes, keys: &[&str]) {
        let mut batch = keys.iter().enumerate().map(|(at, key)| Delivery::for_test(key, at as u64 + 1)).collect();
        lanes.take(&mut batch);
    }

    fn pop(lanes: &Lanes) -> Option<Item> {
        lanes.state().pop()
    }

    fn seq(item: &Item) -> u64 {
        item.delivery.incoming.position.number()
    }

    #[test]
    fn one_message_of_a_key_at_a_time_and_in_order() {
        let lanes = lanes(Ordering::Key);
        take(&lanes, &["a", "a", "a"]);
        let first = pop(&lanes).unwrap();
        assert_eq!((seq(&first), pop(&lanes).is_none()), (1, true), "the second waits for the first");
        let second = lanes.done(first).unwrap();
        assert_eq!(seq(&second), 2);
        take(&lanes, &["a"]);
        assert!(pop(&lanes).is_none());
        let third = lanes.done(second).unwrap();
        assert_eq!(seq(&third), 3);
        assert_eq!(lanes.vitals().0, 2);
    }

    #[test]
    fn without_order_all_run_at_once() {
        let lanes = lanes(Ordering::None);
        take(&lanes, &["a", "a", ""]);
        assert!(pop(&lanes).is_some() && pop(&lanes).is_some() && pop(&lanes).is_some());
        assert_eq!(lanes.running(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_waits_with_its_failed_message_and_the_others_go_on() {
        let lanes = lanes(Ordering::Key);
        take(&lanes, &["a", "a", "b"]);
        let mut item = pop(&lanes).unwrap();
        item.failures = 1;
        lanes.wait(item, Duration::from_secs(5));
        let other = lanes.next().await.unwrap();
        assert_eq!(other.delivery.incoming.key.as_deref(), Some(&b"b"[..]));
        assert!(lanes.done(other).is_none());
        let began = Instant::now();
        let again = lanes.next().await.unwrap();
        assert_eq!((seq(&again), again.failures, began.elapsed().as_secs()), (1, 1, 5));
        assert_eq!(seq(&lanes.done(again).unwrap()), 2);
    }

    #[test]
    fn closing_gives_back_what_nobody_works_on() {
        let lanes = lanes(Ordering::Key);
        take(&lanes, &["a", "a", "b", ""]);
        let running = pop(&lanes).unwrap();
        assert_eq!(lanes.close().len(), 3);
        assert_eq!((lanes.running(), lanes.vitals().0), (1, 1));
        assert!(lanes.done(running).is_none());
        assert!(lanes.free().idle);
    }

    #[test]
    fn bytes_and_messages_are_bounded() {
        let lanes = Lanes::new(Ordering::None, 1, Bounds { messages: 2, bytes: 10_000 });
        assert!(lanes.free().any());
        take(&lanes, &["a", "b"]);
        assert!(!lanes.free().any());
        let item = pop(&lanes).unwrap();
        drop(lanes.done(item));
        assert_eq!(lanes.free().messages, 1);
    }
}
