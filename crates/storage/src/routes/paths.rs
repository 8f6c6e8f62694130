//! The patterns, branch first, and their older forms.

pub(super) const PROJECTS: &str = "/projects";
pub(super) const PROJECT: &str = "/projects/{project_id}";
pub(super) const STATS: &str = "/projects/{project_id}/stats";
pub(super) const UNDELETE: &str = "/projects/{project_id}/undelete";
pub(super) const SETTINGS: &str = "/projects/{project_id}/settings/snapshots";
pub(super) const SHARED_BUCKETS: &str = "/projects/{project_id}/shared-buckets";
pub(super) const METADATA: &str = "/projects/{project_id}/metadata";
pub(super) const METADATUM: &str = "/projects/{project_id}/metadata/{metadata_id}";
pub(super) const BRANCH_METADATA: &str = "/projects/{project_id}/branches/{branch_id}/metadata";
pub(super) const BRANCH_METADATUM: &str = "/projects/{project_id}/branches/{branch_id}/metadata/{metadata_id}";
pub(super) const QUERY: &str = "/projects/{project_id}/query";

pub(super) const BRANCHES: &str = "/projects/{project_id}/branches";
pub(super) const BRANCH: &str = "/projects/{project_id}/branches/{branch_id}";
pub(super) const DIFF: &str = "/projects/{project_id}/branches/{branch_id}/diff";
pub(super) const MERGE: &str = "/projects/{project_id}/branches/{branch_id}/merge";
pub(super) const REBASE: &str = "/projects/{project_id}/branches/{branch_id}/tables/{bucket_name}/{table_name}/rebase";
pub(super) const PULL: &str = "/projects/{project_id}/branches/{branch_id}/tables/{bucket_name}/{table_name}/pull";

pub(super) const JOBS: &str = "/projects/{project_id}/jobs";
pub(super) const JOB: &str = "/projects/{project_id}/jobs/{job_id}";

pub(super) const WORKSPACES: &str = "/projects/{project_id}/workspaces";
pub(super) const WORKSPACE: &str = "/projects/{project_id}/workspaces/{workspace_id}";
pub(super) const WORKSPACE_CLEAR: &str = "/projects/{project_id}/workspaces/{workspace_id}/clear";
pub(super) const WORKSPACE_OBJECT: &str = "/projects/{project_id}/workspaces/{workspace_id}/objects/{object_name}";
pub(super) const WORKSPACE_LOAD: &str = "/projects/{project_id}/workspaces/{workspace_id}/load";
pub(super) const WORKSPACE_RESET: &str = "/projects/{project_id}/workspaces/{workspace_id}/credentials/reset";
pub(super) const WORKSPACE_CREDENTIALS: &str = "/projects/{project_id}/workspaces/{workspace_id}/credentials";
pub(super) const WORKSPACE_CREDENTIAL: &str =
    "/projects/{project_id}/workspaces/{workspace_id}/credentials/{credentials_id}";
pub(super) const WORKSPACE_QUERY: &str = "/projects/{project_id}/workspaces/{workspace_id}/query";
pub(super) const BRANCH_WORKSPACE_QUERY: &str =
    "/projects/{project_id}/branches/{branch_id}/workspaces/{workspace_id}/query";
pub(super) const WORKSPACE_UNLOAD: &str = "/projects/{project_id}/workspaces/{workspace_id}/unload";
pub(super) const BRANCH_WORKSPACE_UNLOAD: &str =
    "/projects/{project_id}/branches/{branch_id}/workspaces/{workspace_id}/unload";
pub(super) const BRANCH_WORKSPACES: &str = "/projects/{project_id}/branches/{branch_id}/workspaces";
pub(super) const BRANCH_WORKSPACE: &str = "/projects/{project_id}/branches/{branch_id}/workspaces/{workspace_id}";

pub(super) const PREPARE: &str = "/projects/{project_id}/files/prepare";
pub(super) const UPLOAD: &str = "/projects/{project_id}/files/upload/{upload_key}";
pub(super) const FILES: &str = "/projects/{project_id}/files";
pub(super) const FILE: &str = "/projects/{project_id}/files/{file_id}";
pub(super) const FILE_TAGS: &str = "/projects/{project_id}/files/{file_id}/tags";
pub(super) const FILE_TAG: &str = "/projects/{project_id}/files/{file_id}/tags/{tag}";
pub(super) const DOWNLOAD: &str = "/projects/{project_id}/files/{file_id}/download";

