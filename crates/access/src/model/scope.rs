//! How much of its project a key opens.

use serde::{Deserialize, Serialize};

/// The name of the scope of keys that open their project.
pub const PROJECT_ADMIN: &str = "project_admin";
/// The name of the scope of keys that read and change one branch.
pub const BRANCH_ADMIN: &str = "branch_admin";
/// The name of the scope of keys that read one branch.
pub const BRANCH_READ: &str = "branch_read";
/// The name of the scope of keys that open nothing of their project, and the schema registry as far as their rights go.
pub const REGISTRY: &str = "registry";

/// How much of its project a key opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// All of it.
    #[default]
    Project,
    /// One branch.
    Branch {
        /// Which.
        id: String,
        /// Whether it may change it.
        writes: bool,
    },
    /// Nothing of it.
    Registry,
}

impl Scope {
    /// Of a scope's name and the branch that goes with it; `None` for what is no scope of this release.
    pub fn of(name: &str, branch: Option<&str>) -> Option<Self> {
        match (name, branch) {
            (PROJECT_ADMIN, None) => Some(Self::Project),
            (BRANCH_ADMIN, Some(id)) => Some(Self::Branch { id: id.to_owned(), writes: true }),
            (BRANCH_READ, Some(id)) => Some(Self::Branch { id: id.to_owned(), writes: false }),
            (REGISTRY, None) => Some(Self::Registry),
            _ => None,
        }
    }

    /// The same for what stands on the log already: what a newer release put there opens nothing of the project here.
    pub(crate) fn logged(name: &str, branch: Option<&str>) -> Self {
        Self::of(name, branch).unwrap_or(Self::Registry)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Project => PROJECT_ADMIN,
            Self::Branch { writes: true, .. } => BRANCH_ADMIN,
            Self::Branch { writes: false, .. } => BRANCH_READ,
            Self::Registry => REGISTRY,
        }
    }

    /// The one branch it opens.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch { id, .. } => Some(id),
            Self::Project | Self::Registry => None,
        }
    }

    /// Whether it opens anything of its project to change it.
    pub(crate) fn writes_any(&self) -> bool {
        matches!(self, Self::Project | Self::Branch { writes: true, .. })
    }

    /// Whether it opens a branch to read it.
    pub(crate) fn reads(&self, branch: &str) -> bool {
        match self {
            Self::Project => true,
            Self::Branch { id, .. } => id == branch,
            Self::Registry => false,
        }
    }

    /// Whether it opens a branch to change it.
    pub(crate) fn writes(&self, branch: &str) -> bool {
        match self {
            Self::Project => true,
            Self::Branch { id, writes } => *writes && id == branch,
            Self::Registry => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_what_its_name_and_branch_say() {
        for (name, branch) in
            [(PROJECT_ADMIN, None), (REGISTRY, None), (BRANCH_ADMIN, Some("b")), (BRANCH_READ, Some("b"))]
        {
            let scope = Scope::of(name, branch).unwrap();
            assert_eq!((scope.name(), scope.branch()), (name, branch));
            let other = if branch.is_some() { None } else { Some("b") };
            assert_eq!((Scope::of(name, other), Scope::logged(name, other)), (None, Scope::Registry), "{name}");
        }
        assert_eq!(Scope::of("owner", None), None);
    }
}
