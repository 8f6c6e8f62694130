//! The two halves of every aggregate: deciding on a command, evolving by an event. Both pure.

use sha2::{Digest, Sha256};

use crate::{Actor, Problem, Timestamp, Token};

/// All that a decision may know besides the aggregate's state. Time, ids and actor come in here, never from a clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionContext {
    /// Whose data it is.
    pub tenant: Token,
    /// The command's id.
    pub command_id: String,
    /// Who asks.
    pub actor: Actor,
    /// When the gateway, or else the stream, took the command in.
    pub time: Timestamp,
}

impl DecisionContext {
    /// The `n`th new id of this decision, as UUID text: the same each time the command is decided.
    pub fn new_uid(&self, n: u32) -> String {
        let hash = Sha256::new()
            .chain_update(self.tenant.as_str())
            .chain_update([0])
            .chain_update(&self.command_id)
            .chain_update(n.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        // Version 8 (made by us from a hash), variant RFC 9562.
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = hex::encode(bytes);
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

/// A command that an aggregate decides on.
pub trait Decide<State> {
    /// The aggregate's events.
    type Event;

    /// The events that follow, none when all is as asked already; or the reason why not.
    fn decide(self, state: &State, at: &DecisionContext) -> Result<Vec<Self::Event>, Problem>;
}

/// An event that changes an aggregate. Total: an accepted event always applies.
pub trait Evolve<State> {
    /// Applies the event.
    fn evolve(self, state: &mut State);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_stable_and_distinct() {
        let at = |command_id: &str| DecisionContext {
            tenant: Token::encode("default").unwrap(),
            command_id: command_id.into(),
            actor: Actor::Admin,
            time: Timestamp::from_micros(0),
        };
        assert_eq!(at("a").new_uid(0), at("a").new_uid(0));
        assert_ne!(at("a").new_uid(0), at("a").new_uid(1));
        assert_ne!(at("a").new_uid(0), at("b").new_uid(0));
        assert_eq!(at("a").new_uid(0).len(), 36);
    }
}
