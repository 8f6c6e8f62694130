//! Sharing a bucket with one project, and taking that back.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::super::{Bucket, Project};
use super::{Level, sharing};
use crate::contract::{BucketShared, BucketSharingSet, BucketUnshared, ProjectEvent, ShareBucket, UnshareBucket};
use crate::model::limits::SHARES_PER_BUCKET_MAX;
use crate::model::{names, problem};

impl Decide<Project> for ShareBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = live.bucket(&names::bucket_name(&self.bucket))?.own()?;
        let sharing = &bucket.sharing;
        match (&self.target_project, &self.target_uid) {
            (None, _) if sharing.by_role => return Ok(Vec::new()),
            (Some(target), Some(uid)) if sharing.names(target, uid) => {
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
        Ok(vec![BucketShared { project, bucket, uid, target_project, target_uid, by_level: false }.into()])
    }
}

impl Decide<Project> for UnshareBucket {
    type Event = ProjectEvent;

    /// With nobody in particular: its role and its level end.
    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let Ok(bucket) = live.bucket(&names::bucket_name(&self.bucket)) else { return Ok(Vec::new()) };
        let (is_shared, ends_level) = match &self.target_project {
            Some(target) => (bucket.sharing.with.contains_key(target), false),
            None => (bucket.sharing.by_role, bucket.sharing.level.is_some()),
        };
        let unshared = is_shared.then(|| unshared(&self.project, bucket, self.target_project.clone()));
        let level = ends_level.then(|| sharing_set(&self.project, bucket, None));
        Ok(unshared.into_iter().chain(level).collect())
    }
}

/// A project, or who presents the role, may link a bucket no more.
pub(super) fn unshared(project: &str, bucket: &Bucket, target_project: Option<String>) -> ProjectEvent {
    let (project, uid) = (project.to_owned(), bucket.uid.clone());
    BucketUnshared { project, bucket: bucket.name.clone(), uid, target_project }.into()
}

/// A bucket is shared on a level, or only with those it is shared with one by one.
pub(super) fn sharing_set(project: &str, bucket: &Bucket, level: Option<Level>) -> ProjectEvent {
    let (project, uid) = (project.to_owned(), bucket.uid.clone());
    let sharing = level.map_or(Level::SELECTED, Level::as_str).to_owned();
    BucketSharingSet { project, bucket: bucket.name.clone(), uid, sharing }.into()
}

impl Evolve<Project> for BucketShared {
    fn evolve(self, state: &mut Project) {
        let Some(sharing) = sharing(state, &self.bucket) else { return };
        let (Some(target), Some(uid)) = (self.target_project, self.target_uid) else {
            sharing.by_role = true;
            return;
        };
        if self.by_level {
            sharing.by_level.insert(target.clone());
        } else {
            sharing.by_level.remove(&target);
        }
        sharing.with.insert(target, uid);
    }
}

impl Evolve<Project> for BucketUnshared {
    fn evolve(self, state: &mut Project) {
        let Some(sharing) = sharing(state, &self.bucket) else { return };
        match self.target_project {
            Some(target) => {
                sharing.with.remove(&target);
                sharing.by_level.remove(&target);
            }
            None => sharing.by_role = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::*;
    use super::*;
    use crate::model::spec::{nothing, refused};

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
        let before = [source(), vec![shared()]].concat();
        assert_eq!(when(before.clone(), unshare("other", "sales")).unwrap(), vec![not_shared(Some("other"))]);
        for (target, bucket) in [("stranger", "sales"), ("other", "x")] {
            assert_eq!(when(before.clone(), unshare(target, bucket)).unwrap(), nothing());
        }
    }

    #[test]
    fn a_share_that_followed_from_the_level_can_be_made_one_for_good() {
        let before = [organized(), vec![on_level(Level::Organization), by_level(), admitted().into()]].concat();
        assert_eq!(when(before, share(Some("other"), Some("o1"))).unwrap(), vec![shared()]);
    }

    #[test]
    fn sharing_with_nobody_in_particular_ends_with_the_level() {
        let unshare = || UnshareBucket { project: "Shop".into(), bucket: "sales".into(), target_project: None };
        let before = [organized(), vec![shared_with(None, None).into(), on_level(Level::Organization)]].concat();
        let ended = when(before.clone(), unshare()).unwrap();
        assert_eq!(ended, vec![not_shared(None), on_no_level()]);
        assert_eq!(when([before, ended].concat(), unshare()).unwrap(), nothing());
    }
}
