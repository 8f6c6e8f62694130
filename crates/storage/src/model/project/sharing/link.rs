//! A bucket that shows another project's, as the linking project has it.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::super::{Bucket, Project};
use super::Link;
use crate::contract::{BucketLinked, BucketUnlinked, LinkBucket, LinkPipeline, ProjectEvent, UnlinkBucket};
use crate::model::limits::LINKED_PROJECTS_MAX;
use crate::model::{names, problem};
use crate::pipelines::PIPELINES;

impl Decide<Project> for LinkBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let there = live.buckets.get(&names::fold(&names::bucket_name(&self.bucket)));
        if let Some(link) = there.filter(|bucket| bucket.link.is_some()) {
            return Err(problem::bucket_already_linked(&link.name));
        }
        let bucket = live.takes_bucket(&self.bucket)?;
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

impl Decide<Project> for LinkPipeline {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let there = live.buckets.get(&names::fold(&names::bucket_name(&self.bucket)));
        if let Some(link) = there.filter(|bucket| bucket.link.is_some()) {
            return Err(problem::bucket_already_linked(&link.name));
        }
        let bucket = live.takes_bucket(&self.bucket)?;
        let Self { project, pipeline, pipeline_id: source_uid, .. } = self;
        if uuid::Uuid::try_parse(&source_uid).is_err() {
            return Err(problem::pipeline_not_found(&source_uid));
        }
        let description = Some(format!("Linked from pipeline {pipeline}"));
        let (uid, source_project, source_bucket) = (at.new_uid(0), PIPELINES.to_owned(), pipeline);
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

impl Evolve<Project> for BucketLinked {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            let Self { bucket: name, uid, description, source_project, source_bucket, source_uid, .. } = self;
            let link = Some(Link { project: source_project, bucket: source_bucket, uid: source_uid, is_closed: false });
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

#[cfg(test)]
mod tests {
    use super::super::super::bucket::tests::bucket_created;
    use super::super::super::life::tests::created;
    use super::super::super::snapshot::tests::left;
    use super::super::super::table::tests::table_created;
    use super::super::spec::*;
    use super::*;
    use crate::contract::{DeleteBucket, TableDropped};
    use crate::model::spec::{at, refused};

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
    fn a_pipeline_is_linked_by_its_id() {
        let id = "0190f0a0-0000-7000-8000-000000000001";
        let link = || LinkPipeline {
            project: "Shop".into(),
            bucket: "in.c-live".into(),
            pipeline: "p".into(),
            pipeline_id: id.into(),
        };
        let linked = BucketLinked {
            bucket: "in_c_live".into(),
            description: Some("Linked from pipeline p".into()),
            source_project: "_pipelines".into(),
            source_bucket: "p".into(),
            source_uid: id.into(),
            ..linked()
        };
        assert_eq!(when(vec![created()], link()).unwrap(), vec![linked.clone().into()]);
        refused(when(vec![created(), linked.into()], link()), 409, "storage.bucket_already_linked");
        refused(when(vec![created(), bucket_created("in_c_live")], link()), 409, "storage.bucket_exists");
        let unknown = LinkPipeline { pipeline_id: "p".into(), ..link() };
        refused(when(vec![created()], unknown), 404, "storage.pipeline_not_found");
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
            abandoned: false,
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
}
