//! Buckets of a project.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::snapshot::Ids;
use super::{Bucket, Catalogue, Project};
use crate::contract::{BucketCreated, BucketDeleted, CreateBucket, DeleteBucket, ProjectEvent};
use crate::model::limits::{BUCKETS_PER_PROJECT_MAX, DESCRIPTION_BYTES_MAX};
use crate::model::{names, problem};

impl Decide<Project> for CreateBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = live.takes_bucket(&self.bucket)?;
        if self.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_BYTES_MAX || text.contains('\0')) {
            let detail = format!("A description takes at most {DESCRIPTION_BYTES_MAX} bytes, none of them NUL.");
            return Err(problem::invalid_request(detail));
        }
        let Self { project, description, .. } = self;
        Ok(vec![BucketCreated { project, bucket, uid: at.new_uid(0), description }.into()])
    }
}

impl Decide<Project> for DeleteBucket {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let bucket = live.bucket(&names::bucket_name(&self.bucket))?;
        if bucket.link.is_some() {
            return Err(problem::bucket_is_linked(&bucket.name));
        }
        let links = bucket.sharing.shown_in.len();
        if !self.force && links > 0 {
            return Err(problem::bucket_linked(&bucket.name, links));
        }
        let pinned = live.branches.values().filter(|branch| branch.pins(&bucket.name)).count();
        if pinned > 0 {
            return Err(problem::bucket_pinned(&bucket.name, pinned));
        }
        let mut events = live.drops(bucket, at)?;
        if !self.cascade && !events.is_empty() {
            return Err(problem::bucket_not_empty(&bucket.name, events.len()));
        }
        let deleted = BucketDeleted { project: self.project, bucket: bucket.name.clone(), uid: bucket.uid.clone() };
        events.push(deleted.into());
        Ok(events)
    }
}

impl Catalogue {
    /// The name of one more bucket, as it is stored.
    pub(super) fn takes_bucket(&self, bucket: &str) -> Result<String, Problem> {
        let bucket = names::bucket_name(bucket);
        names::valid_bucket(&bucket)?;
        if let Some(there) = self.buckets.get(&names::fold(&bucket)) {
            return Err(problem::bucket_exists(&there.name));
        }
        if self.buckets.len() >= BUCKETS_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("buckets", BUCKETS_PER_PROJECT_MAX));
        }
        Ok(bucket)
    }

    /// The end of each table and alias of a bucket. A bucket is every branch's: what any of them has in it goes too.
    pub(super) fn drops(&self, bucket: &Bucket, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let main = bucket.tables.values().map(|table| (names::MAIN_BRANCH, table));
        let own = self
            .branches
            .iter()
            .flat_map(|(id, branch)| branch.overlay.tables_of(&bucket.name).map(move |table| (id.as_str(), table)));
        let mut ids = Ids::new(self, at);
        let mut events = self.aliases_dropped(bucket);
        for (branch, table) in main.chain(own) {
            self.check_unaliased(branch, &bucket.name, &table.name, Some(&bucket.name))?;
            events.push(self.dropped(branch, bucket, table, &mut ids)?.into());
        }
        Ok(events)
    }
}

impl Evolve<Project> for BucketCreated {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            let key = names::fold(&self.bucket);
            let Self { bucket: name, uid, description, .. } = self;
            live.buckets.insert(key, Bucket { name, uid, description, ..Bucket::default() });
        }
    }
}

impl Evolve<Project> for BucketDeleted {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.buckets.remove(&names::fold(&self.bucket));
            live.forget_bucket(&self.bucket);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::life::tests::created;
    use super::super::snapshot::tests::left;
    use super::super::table::tests::table_created;
    use super::*;
    use crate::contract::TableDropped;
    use crate::model::spec::{at, given, nothing, refused};

    pub(crate) fn bucket_created(bucket: &str) -> ProjectEvent {
        let uid = format!("b-{bucket}");
        BucketCreated { project: "Shop".into(), bucket: bucket.into(), uid, description: None }.into()
    }

    fn create(bucket: &str) -> CreateBucket {
        CreateBucket { project: "Shop".into(), bucket: bucket.into(), description: Some("raw".into()) }
    }

    fn delete(bucket: &str, cascade: bool) -> DeleteBucket {
        DeleteBucket { project: "Shop".into(), bucket: bucket.into(), cascade, force: false }
    }

    #[test]
    fn a_keboola_id_is_taken_as_its_stored_name() {
        let event = BucketCreated {
            project: "Shop".into(),
            bucket: "in_c_sales".into(),
            uid: at().new_uid(0),
            description: Some("raw".into()),
        };
        given::<Project>(vec![created()]).when(create("in.c-sales").into()).then_expect_events(vec![event.into()]);
    }

    #[test]
    fn a_bucket_needs_a_project_a_name_and_room() {
        let when = |before: Vec<ProjectEvent>, command: CreateBucket| {
            given::<Project>(before).when(command.into()).inspect_result()
        };
        refused(when(nothing(), create("sales")), 404, "storage.project_not_found");
        refused(when(vec![created()], create("../x")), 400, "storage.invalid_name");
        refused(when(vec![created(), bucket_created("Sales")], create("sALES")), 409, "storage.bucket_exists");
        let full = (0..BUCKETS_PER_PROJECT_MAX).map(|n| bucket_created(&format!("b{n}")));
        refused(when([created()].into_iter().chain(full).collect(), create("one")), 403, "storage.quota_exceeded");
    }

    #[test]
    fn a_bucket_goes_with_its_tables_or_not_at_all() {
        let before = || vec![created(), bucket_created("sales"), table_created("sales", "orders", "t1")];
        let dropped = TableDropped {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            snapshot: Some(left("orders")),
            abandoned: false,
        };
        let deleted = BucketDeleted { project: "Shop".into(), bucket: "sales".into(), uid: "b-sales".into() };
        given::<Project>(before())
            .when(delete("sales", true).into())
            .then_expect_events(vec![dropped.clone().into(), deleted.clone().into()]);
        let kept = given::<Project>(before()).when(delete("sales", false).into()).inspect_result();
        refused(kept, 409, "storage.bucket_not_empty");
        let mut emptied = before();
        emptied.push(dropped.into());
        given::<Project>(emptied).when(delete("sales", false).into()).then_expect_events(vec![deleted.into()]);
        refused(
            given::<Project>(before()).when(delete("x", true).into()).inspect_result(),
            404,
            "storage.bucket_not_found",
        );
    }
}
