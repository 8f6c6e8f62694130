//! Where keys are asked for: mints, sends the command, waits until it holds. The same for routes, for the hooks of other
//! contexts and for the policy that follows deletions.

use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::seals::Forgotten;
use alluvium_eventlog::{BoundedContext as _, CommandClient, CommandRequest};
use alluvium_http::{Principal, Seed};
use alluvium_kernel::{Actor, Outcome, Position, Problem, Timestamp, Token, Verdict};
use alluvium_messaging::{ContractSet as _, SealedField, direct};
use alluvium_projection::Freshness;

use crate::access::Access;
use crate::context::AccessContext;
use crate::contract::{
    Command, ForgetPerson, ForgetProject, ForgetTenant, GrantPublishers, IssueKey, RevokeBranchKeys, RevokeKey,
    RevokeProjectKeys, RotateKey, UpdateKey,
};
use crate::error;
use crate::keys::{self, Minted, Secret};
use crate::live::{LIVE, STREAM};
use crate::model::{PERSON_CHARS_MAX, Permissions, Rights, Scope};
use crate::projection::PROJECTION;
use crate::queries::{KeyRecord, sealed_fields};

/// How long a command's outcome is waited for, in milliseconds.
const OUTCOME_WAIT_MS: u64 = 15_000;
/// How long the folds are waited for after an outcome, in milliseconds.
const VISIBLE_WAIT_MS: u64 = 30_000;
/// How long the destruction of keys is waited for, in milliseconds, and how often it is looked for.
const FORGOTTEN_WAIT_MS: u64 = 30_000;
const FORGOTTEN_LOOK_MS: u64 = 20;
/// What a key that comes with a project is for.
const FIRST_KEY: &str = "Project admin key (created with project)";
/// The role under which this context acts by itself.
pub(crate) const ROLE: &str = "access";

/// What a new key should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKey {
    /// How much of its project it opens.
    pub scope: Scope,
    /// What it may in the schema registry, in printed form.
    pub rights: Vec<String>,
    /// What it is for.
    pub description: String,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// Who holds it, if anybody is named.
    pub person: Option<String>,
}

/// Whom to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Forget {
    /// A person, by the name that keys give.
    Person(String),
    /// A project.
    Project(String),
    /// The caller's tenant, by its id.
    Tenant(String),
}

impl Forget {
    /// `person`, `project` or `tenant`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::Project(_) => "project",
            Self::Tenant(_) => "tenant",
        }
    }
}

/// A key that was issued now: the only moment in which its secret is known.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    /// What may be known of it later.
    pub record: KeyRecord,
    /// The key itself.
    pub secret: Secret,
    /// Where it stands on the log.
    pub position: Position,
}

/// Which files of a project are a caller's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Those of this branch, or of the key of this id; none where all of the project's are.
    pub of: Option<String>,
    /// Whether it may read the others all the same.
    pub reads_all: bool,
}

/// Issues and revokes keys. Cheap to clone.
#[derive(Clone)]
pub struct KeyDesk {
    access: Arc<Access>,
    client: CommandClient,
    freshness: Freshness,
}

impl KeyDesk {
    /// Over a client whose signature the command workers believe.
    pub fn new(access: Arc<Access>, client: CommandClient, freshness: Freshness) -> Self {
        Self { access, client, freshness }
    }

    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    pub(crate) fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Issues a key of a project and waits until it works and is listed.
    pub async fn issue(&self, by: &Principal, project: &str, key: NewKey) -> Result<IssuedKey, Problem> {
        let minted = keys::mint(self.access.pepper(), project, &key.scope, &by.seed);
        let command = IssueKey {
            project: project.to_owned(),
            key: minted.id.clone(),
            digest: minted.digest.clone(),
            prefix: minted.prefix.clone(),
            scope: key.scope.name().to_owned(),
            branch: key.scope.branch().map(str::to_owned),
            description: key.description,
            expires_at: key.expires_at.map(Timestamp::micros),
            rights: key.rights.clone(),
            permissions: key.scope.permissions().map(Permissions::contract),
            person: key.person.clone(),
        };
        let accepted = self.ask(by, Command::Keyring(command.into())).await?;
        self.issued(accepted, minted, project, &by.tenant, (&key.scope, key.rights)).await
    }

