//! Buckets that other projects may show, and buckets that show those of others. The source knows who may, and who does; a link
//! knows only what it shows. Whoever links, or lets go, changes both projects in one commit.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::{Bucket, Catalogue, Project};
use crate::contract::{
    AdmitLink, BucketLinked, BucketMarkedReadOnly, BucketShared, BucketUnlinked, BucketUnmarkedReadOnly,
    BucketUnshared, LinkAdmitted, LinkBucket, LinkReleased, MarkBucketReadOnly, ProjectEvent, ReleaseLink, ShareBucket,
    UnlinkBucket, UnmarkBucketReadOnly, UnshareBucket,
};
use crate::model::limits::{BUCKETS_PER_PROJECT_MAX, LINKED_PROJECTS_MAX, LINKS_PER_BUCKET_MAX, SHARES_PER_BUCKET_MAX};
use crate::model::{names, problem};

/// What a linked bucket shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Id of the source's project.
    pub project: String,
    /// Name of the source.
    pub bucket: String,
    /// Which bucket that was; a later one of the same name is another.
    pub uid: String,
}

/// Who may show a bucket, and who does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Uids of the projects that may, by id.
    pub with: BTreeMap<String, String>,
    /// Whether whoever presents its role, and may link anything, may.
    pub by_role: bool,
    /// Buckets that do: uid of the project, and name.
    pub shown_in: BTreeSet<(String, String)>,
    /// Whether somebody noted that it is meant to be read only.
    pub read_only: bool,
}

impl Sharing {
    /// Whether a project may link the bucket and read it through its links.
    pub fn admits(&self, project: &str, uid: &str) -> bool {
        self.with.get(project).is_some_and(|known| known == uid)
    }
}

impl Bucket {
    /// What may be shared: a bucket that has its tables itself.
    fn own(&self) -> Result<&Self, Problem> {
        match &self.link {
            None => Ok(self),
            Some(link) => {
                let detail = format!(
                    "Bucket {} shows {}.{}: share or link that one instead, a link to a link is none.",
                    self.name, link.project, link.bucket
                );
                Err(problem::invalid_request(detail))
            }
        }
    }
}

impl Catalogue {
    /// The projects whose buckets it shows.
    fn linked_projects(&self) -> BTreeSet<&str> {
        self.buckets.values().filter_map(|bucket| Some(bucket.link.as_ref()?.project.as_str())).collect()
    }
}

impl Decide<Project> for ShareBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = live.bucket(&names::bucket_name(&self.bucket))?.own()?;
        let sharing = &bucket.sharing;
        match (&self.target_project, &self.target_uid) {
            (None, _) if sharing.by_role => return Ok(Vec::new()),
            (Some(target), Some(uid)) if sharing.admits(target, uid) => {
                return Err(problem::already_shared(&bucket.name, target));
            }
            (Some(target), _) if !sharing.with.contains_key(target) && sharing.with.len() >= SHARES_PER_BUCKET_MAX => {
                return Err(problem::quota_exceeded("projects that may link one bucket", SHARES_PER_BUCKET_MAX));
            }
            (Some(target), None) => return Err(problem::project_not_found(target)),
            (None, _) | (Some(_), Some(_)) => {}
        }
        let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
        let Self { project, target_project, target_uid, .. } = self;
        Ok(vec![BucketShared { project, bucket, uid, target_project, target_uid }.into()])
    }
}

impl Decide<Project> for UnshareBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let shared = |bucket: &&Bucket| match &self.target_project {
            Some(target) => bucket.sharing.with.contains_key(target),
            None => bucket.sharing.by_role,
        };
        let Some(bucket) = live.bucket(&names::bucket_name(&self.bucket)).ok().filter(shared) else {
            return Ok(Vec::new());
        };
        let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
        Ok(vec![BucketUnshared { project: self.project, bucket, uid, target_project: self.target_project }.into()])
    }
}

impl Decide<Project> for AdmitLink {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let found = state.live(&self.project).and_then(|live| live.bucket(&names::bucket_name(&self.bucket)));
        let is_shared = found.as_ref().is_ok_and(|found| found.sharing.admits(&self.target_project, &self.target_uid));
        if !is_shared && !self.grant {
            // Said whether or not there is such a bucket: who has no share learns nothing of the project.
            return Err(problem::bucket_not_shared(&self.project, &self.bucket));
        }
        let found = found?.own()?;
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
        });
        let admitted = LinkAdmitted { project, bucket, uid, target_project, target_uid, target_bucket };
        Ok(shared.map(ProjectEvent::from).into_iter().chain([admitted.into()]).collect())
    }
}

