//! Columns and the primary key of a table.

use std::time::Instant;

use alluvium_http::{BodyBytes, Json, PathParams, Principal, ProblemResponse, WithPosition};
use axum::extract::State;
use axum::http::StatusCode;

use super::counts;
use super::state::{Place, StorageRoutes};
use crate::contract::{AddColumn, AlterColumn, Command, DropColumn, DropPrimaryKey, SetPrimaryKey, TableCommand};
use crate::wire::{ColumnAdd, ColumnAlter, KeySet, Table};

type Answer = Result<WithPosition<(StatusCode, Json<Table>)>, ProblemResponse>;

async fn change(
    state: &StorageRoutes,
    principal: &Principal,
    place: &Place,
    status: StatusCode,
    command: impl Into<TableCommand>,
) -> Answer {
    let command = command.into();
    let operation = match &command {
        TableCommand::AddColumn(_) => "add_column",
        TableCommand::AlterColumn(_) => "alter_column",
        TableCommand::DropColumn(_) => "drop_column",
        TableCommand::SetPrimaryKey(_) => "add_pk",
        TableCommand::DropPrimaryKey(_) => "drop_pk",
        _ => "other",
    };
    let began = Instant::now();
    let written = state.write_table(principal, place, Command::Table(command)).await.map_err(ProblemResponse::from);
    counts::schema(operation, began, &written);
    let (accepted, table) = written?;
    Ok(WithPosition(accepted.position, (status, Json(table.into()))))
}

pub(super) async fn add(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let ColumnAdd { column, backfill } = ColumnAdd::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    let Place { project, bucket, table, .. } = &place;
    let (project, bucket, table) = (project.clone(), bucket.clone(), table.clone());
    let backfill = backfill.unwrap_or(false);
    let command = AddColumn { branch: place.branch.clone(), project, bucket, table, column: column.into(), backfill };
    change(&state, &principal, &place, StatusCode::CREATED, command).await
}

pub(super) async fn alter(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let ColumnAlter { new_name, new_type, set_not_null, set_default } = ColumnAlter::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    let command = AlterColumn {
        branch: place.branch.clone(),
        project: place.project.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        column: params.owned("column_name"),
        new_name,
        new_type,
        set_not_null,
        set_default,
    };
    change(&state, &principal, &place, StatusCode::OK, command).await
}

pub(super) async fn drop(State(state): State<StorageRoutes>, principal: Principal, params: PathParams) -> Answer {
    let place = state.place(&principal, &params).await?;
    let command = DropColumn {
        branch: place.branch.clone(),
        project: place.project.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        column: params.owned("column_name"),
    };
    change(&state, &principal, &place, StatusCode::OK, command).await
}

pub(super) async fn set_key(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    BodyBytes(body): BodyBytes,
) -> Answer {
    let KeySet { columns } = KeySet::parse(&body)?;
    let place = state.place(&principal, &params).await?;
    let Place { project, bucket, table, .. } = &place;
    let (project, bucket, table) = (project.clone(), bucket.clone(), table.clone());
    let command = SetPrimaryKey { branch: place.branch.clone(), project, bucket, table, columns };
    change(&state, &principal, &place, StatusCode::CREATED, command).await
}

pub(super) async fn drop_key(State(state): State<StorageRoutes>, principal: Principal, params: PathParams) -> Answer {
    let place = state.place(&principal, &params).await?;
    let Place { project, bucket, table, .. } = &place;
    let (project, bucket, table) = (project.clone(), bucket.clone(), table.clone());
    change(
        &state,
        &principal,
        &place,
        StatusCode::OK,
        DropPrimaryKey { branch: place.branch.clone(), project, bucket, table },
    )
    .await
}
