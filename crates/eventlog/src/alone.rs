//! One command on one aggregate, decided outside the executor: what a fold puts on the log (verdicts, refusals).

use alluvium_kernel::{Problem, Token, body_hash};
use alluvium_messaging::ContractSet;

use crate::{
    DecisionContext,
    commit::pause,
    log::Log,
    stored::LogAggregate,
    unit::{Stamp, Unit},
};

/// Decisions after another writer was first.
const CONFLICTS_MAX: u32 = 16;

impl Log {
    /// Lets an aggregate decide on a command and commits its events, if any. Gives the sequence that shows the result: of
    /// the commit, or of the aggregate's last event when nothing followed. The same command again changes nothing, because
    /// the aggregate's own rules say so; there is no outcome and no authorisation here.
    pub async fn decide<A>(&self, id: &Token, command: A::Command, at: &DecisionContext) -> Result<u64, Problem>
    where
        A: LogAggregate<Services = DecisionContext, Error = Problem>,
        A::Command: ContractSet,
    {
        let stamp = Stamp {
            command_id: at.command_id.clone(),
            body_hash: body_hash(&self.subject::<A>(&at.tenant, id), &command.to_avro()),
            actor: at.actor.clone(),
            time: at.time,
        };
        for attempt in 0..CONFLICTS_MAX {
            let mut unit = Unit::new(self.clone(), at.tenant.clone(), attempt > 0, false);
            unit.begin(stamp.clone());
            let decided = unit.handle::<A>(id, command.clone(), at).await;
            if attempt == 0 && !decided.as_ref().is_ok_and(|events| !events.is_empty()) {
                // Decided on what was at hand; with no commit to prove it, it counts only on what the leader has.
                continue;
            }
            decided.map_err(Problem::from)?;
            unit.keep(serde_json::Value::Null, false);
            if let Some(committed) = unit.commit(&[]).await? {
                return Ok(committed.first().map_or(0, |(_, seq)| *seq));
            }
            pause(attempt).await;
        }
        Err(Problem::unavailable(
            "platform.log_unavailable",
            format!("other writers were first {CONFLICTS_MAX} times on aggregate {id}: try again"),
        ))
    }
}
