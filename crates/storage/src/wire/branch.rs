//! Dev branches.

use alluvium_kernel::{Actor, Problem, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::read;
use crate::queries::{BranchTables, BranchView, Listed};

/// What to create.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageBranchCreate)]
pub struct BranchCreate {
    /// 1 to 128 printable characters.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// `live` shows the main line as it is at every moment, until the branch writes; `pinned` as it is when the branch is made.
    #[schema(value_type = Option<String>, pattern = "^(live|pinned)$", default = "live")]
    pub mode: Option<String>,
}

impl BranchCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            name: body.string("name"),
            description: body.opt_string("description"),
            mode: body.opt_string("mode"),
        })
    }
}

/// A dev branch.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageBranch)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Branch {
    pub id: String,
    pub project_id: String,
    pub name: String,
    pub created_at: String,
    /// Id of the key that created it, or `admin`.
    pub created_by: String,
    pub description: Option<String>,
    /// `live` or `pinned`.
    pub mode: String,
    /// Tables that are the branch's own; of a pinned branch, all that it shows.
    pub table_count: u64,
    pub size_bytes: u64,
}

impl From<BranchView> for Branch {
    fn from(view: BranchView) -> Self {
        let BranchView { id, project, name, description, created_at, created_by, mode, table_count, size_bytes } = view;
        let created_by = match Actor::try_from(created_by.clone()) {
            Ok(Actor::Key(key)) => key,
            Ok(Actor::Admin | Actor::Login(_) | Actor::Owner(_) | Actor::Nats(_) | Actor::System(_)) | Err(_) => {
                created_by
            }
        };
        let created_at = Timestamp::from_micros(created_at).to_rfc3339();
        Self { id, project_id: project, name, created_at, created_by, description, mode, table_count, size_bytes }
    }
}

/// One page of branches.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageBranches)]
pub struct Branches {
    /// The branches, newest first; never `default`.
    pub branches: Vec<Branch>,
    /// How many are on this page.
    pub count: usize,
    /// How many there are in all.
    pub total: i64,
}

impl From<Listed<BranchView>> for Branches {
    fn from(listed: Listed<BranchView>) -> Self {
        let branches: Vec<Branch> = listed.items.into_iter().map(Branch::from).collect();
        Self { count: branches.len(), branches, total: listed.total }
    }
}

/// A dev branch with what it does not share with the main line.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageBranchDetail)]
pub struct BranchDetail {
    /// The branch.
    #[serde(flatten)]
    pub branch: Branch,
    /// Tables that were written to through the branch, in the order of their first write; of a pinned branch, those it began with.
    pub copied_tables: Vec<CopiedTable>,
    /// Tables that were deleted through the branch.
    pub deleted_tables: Vec<DeletedTable>,
}

/// A table that the branch has taken from the main line and changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageCopiedTable)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct CopiedTable {
    pub bucket_name: String,
    pub table_name: String,
    pub copied_at: String,
}

/// A table that the branch does not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageDeletedTable)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct DeletedTable {
    pub bucket_name: String,
    pub table_name: String,
}

impl From<(BranchView, BranchTables)> for BranchDetail {
    fn from((view, BranchTables { copied, hidden }): (BranchView, BranchTables)) -> Self {
        let copied = copied.into_iter().map(|(bucket_name, table_name, at)| CopiedTable {
            bucket_name,
            table_name,
            copied_at: Timestamp::from_micros(at).to_rfc3339(),
        });
        let hidden = hidden.into_iter().map(|(bucket_name, table_name)| DeletedTable { bucket_name, table_name });
        Self { branch: view.into(), copied_tables: copied.collect(), deleted_tables: hidden.collect() }
    }
}

/// What became of a table's place in a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StoragePulledTable)]
pub struct PulledTable {
    /// Name of the bucket.
    pub bucket_name: String,
    /// Name of the table.
    pub table_name: String,
    /// What happened, for people.
    pub message: String,
    /// Whether the branch had a table of its own in its place, or did not show it.
    pub was_local: bool,
}

impl PulledTable {
    pub(crate) fn of(bucket_name: String, table_name: String, was_local: bool) -> Self {
        let what = if was_local { "now reads from main" } else { "is already reading from main" };
        let message = format!("Table {bucket_name}.{table_name} {what}");
        Self { bucket_name, table_name, message, was_local }
    }

    /// The same of a pinned branch, whose table gets what it began with.
    pub(crate) fn pinned(bucket_name: String, table_name: String) -> Self {
        let message =
            format!("Table {bucket_name}.{table_name} now reads from main as it was when the branch was made");
        Self { bucket_name, table_name, message, was_local: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_branch_reads_as_clients_know_it() {
        let view = BranchView {
            id: "00c0ffee".into(),
            project: "p".into(),
            name: "feature/x".into(),
            description: None,
            created_at: 1_767_322_245_123_456,
            created_by: "key:key_1".into(),
            mode: "live".into(),
            table_count: 1,
            size_bytes: 5,
        };
        let copied = vec![("b".into(), "t".into(), 1_767_322_245_123_456)];
        let tables = BranchTables { copied, hidden: vec![("b".into(), "gone".into())] };
        let expected = json!({
            "id": "00c0ffee", "project_id": "p", "name": "feature/x", "created_at": "2026-01-02T02:50:45.123456+00:00",
            "created_by": "key_1", "description": null, "mode": "live", "table_count": 1, "size_bytes": 5,
            "copied_tables": [
                {"bucket_name": "b", "table_name": "t", "copied_at": "2026-01-02T02:50:45.123456+00:00"}
            ],
            "deleted_tables": [{"bucket_name": "b", "table_name": "gone"}]
        });
        assert_eq!(serde_json::to_value(BranchDetail::from((view, tables))).unwrap(), expected);
    }
}
