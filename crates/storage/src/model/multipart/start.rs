//! Beginning an upload in parts.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Multipart, MultipartStage};
use crate::contract::{MultipartEvent, MultipartStarted, StartMultipart};
use crate::model::file::{check_content_type, check_key};
use crate::model::limits::{MULTIPART_SECONDS_MAX, UPLOAD_CLOCK_SLACK_SECONDS};
use crate::model::problem;

impl Decide<Multipart> for StartMultipart {
    type Event = MultipartEvent;

    fn decide(self, state: &Multipart, at: &DecisionContext) -> Result<Vec<MultipartEvent>, Problem> {
        if state.stage != MultipartStage::Absent {
            return Err(problem::invalid_request("There is, or was, an upload of this id."));
        }
        check_key(&self.key)?;
        check_content_type(self.content_type.as_deref())?;
        let latest = (MULTIPART_SECONDS_MAX + UPLOAD_CLOCK_SLACK_SECONDS) * 1_000_000 + at.time.micros();
        if self.expires_at <= at.time.micros() || self.expires_at > latest {
            return Err(problem::invalid_request("`expires_at` lies within the next 7 days."));
        }
        let Self { project, upload, key, content_type, expires_at, project_uid, branch } = self;
        Ok(vec![MultipartStarted { project, upload, key, content_type, expires_at, project_uid, branch }.into()])
    }
}

impl Evolve<Multipart> for MultipartStarted {
    fn evolve(self, state: &mut Multipart) {
        let Self { project, key, content_type, expires_at, project_uid, branch, .. } = self;
        let (stage, parts) = (MultipartStage::Open, std::collections::BTreeMap::new());
        *state = Multipart { project, project_uid, branch, key, content_type, expires_at, parts, stage };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::started;
    use super::*;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn start() -> StartMultipart {
        let MultipartStarted { project, upload, key, content_type, expires_at, project_uid, branch } = started();
        StartMultipart { project, upload, key, content_type, expires_at, project_uid, branch }
    }

    #[test]
    fn an_upload_begins_once() {
        given::<Multipart>(nothing()).when(start().into()).then_expect_events(vec![started().into()]);
        let again = given::<Multipart>(vec![started().into()]).when(start().into()).inspect_result();
        refused(again, 400, "storage.invalid_request");
    }

    #[test]
    fn what_could_become_no_object_is_not_begun() {
        let when = |command: StartMultipart| given::<Multipart>(nothing()).when(command.into()).inspect_result();
        refused(when(StartMultipart { key: "../a".into(), ..start() }), 400, "storage.invalid_key");
        let kind = Some("a\nb".into());
        refused(when(StartMultipart { content_type: kind, ..start() }), 400, "storage.invalid_request");
        let far = NOW + (MULTIPART_SECONDS_MAX + UPLOAD_CLOCK_SLACK_SECONDS) * 1_000_000 + 1;
        for expires_at in [NOW, far] {
            refused(when(StartMultipart { expires_at, ..start() }), 400, "storage.invalid_request");
        }
    }
}
