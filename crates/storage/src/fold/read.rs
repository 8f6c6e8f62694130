//! Reading tables: previews, exports, SQL. Every read sees one version of each table and blocks no writer.

use std::path::PathBuf;
use std::sync::Arc;

use alluvium_kernel::{BucketReach, Problem, Token, subject};
use alluvium_tablestore::error::code::ALIAS_OUTDATED;
use alluvium_tablestore::sql::{Predicate, SqlError, guard_query};
use alluvium_tablestore::{
    Changed, Error, ExportFormat, ExportSpec, Exported, ExtractSpec, Extracted, Hub, Lens, Preview, PreviewSpec,
    Profile, ProfileMode, QueryRows, QuerySpec, RowsDiffer, TableFile, TableSchema,
};

use super::lane::Lane;
use super::long::long;
use super::tables::Tables;
use crate::model::problem;
use crate::pipelines::OfPipeline;
use crate::queries::{Aliases, Links, TableView};

/// Bytes one query may answer with.
const QUERY_BYTES_MAX: u64 = 64 << 20;
/// Tables one query may name.
const QUERY_TABLES_MAX: usize = 64;

/// A query over `bucket.table` names.
#[derive(Clone, Debug)]
pub struct TableQuery {
    /// One SELECT.
    pub sql: String,
    /// How many rows it may answer with.
    pub rows_max: u64,
    /// How long it may run, in milliseconds.
    pub timeout_ms: u64,
    /// Whose tables it may name; no other tables are there for it.
    pub buckets: BucketReach,
}

impl TableQuery {
    /// Whether it may mean a table by this name.
    pub(super) fn may_name(&self, parts: &[String]) -> bool {
        matches!(parts, [bucket, _] if self.buckets.has(&crate::model::names::bucket_name(bucket)))
    }
}

/// What an export takes from a table.
#[derive(Clone, Debug)]
pub struct TableExport {
    /// How it is written.
    pub format: ExportFormat,
    /// Only these columns; all when `None`.
    pub columns: Option<Vec<String>>,
    /// Only rows that meet this condition.
    pub where_filter: Option<String>,
    /// Only rows that last changed then.
    pub changed: Changed,
    /// Writes when that was, too.
    pub with_stamp: bool,
    /// At most so many rows.
    pub limit: Option<u64>,
    /// What of the table is there at all; everything when `None`.
    pub lens: Option<Lens>,
}

impl TableExport {
    /// What it means for a table of these columns.
    pub(super) fn spec(self, schema: &TableSchema, now_micros: i64) -> Result<ExportSpec, Problem> {
        let predicate_sql = condition(self.where_filter.as_deref(), self.lens.as_ref(), schema, now_micros)?;
        let Self { format, columns, changed, with_stamp, limit, lens, .. } = self;
        Ok(ExportSpec { format, columns, predicate_sql, changed, with_stamp, limit, lens })
    }
}

/// What is taken out of a table, for an engine in another process or for another table.
#[derive(Clone, Debug)]
pub struct TableExtract {
    /// Only these columns; all when `None`.
    pub columns: Option<Vec<String>>,
    /// Only rows that meet this condition.
    pub where_filter: Option<String>,
    /// Only rows that last changed then.
    pub changed: Changed,
    /// What of the table is there at all; everything when `None`.
    pub lens: Option<Lens>,
}

impl TableExtract {
    /// What it means for a table of these columns.
    fn spec(self, schema: &TableSchema, now_micros: i64) -> Result<ExtractSpec, Problem> {
        let predicate_sql = condition(self.where_filter.as_deref(), self.lens.as_ref(), schema, now_micros)?;
        Ok(ExtractSpec { columns: self.columns, predicate_sql, changed: self.changed, lens: self.lens })
    }
}

/// A reader's condition, over the columns that are there for it.
fn condition(
    text: Option<&str>,
    lens: Option<&Lens>,
    schema: &TableSchema,
    now_micros: i64,
) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let seen = lens.map(|lens| lens.schema(schema)).transpose().map_err(store_problem)?;
    let predicate = Predicate::parse(text, seen.as_ref().unwrap_or(schema)).map_err(sql_problem)?;
    Ok(Some(predicate.to_sql(now_micros)))
}

