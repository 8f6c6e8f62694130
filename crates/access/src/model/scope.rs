//! How much of its project a key opens.

use alluvium_kernel::{Access, BucketReach};
use serde::{Deserialize, Serialize};

use super::Permissions;
use crate::contract::KeyPermissions;

/// The name of the scope of keys that open their project.
pub const PROJECT_ADMIN: &str = "project_admin";
/// The name of the scope of keys that read and change one branch.
pub const BRANCH_ADMIN: &str = "branch_admin";
/// The name of the scope of keys that read one branch.
pub const BRANCH_READ: &str = "branch_read";
/// The name of the scope of keys that open chosen buckets of the main branch, and what else their permissions say.
pub const CUSTOM: &str = "custom";
/// The name of the scope of keys that open nothing of their project, and the schema registry as far as their rights go.
pub const REGISTRY: &str = "registry";
/// The name of the scope of keys that look at the pipelines of their tenant.
pub const PIPELINES_READ: &str = "pipelines_read";
/// The name of the scope of keys that may all with the pipelines of their tenant.
pub const PIPELINES_WRITE: &str = "pipelines_write";

/// The keyring of the keys of a tenant's pipelines, which belong to no project; no project can be called so.
pub const PIPELINES_KEYRING: &str = "@pipelines";

/// The branch that every project has, which keys of chosen buckets are for.
const MAIN_BRANCH: &str = "default";

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
    /// What its permissions say.
    Custom(Permissions),
    /// Nothing of any project, but the pipelines of the tenant.
    Pipelines {
        /// Whether it may change and run them, and issue such keys.
        writes: bool,
    },
}

impl Scope {
    /// Of a scope's name and what goes with it; `None` for what is no scope of this release.
    pub fn of(name: &str, branch: Option<&str>, permissions: Option<Permissions>) -> Option<Self> {
        match (name, branch, permissions) {
            (PROJECT_ADMIN, None, None) => Some(Self::Project),
            (BRANCH_ADMIN, Some(id), None) => Some(Self::Branch { id: id.to_owned(), writes: true }),
            (BRANCH_READ, Some(id), None) => Some(Self::Branch { id: id.to_owned(), writes: false }),
            (CUSTOM, None, Some(permissions)) => Some(Self::Custom(permissions)),
            (REGISTRY, None, None) => Some(Self::Registry),
            (PIPELINES_READ, None, None) => Some(Self::Pipelines { writes: false }),
            (PIPELINES_WRITE, None, None) => Some(Self::Pipelines { writes: true }),
            _ => None,
        }
    }

