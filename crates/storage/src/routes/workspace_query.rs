//! SQL in a workspace: over its own objects, which it may change, and over the project's tables, which it can read.

use std::path::PathBuf;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse};
use alluvium_kernel::{BucketReach, Problem, Token};
use alluvium_tablestore::sql::mentions;
use alluvium_tablestore::{Changed, QueryRows, ResultColumn};
use alluvium_workspaces::{Error, Rows, Source, Statement};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::rows::lane;
use super::scratch::workspace_problem;
use super::state::{Place, Scratch, StorageRoutes, now, tenant_text};
use super::workspaces::{For, open};
use crate::fold::{TableExtract, sql_problem};
use crate::model::names;
use crate::queries::{TableView, WorkspaceView};
use crate::wire::{QueryAnswer, QueryFailed, ROWS_MAX, WorkspaceQuery};

/// Bytes one statement may answer with.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Statements that write files, after at most so many words, as in `EXPLAIN ANALYZE COPY`.
const COPIES: [&str; 2] = ["copy", "export"];
const WORDS_BEFORE_COPY_MAX: usize = 3;
/// The condition that no row meets.
const NOTHING: &str = "1 = 0";
/// Tables of the project that one statement may be about.
const TABLES_MAX: usize = 64;

/// A statement that is wrong, or fails, answers 200 with `status: "error"`, as queries over a project do.
pub(super) async fn query(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let body = WorkspaceQuery::parse(&body)?;
    state.fresh_tables(&wanted).await?;
    let view = open(&state, &principal, &params, For::Changing).await?;
    match run(&state, &principal, &view, &body).await {
        Ok(rows) => Ok(Json(QueryAnswer::of(rows, body.limit)).into_response()),
        Err(problem) if problem.status < 500 => Ok(Json(QueryFailed::from(problem)).into_response()),
        Err(problem) => Err(problem.into()),
    }
}

async fn run(
    state: &StorageRoutes,
    principal: &Principal,
    view: &WorkspaceView,
    body: &WorkspaceQuery,
) -> Result<QueryRows, Problem> {
    let engines = &state.workspaces()?.engines;
    let views = engines.views(&view.uid).await.map_err(|error| workspace_problem(&error))?;
    let reach = state.readable(principal, &view.project).await?;
    let meant = meant(state, (&principal.tenant, view, &reach), &body.query, views).await?;
    let (sources, _copies) = sources((state, &principal.tenant, view), meant).await?;
    let statement =
        Statement { sql: body.query.clone(), sources, rows_max: ROWS_MAX.unsigned_abs(), bytes_max: ANSWER_BYTES_MAX };
    let limit_ms = body.timeout_seconds.unsigned_abs() * 1_000;
    let ran = engines.run(&view.uid, statement, view.size_limit_bytes.unsigned_abs(), limit_ms).await;
    ran.map(rows).map_err(|error| failed(&error))
}

/// Copies of tables for an engine in another process, which go with the second part.
async fn sources(
    at: (&StorageRoutes, &Token, &WorkspaceView),
    meant: Vec<Meant>,
) -> Result<(Vec<Source>, Vec<Scratch>), Problem> {
    let (mut sources, mut copies) = (Vec::new(), Vec::new());
    for (schemas, table) in meant {
        let copy = Scratch(at.0.tables()?.hub().config().export_dir.join(uuid::Uuid::new_v4().to_string()));
        copied(at, &table, copy.0.clone(), true).await?;
        sources.push(Source { file: copy.0.clone(), schemas, bucket: table.bucket, table: table.name });
        copies.push(copy);
    }
    Ok((sources, copies))
}

/// The same for what a view of the workspace shows of the project; of a table it is nothing.
pub(super) async fn behind(
    state: &StorageRoutes,
    principal: &Principal,
    view: &WorkspaceView,
    object: &str,
) -> Result<(Vec<Source>, Vec<Scratch>), Problem> {
    let views = state.workspaces()?.engines.views(&view.uid).await.map_err(|error| workspace_problem(&error))?;
    let name = object.rsplit('.').next().unwrap_or_default();
    let is_view = |known: &str| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(object);
    if !views.iter().any(|(known, _)| is_view(known)) {
        return Ok((Vec::new(), Vec::new()));
    }
    let (own, others): (Vec<_>, Vec<_>) = views.into_iter().partition(|(known, _)| is_view(known));
    let names = own.iter().filter_map(|(_, sql)| mentions(sql).ok()).flatten().collect();
    let reach = state.readable(principal, &view.project).await?;
    let meant = named(state, (&principal.tenant, view, &reach), &reached(names, others)).await?;
    sources((state, &principal.tenant, view), meant).await
}

/// A table that a statement is about, behind the schemas in which it looks for it.
pub(crate) type Meant = (Vec<String>, TableView);

/// The tables of the project that a statement is about, also through views. Refuses statements that write files.
pub(crate) async fn meant(
    state: &StorageRoutes,
    (tenant, view, reach): (&Token, &WorkspaceView, &BucketReach),
    sql: &str,
    views: Vec<(String, String)>,
) -> Result<Vec<Meant>, Problem> {
    let names = mentions(sql).map_err(sql_problem)?;
    // The one thing that the engine would let it do beside the workspace: files where it spills to.
    if names
        .iter()
        .take(WORDS_BEFORE_COPY_MAX)
        .flatten()
        .any(|word| COPIES.iter().any(|copy| word.eq_ignore_ascii_case(copy)))
    {
        return Err(Problem::new("storage.query_not_allowed", 400, "COPY and EXPORT are not allowed here"));
    }
    named(state, (tenant, view, reach), &reached(names, views)).await
}

