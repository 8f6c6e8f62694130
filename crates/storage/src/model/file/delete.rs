//! Deleting a file, or giving up an upload.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{File, Stage};
use crate::contract::{DeleteFile, FileDeleted, FileEvent};
use crate::model::problem;

impl Decide<File> for DeleteFile {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        let there = matches!(state.stage, Stage::Uploading { .. }) && state.belongs_to(&self.project);
        // Another project's or branch's file is not found rather than forbidden: its id tells nothing.
        if !there && !state.is_file(&self.project, at.time) || !state.is_reached_by(&self.branch) {
            return Err(problem::file_not_found(&self.file));
        }
        Ok(vec![FileDeleted { project: self.project, file: self.file }.into()])
    }
}

impl Evolve<File> for FileDeleted {
    fn evolve(self, state: &mut File) {
        state.stage = Stage::Deleted;
        state.counted_bytes = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::tests::registered;
    use super::super::tests::prepared;
    use super::*;
    use crate::contract::FileRegistered;
    use crate::model::spec::{given, nothing, refused};

    fn delete_for(project: &str, branch: &str) -> DeleteFile {
        DeleteFile { project: project.into(), file: "f1".into(), branch: branch.into() }
    }

    #[test]
    fn a_file_is_deleted_once_by_its_project() {
        let delete = |project: &str| delete_for(project, "default");
        let deleted = || FileDeleted { project: "Shop".into(), file: "f1".into() }.into();
        for there in [registered().into(), prepared()] {
            given::<File>(vec![there]).when(delete("Shop").into()).then_expect_events(vec![deleted()]);
        }
        let when = |before, project: &str| given::<File>(before).when(delete(project).into()).inspect_result();
        refused(when(nothing(), "Shop"), 404, "storage.file_not_found");
        refused(when(vec![registered().into()], "Other"), 404, "storage.file_not_found");
        refused(when(vec![registered().into(), deleted()], "Shop"), 404, "storage.file_not_found");
        let of_branch: FileEvent = FileRegistered { branch: "b1".into(), ..registered() }.into();
        for (there, branch) in [(&of_branch, "b2"), (&registered().into(), "b1")] {
            let result = given::<File>(vec![there.clone()]).when(delete_for("Shop", branch).into()).inspect_result();
            refused(result, 404, "storage.file_not_found");
        }
        for branch in ["b1", "default"] {
            given::<File>(vec![of_branch.clone()])
                .when(delete_for("Shop", branch).into())
                .then_expect_events(vec![deleted()]);
        }
    }
}
