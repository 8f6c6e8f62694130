//! Metadata of a project, a branch, a bucket, a table or a column: of which of them, the path says.

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::Problem;
use axum::extract::State;
use axum::http::StatusCode;

use super::state::{Place, StorageRoutes, tenant_text};
use crate::contract::{Command, DeleteMetadata, SetMetadata};
use crate::model::names::{MAIN_BRANCH, fold};
use crate::model::{MetadataOf, problem};
use crate::queries::{Said, Source};
use crate::wire::{Metadata, MetadataSaid};

type Answer<T> = Result<T, ProblemResponse>;

/// What a path names.
struct Object {
    place: Place,
    of_project: bool,
    bucket: Option<String>,
    table: Option<String>,
    column: Option<String>,
}

impl Object {
    async fn of(state: &StorageRoutes, principal: &Principal, params: &PathParams) -> Result<Self, Problem> {
        let given = |name: &str| Some(params.owned(name)).filter(|text| !text.is_empty());
        let of_project = given("branch_id").is_none();
        let place = if of_project {
            let (tenant, project) = (principal.tenant.clone(), params.owned("project_id"));
            Place { tenant, project, branch: MAIN_BRANCH.to_owned(), bucket: String::new(), table: String::new() }
        } else {
            state.place(principal, params).await?
        };
        let bucket = given("bucket_name").map(|_| place.bucket.clone());
        Ok(Self { of_project, bucket, table: given("table_name"), column: given("column_name"), place })
    }

    /// Where what is said of it is kept; each name on the way has to be there.
    async fn said(&self, state: &StorageRoutes) -> Result<Said, Problem> {
        let (tenant, project) = (tenant_text(&self.place.tenant), &self.place.project);
        let of = MetadataOf::named(self.of_project, self.bucket.as_deref(), self.table.as_deref())?;
        let mut column = String::new();
        let object = match of {
            MetadataOf::Project | MetadataOf::Branch => state.queries.project_uid(&tenant, project).await?,
            MetadataOf::Bucket => {
                let Place { branch, bucket, .. } = &self.place;
                state.queries.shown_bucket(&tenant, project, branch, bucket).await?;
                state.queries.bucket_uid(&tenant, project, bucket).await?
            }
            MetadataOf::Table => {
                let table = state.table(&self.place).await?;
                if let Some(wanted) = &self.column {
                    let is_it = |name: &str| name.eq_ignore_ascii_case(wanted);
                    if !table.columns.iter().any(|column| is_it(&column.name)) {
                        return Err(problem::column_not_found(404, wanted));
                    }
                    column = fold(wanted);
                }
                match table.source {
                    Source::Main => table.uid,
                    Source::Branch => state.queries.metadata_root(&table.uid).await?,
                }
            }
        };
        Ok(Said { of, object, column, branch: self.place.branch.clone() })
    }

    async fn list(&self, state: &StorageRoutes) -> Result<Json<Vec<Metadata>>, Problem> {
        let said = self.said(state).await?;
        let entries = state.queries.metadata(&tenant_text(&self.place.tenant), &said).await?;
        Ok(Json(entries.into_iter().map(Metadata::from).collect()))
    }
}

pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer<Json<Vec<Metadata>>> {
    state.fresh(&wanted).await?;
    let object = Object::of(&state, &principal, &params).await?;
    Ok(object.list(&state).await?)
}

pub(super) async fn set(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<(StatusCode, Json<Vec<Metadata>>)>> {
    let is_table = !params.get("table_name").is_empty() && params.get("column_name").is_empty();
    let column = Some(params.get("column_name")).filter(|name| !name.is_empty());
    let MetadataSaid { provider, entries } =
        if is_table { MetadataSaid::parse_of_table(&body)? } else { MetadataSaid::parse(&body, column)? };
    let object = Object::of(&state, &principal, &params).await?;
    let set = SetMetadata {
        project: object.place.project.clone(),
        branch: object.place.branch.clone(),
        of_project: object.of_project,
        bucket: object.bucket.clone(),
        table: object.table.clone(),
        provider,
        entries,
        object: String::new(),
        uid: String::new(),
        project_uid: String::new(),
        columns: Vec::new(),
    };
    set.check_size()?;
    let accepted = state.write(&principal, Command::Metadata(set.into())).await?;
    Ok(WithPosition(accepted.position, (StatusCode::CREATED, object.list(&state).await?)))
}

pub(super) async fn delete(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
) -> Answer<WithPosition<StatusCode>> {
    let Object { place, of_project, bucket, table, column } = Object::of(&state, &principal, &params).await?;
    let delete = DeleteMetadata {
        project: place.project,
        branch: place.branch,
        of_project,
        bucket,
        table,
        column,
        id: params.owned("metadata_id"),
        object: String::new(),
        uid: String::new(),
        project_uid: String::new(),
        inherited: false,
    };
    let accepted = state.write(&principal, Command::Metadata(delete.into())).await?;
    Ok(WithPosition(accepted.position, StatusCode::NO_CONTENT))
}
