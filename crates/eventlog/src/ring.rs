//! The last commands an aggregate has carried out: what makes repeating one harmless, at whatever distance in time.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// Commands remembered by an aggregate.
pub const RING_COMMANDS_MAX: usize = 1_024;
/// What one remembered command takes in memory, roughly, in bytes.
pub(crate) const RING_ENTRY_BYTES: usize = 256;

/// One command that is on the log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RingEntry {
    /// Its id.
    pub command_id: String,
    /// Hex hash of its subject and body.
    pub body_hash: String,
    /// Sequence of the commit that carries its events.
    pub seq: u64,
}

/// The last [`RING_COMMANDS_MAX`] commands, in order. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ring(VecDeque<(u64, Arc<RingEntry>)>);

impl Ring {
    pub fn push(&mut self, entry: RingEntry) {
        let hash = hash_of(&entry.command_id);
        if self.0.back().is_some_and(|(_, last)| last.command_id == entry.command_id) {
            return;
        }
        if self.0.len() == RING_COMMANDS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((hash, Arc::new(entry)));
    }

    pub fn find(&self, command_id: &str) -> Option<&Arc<RingEntry>> {
        let hash = hash_of(command_id);
        // Newest first: what is repeated is mostly what was just sent.
        self.0.iter().rev().find(|(at, entry)| *at == hash && entry.command_id == command_id).map(|(_, entry)| entry)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &RingEntry> {
        self.0.iter().map(|(_, entry)| entry.as_ref())
    }
}

fn hash_of(command_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    command_id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_exactly_the_last() {
        let mut ring = Ring::default();
        let entry = |n: usize| RingEntry { command_id: format!("c{n}"), body_hash: String::new(), seq: n as u64 };
        for n in 0..=RING_COMMANDS_MAX {
            ring.push(entry(n));
            ring.push(entry(n));
        }
        assert_eq!(ring.len(), RING_COMMANDS_MAX);
        assert!(ring.find("c0").is_none());
        assert_eq!(ring.find("c1").map(|entry| entry.seq), Some(1));
        assert_eq!(ring.find(&format!("c{RING_COMMANDS_MAX}")).map(|e| e.seq), Some(RING_COMMANDS_MAX as u64));
    }
}
