//! A source admits the links that others ask for, and notes when they are gone.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::super::Project;
use super::share::unshared;
use super::sharing;
use crate::contract::{AdmitLink, BucketShared, LinkAdmitted, LinkReleased, ProjectEvent, ReleaseLink};
use crate::model::limits::LINKS_PER_BUCKET_MAX;
use crate::model::{names, problem};

impl Decide<Project> for AdmitLink {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let found = state
            .live(&self.project)
            .and_then(|live| live.bucket(&names::bucket_name(&self.bucket)).map(|bucket| (live, bucket)));
        let is_shared =
            found.as_ref().is_ok_and(|(_, bucket)| bucket.sharing.admits(&self.target_project, &self.target_uid));
        let by_level = !is_shared
            && found.as_ref().is_ok_and(|(live, bucket)| live.opens(bucket, self.target_organization.as_deref()));
        if !is_shared && !by_level && !self.grant {
            // Said whether or not there is such a bucket: who has no share learns nothing of the project.
            return Err(problem::bucket_not_shared(&self.project, &self.bucket));
        }
        let found = found?.1.own()?;
        if found.sharing.shown_in.len() >= LINKS_PER_BUCKET_MAX {
            return Err(problem::quota_exceeded("links to one bucket", LINKS_PER_BUCKET_MAX));
        }
        let (bucket, uid) = (found.name.clone(), found.uid.clone());
        let Self { project, target_project, target_uid, target_bucket, .. } = self;
        let shared = (!is_shared).then(|| BucketShared {
            project: project.clone(),
            bucket: bucket.clone(),
            uid: uid.clone(),
            target_project: Some(target_project.clone()),
            target_uid: Some(target_uid.clone()),
            by_level,
        });
        let admitted = LinkAdmitted { project, bucket, uid, target_project, target_uid, target_bucket };
        Ok(shared.map(ProjectEvent::from).into_iter().chain([admitted.into()]).collect())
    }
}

impl Decide<Project> for ReleaseLink {
    type Event = ProjectEvent;

    /// What a project may because of the level ends with its last link, so that it is asked again whether it may.
    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let Self { project, bucket, uid, target_uid, target_bucket } = self;
        let shows = (target_uid.clone(), target_bucket.clone());
        // A source that is gone, or another one by now, has nothing to note.
        let found = state.live(&project).ok().and_then(|live| live.bucket(&bucket).ok());
        let found = found.filter(|found| found.uid == uid && found.sharing.shown_in.contains(&shows));
        let Some(found) = found else { return Ok(Vec::new()) };
        let sharing = &found.sharing;
        let is_last = sharing.shown_in(&target_uid).count() == 1;
        let by_level = sharing.by_level.iter().find(|other| is_last && sharing.admits(other, &target_uid));
        let ended = by_level.map(|other| unshared(&project, found, Some(other.clone())));
        let released = LinkReleased { project, bucket, uid, target_uid, target_bucket };
        Ok([released.into()].into_iter().chain(ended).collect())
    }
}

impl Evolve<Project> for LinkAdmitted {
    fn evolve(self, state: &mut Project) {
        if let Some(sharing) = sharing(state, &self.bucket) {
            sharing.shown_in.insert((self.target_uid, self.target_bucket));
        }
    }
}

