//! What a command or a route asks of the actor. Declared beside it as data; checked in one place, deny by default.

use serde::{Deserialize, Serialize};

use crate::Access;

/// The right an action needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "right", content = "project")]
pub enum Requirement {
    /// Anyone: health, documentation.
    Nothing,
    /// Any live credential.
    Authenticated,
    /// The installation's admin.
    Admin,
    /// Administration of one project: keys, buckets.
    ProjectAdmin(String),
    /// Changing data of one project.
    ProjectWrite(String),
    /// Reading one project.
    ProjectRead(String),
    /// Seeing one project as a whole (its name, its counters): for every key of it, also those of one branch.
    ProjectMember(String),
    /// Adding something to one project: for every key that may change all of it or one of its branches. What of it such a key then
    /// reaches, its command asks.
    AnyBranchWrite(String),
    /// Changing data of one branch, by project and branch; `default` is the project's main line.
    BranchWrite(String, String),
    /// Reading one branch, by project and branch.
    BranchRead(String, String),
    /// Looking at what a branch holds, of which each caller is shown what it may read: lists, queries. Also for keys of chosen
    /// buckets, which see the main branch.
    BranchList(String, String),
    /// Making something beside the tables of a branch, of which the command says more: workspaces, snapshots. Also for keys of
    /// chosen buckets, in the main branch.
    BranchWork(String, String),
    /// The same in the main branch, by a path that names no branch.
    ProjectList(String),
    /// Making something beside the tables of the main branch, by a path that names no branch.
    ProjectWork(String),
    /// Reading the tables of one bucket, by project, branch and the bucket's name.
    BucketRead(String, String, String),
    /// Changing the tables of one bucket, by project, branch and the bucket's name.
    BucketWrite(String, String, String),
    /// The buckets of one project themselves: create, delete, share, link.
    BucketAdmin(String),
    /// The keys of one project.
    KeyAdmin(String),
    /// What any live key of one project may, also one that opens nothing of it: to see itself.
    ProjectKey(String),
    /// Changing files of one project, by project and whose they are: of a branch, of the key of that id, or, where that is
    /// `default`, of anybody.
    FileWrite(String, String),
    /// Making a file of what was read, by project and whose it becomes.
    FileExport(String, String),
    /// Looking into one workspace, by project, branch and the key whose it is; empty when it is of all keys of the branch.
    WorkspaceRead(String, String, String),
    /// Changing one workspace, by the same.
    WorkspaceWrite(String, String, String),
    /// Something with one subject of the schema registry, by its qualified name.
    SchemaSubject(String, Access),
    /// Something with what is not of one subject of the schema registry: settings, modes, contexts.
    SchemaConfig(Access),
    /// Looking at the pipelines of the tenant.
    PipelineRead,
    /// Making, changing and running the pipelines of the tenant, and issuing keys that may.
    PipelineWrite,
    /// Who else may in the tenant of pipelines: its members, and the workloads that it trusts.
    PipelineAdmin,
    /// The tenants of pipelines themselves.
    PipelineOwner,
    /// All of these.
    Every(Vec<Requirement>),
    /// A part of Alluvium itself (verdicts of folds, audited remedies).
    System,
}

impl Requirement {
    /// The one project that it is about.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::ProjectAdmin(id)
            | Self::ProjectWrite(id)
            | Self::ProjectRead(id)
            | Self::ProjectMember(id)
            | Self::ProjectKey(id)
            | Self::ProjectList(id)
            | Self::ProjectWork(id)
            | Self::AnyBranchWrite(id)
            | Self::BranchWrite(id, _)
            | Self::BranchRead(id, _)
            | Self::BranchList(id, _)
            | Self::BranchWork(id, _)
            | Self::BucketRead(id, ..)
            | Self::BucketWrite(id, ..)
            | Self::BucketAdmin(id)
            | Self::KeyAdmin(id)
            | Self::FileWrite(id, _)
            | Self::FileExport(id, _)
            | Self::WorkspaceRead(id, ..)
            | Self::WorkspaceWrite(id, ..) => Some(id),
            Self::Nothing
            | Self::Authenticated
            | Self::Admin
            | Self::SchemaSubject(..)
            | Self::SchemaConfig(_)
            | Self::PipelineRead
            | Self::PipelineWrite
            | Self::PipelineAdmin
            | Self::PipelineOwner
            | Self::Every(_)
            | Self::System => None,
        }
    }
}
