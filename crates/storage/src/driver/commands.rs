//! The commands of the protocol, each with an example.

/// A command.
#[derive(Debug)]
pub(super) struct Listed {
    /// Its type.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// How it is sent, as JSON.
    pub example: &'static str,
}

/// All of them.
#[rustfmt::skip]
pub(super) const COMMANDS: &[Listed] = &[
    Listed {
        name: "InitBackendCommand",
        description: "Makes what the backend needs",
        example: r#"{"type":"InitBackendCommand"}"#,
    },
    Listed {
        name: "RemoveBackendCommand",
        description: "Does nothing: projects are dropped one by one",
        example: r#"{"type":"RemoveBackendCommand"}"#,
    },
    Listed {
        name: "CreateProjectCommand",
        description: "Creates a project; its password is its first key",
        example: r#"{"type":"CreateProjectCommand","projectId":"demo"}"#,
    },
    Listed {
        name: "DropProjectCommand",
        description: "Drops a project with all it holds",
        example: r#"{"type":"DropProjectCommand","projectDatabaseName":"project_demo"}"#,
    },
    Listed {
        name: "CreateBucketCommand",
        description: "Creates a bucket",
        example: r#"{"type":"CreateBucketCommand","projectId":"demo","bucketId":"in.c-sales"}"#,
    },
    Listed {
        name: "DropBucketCommand",
        description: "Drops a bucket; one that is not there is as good as dropped",
        example: r#"{"type":"DropBucketCommand","bucketObjectName":"in_c_sales","isCascade":true}"#,
    },
    Listed {
        name: "CreateTableCommand",
        description: "Creates a table",
        example: r#"{"type":"CreateTableCommand","path":["demo","in_c_sales"],"tableName":"orders","columns":[{"name":"id","type":"BIGINT"},{"name":"note","type":"VARCHAR","nullable":true}],"primaryKeysNames":["id"]}"#,
    },
    Listed {
        name: "DropTableCommand",
        description: "Drops a table",
        example: r#"{"type":"DropTableCommand","path":["demo","in_c_sales"],"tableName":"orders"}"#,
    },
    Listed {
        name: "PreviewTableCommand",
        description: "Shows rows of a table",
        example: r#"{"type":"PreviewTableCommand","path":["demo","in_c_sales"],"tableName":"orders","columns":["id"],"filters":{"limit":10}}"#,
    },
    Listed {
        name: "ObjectInfoCommand",
        description: "Shows a database, a schema or a table",
        example: r#"{"type":"ObjectInfoCommand","path":["demo","in_c_sales","orders"],"expectedObjectType":"TABLE"}"#,
    },
    Listed {
        name: "TableImportFromFileCommand",
        description: "Loads a file of the project's own store into a table",
        example: r#"{"type":"TableImportFromFileCommand","fileProvider":"S3","filePath":{"root":"project_demo","path":"2026/01/02","fileName":"id_orders.csv"},"formatTypeOptions":{"columnsNames":["id","note"],"delimiter":","},"destination":{"path":["demo","in_c_sales"],"tableName":"orders"},"importOptions":{"importType":"FULL","dedupType":"UPDATE_DUPLICATES","numberOfIgnoredLines":1}}"#,
    },
    Listed {
        name: "TableExportToFileCommand",
        description: "Writes a table to a file of the project's own store",
        example: r#"{"type":"TableExportToFileCommand","source":{"path":["demo","in_c_sales"],"tableName":"orders"},"filePath":{"root":"project_demo"},"exportOptions":{"isCompressed":true}}"#,
    },
    Listed {
        name: "AddColumnCommand",
        description: "Adds a column at the end",
        example: r#"{"type":"AddColumnCommand","path":["demo","in_c_sales"],"tableName":"orders","columnDefinition":{"name":"paid","type":"BOOLEAN","nullable":true}}"#,
    },
    Listed {
        name: "DropColumnCommand",
        description: "Drops a column",
        example: r#"{"type":"DropColumnCommand","path":["demo","in_c_sales"],"tableName":"orders","columnName":"paid"}"#,
    },
    Listed {
        name: "AlterColumnCommand",
        description: "Changes a column's type, default or what takes no NULL",
        example: r#"{"type":"AlterColumnCommand","path":["demo","in_c_sales"],"tableName":"orders","desiredDefiniton":{"name":"note","type":"VARCHAR","default":"'none'"},"attributesToUpdate":["default"]}"#,
    },
    Listed {
        name: "AddPrimaryKeyCommand",
        description: "Makes columns the primary key",
        example: r#"{"type":"AddPrimaryKeyCommand","path":["demo","in_c_sales"],"tableName":"orders","primaryKeysNames":["id"]}"#,
    },
    Listed {
        name: "DropPrimaryKeyCommand",
        description: "Drops the primary key",
        example: r#"{"type":"DropPrimaryKeyCommand","path":["demo","in_c_sales"],"tableName":"orders"}"#,
    },
    Listed {
        name: "DeleteTableRowsCommand",
        description: "Deletes the rows that meet all conditions; all rows without any",
        example: r#"{"type":"DeleteTableRowsCommand","path":["demo","in_c_sales"],"tableName":"orders","whereFilters":[{"columnsName":"id","operator":"eq","values":["1"]}]}"#,
    },
    Listed {
        name: "CreateWorkspaceCommand",
        description: "Creates a workspace",
        example: r#"{"type":"CreateWorkspaceCommand","projectId":"demo","workspaceId":"w1"}"#,
    },
    Listed {
        name: "DropWorkspaceCommand",
        description: "Drops a workspace",
        example: r#"{"type":"DropWorkspaceCommand","workspaceObjectName":"w1"}"#,
    },
    Listed {
        name: "ClearWorkspaceCommand",
        description: "Drops the objects of a workspace",
        example: r#"{"type":"ClearWorkspaceCommand","workspaceObjectName":"w1"}"#,
    },
    Listed {
        name: "ResetWorkspacePasswordCommand",
        description: "Gives a workspace a new password",
        example: r#"{"type":"ResetWorkspacePasswordCommand","workspaceUserName":"ws_w1"}"#,
    },
    Listed {
        name: "DropWorkspaceObjectCommand",
        description: "Drops one object of a workspace",
        example: r#"{"type":"DropWorkspaceObjectCommand","workspaceObjectName":"w1","objectNameToDrop":"t"}"#,
    },
    Listed {
        name: "GrantWorkspaceAccessToProjectCommand",
        description: "Lets a project see a workspace",
        example: r#"{"type":"GrantWorkspaceAccessToProjectCommand","workspaceObjectName":"w1"}"#,
    },
    Listed {
        name: "RevokeWorkspaceAccessToProjectCommand",
        description: "Takes that back",
        example: r#"{"type":"RevokeWorkspaceAccessToProjectCommand","workspaceObjectName":"w1"}"#,
    },
    Listed {
        name: "LoadTableToWorkspaceCommand",
        description: "Loads a table into a workspace",
        example: r#"{"type":"LoadTableToWorkspaceCommand","source":{"path":["demo","in_c_sales"],"tableName":"orders"},"destination":{"path":["w1"],"tableName":"orders"}}"#,
    },
    Listed {
        name: "ShareBucketCommand",
        description: "Shares a bucket under a role",
        example: r#"{"type":"ShareBucketCommand","sourceProjectId":"demo","sourceBucketId":"in_c_sales"}"#,
    },
    Listed {
        name: "UnshareBucketCommand",
        description: "Takes a share back",
        example: r#"{"type":"UnshareBucketCommand","bucketObjectName":"in_c_sales","bucketShareRoleName":"share_demo_in_c_sales"}"#,
    },
    Listed {
        name: "LinkBucketCommand",
        description: "Shows a shared bucket in another project",
        example: r#"{"type":"LinkBucketCommand","targetProjectId":"lab","targetBucketId":"in_c_theirs","sourceShareRoleName":"share_demo_in_c_sales"}"#,
    },
    Listed {
        name: "UnlinkBucketCommand",
        description: "Removes a linked bucket",
        example: r#"{"type":"UnlinkBucketCommand","bucketObjectName":"in_c_theirs"}"#,
    },
    Listed {
        name: "GrantBucketAccessToReadOnlyRoleCommand",
        description: "Notes that a bucket is read only",
        example: r#"{"type":"GrantBucketAccessToReadOnlyRoleCommand","path":["demo","in_c_sales"],"projectReadOnlyRoleName":"demo_ro"}"#,
    },
    Listed {
        name: "RevokeBucketAccessFromReadOnlyRoleCommand",
        description: "Takes that note back",
        example: r#"{"type":"RevokeBucketAccessFromReadOnlyRoleCommand","bucketObjectName":"in_c_sales","projectReadOnlyRoleName":"demo_ro"}"#,
    },
    Listed {
        name: "CreateDevBranchCommand",
        description: "Creates a dev branch",
        example: r#"{"type":"CreateDevBranchCommand","projectId":"demo","branchId":"try"}"#,
    },
    Listed {
        name: "DropDevBranchCommand",
        description: "Drops a dev branch",
        example: r#"{"type":"DropDevBranchCommand","devBranchReadOnlyRoleName":"branch_demo_try_readonly"}"#,
    },
    Listed {
        name: "ExecuteQueryCommand",
        description: "Answers one SELECT over tables of a project, or of one of its buckets",
        example: r#"{"type":"ExecuteQueryCommand","query":"SELECT * FROM in_c_sales.orders","pathRestriction":["demo","in_c_sales"],"timeout":30}"#,
    },
];
