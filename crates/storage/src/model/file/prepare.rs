//! Opening an upload.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{File, Stage, check_content_type, check_run, check_tags};
use crate::contract::{FileEvent, PrepareUpload, UploadPrepared};
use crate::model::limits::{FILE_BYTES_MAX, UPLOAD_CLOCK_SLACK_SECONDS, UPLOAD_SESSION_SECONDS_MAX};
use crate::model::table::is_sha256;
use crate::model::{names, problem};

impl Decide<File> for PrepareUpload {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        if state.stage != Stage::Absent {
            return Err(problem::file_exists(&self.file));
        }
        names::valid_file(&self.filename)?;
        check_content_type(self.content_type.as_deref())?;
        check_tags(&self.tags)?;
        check_run(self.run_id.as_deref())?;
        match self.size_bytes {
            Some(bytes) if bytes > FILE_BYTES_MAX => return Err(problem::file_too_large(400, bytes)),
            Some(bytes) if bytes < 0 => return Err(problem::invalid_request("`size_bytes` is not negative.")),
            _ => {}
        }
        let checksum_sha256 = self.checksum_sha256.map(|checksum| checksum.to_ascii_lowercase());
        if checksum_sha256.as_deref().is_some_and(|checksum| !is_sha256(checksum)) {
            return Err(problem::invalid_request("`checksum_sha256` is a SHA-256 in 64 hex digits."));
        }
        let latest = (UPLOAD_SESSION_SECONDS_MAX + UPLOAD_CLOCK_SLACK_SECONDS) * 1_000_000 + at.time.micros();
        if self.expires_at <= at.time.micros() || self.expires_at > latest {
            return Err(problem::invalid_request("`expires_at` lies within the next 24 hours."));
        }
        let Self { project, file, filename, content_type, size_bytes, tags, expires_at, project_uid, .. } = self;
        let (is_permanent, run_id, branch, is_sliced) = (self.is_permanent, self.run_id, self.branch, self.is_sliced);
        Ok(vec![
            UploadPrepared {
                project,
                file,
                filename,
                content_type,
                size_bytes,
                checksum_sha256,
                tags,
                expires_at,
                project_uid,
                is_permanent,
                run_id,
                branch,
                is_sliced,
            }
            .into(),
        ])
    }
}

impl Evolve<File> for UploadPrepared {
    fn evolve(self, state: &mut File) {
        let Self { project, filename: name, content_type, tags, project_uid, .. } = self;
        let Self { size_bytes, checksum_sha256, expires_at, is_permanent, run_id, branch, is_sliced, .. } = self;
        let (content, md5) = (None, None);
        let stage =
            Stage::Uploading { size_bytes, checksum_sha256, expires_at, content, md5, is_permanent, run_id, is_sliced };
        *state = File { project, project_uid, name, content_type, tags, stage, branch, ..File::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::prepared;
    use super::*;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn prepare() -> PrepareUpload {
        PrepareUpload {
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
    }

    #[test]
    fn an_upload_is_opened_once() {
        given::<File>(nothing()).when(prepare().into()).then_expect_events(vec![prepared()]);
        refused(given::<File>(vec![prepared()]).when(prepare().into()).inspect_result(), 409, "storage.file_exists");
    }

    #[test]
    fn an_impossible_upload_is_refused() {
        let when = |command: PrepareUpload| given::<File>(nothing()).when(command.into()).inspect_result();
        refused(when(PrepareUpload { filename: "../a".into(), ..prepare() }), 400, "storage.invalid_name");
        let large = Some(FILE_BYTES_MAX + 1);
        refused(when(PrepareUpload { size_bytes: large, ..prepare() }), 400, "storage.file_too_large");
        refused(when(PrepareUpload { size_bytes: Some(-1), ..prepare() }), 400, "storage.invalid_request");
        let short = Some("ab".into());
        refused(when(PrepareUpload { checksum_sha256: short, ..prepare() }), 400, "storage.invalid_request");
        refused(when(PrepareUpload { expires_at: NOW, ..prepare() }), 400, "storage.invalid_request");
        let far = NOW + (UPLOAD_SESSION_SECONDS_MAX + UPLOAD_CLOCK_SLACK_SECONDS) * 1_000_000 + 1;
        refused(when(PrepareUpload { expires_at: far, ..prepare() }), 400, "storage.invalid_request");
        let kind = Some("a\nb".into());
        refused(when(PrepareUpload { content_type: kind, ..prepare() }), 400, "storage.invalid_request");
        let run = Some("a\nb".into());
        refused(when(PrepareUpload { run_id: run, ..prepare() }), 400, "storage.invalid_request");
        let tags = (0..101).map(|n| (n.to_string(), String::new())).collect();
        refused(when(PrepareUpload { tags, ..prepare() }), 400, "storage.invalid_request");
    }
}