    /// Changes what is said of a key, or what it may; waits until that holds here. What is not given stays as it is.
    pub async fn update(&self, by: &Principal, command: UpdateKey) -> Result<Position, Problem> {
        let accepted = self.ask(by, Command::Keyring(command.into())).await?;
        self.visible(&accepted.position).await?;
        Ok(accepted.position)
    }

    /// Issues a key in the place of another, which works on for `grace_seconds`; waits until all of that holds here.
    pub async fn rotate(&self, by: &Principal, key: KeyRecord, grace_seconds: i64) -> Result<IssuedKey, Problem> {
        let (branch, permissions) = (key.branch.as_deref(), key.permissions.as_ref().map(Permissions::logged));
        let scope =
            Scope::of(&key.scope, branch, permissions).ok_or_else(|| error::unsupported_scope(&key.scope, branch))?;
        let minted = keys::mint(self.access.pepper(), &key.project, &scope, &by.seed);
        let command = RotateKey {
            project: key.project.clone(),
            key: key.id,
            successor: minted.id.clone(),
            digest: minted.digest.clone(),
            prefix: minted.prefix.clone(),
            rights: key.rights.clone(),
            grace_seconds,
        };
        let accepted = self.ask(by, Command::Keyring(command.into())).await?;
        self.issued(accepted, minted, &key.project, &by.tenant, (&scope, key.rights)).await
    }

    /// The key that an accepted command made, once it works and is listed.
    async fn issued(
        &self,
        accepted: Accepted,
        minted: Minted,
        project: &str,
        tenant: &Token,
        (scope, rights): (&Scope, Vec<String>),
    ) -> Result<IssuedKey, Problem> {
        self.visible(&accepted.position).await?;
        let result = &accepted.result;
        let (Some(issued_at), Some(description)) = (result["issued_at"].as_i64(), result["description"].as_str())
        else {
            tracing::error!(key.id = minted.id, "the outcome of a key does not say when it was issued, or what for");
            return Err(Problem::internal());
        };
        let mut record = KeyRecord {
            id: minted.id,
            project: project.to_owned(),
            branch: scope.branch().map(str::to_owned),
            prefix: minted.prefix,
            scope: scope.name().to_owned(),
            rights,
            permissions: scope.permissions().map(Permissions::contract),
            description: description.to_owned(),
            person: result["person"].as_str().map(str::to_owned),
            issued_at: Timestamp::from_micros(issued_at),
            expires_at: result["expires_at"].as_i64().map(Timestamp::from_micros),
            last_used_at: None,
            revoked: false,
        };
        self.client.seals().open(tenant, sealed_fields(&mut record).collect()).await?;
        Ok(IssuedKey { record, secret: minted.secret, position: accepted.position })
    }

    /// The key that comes with a new project.
    pub async fn issue_first_key(&self, by: &Principal, project: &str) -> Result<IssuedKey, Problem> {
        self.issue(by, project, NewKey { description: FIRST_KEY.to_owned(), ..NewKey::default() }).await
    }

    /// Revokes a key and waits until it is dead here. Again on a dead key: nothing happens.
    pub async fn revoke(&self, by: &Principal, project: &str, key: &str) -> Result<Position, Problem> {
        let command = RevokeKey { project: project.to_owned(), key: key.to_owned() };
        let accepted = self.ask(by, Command::Keyring(command.into())).await?;
        self.visible(&accepted.position).await?;
        Ok(accepted.position)
    }

    /// Revokes every key of a project that was issued up to `before`, or by such a key, and waits until they are dead here.
    pub async fn revoke_all(&self, by: &Principal, project: &str, before: Timestamp) -> Result<Position, Problem> {
        let id = by.seed.command_id("RevokeProjectKeys");
        let position = self.revoke_all_as(&by.tenant, project, before, &id).await?;
        self.visible(&position).await?;
        Ok(position)
    }

