//! Reading the catalogue: typed, paged, in the order the surface promises.

mod aliases;
mod asking;
mod branches;
mod files;
mod jobs;
mod links;
mod metadata;
mod multiparts;
mod paged;
mod pinned;
mod pipelines;
mod projects;
mod search;
mod settings;
mod sharing;
mod snapshots;
mod tables;
mod totals;
mod workspaces;

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_projection::ActiveSchema;
use sqlx::PgPool;

use crate::contract::ColumnSpec;
use crate::model::names::{self, MAIN_BRANCH};
use crate::pipelines::{NoPipelines, OfPipeline, PipelineTables};
use crate::undrop::UndropWindow;

pub use aliases::{AliasView, Aliases};
use asking::Asking;
pub(crate) use asking::count;
pub use files::{Ended, FileFilter};
pub use jobs::{JobFilter, JobReach, JobView};
pub use links::{LinkView, Links};
pub use metadata::{MetadataView, Said};
pub use multiparts::{EndedMultipart, MultipartView, PartView};
pub use projects::EndedProject;
pub use search::{SearchFilter, SearchView};
pub(crate) use settings::SettingsLevels;
pub use sharing::{GrantView, LinkingView, SharedView};
pub use snapshots::SnapshotFilter;
pub use totals::Totals;
pub use workspaces::{CredentialsView, EndedWorkspace, WorkspaceView};

/// How many entries a list gives when not told.
pub const LIST_LIMIT: i64 = 100;
/// How many entries a list gives at most.
pub const LIST_LIMIT_MAX: i64 = 1_000;

/// Row counts and sizes of tables, kept by their folds; never found out by opening files.
pub trait TableStats: Send + Sync + 'static {
    /// Rows and bytes of a table; `None` while nothing was folded of it.
    fn stats(&self, uid: &str) -> Option<(u64, u64)>;
}

/// Sizes of a time that nobody keeps sizes of.
struct Unknown;

impl TableStats for Unknown {
    fn stats(&self, _: &str) -> Option<(u64, u64)> {
        None
    }
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many, at most.
    pub limit: i64,
    /// How many to leave out first.
    pub offset: i64,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: LIST_LIMIT, offset: 0 }
    }
}

/// A part of a list, and how long the whole is.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The entries of this page.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
}

impl<T> Listed<T> {
    /// Each entry made into something else.
    pub fn map<U>(self, into: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(into).collect(), total: self.total }
    }
}

/// A project.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct ProjectView {
    pub id: String,
    pub uid: String,
    pub name: Option<String>,
    pub settings: String,
    pub organization: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub table_count: i64,
    pub bucket_count: i64,
    pub size_bytes: u64,
}

/// A dev branch with how much it has of its own; who created it in an actor's printed form.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct BranchView {
    pub id: String,
    pub project: String,
    pub name: String,
    pub description: Option<String>,
    pub created_at: i64,
    pub created_by: String,
    pub mode: String,
    pub table_count: u64,
    pub size_bytes: u64,
}

impl BranchView {
    /// Whether it shows the main line as it was when the branch was made.
    pub fn is_pinned(&self) -> bool {
        self.mode == names::PINNED
    }
}

/// A table that a dev branch has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTable {
    /// Its bucket.
    pub bucket: String,
    /// Its name.
    pub name: String,
    /// The main line's table that it was taken from.
    pub copy_of: Option<String>,
    /// Name of the table that the main line has in its place.
    pub main: Option<String>,
}

/// Where a dev branch differs from the main line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BranchTables {
    /// Tables it has taken from the main line: bucket, name and when; the earliest first.
    pub copied: Vec<(String, String, i64)>,
    /// Tables of the main line that it does not show: bucket and name; the earliest first.
    pub hidden: Vec<(String, String)>,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct BucketView {
    pub name: String,
    pub description: Option<String>,
    pub table_count: i64,
    /// Project and bucket that it shows, when it is a link.
    pub source: Option<(String, String)>,
}

/// Where a branch has a table from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It shows the main line's.
    Main,
    /// It is the branch's own.
    Branch,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct TableView {
    pub uid: String,
    pub source: Source,
    /// Whether it is another project's, shown by a linked bucket.
    pub is_linked: bool,
    /// What it shows of the table with this uid, when it is an alias: then columns and key are those that it shows.
    pub alias: Option<AliasView>,
    pub bucket: String,
    pub name: String,
    pub columns: Vec<ColumnSpec>,
    pub primary_key: Vec<String>,
    pub created_at: i64,
    pub changed_seq: i64,
    pub row_count: u64,
    pub size_bytes: u64,
    /// Where its rows are, when it is one of a pipeline.
    pub pipeline: Option<OfPipeline>,
}

