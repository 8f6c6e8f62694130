//! Settings of snapshots, of a project, a bucket or a table: which of them, the path says.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::StatusCode;

use super::state::{Place, StorageRoutes, tenant_text};
use crate::contract::{ClearSnapshotSettings, Command, ProjectCommand, SetSnapshotSettings, SnapshotSettings};
use crate::model::{names, problem};
use crate::queries::SettingsLevels;
use crate::wire::{self, SnapshotSettingsAnswer};

type Answer<T> = Result<T, ProblemResponse>;

fn command(command: impl Into<ProjectCommand>) -> Command {
    Command::Project(command.into())
}

/// The level that a path names.
struct Level {
    place: Place,
    bucket: Option<String>,
    table: Option<String>,
}

impl Level {
    async fn of(state: &StorageRoutes, principal: &Principal, params: &PathParams) -> Result<Self, Problem> {
        let given = |name: &str, value: &str| Some(value.to_owned()).filter(|_| !params.get(name).is_empty());
        let place = if params.get("bucket_name").is_empty() {
            let (tenant, project) = (principal.tenant.clone(), params.owned("project_id"));
            let branch = names::MAIN_BRANCH.to_owned();
            Place { tenant, project, branch, bucket: String::new(), table: String::new() }
        } else {
            state.place(principal, params).await?
        };
        let (bucket, table) = (given("bucket_name", &place.bucket), given("table_name", &place.table));
        Ok(Self { place, bucket, table })
    }

    /// What counts here; each name on the way has to be there.
    async fn answer(&self, state: &StorageRoutes) -> Result<SnapshotSettingsAnswer, Problem> {
        let (tenant, project) = (tenant_text(&self.place.tenant), &self.place.project);
        match (&self.bucket, &self.table) {
            (Some(_), Some(_)) => drop(state.table(&self.place).await?),
            (Some(bucket), None) => {
                drop(state.queries.shown_bucket(&tenant, project, &self.place.branch, bucket).await?);
            }
            (None, _) => {}
        }
        let (bucket, table) = (self.bucket.as_deref(), self.table.as_deref());
        let levels: SettingsLevels = state.queries.snapshot_settings(&tenant, project, bucket, table).await?;
        let [of_project, of_bucket, of_table] = levels.each_ref().map(Option::as_ref);
        let local = match (bucket, table) {
            (None, _) => of_project,
            (Some(_), None) => of_bucket,
            (Some(_), Some(_)) => of_table,
        };
        Ok(SnapshotSettingsAnswer::of([of_project, of_bucket, of_table], local))
    }

    /// They belong to the project, so they are not changed through a dev branch.
    fn on_main(self) -> Result<Self, Problem> {
        if self.place.branch == names::MAIN_BRANCH {
            Ok(self)
        } else {
            Err(problem::operation_not_allowed("Changing settings of snapshots", &self.place.branch))
        }
    }
}

pub(super) async fn get(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<SnapshotSettingsAnswer>> {
    state.fresh(&wanted).await?;
    let level = Level::of(&state, &principal, &params).await?;
    Ok(Json(level.answer(&state).await?))
}

pub(super) async fn put(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<SnapshotSettingsAnswer>>> {
    set(&state, &principal, &params, wire::replaced(&body)?, Vec::new()).await
}

pub(super) async fn patch(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<SnapshotSettingsAnswer>>> {
    let (settings, keep) = wire::patched(&body)?;
    set(&state, &principal, &params, settings, keep).await
}

async fn set(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    settings: SnapshotSettings,
    keep: Vec<String>,
) -> Answer<WithPosition<Json<SnapshotSettingsAnswer>>> {
    let level = Level::of(state, principal, params).await?.on_main()?;
    let (bucket, table) = (level.bucket.clone(), level.table.clone());
    let set = SetSnapshotSettings { project: level.place.project.clone(), bucket, table, settings, keep };
    let accepted = state.write(principal, command(set)).await?;
    Ok(WithPosition(accepted.position, Json(level.answer(state).await?)))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let Level { place, bucket, table } = Level::of(&state, &principal, &params).await?.on_main()?;
    let clear = ClearSnapshotSettings { project: place.project, bucket, table };
    let accepted = state.write(&principal, command(clear)).await?;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
