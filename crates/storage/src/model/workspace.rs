//! `workspace`: a place for scratch work beside a project's tables, from its creation to its end. What lies in it is not on the log,
//! only that it is there, who may log in, and what was brought into it.

mod create;
mod credentials;
mod end;
mod record;

use std::collections::BTreeSet;

use alluvium_kernel::{Problem, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::problem;

/// A workspace's history; its id is [`workspace_uid`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Id of the project.
    pub project: String,
    /// The incarnation of the project it belongs to.
    pub project_uid: String,
    /// The branch it is of.
    pub branch: String,
    /// Its id, as in URLs.
    pub id: String,
    /// The key whose it is; empty when it is of all keys of its branch.
    #[serde(default)]
    pub holder: String,
    /// When it is over, in microseconds since 1970; never when `None`.
    pub expires_at: Option<i64>,
    /// Ids of credentials besides those that it was made with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub credentials: BTreeSet<String>,
    /// How far it is.
    pub stage: WorkspaceStage,
}

/// How far a workspace is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkspaceStage {
    /// Never heard of.
    #[default]
    Absent,
    /// In use.
    Open,
    /// Its time is over and its objects are let go; it can still be deleted.
    Expired,
    /// Gone.
    Deleted,
}

/// What a workspace is called by itself: its id names it within one incarnation of a project only.
pub(crate) fn workspace_uid(project_uid: &str, id: &str) -> String {
    let mut hash = Sha256::new();
    // A length first: no two pairs read the same.
    hash.update((project_uid.len() as u64).to_be_bytes());
    hash.update(project_uid);
    hash.update(id);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

impl Workspace {
    /// Refuses what nobody has created, or somebody has deleted.
    fn there(&self, workspace: &str) -> Result<&Self, Problem> {
        match self.stage {
            WorkspaceStage::Open | WorkspaceStage::Expired => Ok(self),
            WorkspaceStage::Absent | WorkspaceStage::Deleted => Err(problem::workspace_not_found(workspace)),
        }
    }

    /// Refuses also what is over, whether or not anybody has let it go yet.
    fn open(&self, workspace: &str, at: Timestamp) -> Result<&Self, Problem> {
        self.there(workspace)?;
        if self.stage == WorkspaceStage::Expired || self.is_over(at) {
            return Err(problem::workspace_expired(workspace));
        }
        Ok(self)
    }

    /// Refuses what is of another branch or key than the one that the caller may change; of no key in particular, it may all.
    fn of_branch(&self, branch: &str, holder: &str) -> Result<&Self, Problem> {
        let is_of = self.branch == branch && (holder.is_empty() || self.holder == holder);
        if is_of { Ok(self) } else { Err(problem::workspace_not_found(&self.id)) }
    }

    fn is_over(&self, at: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= at.micros())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::{WorkspaceCreated, WorkspaceEvent};

    pub(crate) fn created(expires_at: Option<i64>) -> WorkspaceEvent {
        WorkspaceCreated {
            project: "Shop".into(),
            branch: "b1".into(),
            workspace: "ws_1".into(),
            name: "scratch".into(),
            expires_at,
            size_limit_bytes: 10_000_000_000,
            username: "ws_ws_1_00c0ffee".into(),
            password_hash: "$argon2id$x".into(),
            project_uid: "p1".into(),
            holder: String::new(),
        }
        .into()
    }

    #[test]
    fn a_workspace_of_another_life_of_the_project_is_another() {
        assert_eq!(workspace_uid("p1", "ws_1"), workspace_uid("p1", "ws_1"));
        assert_ne!(workspace_uid("p1", "ws_1"), workspace_uid("p2", "ws_1"));
        assert_ne!(workspace_uid("p1", "1ws_1"), workspace_uid("p11", "ws_1"));
    }
}
