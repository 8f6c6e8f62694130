//! `metadata`: what is said of one project, branch, bucket or table (its columns among it), by one branch. The words themselves are
//! in the read model; here is which entries there are, so that there are not too many, and none is deleted that is not there.
//!
//! What a dev branch says of a table is kept under the main line's table that the branch shows, or took its own from: it counts for
//! either. An aggregate's id names an incarnation, so what has the same name later has nothing of it.

mod clear;
mod delete;
mod merge;
mod set;

use std::collections::BTreeMap;

use alluvium_kernel::{Problem, Token};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::problem;
use crate::contract::MetadataRef;

/// Digits of an entry's id.
const ID_HEX_CHARS: usize = 16;

/// What one branch says of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Id of the project.
    pub project: String,
    /// The incarnation of the project it belongs to.
    pub project_uid: String,
    /// For each column in small letters, and nothing for the object itself: ids of entries, and whether they are shown. One that
    /// is not hides the main line's.
    pub entries: BTreeMap<String, BTreeMap<String, bool>>,
}

/// What metadata can be said of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataOf {
    /// The project as a whole.
    Project,
    /// A branch; the object is the project.
    Branch,
    /// A bucket.
    Bucket,
    /// A table, or a column of it.
    Table,
}

impl MetadataOf {
    /// By which names a command gives; a table is named with its bucket.
    pub fn named(of_project: bool, bucket: Option<&str>, table: Option<&str>) -> Result<Self, Problem> {
        match (of_project, bucket, table) {
            (false, Some(_), Some(_)) => Ok(Self::Table),
            (false, Some(_), None) => Ok(Self::Bucket),
            (false, None, None) => Ok(Self::Branch),
            (true, None, None) => Ok(Self::Project),
            (false, None, Some(_)) => Err(problem::invalid_request("A table is named with its bucket.")),
            (true, ..) => Err(problem::invalid_request("What is said of the project names no bucket.")),
        }
    }

    /// As events and the read model call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Branch => "branch",
            Self::Bucket => "bucket",
            Self::Table => "table",
        }
    }

    /// Id of the aggregate of what a branch says of an object.
    pub fn aggregate(self, object: &str, branch: &str) -> Result<Token, Problem> {
        Token::encode(&format!("{}_{object}_{branch}", self.as_str())).map_err(|_| Problem::internal())
    }
}

/// The id of what a provider says under a key of an object or a column of it: the same on every branch, and where it is merged to.
pub(crate) fn entry_id(column: &str, provider: &str, key: &str) -> String {
    let mut hash = Sha256::new();
    for part in [column, provider, key] {
        // A length first: no two lists of parts read the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut id = hex::encode(hash.finalize());
    id.truncate(ID_HEX_CHARS);
    id
}

impl Metadata {
    /// Whether nothing is said here, and nothing hidden.
    pub fn is_empty(&self) -> bool {
        self.entries.values().all(BTreeMap::is_empty)
    }

    /// Whether an entry is here: shown, or hidden.
    pub fn entry(&self, column: &str, id: &str) -> Option<bool> {
        self.entries.get(column)?.get(id).copied()
    }

    /// Every entry that is shown, or every one that is hidden.
    pub fn refs(&self, shown: bool) -> Vec<MetadataRef> {
        let of_column = |(column, entries): (&String, &BTreeMap<String, bool>)| {
            let found = entries.iter().filter(|(_, is)| **is == shown);
            found.map(|(id, _)| MetadataRef { id: id.clone(), column: column.clone() }).collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(of_column).collect()
    }

    fn belongs(&mut self, project: String, project_uid: String) {
        self.project = project;
        self.project_uid = project_uid;
    }

    fn put(&mut self, column: String, id: String, shown: bool) {
        self.entries.entry(column).or_default().insert(id, shown);
    }

    fn remove(&mut self, column: &str, id: &str) {
        if let Some(entries) = self.entries.get_mut(column) {
            entries.remove(id);
            if entries.is_empty() {
                self.entries.remove(column);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::contract::{MetadataEntry, MetadataEvent, SetMetadata};
    use crate::model::spec::given;

    pub(crate) fn entry(column: Option<&str>, key: &str, value: &str) -> MetadataEntry {
        MetadataEntry { column: column.map(Into::into), key: key.into(), value: value.into() }
    }

    /// As the worker fills it in, for table `t1` of two columns.
    pub(crate) fn set(branch: &str, entries: Vec<MetadataEntry>) -> SetMetadata {
        SetMetadata {
            project: "Shop".into(),
            branch: branch.into(),
            of_project: false,
            bucket: Some("sales".into()),
            table: Some("orders".into()),
            provider: "me".into(),
            entries,
            object: "t1".into(),
            uid: "t1".into(),
            project_uid: "p1".into(),
            columns: vec!["id".into(), "note".into()],
        }
    }

    /// What was said before.
    pub(crate) fn said(branch: &str, entries: Vec<MetadataEntry>) -> Vec<MetadataEvent> {
        given::<Metadata>(vec![]).when(set(branch, entries).into()).inspect_result().unwrap()
    }

    #[test]
    fn an_id_is_of_all_its_parts_and_of_no_branch() {
        let id = entry_id("", "me", "owner");
        assert_eq!(id.len(), ID_HEX_CHARS);
        for [column, provider, key] in [["c", "me", "owner"], ["me", "", "owner"], ["", "m", "eowner"]] {
            assert_ne!(entry_id(column, provider, key), id);
        }
    }

    #[test]
    fn names_say_of_what_something_is_said() {
        let of = |of_project, bucket, table| MetadataOf::named(of_project, bucket, table).map(MetadataOf::as_str);
        assert_eq!(of(true, None, None), Ok("project"));
        assert_eq!(of(false, None, None), Ok("branch"));
        assert_eq!(of(false, Some("b"), None), Ok("bucket"));
        assert_eq!(of(false, Some("b"), Some("t")), Ok("table"));
        for (of_project, bucket) in [(false, None), (true, Some("b"))] {
            assert_eq!(of(of_project, bucket, Some("t")).unwrap_err().code, "storage.invalid_request");
        }
    }
}
