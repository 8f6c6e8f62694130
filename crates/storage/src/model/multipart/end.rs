//! The end of an upload: its parts become an object, somebody gives it up, or its time is over.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Multipart, MultipartStage, etag_of, fits};
use crate::contract::{
    AbortMultipart, CompleteMultipart, ExpireMultipart, MultipartAborted, MultipartCompleted, MultipartEvent,
    MultipartExpired,
};
use crate::model::problem;

impl Decide<Multipart> for CompleteMultipart {
    type Event = MultipartEvent;

    /// The blob was made of what a read model showed; that these are the parts that count, their MD5s say.
    fn decide(self, state: &Multipart, at: &DecisionContext) -> Result<Vec<MultipartEvent>, Problem> {
        if let MultipartStage::Completed { md5 } = &state.stage
            && *md5 == self.md5
            && state.is_reached(&self.project, &self.branch)
        {
            return Ok(Vec::new());
        }
        state.open((&self.project, &self.branch), &self.upload, at.time)?;
        let (mut sizes, mut md5s) = (Vec::new(), Vec::new());
        for number in self.parts {
            let part = state.parts.get(&number).ok_or_else(|| problem::invalid_part(number))?;
            sizes.push((number, part.size_bytes));
            md5s.push(part.md5.as_str());
        }
        let whole = fits(&sizes)?;
        if etag_of(md5s.into_iter()) != self.md5 || whole != self.size_bytes {
            // A part was replaced since: which, nobody needs to know to look again.
            return Err(problem::invalid_part(sizes[0].0));
        }
        Ok(vec![MultipartCompleted { project: self.project, upload: self.upload, md5: self.md5 }.into()])
    }
}

impl Evolve<Multipart> for MultipartCompleted {
    fn evolve(self, state: &mut Multipart) {
        state.stage = MultipartStage::Completed { md5: self.md5 };
        state.parts.clear();
    }
}

impl Decide<Multipart> for AbortMultipart {
    type Event = MultipartEvent;

    fn decide(self, state: &Multipart, at: &DecisionContext) -> Result<Vec<MultipartEvent>, Problem> {
        state.open((&self.project, &self.branch), &self.upload, at.time)?;
        Ok(vec![MultipartAborted { project: self.project, upload: self.upload }.into()])
    }
}

impl Evolve<Multipart> for MultipartAborted {
    fn evolve(self, state: &mut Multipart) {
        state.stage = MultipartStage::Gone;
        state.parts.clear();
    }
}

impl Decide<Multipart> for ExpireMultipart {
    type Event = MultipartEvent;

    /// Whoever asks looked at a read model: what is not over, or gone already, is no mistake.
    fn decide(self, state: &Multipart, at: &DecisionContext) -> Result<Vec<MultipartEvent>, Problem> {
        let is_there = matches!(state.stage, MultipartStage::Open | MultipartStage::Completed { .. });
        if !is_there || state.project != self.project || !state.is_over(at.time) {
            return Ok(Vec::new());
        }
        Ok(vec![MultipartExpired { project: self.project, upload: self.upload }.into()])
    }
}

impl Evolve<Multipart> for MultipartExpired {
    fn evolve(self, state: &mut Multipart) {
        state.stage = MultipartStage::Gone;
        state.parts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{md5, staged, started};
    use super::*;
    use crate::contract::MultipartStarted;
    use crate::model::limits::MULTIPART_PART_BYTES_MIN as MIN;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn there() -> Vec<MultipartEvent> {
        vec![started().into(), staged(3, 'c', 1), staged(1, 'a', MIN), staged(2, 'b', MIN - 1)]
    }

    fn etag(digits: &str) -> String {
        let md5s: Vec<String> = digits.chars().map(md5).collect();
        etag_of(md5s.iter().map(String::as_str))
    }

    fn complete(parts: &[i32], size_bytes: i64, md5: String) -> CompleteMultipart {
        let (project, upload, branch) = ("Shop".into(), "u1".into(), "default".into());
        CompleteMultipart { project, upload, parts: parts.to_vec(), blob: "0d".repeat(32), size_bytes, md5, branch }
    }

    fn completed() -> MultipartEvent {
        MultipartCompleted { project: "Shop".into(), upload: "u1".into(), md5: etag("ac") }.into()
    }

    fn abort() -> AbortMultipart {
        AbortMultipart { project: "Shop".into(), upload: "u1".into(), branch: "default".into() }
    }

    #[test]
    fn an_upload_is_completed_once_and_the_answer_can_be_asked_for_again() {
        let done = || complete(&[1, 3], MIN + 1, etag("ac"));
        given::<Multipart>(there()).when(done().into()).then_expect_events(vec![completed()]);
        let after = || [there(), vec![completed()]].concat();
        given::<Multipart>(after()).when(done().into()).then_expect_events(nothing());
        let other = complete(&[1], MIN, etag("a"));
        refused(given::<Multipart>(after()).when(other.into()).inspect_result(), 404, "storage.no_such_upload");
        refused(given::<Multipart>(after()).when(abort().into()).inspect_result(), 404, "storage.no_such_upload");
    }

    #[test]
    fn only_the_parts_that_are_there_become_an_object() {
        let when = |command: CompleteMultipart| given::<Multipart>(there()).when(command.into()).inspect_result();
        refused(when(complete(&[1, 4], MIN + 1, etag("ad"))), 400, "storage.invalid_part");
        refused(when(complete(&[1, 3], MIN + 1, etag("ab"))), 400, "storage.invalid_part");
        refused(when(complete(&[1, 3], MIN, etag("ac"))), 400, "storage.invalid_part");
        refused(when(complete(&[3, 1], MIN + 1, etag("ca"))), 400, "storage.invalid_part_order");
        refused(when(complete(&[], 0, etag(""))), 400, "storage.invalid_part_order");
        refused(when(complete(&[2, 3], MIN, etag("bc"))), 400, "storage.part_too_small");
    }

    #[test]
    fn an_upload_is_given_up_or_over() {
        let aborted = MultipartEvent::from(MultipartAborted { project: "Shop".into(), upload: "u1".into() });
        given::<Multipart>(there()).when(abort().into()).then_expect_events(vec![aborted.clone()]);
        let gone = || [there(), vec![aborted.clone()]].concat();
        refused(given::<Multipart>(gone()).when(abort().into()).inspect_result(), 404, "storage.no_such_upload");
        let expire = || ExpireMultipart { project: "Shop".into(), upload: "u1".into() };
        given::<Multipart>(there()).when(expire().into()).then_expect_events(nothing());
        given::<Multipart>(gone()).when(expire().into()).then_expect_events(nothing());
        let over = || MultipartEvent::from(MultipartStarted { expires_at: NOW, ..started() });
        let expired = || MultipartEvent::from(MultipartExpired { project: "Shop".into(), upload: "u1".into() });
        for before in [vec![over()], vec![over(), completed()]] {
            given::<Multipart>(before.clone()).when(expire().into()).then_expect_events(vec![expired()]);
            let after = [before, vec![expired()]].concat();
            given::<Multipart>(after).when(expire().into()).then_expect_events(nothing());
        }
    }
}