/// What a name in a statement stands for: a table, and through what it is seen.
type Resolved = (Arc<dyn Readable>, Option<Lens>);

/// A table whose rows are read: one that is folded here, or one of a pipeline.
pub trait Readable: Send + Sync {
    /// Where its rows are.
    fn file(&self) -> &TableFile;
    /// Its columns and key, when they are known without opening the file.
    fn known_schema(&self) -> Option<Arc<TableSchema>>;
    /// The project with whose tables it is folded; none for one of a pipeline.
    fn folded_with(&self) -> Option<String>;
    /// What is said when there is no reading of the file; whoever keeps it looks after it.
    fn unread(&self) -> Problem;
    /// The same when nobody has seen anything wrong with it.
    fn missing(&self) -> Problem;
}

impl Readable for Lane {
    fn file(&self) -> &TableFile {
        &self.file
    }

    fn known_schema(&self) -> Option<Arc<TableSchema>> {
        self.view().schema
    }

    fn folded_with(&self) -> Option<String> {
        Some(self.id.project_key())
    }

    fn unread(&self) -> Problem {
        self.suspect();
        unreadable(self)
    }

    fn missing(&self) -> Problem {
        unreadable(self)
    }
}

impl Readable for OfPipeline {
    fn file(&self) -> &TableFile {
        &self.file
    }

    fn known_schema(&self) -> Option<Arc<TableSchema>> {
        None
    }

    fn folded_with(&self) -> Option<String> {
        None
    }

    fn unread(&self) -> Problem {
        let detail = format!("the file of table {} of a pipeline cannot be read now", self.file.table);
        Problem::unavailable("storage.pipeline_unavailable", detail)
    }

    fn missing(&self) -> Problem {
        self.unread()
    }
}

impl Tables {
    /// The lane of a table, by its names.
    pub fn find(&self, tenant: &Token, project: &str, bucket: &str, table: &str) -> Option<Arc<Lane>> {
        let token = |text: &str| Token::encode(text).ok();
        let subject = subject::rows(tenant, &token(project)?, &token(bucket)?, &token(table)?);
        let fold = self.fold();
        let uid = fold.routing().by_subject(&subject)?.uid.clone();
        fold.lane(&uid)
    }

    /// Rows of a table as JSON objects.
    pub async fn preview(&self, table: &dyn Readable, spec: PreviewSpec) -> Result<Preview, Problem> {
        self.on_file(table, move |hub, file| hub.preview(file, &spec)).await
    }

    /// What is seen of a table in figures.
    pub async fn profile(
        &self,
        table: &dyn Readable,
        lens: Option<Lens>,
        mode: ProfileMode,
    ) -> Result<Profile, Problem> {
        self.on_file(table, move |hub, file| hub.profile_through(file, lens.as_ref(), mode)).await
    }

    /// The columns and primary key of a table.
    pub async fn schema(&self, table: &dyn Readable) -> Result<Arc<TableSchema>, Problem> {
        if let Some(schema) = table.known_schema() {
            return Ok(schema);
        }
        let found = self.on_file(table, Hub::schema).await?;
        found.map(Arc::new).ok_or_else(|| table.missing())
    }

    /// Writes rows of a table to a file of the export directory.
    pub async fn export(
        &self,
        table: &dyn Readable,
        export: TableExport,
        to: PathBuf,
        now_micros: i64,
    ) -> Result<Exported, Problem> {
        let spec = export.spec(&*self.schema(table).await?, now_micros)?;
        self.long_on_file(table, move |hub, file| hub.export(file, &spec, &to)).await
    }