impl Decide<Project> for ReleaseLink {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let Self { project, bucket, uid, target_uid, target_bucket } = self;
        let shows = (target_uid.clone(), target_bucket.clone());
        // A source that is gone, or another one by now, has nothing to note.
        let found = state.live(&project).ok().and_then(|live| live.bucket(&bucket).ok());
        let noted = found.is_some_and(|found| found.uid == uid && found.sharing.shown_in.contains(&shows));
        let released = LinkReleased { project, bucket, uid, target_uid, target_bucket };
        Ok(if noted { vec![released.into()] } else { Vec::new() })
    }
}

impl Decide<Project> for LinkBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = names::bucket_name(&self.bucket);
        names::valid_bucket(&bucket)?;
        if let Some(there) = live.buckets.get(&names::fold(&bucket)) {
            let is_link = there.link.is_some();
            return Err(if is_link {
                problem::bucket_already_linked(&there.name)
            } else {
                problem::bucket_exists(&there.name)
            });
        }
        if live.buckets.len() >= BUCKETS_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("buckets", BUCKETS_PER_PROJECT_MAX));
        }
        let linked = live.linked_projects();
        if !linked.contains(self.source_project.as_str()) && linked.len() >= LINKED_PROJECTS_MAX {
            return Err(problem::quota_exceeded("other projects whose buckets it links", LINKED_PROJECTS_MAX));
        }
        let Self { project, source_project, source_bucket, source_uid, .. } = self;
        let source_uid = source_uid.ok_or_else(|| problem::source_not_found(&source_project, &source_bucket))?;
        let source_bucket = names::bucket_name(&source_bucket);
        let description = Some(format!("Linked from {source_project}.{source_bucket}"));
        let uid = at.new_uid(0);
        Ok(vec![BucketLinked { project, bucket, uid, description, source_project, source_bucket, source_uid }.into()])
    }
}

impl Decide<Project> for UnlinkBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let name = names::bucket_name(&self.bucket);
        let found = live.bucket(&name).ok().filter(|bucket| bucket.link.is_some());
        let bucket = found.ok_or_else(|| problem::link_not_found(&name))?;
        let unlinked =
            BucketUnlinked { project: self.project.clone(), bucket: bucket.name.clone(), uid: bucket.uid.clone() };
        let mut events = live.drops(bucket, at)?;
        events.push(unlinked.into());
        Ok(events)
    }
}

impl Decide<Project> for MarkBucketReadOnly {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let bucket = state.live(&self.project)?.bucket(&names::bucket_name(&self.bucket))?;
        if bucket.sharing.read_only {
            return Ok(Vec::new());
        }
        let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
        Ok(vec![BucketMarkedReadOnly { project: self.project, bucket, uid }.into()])
    }
}

impl Decide<Project> for UnmarkBucketReadOnly {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let marked = |bucket: &&Bucket| bucket.sharing.read_only;
        let Some(bucket) = live.bucket(&names::bucket_name(&self.bucket)).ok().filter(marked) else {
            return Ok(Vec::new());
        };
        let (bucket, uid) = (bucket.name.clone(), bucket.uid.clone());
        Ok(vec![BucketUnmarkedReadOnly { project: self.project, bucket, uid }.into()])
    }
}

/// What a bucket says of its sharing, to be changed.
fn sharing<'a>(state: &'a mut Project, bucket: &str) -> Option<&'a mut Sharing> {
    Some(&mut state.live.as_mut()?.buckets.get_mut(&names::fold(bucket))?.sharing)
}

impl Evolve<Project> for BucketShared {
    fn evolve(self, state: &mut Project) {
        let Some(sharing) = sharing(state, &self.bucket) else { return };
        match (self.target_project, self.target_uid) {
            (Some(target), Some(uid)) => drop(sharing.with.insert(target, uid)),
            _ => sharing.by_role = true,
        }
    }
}

impl Evolve<Project> for BucketUnshared {
    fn evolve(self, state: &mut Project) {
        let Some(sharing) = sharing(state, &self.bucket) else { return };
        match self.target_project {
            Some(target) => drop(sharing.with.remove(&target)),
            None => sharing.by_role = false,
        }
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

impl Evolve<Project> for BucketLinked {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            let Self { bucket: name, uid, description, source_project, source_bucket, source_uid, .. } = self;
            let link = Some(Link { project: source_project, bucket: source_bucket, uid: source_uid });
            live.buckets.insert(names::fold(&name), Bucket { name, uid, description, link, ..Bucket::default() });
        }
    }
}

