//! Rows of a workspace into a table, asked for where the workspace is: into one that is there, or one that is made of them.

use std::time::{Duration, Instant};

use alluvium_http::{BodyBytes, Concerns, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{DecisionContext, Problem, Requirement};
use alluvium_workspaces::Pick;
use axum::extract::State;

use super::counts;
use super::parcels::{How, Taking, load_to, taken};
use super::state::{Place, StorageRoutes, WRITE_TIMEOUT};
use super::transfer::loaded;
use super::workspaces::{For, open};
use crate::contract::{ColumnSpec, Command, CreateTableFromFile, LoadTable, TableCommand};
use crate::model::{Table, names, problem};
use crate::wire::{Imported, WorkspaceUnload};

/// How long writing the file may take, in seconds; the load has what any other has.
const WRITE_OUT_SECONDS: u64 = 240;
/// How long both may take together.
pub(super) const UNLOAD_TIMEOUT: Duration = WRITE_TIMEOUT.saturating_add(Duration::from_secs(WRITE_OUT_SECONDS));

type Answer<T> = Result<T, ProblemResponse>;

pub(super) async fn unload(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<Imported>>> {
    let body = WorkspaceUnload::parse(&body)?;
    let bucket = names::bucket_name(&body.target_bucket);
    concerns.are([("bucket_name", bucket), ("table_name", body.target_table.clone())]);
    let (began, incremental) = (Instant::now(), body.incremental);
    let result = run(&state, &principal, &params, &wanted, body).await;
    counts::import("workspace", incremental, began, &result, |(answer, bytes)| (answer.1.0.imported_rows, *bytes));
    result.map(|(answer, _)| answer)
}

/// The unload itself, with the size of what was loaded.
async fn run(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    body: WorkspaceUnload,
) -> Answer<(WithPosition<Json<Imported>>, u64)> {
    state.fresh_tables(wanted).await?;
    let view = open(state, principal, params, For::Changing).await?;
    let place = Place {
        tenant: principal.tenant.clone(),
        project: view.project.clone(),
        branch: view.branch.clone(),
        bucket: names::bucket_name(&body.target_bucket),
        table: body.target_table.clone(),
    };
    let is_there = is_there(state, principal, &place).await?;
    let load = load_of(&place, &body);
    if !is_there {
        // Of a table that is not there yet, only this can be said before the work is done.
        load.check(&Table::default())?;
    }
    let taking = Taking { view: &view, object: &body.source, pick: Pick::default() };
    let (load, columns) = taken(state, principal, taking, load).await?;
    let bytes = load.size_bytes.unsigned_abs();
    let command = if is_there {
        Command::Table(TableCommand::LoadTable(load))
    } else {
        Command::Project(made_of(load, columns).into())
    };
    Ok((loaded(state, principal, &place, command).await?, bytes))
}

/// Whether the table is there that gets the rows; else it is to be made. Refuses who may not write it before anything is done.
async fn is_there(state: &StorageRoutes, principal: &Principal, place: &Place) -> Result<bool, Problem> {
    // A name from a body has come through nobody's hands yet, and Postgres takes no text with a NUL.
    if place.bucket.contains('\0') {
        return Err(problem::bucket_not_found(&place.bucket));
    }
    names::valid_table(&place.table)?;
    if !state.readable(principal, &place.project).await?.has(&place.bucket) {
        return Err(problem::bucket_not_found(&place.bucket));
    }
    let Place { project, branch, bucket, .. } = place;
    let write = Requirement::BucketWrite(project.clone(), branch.clone(), bucket.clone());
    state.authorizer.check(&principal.tenant, &principal.actor, &write).await?;
    match state.table(place).await {
        // Made by this very request, when it came before: what was decided then stands.
        Ok(table) => Ok(table.uid != own_uid(principal)),
        Err(absent) if absent.code == "storage.table_not_found" => Ok(false),
        Err(problem) => Err(problem),
    }
}

/// What a table is called internally that this request makes.
fn own_uid(principal: &Principal) -> String {
    let seed = &principal.seed;
    let (tenant, actor) = (principal.tenant.clone(), principal.actor.clone());
    let command_id = seed.command_id(CREATE);
    DecisionContext { tenant, command_id, actor, time: seed.at() }.new_uid(0)
}

fn load_of(place: &Place, body: &WorkspaceUnload) -> LoadTable {
    let how = How {
        incremental: body.incremental,
        dedup_mode: body.dedup_mode.clone(),
        columns: None,
        extra_columns: body.extra_columns.clone(),
        delete_missing: body.delete_missing,
    };
    load_to(place, how)
}

/// Has a table made with the columns and the rows of the object.
fn made_of(load: LoadTable, columns: Vec<(String, String)>) -> CreateTableFromFile {
    let column = |(name, kind)| ColumnSpec { name, r#type: kind, nullable: true, default: None };
    let LoadTable { project, branch, bucket, table, blob, size_bytes, format, csv, dedup_mode, more, .. } = load;
    CreateTableFromFile {
        project,
        branch,
        bucket,
        table,
        columns: columns.into_iter().map(column).collect(),
        primary_key: Vec::new(),
        blob,
        size_bytes,
        format,
        csv,
        dedup_mode,
        // It has all of them: none can be extra.
        extra_columns: "error".to_owned(),
        more,
    }
}

/// What the command is called that makes a table.
const CREATE: &str = "CreateTableFromFile";

#[cfg(test)]
mod tests {
    use alluvium_messaging::ContractSet as _;

    use super::*;

    #[test]
    fn the_command_that_makes_a_table_is_known_by_its_name() {
        let load = load_of(
            &Place {
                tenant: alluvium_kernel::Token::encode("t").unwrap(),
                project: "p".into(),
                branch: "default".into(),
                bucket: "b".into(),
                table: "t".into(),
            },
            &WorkspaceUnload::parse(br#"{"source": "o", "target_bucket": "b", "target_table": "t"}"#).unwrap(),
        );
        let command = Command::Project(made_of(load, vec![("id".into(), "BIGINT".into())]).into());
        assert_eq!(command.name(), CREATE);
    }
}
