//! Decided outside the executor, by one aggregate or by several in one commit: what a fold puts on the log (verdicts, refusals).

use alluvium_kernel::{BoxFuture, Problem, Token, body_hash};
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
        let body_hash = body_hash(&self.subject::<A>(&at.tenant, id), &command.to_avro());
        self.decide_together(body_hash, at, |unit| {
            let (id, command, at) = (id.clone(), command.clone(), at.clone());
            Box::pin(async move { Ok(!unit.handle::<A>(&id, command, &at).await?.is_empty()) })
        })
        .await
    }

    /// The same for what several aggregates decide: all of it is committed, or none. `decide` says whether there is anything to
    /// commit; it is asked again when another writer was first.
    pub async fn decide_together<F>(&self, body_hash: String, at: &DecisionContext, decide: F) -> Result<u64, Problem>
    where
        F: for<'u> Fn(&'u mut Unit) -> BoxFuture<'u, Result<bool, Problem>>,
    {
        let (command_id, actor, time) = (at.command_id.clone(), at.actor.clone(), at.time);
        let stamp = Stamp { command_id, body_hash, actor, time };
        for attempt in 0..CONFLICTS_MAX {
            let mut unit = Unit::new(self.clone(), at.tenant.clone(), attempt > 0, false);
            unit.begin(stamp.clone());
            let decided = decide(&mut unit).await;
            unit.doubt();
            if attempt == 0 && !(matches!(decided, Ok(true)) && unit.is_proven().await?) {
                // Decided on what was at hand; what no commit proves counts only on what the leader has.
                continue;
            }
            decided?;
            unit.keep(serde_json::Value::Null, false);
            if let Some(committed) = unit.commit(&[]).await? {
                return Ok(committed.first().map_or(0, |(_, seq)| *seq));
            }
            pause(attempt).await;
        }
        Err(Problem::unavailable(
            "platform.log_unavailable",
            format!(
                "other writers were first {CONFLICTS_MAX} times on what command {} is about: try again",
                at.command_id
            ),
        ))
    }
}
