//! An object that is uploaded in parts: start, part, list of parts, complete, abort.
//!
//! A part is a blob of its own, so it survives whatever happens before the upload is completed. Completing one copies the parts
//! into one blob and then says so: cut off in between, it is asked for again.

use std::time::Instant;

use alluvium_eventlog::blob::{Blob, BlobError, BlobId};
use alluvium_http::{MinPosition, PathParams, Principal, Upload};
use alluvium_kernel::Problem;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::response::Response;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio_util::io::{ReaderStream, StreamReader};

use super::body::{Sums, document, promised, receive};
use super::checksum::ObjectDigests;
use super::credentials::BodySigner;
use super::list::iso;
use super::object::{Answer, insert, text};
use super::read_xml::{self, Element};
use super::sigv4::encoded;
use super::xml::Xml;
use super::{Bucket, S3Links, S3State, counts, problem, xml_response};
use crate::contract::{AbortMultipart, Command, CompleteMultipart, MultipartCommand, StagePart, StartMultipart};
use crate::model::limits::{FILE_BYTES_MAX, MULTIPART_PARTS_MAX, MULTIPART_SECONDS_MAX};
use crate::model::problem::{file_too_large, invalid_part, no_such_upload};
use crate::model::{check_key, etag_of, fits};
use crate::queries::{MultipartView, PartView};
use crate::routes::{StorageRoutes, tenant_text};
use crate::wire::Query;

/// Parts of one page of a list.
const PAGE_PARTS_MAX: i64 = 1_000;
/// Bytes read at once from a part while they are put together.
const READ_BYTES: usize = 256 * 1024;

/// A part, as a query names it.
pub(super) struct PartName {
    pub upload: String,
    pub number: i32,
}

/// The part that a request is about, if it is about one.
pub(super) fn part_of(query: Option<&str>) -> Result<Option<PartName>, Problem> {
    let query = Query::of(query);
    match (query.text("uploadId"), query.text("partNumber")) {
        (None, None) => Ok(None),
        (Some(upload), Some(number)) => {
            let number = number.parse().ok().filter(|number| (1..=MULTIPART_PARTS_MAX).contains(number));
            let number = number.ok_or_else(|| problem::invalid("`partNumber` is a whole number from 1 to 10000."))?;
            Ok(Some(PartName { upload: upload.to_owned(), number }))
        }
        _ => Err(problem::invalid("A part is named by `uploadId` and `partNumber`.")),
    }
}

/// `POST` of an object: begins an upload, or completes one.
pub(super) async fn post(
    State(S3State { storage: state, links }): State<S3State>,
    principal: Principal,
    params: PathParams,
    signer: Option<Extension<BodySigner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Upload,
) -> Answer {
    let began = Instant::now();
    let query = Query::of(query.as_deref());
    if let Some(upload) = query.text("uploadId") {
        let signer = signer.map(|Extension(signer)| signer).unwrap_or_default();
        let document = document(&headers, signer, body, Sums::OfObject).await;
        let result = match document {
            Ok(document) => complete(&state, &principal, &params, upload, &headers, &document).await,
            Err(problem) => Err(problem),
        };
        counts::operation("CompleteMultipartUpload", began, &result);
        return Ok(xml_response(completed(&links, &params, &result?)));
    }
    if query.text("uploads").is_none() {
        return Err(problem::invalid("`?uploads` begins an upload in parts, `?uploadId=` completes one.").into());
    }
    let result = start(&state, &principal, &params, &headers).await;
    counts::operation("CreateMultipartUpload", began, &result);
    let mut xml = Xml::begin("InitiateMultipartUploadResult");
    xml.text("Bucket", params.get("bucket")).text("Key", params.get("key")).text("UploadId", &result?);
    Ok(xml_response(xml.end()))
}

async fn start(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
) -> Result<String, Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    check_key(params.get("key"))?;
    // Not to be guessed: whoever knows the id of an upload of the project can fill it.
    let upload = principal.seed.uuid("multipart").to_string();
    let command = StartMultipart {
        project: bucket.project.clone(),
        upload: upload.clone(),
        key: params.owned("key"),
        content_type: text(headers, CONTENT_TYPE.as_str()).map(ToOwned::to_owned),
        expires_at: principal.seed.at().micros() + MULTIPART_SECONDS_MAX * 1_000_000,
        project_uid: String::new(),
        branch: bucket.reach.of_command(),
    };
    state.write(principal, Command::Multipart(MultipartCommand::StartMultipart(command))).await?;
    Ok(upload)
}

