//! The note that a bucket is meant to be read only.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::super::{Bucket, Project};
use super::sharing;
use crate::contract::{
    BucketMarkedReadOnly, BucketUnmarkedReadOnly, MarkBucketReadOnly, ProjectEvent, UnmarkBucketReadOnly,
};
use crate::model::names;

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
    use super::super::super::life::tests::created;
    use super::super::spec::*;
    use super::*;
    use crate::model::spec::{nothing, refused};

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
