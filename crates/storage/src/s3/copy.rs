//! Content of an object that is made another's, or a part's: within a bucket, or out of another that the caller may read.

use alluvium_http::{PathParams, Principal};
use alluvium_kernel::{Problem, Requirement};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures::StreamExt as _;
use percent_encoding::percent_decode_str;

use super::body::keep;
use super::checksum::ObjectDigests;
use super::list::iso;
use super::multipart::{PartName, stage};
use super::object::{etag, text};
use super::xml::Xml;
use super::{Bucket, problem, project_named, xml_response};
use crate::contract::{Command, FileCommand, PutObject};
use crate::queries::FileView;
use crate::routes::{Opened, StorageRoutes, now, open};

/// The object that `x-amz-copy-source` names.
async fn source(
    state: &StorageRoutes,
    principal: &Principal,
    bucket: &Bucket,
    params: &PathParams,
    source: &str,
) -> Result<FileView, Problem> {
    let source = source.split_once("?versionId=").map_or(source, |(source, _)| source);
    let decoded = percent_decode_str(source.trim_start_matches('/')).decode_utf8();
    let decoded = decoded.map_err(|_| problem::invalid("`x-amz-copy-source` is not UTF-8."))?;
    let (from, key) = decoded.split_once('/').ok_or_else(|| problem::invalid("`x-amz-copy-source` is bucket/key."))?;
    if from == params.get("bucket") {
        return bucket.object(state, key).await;
    }
    let reads = Requirement::ProjectMember(project_named(from));
    state.authorizer.check(&principal.tenant, &principal.actor, &reads).await?;
    Bucket::named(state, principal, from).await?.object(state, key).await
}

/// Makes an object the content of another one: nothing is copied but its name.
pub(super) async fn object(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
    from: &str,
) -> Result<(Response, u64), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    let found = source(state, principal, &bucket, params, from).await?;
    let replaces = text(headers, "x-amz-metadata-directive").is_some_and(|word| word.eq_ignore_ascii_case("REPLACE"));
    let given = text(headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned);
    let size = found.size_bytes.unwrap_or(0);
    let command = PutObject {
        project: bucket.project.clone(),
        key: params.owned("key"),
        content_type: if replaces { given } else { found.content_type.clone() },
        blob: found.blob.clone().ok_or_else(problem::no_such_key)?,
        size_bytes: size,
        md5: found.md5.clone(),
        file: String::new(),
        project_uid: String::new(),
        branch: bucket.reach.of_command(),
    };
    state.write(principal, Command::File(FileCommand::PutObject(command))).await?;
    let copied = bucket.object(state, params.get("key")).await?;
    let mut xml = Xml::begin("CopyObjectResult");
    xml.text("LastModified", &iso(copied.created_at)).text("ETag", &etag(&copied));
    Ok((xml_response(xml.end()), size.unsigned_abs()))
}

/// Makes an object, or a range of it, a part of an upload. It is read, for the MD5 of just these bytes.
pub(super) async fn part(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
    part: &PartName,
    from: &str,
) -> Result<(Response, u64), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    bucket.open_upload(state, params.get("key"), &part.upload).await?;
    let found = source(state, principal, &bucket, params, from).await?;
    let range = text(headers, "x-amz-copy-source-range").map(|range| checked(range, &found)).transpose()?;
    let content = match open(&state.blobs, &found, range.as_ref()).await? {
        Opened::Content(content) => content,
        Opened::Beyond(size) => return Err(problem::invalid_range(size)),
        Opened::Missing => return Err(problem::no_such_key()),
    };
    state.client.room(content.length)?;
    let stream = content.body.into_data_stream().map(|piece| piece.map_err(std::io::Error::other));
    let mut digests = ObjectDigests::default();
    let blob = keep(state, stream, &mut digests).await?;
    let (bytes, md5) = (blob.bytes, digests.finish().md5);
    stage(state, principal, &bucket, part, blob, &md5).await?;
    let mut xml = Xml::begin("CopyPartResult");
    xml.text("LastModified", &iso(now().micros())).text("ETag", &format!("\"{md5}\""));
    Ok((xml_response(xml.end()), bytes))
}

/// A range of an object, whose first and last byte it has: another would be answered with what nobody asked for.
fn checked(range: &str, of: &FileView) -> Result<HeaderValue, Problem> {
    let ends = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
    let ends = ends.and_then(|(from, to)| Some((from.parse::<i64>().ok()?, to.parse::<i64>().ok()?)));
    let (from, to) = ends.ok_or_else(|| problem::invalid("`x-amz-copy-source-range` is `bytes=first-last`."))?;
    let size = of.size_bytes.unwrap_or(0);
    if from > to || to >= size {
        return Err(problem::invalid_range(size.unsigned_abs()));
    }
    HeaderValue::from_str(range).map_err(|_| Problem::internal())
}
