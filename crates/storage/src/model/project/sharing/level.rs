//! Who may link a bucket as a whole: every project of its organisation, or the projects that are named.

use std::collections::BTreeMap;

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::super::{Bucket, Catalogue, Project};
use super::share::{sharing_set, unshared};
use super::sharing;
use crate::contract::{BucketShared, BucketSharingSet, ProjectEvent, SetBucketSharing};
use crate::model::limits::SHARES_PER_BUCKET_MAX;
use crate::model::{names, problem};

/// Projects that may link a bucket without being named. Keys stand for projects and not for persons, so that both words mean the
/// same projects; which one was said is kept for those who look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// Every project of the organisation, in the word for its members.
    Organization,
    /// Every project of the organisation, in the word for members of its projects.
    OrganizationProject,
}

impl Level {
    /// What sharing is called that knows no level.
    pub const SELECTED: &'static str = "selected-projects";
    /// What Keboola knows besides. There are no users here who could be told apart when they link.
    const SELECTED_USERS: &'static str = "selected-users";
    /// Every word there is.
    pub const WORDS: [&'static str; 4] = ["organization", "organization-project", Self::SELECTED, Self::SELECTED_USERS];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::OrganizationProject => "organization-project",
        }
    }

    /// What a word means; `None` where only the named may.
    fn parse(word: &str) -> Result<Option<Self>, Problem> {
        match word {
            "organization" => Ok(Some(Self::Organization)),
            "organization-project" => Ok(Some(Self::OrganizationProject)),
            Self::SELECTED => Ok(None),
            Self::SELECTED_USERS => Err(problem::sharing_by_user()),
            _ => Err(problem::invalid_request(format!("`sharing` is one of {}.", Self::WORDS.join(", ")))),
        }
    }
}

impl Catalogue {
    /// Whether a project of this organisation may link a bucket because of the bucket's level.
    pub(super) fn opens(&self, bucket: &Bucket, organization: Option<&str>) -> bool {
        let is_member = self.organization.as_deref().is_some_and(|own| organization == Some(own));
        is_member && bucket.sharing.level.is_some()
    }
}

impl SetBucketSharing {
    /// The uids of the projects that are named, by id.
    fn named(&self) -> Result<BTreeMap<&String, &String>, Problem> {
        if self.targets.len() > SHARES_PER_BUCKET_MAX {
            return Err(problem::quota_exceeded("projects that may link one bucket", SHARES_PER_BUCKET_MAX));
        }
        if let Some(unknown) = self.targets.get(self.target_uids.len()) {
            return Err(problem::project_not_found(unknown));
        }
        Ok(self.targets.iter().zip(&self.target_uids).collect())
    }

    /// A project may link the bucket: as one that is named, or as long as it has a link.
    fn shared(&self, bucket: &Bucket, target: &str, uid: &str, by_level: bool) -> ProjectEvent {
        let (project, target_project, target_uid) = (self.project.clone(), Some(target.into()), Some(uid.into()));
        let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
        BucketShared { project, bucket, uid, target_project, target_uid, by_level }.into()
    }
}

impl Decide<Project> for SetBucketSharing {
    type Event = ProjectEvent;

    /// Nobody's link is cut by it: those whom it leaves out have to be unlinked before.
    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = live.bucket(&names::bucket_name(&self.bucket))?.own()?;
        let sharing = &bucket.sharing;
        let level = Level::parse(&self.sharing)?;
        let named = self.named()?;
        if level.is_some() && !named.is_empty() {
            return Err(problem::invalid_request("`targets` go with `selected-projects`; an organisation has none."));
        }
        if level.is_some() && live.organization.is_none() {
            return Err(problem::no_organization(&live.id));
        }
        let (mut events, mut left_out) = (Vec::new(), Vec::new());
        for (project, uid) in &sharing.with {
            let links = sharing.is_shown_in(uid);
            if named.get(project).is_some_and(|named| *named == uid) {
                continue;
            }
            if links && level.is_some() && self.members.contains(uid) {
                if !sharing.by_level.contains(project) {
                    events.push(self.shared(bucket, project, uid, true));
                }
            } else if links {
                left_out.push(project.as_str());
            } else {
                events.push(unshared(&self.project, bucket, Some(project.clone())));
            }
        }
        if !left_out.is_empty() {
            return Err(problem::sharing_in_use(&bucket.name, &left_out));
        }
        let new = named.iter().filter(|(project, uid)| !sharing.names(project, uid));
        events.extend(new.map(|(project, uid)| self.shared(bucket, project, uid, false)));
        if sharing.level != level {
            events.push(sharing_set(&self.project, bucket, level));
        }
        Ok(events)
    }
}

