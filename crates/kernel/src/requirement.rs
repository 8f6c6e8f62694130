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
    /// Something with one subject of the schema registry, by its qualified name.
    SchemaSubject(String, Access),
    /// Something with what is not of one subject of the schema registry: settings, modes, contexts.
    SchemaConfig(Access),
    /// All of these.
    Every(Vec<Requirement>),
    /// A part of Alluvium itself (verdicts of folds, audited remedies).
    System,
}
