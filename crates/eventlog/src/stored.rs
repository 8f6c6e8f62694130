//! An aggregate as the log has it.

use alluvium_kernel::{Chain, Problem};
use alluvium_messaging::{Commit, Contract, ContractSet, LogMessage};
use cqrs_es::Aggregate;

use crate::ring::{RING_ENTRY_BYTES, Ring, RingEntry};

/// A cqrs-es aggregate whose events are contracts: what can be kept on the log.
pub trait LogAggregate: Aggregate<Event: ContractSet, Command: Send, Error: Send> + Clone + 'static {}

impl<A> LogAggregate for A
where
    A: Aggregate + Clone + 'static,
    A::Event: ContractSet,
    A::Command: Send,
    A::Error: Send,
{
}

/// An aggregate's state with its place on the log.
#[derive(Clone, Debug)]
pub struct Stored<A> {
    /// The fold of its events.
    pub state: A,
    /// Sequence of its last commit; 0 when it has none.
    pub seq: u64,
    /// Chain value of its last commit.
    pub chain: Chain,
    /// How many events it has.
    pub events: usize,
    pub(crate) ring: Ring,
    pub(crate) bytes: usize,
}

impl<A: LogAggregate> Default for Stored<A> {
    fn default() -> Self {
        Self { state: A::default(), seq: 0, chain: Chain::start(), events: 0, ring: Ring::default(), bytes: 0 }
    }
}

impl<A: LogAggregate> Stored<A> {
    /// The command of this id, if it is among the last ones carried out here.
    pub fn command(&self, command_id: &str) -> Option<&RingEntry> {
        self.ring.find(command_id).map(AsRef::as_ref)
    }

    /// Applies the next commit of the subject, after checking that it is the next.
    pub fn fold(&mut self, message: &LogMessage) -> Result<(), Problem> {
        let chain = message.chain_after(&self.chain);
        if chain != message.chain() || message.seq <= self.seq {
            return Err(damaged(message, &format!("it does not follow sequence {} of its subject", self.seq)));
        }
        let commit = Commit::from_avro(&message.payload).map_err(|error| damaged(message, &error.to_string()))?;
        for entry in commit.entries {
            let event =
                A::Event::decode(&entry.r#type, &entry.event).map_err(|error| damaged(message, &error.to_string()))?;
            self.state.apply(event);
            self.events += 1;
            self.ring.push(RingEntry { command_id: entry.command_id, body_hash: entry.body_hash, seq: message.seq });
        }
        self.bytes += message.payload.len();
        self.seq = message.seq;
        self.chain = chain;
        Ok(())
    }

    /// What it takes in memory, roughly: an aggregate holds about what its events said.
    pub(crate) fn weight(&self) -> u32 {
        let bytes = 512 + self.bytes * 2 + self.ring.len() * RING_ENTRY_BYTES;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}

pub(crate) fn damaged(message: &LogMessage, reason: &str) -> Problem {
    tracing::error!(
        stream.name = %message.stream, stream.seq = message.seq, subject = %message.subject, reason,
        "a stored message does not fit the log"
    );
    let detail = format!("Message {} of stream {} cannot be used: {reason}.", message.seq, message.stream);
    Problem::new("platform.log_damaged", 500, detail)
}