    /// Writes rows of a table to a DuckDB file of the export directory.
    pub async fn extract(
        &self,
        table: &dyn Readable,
        extract: TableExtract,
        to: PathBuf,
        now_micros: i64,
    ) -> Result<Extracted, Problem> {
        let spec = extract.spec(&*self.schema(table).await?, now_micros)?;
        self.long_on_file(table, move |hub, file| hub.extract(file, &spec, &to)).await
    }

    /// Writes rows of a table to a file of the export directory that another table can be loaded from.
    pub async fn parcel(
        &self,
        table: &dyn Readable,
        extract: TableExtract,
        to: PathBuf,
        now_micros: i64,
    ) -> Result<Extracted, Problem> {
        let spec = extract.spec(&*self.schema(table).await?, now_micros)?;
        self.long_on_file(table, move |hub, file| hub.parcel(file, &spec, &to)).await
    }

    /// How the rows of a table differ from those of an earlier one, if there is one.
    pub async fn rows_differ(&self, earlier: Option<&str>, later: &str) -> Result<RowsDiffer, Problem> {
        let later = self.lane_of(later)?;
        let Some(earlier) = earlier else {
            return Ok(RowsDiffer { added: later.view().rows, ..RowsDiffer::default() });
        };
        let earlier = self.lane_of(earlier)?.file.clone();
        self.on_file(&*later, move |hub, file| hub.rows_differ(&earlier, file)).await
    }

    /// Whether a table of the main line was changed since a branch's copy of it took it in.
    pub async fn has_changed(&self, main: &str, copy: &str) -> Result<bool, Problem> {
        let (main, since) = (self.lane_of(main)?, self.taken_at(&*self.lane_of(copy)?).await?);
        self.fold().effects.was_changed(&main.id, since, u64::MAX).await
    }

    pub(super) fn lane_of(&self, uid: &str) -> Result<Arc<Lane>, Problem> {
        self.fold().lane(uid).ok_or_else(|| {
            Problem::unavailable("storage.table_unavailable", "A table is not folded here yet. Try again.")
        })
    }

    /// Answers one SELECT over the tables and aliases of a project, and those that its links show as far as they are kept here.
    pub async fn query(
        &self,
        tenant: &Token,
        project: &str,
        (links, aliases): (&Links, &Aliases),
        query: TableQuery,
    ) -> Result<QueryRows, Problem> {
        if let Some(problem) = self.fold().quarantine() {
            return Err(problem);
        }
        let (mut files, mut asked, mut claims) = (Vec::new(), Vec::new(), Vec::new());
        let found = |parts: &[String]| {
            if query.may_name(parts) { self.resolve(tenant, project, (links, aliases), parts) } else { None }
        };
        for parts in relations(&query.sql, |parts| found(parts).is_some())? {
            let Some(table) = found(&parts) else { continue };
            let (table, lens) = table?;
            if let Some(project) = table.folded_with() {
                claims.push((project.clone(), self.owned().epoch(&project)));
            }
            files.push((parts, table.file().clone(), lens));
            asked.push(table);
        }
        let answer = self.answer(files, asked, query).await?;
        // Whether the project's own tables stayed here, whoever placed the request looks at; of others nobody else does.
        if claims.iter().all(|(project, claim)| self.owned().epoch(project) == *claim) {
            Ok(answer)
        } else {
            Err(source_elsewhere())
        }
    }

    async fn answer(
        &self,
        files: Vec<Named>,
        asked: Vec<Arc<dyn Readable>>,
        query: TableQuery,
    ) -> Result<QueryRows, Problem> {
        match run(self.hub().clone(), files, query).await {
            Ok(answer) => Ok(answer),
            Err(Failed::Refused(problem)) => Err(problem),
            // Which of the files it is, their lanes find out.
            Err(Failed::Store(error @ (Error::NotFound(_) | Error::Corrupt { .. }))) => {
                tracing::error!(error = ?error, "a table file cannot be read");
                let problems: Vec<Problem> = asked.iter().map(|table| table.unread()).collect();
                Err(problems.into_iter().next().unwrap_or_else(Problem::internal))
            }
            Err(Failed::Store(error)) => Err(store_problem(error)),
        }
    }

