//! A table as the log had it at an earlier point: its part of the log folded into a file of its own, which goes when nobody
//! reads it any more. The live file is never touched.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use alluvium_eventlog::Past;
use alluvium_kernel::{Position, Problem, Token};
use alluvium_projection::Recent;
use alluvium_tablestore::{
    Exported, Hub, Lens, Preview, PreviewSpec, Profile, ProfileMode, QueryRows, TableFile, TableSchema, TableStats,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::fold::STREAM;
use super::long::long;
use super::read::{TableExport, TableQuery, relations, run, source_elsewhere, store_problem};
use super::routing::TableId;
use super::tables::Tables;
use super::version_of::{self, content_at};
use crate::model::names::{MAIN_BRANCH, bucket_name};
use crate::past::CatalogueThen;
use crate::queries::Aliases;

/// Generations from here on are tables at earlier points, each in a directory of its own. Files keep theirs as a signed number.
pub(super) const GENERATION_MIN: u32 = 1 << 30;
/// How long folding one table may take, in seconds.
const FOLD_SECONDS_MAX: u64 = 30;
/// How long the live fold may take to reach the point first, in seconds: verdicts it has not given cannot be obeyed.
pub(super) const LIVE_WAIT_SECONDS: u64 = 5;
/// Tables that are folded at once; others wait, within their time.
const FOLDS_MAX: usize = 2;
/// How large one table's file may become, in bytes.
const FILE_BYTES_MAX: u64 = 2 << 30;
/// What kept files may take together, in bytes.
const KEPT_BYTES_MAX: u64 = 4 << 30;
/// Tables at earlier points that are kept for repeated reads.
const KEPT_MAX: usize = 32;
/// How long one is kept after its last read.
const IDLE: Duration = Duration::from_mins(1);
/// How often what nobody reads any more is let go of.
const SWEEP_EVERY: Duration = Duration::from_secs(15);

/// Tables at earlier points.
pub struct Versions {
    recent: Recent<(String, u64), Version>,
    folding: Semaphore,
}

/// One table at an earlier point. Its file goes with the last who holds this.
pub struct Version {
    /// Which table.
    pub id: TableId,
    /// Its columns and key then.
    pub schema: Arc<TableSchema>,
    /// Its rows then, and what its file takes here.
    pub stats: TableStats,
    scratch: Scratch,
}

impl Version {
    pub(super) fn new(id: TableId, schema: TableSchema, stats: TableStats, scratch: Scratch) -> Self {
        Self { id, schema: Arc::new(schema), stats, scratch }
    }

    /// Where it is.
    pub(super) fn file(&self) -> &TableFile {
        &self.scratch.file
    }
}

/// A directory of its own for one file.
pub(super) struct Scratch {
    pub(super) hub: Hub,
    pub(super) file: TableFile,
}

/// The next number of such a directory; they go with the process.
static NEXT_GENERATION: AtomicU32 = AtomicU32::new(GENERATION_MIN);

/// A number that no other generation of files has.
pub(crate) fn next_generation() -> u32 {
    NEXT_GENERATION.fetch_add(1, Ordering::Relaxed)
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (hub, generation) = (self.hub.clone(), self.file.generation);
        let remove = move || {
            if let Err(error) = hub.drop_generation(generation) {
                // The next start removes it.
                tracing::warn!(projection.generation = generation, error = %error, "a table of the past is left behind");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

impl Versions {
    /// None yet; removes what a killed process left behind.
    pub fn new(data_dir: &Path) -> Self {
        remove_left_behind(data_dir);
        Self { recent: Recent::new(KEPT_MAX, IDLE), folding: Semaphore::new(FOLDS_MAX) }
    }

    /// Lets go of what nobody reads any more, until `stop`.
    pub async fn sweep(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP_EVERY) => self.recent.sweep(),
            }
        }
    }
}

fn remove_left_behind(data_dir: &Path) {
    let Ok(entries) = std::fs::read_dir(data_dir) else { return };
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.strip_prefix('g')?.parse::<u32>().ok());
        if number.is_some_and(|number| number >= GENERATION_MIN)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), error = %error, "a table of the past cannot be removed");
        }
    }
}