impl Evolve<Project> for BucketSharingSet {
    fn evolve(self, state: &mut Project) {
        if let Some(sharing) = sharing(state, &self.bucket) {
            sharing.level = Level::parse(&self.sharing).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::*;
    use super::*;
    use crate::model::spec::{nothing, refused};

    fn set(sharing: &str, targets: &[(&str, &str)], members: &[&str]) -> SetBucketSharing {
        let texts = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        SetBucketSharing {
            project: "Shop".into(),
            bucket: "sales".into(),
            sharing: sharing.into(),
            targets: texts(targets.iter().map(|target| target.0).collect()),
            target_uids: texts(targets.iter().map(|target| target.1).collect()),
            members: texts(members.to_vec()),
        }
    }

    #[test]
    fn a_level_is_of_an_organisation_and_names_nobody() {
        for (word, level) in
            [("organization", Level::Organization), ("organization-project", Level::OrganizationProject)]
        {
            assert_eq!(when(organized(), set(word, &[], &[])).unwrap(), vec![on_level(level)]);
            let again = [organized(), vec![on_level(level)]].concat();
            assert_eq!(when(again, set(word, &[], &[])).unwrap(), nothing());
            refused(when(source(), set(word, &[], &[])), 400, "storage.no_organization");
            refused(when(organized(), set(word, &[("other", "o1")], &[])), 400, "storage.invalid_request");
        }
        refused(when(organized(), set("selected-users", &[], &[])), 400, "storage.sharing_by_user");
        refused(when(organized(), set("everybody", &[], &[])), 400, "storage.invalid_request");
        let elsewhere = SetBucketSharing { bucket: "x".into(), ..set("organization", &[], &[]) };
        refused(when(organized(), elsewhere), 404, "storage.bucket_not_found");
    }

    #[test]
    fn the_named_are_those_that_may_and_no_others() {
        let third = shared_with(Some("third"), Some("t1"));
        let before = [organized(), vec![shared(), on_level(Level::Organization)]].concat();
        let named = when(before.clone(), set("selected-projects", &[("third", "t1")], &[])).unwrap();
        assert_eq!(named, vec![not_shared(Some("other")), third.into(), on_no_level()]);
        let before = [before, named].concat();
        assert_eq!(when(before, set("selected-projects", &[], &[])).unwrap(), vec![not_shared(Some("third"))]);
        let unknown = SetBucketSharing { target_uids: vec![], ..set("selected-projects", &[("third", "t1")], &[]) };
        refused(when(source(), unknown), 404, "storage.project_not_found");
        let many: Vec<String> = (0..=SHARES_PER_BUCKET_MAX).map(|n| format!("p{n}")).collect();
        let many = SetBucketSharing { target_uids: many.clone(), targets: many, ..set("selected-projects", &[], &[]) };
        refused(when(source(), many), 403, "storage.quota_exceeded");
    }

    #[test]
    fn who_links_is_never_left_out() {
        let linked = [organized(), vec![shared(), admitted().into()]].concat();
        let left_out = refused(when(linked.clone(), set("organization", &[], &[])), 409, "storage.sharing_in_use");
        assert_eq!(left_out.details.unwrap()["projects"], serde_json::json!(["other"]));
        refused(when(linked.clone(), set("selected-projects", &[], &[])), 409, "storage.sharing_in_use");
        // A later project of the id is not the one that links.
        let later = set("selected-projects", &[("other", "o2")], &[]);
        refused(when(linked.clone(), later), 409, "storage.sharing_in_use");
        assert_eq!(when(linked.clone(), set("selected-projects", &[("other", "o1")], &[])).unwrap(), nothing());
        // Of the organisation, it goes on with what the organisation has, for as long as it links.
        let widened = when(linked.clone(), set("organization", &[], &["o1"])).unwrap();
        assert_eq!(widened, vec![by_level(), on_level(Level::Organization)]);
        let by_organization = [linked, widened].concat();
        let other = set("organization-project", &[], &["o1"]);
        assert_eq!(when(by_organization.clone(), other).unwrap(), vec![on_level(Level::OrganizationProject)]);
        let narrowed = when(by_organization, set("selected-projects", &[("other", "o1")], &[])).unwrap();
        assert_eq!(narrowed, vec![shared(), on_no_level()]);
    }
}
