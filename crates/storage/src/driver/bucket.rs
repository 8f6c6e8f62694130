//! Buckets, and where they and tables are.

use alluvium_kernel::Problem;
use serde_json::{Value, json};

use super::rest::path;
use super::{Ask, Done, Executed, wrong};
use crate::model::names::{MAIN_BRANCH, bucket_name};

/// Most branches of a project that are looked through for a name.
const BRANCHES_MAX: usize = 1_000;

/// Where a bucket is.
pub(super) struct At {
    pub project: String,
    pub branch: String,
    pub bucket: String,
}

impl At {
    /// A path of the surface below the bucket.
    pub fn below(&self, rest: &[&str]) -> String {
        let bucket = ["projects", &self.project, "branches", &self.branch, "buckets", &self.bucket];
        path(&[&bucket, rest].concat())
    }

    /// A path of the surface below one of its tables.
    pub fn table(&self, table: &str, rest: &[&str]) -> String {
        self.below(&[&["tables", table], rest].concat())
    }

    /// How a command names the bucket.
    pub fn named(&self) -> Vec<&str> {
        if self.branch == MAIN_BRANCH {
            vec![&self.project, &self.bucket]
        } else {
            vec![&self.project, &self.branch, &self.bucket]
        }
    }
}

impl Ask<'_> {
    /// The bucket that a path names: project and bucket, with a branch between them, or the bucket alone.
    pub(super) async fn at(&self, parts: &[String]) -> Result<At, Problem> {
        let (project, branch, bucket) = match parts {
            [bucket] => (None, None, bucket),
            [project, bucket] => (Some(project.clone()), None, bucket),
            [project, branch, bucket] => (Some(project.clone()), Some(branch), bucket),
            _ => return Err(wrong("A `path` is [project, bucket], [project, branch, bucket] or [bucket].")),
        };
        let project = self.project(project)?;
        let branch = self.branch(&project, branch.map(String::as_str)).await;
        Ok(At { project, branch, bucket: bucket_name(bucket) })
    }

    /// The id of a branch that is named by it, or by the name it was created with.
    pub(super) async fn branch(&self, project: &str, named: Option<&str>) -> String {
        let Some(named) = named.filter(|named| !named.is_empty() && *named != MAIN_BRANCH) else {
            return MAIN_BRANCH.to_owned();
        };
        let list = format!("{}?limit={BRANCHES_MAX}", path(&["projects", project, "branches"]));
        // A key of one branch may not list them; it knows its own id.
        let branches = self.rest.get(&list).await.unwrap_or_default();
        let called = |branch: &&Value| branch["id"] == named || branch["name"] == named;
        let found = branches["branches"].as_array().into_iter().flatten().find(called);
        found.and_then(|branch| branch["id"].as_str()).unwrap_or(named).to_owned()
    }

    /// The bucket of a command that names it alone, in `field`.
    pub(super) async fn bucket(&self, field: &str) -> Result<At, Problem> {
        let project = self.project(self.fields.text("projectId")?)?;
        let branch = self.branch(&project, self.fields.text("branchId")?.as_deref()).await;
        Ok(At { bucket: bucket_name(&self.fields.required(field)?), project, branch })
    }
}

pub(super) async fn create(ask: &Ask<'_>) -> Done {
    let at = ask.bucket("bucketId").await?;
    let made = ask
        .rest
        .post(&path(&["projects", &at.project, "branches", &at.branch, "buckets"]), json!({ "name": at.bucket }))
        .await?;
    let response = json!({ "path": at.named(), "createBucketObjectName": made["name"] });
    Ok(Executed::with("bucket", "CreateBucket", response))
}

/// A bucket that is not there is as good as dropped.
pub(super) async fn drop(ask: &Ask<'_>) -> Done {
    let at = ask.bucket("bucketObjectName").await?;
    let gone = format!("{}?cascade={}", at.below(&[]), ask.fields.flag("isCascade")?);
    match ask.rest.delete(&gone, None).await {
        Err(missing) if missing.code == "storage.bucket_not_found" => {
            Ok(Executed::nothing().saying("Info", "There was no such bucket."))
        }
        other => other.map(|_| Executed::nothing()),
    }
}
