//! `file`: one file of a project, from the opened upload to its deletion.

mod delete;
mod expire;
mod export;
mod object;
mod prepare;
mod register;
mod stage;
mod tag;

pub(crate) use object::{check_key, key_of, named_file, object_file};

use std::collections::BTreeMap;

use alluvium_kernel::{DecisionContext, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use super::limits::{FILE_TAG_BYTES_MAX, FILE_TAGS_MAX, MULTIPART_PARTS_MAX, RUN_ID_BYTES_MAX};
use super::names::MAIN_BRANCH;
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
    /// When it is gone by itself, in microseconds since 1970; of a registered file.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// Its key among the project's objects; of a registered file.
    #[serde(default)]
    pub key: String,
    /// The branch whose keys reach it; `default` when only keys of the whole project do.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// Its size while it counts in what its project may hold.
    #[serde(default)]
    pub counted_bytes: Option<i64>,
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
        /// Hex MD5 of that.
        #[serde(default)]
        md5: Option<String>,
        /// Whether the file stays until somebody deletes it.
        #[serde(default = "permanent")]
        is_permanent: bool,
        /// The client's run that it is part of.
        #[serde(default)]
        run_id: Option<String>,
        /// Whether the content is a manifest that names other files.
        #[serde(default)]
        is_sliced: bool,
    },
    /// A file of the project.
    Registered,
    /// Gone.
    Deleted,
}

/// What an upload was before files could expire.
fn permanent() -> bool {
    true
}

/// Whose files were before branches had keys.
fn main_branch() -> String {
    MAIN_BRANCH.to_owned()
}

impl File {
    /// Whether it is within reach of a command for a branch: the main one's reach all of the project.
    pub(crate) fn is_reached_by(&self, branch: &str) -> bool {
        branch == MAIN_BRANCH || self.branch == branch
    }

    /// Whether it is a file of the project at `at`: registered, and not past its time even if nobody has let it go yet.
    pub(crate) fn is_file(&self, project: &str, at: Timestamp) -> bool {
        self.stage == Stage::Registered && self.belongs_to(project) && !self.is_over(at)
    }

    /// Whether it is the object of a key. Files from before keys were noted have the one that ends in their id and name.
    pub(crate) fn has_key(&self, key: &str, id: &str) -> bool {
        if self.key.is_empty() { key.ends_with(&format!("/{id}_{}", self.name)) } else { self.key == key }
    }

    /// Whether its time is over.
    fn is_over(&self, at: Timestamp) -> bool {
        let end = match &self.stage {
            Stage::Uploading { expires_at, .. } => Some(*expires_at),
            Stage::Registered => self.expires_at,
            Stage::Absent | Stage::Deleted => None,
        };
        end.is_some_and(|end| end <= at.micros())
    }

    /// Whether it is for the project a command names, in the incarnation that lives now.
    fn belongs_to(&self, project: &str) -> bool {
        self.project == project
    }

    /// Refuses a session of another branch or project, then one that is over.
    fn check_session(
        &self,
        (project, branch): (&str, &str),
        key: &str,
        expires_at: i64,
        at: &DecisionContext,
    ) -> Result<(), Problem> {
        if !self.is_reached_by(branch) {
            return Err(problem::upload_session_not_found(key));
        }
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
    let is_wrong = |text: &String| text.len() > FILE_TAG_BYTES_MAX || text.contains('\0');
    if tags.iter().any(|(key, value)| key.is_empty() || is_wrong(key) || is_wrong(value)) {
        let detail = format!(
            "A tag's key is not empty; key and value take at most {FILE_TAG_BYTES_MAX} bytes each, none of them NUL."
        );
        return Err(problem::invalid_request(detail));
    }
    Ok(())
}

/// Whether it is the MD5 of some content, in hex.
pub(super) fn is_md5(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 32 && text.bytes().all(is_hex)
}

/// Refuses what is neither an MD5 nor what names the content of an object that came in parts; none is fine.
fn check_md5(md5: Option<&str>) -> Result<(), Problem> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_count =
        |text: &str| is_digits(text) && text.parse::<i32>().is_ok_and(|n| (1..=MULTIPART_PARTS_MAX).contains(&n));
    let names = |md5: &str| match md5.split_once('-') {
        Some((md5, parts)) => is_md5(md5) && is_count(parts),
        None => is_md5(md5),
    };
    if md5.is_none_or(names) {
        Ok(())
    } else {
        Err(problem::invalid_request("`md5` is 32 lower-case hex digits, and of parts, a dash and how many."))
    }
}

/// Refuses a run's id that nobody can show.
fn check_run(run_id: Option<&str>) -> Result<(), Problem> {
    if run_id.is_none_or(|run| !run.is_empty() && run.len() <= RUN_ID_BYTES_MAX && !run.contains(char::is_control)) {
        Ok(())
    } else {
        Err(problem::invalid_request(format!(
            "A run's id takes 1 to {RUN_ID_BYTES_MAX} bytes without control characters."
        )))
    }
}

pub(super) fn check_content_type(content_type: Option<&str>) -> Result<(), Problem> {
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
            branch: "default".into(),
            project: "Shop".into(),
            file: "f1".into(),
            filename: "a.csv".into(),
            content_type: Some("text/csv".into()),
            size_bytes: None,
            checksum_sha256: None,
            tags: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "1".to_owned())].into(),
            expires_at: NOW + 1,
            project_uid: "p1".into(),
            is_permanent: true,
            run_id: None,
            is_sliced: false,
        }
        .into()
    }

    pub(crate) fn staged() -> FileEvent {
        UploadStaged { project: "Shop".into(), file: "f1".into(), blob: "0a".repeat(32), size_bytes: 5, md5: None }
            .into()
    }
}