    /// The same under a given command id, without waiting for the folds.
    pub(crate) async fn revoke_all_as(
        &self,
        tenant: &Token,
        project: &str,
        before: Timestamp,
        command_id: &str,
    ) -> Result<Position, Problem> {
        let command = RevokeProjectKeys { project: project.to_owned(), issued_before: before.micros() };
        self.follow(tenant, command_id, Command::Keyring(command.into())).await
    }

    /// The project that a caller's key is of; none for callers without a key. A key that is not known here is refused.
    pub fn project_of(&self, caller: &Principal) -> Result<Option<String>, Problem> {
        let Actor::Key(id) = &caller.actor else { return Ok(None) };
        let key = self.access.follower().get()?.by_id(&caller.tenant, id);
        Ok(Some(key.ok_or_else(|| error::access_denied(""))?.project.clone()))
    }

    /// The live key that has what was made with this one: itself, or the one that came in its place; itself, where none is live.
    pub fn present(&self, tenant: &Token, key: &str) -> Result<String, Problem> {
        let found = self.access.follower().get()?.of_holder(tenant, key, self.access.now());
        Ok(found.map_or_else(|| key.to_owned(), |key| key.id.clone()))
    }

    /// Which files and workspaces of its project are a caller's own. A key that is not known here is refused.
    pub fn belongings(&self, caller: &Principal) -> Result<Belongings, Problem> {
        let Actor::Key(id) = &caller.actor else { return Ok(Belongings::default()) };
        let key = self.access.follower().get()?.by_id(&caller.tenant, id);
        let key = key.ok_or_else(|| error::access_denied(""))?;
        Ok(match &key.scope {
            Scope::Project | Scope::Registry | Scope::Pipelines { .. } => Belongings::default(),
            Scope::Branch { id, .. } => Belongings { of: Some(id.clone()), reads_all: false },
            Scope::Custom(may) => Belongings { of: Some(key.holder.clone()), reads_all: may.read_all_files },
        })
    }

    /// Revokes every key of a branch and waits until they are dead here.
    pub async fn revoke_branch(&self, by: &Principal, project: &str, branch: &str) -> Result<Position, Problem> {
        let id = by.seed.command_id("RevokeBranchKeys");
        let position = self.revoke_branch_as(&by.tenant, project, branch, &id).await?;
        self.visible(&position).await?;
        Ok(position)
    }

    /// The same under a given command id, without waiting for the folds.
    pub(crate) async fn revoke_branch_as(
        &self,
        tenant: &Token,
        project: &str,
        branch: &str,
        command_id: &str,
    ) -> Result<Position, Problem> {
        let command = RevokeBranchKeys { project: project.to_owned(), branch: branch.to_owned() };
        self.follow(tenant, command_id, Command::Keyring(command.into())).await
    }

    /// Sends a command about the installation or a tenant's members, whoever's tenant it is, and waits until it holds here; gives
    /// what came of it.
    pub(crate) async fn tell(
        &self,
        tenant: &Token,
        by: &Actor,
        seed: &Seed,
        command: Command,
    ) -> Result<(serde_json::Value, Position), Problem> {
        let request = request(tenant, by, &seed.command_id(command.name()), &command);
        let wait = Duration::from_millis(OUTCOME_WAIT_MS);
        let accepted = accepted(self.client.send(&request, wait).await?)?;
        self.freshness.wait(&accepted.position, &[LIVE], Duration::from_millis(VISIBLE_WAIT_MS)).await?;
        Ok((accepted.result, accepted.position))
    }

    /// Opens what is sealed.
    pub(crate) async fn open(&self, tenant: &Token, fields: Vec<SealedField<'_>>) -> Result<(), Problem> {
        self.client.seals().open(tenant, fields).await
    }

    /// Sends a command of this context's own, which follows from what happened elsewhere.
    async fn follow(&self, tenant: &Token, command_id: &str, command: Command) -> Result<Position, Problem> {
        let request = request(tenant, &Actor::System(ROLE.to_owned()), command_id, &command);
        Ok(accepted(self.client.send(&request, Duration::from_millis(OUTCOME_WAIT_MS)).await?)?.position)
    }

