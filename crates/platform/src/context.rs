//! How commands of this context are decided.

use alluvium_eventlog::{AggregateType, BoundedContext, Decision, DecisionContext, Shown, Unit};
use alluvium_kernel::{DEFAULT_TENANT, Problem, Requirement, Token};

use crate::contract::{Command, ProjectionCommand};
use crate::model::Projection;
use crate::{STREAM, error};

impl Shown for Projection {}

/// The context of the platform itself, for the executor.
#[derive(Clone, Debug)]
pub struct PlatformContext {
    projections: &'static [&'static str],
}

impl PlatformContext {
    /// With the names of the projections that this release has.
    pub fn new(projections: &'static [&'static str]) -> Self {
        Self { projections }
    }
}

impl BoundedContext for PlatformContext {
    const NAME: &'static str = "platform";
    const STREAM: &'static str = STREAM;
    const AGGREGATES: &'static [AggregateType] = &[AggregateType::of::<Projection>()];
    type Command = Command;

    fn requirement(&self, command: &Command) -> Requirement {
        command.requirement()
    }

    async fn group(&self, _: &Token, command: &Command) -> String {
        let Command::Projection(command) = command;
        command.projection().to_owned()
    }

    async fn plan(&self, command: &Command, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
        let Command::Projection(command) = command;
        // A tenant's publishers may have all rights in their tenant; what is parked concerns everybody.
        if at.tenant.as_str() != DEFAULT_TENANT {
            let detail = format!("`{}` is a tenant; remedies are for the operator of the installation.", at.tenant);
            return Err(Problem::new("platform.not_the_operator", 403, detail));
        }
        let id = projection(self.projections, command)?;
        let events = unit.handle::<Projection>(&id, command.clone(), at).await?;
        let awaits_settlement = events.iter().any(|event| event.request_of().is_some());
        Ok(Decision { awaits_settlement, ..Decision::default() })
    }
}

/// The aggregate's id. A name nobody folds would be asked in vain, for ever.
fn projection(known: &[&str], command: &ProjectionCommand) -> Result<Token, Problem> {
    let name = command.projection();
    if !known.contains(&name) {
        let detail = format!("There is no projection `{name}`; there are: {}.", known.join(", "));
        return Err(Problem::new("platform.unknown_projection", 404, detail));
    }
    Token::encode(name).map_err(|reason| error::invalid(format!("`projection` cannot be a name: {reason}.")))
}
