//! Letting go of a file, or of an upload, whose time is over.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{File, Stage};
use crate::contract::{ExpireFile, FileEvent, FileExpired};

impl Decide<File> for ExpireFile {
    type Event = FileEvent;

    /// Whoever asks looked at a read model: what is not over, or gone already, is no mistake.
    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        if !state.belongs_to(&self.project) || !state.is_over(at.time) {
            return Ok(Vec::new());
        }
        Ok(vec![FileExpired { project: self.project, file: self.file }.into()])
    }
}

impl Evolve<File> for FileExpired {
    fn evolve(self, state: &mut File) {
        state.stage = Stage::Deleted;
        state.counted_bytes = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::tests::registered;
    use super::super::tests::{prepared, staged};
    use super::*;
    use crate::contract::{DeleteFile, FileRegistered, TagFile, UploadPrepared};
    use crate::model::spec::{NOW, given, nothing, refused};

    fn expire(project: &str) -> ExpireFile {
        ExpireFile { project: project.into(), file: "f1".into() }
    }

    fn until(expires_at: i64) -> FileEvent {
        FileRegistered { expires_at: Some(expires_at), ..registered() }.into()
    }

    #[test]
    fn what_is_over_is_let_go_once() {
        let expired = || FileExpired { project: "Shop".into(), file: "f1".into() }.into();
        given::<File>(vec![until(NOW)]).when(expire("Shop").into()).then_expect_events(vec![expired()]);
        let FileEvent::UploadPrepared(opened) = prepared() else { unreachable!() };
        let over = UploadPrepared { expires_at: NOW, ..opened };
        given::<File>(vec![over.into(), staged()]).when(expire("Shop").into()).then_expect_events(vec![expired()]);
        for before in [
            nothing(),
            vec![until(NOW + 1)],
            vec![registered().into()],
            vec![prepared(), staged()],
            vec![until(NOW), expired()],
        ] {
            given::<File>(before).when(expire("Shop").into()).then_expect_events(nothing());
        }
        given::<File>(vec![until(NOW)]).when(expire("Other").into()).then_expect_events(nothing());
    }

    #[test]
    fn what_is_over_is_not_there_before_anybody_lets_it_go() {
        let delete = DeleteFile { project: "Shop".into(), file: "f1".into(), branch: "default".into() };
        let when = |command| given::<File>(vec![until(NOW)]).when(command).inspect_result();
        refused(when(delete.into()), 404, "storage.file_not_found");
        let (tags, branch) = ([("a".into(), "1".into())].into(), "default".into());
        let tag = TagFile { project: "Shop".into(), file: "f1".into(), tags, branch };
        refused(when(tag.into()), 404, "storage.file_not_found");
    }
}