/// Takes a part in; its answer, and how many bytes it has.
pub(super) async fn part(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    headers: &HeaderMap,
    part: &PartName,
    signer: BodySigner,
    body: Upload,
) -> Result<(Response, u64), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    bucket.open_upload(state, params.get("key"), &part.upload).await?;
    let declared = text(headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
    state.client.room(declared.unwrap_or(0))?;
    let (blob, digested) = receive(state, headers, signer, body).await?;
    let bytes = blob.bytes;
    stage(state, principal, &bucket, part, blob, &digested.md5).await?;
    let mut response = Response::new(Body::empty());
    insert(response.headers_mut(), ETAG, &format!("\"{}\"", digested.md5));
    Ok((response, bytes))
}

/// Notes a part whose content is stored.
pub(super) async fn stage(
    state: &StorageRoutes,
    principal: &Principal,
    bucket: &Bucket,
    part: &PartName,
    blob: Blob,
    md5: &str,
) -> Result<(), Problem> {
    let command = StagePart {
        project: bucket.project.clone(),
        upload: part.upload.clone(),
        number: part.number,
        blob: blob.id.into(),
        size_bytes: blob.bytes as i64,
        md5: md5.to_owned(),
        branch: bucket.reach.of_command(),
    };
    state.write(principal, Command::Multipart(MultipartCommand::StagePart(command))).await?;
    Ok(())
}

/// The parts of an upload that are there, in pages.
pub(super) async fn parts(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    wanted: &MinPosition,
    (upload, query): (&str, Option<&str>),
) -> Result<Response, Problem> {
    let mut query = Query::of(query);
    let max = query.int("max-parts", PAGE_PARTS_MAX, (1, PAGE_PARTS_MAX));
    let behind = query.int("part-number-marker", 0, (0, MULTIPART_PARTS_MAX.into()));
    query.finish().map_err(|_| {
        problem::invalid("`max-parts` is 1 to 1000, and `part-number-marker` the number of a part, or 0.")
    })?;
    state.fresh(wanted).await?;
    let bucket = Bucket::of(state, principal, params).await?;
    bucket.open_upload(state, params.get("key"), upload).await?;
    let tenant = tenant_text(&bucket.tenant);
    let behind = i32::try_from(behind).unwrap_or(MULTIPART_PARTS_MAX);
    let mut found = state.queries.parts(&tenant, upload, behind, max + 1).await?;
    let is_truncated = found.len() as i64 > max;
    found.truncate(usize::try_from(max).unwrap_or(1));
    let mut xml = Xml::begin("ListPartsResult");
    xml.text("Bucket", params.get("bucket")).text("Key", params.get("key")).text("UploadId", upload);
    xml.text("StorageClass", "STANDARD").text("PartNumberMarker", &behind.to_string());
    if let Some(last) = found.last().filter(|_| is_truncated) {
        xml.text("NextPartNumberMarker", &last.number.to_string());
    }
    xml.text("MaxParts", &max.to_string()).text("IsTruncated", if is_truncated { "true" } else { "false" });
    for part in &found {
        xml.element("Part", |xml| {
            xml.text("PartNumber", &part.number.to_string()).text("LastModified", &iso(part.staged_at));
            xml.text("ETag", &format!("\"{}\"", part.md5)).text("Size", &part.size_bytes.to_string());
        });
    }
    Ok(xml_response(xml.end()))
}

