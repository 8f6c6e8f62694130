//! Ad-hoc queries of what a pipeline keeps.

use std::sync::Arc;

use alluvium_formats::Change;
use alluvium_http::{PathParams, Principal, ProblemResponse, Query, Subprotocols};
use alluvium_kernel::{Actor, Problem, Timestamp};
use alluvium_query::{
    Batches, BoxError, Format, Insert, QueryError, QueryErrorKind, RelationInfo, RelationKind, Relations, Sink,
};
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::ingress::running;
use super::socket;
use super::state::{DataRoutes, Found};
use crate::deployment::Deployment;
use crate::runner::RunnerParts;
use crate::stats::InputCounts;
use crate::writer::Writer;

/// What rows that queries insert come in through.
const ENDPOINT: &str = "api-ad_hoc";

/// What is asked.
#[derive(Deserialize, IntoParams)]
pub(super) struct QueryQuery {
    /// The statements; over a WebSocket they come in the first message.
    sql: Option<String>,
    /// `text`, `json`, `parquet`, `arrow_ipc` or `hash`.
    format: Option<String>,
}

pub(super) async fn query(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<QueryQuery>,
    protocols: Subprotocols,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ProblemResponse> {
    if let Ok(upgrade) = upgrade {
        let found = state.find(&principal, &params).await?;
        return Ok(socket::converse(upgrade, &protocols, (state, principal, found)));
    }
    let sql = query.sql.ok_or_else(|| Problem::new("pipelines.invalid_param", 400, "`sql` is what is asked."))?;
    let format: Format = match query.format.as_deref() {
        None => Format::Text,
        Some(name) => {
            name.parse().map_err(|error: QueryError| Problem::new("pipelines.invalid_param", 400, error.message))?
        }
    };
    let found = state.find(&principal, &params).await?;
    let answer = ask(&state, &principal, &found, &sql, format).await.map_err(|error| problem(&error))?;
    let mut response = Response::new(Body::from_stream(answer.into_body()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if let Some(name) = format.file_name(jiff::Timestamp::now()) {
        let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
        headers.extend(disposition.ok().map(|disposition| (CONTENT_DISPOSITION, disposition)));
    }
    Ok(response)
}

pub(super) async fn ask(
    state: &DataRoutes,
    principal: &Principal,
    found: &Found,
    sql: &str,
    format: Format,
) -> Result<alluvium_query::Answer, QueryError> {
    let deployment = &found.deployment;
    let snapshot = Snapshot { step: deployment.progress.borrow().step, deployment: Arc::clone(deployment) };
    let into = Into {
        parts: state.runner.parts.clone(),
        deployment: Arc::clone(deployment),
        by: (principal.actor.clone(), principal.seed.at()),
    };
    let session = deployment.queries.session(Arc::new(snapshot), Arc::new(into));
    session.plan(sql).await?.run(format).await
}

/// What a pipeline keeps as of one step.
struct Snapshot {
    deployment: Arc<Deployment>,
    step: u64,
}

impl Relations for Snapshot {
    fn relations(&self) -> Vec<RelationInfo> {
        let Some(place) = self.deployment.place.get() else { return Vec::new() };
        let info = |shown: &crate::program::Shown| RelationInfo {
            name: shown.name.name.clone(),
            kind: if shown.input.is_some() { RelationKind::Table } else { RelationKind::View },
            schema: crate::columns::shared_schema(&crate::columns::engine_schema(&shown.columns)),
            is_materialized: shown.is_queryable,
            defaults: Vec::new(),
        };
        place.relations.iter().map(info).collect()
    }

    fn scan(&self, name: &str, projection: Option<&[usize]>, _: usize) -> Result<Batches, BoxError> {
        let place = self.deployment.place.get().ok_or("the pipeline has no tables yet")?;
        let rows = place.files.scan_at(name, self.step, projection)?;
        Ok(Box::new(rows.map(|batch| batch.map_err(BoxError::from))))
    }
}

/// Where the rows of an `INSERT` go: where all rows go that come in.
struct Into {
    parts: RunnerParts,
    deployment: Arc<Deployment>,
    by: (Actor, Timestamp),
}

#[async_trait]
impl Sink for Into {
    async fn insert(&self, rows: Insert) -> Result<(), BoxError> {
        running(&self.deployment).await?;
        let columns = |batch: &arrow::array::RecordBatch| (0..batch.num_columns()).collect();
        let changes = rows.batches.iter().cloned().map(|batch| Change {
            kind: alluvium_formats::ChangeKind::Insert,
            columns: columns(&batch),
            batch,
        });
        let (actor, time) = (&self.by.0, self.by.1);
        let id = Uuid::new_v4().simple().to_string();
        let mut writer =
            Writer::new(&self.parts.js, &self.parts.key, (actor, time), id).counted(&self.deployment.stats.backlog);
        let records = rows.batches.iter().map(|batch| batch.num_rows() as u64).sum();
        writer.write(&self.deployment.deployed.place, &rows.table, changes.collect()).await?;
        let counts = InputCounts { stream: rows.table.clone(), records, ..InputCounts::default() };
        self.deployment.stats.came_in(&format!("{}.{ENDPOINT}", rows.table), &counts);
        if let Some(seq) = writer.last() {
            let mut progress = self.deployment.progress.subscribe();
            tokio::select! {
                // The sender is part of the deployment that is held here.
                _ = progress.wait_for(|progress| progress.seq >= seq) => {}
                () = self.deployment.stop.cancelled() => return Err("the pipeline is being stopped".into()),
            }
        }
        Ok(())
    }
}

fn problem(error: &QueryError) -> Problem {
    match error.kind {
        QueryErrorKind::Rejected | QueryErrorKind::TooLarge => {
            Problem::new("pipelines.ad_hoc_query_error", 400, error.message.clone())
        }
        QueryErrorKind::Busy => Problem::new("pipelines.api_connection_limit", 429, error.message.clone()),
        QueryErrorKind::Internal => {
            tracing::warn!(%error, "an ad-hoc query failed");
            Problem::internal()
        }
    }
}
