//! The content that a load names: a file's own, or that of the files in a manifest. Only files of the project can be named; nothing
//! is ever fetched.

use alluvium_eventlog::blob::BlobId;
use alluvium_http::Principal;
use alluvium_kernel::Problem;
use serde::Deserialize;
use serde_json::json;

use super::state::{Place, StorageRoutes, tenant_text};
use crate::contract::LoadPart;
use crate::model::limits::{LOAD_BYTES_MAX, LOAD_FILES_MAX, MANIFEST_BYTES_MAX};
use crate::model::{check_key, problem};
use crate::queries::{FileReach, FileView};
use crate::s3::project_of_bucket;

/// What is loaded as one, in order.
pub(super) struct Content {
    pub first: LoadPart,
    pub more: Vec<LoadPart>,
}

impl Content {
    /// All of it.
    pub fn parts(&self) -> impl Iterator<Item = &LoadPart> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.parts().fold(0, |sum: u64, part| sum.saturating_add(part.size_bytes.unsigned_abs()))
    }
}

/// A manifest, as Keboola and others write it.
#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    url: String,
}

/// Which file an entry names.
enum Named<'a> {
    Id(&'a str),
    Key(&'a str),
}

/// The content of a file of the project that the caller reaches.
pub(super) async fn content(
    state: &StorageRoutes,
    principal: &Principal,
    place: &Place,
    file: &str,
) -> Result<Content, Problem> {
    let reach = state.files_of(principal)?;
    let found = state.queries.file(&tenant_text(&place.tenant), &place.project, file, &reach).await?;
    if !found.is_sliced {
        return Ok(Content { first: part(state, &found).await?, more: Vec::new() });
    }
    let mut parts = slices(state, place, &found, &reach).await?.into_iter();
    let first = parts.next().ok_or_else(|| invalid("It names no file."))?;
    let content = Content { first, more: parts.collect() };
    if content.bytes() > LOAD_BYTES_MAX.unsigned_abs() {
        return Err(invalid(&format!("The files that it names have more than {LOAD_BYTES_MAX} bytes together.")));
    }
    Ok(content)
}

async fn part(state: &StorageRoutes, file: &FileView) -> Result<LoadPart, Problem> {
    let blob = file.blob.clone().and_then(|blob| BlobId::try_from(blob).ok());
    match blob {
        Some(blob) if state.blobs.exists(&blob).await => {
            Ok(LoadPart { blob: blob.into(), size_bytes: file.size_bytes.unwrap_or(0) })
        }
        _ => Err(problem::file_content_not_found(&file.id)),
    }
}

async fn slices(
    state: &StorageRoutes,
    place: &Place,
    manifest: &FileView,
    reach: &FileReach,
) -> Result<Vec<LoadPart>, Problem> {
    let LoadPart { blob, size_bytes } = part(state, manifest).await?;
    if size_bytes > MANIFEST_BYTES_MAX {
        return Err(invalid(&format!("A manifest has at most {MANIFEST_BYTES_MAX} bytes.")));
    }
    let blob = BlobId::try_from(blob).map_err(|_| Problem::internal())?;
    let text = tokio::fs::read(state.blobs.path(&blob)).await.map_err(|error| {
        tracing::error!(file.id = %manifest.id, error = %error, "a manifest cannot be read");
        problem::file_content_not_found(&manifest.id)
    })?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| invalid(&format!("{error}.")))?;
    if manifest.entries.len() > LOAD_FILES_MAX {
        return Err(invalid(&format!("It names more than {LOAD_FILES_MAX} files.")));
    }
    let mut parts = Vec::with_capacity(manifest.entries.len());
    for (index, Entry { url }) in manifest.entries.iter().enumerate() {
        let slice = slice(state, place, url, reach).await;
        parts.push(slice.map_err(|problem| of_entry(problem, index + 1))?);
    }
    Ok(parts)
}

async fn slice(state: &StorageRoutes, place: &Place, url: &str, reach: &FileReach) -> Result<LoadPart, Problem> {
    let tenant = tenant_text(&place.tenant);
    let file = match named(url, &place.project).ok_or_else(|| problem::slice_elsewhere(url))? {
        Named::Id(id) => state.queries.file(&tenant, &place.project, id, reach).await?,
        Named::Key(key) => {
            check_key(key)?;
            let found = state.queries.object(&tenant, &place.project, key, reach).await?;
            found.ok_or_else(|| problem::file_not_found(key))?
        }
    };
    if file.is_sliced {
        return Err(invalid(&format!("File {} is a manifest itself.", file.id)));
    }
    part(state, &file).await
}

/// The file of this project that a URL names, by one of the forms that stand for such.
fn named<'a>(url: &'a str, project: &str) -> Option<Named<'a>> {
    if let Some(object) = url.strip_prefix("s3://") {
        let (bucket, key) = object.split_once('/')?;
        return (project_of_bucket(bucket) == project).then_some(Named::Key(key));
    }
    if let Some(path) = url.strip_prefix("/projects/") {
        let (of, rest) = path.split_once("/files/")?;
        let id = rest.strip_suffix("/download")?;
        return (of == project && is_id(id)).then_some(Named::Id(id));
    }
    is_id(url).then_some(Named::Id(url))
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn invalid(what: &str) -> Problem {
    problem::invalid("invalid_manifest", format!("The file cannot be a manifest. {what}"))
}

/// Of which entry it is, beside what else is known.
fn of_entry(problem: Problem, entry: usize) -> Problem {
    let mut details = problem.details.clone().unwrap_or_else(|| json!({}));
    if let Some(details) = details.as_object_mut() {
        details.insert("entry".to_owned(), entry.into());
    }
    let detail = format!("Entry {entry} of the manifest: {}", problem.detail);
    Problem { detail, ..problem }.with_details(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(url: &str) -> Option<String> {
        match named(url, "p.1")? {
            Named::Id(id) => Some(format!("id {id}")),
            Named::Key(key) => Some(format!("key {key}")),
        }
    }

    #[test]
    fn only_files_of_the_project_can_be_named() {
        assert_eq!(file("0a-1b").as_deref(), Some("id 0a-1b"));
        assert_eq!(file("/projects/p.1/files/0a-1b/download").as_deref(), Some("id 0a-1b"));
        assert_eq!(file("s3://project_p.1/in/a b.csv").as_deref(), Some("key in/a b.csv"));
        assert_eq!(file("s3://p.1/a.csv").as_deref(), Some("key a.csv"));
        for other in [
            "",
            "/projects/p2/files/0a/download",
            "/projects/p.1/files/../../x/download",
            "/projects/p.1/files/0a",
            "s3://project_p2/a.csv",
            "s3://project_p.1",
            "https://example.com/projects/p.1/files/0a/download",
            "file:///etc/passwd",
            "//projects/p.1/files/0a/download",
        ] {
            assert_eq!(file(other), None, "{other}");
        }
    }
}
