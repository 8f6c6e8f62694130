//! Buckets: all that a caller may use, whether there is one, where it is, and deleting many of its objects at once.

use std::time::Instant;

use alluvium_http::{MinPosition, PathParams, Principal, ProblemResponse, Upload};
use alluvium_kernel::{Actor, Problem, Requirement};
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use futures::StreamExt as _;
use utoipa::IntoParams;

use super::body::{Sums, document};
use super::credentials::BodySigner;
use super::list::iso;
use super::object::Answer;
use super::read_xml::{self, Element};
use super::xml::Xml;
use super::{BUCKET_PREFIX, Bucket, counts, problem, xml_response};
use crate::contract::{Command, DeleteObject, FileCommand};
use crate::model::check_key;
use crate::routes::{StorageRoutes, tenant_text};
use crate::wire::Query;

/// Buckets of one page.
const PAGE_BUCKETS_MAX: i64 = 10_000;
/// Objects that one request deletes.
const DELETE_KEYS_MAX: usize = 1_000;
/// Of these, so many are asked for at once.
const DELETES_AT_ONCE: usize = 32;

/// Which buckets to list, as documented.
#[derive(Clone, Debug, IntoParams)]
#[into_params(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only documents what `list` reads")]
pub struct BucketsQuery {
    /// Buckets of one page.
    #[param(default = 10_000, minimum = 1, maximum = 10_000)]
    max_buckets: i64,
    /// Where the last page ended, as it said.
    continuation_token: Option<String>,
}

/// The buckets that a caller may use: all for an admin, its project's for a key.
pub(super) async fn list(
    State(state): State<StorageRoutes>,
    principal: Principal,
    wanted: MinPosition,
    RawQuery(query): RawQuery,
) -> Result<Response, ProblemResponse> {
    let began = Instant::now();
    let result = listed(&state, &principal, &wanted, query.as_deref()).await;
    counts::operation("ListBuckets", began, &result);
    Ok(xml_response(result?))
}

async fn listed(
    state: &StorageRoutes,
    principal: &Principal,
    wanted: &MinPosition,
    query: Option<&str>,
) -> Result<String, Problem> {
    let mut query = Query::of(query);
    let max = query.int("max-buckets", PAGE_BUCKETS_MAX, (1, PAGE_BUCKETS_MAX));
    let behind = query.text("continuation-token").unwrap_or_default().to_owned();
    query.finish().map_err(|_| problem::invalid("`max-buckets` is a whole number from 1 to 10000."))?;
    if behind.contains('\0') {
        return Err(problem::invalid("The continuation token is none of ours."));
    }
    state.fresh(wanted).await?;
    let only = match principal.actor {
        Actor::Admin => None,
        _ => Some(own(state, principal).await?),
    };
    let tenant = tenant_text(&principal.tenant);
    let mut found = state.queries.projects_by_id(&tenant, &behind, only.as_deref(), max + 1).await?;
    let is_truncated = found.len() as i64 > max;
    found.truncate(usize::try_from(max).unwrap_or(1));
    let mut xml = Xml::begin("ListAllMyBucketsResult");
    xml.element("Owner", |xml| {
        xml.text("ID", &tenant).text("DisplayName", &tenant);
    });
    xml.element("Buckets", |xml| {
        for (project, created) in &found {
            xml.element("Bucket", |xml| {
                xml.text("Name", &format!("{BUCKET_PREFIX}{project}")).text("CreationDate", &iso(*created));
            });
        }
    });
    if let Some((last, _)) = found.last().filter(|_| is_truncated) {
        xml.text("ContinuationToken", last);
    }
    Ok(xml.end())
}

/// The project that a caller's key is of, if the key opens any of its files.
async fn own(state: &StorageRoutes, principal: &Principal) -> Result<Vec<String>, Problem> {
    let Some(project) = state.keys.project_of(principal)? else { return Ok(Vec::new()) };
    let sees = Requirement::ProjectMember(project.clone());
    match state.authorizer.check(&principal.tenant, &principal.actor, &sees).await {
        Ok(()) => Ok(vec![project]),
        Err(problem) if matches!(problem.status, 401 | 403) => Ok(Vec::new()),
        Err(problem) => Err(problem),
    }
}

