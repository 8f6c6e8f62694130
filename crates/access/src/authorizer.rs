//! The one decision on who may, for HTTP routes and for commands on NATS alike. What is not allowed here is denied.

use alluvium_kernel::{
    Access as Asked, Actor, Authorizer, BoxFuture, BucketReach, Problem, Requirement, SchemaRights, Timestamp, Token,
};

use crate::access::Access;
use crate::error;
use crate::live::LiveKeys;
use crate::model::{PIPELINES_KEYRING, Rights, Role, Scope};

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
        /// The key whose files and workspaces it has.
        holder: String,
    },
    /// A publisher without signature, with the rights granted to its tenant.
    Publisher(Rights),
    /// A member of the tenant, or a workload that it trusts.
    Member(Role),
    /// Whoever owns the installation.
    Owner,
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
            matches!(
                standing,
                Standing::Admin
                    | Standing::Publisher(Rights::All)
                    | Standing::Key { .. }
                    | Standing::Member(_)
                    | Standing::Owner
            )
        }
        R::ProjectAdmin(project) | R::ProjectWrite(project) | R::ProjectRead(project) => {
            in_project(standing, project, |scope| *scope == Scope::Project)
        }
        R::ProjectMember(project) => {
            in_project(standing, project, |scope| !matches!(scope, Scope::Registry | Scope::Pipelines { .. }))
        }
        R::ProjectKey(project) => in_project(standing, project, |_| true),
        R::AnyBranchWrite(project) => in_project(standing, project, Scope::writes_any),
        R::BranchWrite(project, branch) => in_project(standing, project, |scope| scope.writes(branch)),
        R::BranchRead(project, branch) => in_project(standing, project, |scope| scope.reads(branch)),
        R::BranchList(project, branch) => {
            in_project(standing, project, |scope| scope.reads(branch) || scope.in_parts(branch).is_some())
        }
        R::BranchWork(project, branch) => {
            in_project(standing, project, |scope| scope.writes(branch) || scope.in_parts(branch).is_some())
        }
        R::ProjectList(project) | R::ProjectWork(project) => {
            in_project(standing, project, |scope| matches!(scope, Scope::Project | Scope::Custom(_)))
        }
        R::BucketRead(project, branch, bucket) => {
            in_project(standing, project, |scope| scope.bucket(branch, bucket, Asked::Read))
        }
        R::BucketWrite(project, branch, bucket) => {
            in_project(standing, project, |scope| scope.bucket(branch, bucket, Asked::Write))
        }
        R::BucketAdmin(project) => in_project(standing, project, |scope| match scope {
            Scope::Project => true,
            Scope::Custom(may) => may.manage_buckets,
            Scope::Branch { .. } | Scope::Registry | Scope::Pipelines { .. } => false,
        }),
        R::KeyAdmin(project) if project == PIPELINES_KEYRING && is_person(standing) => {
            role(standing) >= Some(Role::Write)
        }
        R::KeyAdmin(project) => in_project(standing, project, |scope| match scope {
            Scope::Project => true,
            Scope::Custom(may) => may.manage_tokens,
            Scope::Pipelines { writes } => *writes,
            Scope::Branch { .. } | Scope::Registry => false,
        }),
        R::FileWrite(project, of) => in_project(standing, project, |scope| scope.writes_files(of, holder(standing))),
        R::FileExport(project, of) => in_project(standing, project, |scope| {
            scope.branch() == Some(of.as_str()) || scope.writes_files(of, holder(standing))
        }),
        R::WorkspaceRead(project, branch, of) => in_project(standing, project, |scope| {
            scope.reads(branch) || scope.in_parts(branch).is_some() && of == holder(standing)
        }),
        R::WorkspaceWrite(project, branch, of) => in_project(standing, project, |scope| {
            scope.writes(branch) || scope.in_parts(branch).is_some() && of == holder(standing)
        }),
        R::SchemaSubject(name, access) => schema_rights(standing).on_subject(name, *access),
        R::SchemaConfig(access) => schema_rights(standing).on_config(*access),
        R::PipelineRead | R::PipelineWrite if is_person(standing) => {
            let least = if *requirement == R::PipelineRead { Role::Read } else { Role::Write };
            role(standing) >= Some(least)
        }
        R::PipelineRead => in_project(standing, PIPELINES_KEYRING, |scope| matches!(scope, Scope::Pipelines { .. })),
        R::PipelineWrite => {
            in_project(standing, PIPELINES_KEYRING, |scope| matches!(scope, Scope::Pipelines { writes: true }))
        }
        // A login that makes its tenant or its membership is carried out by this context itself.
        R::PipelineAdmin => {
            role(standing) == Some(Role::Admin)
                || matches!(standing, Standing::Admin | Standing::Publisher(Rights::All) | Standing::System)
        }
        R::PipelineOwner => {
            matches!(standing, Standing::Admin | Standing::Owner | Standing::Publisher(Rights::All) | Standing::System)
        }
        R::Every(all) => all.iter().all(|one| allows(standing, one)),
    }
}

