//! What lies in the lanes, and what is ready to be worked on. All of it is under one lock.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::Instant;

use crate::consume::context::Delivery;

/// A message taken in and not settled.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) delivery: Arc<Delivery>,
    /// Times it was begun with before and never came to an end, as far as somebody counts that.
    pub(crate) crashes: u32,
    /// Times it failed here.
    pub(crate) failures: u32,
    /// The dead letter that it is to become, when that could not be stored yet.
    pub(crate) dead: Option<Box<crate::consume::work::Verdict>>,
    pub(super) lane: Option<usize>,
    pub(super) slot: usize,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) queue: VecDeque<Item>,
    /// A worker has its first message, or it waits for another try.
    busy: bool,
    /// Known to be ready already.
    queued: bool,
}

#[derive(Debug)]
pub(super) enum Ready {
    Lane(usize),
    Single(Box<Item>),
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) delivery: Arc<Delivery>,
    pub(super) since: Instant,
    pub(super) heard: Instant,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lanes: Vec<Lane>,
    pub(super) ready: VecDeque<Ready>,
    pub(super) held: Vec<Option<Held>>,
    pub(super) free: Vec<usize>,
    pub(super) messages: usize,
    pub(super) bytes: usize,
    pub(super) running: usize,
    pub(super) closed: bool,
}

impl State {
    /// Whether a worker can do something now that it could not before.
    pub(super) fn enqueue(&mut self, item: Item) -> bool {
        let Some(at) = item.lane else {
            self.ready.push_back(Ready::Single(Box::new(item)));
            return true;
        };
        let lane = &mut self.lanes[at];
        lane.queue.push_back(item);
        if lane.busy || lane.queued {
            return false;
        }
        lane.queued = true;
        self.ready.push_back(Ready::Lane(at));
        true
    }

    pub(super) fn hold(&mut self, held: Held) -> usize {
        if let Some(slot) = self.free.pop() {
            self.held[slot] = Some(held);
            return slot;
        }
        self.held.push(Some(held));
        self.held.len() - 1
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        loop {
            match self.ready.pop_front()? {
                Ready::Single(item) => {
                    self.running += 1;
                    return Some(*item);
                }
                Ready::Lane(at) => {
                    let lane = &mut self.lanes[at];
                    lane.queued = false;
                    if let Some(item) = lane.queue.pop_front() {
                        lane.busy = true;
                        self.running += 1;
                        return Some(item);
                    }
                }
            }
        }
    }

    pub(super) fn free_lane(&mut self, at: usize) {
        let lane = &mut self.lanes[at];
        lane.busy = false;
        if !lane.queue.is_empty() && !lane.queued {
            lane.queued = true;
            self.ready.push_back(Ready::Lane(at));
        }
    }

    pub(super) fn release(&mut self, item: &Item) {
        if self.held.get_mut(item.slot).and_then(Option::take).is_some() {
            self.free.push(item.slot);
            self.messages -= 1;
            self.bytes -= item.bytes;
        }
    }
}