/// Makes chosen parts the object; what names its content.
async fn complete(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    upload: &str,
    headers: &HeaderMap,
    document: &str,
) -> Result<String, Problem> {
    let chosen = chosen(document)?;
    let bucket = Bucket::of(state, principal, params).await?;
    let md5 = etag_of(chosen.iter().map(|(_, md5)| md5.as_str()));
    let known = bucket.upload(state, params.get("key"), upload).await?;
    match known.md5 {
        // Its client did not hear the answer.
        Some(done) if done == md5 => return Ok(md5),
        Some(_) => return Err(no_such_upload(upload)),
        None => {}
    }
    let tenant = tenant_text(&bucket.tenant);
    let parts = matched(&chosen, state.queries.parts(&tenant, upload, 0, MULTIPART_PARTS_MAX.into()).await?)?;
    let sizes: Vec<(i32, i64)> = parts.iter().map(|part| (part.number, part.size_bytes)).collect();
    let size_bytes = fits(&sizes)?;
    let blob = put_together(state, headers, &parts, size_bytes).await?;
    let command = CompleteMultipart {
        project: bucket.project.clone(),
        upload: upload.to_owned(),
        parts: parts.iter().map(|part| part.number).collect(),
        blob: blob.id.into(),
        size_bytes,
        md5: md5.clone(),
        branch: bucket.reach.of_command(),
    };
    state.write(principal, Command::Multipart(MultipartCommand::CompleteMultipart(command))).await?;
    Ok(md5)
}

/// Numbers and MD5s of the parts that a document names.
fn chosen(document: &str) -> Result<Vec<(i32, String)>, Problem> {
    let root = read_xml::parse(document).filter(|root| root.name == "CompleteMultipartUpload");
    let root = root.ok_or_else(problem::malformed_xml)?;
    let part = |part: &Element| {
        let number = part.child("PartNumber")?.text.trim().parse().ok()?;
        Some((number, part.child("ETag")?.text.trim().trim_matches('"').to_ascii_lowercase()))
    };
    let parts: Option<Vec<_>> = root.children.iter().filter(|child| child.name == "Part").map(part).collect();
    let parts = parts.filter(|parts| (1..=MULTIPART_PARTS_MAX as usize).contains(&parts.len()));
    parts.ok_or_else(problem::malformed_xml)
}

/// The parts that were chosen, out of those that are there by number; their order is judged with their sizes.
fn matched(chosen: &[(i32, String)], there: Vec<PartView>) -> Result<Vec<PartView>, Problem> {
    if chosen.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(crate::model::problem::invalid_part_order());
    }
    let (mut there, mut parts) = (there.into_iter(), Vec::with_capacity(chosen.len()));
    for (number, md5) in chosen {
        let found = there.find(|part| part.number == *number).filter(|part| part.md5 == *md5);
        parts.push(found.ok_or_else(|| invalid_part(*number))?);
    }
    Ok(parts)
}

/// Stores the parts as one blob: read and written piece by piece. The request's checksums are the whole object's.
async fn put_together(
    state: &StorageRoutes,
    headers: &HeaderMap,
    parts: &[PartView],
    size_bytes: i64,
) -> Result<Blob, Problem> {
    let mut paths = Vec::with_capacity(parts.len());
    for part in parts {
        let id = BlobId::try_from(part.blob.clone()).map_err(|_| Problem::internal())?;
        if !state.blobs.exists(&id).await {
            tracing::error!(blob.id = %id, "the content of a part is not there");
            return Err(invalid_part(part.number));
        }
        paths.push(state.blobs.path(&id));
    }
    state.client.room(size_bytes.unsigned_abs())?;
    let content = futures::stream::iter(paths)
        .then(tokio::fs::File::open)
        .map_ok(|file| ReaderStream::with_capacity(file, READ_BYTES))
        .try_flatten();
    let mut digests: ObjectDigests = promised(headers);
    let content = StreamReader::new(Box::pin(content));
    let blob = match state.blobs.put_with(content, FILE_BYTES_MAX.unsigned_abs(), &mut digests).await {
        Ok(blob) if blob.bytes == size_bytes.unsigned_abs() => blob,
        Ok(blob) => {
            tracing::error!(blob.id = %blob.id, blob.bytes, size_bytes, "parts have not the sizes that they had");
            return Err(Problem::internal());
        }
        Err(BlobError::TooLarge { .. }) => return Err(file_too_large(400, FILE_BYTES_MAX + 1)),
        Err(error) => return Err(error.into()),
    };
    let digested = digests.finish();
    // A checksum of the parts' checksums, which has a dash, says nothing that their ETags do not.
    let of_whole = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    match of_whole.filter(|(_, value)| !value.contains('-')).find(|(name, value)| !digested.agrees(name, value)) {
        Some((name, _)) => Err(problem::bad_digest(name)),
        None => Ok(blob),
    }
}