    /// The same for what stands on the log already: what a newer release put there opens nothing of the project here.
    pub(crate) fn logged(name: &str, branch: Option<&str>, permissions: Option<&KeyPermissions>) -> Self {
        Self::of(name, branch, permissions.map(Permissions::logged)).unwrap_or(Self::Registry)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Project => PROJECT_ADMIN,
            Self::Branch { writes: true, .. } => BRANCH_ADMIN,
            Self::Branch { writes: false, .. } => BRANCH_READ,
            Self::Registry => REGISTRY,
            Self::Custom(_) => CUSTOM,
            Self::Pipelines { writes: false } => PIPELINES_READ,
            Self::Pipelines { writes: true } => PIPELINES_WRITE,
        }
    }

    /// The one branch it opens.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::Branch { id, .. } => Some(id),
            Self::Project | Self::Registry | Self::Custom(_) | Self::Pipelines { .. } => None,
        }
    }

    /// Its permissions, where it has them.
    pub fn permissions(&self) -> Option<&Permissions> {
        match self {
            Self::Custom(permissions) => Some(permissions),
            Self::Project | Self::Branch { .. } | Self::Registry | Self::Pipelines { .. } => None,
        }
    }

    /// Whether it opens all that another does: who has this one may give that one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pipelines { writes }, Self::Pipelines { writes: other }) => *writes || !other,
            // Pipelines are of the tenant: no key of a project gives them, and none of them opens anything of a project.
            (_, Self::Pipelines { .. }) | (Self::Pipelines { .. }, _) => false,
            (Self::Project, _) | (_, Self::Registry) => true,
            (Self::Custom(own), Self::Custom(other)) => own.cover(other),
            (Self::Branch { .. } | Self::Registry | Self::Custom(_), _) => false,
        }
    }

    /// Whether it opens anything of its project to change it: buckets, or files of its own.
    pub(crate) fn writes_any(&self) -> bool {
        matches!(self, Self::Project | Self::Branch { writes: true, .. } | Self::Custom(_))
    }

    /// Whether it opens a branch to read it.
    pub(crate) fn reads(&self, branch: &str) -> bool {
        match self {
            Self::Project => true,
            Self::Branch { id, .. } => id == branch,
            Self::Custom(may) => may.manage_buckets && branch == MAIN_BRANCH,
            Self::Registry | Self::Pipelines { .. } => false,
        }
    }

    /// Whether it opens a branch to change it.
    pub(crate) fn writes(&self, branch: &str) -> bool {
        match self {
            Self::Project => true,
            Self::Branch { id, writes } => *writes && id == branch,
            Self::Custom(may) => may.manage_buckets && branch == MAIN_BRANCH,
            Self::Registry | Self::Pipelines { .. } => false,
        }
    }

    /// Its permissions in a branch, where they are what counts there.
    pub(crate) fn in_parts(&self, branch: &str) -> Option<&Permissions> {
        self.permissions().filter(|_| branch == MAIN_BRANCH)
    }

    /// Whether it opens the tables of a bucket in a branch, to this.
    pub(crate) fn bucket(&self, branch: &str, bucket: &str, asked: Access) -> bool {
        let whole = if asked == Access::Read { self.reads(branch) } else { self.writes(branch) };
        whole || self.in_parts(branch).is_some_and(|may| may.on(bucket, asked))
    }

    /// Whether it opens files to change them that are of a branch, of a key, or of anybody; `holder` is whose are its own.
    pub(crate) fn writes_files(&self, of: &str, holder: &str) -> bool {
        match self {
            Self::Project => true,
            Self::Branch { id, writes } => *writes && id == of,
            Self::Custom(_) => of == holder,
            Self::Registry | Self::Pipelines { .. } => false,
        }
    }

    /// Which buckets it opens to read their tables, in the branches that it opens.
    pub(crate) fn readable(&self) -> BucketReach {
        match self {
            Self::Project | Self::Branch { .. } => BucketReach::everything(),
            Self::Custom(may) => may.readable(),
            Self::Registry | Self::Pipelines { .. } => BucketReach::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::permissions::tests::of;
    use super::*;

    #[test]
    fn a_scope_is_what_its_name_and_branch_say() {
        for (name, branch) in
            [(PROJECT_ADMIN, None), (REGISTRY, None), (BRANCH_ADMIN, Some("b")), (BRANCH_READ, Some("b"))]
        {
            let scope = Scope::of(name, branch, None).unwrap();
            assert_eq!((scope.name(), scope.branch()), (name, branch));
            let other = if branch.is_some() { None } else { Some("b") };
            let logged = Scope::logged(name, other, None);
            assert_eq!((Scope::of(name, other, None), logged), (None, Scope::Registry), "{name}");
            assert_eq!(Scope::of(name, branch, Some(of(&[]))), None, "{name}");
        }
        assert_eq!(Scope::of(CUSTOM, None, Some(of(&["a:read"]))).unwrap().name(), CUSTOM);
        assert_eq!(Scope::of(CUSTOM, None, None), None);
        assert_eq!(Scope::of(CUSTOM, Some("b"), Some(of(&[]))), None);
        assert_eq!(Scope::of("owner", None, None), None);
    }

    #[test]
    fn a_scope_covers_what_it_opens() {
        let branch = Scope::Branch { id: "b".into(), writes: true };
        let (wide, narrow) = (Scope::Custom(of(&["a:write"])), Scope::Custom(of(&["a:read"])));
        for other in [&Scope::Project, &branch, &wide, &Scope::Registry] {
            assert!(Scope::Project.covers(other));
        }
        assert!(wide.covers(&narrow) && !narrow.covers(&wide) && narrow.covers(&Scope::Registry));
        for other in [&Scope::Project, &branch] {
            assert!(!wide.covers(other) && !Scope::Registry.covers(other));
        }
        assert!(!branch.covers(&narrow) && !branch.covers(&branch));
    }

    #[test]
    fn pipelines_are_given_by_keys_of_pipelines_only() {
        let (write, read) = (Scope::Pipelines { writes: true }, Scope::Pipelines { writes: false });
        assert!(write.covers(&write) && write.covers(&read) && read.covers(&read) && !read.covers(&write));
        for other in [Scope::Project, Scope::Custom(of(&["a:write"])), Scope::Registry] {
            assert!(!other.covers(&read) && !write.covers(&other), "{other:?}");
        }
        for scope in [write, read] {
            assert_eq!(Scope::of(scope.name(), None, None), Some(scope));
        }
    }
}
