//! Reads with `as_of`: the catalogue and the rows as they were at an earlier point of the log.

use std::sync::Arc;

use alluvium_eventlog::Point;
use alluvium_http::{Json, ProblemResponse, WithPosition};
use alluvium_kernel::{BucketReach, Position, Problem, Token};
use alluvium_projection::PastGeneration;
use alluvium_tablestore::{Lens, PreviewSpec, QueryRows, TableSchema};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::rows::spec;
use super::state::{Place, StorageRoutes};
use crate::context::STREAM;
use crate::fold::{TableId, TableQuery, TableThen, Version, store_problem, then};
use crate::model::{names, problem, spec_of};
use crate::projection;
use crate::queries::{Queries, TableView};
use crate::wire::{self, Preview, PreviewBody};

type Answer<T> = Result<T, ProblemResponse>;
type Then = WithPosition<Json<Value>>;

/// When, as documented.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what `wanted` reads")]
pub(super) struct AsOf {
    /// As it was at `STREAM:SEQUENCE`, a position token or an RFC 3339 time. Counts of rows and bytes are null where finding
    /// them out would mean folding every table.
    as_of: Option<String>,
}

/// The step, as documented.
#[derive(Clone, Debug, IntoParams)]
#[expect(dead_code, reason = "only documents what `wanted_step` reads")]
pub(super) struct AsOfStep {
    /// Of a table or view of a pipeline: as it was after this step.
    as_of_step: Option<u64>,
}

/// The step that counts, when the query asks for an earlier one of a pipeline.
pub(super) fn wanted_step(query: Option<&str>) -> Result<Option<u64>, Problem> {
    let mut query = wire::Query::of(query);
    let step = query.text("as_of_step").is_some().then(|| query.int("as_of_step", 0, (0, i64::MAX)));
    query.finish()?;
    Ok(step.map(i64::unsigned_abs))
}

/// A point of the log and a step of a pipeline are two times.
pub(super) fn both() -> Problem {
    problem::invalid_request("`as_of` and `as_of_step` exclude each other.")
}

/// The last sequence that counts, when the query asks for an earlier point.
pub(super) async fn wanted(state: &StorageRoutes, query: Option<&str>) -> Result<Option<u64>, Problem> {
    match wire::Query::of(query).text("as_of") {
        Some(text) => resolved(state, text).await.map(Some),
        None => Ok(None),
    }
}

/// The last sequence that counts at a point.
pub(super) async fn resolved(state: &StorageRoutes, text: &str) -> Result<u64, Problem> {
    let point = Point::parse(text, STREAM)?;
    state.past.resolve(&point).await.map_err(|mut problem| {
        if problem.code == "platform.point_expired" {
            "storage.version_expired".clone_into(&mut problem.code);
        }
        problem
    })
}

/// The catalogue with message `seq`, and what must be held while it is read.
async fn catalogue(state: &StorageRoutes, seq: u64) -> Result<(Queries, Arc<PastGeneration>), Problem> {
    let generation = state.projections.as_of(projection::NAME, seq).await?;
    Ok((state.queries.at(generation.schema()), generation))
}

pub(super) async fn projects(
    state: &StorageRoutes,
    tenant: &Token,
    seq: u64,
    page: crate::queries::Page,
) -> Answer<Then> {
    let (queries, _held) = catalogue(state, seq).await?;
    let listed = queries.projects(&tenant.decode(), page).await?;
    let projects: Vec<wire::Project> = listed.items.into_iter().map(Into::into).collect();
    Ok(at(seq, &json!({ "projects": uncounted(&projects), "total": listed.total })))
}

pub(super) async fn project(state: &StorageRoutes, tenant: &Token, project: &str, seq: u64) -> Answer<Then> {
    then(&state.past, tenant, project, seq).await?;
    let (queries, _held) = catalogue(state, seq).await?;
    let found: wire::Project = queries.project(&tenant.decode(), project).await?.into();
    Ok(at(seq, &uncounted(&found)))
}

