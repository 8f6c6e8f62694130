//! Tags of a file that is there.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{File, check_tags};
use crate::contract::{FileEvent, FileTagged, TagFile, UntagFile};
use crate::model::problem;

impl Decide<File> for TagFile {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        if !state.is_file(&self.project, at.time) || !state.is_reached_by(&self.branch) {
            return Err(problem::file_not_found(&self.file));
        }
        let mut all = state.tags.clone();
        all.extend(self.tags);
        check_tags(&all)?;
        if all == state.tags {
            return Ok(Vec::new());
        }
        Ok(vec![FileTagged { project: self.project, file: self.file, tags: all }.into()])
    }
}

impl Decide<File> for UntagFile {
    type Event = FileEvent;

    fn decide(self, state: &File, at: &DecisionContext) -> Result<Vec<FileEvent>, Problem> {
        if !state.is_file(&self.project, at.time) || !state.is_reached_by(&self.branch) {
            return Err(problem::file_not_found(&self.file));
        }
        let mut tags = state.tags.clone();
        if tags.remove(&self.tag).is_none() {
            return Ok(Vec::new());
        }
        Ok(vec![FileTagged { project: self.project, file: self.file, tags }.into()])
    }
}

impl Evolve<File> for FileTagged {
    fn evolve(self, state: &mut File) {
        state.tags = self.tags;
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::tests::registered;
    use super::super::tests::prepared;
    use super::*;
    use crate::model::limits::FILE_TAGS_MAX;
    use crate::model::spec::{given, nothing, refused};

    fn tag(project: &str, key: &str, value: &str) -> TagFile {
        let (tags, branch) = ([(key.into(), value.into())].into(), "default".into());
        TagFile { project: project.into(), file: "f1".into(), tags, branch }
    }

    fn untag(key: &str) -> UntagFile {
        UntagFile { project: "Shop".into(), file: "f1".into(), tag: key.into(), branch: "default".into() }
    }

    fn tagged(tags: &[(&str, &str)]) -> FileTagged {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        FileTagged { project: "Shop".into(), file: "f1".into(), tags }
    }

    #[test]
    fn tags_come_change_and_go() {
        let there = || vec![registered().into()];
        let more = tagged(&[("a", "1"), ("b", "2"), ("c", "")]);
        given::<File>(there()).when(tag("Shop", "c", "").into()).then_expect_events(vec![more.into()]);
        given::<File>(there()).when(tag("Shop", "a", "1").into()).then_expect_events(nothing());
        let changed = tagged(&[("a", "9"), ("b", "2")]);
        given::<File>(there()).when(tag("Shop", "a", "9").into()).then_expect_events(vec![changed.into()]);
        let gone = || FileEvent::from(tagged(&[("b", "2")]));
        given::<File>(there()).when(untag("a").into()).then_expect_events(vec![gone()]);
        given::<File>(vec![registered().into(), gone()]).when(untag("a").into()).then_expect_events(nothing());
    }

    #[test]
    fn only_files_have_tags_and_not_too_many() {
        let when = |before, command: TagFile| given::<File>(before).when(command.into()).inspect_result();
        refused(when(nothing(), tag("Shop", "a", "")), 404, "storage.file_not_found");
        refused(when(vec![prepared()], tag("Shop", "a", "")), 404, "storage.file_not_found");
        refused(when(vec![registered().into()], tag("Other", "a", "")), 404, "storage.file_not_found");
        refused(when(vec![registered().into()], tag("Shop", "", "")), 400, "storage.invalid_request");
        let many = TagFile {
            tags: (0..FILE_TAGS_MAX).map(|n| (n.to_string(), String::new())).collect(),
            ..tag("Shop", "x", "")
        };
        refused(when(vec![registered().into()], many), 400, "storage.invalid_request");
        let unknown = given::<File>(nothing()).when(untag("a").into()).inspect_result();
        refused(unknown, 404, "storage.file_not_found");
    }
}
