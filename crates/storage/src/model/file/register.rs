//! Making an uploaded file a file of the project.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{File, Stage, check_tags, key_of};
use crate::contract::{FileEvent, FileRegistered, RegisterFile};
use crate::model::limits::FILE_LIFETIME_SECONDS;
use crate::model::{names, problem};

impl Decide<File> for RegisterFile {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        let Stage::Uploading { expires_at, content, md5, is_permanent, run_id, is_sliced, .. } = &state.stage else {
            return Err(problem::upload_session_not_found(&self.file));
        };
        state.check_session((&self.project, &self.branch), &self.file, *expires_at, at)?;
        let Some((blob, size_bytes)) = content else {
            let detail = "The session has no content yet: upload it first.";
            return Err(problem::invalid("file_not_uploaded", detail));
        };
        let name = self.name.unwrap_or_else(|| state.name.clone());
        names::valid_file(&name)?;
        let mut tags = state.tags.clone();
        tags.extend(self.tags);
        check_tags(&tags)?;
        let key = Some(key_of(at.time, &self.file, &name));
        Ok(vec![
            FileRegistered {
                project: self.project,
                file: self.file,
                name,
                content_type: state.content_type.clone(),
                blob: blob.clone(),
                size_bytes: *size_bytes,
                tags,
                project_uid: state.project_uid.clone(),
                md5: md5.clone(),
                key,
                expires_at: (!is_permanent).then(|| at.time.micros() + FILE_LIFETIME_SECONDS * 1_000_000),
                run_id: run_id.clone(),
                counted: true,
                branch: state.branch.clone(),
                is_sliced: *is_sliced,
            }
            .into(),
        ])
    }
}

impl Evolve<File> for FileRegistered {
    fn evolve(self, state: &mut File) {
        let Self { project, name, content_type, tags, project_uid, expires_at, branch, .. } = self;
        let counted_bytes = self.counted.then_some(self.size_bytes);
        let (stage, key) = (Stage::Registered, self.key.unwrap_or_default());
        *state = File { project, project_uid, name, content_type, tags, stage, expires_at, key, branch, counted_bytes };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::tests::{prepared, staged};
    use super::*;
    use alluvium_kernel::Timestamp;

    use crate::model::spec::{NOW, given, nothing, refused};

    fn at_now() -> Timestamp {
        Timestamp::from_micros(NOW)
    }

    pub(crate) fn registered() -> FileRegistered {
        FileRegistered {
            branch: "default".into(),
            project: "Shop".into(),
            file: "f1".into(),
            name: "b.csv".into(),
            content_type: Some("text/csv".into()),
            blob: "0a".repeat(32),
            size_bytes: 5,
            tags: [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())].into(),
            project_uid: "p1".into(),
            md5: None,
            key: Some(key_of(at_now(), "f1", "b.csv")),
            expires_at: None,
            run_id: None,
            counted: true,
            is_sliced: false,
        }
    }

    fn register(project: &str) -> RegisterFile {
        let tags = [("b".to_owned(), "2".to_owned())].into();
        RegisterFile {
            project: project.into(),
            file: "f1".into(),
            name: Some("b.csv".into()),
            tags,
            branch: "default".into(),
        }
    }

    #[test]
    fn a_staged_upload_becomes_a_file_once() {
        given::<File>(vec![prepared(), staged()])
            .when(register("Shop").into())
            .then_expect_events(vec![registered().into()]);
        let again = given::<File>(vec![prepared(), staged(), registered().into()]).when(register("Shop").into());
        refused(again.inspect_result(), 404, "storage.upload_session_not_found");
    }

    #[test]
    fn what_cannot_be_registered_is_refused() {
        let when =
            |before: Vec<FileEvent>, command: RegisterFile| given::<File>(before).when(command.into()).inspect_result();
        refused(when(nothing(), register("Shop")), 404, "storage.upload_session_not_found");
        refused(when(vec![prepared(), staged()], register("Other")), 403, "storage.upload_session_mismatch");
        refused(when(vec![prepared()], register("Shop")), 400, "storage.file_not_uploaded");
        let named = RegisterFile { name: Some("a/b".into()), ..register("Shop") };
        refused(when(vec![prepared(), staged()], named), 400, "storage.invalid_name");
    }
}
