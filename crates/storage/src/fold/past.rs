//! A table as the log had it at an earlier point: its part of the log folded into a file of its own, which goes when nobody
//! reads it any more. The live file is never touched.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use alluvium_eventlog::Past;
use alluvium_kernel::{Position, Problem, Token};
use alluvium_messaging::{direct, stream_created};
use alluvium_projection::Recent;
use alluvium_tablestore::{
    Exported, Hub, Mark, Preview, PreviewSpec, Profile, ProfileMode, QueryRows, TableFile, TableSchema, TableStats,
};
use async_nats::jetstream;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::effects::Effects;
use super::fold::STREAM;
use super::history::History;
use super::lane::{Lane, LaneError, TableView};
use super::owned::Owned;
use super::progress::Progress;
use super::queue::Queue;
use super::read::{TableExport, TableQuery, relations, run, store_problem};
use super::routing::TableId;
use super::tables::Tables;
use crate::past::CatalogueThen;

/// Generations from here on are tables at earlier points, each in a directory of its own. Files keep theirs as a signed number.
pub(super) const GENERATION_MIN: u32 = 1 << 30;
/// How long folding one table may take, in seconds.
const FOLD_SECONDS_MAX: u64 = 30;
/// How long the live fold may take to reach the point first, in seconds: verdicts it has not given cannot be obeyed.
const LIVE_WAIT_SECONDS: u64 = 5;
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
    next: AtomicU32,
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