impl Tables {
    /// A table with message `seq`.
    pub async fn version_of(&self, id: &TableId, seq: u64) -> Result<Arc<Version>, Problem> {
        version_of::is_readable(&self.js, self.fold().kept(), id, seq).await?;
        let made = self.versions.recent.get((id.uid.clone(), seq), Box::pin(self.fold_version(id, seq)));
        let version = tokio::time::timeout(Duration::from_secs(FOLD_SECONDS_MAX), made).await.unwrap_or_else(|_| {
            Err(over_budget(format!("Folding table {} takes longer than {FOLD_SECONDS_MAX} s.", id.table.decode())))
        })?;
        self.versions.recent.shrink(KEPT_BYTES_MAX, |version| version.stats.bytes);
        Ok(version)
    }

    /// Rows of a table at an earlier point.
    pub async fn preview_version(&self, version: Arc<Version>, spec: PreviewSpec) -> Result<Preview, Problem> {
        let read = tokio::task::spawn_blocking(move || version.scratch.hub.preview(&version.scratch.file, &spec)).await;
        read.map_err(|_| Problem::internal())?.map_err(store_problem)
    }

    /// A table at an earlier point in figures.
    pub async fn profile_version(
        &self,
        version: Arc<Version>,
        lens: Option<Lens>,
        mode: ProfileMode,
    ) -> Result<Profile, Problem> {
        let look = move || version.scratch.hub.profile_through(&version.scratch.file, lens.as_ref(), mode);
        let read = tokio::task::spawn_blocking(look).await;
        read.map_err(|_| Problem::internal())?.map_err(store_problem)
    }

    /// Writes rows of a table at an earlier point to a file of the export directory.
    pub async fn export_version(
        &self,
        version: Arc<Version>,
        export: TableExport,
        to: PathBuf,
        now_micros: i64,
    ) -> Result<Exported, Problem> {
        let spec = export.spec(&version.schema, now_micros)?;
        let write = move || version.scratch.hub.export(&version.scratch.file, &spec, &to);
        long(write).await?.map_err(store_problem)
    }

    /// Answers one SELECT over the tables of a project as they were with message `seq`, those that aliases show now among them.
    pub async fn query_then(
        &self,
        then: &CatalogueThen,
        aliases: &Aliases,
        seq: u64,
        query: TableQuery,
    ) -> Result<QueryRows, Problem> {
        let names = |parts: &[String]| match parts {
            [bucket, table] if query.may_name(parts) => match aliases.get(&bucket_name(bucket), table) {
                Some((view, alias)) => Some((then.source(MAIN_BRANCH, view).ok()?, Some(alias.lens.clone()))),
                None => Some((then.table(MAIN_BRANCH, bucket, table).ok()?, None)),
            },
            _ => None,
        };
        let mut versions: Vec<(Vec<String>, Arc<Version>, Option<Lens>)> = Vec::new();
        let is_linked = |parts: &[String]| match parts {
            [bucket, table] if query.may_name(parts) => then.link(MAIN_BRANCH, bucket, table).is_some(),
            _ => false,
        };
        for parts in relations(&query.sql, |parts| names(parts).is_some() || is_linked(parts))? {
            match names(&parts) {
                Some((id, lens)) => versions.push((parts.clone(), self.version_of(id, seq).await?, lens)),
                None if is_linked(&parts) => return Err(source_elsewhere()),
                None => {}
            }
        }
        let named = |(parts, version, lens): &(Vec<String>, Arc<Version>, Option<Lens>)| {
            (parts.clone(), version.scratch.file.clone(), lens.clone())
        };
        let files = versions.iter().map(named).collect();
        let answer = run(self.hub().clone(), files, query).await.map_err(Problem::from);
        // Held until here, so that no file goes while it is read.
        drop(versions);
        answer
    }

    async fn fold_version(&self, id: &TableId, seq: u64) -> Result<Version, Problem> {
        // Whatever stands before the point has its verdict on the log once the live fold is past it.
        let reached = Position::of(STREAM, seq);
        self.wait_table(&id.uid, &reached, Duration::from_secs(LIVE_WAIT_SECONDS)).await?;
        let _turn = self.versions.folding.acquire().await.map_err(|_| Problem::internal())?;
        let effects = Arc::new(self.fold().effects_behind());
        content_at(&self.js, self.hub(), effects, id, seq, FILE_BYTES_MAX).await
    }
}

pub(super) fn over_budget(detail: String) -> Problem {
    Problem::unavailable("storage.version_over_budget", detail)
}

/// Whose a project is, for reads of its past.
pub(crate) async fn then(past: &Past, tenant: &Token, project: &str, seq: u64) -> Result<CatalogueThen, Problem> {
    CatalogueThen::of_living(past, tenant, project, seq).await
}