/// Whether a bucket is there.
pub(super) async fn head(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
) -> Answer {
    let began = Instant::now();
    let result = async {
        state.fresh(&wanted).await?;
        Bucket::of(&state, &principal, &params).await
    }
    .await;
    counts::operation("HeadBucket", began, &result);
    result?;
    Ok(Response::new(Body::empty()))
}

/// Where a bucket is: at no region that has a name.
pub(super) async fn location(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
) -> Result<String, Problem> {
    Bucket::of(state, principal, params).await?;
    Ok(Xml::begin("LocationConstraint").end())
}

/// `POST` of a bucket: deletes the objects that a document names.
pub(super) async fn post(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    signer: Option<Extension<BodySigner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Upload,
) -> Answer {
    let began = Instant::now();
    if Query::of(query.as_deref()).text("delete").is_none() {
        return Err(problem::invalid("`?delete` deletes the objects that the body names.").into());
    }
    let signer = signer.map(|Extension(signer)| signer).unwrap_or_default();
    let result = match document(&headers, signer, body, Sums::OfBody).await {
        Ok(document) => delete(&state, &principal, &params, &document).await,
        Err(problem) => Err(problem),
    };
    counts::operation("DeleteObjects", began, &result);
    Ok(xml_response(result?))
}

/// Deletes each on its own: what cannot be is said of it alone.
async fn delete(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    document: &str,
) -> Result<String, Problem> {
    let (keys, is_quiet) = named(document).ok_or_else(problem::malformed_xml)?;
    let bucket = Bucket::of(state, principal, params).await?;
    let outcomes: Vec<Result<(), Problem>> = futures::stream::iter(keys.clone().into_iter().enumerate())
        .map(|(at, key)| remove(state, principal, &bucket, at, key))
        .buffered(DELETES_AT_ONCE)
        .collect()
        .await;
    let mut xml = Xml::begin("DeleteResult");
    for (key, outcome) in keys.iter().zip(&outcomes) {
        match outcome {
            Ok(()) if is_quiet => {}
            Ok(()) => {
                xml.element("Deleted", |xml| {
                    xml.text("Key", key);
                });
            }
            Err(problem) => {
                xml.element("Error", |xml| {
                    xml.text("Key", key).text("Code", problem::word(problem)).text("Message", problem::said(problem));
                });
            }
        }
    }
    Ok(xml.end())
}

async fn remove(
    state: &StorageRoutes,
    principal: &Principal,
    bucket: &Bucket,
    at: usize,
    key: String,
) -> Result<(), Problem> {
    check_key(&key)?;
    let (project, branch) = (bucket.project.clone(), bucket.reach.of_command());
    let command = DeleteObject { project, key, file: String::new(), branch };
    let command = Command::File(FileCommand::DeleteObject(command));
    state.write_as(principal, &format!("DeleteObject:{at}"), command).await?;
    Ok(())
}

/// The keys that a document names, and whether only what failed is to be told.
fn named(document: &str) -> Option<(Vec<String>, bool)> {
    let root = read_xml::parse(document).filter(|root| root.name == "Delete")?;
    let key = |object: &Element| object.child("Key").map(|key| key.text.clone());
    let keys: Option<Vec<String>> = root.children.iter().filter(|child| child.name == "Object").map(key).collect();
    let keys = keys.filter(|keys| (1..=DELETE_KEYS_MAX).contains(&keys.len()))?;
    Some((keys, root.child("Quiet").is_some_and(|quiet| quiet.text.trim() == "true")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_keys() {
        let text = "<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object><Object><VersionId>1</VersionId><Key>b</Key></Object></Delete>";
        assert_eq!(named(text), Some((vec!["a".into(), "b".into()], true)));
        let many = format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(DELETE_KEYS_MAX + 1));
        for wrong in
            ["", "<Delete/>", "<Delete><Object/></Delete>", "<Other><Object><Key>a</Key></Object></Other>", &many]
        {
            assert_eq!(named(wrong), None, "{wrong:.40}");
        }
    }
}
