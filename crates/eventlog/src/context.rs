//! What a bounded context must tell the executor.

use alluvium_kernel::{DecisionContext, Problem, Requirement, Token};
use alluvium_messaging::ContractSet;

use crate::past::Past;
use crate::shown::AggregateType;
use crate::unit::Unit;

/// A context: its commands, what they require, and how they are decided.
pub trait BoundedContext: Send + Sync + 'static {
    /// Its name in subjects, e.g. `storage`.
    const NAME: &'static str;
    /// The stream of its events.
    const STREAM: &'static str;
    /// Its aggregates, for people to look at.
    const AGGREGATES: &'static [AggregateType] = &[];
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

    /// The id of the aggregate that a name people use stands for with message `up_to`; the name itself unless the context
    /// knows better.
    fn locate(
        _past: &Past,
        _tenant: &Token,
        _aggregate: &str,
        name: &str,
        _up_to: u64,
    ) -> impl Future<Output = Result<Token, Problem>> + Send {
        let id = Token::encode(name).map_err(|error| {
            Problem::new("platform.unknown_aggregate", 404, format!("`{name}` is no id of an aggregate: {error}."))
        });
        std::future::ready(id)
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
    /// Begins a commit: what it is about is all that stands on the log before that one.
    pub first: bool,
}

impl Decision {
    /// Accepted, with something to tell.
    pub fn accepted(result: serde_json::Value) -> Self {
        Self { result, ..Self::default() }
    }
}