    /// `bucket.table`; a bucket may be written as Keboola does, `in.c-sales`.
    fn resolve(
        &self,
        tenant: &Token,
        project: &str,
        (links, aliases): (&Links, &Aliases),
        parts: &[String],
    ) -> Option<Result<Resolved, Problem>> {
        let [bucket, table] = parts else { return None };
        let bucket = crate::model::names::bucket_name(bucket);
        let served = |lane: &Arc<Lane>| self.owned().serves(&lane.id.project_key()).is_some();
        if let Some((view, alias)) = aliases.get(&bucket, table) {
            let lane = self.lane_of(&view.uid).and_then(|lane| if served(&lane) { Ok(lane) } else { Err(moved(view)) });
            return Some(lane.map(|lane| (lane as Arc<dyn Readable>, Some(alias.lens.clone()))));
        }
        let own = self.find(tenant, project, &bucket, table);
        if let Some(own) = own.filter(|lane| !links.hides(&lane.id.uid)) {
            return Some(Ok((own as Arc<dyn Readable>, None)));
        }
        if let Some(of) = links.of_pipeline(&bucket, table) {
            let lens = Some(of.lens.clone());
            let step = of.step();
            let ahead = (step > of.last_step).then(|| problem::step_ahead(step, of.last_step));
            return Some(ahead.map_or_else(|| Ok((Arc::new(of.clone()) as Arc<dyn Readable>, lens)), Err));
        }
        links.table(&bucket, table).map(|shown| {
            let uid = shown.map_err(Clone::clone)?;
            let lane = self.fold().lane(uid).filter(served).ok_or_else(source_elsewhere)?;
            Ok((lane as Arc<dyn Readable>, None))
        })
    }

    async fn on_file<T: Send + 'static>(
        &self,
        table: &dyn Readable,
        read: impl FnOnce(&Hub, &TableFile) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        if let Some(problem) = self.fold().quarantine() {
            return Err(problem);
        }
        let (hub, file) = (self.hub().clone(), table.file().clone());
        let read = tokio::task::spawn_blocking(move || read(&hub, &file)).await;
        read.map_err(|_| Problem::internal())?.map_err(|error| unread(table, error))
    }

    /// The same for what may take long.
    pub(super) async fn long_on_file<T: Send + 'static>(
        &self,
        table: &dyn Readable,
        read: impl FnOnce(&Hub, &TableFile) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        if let Some(problem) = self.fold().quarantine() {
            return Err(problem);
        }
        let (hub, file) = (self.hub().clone(), table.file().clone());
        long(move || read(&hub, &file)).await?.map_err(|error| unread(table, error))
    }
}

fn unread(table: &dyn Readable, error: Error) -> Problem {
    match error {
        Error::NotFound(_) | Error::Corrupt { .. } => {
            if table.folded_with().is_none() {
                tracing::error!(error = ?error, "a file of a pipeline cannot be read");
            }
            table.unread()
        }
        error => store_problem(error),
    }
}

/// A query is answered where its tables are, and those of a link are elsewhere.
pub(super) fn source_elsewhere() -> Problem {
    let detail = "The query names a linked table that it cannot reach: the tables of its project are kept by another node, or \
                  the query is of an earlier point. Read that table by itself.";
    Problem::new("storage.source_elsewhere", 409, detail)
}

fn unreadable(lane: &Lane) -> Problem {
    lane.view().trouble.unwrap_or_else(|| unavailable(lane))
}

/// The tables that a query is about, each once: found with stand-in names, so that they can be attached and named for good.
pub(crate) fn relations(sql: &str, is_there: impl Fn(&[String]) -> bool) -> Result<Vec<Vec<String>>, Problem> {
    let named = guard_query(sql, &|parts| is_there(parts).then(|| "t".to_owned())).map_err(sql_problem)?;
    let mut all: Vec<Vec<String>> = Vec::new();
    for parts in named.relations {
        if is_there(&parts) && !all.contains(&parts) {
            all.push(parts);
        }
    }
    if all.len() > QUERY_TABLES_MAX {
        let message = format!("the query names {} tables, the limit is {QUERY_TABLES_MAX}", all.len());
        return Err(Problem::new("storage.query_not_allowed", 400, message));
    }
    Ok(all)
}