/// A directory of its own for one file.
struct Scratch {
    hub: Hub,
    file: TableFile,
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
        Self {
            recent: Recent::new(KEPT_MAX, IDLE),
            folding: Semaphore::new(FOLDS_MAX),
            next: AtomicU32::new(GENERATION_MIN),
        }
    }

    /// A number that no other generation of files has; they go with the process.
    pub(crate) fn next_generation(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
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
    /// A table with message `seq`, by the names that stood for it then.
    pub async fn version(
        &self,
        then: &CatalogueThen,
        bucket: &str,
        table: &str,
        seq: u64,
    ) -> Result<Arc<Version>, Problem> {
        self.version_of(then.table(bucket, table)?, seq).await
    }

    async fn version_of(&self, id: &TableId, seq: u64) -> Result<Arc<Version>, Problem> {
        self.is_readable(id, seq).await?;
        let made = self.versions.recent.get((id.uid.clone(), seq), Box::pin(self.fold_version(id, seq)));
        let version = tokio::time::timeout(Duration::from_secs(FOLD_SECONDS_MAX), made).await.unwrap_or_else(|_| {
            Err(over_budget(format!("Folding table {} takes longer than {FOLD_SECONDS_MAX} s.", id.table.decode())))
        })?;
        self.versions.recent.shrink(KEPT_BYTES_MAX, |version| version.stats.bytes);
        Ok(version)
    }

    /// Whether the log still has what a table held: all its rows, or a checkpoint and all rows since.
    async fn is_readable(&self, id: &TableId, seq: u64) -> Result<(), Problem> {
        let expired = |detail: String| Err(Problem::new("storage.version_expired", 410, detail));
        let fold = self.fold();
        let kept = fold.effects.kept();
        if kept.lost(&self.js).await? > 0 {
            return expired(format!(
                "Messages of {STREAM} are gone that no recorded purge took: the rows of then cannot be told."
            ));
        }
        kept.refresh(&self.js, id).await?;
        let table = id.table.decode();
        if kept.is_gone(id) {
            return expired(format!("Table {table} was dropped, and the rows it had are purged."));
        }
        let Some(oldest) = kept.table(&id.uid).filter(|table| table.floor > seq) else { return Ok(()) };
        let position = Position::of(STREAM, oldest.floor);
        let oldest = oldest.floor;
        let detail =
            format!("Rows of table {table} up to {oldest} are purged: it can be read from {STREAM}:{oldest} on.");
        let details = serde_json::json!({ "oldest": format!("{STREAM}:{oldest}"), "position": position });
        Err(Problem::new("storage.version_expired", 410, detail).with_details(details))
    }

    /// Rows of a table at an earlier point.
    pub async fn preview_version(&self, version: Arc<Version>, spec: PreviewSpec) -> Result<Preview, Problem> {
        let read = tokio::task::spawn_blocking(move || version.scratch.hub.preview(&version.scratch.file, &spec)).await;
        read.map_err(|_| Problem::internal())?.map_err(store_problem)
    }

    /// A table at an earlier point in figures.
    pub async fn profile_version(&self, version: Arc<Version>, mode: ProfileMode) -> Result<Profile, Problem> {
        let read = tokio::task::spawn_blocking(move || version.scratch.hub.profile(&version.scratch.file, mode)).await;
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
        tokio::task::spawn_blocking(write).await.map_err(|_| Problem::internal())?.map_err(store_problem)
    }

    /// Answers one SELECT over the tables of a project as they were with message `seq`.
    pub async fn query_then(&self, then: &CatalogueThen, seq: u64, query: TableQuery) -> Result<QueryRows, Problem> {
        let names = |parts: &[String]| match parts {
            [bucket, table] => then.table(bucket, table).ok(),
            _ => None,
        };
        let mut versions: Vec<(Vec<String>, Arc<Version>)> = Vec::new();
        for parts in relations(&query.sql, |parts| names(parts).is_some())? {
            if let Some(id) = names(&parts) {
                versions.push((parts.clone(), self.version_of(id, seq).await?));
            }
        }
        let files = versions.iter().map(|(parts, version)| (parts.clone(), version.scratch.file.clone())).collect();
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
        let generation = self.versions.next_generation();
        let scratch = Scratch { hub: self.hub().clone(), file: id.file(generation) };
        let (created, _) = stream_created(&self.js, STREAM).await?;
        let effects = Arc::new(self.fold().effects_behind());
        let lane = lane(id, &scratch, &self.js, effects, created.micros());
        let mut mark = None;
        lane.rebase(seq + 1, &mut mark).await.map_err(|error| failed(id, error))?;
        let began = mark.as_ref().map_or(id.created_seq, |mark: &Mark| mark.seq);
        let mut next = began;
        loop {
            let mut history = History::open(&self.js, id, next, seq + 1).await?;
            while let Some(batch) = history.next().await? {
                next = batch.last().map_or(next, |item| item.seq + 1);
                lane.take_recovered(&batch, &mut mark).await.map_err(|error| failed(id, error))?;
                if lane.view().bytes > FILE_BYTES_MAX {
                    let detail = format!("Table {} takes more than {FILE_BYTES_MAX} bytes.", id.table.decode());
                    return Err(over_budget(detail));
                }
            }
            // A replica that is behind ends too early; the leader knows.
            if !self.has_more(id, next, seq).await? {
                break;
            }
        }
        if lane.was_purged_above(began).await.map_err(|error| failed(id, error))? {
            let detail = "Rows of the table were purged while it was folded; ask again.";
            return Err(Problem::unavailable("storage.table_unavailable", detail));
        }
        let (schema, stats) = read(&scratch).await?;
        // Not there: the point lies inside the commit that creates it.
        let schema =
            schema.ok_or_else(|| crate::model::problem::table_not_found(&id.bucket.decode(), &id.table.decode()))?;
        Ok(Version { id: id.clone(), schema: Arc::new(schema), stats, scratch })
    }

    async fn has_more(&self, id: &TableId, from: u64, up_to: u64) -> Result<bool, Problem> {
        let events = id.event_subject().map_err(|_| Problem::internal())?;
        for subject in [events, id.rows_subject()] {
            let next = direct::leader_next(&self.js, STREAM, &subject, from).await?;
            if next.is_some_and(|next| next.seq <= up_to) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A lane that nobody feeds but the fold above; it tells nobody anything.
fn lane(id: &TableId, scratch: &Scratch, js: &jetstream::Context, effects: Arc<Effects>, created_micros: i64) -> Lane {
    Lane {
        id: id.clone(),
        file: scratch.file.clone(),
        queue: Queue::new(&id.uid),
        view: RwLock::new(TableView::default()),
        stream_created_micros: created_micros,
        schemas: Mutex::default(),
        decoder: Mutex::default(),
        at: AtomicU64::new(id.created_seq),
        remedy: tokio::sync::Mutex::default(),
        js: js.clone(),
        hub: scratch.hub.clone(),
        effects,
        progress: Arc::new(Progress::starting_at(0)),
        suspected: Notify::new(),
        owned: Arc::new(Owned::everything()),
        decided: AtomicU64::new(0),
        catch_up: None,
        stop: CancellationToken::new(),
        ended: CancellationToken::new(),
    }
}

async fn read(scratch: &Scratch) -> Result<(Option<TableSchema>, TableStats), Problem> {
    let (hub, file) = (scratch.hub.clone(), scratch.file.clone());
    let read = tokio::task::spawn_blocking(move || {
        let schema = hub.schema(&file)?;
        let stats = if schema.is_some() { hub.stats(&file)? } else { TableStats { rows: 0, bytes: 0 } };
        Ok::<_, alluvium_tablestore::Error>((schema, stats))
    });
    read.await.map_err(|_| Problem::internal())?.map_err(store_problem)
}

fn failed(id: &TableId, error: LaneError) -> Problem {
    match error {
        LaneError::Effect(problem) => problem,
        error => {
            tracing::error!(table.id = %id.uid, error = %error, "a table could not be folded to an earlier point");
            Problem::unavailable(
                "storage.table_unavailable",
                "the table as it was then cannot be folded now; try again",
            )
        }
    }
}

fn over_budget(detail: String) -> Problem {
    Problem::unavailable("storage.version_over_budget", detail)
}

/// Whose a project is, for reads of its past.
pub(crate) async fn then(past: &Past, tenant: &Token, project: &str, seq: u64) -> Result<CatalogueThen, Problem> {
    CatalogueThen::of_living(past, tenant, project, seq).await
}