fn completed(links: &S3Links, params: &PathParams, md5: &str) -> String {
    let (bucket, key) = (params.get("bucket"), params.get("key"));
    let path: Vec<String> = key.split('/').map(encoded).collect();
    let mut xml = Xml::begin("CompleteMultipartUploadResult");
    xml.text("Location", &format!("{}/s3/{}/{}", links.base_url, encoded(bucket), path.join("/")));
    xml.text("Bucket", bucket).text("Key", key).text("ETag", &format!("\"{md5}\""));
    xml.end()
}

pub(super) async fn abort(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    upload: &str,
) -> Result<(), Problem> {
    let bucket = Bucket::of(state, principal, params).await?;
    bucket.open_upload(state, params.get("key"), upload).await?;
    let (project, branch) = (bucket.project.clone(), bucket.reach.of_command());
    let command = AbortMultipart { project, upload: upload.to_owned(), branch };
    state.write(principal, Command::Multipart(MultipartCommand::AbortMultipart(command))).await?;
    Ok(())
}

impl Bucket {
    /// An upload to a key, open or completed.
    async fn upload(&self, state: &StorageRoutes, key: &str, upload: &str) -> Result<MultipartView, Problem> {
        let (tenant, place) = (tenant_text(&self.tenant), (self.project.as_str(), key));
        let found = state.queries.multipart(&tenant, place, upload, &self.reach).await?;
        found.ok_or_else(|| no_such_upload(upload))
    }

    /// Refuses uploads that take nothing any more.
    pub async fn open_upload(&self, state: &StorageRoutes, key: &str, upload: &str) -> Result<(), Problem> {
        match self.upload(state, key, upload).await?.md5 {
            None => Ok(()),
            Some(_) => Err(no_such_upload(upload)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_by_both_or_neither() {
        let named = part_of(Some("partNumber=7&uploadId=u%2D1")).unwrap().unwrap();
        assert_eq!((named.upload.as_str(), named.number), ("u-1", 7));
        assert!(part_of(Some("a=b")).unwrap().is_none());
        for wrong in ["uploadId=u", "partNumber=1", "uploadId=u&partNumber=0", "uploadId=u&partNumber=10001"] {
            assert_eq!(part_of(Some(wrong)).err().map(|problem| problem.status), Some(400), "{wrong}");
        }
    }

    #[test]
    fn the_document_names_parts() {
        let document = "<CompleteMultipartUpload xmlns=\"x\"><Part><ETag>&quot;AB&quot;</ETag><PartNumber>1</PartNumber>\
                        <ChecksumCRC32>x</ChecksumCRC32></Part><Part><PartNumber> 2 </PartNumber><ETag>cd</ETag></Part>\
                        </CompleteMultipartUpload>";
        assert_eq!(chosen(document).unwrap(), [(1, "ab".to_owned()), (2, "cd".to_owned())]);
        for wrong in [
            "",
            "<Other/>",
            "<CompleteMultipartUpload/>",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
        ] {
            assert_eq!(
                chosen(wrong).err().map(|problem| problem.code),
                Some("storage.malformed_xml".into()),
                "{wrong}"
            );
        }
    }

    #[test]
    fn what_was_chosen_must_be_there_as_it_was() {
        let there = || {
            let part = |number| PartView {
                number,
                blob: String::new(),
                size_bytes: 1,
                md5: format!("m{number}"),
                staged_at: 0,
            };
            vec![part(1), part(2), part(4)]
        };
        let codes = |chosen: &[(i32, &str)]| {
            let chosen: Vec<(i32, String)> = chosen.iter().map(|(n, md5)| (*n, (*md5).to_owned())).collect();
            matched(&chosen, there()).map(|parts| parts.len()).map_err(|problem| problem.code)
        };
        assert_eq!(codes(&[(1, "m1"), (4, "m4")]), Ok(2));
        assert_eq!(codes(&[(1, "m1"), (3, "m3")]), Err("storage.invalid_part".into()));
        assert_eq!(codes(&[(1, "m2")]), Err("storage.invalid_part".into()));
        assert_eq!(codes(&[(4, "m4"), (1, "m1")]), Err("storage.invalid_part_order".into()));
    }
}