/// The tables of the project that names mean.
async fn named(
    state: &StorageRoutes,
    (tenant, view, reach): (&Token, &WorkspaceView, &BucketReach),
    names: &[Vec<String>],
) -> Result<Vec<Meant>, Problem> {
    let mut tables = state.queries.project_tables(&tenant_text(tenant), &view.project, &view.branch).await?;
    tables.retain(|table| reach.has(&table.bucket));
    let meant: Vec<Meant> =
        tables.into_iter().filter_map(|table| Some((schemas(&table.bucket, &table.name, names)?, table))).collect();
    if meant.len() > TABLES_MAX {
        let detail =
            format!("The statement is about {} tables of the project, the limit is {TABLES_MAX}.", meant.len());
        return Err(Problem::new("storage.query_not_allowed", 400, detail));
    }
    state.client.room(meant.iter().map(|(_, table)| table.size_bytes).sum())?;
    Ok(meant)
}

/// The names that a statement comes to: its own, and those of the views that it mentions.
fn reached(mut names: Vec<Vec<String>>, mut views: Vec<(String, String)>) -> Vec<Vec<String>> {
    loop {
        let is_mentioned = |view: &str| names.iter().flatten().any(|part| part.eq_ignore_ascii_case(view));
        let (met, rest): (Vec<_>, Vec<_>) = views.into_iter().partition(|(view, _)| is_mentioned(view));
        if met.is_empty() {
            return names;
        }
        // What the engine has taken for a definition falls into tokens.
        names.extend(met.iter().filter_map(|(_, sql)| mentions(sql).ok()).flatten());
        views = rest;
    }
}

/// In which schemas the names look for a table; `None` if they do not mean it. `bucket.table`, the bucket also as Keboola writes it,
/// or `bucket_table` for the whole file.
fn schemas(bucket: &str, table: &str, names: &[Vec<String>]) -> Option<Vec<String>> {
    let file = format!("{bucket}_{table}");
    let (mut schemas, mut is_meant) = (Vec::new(), false);
    for parts in names {
        is_meant |= parts.iter().any(|part| part.eq_ignore_ascii_case(&file));
        for pair in parts.windows(2) {
            if names::bucket_name(&pair[0]).eq_ignore_ascii_case(bucket) && pair[1].eq_ignore_ascii_case(table) {
                is_meant = true;
                if !schemas.contains(&pair[0]) {
                    schemas.push(pair[0].clone());
                }
            }
        }
    }
    is_meant.then_some(schemas)
}

/// A table as it is now, for an engine in another process: all of it, or its columns without rows. The last event it has taken in.
pub(crate) async fn copied(
    (state, tenant, view): (&StorageRoutes, &Token, &WorkspaceView),
    table: &TableView,
    to: PathBuf,
    whole: bool,
) -> Result<u64, Problem> {
    let place = Place {
        tenant: tenant.clone(),
        project: view.project.clone(),
        branch: view.branch.clone(),
        bucket: table.bucket.clone(),
        table: table.name.clone(),
    };
    let lane = lane(state, table, &place)?;
    let (where_filter, changed) = ((!whole).then(|| NOTHING.to_owned()), Changed::default());
    let extract = TableExtract { columns: None, where_filter, changed, lens: table.lens().cloned() };
    let taken = state.tables()?.extract(&*lane, extract, to, now().micros()).await?;
    // Tables of pipelines take in messages of another stream, and stand still at the step as of which they are read.
    Ok(if table.pipeline.is_some() { 0 } else { taken.mark.seq })
}

fn rows(rows: Rows) -> QueryRows {
    let column = |(name, column_type)| ResultColumn { name, column_type };
    QueryRows { columns: rows.columns.into_iter().map(column).collect(), rows: rows.rows }
}

/// What is wrong with a statement is said as of queries over a project.
fn failed(error: &Error) -> Problem {
    let code = match error {
        Error::Refused { .. } => "storage.query_failed",
        Error::TimedOut { .. } => "storage.query_timeout",
        Error::TooLarge { .. } => "storage.result_too_large",
        Error::SizeExceeded { .. }
        | Error::DiskFull
        | Error::Broken { .. }
        | Error::Unavailable { .. }
        | Error::Unfit { .. } => return workspace_problem(error),
    };
    Problem::new(code, 400, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_reaches_tables_by_each_of_their_names_and_through_views() {
        let meant = |sql: &str, views: &[(&str, &str)]| {
            let views = views.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
            schemas("in_c_sales", "orders", &reached(mentions(sql).unwrap(), views))
        };
        assert_eq!(meant("SELECT * FROM in_c_sales.orders", &[]), Some(vec!["in_c_sales".to_owned()]));
        assert_eq!(meant("FROM \"in.c-sales\".\"Orders\"", &[]), Some(vec!["in.c-sales".to_owned()]));
        assert_eq!(meant("SELECT o.id FROM in_c_sales_orders.main.data o", &[]), Some(vec![]));
        assert_eq!(meant("SELECT 'in_c_sales.orders' FROM orders", &[]), None);
        let views =
            [("few", "CREATE VIEW few AS SELECT * FROM more"), ("more", "CREATE VIEW more AS FROM in_c_sales.orders")];
        assert_eq!(meant("SELECT * FROM few", &views), Some(vec!["in_c_sales".to_owned()]));
        assert_eq!(meant("SELECT * FROM other", &views), None);
    }
}
