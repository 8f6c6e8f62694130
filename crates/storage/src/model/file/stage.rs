//! Noting what was uploaded.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde_json::json;

use super::{File, Stage};
use crate::contract::{FileEvent, StageUpload, UploadStaged};
use crate::model::limits::FILE_BYTES_MAX;
use crate::model::problem;
use crate::model::table::is_sha256;

impl Decide<File> for StageUpload {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        let Stage::Uploading { size_bytes, checksum_sha256, expires_at, content, .. } = &state.stage else {
            return Err(problem::upload_session_not_found(&self.file));
        };
        state.check_session((&self.project, &self.branch), &self.file, *expires_at, at)?;
        if !is_sha256(&self.blob) || self.size_bytes < 0 {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored blob, with its size."));
        }
        if self.size_bytes > FILE_BYTES_MAX {
            return Err(problem::file_too_large(413, self.size_bytes));
        }
        if let Some(declared) = size_bytes.filter(|declared| *declared != self.size_bytes) {
            let detail = format!("{declared} bytes were announced, {} came.", self.size_bytes);
            return Err(problem::invalid("size_mismatch", detail)
                .with_details(json!({ "declared": declared, "actual": self.size_bytes })));
        }
        if let Some(declared) = checksum_sha256.as_ref().filter(|declared| **declared != self.blob) {
            let detail = format!("The SHA-256 {declared} was announced, the content has {}.", self.blob);
            return Err(problem::invalid("checksum_mismatch", detail)
                .with_details(json!({ "declared": declared, "actual": self.blob })));
        }
        if content.as_ref() == Some(&(self.blob.clone(), self.size_bytes)) {
            return Ok(Vec::new());
        }
        let Self { project, file, blob, size_bytes, md5, branch: _ } = self;
        Ok(vec![UploadStaged { project, file, blob, size_bytes, md5 }.into()])
    }
}

impl Evolve<File> for UploadStaged {
    fn evolve(self, state: &mut File) {
        if let Stage::Uploading { content, md5, .. } = &mut state.stage {
            *content = Some((self.blob, self.size_bytes));
            *md5 = self.md5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{prepared, staged};
    use super::*;
    use crate::contract::UploadPrepared;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn stage(project: &str, blob: &str, size_bytes: i64) -> StageUpload {
        let (project, blob, branch) = (project.into(), blob.into(), "default".into());
        StageUpload { project, file: "f1".into(), blob, size_bytes, md5: None, branch }
    }

    fn declared(size_bytes: Option<i64>, checksum: Option<String>, expires_at: i64) -> FileEvent {
        let FileEvent::UploadPrepared(event) = prepared() else { unreachable!() };
        UploadPrepared { size_bytes, checksum_sha256: checksum, expires_at, ..event }.into()
    }

    #[test]
    fn content_is_noted_and_replaced() {
        let blob = "0a".repeat(32);
        given::<File>(vec![prepared()]).when(stage("Shop", &blob, 5).into()).then_expect_events(vec![staged()]);
        given::<File>(vec![prepared(), staged()]).when(stage("Shop", &blob, 5).into()).then_expect_events(nothing());
        let other = given::<File>(vec![prepared(), staged()]).when(stage("Shop", &"0b".repeat(32), 5).into());
        assert_eq!(other.inspect_result().unwrap().len(), 1);
    }

    #[test]
    fn content_that_is_not_what_was_announced_is_refused() {
        let blob = "0a".repeat(32);
        let when =
            |before: Vec<FileEvent>, command: StageUpload| given::<File>(before).when(command.into()).inspect_result();
        refused(when(nothing(), stage("Shop", &blob, 5)), 404, "storage.upload_session_not_found");
        refused(when(vec![prepared()], stage("Other", &blob, 5)), 403, "storage.upload_session_mismatch");
        let over = declared(None, None, NOW);
        refused(when(vec![over], stage("Shop", &blob, 5)), 410, "storage.upload_session_expired");
        refused(when(vec![prepared()], stage("Shop", &blob, FILE_BYTES_MAX + 1)), 413, "storage.file_too_large");
        let sized = declared(Some(4), None, NOW + 1);
        refused(when(vec![sized], stage("Shop", &blob, 5)), 400, "storage.size_mismatch");
        let summed = declared(Some(5), Some("0b".repeat(32)), NOW + 1);
        refused(when(vec![summed], stage("Shop", &blob, 5)), 400, "storage.checksum_mismatch");
        refused(when(vec![prepared()], stage("Shop", "../x", 5)), 400, "storage.invalid_request");
    }
}
