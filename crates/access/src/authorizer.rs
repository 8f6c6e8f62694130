//! The one decision on who may, for HTTP routes and for commands on NATS alike. What is not allowed here is denied.

use alluvium_kernel::{Actor, Authorizer, BoxFuture, Problem, Requirement, SchemaRights, Timestamp, Token};

use crate::access::Access;
use crate::error;
use crate::live::LiveKeys;
use crate::model::{Rights, Scope};

/// What the log says about an actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The installation's admin.
    Admin,
    /// The holder of a live key.
    Key {
        /// The project it is of.
        project: String,
        /// How much of that it opens.
        scope: Scope,
        /// What it may in the schema registry.
        rights: SchemaRights,
    },
    /// A publisher without signature, with the rights granted to its tenant.
    Publisher(Rights),
    /// A part of Alluvium.
    System,
    /// Anyone else: an unknown, revoked or expired key, a publisher of another tenant.
    Nobody,
}

/// Whether `standing` has what `requirement` asks for. A new requirement does not compile until somebody has decided on it.
pub(crate) fn allows(standing: &Standing, requirement: &Requirement) -> bool {
    use Requirement as R;
    match requirement {
        R::Nothing => true,
        R::System => matches!(standing, Standing::System),
        R::Admin => matches!(standing, Standing::Admin | Standing::Publisher(Rights::All)),
        R::Authenticated => {
            matches!(standing, Standing::Admin | Standing::Publisher(Rights::All) | Standing::Key { .. })
        }
        R::ProjectAdmin(project) | R::ProjectWrite(project) | R::ProjectRead(project) => {
            in_project(standing, project, |scope| *scope == Scope::Project)
        }
        R::ProjectMember(project) => in_project(standing, project, |scope| *scope != Scope::Registry),
        R::AnyBranchWrite(project) => in_project(standing, project, Scope::writes_any),
        R::BranchWrite(project, branch) => in_project(standing, project, |scope| scope.writes(branch)),
        R::BranchRead(project, branch) => in_project(standing, project, |scope| scope.reads(branch)),
        R::SchemaSubject(name, access) => schema_rights(standing).on_subject(name, *access),
        R::SchemaConfig(access) => schema_rights(standing).on_config(*access),
        R::Every(all) => all.iter().all(|one| allows(standing, one)),
    }
}

/// Whether `standing` opens enough of a project.
fn in_project(standing: &Standing, project: &str, enough: impl Fn(&Scope) -> bool) -> bool {
    match standing {
        Standing::Admin | Standing::Publisher(Rights::All) => true,
        Standing::Key { project: own, scope, .. } => own == project && enough(scope),
        Standing::Publisher(Rights::None) | Standing::System | Standing::Nobody => false,
    }
}

/// What `standing` means in the schema registry.
fn schema_rights(standing: &Standing) -> SchemaRights {
    match standing {
        Standing::Admin | Standing::Publisher(Rights::All) => SchemaRights::everything(),
        Standing::Key { rights, .. } => rights.clone(),
        Standing::Publisher(Rights::None) | Standing::System | Standing::Nobody => SchemaRights::default(),
    }
}

/// How an actor stands in a tenant at `now`.
pub(crate) fn standing(keys: &LiveKeys, tenant: &Token, actor: &Actor, now: Timestamp) -> Standing {
    match actor {
        Actor::Admin => Standing::Admin,
        Actor::System(_) => Standing::System,
        Actor::Nats(own) if own == tenant.as_str() => Standing::Publisher(keys.publishers(tenant)),
        Actor::Nats(_) => Standing::Nobody,
        Actor::Key(id) => match keys.by_id(tenant, id) {
            Some(key) if key.is_live(now) => {
                Standing::Key { project: key.project.clone(), scope: key.scope.clone(), rights: key.rights.clone() }
            }
            _ => Standing::Nobody,
        },
    }
}

impl Authorizer for Access {
    fn check<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
        requirement: &'a Requirement,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            // What needs no look at the log works without it.
            let needs_log = *requirement != Requirement::Nothing && matches!(actor, Actor::Key(_) | Actor::Nats(_));
            if !needs_log {
                let stands = standing(&LiveKeys::default(), tenant, actor, self.now());
                return self.decide(actor, &stands, requirement);
            }
            let keys = self.follower().get()?;
            let stands = standing(keys, tenant, actor, self.now());
            if allows(&stands, requirement) {
                return Ok(());
            }
            // A key that is not known, or a grant, may be so new that it has not arrived here. Nothing else gets better with
            // time, and refusing that must not wait for the log.
            let may_be_new = match actor {
                Actor::Key(id) => keys.by_id(tenant, id).is_none(),
                Actor::Nats(own) => own == tenant.as_str() && *requirement != Requirement::System,
                Actor::Admin | Actor::System(_) => false,
            };
            if may_be_new {
                self.follower().catch_up().await?;
                return self.decide(actor, &standing(keys, tenant, actor, self.now()), requirement);
            }
            Err(self.refusal(actor, &stands, requirement))
        })
    }

    fn schema_rights<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
    ) -> BoxFuture<'a, Result<SchemaRights, Problem>> {
        Box::pin(async move {
            if *actor == Actor::Admin {
                return Ok(SchemaRights::everything());
            }
            Ok(schema_rights(&standing(self.follower().get()?, tenant, actor, self.now())))
        })
    }
}

impl Access {
    fn decide(&self, actor: &Actor, stands: &Standing, requirement: &Requirement) -> Result<(), Problem> {
        if allows(stands, requirement) { Ok(()) } else { Err(self.refusal(actor, stands, requirement)) }
    }

