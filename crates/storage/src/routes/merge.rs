//! Comparing a dev branch with the main line, and merging its tables there, one by one.

use std::time::Duration;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem};
use axum::extract::State;
use serde_json::json;

use super::pinned;
use super::state::{StorageRoutes, tenant_text};
use crate::contract::{Command, MergeMetadata, MergeTable, ProjectCommand, PullTable};
use crate::model::names::MAIN_BRANCH;
use crate::model::problem;
use crate::queries::{OwnTable, TableView};
use crate::wire::{BranchDiff, BranchMerge, BranchMerged, MergedTable, Strategy, TableDiff};

type Answer<T> = Result<T, ProblemResponse>;

/// How long both may take: each table is read whole.
pub(super) const DIFF_TIMEOUT: Duration = Duration::from_mins(5);
/// How long a request that comes again waits for a merge of before that is on its way, in seconds.
const MERGE_ON_ITS_WAY_SECONDS: u64 = 10;

/// A table of the branch's own, and what the main line has in its place.
pub(super) struct Sides {
    pub own: TableView,
    pub main: Option<TableView>,
    /// A merge meets a conflict.
    pub main_changed: bool,
}

pub(super) async fn sides(
    state: &StorageRoutes,
    tenant: &str,
    project: &str,
    branch: &str,
    table: &OwnTable,
) -> Answer<Sides> {
    let queries = &state.queries;
    let own = queries.table(tenant, project, branch, &table.bucket, &table.name).await?;
    let main = match &table.main {
        Some(name) => Some(queries.table(tenant, project, MAIN_BRANCH, &table.bucket, name).await?),
        None => None,
    };
    let main_changed = match (&table.copy_of, &main) {
        (None, None) => false,
        (Some(taken), Some(main)) if *taken == main.uid => state.tables()?.has_changed(&main.uid, &own.uid).await?,
        _ => true,
    };
    Ok(Sides { own, main, main_changed })
}

