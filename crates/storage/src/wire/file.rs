//! Files and uploads.

use std::collections::BTreeMap;

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Query, Shape, read};
use crate::model::key_of;
use crate::queries::{FileFilter, FileView};

/// What will be uploaded.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StoragePrepareBody)]
pub struct PrepareBody {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its size; the upload is refused when it differs.
    pub size_bytes: Option<i64>,
    /// Its hex SHA-256; the upload is refused when it differs.
    pub checksum_sha256: Option<String>,
    /// Tags, with values; or a list of labels.
    #[schema(required = false)]
    pub tags: BTreeMap<String, String>,
    /// Whether it stays until somebody deletes it; else it expires 15 days after it became a file.
    #[schema(default = true, required = false)]
    pub is_permanent: bool,
    /// Whether the content will be a manifest, `{"entries": [{"url": …}]}`, that names the files whose rows it stands for.
    #[schema(default = false, required = false)]
    pub is_sliced: bool,
}

/// Tags by name; a list is one of tags without values.
fn tags(body: &Shape<'_>, name: &str) -> BTreeMap<String, String> {
    if body.is_list(name) {
        return body.opt_strings(name).unwrap_or_default().into_iter().map(|label| (label, String::new())).collect();
    }
    body.string_map(name)
}

/// Tags that a file gets.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageTagBody)]
pub struct TagBody {
    /// One label.
    pub tag: Option<String>,
    /// Tags, with values; or a list of labels.
    #[schema(required = false)]
    pub tags: BTreeMap<String, String>,
}

impl TagBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, String>, Problem> {
        read(bytes, |body| {
            let mut all = tags(body, "tags");
            all.extend(body.opt_string("tag").map(|label| (label, String::new())));
            if all.is_empty() {
                // Nothing to add is a mistake: it says which field.
                all.insert(body.string("tag"), String::new());
            }
            all
        })
    }
}

impl PrepareBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            filename: body.string("filename"),
            content_type: body.opt_string("content_type"),
            size_bytes: body.opt_int("size_bytes", 0, i64::MAX),
            checksum_sha256: body.opt_string("checksum_sha256"),
            tags: tags(body, "tags"),
            is_permanent: body.opt_bool("is_permanent").unwrap_or(true),
            is_sliced: body.opt_bool("is_sliced").unwrap_or(false),
        })
    }
}

/// An open upload.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoragePrepared)]
pub struct Prepared {
    /// Names the upload.
    pub upload_key: String,
    /// Where to send the content, relative.
    pub upload_url: String,
    /// When the upload ends.
    pub expires_at: String,
}

/// What was uploaded.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageUploaded)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Uploaded {
    pub upload_key: String,
    /// A label.
    pub staging_path: String,
    pub size_bytes: u64,
    pub checksum_sha256: String,
}

/// Which upload becomes a file.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageRegisterBody)]
pub struct RegisterBody {
    /// Names the upload.
    pub upload_key: String,
    /// Another name than the upload's.
    pub name: Option<String>,
    /// Tags, merged over the upload's.
    #[schema(required = false)]
    pub tags: BTreeMap<String, String>,
}

impl RegisterBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            upload_key: body.string("upload_key"),
            name: body.opt_string("name"),
            tags: tags(body, "tags"),
        })
    }
}

/// A file.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageFile)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct File {
    pub id: String,
    pub project_id: String,
    pub name: String,
    /// A label.
    pub path: String,
    pub size_bytes: i64,
    pub content_type: Option<String>,
    pub checksum_sha256: Option<String>,
    pub is_staged: bool,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// The tags' names.
    pub tag_list: Vec<String>,
    /// Whether its content is a manifest that names other files.
    pub is_sliced: bool,
}

/// Reads which files to list.
pub(crate) fn file_filter(query: Option<&str>) -> Result<FileFilter, Problem> {
    let mut query = Query::of(query);
    let text = |query: &Query, name: &str| query.sought(name).filter(|text| !text.is_empty());
    let listed = ["tags", "tags[]"].into_iter().flat_map(|name| query.every(name)).flat_map(|tags| tags.split(','));
    let filter = FileFilter {
        tags: listed.filter(|tag| !tag.is_empty()).map(|tag| tag.replace('\0', "\u{fffd}")).collect(),
        text: text(&query, "q"),
        run_id: text(&query, "run_id"),
        since: text(&query, "since_id"),
        before: text(&query, "max_id"),
        staged: query.flag("include_staged", false),
        expired: query.flag("show_expired", false),
    };
    query.finish()?;
    Ok(filter)
}

/// Where a file would be if its labels were paths.
fn path_label(view: &FileView) -> String {
    let created = Timestamp::from_micros(view.created_at);
    let key = view.key.clone().unwrap_or_else(|| key_of(created, &view.id, &view.name));
    format!("project_{}/{key}", view.project)
}

impl From<FileView> for File {
    fn from(view: FileView) -> Self {
        Self {
            path: path_label(&view),
            is_sliced: view.is_sliced,
            tag_list: view.tags.keys().cloned().collect(),
            id: view.id,
            project_id: view.project,
            name: view.name,
            size_bytes: view.size_bytes.unwrap_or(0),
            content_type: view.content_type,
            checksum_sha256: view.blob,
            is_staged: !view.is_registered,
            created_at: Timestamp::from_micros(view.created_at).to_rfc3339(),
            expires_at: view.expires_at.map(|at| Timestamp::from_micros(at).to_rfc3339()),
            tags: view.tags,
        }
    }
}

/// One page of files.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageFiles)]
pub struct Files {
    /// The files, newest first.
    pub files: Vec<File>,
    /// How many there are in all.
    pub total: i64,
}
