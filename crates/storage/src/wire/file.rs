//! Files and uploads.

use std::collections::BTreeMap;

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::read;
use crate::queries::FileView;

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
    /// Tags.
    #[schema(required = false)]
    pub tags: BTreeMap<String, String>,
}

impl PrepareBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            filename: body.string("filename"),
            content_type: body.opt_string("content_type"),
            size_bytes: body.opt_int("size_bytes", 0, i64::MAX),
            checksum_sha256: body.opt_string("checksum_sha256"),
            tags: body.string_map("tags"),
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
            tags: body.string_map("tags"),
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
}

/// `project_{pid}/{YYYY}/{MM}/{DD}/{id}_{name}`
pub(crate) fn path_label(project: &str, created_at: i64, id: &str, name: &str) -> String {
    let day = Timestamp::from_micros(created_at).to_rfc3339();
    let day = day.get(..10).unwrap_or("1970-01-01").replace('-', "/");
    format!("project_{project}/{day}/{id}_{name}")
}

impl From<FileView> for File {
    fn from(view: FileView) -> Self {
        Self {
            path: path_label(&view.project, view.created_at, &view.id, &view.name),
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
