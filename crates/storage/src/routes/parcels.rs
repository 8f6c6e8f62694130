//! Rows that no file of a client's holds, on their way into a table: they are put into the store of content first, so that the event
//! of the load names what a replay reads.

use alluvium_http::Principal;
use alluvium_kernel::Problem;
use alluvium_workspaces::{Pick, Unloaded};

use super::scratch::workspace_problem;
use super::state::{Place, StorageRoutes};
use super::workspace_query::behind;
use crate::contract::LoadTable;
use crate::model::limits::FILE_BYTES_MAX;
use crate::model::problem;
use crate::queries::WorkspaceView;

/// What is done with the rows.
pub(super) struct How {
    pub incremental: bool,
    pub dedup_mode: String,
    pub columns: Option<Vec<String>>,
    pub extra_columns: String,
    pub delete_missing: bool,
}

/// What is taken out of a workspace.
pub(super) struct Taking<'a> {
    pub view: &'a WorkspaceView,
    pub object: &'a str,
    pub pick: Pick,
}

/// A load of rows that are not there yet.
pub(super) fn load_to(place: &Place, how: How) -> LoadTable {
    let How { incremental, dedup_mode, columns, extra_columns, delete_missing } = how;
    LoadTable {
        branch: place.branch.clone(),
        project: place.project.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        blob: String::new(),
        size_bytes: 0,
        format: "parquet".to_owned(),
        csv: None,
        incremental,
        dedup_mode,
        columns,
        extra_columns,
        delete_missing,
        more: Vec::new(),
    }
}

/// The load with the rows that a Parquet file holds.
pub(super) async fn filled(
    state: &StorageRoutes,
    load: LoadTable,
    content: tokio::fs::File,
) -> Result<LoadTable, Problem> {
    let blob = state.blobs.put(content, FILE_BYTES_MAX.unsigned_abs()).await.map_err(Problem::from)?;
    Ok(LoadTable { blob: blob.id.into(), size_bytes: blob.bytes.cast_signed(), ..load })
}

/// The load with rows of an object as they are now: the engine of the workspace writes them to a file. With name and type of each
/// column. What a view of the workspace shows of the project is what the caller reads.
pub(super) async fn taken(
    state: &StorageRoutes,
    principal: &Principal,
    Taking { view, object, pick }: Taking<'_>,
    load: LoadTable,
) -> Result<(LoadTable, Vec<(String, String)>), Problem> {
    let engines = &state.workspaces()?.engines;
    state.client.room(engines.size(&view.uid))?;
    let (sources, copies) = behind(state, principal, view, object).await?;
    let taken = engines.unload(&view.uid, (object, pick), sources, FILE_BYTES_MAX.unsigned_abs()).await;
    drop(copies);
    let taken = taken.map_err(|error| workspace_problem(&error))?;
    let Unloaded { columns, file, .. } = taken.ok_or_else(|| problem::object_not_found(object, &view.id))?;
    Ok((filled(state, load, file).await?, columns))
}
