//! Projects.

use alluvium_kernel::{Problem, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::read;
use crate::queries::ProjectView;

/// What to create.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageProjectCreate)]
pub struct ProjectCreate {
    /// 1 to 64 letters, digits, `_`, `.` or `-`.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// Free settings.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    /// Organisation it belongs to: 1 to 64 letters, digits, `_`, `.` or `-`.
    pub organization_id: Option<String>,
}

impl ProjectCreate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            id: body.string("id"),
            name: body.opt_string("name"),
            settings: body.opt_object("settings").cloned(),
            organization_id: body.opt_string("organization_id"),
        })
    }
}

/// What to change; what is absent stays.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageProjectUpdate)]
pub struct ProjectUpdate {
    /// Name for people.
    pub name: Option<String>,
    /// Free settings, replaced as a whole.
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    /// Organisation it belongs to, which only the admin changes; an empty text takes it out of its own.
    pub organization_id: Option<String>,
}

impl ProjectUpdate {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            name: body.opt_string("name"),
            settings: body.opt_object("settings").cloned(),
            organization_id: body.opt_string("organization_id"),
        })
    }
}

/// A project.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageProject)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Project {
    pub id: String,
    pub name: Option<String>,
    /// A label, `project_{id}`.
    pub db_path: String,
    pub created_at: String,
    pub updated_at: String,
    /// Null where it is read as of an earlier point and not counted.
    #[schema(value_type = Option<u64>, required)]
    pub size_bytes: u64,
    pub table_count: i64,
    pub bucket_count: i64,
    pub status: &'static str,
    #[schema(value_type = Object)]
    pub settings: Value,
    /// The organisation it belongs to.
    pub organization_id: Option<String>,
}

impl Project {
    /// One that was deleted.
    pub fn deleted(view: ProjectView) -> Self {
        Self { status: "deleted", ..view.into() }
    }
}

impl From<ProjectView> for Project {
    fn from(view: ProjectView) -> Self {
        Self {
            db_path: format!("project_{}", view.id),
            id: view.id,
            name: view.name,
            created_at: Timestamp::from_micros(view.created_at).to_rfc3339(),
            updated_at: Timestamp::from_micros(view.updated_at).to_rfc3339(),
            size_bytes: view.size_bytes,
            table_count: view.table_count,
            bucket_count: view.bucket_count,
            status: "active",
            // The model lets only JSON objects in.
            settings: serde_json::from_str(&view.settings).unwrap_or_default(),
            organization_id: view.organization,
        }
    }
}

/// A new project with its first key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageProjectCreated)]
pub struct ProjectCreated {
    /// The project.
    #[serde(flatten)]
    pub project: Project,
    /// A key with all rights on the project. Keep it: it is not shown again.
    pub api_key: String,
}

/// One page of projects.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageProjects)]
pub struct Projects {
    /// The projects, newest first.
    pub projects: Vec<Project>,
    /// How many there are in all.
    pub total: i64,
}

/// A project's counters.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageProjectStats)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct ProjectStats {
    pub id: String,
    pub size_bytes: u64,
    pub table_count: i64,
    pub bucket_count: i64,
}

impl From<ProjectView> for ProjectStats {
    fn from(view: ProjectView) -> Self {
        let ProjectView { id, size_bytes, table_count, bucket_count, .. } = view;
        Self { id, size_bytes, table_count, bucket_count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_project_reads_as_clients_know_it() {
        let view = ProjectView {
            id: "123".into(),
            uid: "u".into(),
            name: None,
            settings: r#"{"a":1}"#.into(),
            organization: Some("acme".into()),
            created_at: 1_767_322_245_123_456,
            updated_at: 1_767_322_245_123_456,
            table_count: 2,
            bucket_count: 1,
            size_bytes: 9,
        };
        let expected = json!({
            "id": "123", "name": null, "db_path": "project_123", "created_at": "2026-01-02T02:50:45.123456+00:00",
            "updated_at": "2026-01-02T02:50:45.123456+00:00", "size_bytes": 9, "table_count": 2, "bucket_count": 1,
            "status": "active", "settings": {"a": 1}, "organization_id": "acme"
        });
        assert_eq!(serde_json::to_value(Project::from(view)).unwrap(), expected);
    }
}