pub(super) async fn diff(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<BranchDiff>> {
    state.fresh_tables(&wanted).await?;
    let (tenant, project) = (tenant_text(&principal.tenant), params.get("project_id"));
    let branch = state.queries.branch(&tenant, project, params.get("branch_id")).await?;
    let mut tables = Vec::new();
    for table in state.queries.own_tables(&tenant, project, &branch.id).await? {
        if branch.is_pinned() {
            tables.extend(pinned::diff(&state, &tenant, project, &branch.id, &table).await?);
            continue;
        }
        let Sides { own, main, main_changed } = sides(&state, &tenant, project, &branch.id, &table).await?;
        let rows = state.tables()?.rows_differ(main.as_ref().map(|main| main.uid.as_str()), &own.uid).await?;
        tables.push(TableDiff::of(&own, main.as_ref(), main_changed, rows));
    }
    let hidden = state.queries.branch_tables(&tenant, project, &branch.id).await?.hidden;
    tables.extend(hidden.into_iter().map(|(bucket, table)| TableDiff::deleted(bucket, table)));
    Ok(Json(BranchDiff { branch_id: branch.id, tables }))
}

pub(super) async fn merge(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<BranchMerged>>> {
    let BranchMerge { tables, strategy } = BranchMerge::parse(&body)?;
    let (tenant, project) = (tenant_text(&principal.tenant), params.get("project_id"));
    let branch = state.queries.branch(&tenant, project, params.get("branch_id")).await?;
    let (is_pinned, branch) = (branch.is_pinned(), branch.id);
    let mut own = state.queries.own_tables(&tenant, project, &branch).await?;
    own.extend(done_before(&state, &principal, project, &own).await?);
    own.sort_by(|one, other| (&one.bucket, &one.name).cmp(&(&other.bucket, &other.name)));
    let chosen = match tables {
        None if is_pinned => pinned::to_merge(&state, &principal, project, &branch, own).await?,
        None => own,
        Some(tables) => chosen(&own, tables)?,
    };
    if strategy == Strategy::Fail {
        let mut conflicts = Vec::new();
        for table in &chosen {
            if conflicts_now(&state, &principal, project, &branch, table).await? {
                conflicts.push(json!({ "bucket_name": table.bucket, "table_name": table.name }));
            }
        }
        if let Some(first) = conflicts.first() {
            let problem = problem::merge_conflict(first["table_name"].as_str().unwrap_or_default());
            return Err(problem.with_details(json!({ "tables": conflicts })).into());
        }
    }
    let (mut position, mut merged) = (Position::default(), Vec::new());
    for OwnTable { bucket, name: table, .. } in chosen {
        let done = merge_one(&state, &principal, (project, &branch, &bucket, &table), strategy, is_pinned).await?;
        let result = if done.is_some() { "merged" } else { "conflict" };
        position = done.map_or(position.clone(), |at| position.join(&at));
        merged.push(MergedTable { bucket_name: bucket, table_name: table, result });
    }
    Ok(WithPosition(position, Json(BranchMerged { branch_id: branch, tables: merged })))
}

/// What a command of a merge is called among those of its request.
pub(super) fn named(what: &str, bucket: &str, table: &str) -> String {
    format!("{what}:{bucket}/{table}")
}

/// The tables that a request which comes again has merged already, so that the branch has none of its own in their place: it was
/// cut off before the others, and its answer is about all of them.
async fn done_before(
    state: &StorageRoutes,
    principal: &Principal,
    project: &str,
    own: &[OwnTable],
) -> Result<Vec<OwnTable>, Problem> {
    let mut done = Vec::new();
    if !principal.seed.is_again() {
        return Ok(done);
    }
    for (bucket, name) in state.queries.main_tables(&tenant_text(&principal.tenant), project).await? {
        let is_own = own.iter().any(|table| table.bucket == bucket && table.name == name);
        let name_of_merge = named("MergeTable", &bucket, &name);
        if !is_own && state.was_accepted(principal, &name_of_merge, Duration::ZERO).await? {
            done.push(OwnTable { bucket, name, copy_of: None, main: None });
        }
    }
    Ok(done)
}

/// Whether a merge of a table meets a conflict. What changed the main line may be this very request, when it was made before.
async fn conflicts_now(
    state: &StorageRoutes,
    principal: &Principal,
    project: &str,
    branch: &str,
    table: &OwnTable,
) -> Answer<bool> {
    let name_of_merge = named("MergeTable", &table.bucket, &table.name);
    if state.was_accepted(principal, &name_of_merge, Duration::ZERO).await? {
        return Ok(false);
    }
    if !sides(state, &tenant_text(&principal.tenant), project, branch, table).await?.main_changed {
        return Ok(false);
    }
    let patience = Duration::from_secs(MERGE_ON_ITS_WAY_SECONDS);
    Ok(!state.was_accepted(principal, &name_of_merge, patience).await?)
}

/// Merges a table and lets the branch show the main line's again, unless it is pinned: then it stays as it is. `None` where the main
/// line's stays.
async fn merge_one(
    state: &StorageRoutes,
    principal: &Principal,
    (project, branch, bucket, table): (&str, &str, &str, &str),
    strategy: Strategy,
    is_pinned: bool,
) -> Result<Option<Position>, Problem> {
    let named = |what: &str| named(what, bucket, table);
    let text = ToOwned::to_owned;
    let merge = MergeTable {
        project: text(project),
        branch: text(branch),
        bucket: text(bucket),
        table: text(table),
        force: strategy == Strategy::Branch,
        columns: Vec::new(),
        primary_key: Vec::new(),
    };
    let merged = state.write_as(principal, &named("MergeTable"), Command::Project(ProjectCommand::from(merge))).await;
    let mut position = match merged {
        Ok(accepted) => accepted.position,
        Err(problem) if problem.code == "storage.merge_conflict" && strategy == Strategy::Main => return Ok(None),
        Err(problem) => return Err(problem),
    };
    if state.queries.says(&tenant_text(&principal.tenant), project, branch, bucket, table).await? {
        let merge = MergeMetadata {
            project: text(project),
            branch: text(branch),
            bucket: text(bucket),
            table: text(table),
            object: String::new(),
            project_uid: String::new(),
            source: String::new(),
            source_uid: String::new(),
            shown: Vec::new(),
            hidden: Vec::new(),
        };
        let said = state.write_as(principal, &named("MergeMetadata"), Command::Metadata(merge.into())).await?;
        position = position.join(&said.position);
    }
    if is_pinned {
        return Ok(Some(position));
    }
    let pull = PullTable {
        project: text(project),
        branch: text(branch),
        bucket: text(bucket),
        table: text(table),
        position: 0,
        columns: Vec::new(),
        primary_key: Vec::new(),
    };
    let pulled = state.write_as(principal, &named("PullTable"), Command::Project(ProjectCommand::from(pull))).await?;
    Ok(Some(position.join(&pulled.position)))
}

fn chosen(own: &[OwnTable], wanted: Vec<(String, String)>) -> Result<Vec<OwnTable>, Problem> {
    let find = |(bucket, name): (String, String)| {
        let found = own.iter().find(|table| table.bucket == bucket && table.name == name).cloned();
        found.ok_or_else(|| problem::table_not_found(&bucket, &name))
    };
    wanted.into_iter().map(find).collect()
}