/// Whether it is that of somebody who logged in.
fn is_person(standing: &Standing) -> bool {
    matches!(standing, Standing::Member(_) | Standing::Owner)
}

/// What somebody who logged in may with the pipelines of the tenant.
fn role(standing: &Standing) -> Option<Role> {
    match standing {
        Standing::Member(role) => Some(*role),
        Standing::Owner => Some(Role::Admin),
        Standing::Admin | Standing::Key { .. } | Standing::Publisher(_) | Standing::System | Standing::Nobody => None,
    }
}

/// Whether `standing` opens enough of a project.
fn in_project(standing: &Standing, project: &str, enough: impl Fn(&Scope) -> bool) -> bool {
    match standing {
        Standing::Admin | Standing::Publisher(Rights::All) => true,
        Standing::Key { project: own, scope, .. } => own == project && enough(scope),
        Standing::Publisher(Rights::None)
        | Standing::Member(_)
        | Standing::Owner
        | Standing::System
        | Standing::Nobody => false,
    }
}

/// The key whose files and workspaces are those of `standing`; nobody has an id that is empty.
fn holder(standing: &Standing) -> &str {
    match standing {
        Standing::Key { holder, .. } => holder,
        Standing::Admin
        | Standing::Publisher(_)
        | Standing::Member(_)
        | Standing::Owner
        | Standing::System
        | Standing::Nobody => "",
    }
}

/// What `standing` reads of a project's buckets.
fn readable_buckets(standing: &Standing, project: &str) -> BucketReach {
    match standing {
        Standing::Admin | Standing::Publisher(Rights::All) => BucketReach::everything(),
        Standing::Key { project: own, scope, .. } if own == project => scope.readable(),
        Standing::Key { .. }
        | Standing::Publisher(Rights::None)
        | Standing::Member(_)
        | Standing::Owner
        | Standing::System
        | Standing::Nobody => BucketReach::default(),
    }
}

/// What `standing` means in the schema registry.
fn schema_rights(standing: &Standing) -> SchemaRights {
    match standing {
        Standing::Admin | Standing::Publisher(Rights::All) => SchemaRights::everything(),
        Standing::Key { rights, .. } => rights.clone(),
        Standing::Publisher(Rights::None)
        | Standing::Member(_)
        | Standing::Owner
        | Standing::System
        | Standing::Nobody => SchemaRights::default(),
    }
}

