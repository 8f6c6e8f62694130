//! Copies of aggregates under change.

use std::{any::Any, sync::Arc};

use alluvium_kernel::Chain;
use alluvium_messaging::Entry;

use crate::{
    log::Log,
    ring::RingEntry,
    stored::{LogAggregate, Stored},
    unit::ENTRY_OVERHEAD_BYTES,
};

/// A working copy of whatever aggregate.
pub(crate) trait Working: Send {
    fn as_any(&mut self) -> &mut dyn Any;
    fn seq(&self) -> u64;
    fn chain(&self) -> &Chain;
    fn truncate(&mut self, staged: usize);
    /// Tells the log what stands at hand now that `entries` are on it.
    fn committed(&mut self, log: &Log, subject: &str, seq: u64, chain: Chain, entries: &[Entry]);
}

/// A copy of an aggregate with what is staged on it.
pub(crate) struct WorkingCopy<A: LogAggregate> {
    pub base: Arc<Stored<A>>,
    /// `None` while nothing differs from the base.
    state: Option<A>,
    pub staged: Vec<A::Event>,
}

impl<A: LogAggregate> WorkingCopy<A> {
    pub fn new(base: Arc<Stored<A>>) -> Self {
        Self { base, state: None, staged: Vec::new() }
    }

    pub fn state(&self) -> &A {
        self.state.as_ref().unwrap_or(&self.base.state)
    }

    pub fn state_mut(&mut self) -> &mut A {
        self.state.get_or_insert_with(|| self.base.state.clone())
    }

    pub fn rebuild(&mut self) {
        self.state = None;
        if self.staged.is_empty() {
            return;
        }
        let mut state = self.base.state.clone();
        self.staged.iter().cloned().for_each(|event| state.apply(event));
        self.state = Some(state);
    }
}

impl<A: LogAggregate> Working for WorkingCopy<A> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn seq(&self) -> u64 {
        self.base.seq
    }

    fn chain(&self) -> &Chain {
        &self.base.chain
    }

    fn truncate(&mut self, staged: usize) {
        if self.staged.len() > staged {
            self.staged.truncate(staged);
            self.rebuild();
        }
    }

    fn committed(&mut self, log: &Log, subject: &str, seq: u64, chain: Chain, entries: &[Entry]) {
        let mut ring = self.base.ring.clone();
        let mut bytes = self.base.bytes;
        for entry in entries {
            bytes += entry.event.len() + ENTRY_OVERHEAD_BYTES;
            let (command_id, body_hash) = (entry.command_id.clone(), entry.body_hash.clone());
            ring.push(RingEntry { command_id, body_hash, seq });
        }
        let events = self.base.events + entries.len();
        let state = self.state.take().unwrap_or_else(|| self.base.state.clone());
        log.advance(subject, self.base.events, Stored { state, seq, chain, events, ring, bytes });
    }
}