    /// Sets what unsigned messages of a tenant may do, and waits until it holds here.
    pub async fn grant_publishers(&self, by: &Principal, rights: Rights) -> Result<Position, Problem> {
        let command = Command::Tenant(GrantPublishers { rights: rights.as_str().to_owned() }.into());
        let accepted = self.ask(by, command).await?;
        self.visible(&accepted.position).await?;
        Ok(accepted.position)
    }

    /// Forgets, and waits until the keys are destroyed; gives what the log knows it by.
    pub async fn forget(&self, by: &Principal, whom: Forget) -> Result<(String, Position), Problem> {
        let seals = self.client.seals();
        let (id, command, what) = match whom {
            Forget::Person(name) => {
                if !(1..=PERSON_CHARS_MAX).contains(&name.chars().count()) {
                    return Err(error::cannot_forget(&format!("`person` takes 1 to {PERSON_CHARS_MAX} characters")));
                }
                let person = seals.person(&by.tenant, &name);
                (person.clone(), ForgetPerson { person: person.clone() }.into(), Forgotten::Person(person))
            }
            Forget::Project(project) => {
                let forgotten = Forgotten::Project(project.clone(), 0);
                (project.clone(), ForgetProject { project }.into(), forgotten)
            }
            Forget::Tenant(tenant) => (tenant.clone(), ForgetTenant { tenant }.into(), Forgotten::Tenant),
        };
        let position = self.ask(by, Command::Tenant(command)).await?.position;
        let what = match what {
            Forgotten::Project(project, _) => {
                let event = direct::leader_at(self.client.log(), STREAM, position.seq(STREAM)).await?;
                let event = event.ok_or_else(Problem::internal)?;
                Forgotten::Project(project, event.time.micros())
            }
            what => what,
        };
        self.destroyed(&by.tenant, &what).await?;
        Ok((id, position))
    }

    /// Waits until keys are destroyed.
    async fn destroyed(&self, tenant: &Token, what: &Forgotten) -> Result<(), Problem> {
        let began = tokio::time::Instant::now();
        while !self.client.seals().is_forgotten(tenant, what).await? {
            if began.elapsed() > Duration::from_millis(FORGOTTEN_WAIT_MS) {
                let detail = "It is on the log, and will be done; that the keys are destroyed is not known yet.";
                return Err(Problem::unavailable("command.timeout", detail));
            }
            tokio::time::sleep(Duration::from_millis(FORGOTTEN_LOOK_MS)).await;
        }
        Ok(())
    }

    /// Waits until a position shows in every read and in every decision on who may, in this process.
    pub(crate) async fn visible(&self, position: &Position) -> Result<(), Problem> {
        self.freshness.wait(position, &[LIVE, PROJECTION], Duration::from_millis(VISIBLE_WAIT_MS)).await
    }

    /// Sends a command of a caller's request; of one that was begun before, what was decided then stands.
    async fn ask(&self, by: &Principal, command: Command) -> Result<Accepted, Problem> {
        let request = request(&by.tenant, &by.actor, &by.seed.command_id(command.name()), &command);
        let wait = Duration::from_millis(OUTCOME_WAIT_MS);
        accepted(if by.seed.is_again() {
            self.client.send_again(&request, wait).await?
        } else {
            self.client.send(&request, wait).await?
        })
    }
}

fn request(tenant: &Token, actor: &Actor, command_id: &str, command: &Command) -> CommandRequest {
    CommandRequest {
        tenant: tenant.clone(),
        context: AccessContext::NAME.to_owned(),
        command: command.name().to_owned(),
        command_id: command_id.to_owned(),
        actor: actor.clone(),
        payload: command.to_avro().into(),
        trace_parent: None,
    }
}

fn accepted(outcome: Outcome) -> Result<Accepted, Problem> {
    match outcome.verdict {
        Verdict::Accepted { position, result, .. } => Ok(Accepted { position, result }),
        Verdict::Rejected { problem } => Err(problem),
    }
}

struct Accepted {
    position: Position,
    result: serde_json::Value,
}