/// How an actor stands in a tenant at `now`.
pub(crate) fn standing(keys: &LiveKeys, tenant: &Token, actor: &Actor, now: Timestamp) -> Standing {
    match actor {
        Actor::Admin => Standing::Admin,
        Actor::System(_) => Standing::System,
        Actor::Owner(_) => Standing::Owner,
        Actor::Login(id) => keys.tenancy(|known| known.role(tenant, id)).map_or(Standing::Nobody, Standing::Member),
        Actor::Nats(own) if own == tenant.as_str() => Standing::Publisher(keys.publishers(tenant)),
        Actor::Nats(_) => Standing::Nobody,
        Actor::Key(id) => match keys.by_id(tenant, id) {
            Some(key) if key.is_live(now) => {
                let (project, scope, rights) = (key.project.clone(), key.scope.clone(), key.rights.clone());
                Standing::Key { project, scope, rights, holder: key.holder.clone() }
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
            let needs_log = *requirement != Requirement::Nothing
                && matches!(actor, Actor::Key(_) | Actor::Nats(_) | Actor::Login(_));
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
                Actor::Login(id) => keys.tenancy(|known| known.role(tenant, id)).is_none(),
                Actor::Admin | Actor::Owner(_) | Actor::System(_) => false,
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

    fn readable_buckets<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
        project: &'a str,
    ) -> BoxFuture<'a, Result<BucketReach, Problem>> {
        Box::pin(async move {
            if *actor == Actor::Admin {
                return Ok(BucketReach::everything());
            }
            let keys = self.follower().get()?;
            if matches!(actor, Actor::Key(id) if keys.by_id(tenant, id).is_none()) {
                self.follower().catch_up().await?;
            }
            Ok(readable_buckets(&standing(keys, tenant, actor, self.now()), project))
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
            // What is refused of several is what is told.
            (_, Requirement::Every(all)) => {
                let refused = all.iter().find(|one| !allows(stands, one));
                refused.map_or_else(|| forbidden(actor), |one| self.refusal(actor, stands, one))
            }
            (_, Requirement::Admin) if !self.has_admin_key() => {
                Problem::new("access.admin_not_configured", 401, "Admin API key not configured on server")
            }
            (_, Requirement::Admin) => Problem::new("access.admin_required", 401, "Invalid admin API key"),
            (_, asked) => asked.project().map_or_else(|| forbidden(actor), |project| denied(stands, project, asked)),
        }
    }
}

fn forbidden(actor: &Actor) -> Problem {
    Problem::new("access.forbidden", 403, format!("`{actor}` may not do this."))
}

/// The refusal of something in a project. Keys of it know that it has branches, and those of chosen buckets know these; nobody is
/// told of more.
fn denied(stands: &Standing, project: &str, asked: &Requirement) -> Problem {
    use Requirement as R;
    if !allows(stands, &R::ProjectMember(project.to_owned())) {
        return error::access_denied(project);
    }
    let scope = match stands {
        Standing::Key { scope, .. } => Some(scope),
        Standing::Admin
        | Standing::Publisher(_)
        | Standing::Member(_)
        | Standing::Owner
        | Standing::System
        | Standing::Nobody => None,
    };
    match asked {
        R::BucketRead(_, branch, bucket) | R::BucketWrite(_, branch, bucket) => {
            match scope.and_then(|scope| scope.in_parts(branch)) {
                Some(may) if may.on(bucket, Asked::Read) => error::bucket_denied(bucket),
                Some(_) => error::bucket_not_found(bucket),
                None => error::branch_denied(branch),
            }
        }
        R::BranchWrite(_, branch)
        | R::BranchRead(_, branch)
        | R::BranchList(_, branch)
        | R::BranchWork(_, branch)
        | R::WorkspaceRead(_, branch, _)
        | R::WorkspaceWrite(_, branch, _) => error::branch_denied(branch),
        R::FileWrite(_, of) | R::FileExport(_, of) if scope.is_some_and(|scope| scope.branch().is_some()) => {
            error::branch_denied(of)
        }
        _ => error::access_denied(project),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::KeyPermissions;
    use crate::model::Permissions;

    fn key(scope: Scope, rights: &[&str]) -> Standing {
        let rights = SchemaRights::of(rights.iter().map(|right| right.parse().unwrap()).collect());
        Standing::Key { project: "own".to_owned(), scope, rights, holder: "key_own".to_owned() }
    }

    fn custom(buckets: &[(&str, &str)], manages: bool) -> Standing {
        let given = KeyPermissions {
            buckets: buckets.iter().map(|(bucket, right)| ((*bucket).to_owned(), (*right).to_owned())).collect(),
            manage_buckets: manages,
            manage_tokens: manages,
            read_all_files: false,
        };
        key(Scope::Custom(Permissions::checked(&given).unwrap()), &[])
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
    fn pipelines_open_to_keys_of_them_and_to_nobody_elses() {
        use Requirement as R;
        let of = |project: &str, scope| Standing::Key {
            project: project.to_owned(),
            scope,
            rights: SchemaRights::default(),
            holder: "key_own".to_owned(),
        };
        let (read, write) = (Scope::Pipelines { writes: false }, Scope::Pipelines { writes: true });
        for (standing, reads, writes) in [
            (Standing::Admin, true, true),
            (of(PIPELINES_KEYRING, read), true, false),
            (of(PIPELINES_KEYRING, write.clone()), true, true),
            (of("own", write), false, false),
            (key(Scope::Project, &[]), false, false),
            (of(PIPELINES_KEYRING, Scope::Project), false, false),
            (custom(&[("in_c_a", "write")], true), false, false),
            (Standing::Publisher(Rights::All), true, true),
            (Standing::Publisher(Rights::None), false, false),
            (Standing::System, false, false),
            (Standing::Member(Role::Read), true, false),
            (Standing::Member(Role::Write), true, true),
            (Standing::Member(Role::Admin), true, true),
            (Standing::Owner, true, true),
            (Standing::Nobody, false, false),
        ] {
            let found = (allows(&standing, &R::PipelineRead), allows(&standing, &R::PipelineWrite));
            assert_eq!(found, (reads, writes), "{standing:?}");
        }
        let own = of(PIPELINES_KEYRING, Scope::Pipelines { writes: true });
        let keyring = || PIPELINES_KEYRING.to_owned();
        assert!(allows(&own, &R::KeyAdmin(keyring())) && allows(&own, &R::Authenticated));
        assert!(!allows(&own, &R::ProjectRead(keyring())) && !allows(&own, &R::ProjectMember(keyring())));
        assert!(!allows(&of(PIPELINES_KEYRING, Scope::Pipelines { writes: false }), &R::KeyAdmin(keyring())));
        for (standing, keys, members, tenants) in [
            (Standing::Member(Role::Read), false, false, false),
            (Standing::Member(Role::Write), true, false, false),
            (Standing::Member(Role::Admin), true, true, false),
            (Standing::Owner, true, true, true),
            (Standing::Admin, true, true, true),
            (own, true, false, false),
            (Standing::Nobody, false, false, false),
        ] {
            let asked = [R::KeyAdmin(keyring()), R::PipelineAdmin, R::PipelineOwner];
            assert_eq!(asked.map(|asked| allows(&standing, &asked)), [keys, members, tenants], "{standing:?}");
            let elsewhere = [R::Admin, R::KeyAdmin("own".to_owned()), R::ProjectRead(keyring()), R::System];
            let is_admin = standing == Standing::Admin;
            assert!(elsewhere[..3].iter().all(|asked| allows(&standing, asked) == is_admin), "{standing:?}");
            assert!(!allows(&standing, &elsewhere[3]));
        }
    }

    #[test]
    fn every_key_meets_exactly_these_requirements_in_a_project() {
        use Requirement as R;
        let p = || "own".to_owned();
        let main = || "default".to_owned();
        let text = |text: &str| text.to_owned();
        let requirements = [
            R::ProjectKey(p()),
            R::ProjectMember(p()),
            R::AnyBranchWrite(p()),
            R::KeyAdmin(p()),
            R::BucketAdmin(p()),
            R::BranchList(p(), main()),
            R::BranchWork(p(), main()),
            R::BranchRead(p(), main()),
            R::BranchWrite(p(), main()),
            R::BranchList(p(), text("b")),
            R::BranchWork(p(), text("b")),
            R::BucketRead(p(), main(), text("in_c_a")),
            R::BucketWrite(p(), main(), text("in_c_a")),
            R::BucketRead(p(), main(), text("in_c_b")),
            R::BucketWrite(p(), main(), text("in_c_b")),
            R::BucketRead(p(), text("b"), text("in_c_a")),
            R::BucketWrite(p(), text("b"), text("in_c_a")),
            R::FileWrite(p(), main()),
            R::FileWrite(p(), text("b")),
            R::FileWrite(p(), text("key_own")),
            R::FileExport(p(), text("b")),
            R::FileExport(p(), text("key_own")),
            R::WorkspaceRead(p(), main(), text("")),
            R::WorkspaceWrite(p(), main(), text("")),
            R::WorkspaceRead(p(), main(), text("key_own")),
            R::WorkspaceWrite(p(), main(), text("key_own")),
            R::WorkspaceWrite(p(), text("b"), text("")),
        ];
        // One column for each requirement above: the project's, its branches', its buckets', its files', its workspaces'.
        let table = [
            (Standing::Admin, "yyyyy yyyyyy yyyyyy yyyyy yyyyy"),
            (key(Scope::Project, &[]), "yyyyy yyyyyy yyyyyy yyyyy yyyyy"),
            (of_branch(true), "yyy-- ----yy ----yy -y-y- ----y"),
            (of_branch(false), "yy--- ----y- ----y- ---y- -----"),
            (key(Scope::Registry, &[]), "y---- ------ ------ ----- -----"),
            (custom(&[], false), "yyy-- yy---- ------ --y-y --yy-"),
            (custom(&[("in_c_a", "read")], false), "yyy-- yy---- y----- --y-y --yy-"),
            (custom(&[("in_c_a", "write")], false), "yyy-- yy---- yy---- --y-y --yy-"),
            (custom(&[], true), "yyyyy yyyy-- yyyy-- --y-y yyyy-"),
            (Standing::Publisher(Rights::All), "yyyyy yyyyyy yyyyyy yyyyy yyyyy"),
            (Standing::System, "----- ------ ------ ----- -----"),
            (Standing::Nobody, "----- ------ ------ ----- -----"),
        ];
        for (standing, row) in table {
            let found: String =
                requirements.iter().map(|asked| if allows(&standing, asked) { 'y' } else { '-' }).collect();
            assert_eq!(found, row.replace(' ', ""), "{standing:?}");
        }
    }

    #[test]
    fn a_refusal_tells_of_no_bucket_that_the_key_does_not_open() {
        let asked = |write: bool, branch: &str, bucket: &str| {
            let [project, branch, bucket] = ["own", branch, bucket].map(str::to_owned);
            if write {
                Requirement::BucketWrite(project, branch, bucket)
            } else {
                Requirement::BucketRead(project, branch, bucket)
            }
        };
        let reader = custom(&[("in_c_a", "read")], false);
        for (stands, requirement, status, detail) in [
            (&reader, asked(true, "default", "in_c_a"), 403, "Access denied to bucket in_c_a"),
            (&reader, asked(true, "default", "in_c_b"), 404, "Bucket in_c_b not found"),
            (&reader, asked(false, "default", "in_c_b"), 404, "Bucket in_c_b not found"),
            (&reader, asked(false, "b", "in_c_a"), 403, "Access denied to branch b"),
            (&of_branch(false), asked(true, "b", "in_c_a"), 403, "Access denied to branch b"),
            (&key(Scope::Registry, &[]), asked(false, "default", "in_c_a"), 403, "Access denied to project own"),
            (&reader, Requirement::KeyAdmin("own".to_owned()), 403, "Access denied to project own"),
        ] {
            let problem = denied(stands, "own", &requirement);
            assert_eq!((problem.status, problem.detail.as_str()), (status, detail), "{requirement:?}");
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
