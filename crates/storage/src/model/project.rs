//! `project`: the catalogue of one project. Which names stand for which incarnations of buckets and tables.

mod alias;
mod branch;
mod bucket;
mod from_file;
mod life;
mod merge;
mod organization;
mod overlay;
mod pinned;
mod restore;
pub(crate) mod settings;
mod sharing;
mod snapshot;
mod table;
mod undrop;

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{Problem, Timestamp};
use serde::{Deserialize, Serialize};

use super::names::{self, MAIN_BRANCH, fold};
use super::problem;
use crate::contract::SnapshotSettings;

pub(crate) use snapshot::{BEFORE_DROP, dropped_with};

pub use alias::{AliasRef, Aliases};
pub use overlay::{Overlay, Shown};
pub use sharing::{Level, Link, Sharing};

/// A project id's history: the project that has it now, if any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// What the project holds while it lives.
    pub live: Option<Catalogue>,
}

/// A living project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Its id, as in URLs.
    pub id: String,
    /// This incarnation of the id.
    pub uid: String,
    /// Name for people.
    pub name: Option<String>,
    /// Settings, as a JSON object.
    pub settings: String,
    /// The organisation it belongs to.
    #[serde(default)]
    pub organization: Option<String>,
    /// Dev branches by id.
    #[serde(default)]
    pub branches: BTreeMap<String, Branch>,
    /// Buckets by folded name.
    pub buckets: BTreeMap<String, Bucket>,
    /// Aliases of its tables, on all branches.
    #[serde(default)]
    pub aliases: Aliases,
    /// Snapshots by id.
    #[serde(default)]
    pub snapshots: BTreeMap<String, SnapshotRef>,
    /// What it says about snapshots of all its tables.
    #[serde(default)]
    pub snapshot_settings: Option<SnapshotSettings>,
}

/// A dev branch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// Its name, spelled as created.
    pub name: String,
    /// Where it differs from the main line.
    #[serde(default)]
    pub overlay: Overlay,
    /// The buckets that it shows, by folded name, when it is pinned; a live one shows all that the project has.
    #[serde(default)]
    pub pinned: Option<BTreeSet<String>>,
}

/// A bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its name, spelled as created.
    pub name: String,
    /// This incarnation of the name.
    pub uid: String,
    /// What it is for.
    pub description: Option<String>,
    /// Tables by folded name.
    pub tables: BTreeMap<String, TableRef>,
    /// What it says about snapshots of its tables.
    #[serde(default)]
    pub snapshot_settings: Option<SnapshotSettings>,
    /// What it shows besides them, when it is a link.
    #[serde(default)]
    pub link: Option<Link>,
    /// Who may show it, and who does.
    #[serde(default)]
    pub sharing: Sharing,
}

/// A table's name and the incarnation it stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRef {
    /// Its name, spelled as created.
    pub name: String,
    /// Id of its own aggregate and of its file.
    pub uid: String,
    /// The main line's table in whose place it stands in its branch.
    #[serde(default)]
    pub copy_of: Option<String>,
    /// What it says about its snapshots.
    #[serde(default)]
    pub snapshot_settings: Option<SnapshotSettings>,
    /// Its branch did not show the main line's table of this name before, and will not if this one never comes to be.
    #[serde(default)]
    pub hides: bool,
}

/// What a snapshot's id stands for. It outlives the table and the names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// Id of the branch it was taken on.
    pub branch: String,
    /// The bucket's name then.
    pub bucket: String,
    /// The table's name then.
    pub table: String,
    /// Which table it was.
    pub uid: String,
    /// When it goes by itself, in microseconds since 1970.
    pub expires_at: i64,
}

impl Project {
    /// The living project of exactly this id.
    pub fn live(&self, project: &str) -> Result<&Catalogue, Problem> {
        self.live.as_ref().filter(|live| live.id == project).ok_or_else(|| problem::project_not_found(project))
    }
}

impl Catalogue {
    /// Whether the project has a branch of this id.
    pub fn has_branch(&self, branch: &str) -> Result<(), Problem> {
        let is_there = branch == MAIN_BRANCH || self.branches.contains_key(branch);
        if is_there { Ok(()) } else { Err(problem::branch_not_found(branch)) }
    }

    /// Refuses what only the main line can do.
    pub fn main_only(&self, branch: &str) -> Result<(), Problem> {
        self.has_branch(branch)?;
        if branch == MAIN_BRANCH { Ok(()) } else { Err(problem::operation_not_allowed("This", branch)) }
    }

    /// The bucket of exactly this name; names are the same without case, but one spelling finds them.
    pub fn bucket(&self, name: &str) -> Result<&Bucket, Problem> {
        self.buckets
            .get(&fold(name))
            .filter(|bucket| bucket.name == name)
            .ok_or_else(|| problem::bucket_not_found(name))
    }

    /// The snapshot of this id on a branch, unless its time is over.
    pub fn snapshot(&self, branch: &str, snapshot: &str, now: Timestamp) -> Result<&SnapshotRef, Problem> {
        self.snapshots
            .get(snapshot)
            .filter(|found| found.branch == branch && found.expires_at > now.micros())
            .ok_or_else(|| problem::snapshot_not_found(snapshot))
    }

    /// The same, if it is of this bucket or of no bucket in particular.
    pub(super) fn snapshot_in(
        &self,
        branch: &str,
        snapshot: &str,
        bucket: Option<&str>,
        now: Timestamp,
    ) -> Result<&SnapshotRef, Problem> {
        let found = self.snapshot(branch, snapshot, now)?;
        match bucket {
            Some(bucket) if names::bucket_name(bucket) != found.bucket => Err(problem::snapshot_not_found(snapshot)),
            _ => Ok(found),
        }
    }

    /// How many tables there are in all buckets, those of dev branches too.
    pub fn table_count(&self) -> usize {
        self.tables().count()
    }

    /// Every table: bucket by bucket, then those that dev branches have.
    pub fn tables(&self) -> impl Iterator<Item = &TableRef> {
        let main = self.buckets.values().flat_map(|bucket| bucket.tables.values());
        main.chain(self.branches.values().flat_map(|branch| branch.overlay.tables()))
    }
}

impl Bucket {
    /// The table of exactly this name.
    pub fn table(&self, name: &str) -> Result<&TableRef, Problem> {
        self.tables
            .get(&fold(name))
            .filter(|table| table.name == name)
            .ok_or_else(|| problem::table_not_found(&self.name, name))
    }
}
