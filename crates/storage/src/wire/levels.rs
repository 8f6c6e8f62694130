//! Who may link a bucket as a whole, who does, and what a project may link.

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::mistake::alternatives;
use super::read;
use crate::model::Level;
use crate::queries::{LinkingView, SharedView};

/// Who may link a bucket, in place of whatever was said before.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageBucketSharingSet)]
pub struct BucketSharingSet {
    /// `organization` or `organization-project`: every project of the organisation that the bucket's project belongs to.
    /// `selected-projects`: the targets. `selected-users` is refused, as there are none.
    #[schema(pattern = "^(organization|organization-project|selected-projects|selected-users)$")]
    pub sharing: String,
    /// Ids of projects, with `selected-projects`; an empty list for nobody.
    pub targets: Option<Vec<String>>,
}

impl BucketSharingSet {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| {
            let sharing = body.string("sharing");
            let msg = format!("Input should be {}", alternatives(&Level::WORDS));
            let word = |value: &Value| value.as_str().is_none_or(|word| Level::WORDS.contains(&word)).then_some(());
            body.opt_read("sharing", "literal_error", &msg, word);
            // Who forgets to say with whom must not share with nobody by that.
            let targets = if sharing == Level::SELECTED {
                Some(body.named_strings("targets"))
            } else {
                body.opt_strings("targets")
            };
            Self { sharing, targets }
        })
    }
}

/// Who may link a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageBucketSharing)]
pub struct BucketSharing {
    /// `organization`, `organization-project` or `selected-projects`; null while nobody may.
    pub sharing: Option<String>,
    /// Ids of the projects that it is shared with by name.
    pub shared_with: Vec<String>,
}

impl From<(Option<String>, Vec<String>)> for BucketSharing {
    fn from((sharing, shared_with): (Option<String>, Vec<String>)) -> Self {
        Self { sharing, shared_with }
    }
}

/// A bucket of another project that shows one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageLinkingBucket)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct LinkingBucket {
    pub project_id: String,
    pub project_name: Option<String>,
    pub bucket_name: String,
    pub linked_at: String,
    /// Whether it may be read through; not after the share was taken back.
    pub is_open: bool,
}

impl From<LinkingView> for LinkingBucket {
    fn from(view: LinkingView) -> Self {
        let LinkingView { project, project_name, bucket, linked_at, is_open } = view;
        let linked_at = Timestamp::from_micros(linked_at).to_rfc3339();
        Self { project_id: project, project_name, bucket_name: bucket, linked_at, is_open }
    }
}

/// Who may link a bucket, and one page of those that do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageBucketLinks)]
pub struct BucketLinks {
    /// Who may.
    #[serde(flatten)]
    pub who: BucketSharing,
    /// The links by project and name.
    pub links: Vec<LinkingBucket>,
    /// How many there are in all.
    pub total: i64,
}

/// A bucket of another project that may be linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageSharedBucket)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct SharedBucket {
    pub source_project_id: String,
    pub source_project_name: Option<String>,
    pub source_bucket_name: String,
    pub description: Option<String>,
    /// `organization`, `organization-project` or `selected-projects`.
    pub sharing: String,
    pub table_count: usize,
    pub row_count: u64,
    pub size_bytes: u64,
    /// The project's buckets that show it already.
    pub linked_as: Vec<String>,
}

impl From<SharedView> for SharedBucket {
    fn from(view: SharedView) -> Self {
        Self {
            source_project_id: view.project,
            source_project_name: view.project_name,
            source_bucket_name: view.bucket,
            description: view.description,
            sharing: view.sharing,
            table_count: view.table_count,
            row_count: view.row_count,
            size_bytes: view.size_bytes,
            linked_as: view.linked_as,
        }
    }
}

/// One page of buckets that may be linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageSharedBuckets)]
pub struct SharedBuckets {
    /// The buckets by project and name.
    pub shared_buckets: Vec<SharedBucket>,
    /// How many there are in all.
    pub total: i64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistake(body: &Value) -> (String, Value) {
        let problem = BucketSharingSet::parse(body.to_string().as_bytes()).unwrap_err();
        let mistakes = problem.details.unwrap()["detail"].as_array().unwrap().clone();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        (mistakes[0]["type"].as_str().unwrap().to_owned(), mistakes[0]["loc"].clone())
    }

    #[test]
    fn the_selected_are_named_even_when_they_are_nobody() {
        let parse = |body: Value| BucketSharingSet::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(parse(json!({"sharing": "selected-projects", "targets": []})).targets, Some(vec![]));
        assert_eq!(parse(json!({"sharing": "organization"})).targets, None);
        let found = |kind: &str, name: &str| (kind.to_owned(), json!(["body", name]));
        assert_eq!(mistake(&json!({"sharing": "selected-projects"})), found("missing", "targets"));
        assert_eq!(mistake(&json!({"sharing": "selected-projects", "targets": null})), found("list_type", "targets"));
        assert_eq!(mistake(&json!({})), found("missing", "sharing"));
        assert_eq!(mistake(&json!({"sharing": null})), found("string_type", "sharing"));
        assert_eq!(mistake(&json!({"sharing": 1})), found("string_type", "sharing"));
        for word in ["everybody", "", "Organization"] {
            assert_eq!(mistake(&json!({ "sharing": word })), found("literal_error", "sharing"));
        }
    }
}