/// What the older forms leave out.
pub(super) const MAIN: &[(&str, &str)] = &[("branch_id", "default")];

/// A pattern below a branch, and the same without the branch.
pub(super) struct Both(pub &'static str, pub &'static str);

macro_rules! below_branch {
    ($name:ident, $rest:literal) => {
        pub(super) const $name: Both = Both(
            concat!("/projects/{project_id}/branches/{branch_id}", $rest),
            concat!("/projects/{project_id}", $rest),
        );
    };
}

below_branch!(BUCKETS, "/buckets");
below_branch!(BUCKET, "/buckets/{bucket_name}");
below_branch!(SHARE, "/buckets/{bucket_name}/share");
below_branch!(LINK, "/buckets/{bucket_name}/link");
below_branch!(LINK_PIPELINE, "/buckets/{bucket_name}/link-pipeline");
below_branch!(LINKS, "/buckets/{bucket_name}/links");
below_branch!(LINKS_OF, "/buckets/{bucket_name}/links/{target_project_id}");
below_branch!(READ_ONLY, "/buckets/{bucket_name}/grant-readonly");
below_branch!(TABLES, "/buckets/{bucket_name}/tables");
below_branch!(TABLE, "/buckets/{bucket_name}/tables/{table_name}");
below_branch!(SCHEMA, "/buckets/{bucket_name}/tables/{table_name}/schema");
below_branch!(PREVIEW, "/buckets/{bucket_name}/tables/{table_name}/preview");
below_branch!(PROFILE, "/buckets/{bucket_name}/tables/{table_name}/profile");
below_branch!(COLUMNS, "/buckets/{bucket_name}/tables/{table_name}/columns");
below_branch!(COLUMN, "/buckets/{bucket_name}/tables/{table_name}/columns/{column_name}");
below_branch!(PRIMARY_KEY, "/buckets/{bucket_name}/tables/{table_name}/primary-key");
below_branch!(ROWS, "/buckets/{bucket_name}/tables/{table_name}/rows");
below_branch!(IMPORT, "/buckets/{bucket_name}/tables/{table_name}/import/file");
below_branch!(IMPORT_TABLE, "/buckets/{bucket_name}/tables/{table_name}/import/table");
below_branch!(SNAPSHOTS, "/snapshots");
below_branch!(SNAPSHOT, "/snapshots/{snapshot_id}");
below_branch!(RESTORE, "/snapshots/{snapshot_id}/restore");
below_branch!(BUCKET_SETTINGS, "/buckets/{bucket_name}/settings/snapshots");
below_branch!(TABLE_SETTINGS, "/buckets/{bucket_name}/tables/{table_name}/settings/snapshots");
below_branch!(VERSIONS, "/buckets/{bucket_name}/tables/{table_name}/versions");
below_branch!(CHANGES, "/buckets/{bucket_name}/tables/{table_name}/changes");
below_branch!(UNDROP_TABLE, "/buckets/{bucket_name}/tables/{table_name}/undrop");
below_branch!(UNDROP_BUCKET, "/buckets/{bucket_name}/undrop");
below_branch!(TABLE_ALIASES, "/buckets/{bucket_name}/table-aliases");
below_branch!(FROM_FILE, "/buckets/{bucket_name}/tables-from-file");
below_branch!(TIME_TRAVEL, "/buckets/{bucket_name}/tables-from-time-travel");
below_branch!(SEARCH, "/search");
below_branch!(BUCKET_METADATA, "/buckets/{bucket_name}/metadata");
below_branch!(BUCKET_METADATUM, "/buckets/{bucket_name}/metadata/{metadata_id}");
below_branch!(TABLE_METADATA, "/buckets/{bucket_name}/tables/{table_name}/metadata");
below_branch!(TABLE_METADATUM, "/buckets/{bucket_name}/tables/{table_name}/metadata/{metadata_id}");
below_branch!(COLUMN_METADATA, "/buckets/{bucket_name}/tables/{table_name}/columns/{column_name}/metadata");
below_branch!(
    COLUMN_METADATUM,
    "/buckets/{bucket_name}/tables/{table_name}/columns/{column_name}/metadata/{metadata_id}"
);
below_branch!(EXPORT, "/buckets/{bucket_name}/tables/{table_name}/export");