impl Evolve<Project> for BucketUnlinked {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.buckets.remove(&names::fold(&self.bucket));
            live.forget_bucket(&self.bucket);
        }
    }
}

impl Evolve<Project> for BucketMarkedReadOnly {
    fn evolve(self, state: &mut Project) {
        if let Some(sharing) = sharing(state, &self.bucket) {
            sharing.read_only = true;
        }
    }
}

impl Evolve<Project> for BucketUnmarkedReadOnly {
    fn evolve(self, state: &mut Project) {
        if let Some(sharing) = sharing(state, &self.bucket) {
            sharing.read_only = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use super::super::snapshot::tests::left;
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::{DeleteBucket, TableDropped};
    use crate::model::spec::{at, given, nothing, refused};

    fn source() -> Vec<ProjectEvent> {
        vec![created(), bucket_created("sales")]
    }

    fn shared_with(target: Option<&str>, target_uid: Option<&str>) -> BucketShared {
        BucketShared {
            project: "Shop".into(),
            bucket: "sales".into(),
            uid: "b-sales".into(),
            target_project: target.map(Into::into),
            target_uid: target_uid.map(Into::into),
        }
    }

    fn shared() -> ProjectEvent {
        shared_with(Some("other"), Some("o1")).into()
    }

    fn share(target: Option<&str>, target_uid: Option<&str>) -> ShareBucket {
        ShareBucket {
            project: "Shop".into(),
            bucket: "sales".into(),
            target_project: target.map(Into::into),
            target_uid: target_uid.map(Into::into),
        }
    }

    fn admit(grant: bool) -> AdmitLink {
        AdmitLink {
            project: "Shop".into(),
            bucket: "sales".into(),
            target_project: "other".into(),
            target_uid: "o1".into(),
            target_bucket: "theirs".into(),
            grant,
        }
    }

    fn admitted() -> LinkAdmitted {
        LinkAdmitted {
            project: "Shop".into(),
            bucket: "sales".into(),
            uid: "b-sales".into(),
            target_project: "other".into(),
            target_uid: "o1".into(),
            target_bucket: "theirs".into(),
        }
    }

    fn linked() -> BucketLinked {
        BucketLinked {
            project: "Shop".into(),
            bucket: "theirs".into(),
            uid: at().new_uid(0),
            description: Some("Linked from other.sales".into()),
            source_project: "other".into(),
            source_bucket: "sales".into(),
            source_uid: "b1".into(),
        }
    }

    fn link() -> LinkBucket {
        LinkBucket {
            project: "Shop".into(),
            bucket: "theirs".into(),
            source_project: "other".into(),
            source_bucket: "sales".into(),
            source_uid: Some("b1".into()),
        }
    }

    fn when(
        before: Vec<ProjectEvent>,
        command: impl Into<crate::contract::ProjectCommand>,
    ) -> Result<Vec<ProjectEvent>, Problem> {
        given::<Project>(before).when(command.into()).inspect_result()
    }

    #[test]
    fn a_share_is_with_one_incarnation_of_a_project() {
        let again = || [source(), vec![shared()]].concat();
        assert_eq!(when(source(), share(Some("other"), Some("o1"))).unwrap(), vec![shared()]);
        refused(when(again(), share(Some("other"), Some("o1"))), 409, "storage.already_shared");
        let later = shared_with(Some("other"), Some("o2"));
        assert_eq!(when(again(), share(Some("other"), Some("o2"))).unwrap(), vec![later.into()]);
        refused(
            when(source(), ShareBucket { bucket: "x".into(), ..share(Some("other"), Some("o1")) }),
            404,
            "storage.bucket_not_found",
        );
        let by_role = || shared_with(None, None).into();
        assert_eq!(when(source(), share(None, None)).unwrap(), vec![by_role()]);
        assert_eq!(when([source(), vec![by_role()]].concat(), share(None, None)).unwrap(), nothing());
    }

    #[test]
    fn what_was_never_shared_is_taken_back_without_a_word() {
        let unshare = |target: &str, bucket: &str| UnshareBucket {
            project: "Shop".into(),
            bucket: bucket.into(),
            target_project: Some(target.into()),
        };
        let gone = BucketUnshared {
            project: "Shop".into(),
            bucket: "sales".into(),
            uid: "b-sales".into(),
            target_project: Some("other".into()),
        };
        let before = [source(), vec![shared()]].concat();
        assert_eq!(when(before.clone(), unshare("other", "sales")).unwrap(), vec![gone.into()]);
        for (target, bucket) in [("stranger", "sales"), ("other", "x")] {
            assert_eq!(when(before.clone(), unshare(target, bucket)).unwrap(), nothing());
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
    fn a_link_is_a_bucket_with_a_name_of_its_own() {
        assert_eq!(when(vec![created()], link()).unwrap(), vec![linked().into()]);
        let taken = vec![created(), bucket_created("Theirs")];
        refused(when(taken, link()), 409, "storage.bucket_exists");
        refused(when(vec![created(), linked().into()], link()), 409, "storage.bucket_already_linked");
        refused(when(vec![created()], LinkBucket { bucket: "../x".into(), ..link() }), 400, "storage.invalid_name");
        let many = (0..LINKED_PROJECTS_MAX).map(|n| {
            let (bucket, source_project) = (format!("l{n}"), format!("p{n}"));
            BucketLinked { bucket, source_project, ..linked() }.into()
        });
        let full: Vec<_> = [created()].into_iter().chain(many).collect();
        refused(when(full.clone(), link()), 403, "storage.quota_exceeded");
        assert!(
            when(full, LinkBucket { source_project: "p0".into(), ..link() }).is_ok(),
            "a project that is linked already"
        );
    }

    #[test]
    fn a_linked_bucket_is_unlinked_with_its_own_tables_and_not_deleted() {
        let before = vec![created(), linked().into(), table_created("theirs", "mine", "t1")];
        let dropped = TableDropped {
            project: "Shop".into(),
            branch: "default".into(),
            bucket: "theirs".into(),
            table: "mine".into(),
            uid: "t1".into(),
            snapshot: Some(left("mine")),
        };
        let gone = BucketUnlinked { project: "Shop".into(), bucket: "theirs".into(), uid: at().new_uid(0) };
        let unlink = |bucket: &str| UnlinkBucket { project: "Shop".into(), bucket: bucket.into() };
        assert_eq!(when(before.clone(), unlink("theirs")).unwrap(), vec![dropped.into(), gone.into()]);
        for bucket in ["sales", "x"] {
            refused(when(source(), unlink(bucket)), 404, "storage.link_not_found");
        }
        let delete = DeleteBucket { project: "Shop".into(), bucket: "theirs".into(), cascade: true, force: true };
        refused(when(before, delete), 409, "storage.bucket_is_linked");
    }

    #[test]
    fn a_bucket_that_others_show_goes_only_by_force() {
        let before = [source(), vec![shared(), admitted().into()]].concat();
        let delete = |force| DeleteBucket { project: "Shop".into(), bucket: "sales".into(), cascade: true, force };
        let kept = refused(when(before.clone(), delete(false)), 409, "storage.bucket_linked");
        assert_eq!(kept.details.unwrap()["link_count"], 1);
        assert!(when(before.clone(), delete(true)).is_ok());
        let release = |uid: &str| ReleaseLink {
            project: "Shop".into(),
            bucket: "sales".into(),
            uid: uid.into(),
            target_uid: "o1".into(),
            target_bucket: "theirs".into(),
        };
        assert_eq!(when(before.clone(), release("b-earlier")).unwrap(), nothing());
        let released = when(before.clone(), release("b-sales")).unwrap();
        assert!(matches!(&released[..], [ProjectEvent::LinkReleased(_)]), "{released:?}");
        assert!(when([before, released].concat(), delete(false)).is_ok());
    }

    #[test]
    fn a_note_is_made_once_and_taken_back_once() {
        let mark = || MarkBucketReadOnly { project: "Shop".into(), bucket: "sales".into() };
        let unmark = |bucket: &str| UnmarkBucketReadOnly { project: "Shop".into(), bucket: bucket.into() };
        let marked = when(source(), mark()).unwrap();
        assert!(matches!(&marked[..], [ProjectEvent::BucketMarkedReadOnly(_)]), "{marked:?}");
        let before = [source(), marked].concat();
        assert_eq!(when(before.clone(), mark()).unwrap(), nothing());
        assert!(matches!(&when(before, unmark("sales")).unwrap()[..], [ProjectEvent::BucketUnmarkedReadOnly(_)]));
        assert_eq!(when(source(), unmark("x")).unwrap(), nothing());
        refused(when(vec![created()], mark()), 404, "storage.bucket_not_found");
    }
}
