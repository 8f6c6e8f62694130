//! What a pipeline keeps, and by which program: beside its files, so that the next start knows what is another.

use std::collections::BTreeMap;
use std::path::Path;

use alluvium_pipelines::{DeploymentError, PipelineDiff};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{files, whole};

/// Its file, in the directory of the pipeline.
const NAME: &str = "program.json";

/// What the files of a pipeline are made by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The version of the program.
    pub program_version: u64,
    /// Its tables, views and connectors as [`PipelineDiff`] compares them; of connectors digests only.
    pub info: Value,
    /// What the rows of each view are: another text stands for other rows.
    pub views: BTreeMap<String, String>,
    /// What tells the file of each table and view from others of its name.
    pub files: BTreeMap<String, String>,
    /// Up to this message rows may have the columns of an earlier version.
    pub edited_at: u64,
    /// What was taken back: the messages after the first up to the second of each two.
    pub rewound: Vec<(u64, u64)>,
}

impl Manifest {
    /// What becomes another; nothing if all stays as it is.
    pub fn diff_to(&self, new: &Self) -> Option<PipelineDiff> {
        let diff = PipelineDiff::between(&self.info, &new.info, |view| self.views.get(view) != new.views.get(view));
        (!diff.is_empty()).then_some(diff)
    }

    /// Tells all that was kept since another beginning, or since it was gone back, from what was before.
    pub fn generation(&self, began: u64) -> u64 {
        self.rewound.iter().map(|(_, to)| *to).fold(began, u64::max)
    }

    /// Whether the rows of a view, or the columns of its file, are not what they were.
    pub fn is_another(&self, new: &Self, relation: &str) -> bool {
        self.views.get(relation) != new.views.get(relation) || self.files.get(relation) != new.files.get(relation)
    }

    /// A number that another program does not have.
    pub fn fingerprint(&self) -> u64 {
        files::fnv(&format!("{}{:?}{:?}", self.info, self.views, self.files))
    }

    /// Where the next message is looked for after this one: those that were taken back are left out.
    pub fn after(&self, seq: u64) -> u64 {
        self.rewound.iter().filter(|(from, _)| *from <= seq).map(|(_, to)| *to).fold(seq, u64::max)
    }

    /// Whether what a message brought was taken back.
    pub fn is_taken_back(&self, seq: u64) -> bool {
        self.rewound.iter().any(|(from, to)| (*from + 1..=*to).contains(&seq))
    }

    /// The one of a directory; none if there is none yet.
    pub fn read(directory: &Path) -> Result<Option<Self>, DeploymentError> {
        whole::read(&directory.join(NAME))
    }

    /// Puts it into a directory, whole or not at all.
    pub fn write(&self, directory: &Path) -> Result<(), DeploymentError> {
        whole::write(&directory.join(NAME), self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_torn_ones_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().join("p");
        assert_eq!(Manifest::read(&at).unwrap(), None);
        let manifest = Manifest { program_version: 3, info: json!({"a": 1}), edited_at: 7, ..Manifest::default() };
        manifest.write(&at).unwrap();
        assert_eq!(Manifest::read(&at).unwrap().as_ref(), Some(&manifest));
        std::fs::write(at.join(NAME), b"{").unwrap();
        assert_eq!(Manifest::read(&at).unwrap_err().error_code, "StorageError");
    }

    #[test]
    fn what_was_taken_back_is_left_out() {
        let manifest = Manifest { rewound: vec![(3, 8), (5, 9)], ..Manifest::default() };
        let after = [2, 3, 5, 9, 12].map(|seq| manifest.after(seq));
        assert_eq!(after, [2, 8, 9, 9, 12]);
        let taken_back = [3, 4, 9, 10].map(|seq| manifest.is_taken_back(seq));
        assert_eq!(taken_back, [false, true, true, false]);
    }

    #[test]
    fn a_view_is_another_by_its_rows_or_its_columns() {
        let of = |view: &str, file: &str| Manifest {
            views: [("v".to_owned(), view.to_owned())].into(),
            files: [("v".to_owned(), file.to_owned())].into(),
            ..Manifest::default()
        };
        let old = of("1", "a");
        for (new, is_another) in [(of("1", "a"), false), (of("2", "a"), true), (of("1", "b"), true)] {
            assert_eq!(old.is_another(&new, "v"), is_another);
        }
        assert!(old.is_another(&old, "v") == old.is_another(&old, "none"));
    }
}