pub(super) async fn buckets(
    state: &StorageRoutes,
    place: &Place,
    reach: &BucketReach,
    seq: u64,
    page: crate::queries::Page,
) -> Answer<Then> {
    then(&state.past, &place.tenant, &place.project, seq).await?;
    let (queries, _held) = catalogue(state, seq).await?;
    let listed = queries.shown_buckets(&place.tenant.decode(), &place.project, &place.branch, reach, page).await?;
    let buckets: Vec<wire::Bucket> = listed.items.into_iter().map(Into::into).collect();
    Ok(at(seq, &json!({ "buckets": buckets, "total": listed.total })))
}

pub(super) async fn bucket(state: &StorageRoutes, place: &Place, seq: u64) -> Answer<Then> {
    then(&state.past, &place.tenant, &place.project, seq).await?;
    let (queries, _held) = catalogue(state, seq).await?;
    let tenant = place.tenant.decode();
    let found: wire::Bucket = queries.shown_bucket(&tenant, &place.project, &place.branch, &place.bucket).await?.into();
    Ok(at(seq, &found))
}

pub(super) async fn tables(
    state: &StorageRoutes,
    place: &Place,
    reach: &BucketReach,
    seq: u64,
    page: crate::queries::Page,
) -> Answer<Then> {
    then(&state.past, &place.tenant, &place.project, seq).await?;
    let (queries, _held) = catalogue(state, seq).await?;
    readable(state, place, &queries).await?;
    let listed = queries.tables(&place.tenant.decode(), &place.project, &place.branch, &place.bucket, page).await?;
    let tables: Vec<wire::Table> = listed.items.into_iter().map(|view| wire::Table::of(view, reach)).collect();
    Ok(at(seq, &json!({ "tables": uncounted(&tables), "total": listed.total })))
}

/// One table, with its rows counted: it is folded for that.
pub(super) async fn table(state: &StorageRoutes, place: &Place, reach: &BucketReach, seq: u64) -> Answer<Then> {
    let past = version(state, place, seq).await?;
    if let Some(view) = past.alias.clone() {
        let (schema, lens) = (past.schema()?, past.lens().cloned());
        let spec = PreviewSpec { lens, limit: 1, ..PreviewSpec::default() };
        let row_count = state.tables()?.preview_version(past.version, spec).await?.total;
        let (columns, primary_key) = (schema.columns.iter().map(spec_of).collect(), schema.primary_key.clone());
        let shown = wire::Table::of(TableView { columns, primary_key, ..view }, reach).counting(row_count);
        return Ok(at(seq, &shown));
    }
    let version = past.version;
    let (queries, _held) = catalogue(state, seq).await?;
    let mut view =
        queries.table(&place.tenant.decode(), &place.project, &place.branch, &place.bucket, &place.table).await?;
    (view.row_count, view.size_bytes) = (version.stats.rows, version.stats.bytes);
    Ok(at(seq, &wire::Table::of(view, reach)))
}

pub(super) async fn preview(state: &StorageRoutes, place: &Place, seq: u64, body: PreviewBody) -> Answer<Preview> {
    let past = version(state, place, seq).await?;
    let schema = past.schema()?;
    let spec = spec(body, &schema, past.lens())?;
    Ok(Preview::of(state.tables()?.preview_version(past.version, spec).await?, &schema))
}

pub(super) async fn query(
    state: &StorageRoutes,
    tenant: &Token,
    project: &str,
    as_of: &str,
    query: TableQuery,
) -> Result<QueryRows, Problem> {
    let seq = resolved(state, as_of).await?;
    let then = then(&state.past, tenant, project, seq).await?;
    let aliases = state.queries.aliases(&tenant.decode(), project, names::MAIN_BRANCH).await?;
    state.tables()?.query_then(&then, &aliases, seq, query).await
}

