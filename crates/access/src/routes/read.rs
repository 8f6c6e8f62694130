//! `GET /projects/{project_id}/api-keys` and `…/{key_id}`

use alluvium_http::{Json, MinPosition, PathParams, Principal, ProblemResponse};
use alluvium_kernel::{Actor, Problem};
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::KeyRoutes;
use super::body::{ApiKey, ApiKeys, project};
use crate::error;
use crate::live::LIVE;
use crate::projection::PROJECTION;

/// Keys on a page when the client does not say.
const LIMIT_DEFAULT: i64 = 100;
/// Keys on a page at most.
const LIMIT_MAX: i64 = 1_000;
/// How far a page may begin: far beyond any project's keys, and no overflow.
const OFFSET_MAX: i64 = 1_000_000_000;

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoParams)]
pub(super) struct Page {
    /// How many keys, 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: i64,
    /// How many to pass over.
    #[param(default = 0, minimum = 0)]
    offset: i64,
}

impl Page {
    fn parse(query: &str) -> Result<Self, Problem> {
        let mut page = Self { limit: LIMIT_DEFAULT, offset: 0 };
        let mut mistakes = Vec::new();
        for pair in query.split('&') {
            let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "limit" => bounded(name, text, (1, LIMIT_MAX), &mut page.limit, &mut mistakes),
                "offset" => bounded(name, text, (0, OFFSET_MAX), &mut page.offset, &mut mistakes),
                _ => {}
            }
        }
        if mistakes.is_empty() {
            return Ok(page);
        }
        let problem = Problem::new("http.invalid_query", 422, "The query has wrong parameters.");
        Err(problem.with_details(json!({"detail": mistakes})))
    }
}

fn bounded(name: &str, text: &str, (min, max): (i64, i64), value: &mut i64, mistakes: &mut Vec<Value>) {
    let mut wrong = |kind: &str, msg: String| {
        mistakes.push(json!({"type": kind, "loc": ["query", name], "msg": msg, "input": text}));
    };
    match text.parse::<i64>() {
        Err(_) => wrong("int_parsing", "Input should be a valid integer".to_owned()),
        Ok(number) if number < min => {
            wrong("greater_than_equal", format!("Input should be greater than or equal to {min}"));
        }
        Ok(number) if number > max => wrong("less_than_equal", format!("Input should be less than or equal to {max}")),
        Ok(number) => *value = number,
    }
}

pub(super) async fn list(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Result<Json<ApiKeys>, ProblemResponse> {
    let page = Page::parse(query.as_deref().unwrap_or_default())?;
    state.must_exist(&principal, project(&params)).await?;
    state.desk.freshness().wait(&wanted.position, &[PROJECTION], wanted.budget).await?;
    let (keys, total) = state.queries.list(&principal.tenant, project(&params), page.limit, page.offset).await?;
    let api_keys: Vec<ApiKey> = keys.into_iter().map(ApiKey::from).collect();
    Ok(Json(ApiKeys { count: api_keys.len(), api_keys, total }))
}

/// The key that the caller sent, so that it learns what it may.
pub(super) async fn own(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Result<Json<ApiKey>, ProblemResponse> {
    let project = project(&params);
    state.must_exist(&principal, project).await?;
    let Actor::Key(key) = &principal.actor else { return Err(error::no_key_of(project).into()) };
    // It works, so it is on the log; another process may have issued it, and it may not be listed here yet.
    let known = state.desk.freshness().reached(&[LIVE]);
    state.desk.freshness().wait(&wanted.position.join(&known), &[PROJECTION], wanted.budget).await?;
    let found = state.queries.get(&principal.tenant, project, key).await?;
    Ok(Json(found.ok_or_else(|| error::key_not_found(project, key))?.into()))
}

pub(super) async fn get(
    State(state): State<KeyRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Result<Json<ApiKey>, ProblemResponse> {
    let (project, key) = (project(&params), params.get("key_id"));
    state.must_exist(&principal, project).await?;
    state.desk.freshness().wait(&wanted.position, &[PROJECTION], wanted.budget).await?;
    let found = state.queries.get(&principal.tenant, project, key).await?;
    Ok(Json(found.ok_or_else(|| error::key_not_found(project, key))?.into()))
}