impl Evolve<Project> for LinkReleased {
    fn evolve(self, state: &mut Project) {
        if let Some(sharing) = sharing(state, &self.bucket) {
            sharing.shown_in.remove(&(self.target_uid, self.target_bucket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::life::tests::created;
    use super::super::Level;
    use super::super::spec::*;
    use super::*;
    use crate::contract::DeleteBucket;
    use crate::model::spec::{nothing, refused};

    fn release(uid: &str, bucket: &str) -> ReleaseLink {
        ReleaseLink {
            project: "Shop".into(),
            bucket: "sales".into(),
            uid: uid.into(),
            target_uid: "o1".into(),
            target_bucket: bucket.into(),
        }
    }

    #[test]
    fn a_link_needs_the_share_of_the_very_project_that_asks() {
        let before = || [source(), vec![shared()]].concat();
        assert_eq!(when(before(), admit(false)).unwrap(), vec![admitted().into()]);
        assert_eq!(when(source(), admit(true)).unwrap(), vec![shared(), admitted().into()]);
        refused(when(source(), admit(false)), 403, "storage.bucket_not_shared");
        refused(when(nothing(), admit(false)), 403, "storage.bucket_not_shared");
        refused(when(nothing(), admit(true)), 404, "storage.project_not_found");
        refused(
            when(before(), AdmitLink { target_uid: "o2".into(), ..admit(false) }),
            403,
            "storage.bucket_not_shared",
        );
        refused(when(source(), AdmitLink { bucket: "x".into(), ..admit(true) }), 404, "storage.bucket_not_found");
        let a_link = vec![created(), linked().into()];
        let through = AdmitLink { bucket: "theirs".into(), ..admit(true) };
        refused(when(a_link, through), 400, "storage.invalid_request");
    }

    #[test]
    fn a_level_lets_in_its_organisation_and_nobody_else() {
        let of = |organization: Option<&str>| AdmitLink {
            target_organization: organization.map(Into::into),
            ..admit(false)
        };
        let open = [organized(), vec![on_level(Level::OrganizationProject)]].concat();
        assert_eq!(when(open.clone(), of(Some("acme"))).unwrap(), vec![by_level(), admitted().into()]);
        for organization in [None, Some("others"), Some("Acme")] {
            refused(when(open.clone(), of(organization)), 403, "storage.bucket_not_shared");
        }
        // No level, no organisation, another bucket: nothing follows from an organisation.
        refused(when(organized(), of(Some("acme"))), 403, "storage.bucket_not_shared");
        refused(when(source(), of(None)), 403, "storage.bucket_not_shared");
        let other = AdmitLink { bucket: "x".into(), ..of(Some("acme")) };
        refused(when(open.clone(), other), 403, "storage.bucket_not_shared");
        // Who is named stays named; who the admin lets in besides is named then.
        let named = [open.clone(), vec![shared()]].concat();
        assert_eq!(when(named, of(Some("acme"))).unwrap(), vec![admitted().into()]);
        assert_eq!(when(open, admit(true)).unwrap(), vec![shared(), admitted().into()]);
    }

    #[test]
    fn what_follows_from_the_level_ends_with_the_last_link() {
        let second = LinkAdmitted { target_bucket: "more".into(), ..admitted() };
        let before =
            [organized(), vec![on_level(Level::Organization), by_level(), admitted().into(), second.into()]].concat();
        let first = when(before.clone(), release("b-sales", "theirs")).unwrap();
        assert!(matches!(&first[..], [ProjectEvent::LinkReleased(_)]), "{first:?}");
        let last = when([before, first].concat(), release("b-sales", "more")).unwrap();
        assert!(matches!(&last[..], [ProjectEvent::LinkReleased(_), _]), "{last:?}");
        assert_eq!(last[1], not_shared(Some("other")));
    }

    #[test]
    fn a_bucket_that_others_show_goes_only_by_force() {
        let before = [source(), vec![shared(), admitted().into()]].concat();
        let delete = |force| DeleteBucket { project: "Shop".into(), bucket: "sales".into(), cascade: true, force };
        let kept = refused(when(before.clone(), delete(false)), 409, "storage.bucket_linked");
        assert_eq!(kept.details.unwrap()["link_count"], 1);
        assert!(when(before.clone(), delete(true)).is_ok());
        assert_eq!(when(before.clone(), release("b-earlier", "theirs")).unwrap(), nothing());
        let released = when(before.clone(), release("b-sales", "theirs")).unwrap();
        assert!(matches!(&released[..], [ProjectEvent::LinkReleased(_)]), "{released:?}");
        assert!(when([before, released].concat(), delete(false)).is_ok());
    }
}
