//! Noting a part.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Multipart, Part};
use crate::contract::{MultipartEvent, PartStaged, StagePart};
use crate::model::file::is_md5;
use crate::model::limits::{FILE_BYTES_MAX, MULTIPART_PARTS_MAX};
use crate::model::problem;
use crate::model::table::is_sha256;

impl Decide<Multipart> for StagePart {
    type Event = MultipartEvent;

    fn decide(self, state: &Multipart, at: &DecisionContext) -> Result<Vec<MultipartEvent>, Problem> {
        state.open((&self.project, &self.branch), &self.upload, at.time)?;
        if !(1..=MULTIPART_PARTS_MAX).contains(&self.number) {
            return Err(problem::invalid_request(format!("Parts have the numbers 1 to {MULTIPART_PARTS_MAX}.")));
        }
        if !is_sha256(&self.blob) || self.size_bytes < 0 || !is_md5(&self.md5) {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored blob, with its size and MD5."));
        }
        // What lies about in parts is bounded as an object is.
        let whole = state.bytes_besides(self.number).saturating_add(self.size_bytes);
        if whole > FILE_BYTES_MAX {
            return Err(problem::file_too_large(400, whole));
        }
        let Self { project, upload, number, blob, size_bytes, md5, branch: _ } = self;
        Ok(vec![PartStaged { project, upload, number, blob, size_bytes, md5 }.into()])
    }
}

impl Evolve<Multipart> for PartStaged {
    fn evolve(self, state: &mut Multipart) {
        state.parts.insert(self.number, Part { md5: self.md5, size_bytes: self.size_bytes });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{md5, staged, started};
    use super::*;
    use crate::contract::MultipartStarted;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn stage(number: i32, digit: char, size_bytes: i64) -> StagePart {
        let (project, upload, branch) = ("Shop".into(), "u1".into(), "default".into());
        StagePart { project, upload, number, blob: digit.to_string().repeat(64), size_bytes, md5: md5(digit), branch }
    }

    #[test]
    fn parts_come_in_any_order_and_again() {
        let there = || vec![started().into()];
        given::<Multipart>(there()).when(stage(7, 'a', 5).into()).then_expect_events(vec![staged(7, 'a', 5)]);
        let full = || vec![started().into(), staged(7, 'a', FILE_BYTES_MAX)];
        given::<Multipart>(full()).when(stage(7, 'b', 9).into()).then_expect_events(vec![staged(7, 'b', 9)]);
        refused(
            given::<Multipart>(full()).when(stage(1, 'b', 1).into()).inspect_result(),
            400,
            "storage.file_too_large",
        );
    }

    #[test]
    fn parts_of_nothing_and_odd_parts_are_refused() {
        let when = |before: Vec<MultipartEvent>, command: StagePart| {
            given::<Multipart>(before).when(command.into()).inspect_result()
        };
        let of_branch = MultipartStarted { branch: "b1".into(), ..started() };
        let over = MultipartStarted { expires_at: NOW, ..started() };
        refused(when(nothing(), stage(1, 'a', 5)), 404, "storage.no_such_upload");
        refused(when(vec![over.into()], stage(1, 'a', 5)), 404, "storage.no_such_upload");
        let foreign = StagePart { project: "Other".into(), ..stage(1, 'a', 5) };
        refused(when(vec![started().into()], foreign), 404, "storage.no_such_upload");
        let foreign = StagePart { branch: "b2".into(), ..stage(1, 'a', 5) };
        refused(when(vec![of_branch.clone().into()], foreign), 404, "storage.no_such_upload");
        assert_eq!(
            when(vec![of_branch.into()], stage(1, 'a', 5)).unwrap().len(),
            1,
            "the whole project's keys reach it"
        );
        for number in [0, MULTIPART_PARTS_MAX + 1] {
            refused(when(vec![started().into()], stage(number, 'a', 5)), 400, "storage.invalid_request");
        }
        let odd = StagePart { md5: "x".into(), ..stage(1, 'a', 5) };
        refused(when(vec![started().into()], odd), 400, "storage.invalid_request");
    }
}