/// Why a query has no answer.
pub(super) enum Failed {
    /// It is wrong.
    Refused(Problem),
    /// The store did not answer.
    Store(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Refused(problem) => problem,
            Failed::Store(error) => store_problem(error),
        }
    }
}

/// A name of a query, the file it stands for, and what of that is there for it.
pub(super) type Named = (Vec<String>, TableFile, Option<Lens>);

/// Answers a query over the files that its names stand for.
pub(super) async fn run(hub: Hub, named: Vec<Named>, query: TableQuery) -> Result<QueryRows, Failed> {
    let answered = tokio::task::spawn_blocking(move || {
        let files: Vec<TableFile> = named.iter().map(|(_, file, _)| file.clone()).collect();
        let pinned = hub.pin(&files)?;
        let relation = |(index, (_, _, lens)): (usize, &Named)| match lens {
            Some(lens) => pinned.seen(index, lens),
            None => Ok(pinned.relation(index)),
        };
        let relations = named.iter().enumerate().map(relation).collect::<Result<Vec<Option<String>>, Error>>()?;
        let physical = |parts: &[String]| {
            let index = named.iter().position(|(known, ..)| known == parts)?;
            relations.get(index).cloned().flatten()
        };
        let guarded = guard_query(&query.sql, &physical).map_err(|error| Failed::Refused(sql_problem(error)))?;
        let spec = QuerySpec {
            sql: guarded.sql,
            timeout_ms: query.timeout_ms,
            rows_max: query.rows_max,
            bytes_max: QUERY_BYTES_MAX,
        };
        let rows = pinned.query(&spec)?;
        // What steps did since, the journals had until now.
        for (index, (_, _, lens)) in named.iter().enumerate() {
            if let Some(lens) = lens.as_ref().filter(|lens| lens.step.is_some()) {
                pinned.seen(index, lens)?;
            }
        }
        Ok(rows)
    });
    answered.await.unwrap_or_else(|_| Err(Failed::Refused(Problem::internal())))
}

/// Its source is not kept here any more.
fn moved(view: &TableView) -> Problem {
    let detail = format!("the source of alias {} of bucket {} moves to another node", view.name, view.bucket);
    Problem::unavailable("storage.table_moving", detail)
}

fn unavailable(lane: &Lane) -> Problem {
    let (table, bucket) = (lane.id.table.decode(), lane.id.bucket.decode());
    let detail = format!("table {table} of bucket {bucket} cannot be read now; it is being folded again from the log");
    Problem::unavailable("storage.table_unavailable", detail)
}

/// An error of the guard or a predicate, as callers see it.
pub fn sql_problem(error: SqlError) -> Problem {
    let problem = Problem::new(format!("storage.{}", error.code), 400, &error.message);
    match (error.line, error.column) {
        (Some(line), column) => problem.with_details(serde_json::json!({ "line": line, "column": column })),
        _ => problem,
    }
}

/// An error of the table store, as callers see it; the cause stays in the log.
pub fn store_problem(error: Error) -> Problem {
    let status = match &error {
        Error::Invalid { code: ALIAS_OUTDATED | "steps_not_kept", .. } => 409,
        Error::Invalid { code: "steps_trimmed", .. } => 410,
        Error::Invalid { .. } | Error::QueryFailed(_) | Error::ResultTooLarge { .. } | Error::QueryTimeout { .. } => {
            400
        }
        Error::NotFound(_) => 404,
        Error::DiskFull => 507,
        Error::Corrupt { .. } | Error::Unavailable(_) | Error::Failed(_) | Error::Io { .. } => {
            tracing::error!(error = ?error, "the table store failed");
            503
        }
    };
    Problem::new(format!("storage.{}", error.code()), status, error.to_string())
}