/// A table at an earlier point, and what an alias of now shows of it.
pub(super) struct Past {
    pub version: Arc<Version>,
    alias: Option<TableView>,
}

impl Past {
    /// What of it is there; everything when `None`.
    pub fn lens(&self) -> Option<&Lens> {
        self.alias.as_ref().and_then(TableView::lens)
    }

    /// The columns that are there.
    pub fn schema(&self) -> Result<Arc<TableSchema>, Problem> {
        match self.lens() {
            Some(lens) => lens.schema(&self.version.schema).map(Arc::new).map_err(store_problem),
            None => Ok(self.version.schema.clone()),
        }
    }
}

/// What the names of a place stood for with message `seq`. Names that stand for an alias now mean what that shows now, as it was then.
pub(super) async fn version(state: &StorageRoutes, place: &Place, seq: u64) -> Result<Past, Problem> {
    let alias = match state.table_or_alias(place).await {
        Ok(view) => Some(view).filter(|view| view.alias.is_some()),
        // What is not there now may have been then.
        Err(missing) if missing.status < 500 => None,
        Err(problem) => return Err(problem),
    };
    let id = match &alias {
        Some(view) => {
            let own = then(&state.past, &place.tenant, &place.project, seq).await?;
            own.source(&place.branch, view)?.clone()
        }
        None => table_then(state, place, seq).await?.id,
    };
    Ok(Past { version: state.tables()?.version_of(&id, seq).await?, alias })
}

/// What the names of a place stood for with message `seq`, when it may be read now.
pub(super) async fn table_then(state: &StorageRoutes, place: &Place, seq: u64) -> Result<TableThen, Problem> {
    let found = |id: &TableId| TableThen { id: id.clone(), seq };
    let own = then(&state.past, &place.tenant, &place.project, seq).await?;
    let Some(link) = own.link(&place.branch, &place.bucket, &place.table) else {
        return own.table(&place.branch, &place.bucket, &place.table).map(found);
    };
    if link.is_of_pipeline() {
        return Err(problem::only_steps(&place.bucket));
    }
    state.queries.readable_now(&place.tenant.decode(), &place.project, link.into()).await?;
    // It is there, so its project is; what the project was then may be another of its id.
    let gone = |_| problem::source_not_found(&link.project, &link.bucket);
    let source = then(&state.past, &place.tenant, &link.project, seq).await.map_err(gone)?;
    source.shares(link, &own)?;
    source.table(names::MAIN_BRANCH, &link.bucket, &place.table).map(found)
}

/// `Ok` unless the bucket was a link then, to what must not be read now.
async fn readable(state: &StorageRoutes, place: &Place, then: &Queries) -> Result<(), Problem> {
    let tenant = place.tenant.decode();
    match then.link(&tenant, &place.project, &place.bucket).await? {
        Some(link) if link.pipeline().is_some() => Err(problem::only_steps(&place.bucket)),
        Some(link) => state.queries.readable_now(&tenant, &place.project, link).await.map(drop),
        None => Ok(()),
    }
}

fn at(seq: u64, body: &impl Serialize) -> Then {
    WithPosition(Position::of(STREAM, seq), Json(serde_json::to_value(body).unwrap_or_default()))
}

/// The body, with null for what only opening each table's rows would tell.
fn uncounted(body: &impl Serialize) -> Value {
    let mut body = serde_json::to_value(body).unwrap_or_default();
    let entries = match &mut body {
        Value::Array(entries) => entries.iter_mut().collect(),
        one => vec![one],
    };
    for entry in entries {
        for count in ["row_count", "size_bytes"] {
            if let Some(value) = entry.get_mut(count) {
                *value = Value::Null;
            }
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_are_not_known_are_null() {
        let body = json!([{ "name": "a", "row_count": 0, "size_bytes": 0 }, { "name": "b" }]);
        assert_eq!(uncounted(&body), json!([{ "name": "a", "row_count": null, "size_bytes": null }, { "name": "b" }]));
    }
}
