//! Making the result of an export a file of the project, without an upload.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{File, Stage, check_content_type, check_md5, check_tags, key_of};
use crate::contract::{FileEvent, FileRegistered, RegisterExport};
use crate::model::table::is_sha256;
use crate::model::{names, problem};

impl Decide<File> for RegisterExport {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        if state.stage != Stage::Absent {
            return Err(problem::file_exists(&self.file));
        }
        names::valid_file(&self.name)?;
        check_content_type(Some(&self.content_type))?;
        check_tags(&self.tags)?;
        check_md5(self.md5.as_deref())?;
        if !is_sha256(&self.blob) || self.size_bytes < 0 {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored blob, with its size."));
        }
        let Self { project, file, name, content_type, blob, size_bytes, tags, project_uid, branch, md5 } = self;
        let key = Some(key_of(at.time, &file, &name));
        Ok(vec![
            FileRegistered {
                project,
                file,
                name,
                content_type: Some(content_type),
                blob,
                size_bytes,
                tags,
                project_uid,
                md5,
                key,
                expires_at: None,
                run_id: None,
                counted: true,
                branch,
                is_sliced: false,
            }
            .into(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::tests::registered;
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    #[test]
    fn an_export_is_registered_at_once_and_once() {
        let FileRegistered { project, file, name, blob, size_bytes, tags, project_uid, .. } = registered();
        let content_type = "text/csv".into();
        let (branch, md5) = (names::MAIN_BRANCH.into(), None);
        let command =
            RegisterExport { project, file, name, content_type, blob, size_bytes, tags, project_uid, branch, md5 };
        given::<File>(nothing()).when(command.clone().into()).then_expect_events(vec![registered().into()]);
        let again = given::<File>(vec![registered().into()]).when(command.into()).inspect_result();
        refused(again, 409, "storage.file_exists");
    }
}
