//! `file`: one file of a project, from the opened upload to its deletion.

mod delete;
mod export;
mod prepare;
mod register;
mod stage;

use std::collections::BTreeMap;

use alluvium_kernel::{DecisionContext, Problem};
use serde::{Deserialize, Serialize};

use super::limits::{FILE_TAG_BYTES_MAX, FILE_TAGS_MAX};
use super::problem;

/// A file's history; its id is the upload key while it is being uploaded and the file's id ever after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Id of the project.
    pub project: String,
    /// The incarnation of the project it belongs to.
    pub project_uid: String,
    /// Name for people.
    pub name: String,
    /// Media type.
    pub content_type: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// How far it is.
    pub stage: Stage,
}

/// How far a file is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Never heard of.
    #[default]
    Absent,
    /// An upload is open.
    Uploading {
        /// Size the client declared.
        size_bytes: Option<i64>,
        /// Hex SHA-256 the client declared.
        checksum_sha256: Option<String>,
        /// End of the session, microseconds since 1970.
        expires_at: i64,
        /// What was uploaded so far: hex SHA-256 and size.
        content: Option<(String, i64)>,
    },
    /// A file of the project.
    Registered,
    /// Gone.
    Deleted,
}

impl File {
    /// Whether it is for the project a command names, in the incarnation that lives now.
    fn belongs_to(&self, project: &str) -> bool {
        self.project == project
    }

    /// Refuses a session of another project, then one that is over.
    fn check_session(&self, project: &str, key: &str, expires_at: i64, at: &DecisionContext) -> Result<(), Problem> {
        if !self.belongs_to(project) {
            return Err(problem::upload_session_mismatch(key));
        }
        if at.time.micros() >= expires_at {
            return Err(problem::upload_session_expired(key));
        }
        Ok(())
    }
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Problem> {
    if tags.len() > FILE_TAGS_MAX {
        return Err(problem::invalid_request(format!("A file has at most {FILE_TAGS_MAX} tags.")));
    }
    let too_long = |text: &String| text.len() > FILE_TAG_BYTES_MAX;
    if tags.iter().any(|(key, value)| key.is_empty() || too_long(key) || too_long(value)) {
        let detail = format!("A tag's key is not empty; key and value take at most {FILE_TAG_BYTES_MAX} bytes each.");
        return Err(problem::invalid_request(detail));
    }
    Ok(())
}

fn check_content_type(content_type: Option<&str>) -> Result<(), Problem> {
    let fits = |text: &str| {
        !text.is_empty()
            && text.len() <= super::limits::CONTENT_TYPE_BYTES_MAX
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    if content_type.is_none_or(fits) {
        Ok(())
    } else {
        Err(problem::invalid_request("A content type is 1 to 255 visible ASCII characters."))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::spec::NOW;
    use crate::contract::{FileEvent, UploadPrepared, UploadStaged};

    pub(crate) fn prepared() -> FileEvent {
        UploadPrepared {
            project: "Shop".into(),
            file: "f1".into(),
            filename: "a.csv".into(),
            content_type: Some("text/csv".into()),
            size_bytes: None,
            checksum_sha256: None,
            tags: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "1".to_owned())].into(),
            expires_at: NOW + 1,
            project_uid: "p1".into(),
        }
        .into()
    }

    pub(crate) fn staged() -> FileEvent {
        UploadStaged { project: "Shop".into(), file: "f1".into(), blob: "0a".repeat(32), size_bytes: 5 }.into()
    }
}
