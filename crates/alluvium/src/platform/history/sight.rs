//! Who may look how far back. Asked of the one authorizer; a project's key never sees what an earlier project of its id held.

use alluvium_eventlog::{Owner, Past};
use alluvium_http::Principal;
use alluvium_kernel::{Problem, Requirement, Token};
use alluvium_storage::CatalogueThen;

use crate::node::context;
use crate::platform::Platform;

/// What a caller may see of one aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All of it.
    Everything,
    /// What happened at this sequence of its project's stream, or later.
    Since(u64),
    /// Not even that it exists.
    Nothing,
}

impl Sight {
    /// Of what belongs to `owner`.
    pub async fn of(platform: &Platform, principal: &Principal, owner: Option<&Owner>) -> Result<Self, Problem> {
        if is_admin(platform, principal).await? {
            return Ok(Self::Everything);
        }
        let Some(owner) = owner else { return Ok(Self::Nothing) };
        if !may(platform, principal, &Requirement::ProjectRead(owner.project.clone())).await? {
            return Ok(Self::Nothing);
        }
        Ok(match born(platform, &principal.tenant, &owner.project).await? {
            Some(born) => Self::Since(born),
            None => Self::Nothing,
        })
    }

    /// Whether something that happened at `seq` may be seen.
    pub fn sees(self, seq: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::Since(born) => seq >= born,
            Self::Nothing => false,
        }
    }
}

/// Whether the caller may look at everything.
pub async fn is_admin(platform: &Platform, principal: &Principal) -> Result<bool, Problem> {
    may(platform, principal, &Requirement::Admin).await
}

async fn may(platform: &Platform, principal: &Principal, requirement: &Requirement) -> Result<bool, Problem> {
    match platform.authorizer.check(&principal.tenant, &principal.actor, requirement).await {
        Ok(()) => Ok(true),
        Err(problem) if problem.is_transient() => Err(problem),
        Err(_) => Ok(false),
    }
}

/// Where the project that has this id now was created.
async fn born(platform: &Platform, tenant: &Token, project: &str) -> Result<Option<u64>, Problem> {
    let storage = context("storage").ok_or_else(Problem::internal)?;
    let past = Past::new(platform.js.clone(), storage.stream);
    match CatalogueThen::born(&past, tenant, project).await {
        Err(problem) if problem.status == 404 => Ok(None),
        born => born,
    }
}
