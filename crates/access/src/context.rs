//! How commands of this context are decided.

use alluvium_eventlog::{AggregateType, BoundedContext, Decision, DecisionContext, Shown, Unit};
use alluvium_kernel::{Problem, Requirement, Timestamp, Token};
use serde_json::json;

use crate::STREAM;
use crate::contract::{Command, IssueKey, KeyringCommand, RotateKey};
use crate::error;
use crate::model::{Keyring, Tenant};

/// For admins: the keys of a project's predecessors are in it. A digest is no secret, but nobody needs to see one either.
impl Shown for Keyring {
    const HIDDEN: &'static [&'static str] = &["digest"];
}

/// For admins.
impl Shown for Tenant {}

/// The context of keys and grants, for the executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessContext;

impl BoundedContext for AccessContext {
    const NAME: &'static str = "access";
    const STREAM: &'static str = STREAM;
    const AGGREGATES: &'static [AggregateType] = &[AggregateType::of::<Keyring>(), AggregateType::of::<Tenant>()];
    type Command = Command;

    fn requirement(&self, command: &Command) -> Requirement {
        match command {
            // Rights reach beyond the project.
            Command::Keyring(
                KeyringCommand::IssueKey(IssueKey { rights, .. }) | KeyringCommand::RotateKey(RotateKey { rights, .. }),
            ) if !rights.is_empty() => Requirement::Admin,
            Command::Keyring(_) | Command::Tenant(_) => command.requirement(),
        }
    }

    async fn group(&self, _: &Token, command: &Command) -> String {
        match command {
            Command::Keyring(command) => format!("keyring {}", command.project()),
            Command::Tenant(_) => "tenant".to_owned(),
        }
    }

    async fn plan(&self, command: &Command, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
        match command {
            Command::Keyring(command) => {
                let id = Token::encode(command.project()).map_err(|error| {
                    error::invalid_key(format!("`project` cannot be the id of a project: {error}."))
                })?;
                unit.handle::<Keyring>(&id, command.clone(), at).await?;
                let made = match command {
                    KeyringCommand::IssueKey(issue) => &issue.key,
                    KeyringCommand::RotateKey(rotate) => &rotate.successor,
                    KeyringCommand::UpdateKey(update) => {
                        return Ok(Decision::accepted(json!({ "key": update.key })));
                    }
                    KeyringCommand::RevokeKey(_)
                    | KeyringCommand::RevokeBranchKeys(_)
                    | KeyringCommand::RevokeProjectKeys(_) => {
                        return Ok(Decision::default());
                    }
                };
                let keyring = unit.load::<Keyring>(&id).await?;
                let Some(key) = keyring.get(made) else { return Err(Problem::internal()) };
                Ok(Decision::accepted(json!({
                    "key": made, "issued_at": key.issued_at.micros(), "expires_at": key.expires_at.map(Timestamp::micros),
                    "description": key.description, "person": key.person,
                })))
            }
            Command::Tenant(command) => {
                let id = at.tenant.clone();
                unit.handle::<Tenant>(&id, command.clone(), at).await?;
                Ok(Decision::default())
            }
        }
    }
}