    fn refusal(&self, actor: &Actor, stands: &Standing, requirement: &Requirement) -> Problem {
        match (actor, requirement) {
            (Actor::Nats(tenant), _) => Problem::new(
                "access.forbidden",
                403,
                format!(
                    "Messages without signature may not do this in tenant `{tenant}`: its publishers have no such right."
                ),
            ),
            // A key of the project knows that it has branches; nobody else is told.
            (_, Requirement::BranchWrite(project, branch) | Requirement::BranchRead(project, branch))
                if allows(stands, &Requirement::ProjectMember(project.clone())) =>
            {
                error::branch_denied(branch)
            }
            (
                _,
                Requirement::ProjectAdmin(project)
                | Requirement::ProjectWrite(project)
                | Requirement::ProjectRead(project)
                | Requirement::ProjectMember(project)
                | Requirement::AnyBranchWrite(project)
                | Requirement::BranchWrite(project, _)
                | Requirement::BranchRead(project, _),
            ) => error::access_denied(project),
            (_, Requirement::Admin) if !self.has_admin_key() => {
                Problem::new("access.admin_not_configured", 401, "Admin API key not configured on server")
            }
            (_, Requirement::Admin) => Problem::new("access.admin_required", 401, "Invalid admin API key"),
            (
                _,
                Requirement::Nothing
                | Requirement::Authenticated
                | Requirement::SchemaSubject(..)
                | Requirement::SchemaConfig(_)
                | Requirement::Every(_)
                | Requirement::System,
            ) => Problem::new("access.forbidden", 403, format!("`{actor}` may not do this.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::Access as Asked;

    use super::*;

    fn key(scope: Scope, rights: &[&str]) -> Standing {
        let rights = SchemaRights::of(rights.iter().map(|right| right.parse().unwrap()).collect());
        Standing::Key { project: "own".to_owned(), scope, rights }
    }

    fn of_branch(writes: bool) -> Standing {
        key(Scope::Branch { id: "b".to_owned(), writes }, &[])
    }

    #[test]
    fn every_standing_meets_exactly_these_requirements() {
        use Requirement as R;
        let p = |name: &str| name.to_owned();
        let requirements = [
            R::Nothing,
            R::Authenticated,
            R::Admin,
            R::ProjectAdmin(p("own")),
            R::ProjectWrite(p("own")),
            R::ProjectRead(p("own")),
            R::ProjectAdmin(p("other")),
            R::ProjectWrite(p("other")),
            R::ProjectRead(p("other")),
            R::ProjectMember(p("own")),
            R::AnyBranchWrite(p("own")),
            R::BranchRead(p("own"), p("b")),
            R::BranchWrite(p("own"), p("b")),
            R::BranchRead(p("own"), p("default")),
            R::BranchWrite(p("own"), p("default")),
            R::ProjectMember(p("other")),
            R::AnyBranchWrite(p("other")),
            R::BranchRead(p("other"), p("b")),
            R::BranchWrite(p("other"), p("b")),
            R::SchemaSubject(p("a"), Asked::Read),
            R::SchemaSubject(p("a"), Asked::Write),
            R::SchemaSubject(p("b"), Asked::Read),
            R::SchemaConfig(Asked::Read),
            R::Every(vec![R::Authenticated, R::SchemaSubject(p("a"), Asked::Read)]),
            R::Every(vec![R::SchemaSubject(p("a"), Asked::Read), R::SchemaConfig(Asked::Read)]),
            R::System,
        ];
        // One column for each requirement above: general ones, the project's, its branches', the rest.
        let table = [
            (Standing::Admin, "yyy yyyyyy yyyyyyyyyy yyyyyy-"),
            (key(Scope::Project, &[]), "yy- yyy--- yyyyyy---- -------"),
            (key(Scope::Project, &["subject:a:read"]), "yy- yyy--- yyyyyy---- y---y--"),
            (of_branch(true), "yy- ------ yyyy------ -------"),
            (of_branch(false), "yy- ------ y-y------- -------"),
            (key(Scope::Registry, &["subject:a:write", "config:read"]), "yy- ------ ---------- yy-yyy-"),
            (Standing::Publisher(Rights::All), "yyy yyyyyy yyyyyyyyyy yyyyyy-"),
            (Standing::Publisher(Rights::None), "y-- ------ ---------- -------"),
            (Standing::System, "y-- ------ ---------- ------y"),
            (Standing::Nobody, "y-- ------ ---------- -------"),
        ];
        for (standing, row) in table {
            let found: String =
                requirements.iter().map(|asked| if allows(&standing, asked) { 'y' } else { '-' }).collect();
            assert_eq!(found, row.replace(' ', ""), "{standing:?}");
        }
    }

    #[test]
    fn a_key_without_project_name_opens_nothing() {
        assert!(!allows(&key(Scope::Project, &[]), &Requirement::ProjectRead(String::new())));
    }

    #[test]
    fn every_actor_stands_where_the_log_puts_it() {
        let (keys, tenant, now) = (LiveKeys::default(), Token::encode("default").unwrap(), Timestamp::from_micros(0));
        let stands = |actor| standing(&keys, &tenant, &actor, now);
        assert_eq!(stands(Actor::Admin), Standing::Admin);
        assert_eq!(stands(Actor::System("x".into())), Standing::System);
        assert_eq!(stands(Actor::Key("unknown".into())), Standing::Nobody);
        assert_eq!(stands(Actor::Nats("default".into())), Standing::Publisher(Rights::None));
        assert_eq!(stands(Actor::Nats("other".into())), Standing::Nobody);
    }
}
