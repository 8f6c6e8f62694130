//! What a bounded context must tell the executor.

use alluvium_kernel::{Actor, Problem, Requirement, Timestamp, Token};
use alluvium_messaging::ContractSet;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::unit::Unit;

/// A context: its commands, what they require, and how they are decided.
pub trait BoundedContext: Send + Sync + 'static {
    /// Its name in subjects, e.g. `storage`.
    const NAME: &'static str;
    /// The stream of its events.
    const STREAM: &'static str;
    /// All its commands.
    type Command: ContractSet;

    /// What a command asks of its actor.
    fn requirement(&self, command: &Self::Command) -> Requirement;

    /// Commands of one tenant with equal groups are decided in order, in one unit. It names what they may both touch.
    fn group(&self, tenant: &Token, command: &Self::Command) -> impl Future<Output = String> + Send;

    /// Decides one command: loads aggregates, lets them handle, stages events. A transient problem puts the command off; any
    /// other rejects it. Nothing outside the log may change: the same command may be decided several times.
    fn plan(
        &self,
        command: &Self::Command,
        at: &DecisionContext,
        unit: &mut Unit,
    ) -> impl Future<Output = Result<Decision, Problem>> + Send;
}

/// Everything about a command that is not in its body. The same each time the command is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionContext {
    /// Whose.
    pub tenant: Token,
    /// Its id.
    pub command_id: String,
    /// On whose behalf.
    pub actor: Actor,
    /// When the stream took it in.
    pub time: Timestamp,
}

impl DecisionContext {
    /// The `n`-th new id of this command: always the same one, so that deciding again names things alike.
    pub fn new_uid(&self, n: u32) -> Uuid {
        let mut hash = Sha256::new();
        for part in [self.tenant.as_str(), self.command_id.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(n.to_be_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

/// A command that is not rejected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// What the caller may want to know at once; no secrets, it stays on the log.
    pub result: serde_json::Value,
    /// The outcome is not known yet: a fold will publish it.
    pub awaits_settlement: bool,
    /// Cannot be decided now (another request is being settled): decide again later, nothing is staged.
    pub busy: bool,
}

impl Decision {
    /// Accepted, with something to tell.
    pub fn accepted(result: serde_json::Value) -> Self {
        Self { result, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_the_same_each_time_and_differ_otherwise() {
        let at = |id: &str| DecisionContext {
            tenant: Token::encode("default").unwrap(),
            command_id: id.into(),
            actor: Actor::Admin,
            time: Timestamp::default(),
        };
        assert_eq!(at("a").new_uid(0), at("a").new_uid(0));
        assert_ne!(at("a").new_uid(0), at("a").new_uid(1));
        assert_ne!(at("a").new_uid(0), at("b").new_uid(0));
        assert_eq!(at("a").new_uid(0).get_version_num(), 8);
    }
}
