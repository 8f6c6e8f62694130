//! What a command or a route asks of the actor. Declared beside it as data; checked in one place, deny by default.

use serde::{Deserialize, Serialize};

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
    /// A part of Alluvium itself (verdicts of folds, audited remedies).
    System,
}
