//! Shares and links. A role is the name of a share: what it stands for is looked up among the shares there are, never read from it.

use alluvium_kernel::Problem;
use serde_json::json;

use super::bucket::At;
use super::{Ask, Done, Executed, forbidden, wrong};
use crate::contract::{Command, ProjectCommand, ShareBucket, UnshareBucket};
use crate::model::names::{MAIN_BRANCH, bucket_name};
use crate::routes::tenant_text;

fn role(project: &str, bucket: &str) -> String {
    format!("share_{project}_{bucket}")
}

/// With a project where the command names one; else under the bucket's role, for whoever presents that with the admin's key.
pub(super) async fn share(ask: &Ask<'_>) -> Done {
    let project = ask.project(ask.fields.text("sourceProjectId")?)?;
    let at =
        At { project, branch: MAIN_BRANCH.to_owned(), bucket: bucket_name(&ask.fields.required("sourceBucketId")?) };
    if let Some(target) = ask.fields.text("targetProjectId")? {
        let shared = ask.rest.post(&at.below(&["share"]), json!({ "target_project_id": target })).await;
        if let Err(refused) = shared
            && refused.code != "storage.already_shared"
        {
            return Err(refused);
        }
    } else {
        let (project, bucket) = (at.project.clone(), at.bucket.clone());
        send(ask, ShareBucket { project, bucket, target_project: None, target_uid: None }).await?;
    }
    let response = json!({ "bucketShareRoleName": role(&at.project, &at.bucket) });
    Ok(Executed::with("bucket", "ShareBucket", response))
}

/// A command that no route has; it is decided, and the right to it asked for, like every other.
async fn send(ask: &Ask<'_>, command: impl Into<ProjectCommand>) -> Result<(), Problem> {
    let written = ask.state.storage.write(ask.principal, Command::Project(command.into())).await;
    written.map(drop).map_err(|refused| match refused.status {
        401 | 403 if !refused.code.starts_with("storage.") => forbidden(refused.detail),
        _ => refused,
    })
}

/// Nobody may link or read the bucket any more; only one project not, where the command names it.
pub(super) async fn unshare(ask: &Ask<'_>) -> Done {
    let (project, bucket) = match ask.fields.text("bucketShareRoleName")? {
        Some(role) => shared_under(ask, &role, ask.own()?.as_deref(), None).await?,
        None => (ask.project(None)?, bucket_name(&ask.fields.required("bucketObjectName")?)),
    };
    let at = At { project: ask.project(Some(project))?, branch: MAIN_BRANCH.to_owned(), bucket };
    let with = if let Some(target) = ask.fields.text("targetProjectId")? {
        vec![target]
    } else {
        let (project, bucket) = (at.project.clone(), at.bucket.clone());
        send(ask, UnshareBucket { project, bucket, target_project: None }).await?;
        let tenant = tenant_text(&ask.principal.tenant);
        let grants = ask.state.storage.queries.grants(&tenant, &at.project, &at.bucket).await?;
        grants.into_iter().map(|grant| grant.project).collect()
    };
    for target in with {
        let target = percent_encoding::utf8_percent_encode(&target, percent_encoding::NON_ALPHANUMERIC);
        ask.rest.delete(&format!("{}?target_project_id={target}", at.below(&["share"])), None).await?;
    }
    Ok(Executed::nothing())
}

/// The bucket that a role is the name of.
async fn shared_under(
    ask: &Ask<'_>,
    role: &str,
    of: Option<&str>,
    with: Option<&str>,
) -> Result<(String, String), Problem> {
    let tenant = tenant_text(&ask.principal.tenant);
    let mut found = ask.state.storage.queries.shared_by_role(&tenant, role, of, with).await?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (None, _) => Err(forbidden(format!("The role {role:?} is that of no share with this project."))),
        (Some(_), false) => Err(wrong(format!("The role {role:?} is that of several buckets."))),
    }
}

pub(super) async fn link(ask: &Ask<'_>) -> Done {
    let project = ask.project(ask.fields.text("targetProjectId")?)?;
    let bucket = bucket_name(&ask.fields.required("targetBucketId")?);
    let (source_project, source_bucket) =
        shared_under(ask, &ask.fields.required("sourceShareRoleName")?, None, Some(&project)).await?;
    let at = At { project, branch: MAIN_BRANCH.to_owned(), bucket };
    let body = json!({ "source_project_id": source_project, "source_bucket_name": source_bucket });
    let linked = ask.rest.post(&at.below(&["link"]), body).await?;
    Ok(Executed::with("bucket", "LinkedBucket", json!({ "linkedBucketObjectName": linked["name"] })))
}

pub(super) async fn unlink(ask: &Ask<'_>) -> Done {
    let at = ask.bucket("bucketObjectName").await?;
    ask.rest.delete(&at.below(&["link"]), None).await.map(|_| Executed::nothing())
}

pub(super) async fn grant_read_only(ask: &Ask<'_>) -> Done {
    let at = ask.at(&ask.fields.texts("path")?).await?;
    let noted = ask.rest.post(&at.below(&["grant-readonly"]), json!({})).await?;
    let response = json!({ "createBucketObjectName": noted["bucket_name"] });
    Ok(Executed::with("bucket", "GrantBucketAccessToReadOnlyRole", response))
}

pub(super) async fn revoke_read_only(ask: &Ask<'_>) -> Done {
    let at = match &ask.fields.texts("path")?[..] {
        [] => ask.bucket("bucketObjectName").await?,
        parts => ask.at(parts).await?,
    };
    ask.rest.delete(&at.below(&["grant-readonly"]), None).await.map(|_| Executed::nothing())
}
