//! A source cuts the links of a project, and the links know.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::super::Project;
use super::bucket;
use super::share::unshared;
use crate::contract::{CloseLink, CutLinks, LinkClosed, LinkReleased, ProjectEvent};
use crate::model::{names, problem};

impl Decide<Project> for CutLinks {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let bucket = state.live(&self.project)?.bucket(&names::bucket_name(&self.bucket))?;
        let not_linked = || problem::not_linked_by(&bucket.name, &self.target_project);
        let target_uid = self.target_uid.as_ref().ok_or_else(not_linked)?;
        let sharing = &bucket.sharing;
        let released = sharing.shown_in(target_uid).map(|target_bucket| {
            let (project, target_uid) = (self.project.clone(), target_uid.clone());
            let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
            LinkReleased { project, bucket, uid, target_uid, target_bucket: target_bucket.to_owned() }.into()
        });
        let mut events: Vec<ProjectEvent> = released.collect();
        if events.is_empty() {
            return Err(not_linked());
        }
        if sharing.admits(&self.target_project, target_uid) {
            events.push(unshared(&self.project, bucket, Some(self.target_project.clone())));
        }
        Ok(events)
    }
}

impl Decide<Project> for CloseLink {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let shows = |link: &super::Link| link.uid == self.source_uid && !link.is_closed;
        let found = state.live(&self.project).ok().and_then(|live| live.bucket(&self.bucket).ok());
        let found = found.filter(|bucket| bucket.link.as_ref().is_some_and(shows));
        let closed = found.map(|bucket| {
            let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
            LinkClosed { project: self.project.clone(), bucket, uid }.into()
        });
        Ok(closed.into_iter().collect())
    }
}

impl Evolve<Project> for LinkClosed {
    fn evolve(self, state: &mut Project) {
        if let Some(link) = bucket(state, &self.bucket).and_then(|bucket| bucket.link.as_mut()) {
            link.is_closed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::life::tests::created;
    use super::super::Level;
    use super::super::spec::*;
    use super::*;
    use crate::contract::{DeleteBucket, LinkAdmitted};
    use crate::model::spec::{nothing, refused};

    fn cut(target: &str, uid: Option<&str>) -> CutLinks {
        CutLinks {
            project: "Shop".into(),
            bucket: "sales".into(),
            target_project: target.into(),
            target_uid: uid.map(Into::into),
        }
    }

    #[test]
    fn every_link_of_a_project_is_cut_with_what_let_it() {
        let second = LinkAdmitted { target_bucket: "more".into(), ..admitted() };
        let links = || vec![admitted().into(), second.clone().into()];
        let by_name = [source(), vec![shared()], links()].concat();
        let by_level = [organized(), vec![on_level(Level::Organization), by_level()], links()].concat();
        for before in [by_name, by_level] {
            let events = when(before.clone(), cut("other", Some("o1"))).unwrap();
            assert!(matches!(&events[..2], [ProjectEvent::LinkReleased(_), ProjectEvent::LinkReleased(_)]));
            assert_eq!(events[2..], [not_shared(Some("other"))]);
            let after = [before, events].concat();
            refused(when(after.clone(), cut("other", Some("o1"))), 404, "storage.link_not_found");
            let delete = DeleteBucket { project: "Shop".into(), bucket: "sales".into(), cascade: true, force: false };
            assert!(when(after, delete).is_ok(), "nobody links it any more");
        }
    }

    #[test]
    fn who_links_nothing_has_nothing_to_be_cut() {
        let before = [source(), vec![shared(), admitted().into()]].concat();
        for (target, uid) in [("other", Some("o2")), ("third", Some("t1")), ("nobody", None)] {
            refused(when(before.clone(), cut(target, uid)), 404, "storage.link_not_found");
        }
        let elsewhere = CutLinks { bucket: "x".into(), ..cut("other", Some("o1")) };
        refused(when(before, elsewhere), 404, "storage.bucket_not_found");
    }

    #[test]
    fn a_link_is_closed_once_and_only_by_its_source() {
        let before = vec![created(), linked().into()];
        let close = |bucket: &str, source_uid: &str| CloseLink {
            project: "Shop".into(),
            bucket: bucket.into(),
            source_uid: source_uid.into(),
        };
        let closed = when(before.clone(), close("theirs", "b1")).unwrap();
        assert!(matches!(&closed[..], [ProjectEvent::LinkClosed(_)]), "{closed:?}");
        for (bucket, source_uid) in [("theirs", "b2"), ("mine", "b1")] {
            assert_eq!(when(before.clone(), close(bucket, source_uid)).unwrap(), nothing());
        }
        assert_eq!(when([before, closed].concat(), close("theirs", "b1")).unwrap(), nothing());
        assert_eq!(when(source(), close("sales", "b1")).unwrap(), nothing());
    }
}
