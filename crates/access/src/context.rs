//! How commands of this context are decided.

use alluvium_eventlog::{AggregateType, BoundedContext, Decision, DecisionContext, Shown, Unit};
use alluvium_kernel::{DEFAULT_TENANT, Problem, Requirement, Timestamp, Token};
use serde_json::json;

use crate::STREAM;
use crate::contract::{
    Command, InstallationCommand, InstallationEvent, IssueKey, KeyringCommand, MembershipCommand, MembershipEvent,
    RotateKey,
};
use crate::error;
use crate::model::{Installation, Keyring, Membership, Tenant};

/// For admins: the keys of a project's predecessors are in it. A digest is no secret, but nobody needs to see one either.
impl Shown for Keyring {
    const HIDDEN: &'static [&'static str] = &["digest"];
}

/// For admins.
impl Shown for Tenant {}

/// For admins.
impl Shown for Installation {}

/// For admins.
impl Shown for Membership {}

/// The one installation.
pub(crate) const INSTALLATION: &str = "tenants";
/// The one list of members of a tenant.
pub(crate) const MEMBERSHIP: &str = "members";

/// The context of keys and grants, for the executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessContext;

impl BoundedContext for AccessContext {
    const NAME: &'static str = "access";
    const STREAM: &'static str = STREAM;
    const AGGREGATES: &'static [AggregateType] = &[
        AggregateType::of::<Keyring>(),
        AggregateType::of::<Tenant>(),
        AggregateType::of::<Installation>(),
        AggregateType::of::<Membership>(),
    ];
    type Command = Command;

    fn requirement(&self, command: &Command) -> Requirement {
        match command {
            // Rights reach beyond the project.
            Command::Keyring(
                KeyringCommand::IssueKey(IssueKey { rights, .. }) | KeyringCommand::RotateKey(RotateKey { rights, .. }),
            ) if !rights.is_empty() => Requirement::Admin,
            Command::Keyring(_) | Command::Tenant(_) | Command::Installation(_) | Command::Membership(_) => {
                command.requirement()
            }
        }
    }

    async fn group(&self, _: &Token, command: &Command) -> String {
        match command {
            Command::Keyring(command) => format!("keyring {}", command.project()),
            Command::Tenant(_) => "tenant".to_owned(),
            Command::Installation(_) => "installation".to_owned(),
            Command::Membership(_) => "membership".to_owned(),
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
            Command::Installation(command) => of_installation(command, at, unit).await,
            Command::Membership(command) => of_members(command, at, unit).await,
            Command::Tenant(command) => {
                let id = at.tenant.clone();
                unit.handle::<Tenant>(&id, command.clone(), at).await?;
                Ok(Decision::default())
            }
        }
    }
}

fn token(id: &str) -> Result<Token, Problem> {
    Token::encode(id).map_err(|_| Problem::internal())
}

/// Tenants are those of the installation, whoever asks: only commands on the default tenant's subject are about them.
async fn of_installation(
    command: &InstallationCommand,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<Decision, Problem> {
    if at.tenant.as_str() != DEFAULT_TENANT {
        return Err(error::invalid_param("Tenants are made and changed on the subjects of the default tenant."));
    }
    let id = token(INSTALLATION)?;
    let events = unit.handle::<Installation>(&id, command.clone(), at).await?;
    let InstallationCommand::CreateTenant(create) = command else {
        let displaced = events.iter().find_map(|event| match (event, command) {
            (InstallationEvent::TenantRenamed(renamed), InstallationCommand::RenameTenant(own)) => {
                (renamed.id != own.id).then(|| json!({ "id": renamed.id, "name": renamed.name }))
            }
            _ => None,
        });
        return Ok(Decision::accepted(json!({ "displaced": displaced })));
    };
    let known = unit.load::<Installation>(&id).await?.find(&create.name).map(str::to_owned);
    Ok(Decision::accepted(json!({ "id": known, "created": !events.is_empty() })))
}

async fn of_members(command: &MembershipCommand, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let events = unit.handle::<Membership>(&token(MEMBERSHIP)?, command.clone(), at).await?;
    let trust = events.iter().find_map(|event| match event {
        MembershipEvent::TrustAdded(added) => Some(added.id.clone()),
        _ => None,
    });
    Ok(Decision::accepted(json!({ "trust": trust })))
}
