//! The uploads in parts of a bucket that nobody has completed, in pages.

use alluvium_http::{PathParams, Principal};
use alluvium_kernel::Problem;

use super::list::{TEXT_BYTES_MAX, iso};
use super::xml::Xml;
use super::{Bucket, problem, sigv4};
use crate::routes::{StorageRoutes, tenant_text};
use crate::wire::Query;

/// Uploads of one page.
const PAGE_UPLOADS_MAX: i64 = 1_000;
/// Sorts behind every id of an upload.
const BEHIND_UPLOADS: &str = "~";

pub(super) async fn list(
    state: &StorageRoutes,
    principal: &Principal,
    params: &PathParams,
    mut query: Query,
) -> Result<String, Problem> {
    let max = query.int("max-uploads", PAGE_UPLOADS_MAX, (1, PAGE_UPLOADS_MAX));
    let text = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let [prefix, key, upload, delimiter] = ["prefix", "key-marker", "upload-id-marker", "delimiter"].map(text);
    let is_url = query.text("encoding-type") == Some("url");
    query.finish()?;
    let is_odd = |text: &String| text.len() > TEXT_BYTES_MAX || text.contains('\0');
    if [&prefix, &key, &upload].into_iter().any(is_odd) {
        return Err(problem::invalid("`prefix` and markers are texts of keys and uploads, without NUL."));
    }
    if !delimiter.is_empty() {
        return Err(problem::invalid("Uploads are listed without `delimiter`."));
    }
    let bucket = Bucket::of(state, principal, params).await?;
    // Without an upload, a key's marker is behind all uploads to that key.
    let behind = if upload.is_empty() && !key.is_empty() { BEHIND_UPLOADS } else { upload.as_str() };
    let (tenant, from) = (tenant_text(&bucket.tenant), (prefix.as_str(), (key.as_str(), behind)));
    let mut found = state.queries.multiparts(&tenant, &bucket.project, from, &bucket.reach, max + 1).await?;
    let is_truncated = found.len() as i64 > max;
    found.truncate(usize::try_from(max).unwrap_or(1));
    let shown = |text: &str| if is_url { sigv4::encoded(text).replace("%2F", "/") } else { text.to_owned() };
    let mut xml = Xml::begin("ListMultipartUploadsResult");
    xml.text("Bucket", params.get("bucket")).text("KeyMarker", &shown(&key)).text("UploadIdMarker", &upload);
    xml.text("Prefix", &shown(&prefix)).text("MaxUploads", &max.to_string());
    if is_url {
        xml.text("EncodingType", "url");
    }
    if let Some(last) = found.last().filter(|_| is_truncated) {
        xml.text("NextKeyMarker", &shown(&last.key)).text("NextUploadIdMarker", &last.upload);
    }
    xml.text("IsTruncated", if is_truncated { "true" } else { "false" });
    for upload in &found {
        xml.element("Upload", |xml| {
            xml.text("Key", &shown(&upload.key)).text("UploadId", &upload.upload).text("StorageClass", "STANDARD");
            xml.text("Initiated", &iso(upload.started_at));
        });
    }
    Ok(xml.end())
}