/// A file, or an upload that is not yet one.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct FileView {
    pub id: String,
    pub project: String,
    pub name: String,
    pub content_type: Option<String>,
    pub blob: Option<String>,
    pub size_bytes: Option<i64>,
    pub tags: BTreeMap<String, String>,
    pub is_registered: bool,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    /// Hex MD5 of its content, if anybody computed it.
    pub md5: Option<String>,
    /// Its key among the project's objects, once it is registered.
    pub key: Option<String>,
    /// The branch whose keys reach it; `default` when only keys of the whole project do.
    pub branch: String,
    /// Whether its time is over.
    pub is_over: bool,
    /// Whether its content is a manifest that names other files.
    pub is_sliced: bool,
}

/// Which files of a project a caller reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReach {
    of: Option<String>,
    reads_all: bool,
}

impl FileReach {
    /// Those of one branch or of one key; all for who has the whole project. Reading may reach further.
    pub fn of(of: Option<String>, reads_all: bool) -> Self {
        Self { of, reads_all }
    }

    /// For what a caller was let in to already.
    pub fn all() -> Self {
        Self::default()
    }

    /// The branch or key whose files alone it reads.
    pub fn only(&self) -> Option<&str> {
        self.of.as_deref().filter(|_| !self.reads_all)
    }

    /// The branch or key that commands on files name.
    pub fn of_command(&self) -> String {
        self.of.clone().unwrap_or_else(|| MAIN_BRANCH.to_owned())
    }

    /// What the export of a branch is of: of the key that is one of chosen buckets, else of the branch.
    pub fn of_export(&self, branch: &str) -> String {
        self.holder().unwrap_or(branch).to_owned()
    }

    /// The key of chosen buckets whose files they are.
    pub fn holder(&self) -> Option<&str> {
        self.of.as_deref().filter(|of| names::is_key(of))
    }

    /// Whether it takes a file in.
    pub fn has(&self, file: &FileView) -> bool {
        self.only().is_none_or(|of| *of == file.branch)
    }
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the surface")]
pub struct SnapshotView {
    pub id: String,
    pub bucket: String,
    pub table: String,
    pub kind: String,
    pub description: Option<String>,
    pub created_by: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub row_count: i64,
    pub size_bytes: i64,
    pub columns: Vec<ColumnSpec>,
    pub primary_key: Vec<String>,
}

/// Reads of the catalogue. Cheap to clone.
#[derive(Clone)]
pub struct Queries {
    pool: PgPool,
    active: ActiveSchema,
    stats: Arc<dyn TableStats>,
    undrop: UndropWindow,
    pipelines: Arc<dyn PipelineTables>,
}

impl Queries {
    /// Reads of the generation that is current at each call.
    pub fn new(pool: PgPool, active: ActiveSchema, stats: Arc<dyn TableStats>) -> Self {
        Self { pool, active, stats, undrop: UndropWindow::default(), pipelines: Arc::new(NoPipelines) }
    }

    /// With what is configured of how long deleted projects can be had back.
    #[must_use]
    pub fn undrop(self, undrop: UndropWindow) -> Self {
        Self { undrop, ..self }
    }

    /// With whom to ask about pipelines that buckets show.
    #[must_use]
    pub fn pipelines(self, pipelines: Arc<dyn PipelineTables>) -> Self {
        Self { pipelines, ..self }
    }

    /// The same reads of another generation; rows and bytes are told by nobody there.
    #[must_use]
    pub fn at(&self, generation: ActiveSchema) -> Self {
        Self { active: generation, stats: Arc::new(Unknown), pipelines: Arc::new(NoPipelines), ..self.clone() }
    }

    fn schema(&self) -> Asking {
        Asking::of(self.active.current())
    }
}

/// The read models cannot be asked now.
fn unavailable(error: sqlx::Error) -> Problem {
    tracing::warn!(error = %error, "the catalogue cannot be read");
    Problem::unavailable("storage.catalogue_unavailable", "The catalogue cannot be read now. Try again.")
}

/// Text that a projection of ours wrote as JSON.
fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(error = %error, "the catalogue holds text that is not what was written");
        Problem::internal()
    })
}
