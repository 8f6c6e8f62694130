//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// The rows that a table was to be made with were refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbandonTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_AbandonTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
}

#[allow(non_snake_case)]
fn default_AbandonTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    AbandonTable,
    "AbandonTable",
    r####"{"aggregate":"project","doc":"The rows that a table was to be made with were refused.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"command","name":"AbandonTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Ends an upload without an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbortMultipart {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.
    #[serde(default = "default_AbortMultipart_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_AbortMultipart_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    AbortMultipart,
    "AbortMultipart",
    r####"{"aggregate":"multipart","doc":"Ends an upload without an object.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"default":"default","doc":"Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"AbortMultipart","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Adds a column at the end; rows there are get its default or NULL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddColumn {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_AddColumn_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// The column.
    pub column: ColumnSpec,
    /// Must be set for a column that is not nullable.
    #[serde(default)]
    pub backfill: bool,
}

#[allow(non_snake_case)]
fn default_AddColumn_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    AddColumn,
    "AddColumn",
    r####"{"aggregate":"table","doc":"Adds a column at the end; rows there are get its default or NULL.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"The column.","name":"column","type":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"}},{"default":false,"doc":"Must be set for a column that is not nullable.","name":"backfill","type":"boolean"}],"kind":"command","name":"AddColumn","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Adds a column at the end; rows there are get its default or NULL.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"The column.","name":"column","type":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"}},{"default":false,"doc":"Must be set for a column that is not nullable.","name":"backfill","type":"boolean"}],"kind":"command","name":"AddColumn","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Lets a further user log in to a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddWorkspaceCredentials {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is of; `default` is the main line.
    #[serde(default = "default_AddWorkspaceCredentials_branch")]
    pub branch: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Id of the credentials, unique within the workspace.
    pub credential: String,
    /// What people call them.
    #[serde(default)]
    pub name: String,
    /// Who logs in with them.
    pub username: String,
    /// Argon2id verifier of the password, as a PHC string.
    pub password_hash: String,
    /// Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.
    #[serde(default)]
    pub holder: String,
}

#[allow(non_snake_case)]
fn default_AddWorkspaceCredentials_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    AddWorkspaceCredentials,
    "AddWorkspaceCredentials",
    r####"{"aggregate":"workspace","doc":"Lets a further user log in to a workspace.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is of; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Id of the credentials, unique within the workspace.","name":"credential","type":"string"},{"default":"","doc":"What people call them.","name":"name","type":"string"},{"doc":"Who logs in with them.","name":"username","type":"string"},{"doc":"Argon2id verifier of the password, as a PHC string.","name":"password_hash","type":"string"},{"default":"","doc":"Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.","name":"holder","type":"string"}],"kind":"command","name":"AddWorkspaceCredentials","namespace":"alluvium.storage","requires":"workspace_write","type":"record"}"####,
    &[]
);

/// Another project asks for a link to a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmitLink {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Id of that project.
    pub target_project: String,
    /// Internal id of that project.
    pub target_uid: String,
    /// Name of the bucket that is to show it.
    pub target_bucket: String,
    /// Whether to share the bucket with that project if it is not.
    pub grant: bool,
    /// The organisation that project belongs to; null for none.
    #[serde(default)]
    pub target_organization: Option<String>,
}

alluvium_messaging::contract!(
    AdmitLink,
    "AdmitLink",
    r####"{"aggregate":"project","doc":"Another project asks for a link to a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Id of that project.","name":"target_project","type":"string"},{"doc":"Internal id of that project.","name":"target_uid","type":"string"},{"doc":"Name of the bucket that is to show it.","name":"target_bucket","type":"string"},{"doc":"Whether to share the bucket with that project if it is not.","name":"grant","type":"boolean"},{"default":null,"doc":"The organisation that project belongs to; null for none.","name":"target_organization","type":["null","string"]}],"kind":"command","name":"AdmitLink","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// A name in a bucket stands for a view of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasCreated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the alias.
    pub table: String,
    /// Internal id of this incarnation of the alias; a name made again gets a new one.
    pub uid: String,
    /// Bucket of the table that it shows.
    pub source_bucket: String,
    /// Name of that table: on each branch, the one that the branch shows.
    pub source_table: String,
    /// The columns that it shows, in this order; all that the source has, also later, when null.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// The rows that it shows: those that meet all of these.
    #[serde(default)]
    pub filter: Vec<AliasFilter>,
}

alluvium_messaging::contract!(
    AliasCreated,
    "AliasCreated",
    r####"{"aggregate":"project","doc":"A name in a bucket stands for a view of a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the alias.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the alias; a name made again gets a new one.","name":"uid","type":"string"},{"doc":"Bucket of the table that it shows.","name":"source_bucket","type":"string"},{"doc":"Name of that table: on each branch, the one that the branch shows.","name":"source_table","type":"string"},{"default":null,"doc":"The columns that it shows, in this order; all that the source has, also later, when null.","name":"columns","type":["null",{"items":"string","type":"array"}]},{"default":[],"doc":"The rows that it shows: those that meet all of these.","name":"filter","type":{"items":{"doc":"A condition on the rows that an alias shows; several must all hold.","fields":[{"doc":"A column of the source, spelled as it has it.","name":"column","type":"string"},{"default":"eq","doc":"`eq`, `ne`, `gt`, `ge`, `lt` or `le`.","name":"operator","type":"string"},{"doc":"One value; `eq` and `ne` take several, meaning in and not in.","name":"values","type":{"items":"string","type":"array"}},{"default":null,"doc":"Compare as numbers: `INTEGER`, `DOUBLE`, `BIGINT`, `REAL` or `DECIMAL`.","name":"data_type","type":["null","string"]},{"default":null,"doc":"`SCALAR`, or `TIME_STRING` for points in time.","name":"type","type":["null","string"]}],"kind":"type","name":"AliasFilter","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"event","name":"AliasCreated","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A name in a bucket stands for no alias any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasDropped {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the alias.
    pub table: String,
    /// Internal id of the alias.
    pub uid: String,
}

alluvium_messaging::contract!(
    AliasDropped,
    "AliasDropped",
    r####"{"aggregate":"project","doc":"A name in a bucket stands for no alias any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the alias.","name":"table","type":"string"},{"doc":"Internal id of the alias.","name":"uid","type":"string"}],"kind":"event","name":"AliasDropped","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A condition on the rows that an alias shows; several must all hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliasFilter {
    /// A column of the source, spelled as it has it.
    pub column: String,
    /// `eq`, `ne`, `gt`, `ge`, `lt` or `le`.
    #[serde(default = "default_AliasFilter_operator")]
    pub operator: String,
    /// One value; `eq` and `ne` take several, meaning in and not in.
    pub values: Vec<String>,
    /// Compare as numbers: `INTEGER`, `DOUBLE`, `BIGINT`, `REAL` or `DECIMAL`.
    #[serde(default)]
    pub data_type: Option<String>,
    /// `SCALAR`, or `TIME_STRING` for points in time.
    #[serde(default)]
    pub r#type: Option<String>,
}

#[allow(non_snake_case)]
fn default_AliasFilter_operator() -> String {
    "eq".to_owned()
}

alluvium_messaging::contract!(
    AliasFilter,
    "AliasFilter",
    r####"{"doc":"A condition on the rows that an alias shows; several must all hold.","fields":[{"doc":"A column of the source, spelled as it has it.","name":"column","type":"string"},{"default":"eq","doc":"`eq`, `ne`, `gt`, `ge`, `lt` or `le`.","name":"operator","type":"string"},{"doc":"One value; `eq` and `ne` take several, meaning in and not in.","name":"values","type":{"items":"string","type":"array"}},{"default":null,"doc":"Compare as numbers: `INTEGER`, `DOUBLE`, `BIGINT`, `REAL` or `DECIMAL`.","name":"data_type","type":["null","string"]},{"default":null,"doc":"`SCALAR`, or `TIME_STRING` for points in time.","name":"type","type":["null","string"]}],"kind":"type","name":"AliasFilter","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Renames, retypes, constrains or redefaults a column, in this order, as one change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlterColumn {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_AlterColumn_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Name of the column.
    pub column: String,
    /// New name.
    #[serde(default)]
    pub new_name: Option<String>,
    /// New type.
    #[serde(default)]
    pub new_type: Option<String>,
    /// true forbids NULL, false allows it.
    #[serde(default)]
    pub set_not_null: Option<bool>,
    /// New default; empty text drops it.
    #[serde(default)]
    pub set_default: Option<String>,
}

#[allow(non_snake_case)]
fn default_AlterColumn_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    AlterColumn,
    "AlterColumn",
    r####"{"aggregate":"table","doc":"Renames, retypes, constrains or redefaults a column, in this order, as one change.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Name of the column.","name":"column","type":"string"},{"default":null,"doc":"New name.","name":"new_name","type":["null","string"]},{"default":null,"doc":"New type.","name":"new_type","type":["null","string"]},{"default":null,"doc":"true forbids NULL, false allows it.","name":"set_not_null","type":["null","boolean"]},{"default":null,"doc":"New default; empty text drops it.","name":"set_default","type":["null","string"]}],"kind":"command","name":"AlterColumn","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Renames, retypes, constrains or redefaults a column, in this order, as one change.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Name of the column.","name":"column","type":"string"},{"default":null,"doc":"New name.","name":"new_name","type":["null","string"]},{"default":null,"doc":"New type.","name":"new_type","type":["null","string"]},{"default":null,"doc":"true forbids NULL, false allows it.","name":"set_not_null","type":["null","boolean"]},{"default":null,"doc":"New default; empty text drops it.","name":"set_default","type":["null","string"]}],"kind":"command","name":"AlterColumn","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Takes the snapshot that settings want before a change of a table, if they want one; in the same batch as the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackUpTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_BackUpTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// The column that is to be dropped; null when all rows are to be deleted.
    #[serde(default)]
    pub column: Option<String>,
}

#[allow(non_snake_case)]
fn default_BackUpTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    BackUpTable,
    "BackUpTable",
    r####"{"aggregate":"project","doc":"Takes the snapshot that settings want before a change of a table, if they want one; in the same batch as the change.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"default":null,"doc":"The column that is to be dropped; null when all rows are to be deleted.","name":"column","type":["null","string"]}],"kind":"command","name":"BackUpTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Takes in a request that is answered later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginJob {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is about; `default` is the main line.
    #[serde(default = "default_BeginJob_branch")]
    pub branch: String,
    /// Id of the job, unique within the installation.
    pub job: String,
    /// What is done, e.g. tableImport.
    pub operation: String,
    /// Bucket and table that it is about, with a dot between them; jobs on one table run in order.
    #[serde(default)]
    pub table_id: Option<String>,
    /// Method of the request.
    pub method: String,
    /// Path and query of the request.
    pub target: String,
    /// Body of the request, JSON text; empty where there is none.
    #[serde(default)]
    pub body: String,
    /// The run of the client that it is part of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// The process that took it in, and runs it.
    pub node: String,
    /// Whoever asked, in an actor's printed form; it is carried out with their rights.
    pub created_by: String,
    /// The incarnation of the project that it belongs to.
    #[serde(default)]
    pub project_uid: String,
}

#[allow(non_snake_case)]
fn default_BeginJob_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    BeginJob,
    "BeginJob",
    r####"{"aggregate":"job","doc":"Takes in a request that is answered later.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is about; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the job, unique within the installation.","name":"job","type":"string"},{"doc":"What is done, e.g. tableImport.","name":"operation","type":"string"},{"default":null,"doc":"Bucket and table that it is about, with a dot between them; jobs on one table run in order.","name":"table_id","type":["null","string"]},{"doc":"Method of the request.","name":"method","type":"string"},{"doc":"Path and query of the request.","name":"target","type":"string"},{"default":"","doc":"Body of the request, JSON text; empty where there is none.","name":"body","type":"string"},{"default":null,"doc":"The run of the client that it is part of.","name":"run_id","type":["null","string"]},{"doc":"The process that took it in, and runs it.","name":"node","type":"string"},{"doc":"Whoever asked, in an actor's printed form; it is carried out with their rights.","name":"created_by","type":"string"},{"default":"","doc":"The incarnation of the project that it belongs to.","name":"project_uid","type":"string"}],"kind":"command","name":"BeginJob","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// A project has a dev branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchCreated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch, 8 hex digits.
    pub branch: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Who created it: admin, key:<id>, nats:<tenant> or system:<role>.
    pub created_by: String,
    /// `live` or `pinned`: a pinned branch shows nothing of the main line but what stands in this commit.
    #[serde(default = "default_BranchCreated_mode")]
    pub mode: String,
}

#[allow(non_snake_case)]
fn default_BranchCreated_mode() -> String {
    "live".to_owned()
}

alluvium_messaging::contract!(
    BranchCreated,
    "BranchCreated",
    r####"{"aggregate":"project","doc":"A project has a dev branch.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch, 8 hex digits.","name":"branch","type":"string"},{"doc":"Its name.","name":"name","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"doc":"Who created it: admin, key:<id>, nats:<tenant> or system:<role>.","name":"created_by","type":"string"},{"default":"live","doc":"`live` or `pinned`: a pinned branch shows nothing of the main line but what stands in this commit.","name":"mode","type":"string"}],"kind":"event","name":"BranchCreated","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A dev branch is gone; its keys follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BranchDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch, 8 hex digits.
    pub branch: String,
}

alluvium_messaging::contract!(
    BranchDeleted,
    "BranchDeleted",
    r####"{"aggregate":"project","doc":"A dev branch is gone; its keys follow.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch, 8 hex digits.","name":"branch","type":"string"}],"kind":"event","name":"BranchDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketCreated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket; a name created again gets a new one.
    pub uid: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

alluvium_messaging::contract!(
    BucketCreated,
    "BucketCreated",
    r####"{"aggregate":"project","doc":"A bucket came to be.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket; a name created again gets a new one.","name":"uid","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]}],"kind":"event","name":"BucketCreated","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket is gone; its tables were dropped before it in the same commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket; a name created again gets a new one.
    pub uid: String,
}

alluvium_messaging::contract!(
    BucketDeleted,
    "BucketDeleted",
    r####"{"aggregate":"project","doc":"A bucket is gone; its tables were dropped before it in the same commit.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"event","name":"BucketDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A project has a bucket that shows another project's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketLinked {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Id of the project whose bucket it shows.
    pub source_project: String,
    /// Name of that bucket.
    pub source_bucket: String,
    /// Internal id of that bucket; a later one of the same name is not shown.
    pub source_uid: String,
}

alluvium_messaging::contract!(
    BucketLinked,
    "BucketLinked",
    r####"{"aggregate":"project","doc":"A project has a bucket that shows another project's.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"doc":"Id of the project whose bucket it shows.","name":"source_project","type":"string"},{"doc":"Name of that bucket.","name":"source_bucket","type":"string"},{"doc":"Internal id of that bucket; a later one of the same name is not shown.","name":"source_uid","type":"string"}],"kind":"event","name":"BucketLinked","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket is meant to be read only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketMarkedReadOnly {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
}

alluvium_messaging::contract!(
    BucketMarkedReadOnly,
    "BucketMarkedReadOnly",
    r####"{"aggregate":"project","doc":"A bucket is meant to be read only.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"}],"kind":"event","name":"BucketMarkedReadOnly","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket that comes back with its project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketOfProject {
    /// Name of the bucket.
    pub bucket: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Its tables then.
    pub tables: Vec<TableOfBucket>,
}

alluvium_messaging::contract!(
    BucketOfProject,
    "BucketOfProject",
    r####"{"doc":"A bucket that comes back with its project.","fields":[{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"doc":"Its tables then.","name":"tables","type":{"items":{"doc":"A table that comes back with its bucket.","fields":[{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content.","name":"position","type":"long"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"type","name":"TableOfBucket","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"type","name":"BucketOfProject","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Another project may link a bucket, and read it through its links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketShared {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// Id of the project that may link it; null for whoever presents the bucket's role and may link anything.
    #[serde(default)]
    pub target_project: Option<String>,
    /// Internal id of that project; a later one of the same id has no part in the share.
    #[serde(default)]
    pub target_uid: Option<String>,
    /// Whether that follows from how the bucket is shared as a whole, and lasts only as long as that project has a link.
    #[serde(default)]
    pub by_level: bool,
}

alluvium_messaging::contract!(
    BucketShared,
    "BucketShared",
    r####"{"aggregate":"project","doc":"Another project may link a bucket, and read it through its links.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"default":null,"doc":"Id of the project that may link it; null for whoever presents the bucket's role and may link anything.","name":"target_project","type":["null","string"]},{"default":null,"doc":"Internal id of that project; a later one of the same id has no part in the share.","name":"target_uid","type":["null","string"]},{"default":false,"doc":"Whether that follows from how the bucket is shared as a whole, and lasts only as long as that project has a link.","name":"by_level","type":"boolean"}],"kind":"event","name":"BucketShared","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket is shared as a whole in another way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketSharingSet {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// `organization` or `organization-project`: every project of its organisation may link it; `selected-projects`: only those it is shared with one by one.
    pub sharing: String,
}

alluvium_messaging::contract!(
    BucketSharingSet,
    "BucketSharingSet",
    r####"{"aggregate":"project","doc":"A bucket is shared as a whole in another way.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"doc":"`organization` or `organization-project`: every project of its organisation may link it; `selected-projects`: only those it is shared with one by one.","name":"sharing","type":"string"}],"kind":"event","name":"BucketSharingSet","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A linked bucket is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketUnlinked {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
}

alluvium_messaging::contract!(
    BucketUnlinked,
    "BucketUnlinked",
    r####"{"aggregate":"project","doc":"A linked bucket is gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"}],"kind":"event","name":"BucketUnlinked","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket is no longer meant to be read only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketUnmarkedReadOnly {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
}

alluvium_messaging::contract!(
    BucketUnmarkedReadOnly,
    "BucketUnmarkedReadOnly",
    r####"{"aggregate":"project","doc":"A bucket is no longer meant to be read only.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"}],"kind":"event","name":"BucketUnmarkedReadOnly","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Another project may not read a bucket any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketUnshared {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// Id of the project; null for the bucket's role.
    #[serde(default)]
    pub target_project: Option<String>,
}

alluvium_messaging::contract!(
    BucketUnshared,
    "BucketUnshared",
    r####"{"aggregate":"project","doc":"Another project may not read a bucket any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"default":null,"doc":"Id of the project; null for the bucket's role.","name":"target_project","type":["null","string"]}],"kind":"event","name":"BucketUnshared","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Takes back all that a branch says of a table that it does not show any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearMetadata {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.
    pub object: String,
    /// Id of the branch that says it; `default` is the main one.
    pub branch: String,
}

alluvium_messaging::contract!(
    ClearMetadata,
    "ClearMetadata",
    r####"{"aggregate":"metadata","doc":"Takes back all that a branch says of a table that it does not show any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.","name":"object","type":"string"},{"doc":"Id of the branch that says it; `default` is the main one.","name":"branch","type":"string"}],"kind":"command","name":"ClearMetadata","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Lets a project, bucket or table say nothing of its own about snapshots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearSnapshotSettings {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket; null for the whole project.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table; null for the whole bucket.
    #[serde(default)]
    pub table: Option<String>,
}

alluvium_messaging::contract!(
    ClearSnapshotSettings,
    "ClearSnapshotSettings",
    r####"{"aggregate":"project","doc":"Lets a project, bucket or table say nothing of its own about snapshots.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Name of the bucket; null for the whole project.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the whole bucket.","name":"table","type":["null","string"]}],"kind":"command","name":"ClearSnapshotSettings","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####,
    &[]
);

/// The source of a linked bucket cuts the link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseLink {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the linked bucket.
    pub bucket: String,
    /// Internal id of the bucket that it shows.
    pub source_uid: String,
}

alluvium_messaging::contract!(
    CloseLink,
    "CloseLink",
    r####"{"aggregate":"project","doc":"The source of a linked bucket cuts the link.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the linked bucket.","name":"bucket","type":"string"},{"doc":"Internal id of the bucket that it shows.","name":"source_uid","type":"string"}],"kind":"command","name":"CloseLink","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Echo of TableDropped on the table itself; in the same batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseTable {
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
}

alluvium_messaging::contract!(
    CloseTable,
    "CloseTable",
    r####"{"aggregate":"table","doc":"Echo of TableDropped on the table itself; in the same batch.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"command","name":"CloseTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// A column is to be added, if the rows allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnAddRequested {
    /// Command id of the request; its Settled names it.
    pub request: String,
    /// The column.
    pub column: ColumnSpec,
}

alluvium_messaging::contract!(
    ColumnAddRequested,
    "ColumnAddRequested",
    r####"{"aggregate":"table","doc":"A column is to be added, if the rows allow.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"The column.","name":"column","type":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"}}],"kind":"event","name":"ColumnAddRequested","namespace":"alluvium.storage","request_of":"AddColumn","type":"record"}"####,
    &[]
);

/// A column is to change, if the rows allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnAlterRequested {
    /// Command id of the request; its Settled names it.
    pub request: String,
    /// Its name.
    pub column: String,
    /// New name.
    #[serde(default)]
    pub new_name: Option<String>,
    /// New type, canonical.
    #[serde(default)]
    pub new_type: Option<String>,
    /// true forbids NULL, false allows it.
    #[serde(default)]
    pub set_not_null: Option<bool>,
    /// New default; empty text drops it.
    #[serde(default)]
    pub set_default: Option<String>,
}

alluvium_messaging::contract!(
    ColumnAlterRequested,
    "ColumnAlterRequested",
    r####"{"aggregate":"table","doc":"A column is to change, if the rows allow.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"Its name.","name":"column","type":"string"},{"default":null,"doc":"New name.","name":"new_name","type":["null","string"]},{"default":null,"doc":"New type, canonical.","name":"new_type","type":["null","string"]},{"default":null,"doc":"true forbids NULL, false allows it.","name":"set_not_null","type":["null","boolean"]},{"default":null,"doc":"New default; empty text drops it.","name":"set_default","type":["null","string"]}],"kind":"event","name":"ColumnAlterRequested","namespace":"alluvium.storage","request_of":"AlterColumn","type":"record"}"####,
    &[]
);

/// A column is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnDropped {
    /// Its name.
    pub column: String,
}

alluvium_messaging::contract!(
    ColumnDropped,
    "ColumnDropped",
    r####"{"aggregate":"table","doc":"A column is gone.","fields":[{"doc":"Its name.","name":"column","type":"string"}],"kind":"event","name":"ColumnDropped","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A column: name, type, nullability, default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSpec {
    /// Name of the column; compared without case.
    pub name: String,
    /// DuckDB type; events carry its canonical spelling.
    pub r#type: String,
    /// Whether NULL is allowed.
    #[serde(default = "default_ColumnSpec_nullable")]
    pub nullable: bool,
    /// Default as expression text: a literal, a cast of one, now() or uuid().
    #[serde(default)]
    pub default: Option<String>,
}

#[allow(non_snake_case)]
fn default_ColumnSpec_nullable() -> bool {
    true
}

alluvium_messaging::contract!(
    ColumnSpec,
    "ColumnSpec",
    r####"{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Makes the parts of an upload, one behind the other, the object of its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteMultipart {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// Which parts, in ascending order; of others nothing stays.
    pub parts: Vec<i32>,
    /// Hex SHA-256 of the whole content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// What names the object's content: the hex MD5 of its parts' MD5s, a dash, and how many parts it has.
    pub md5: String,
    /// Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.
    #[serde(default = "default_CompleteMultipart_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_CompleteMultipart_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    CompleteMultipart,
    "CompleteMultipart",
    r####"{"aggregate":"multipart","doc":"Makes the parts of an upload, one behind the other, the object of its key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"doc":"Which parts, in ascending order; of others nothing stays.","name":"parts","type":{"items":"int","type":"array"}},{"doc":"Hex SHA-256 of the whole content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"doc":"What names the object's content: the hex MD5 of its parts' MD5s, a dash, and how many parts it has.","name":"md5","type":"string"},{"default":"default","doc":"Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"CompleteMultipart","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Makes a table of the content that a table of the project had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_CopyTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table that is made.
    pub table: String,
    /// Bucket of the table then.
    pub source_bucket: String,
    /// Its name then.
    pub source_table: String,
    /// The last message that counts for the content.
    pub position: i64,
    /// Filled in by the worker: internal id of the table that had the content.
    #[serde(default)]
    pub source: String,
    /// Filled in by the worker: the columns then.
    #[serde(default)]
    pub columns: Vec<ColumnSpec>,
    /// Filled in by the worker: the primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

#[allow(non_snake_case)]
fn default_CopyTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    CopyTable,
    "CopyTable",
    r####"{"aggregate":"project","doc":"Makes a table of the content that a table of the project had.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table that is made.","name":"table","type":"string"},{"doc":"Bucket of the table then.","name":"source_bucket","type":"string"},{"doc":"Its name then.","name":"source_table","type":"string"},{"doc":"The last message that counts for the content.","name":"position","type":"long"},{"default":"","doc":"Filled in by the worker: internal id of the table that had the content.","name":"source","type":"string"},{"default":[],"doc":"Filled in by the worker: the columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Filled in by the worker: the primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"CopyTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Counts a file that came, changed or went; in the same batch as that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountFiles {
    /// Internal id of the incarnation of the project.
    pub project_uid: String,
    /// Files more, or less when negative.
    pub files: i64,
    /// Bytes more, or less when negative.
    pub bytes: i64,
}

alluvium_messaging::contract!(
    CountFiles,
    "CountFiles",
    r####"{"aggregate":"shelf","doc":"Counts a file that came, changed or went; in the same batch as that.","fields":[{"doc":"Internal id of the incarnation of the project.","name":"project_uid","type":"string"},{"doc":"Files more, or less when negative.","name":"files","type":"long"},{"doc":"Bytes more, or less when negative.","name":"bytes","type":"long"}],"kind":"command","name":"CountFiles","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Makes a view of a table that nobody can write to: some of its columns, the rows that meet a filter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAlias {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_CreateAlias_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the alias.
    pub table: String,
    /// Bucket of the table that it shows.
    pub source_bucket: String,
    /// Name of that table: on each branch, the one that the branch shows.
    pub source_table: String,
    /// The columns that it shows, in this order; all that the source has, also later, when null.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// The rows that it shows: those that meet all of these.
    #[serde(default)]
    pub filter: Vec<AliasFilter>,
}

#[allow(non_snake_case)]
fn default_CreateAlias_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    CreateAlias,
    "CreateAlias",
    r####"{"aggregate":"project","doc":"Makes a view of a table that nobody can write to: some of its columns, the rows that meet a filter.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the alias.","name":"table","type":"string"},{"doc":"Bucket of the table that it shows.","name":"source_bucket","type":"string"},{"doc":"Name of that table: on each branch, the one that the branch shows.","name":"source_table","type":"string"},{"default":null,"doc":"The columns that it shows, in this order; all that the source has, also later, when null.","name":"columns","type":["null",{"items":"string","type":"array"}]},{"default":[],"doc":"The rows that it shows: those that meet all of these.","name":"filter","type":{"items":{"doc":"A condition on the rows that an alias shows; several must all hold.","fields":[{"doc":"A column of the source, spelled as it has it.","name":"column","type":"string"},{"default":"eq","doc":"`eq`, `ne`, `gt`, `ge`, `lt` or `le`.","name":"operator","type":"string"},{"doc":"One value; `eq` and `ne` take several, meaning in and not in.","name":"values","type":{"items":"string","type":"array"}},{"default":null,"doc":"Compare as numbers: `INTEGER`, `DOUBLE`, `BIGINT`, `REAL` or `DECIMAL`.","name":"data_type","type":["null","string"]},{"default":null,"doc":"`SCALAR`, or `TIME_STRING` for points in time.","name":"type","type":["null","string"]}],"kind":"type","name":"AliasFilter","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"command","name":"CreateAlias","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Creates a dev branch that shows the main line: as it is at every moment, or as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBranch {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Its name, 1 to 128 printable characters.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// `live` shows the main line as it is at every moment, `pinned` as it is now.
    #[serde(default = "default_CreateBranch_mode")]
    pub mode: String,
    /// Filled in by the worker: the tables that a pinned branch begins with.
    #[serde(default)]
    pub tables: Vec<PinnedTable>,
}

#[allow(non_snake_case)]
fn default_CreateBranch_mode() -> String {
    "live".to_owned()
}

alluvium_messaging::contract!(
    CreateBranch,
    "CreateBranch",
    r####"{"aggregate":"project","doc":"Creates a dev branch that shows the main line: as it is at every moment, or as it is now.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Its name, 1 to 128 printable characters.","name":"name","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"default":"live","doc":"`live` shows the main line as it is at every moment, `pinned` as it is now.","name":"mode","type":"string"},{"default":[],"doc":"Filled in by the worker: the tables that a pinned branch begins with.","name":"tables","type":{"items":{"doc":"A table of the main line as a pinned branch begins with it.","fields":[{"doc":"Internal id of the main line's table.","name":"uid","type":"string"},{"doc":"Its columns.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"type","name":"PinnedTable","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"command","name":"CreateBranch","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####,
    &[]
);

/// Creates a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

alluvium_messaging::contract!(
    CreateBucket,
    "CreateBucket",
    r####"{"aggregate":"project","doc":"Creates a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]}],"kind":"command","name":"CreateBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"Creates a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]}],"kind":"command","name":"CreateBucket","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####
    ]
);

/// Creates a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Free settings as a JSON object.
    #[serde(default = "default_CreateProject_settings")]
    pub settings: String,
    /// Organisation it belongs to; null for none.
    #[serde(default)]
    pub organization: Option<String>,
}

#[allow(non_snake_case)]
fn default_CreateProject_settings() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    CreateProject,
    "CreateProject",
    r####"{"aggregate":"project","doc":"Creates a project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Name for people.","name":"name","type":["null","string"]},{"default":"{}","doc":"Free settings as a JSON object.","name":"settings","type":"string"},{"default":null,"doc":"Organisation it belongs to; null for none.","name":"organization","type":["null","string"]}],"kind":"command","name":"CreateProject","namespace":"alluvium.storage","requires":"admin","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"Creates a project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Name for people.","name":"name","type":["null","string"]},{"default":"{}","doc":"Free settings as a JSON object.","name":"settings","type":"string"}],"kind":"command","name":"CreateProject","namespace":"alluvium.storage","requires":"admin","type":"record"}"####
    ]
);

/// Creates a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_CreateTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Its columns in order, at least one.
    pub columns: Vec<ColumnSpec>,
    /// Columns that together identify a row.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

#[allow(non_snake_case)]
fn default_CreateTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    CreateTable,
    "CreateTable",
    r####"{"aggregate":"project","doc":"Creates a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Its columns in order, at least one.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Columns that together identify a row.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"CreateTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"Creates a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Its columns in order, at least one.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Columns that together identify a row.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"CreateTable","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Makes a table with the rows of a stored file, or none if they are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTableFromFile {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_CreateTableFromFile_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Its columns in order, at least one.
    pub columns: Vec<ColumnSpec>,
    /// Columns that together identify a row.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Hex SHA-256 of the file's content, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// csv or parquet.
    #[serde(default = "default_CreateTableFromFile_format")]
    pub format: String,
    /// How the CSV is written; null for the defaults.
    #[serde(default)]
    pub csv: Option<CsvOptions>,
    /// update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.
    #[serde(default = "default_CreateTableFromFile_dedup_mode")]
    pub dedup_mode: String,
    /// What is done with columns of the file that the table has not: error refuses the load, ignore reads over them.
    #[serde(default = "default_CreateTableFromFile_extra_columns")]
    pub extra_columns: String,
    /// Files whose rows follow those of the first, in this order: one load.
    #[serde(default)]
    pub more: Vec<LoadPart>,
}

#[allow(non_snake_case)]
fn default_CreateTableFromFile_branch() -> String {
    "default".to_owned()
}

#[allow(non_snake_case)]
fn default_CreateTableFromFile_format() -> String {
    "csv".to_owned()
}

#[allow(non_snake_case)]
fn default_CreateTableFromFile_dedup_mode() -> String {
    "update_duplicates".to_owned()
}

#[allow(non_snake_case)]
fn default_CreateTableFromFile_extra_columns() -> String {
    "error".to_owned()
}

alluvium_messaging::contract!(
    CreateTableFromFile,
    "CreateTableFromFile",
    r####"{"aggregate":"project","doc":"Makes a table with the rows of a stored file, or none if they are refused.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Its columns in order, at least one.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Columns that together identify a row.","name":"primary_key","type":{"items":"string","type":"array"}},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":"csv","doc":"csv or parquet.","name":"format","type":"string"},{"default":null,"doc":"How the CSV is written; null for the defaults.","name":"csv","type":["null",{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"},{"default":0,"doc":"So many lines are left out before anything is read, the header included.","name":"ignored_lines_count","type":"long"},{"default":[],"doc":"What else stands for NULL.","name":"null_strings","type":{"items":"string","type":"array"}}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}]},{"default":"update_duplicates","doc":"update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.","name":"dedup_mode","type":"string"},{"default":"error","doc":"What is done with columns of the file that the table has not: error refuses the load, ignore reads over them.","name":"extra_columns","type":"string"},{"default":[],"doc":"Files whose rows follow those of the first, in this order: one load.","name":"more","type":{"items":{"doc":"A file of several that are loaded as one.","fields":[{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"type","name":"LoadPart","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"command","name":"CreateTableFromFile","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Creates a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateWorkspace {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is of; `default` is the main line.
    #[serde(default = "default_CreateWorkspace_branch")]
    pub branch: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Name for people, 1 to 128 printable characters.
    pub name: String,
    /// When it is over, in microseconds since 1970; never when null.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// What its objects may take, in bytes.
    pub size_limit_bytes: i64,
    /// Who logs in to it.
    pub username: String,
    /// Argon2id verifier of the password, as a PHC string.
    pub password_hash: String,
    /// The incarnation of the project that it belongs to.
    #[serde(default)]
    pub project_uid: String,
    /// Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.
    #[serde(default)]
    pub holder: String,
}

#[allow(non_snake_case)]
fn default_CreateWorkspace_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    CreateWorkspace,
    "CreateWorkspace",
    r####"{"aggregate":"workspace","doc":"Creates a workspace.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is of; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Name for people, 1 to 128 printable characters.","name":"name","type":"string"},{"default":null,"doc":"When it is over, in microseconds since 1970; never when null.","name":"expires_at","type":["null","long"]},{"doc":"What its objects may take, in bytes.","name":"size_limit_bytes","type":"long"},{"doc":"Who logs in to it.","name":"username","type":"string"},{"doc":"Argon2id verifier of the password, as a PHC string.","name":"password_hash","type":"string"},{"default":"","doc":"The incarnation of the project that it belongs to.","name":"project_uid","type":"string"},{"default":"","doc":"Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.","name":"holder","type":"string"}],"kind":"command","name":"CreateWorkspace","namespace":"alluvium.storage","requires":"workspace_write","type":"record"}"####,
    &[]
);

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvOptions {
    /// Between fields, 1 to 4 bytes; the two characters \\t mean tab.
    #[serde(default = "default_CsvOptions_delimiter")]
    pub delimiter: String,
    /// Around fields, one byte or empty.
    #[serde(default = "default_CsvOptions_quote")]
    pub quote: String,
    /// Before a quote inside quotes, one byte or empty; a doubled quote always works.
    #[serde(default = "default_CsvOptions_escape")]
    pub escape: String,
    /// Whether the first row names the columns.
    #[serde(default = "default_CsvOptions_header")]
    pub header: bool,
    /// What stands for NULL.
    #[serde(default)]
    pub null_string: String,
    /// Whether a quoted null_string is NULL too.
    #[serde(default = "default_CsvOptions_allow_quoted_nulls")]
    pub allow_quoted_nulls: bool,
    /// So many lines are left out before anything is read, the header included.
    #[serde(default)]
    pub ignored_lines_count: i64,
    /// What else stands for NULL.
    #[serde(default)]
    pub null_strings: Vec<String>,
}

#[allow(non_snake_case)]
fn default_CsvOptions_delimiter() -> String {
    ",".to_owned()
}

#[allow(non_snake_case)]
fn default_CsvOptions_quote() -> String {
    "\"".to_owned()
}

#[allow(non_snake_case)]
fn default_CsvOptions_escape() -> String {
    "\\".to_owned()
}

#[allow(non_snake_case)]
fn default_CsvOptions_header() -> bool {
    true
}

#[allow(non_snake_case)]
fn default_CsvOptions_allow_quoted_nulls() -> bool {
    true
}

alluvium_messaging::contract!(
    CsvOptions,
    "CsvOptions",
    r####"{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"},{"default":0,"doc":"So many lines are left out before anything is read, the header included.","name":"ignored_lines_count","type":"long"},{"default":[],"doc":"What else stands for NULL.","name":"null_strings","type":{"items":"string","type":"array"}}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// Cuts every link that another project has to a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutLinks {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Id of the project that has the links.
    pub target_project: String,
    /// Filled in by the worker: which project that is.
    #[serde(default)]
    pub target_uid: Option<String>,
}

alluvium_messaging::contract!(
    CutLinks,
    "CutLinks",
    r####"{"aggregate":"project","doc":"Cuts every link that another project has to a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Id of the project that has the links.","name":"target_project","type":"string"},{"default":null,"doc":"Filled in by the worker: which project that is.","name":"target_uid","type":["null","string"]}],"kind":"command","name":"CutLinks","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Deletes a dev branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteBranch {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch, 8 hex digits.
    pub branch: String,
}

alluvium_messaging::contract!(
    DeleteBranch,
    "DeleteBranch",
    r####"{"aggregate":"project","doc":"Deletes a dev branch.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch, 8 hex digits.","name":"branch","type":"string"}],"kind":"command","name":"DeleteBranch","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####,
    &[]
);

/// Deletes a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Whether its tables go too; otherwise a bucket with tables stays.
    #[serde(default = "default_DeleteBucket_cascade")]
    pub cascade: bool,
    /// Whether it goes although other projects link it.
    #[serde(default)]
    pub force: bool,
}

#[allow(non_snake_case)]
fn default_DeleteBucket_cascade() -> bool {
    true
}

alluvium_messaging::contract!(
    DeleteBucket,
    "DeleteBucket",
    r####"{"aggregate":"project","doc":"Deletes a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":true,"doc":"Whether its tables go too; otherwise a bucket with tables stays.","name":"cascade","type":"boolean"},{"default":false,"doc":"Whether it goes although other projects link it.","name":"force","type":"boolean"}],"kind":"command","name":"DeleteBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"Deletes a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":true,"doc":"Whether its tables go too; otherwise a bucket with tables stays.","name":"cascade","type":"boolean"}],"kind":"command","name":"DeleteBucket","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####
    ]
);

/// Deletes a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteFile {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_DeleteFile_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_DeleteFile_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DeleteFile,
    "DeleteFile",
    r####"{"aggregate":"file","doc":"Deletes a file.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"DeleteFile","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"Deletes a file.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"}],"kind":"command","name":"DeleteFile","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Takes back what was said of an object. Through a dev branch, what the main line says is hidden there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteMetadata {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_DeleteMetadata_branch")]
    pub branch: String,
    /// Whether it is about the project itself, and no branch of it.
    #[serde(default)]
    pub of_project: bool,
    /// Name of the bucket; null for the branch.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table; null for the whole bucket.
    #[serde(default)]
    pub table: Option<String>,
    /// Name of the column; null for the object itself.
    #[serde(default)]
    pub column: Option<String>,
    /// Id of the entry.
    pub id: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows. Filled in when it is decided.
    #[serde(default)]
    pub object: String,
    /// Internal id of the table that the branch shows; empty for what is no table. Filled in when it is decided.
    #[serde(default)]
    pub uid: String,
    /// Internal id of this incarnation of the project. Filled in when it is decided.
    #[serde(default)]
    pub project_uid: String,
    /// Whether the main line says it. Filled in when it is decided.
    #[serde(default)]
    pub inherited: bool,
}

#[allow(non_snake_case)]
fn default_DeleteMetadata_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DeleteMetadata,
    "DeleteMetadata",
    r####"{"aggregate":"metadata","doc":"Takes back what was said of an object. Through a dev branch, what the main line says is hidden there.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"default":false,"doc":"Whether it is about the project itself, and no branch of it.","name":"of_project","type":"boolean"},{"default":null,"doc":"Name of the bucket; null for the branch.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the whole bucket.","name":"table","type":["null","string"]},{"default":null,"doc":"Name of the column; null for the object itself.","name":"column","type":["null","string"]},{"doc":"Id of the entry.","name":"id","type":"string"},{"default":"","doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows. Filled in when it is decided.","name":"object","type":"string"},{"default":"","doc":"Internal id of the table that the branch shows; empty for what is no table. Filled in when it is decided.","name":"uid","type":"string"},{"default":"","doc":"Internal id of this incarnation of the project. Filled in when it is decided.","name":"project_uid","type":"string"},{"default":false,"doc":"Whether the main line says it. Filled in when it is decided.","name":"inherited","type":"boolean"}],"kind":"command","name":"DeleteMetadata","namespace":"alluvium.storage","requires":"branch_write","type":"record"}"####,
    &[]
);

/// Deletes the object of a key; nothing happens when there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteObject {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Key of the object in its project.
    pub key: String,
    /// Filled in when the command is decided: the id of the file that has the key. Leave it out.
    #[serde(default)]
    pub file: String,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_DeleteObject_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_DeleteObject_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DeleteObject,
    "DeleteObject",
    r####"{"aggregate":"file","doc":"Deletes the object of a key; nothing happens when there is none.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Key of the object in its project.","name":"key","type":"string"},{"default":"","doc":"Filled in when the command is decided: the id of the file that has the key. Leave it out.","name":"file","type":"string"},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"DeleteObject","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Deletes a project with all it holds; its id is free again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteProject {
    /// Id of the project, as in URLs.
    pub project: String,
}

alluvium_messaging::contract!(
    DeleteProject,
    "DeleteProject",
    r####"{"aggregate":"project","doc":"Deletes a project with all it holds; its id is free again.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"}],"kind":"command","name":"DeleteProject","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####,
    &[]
);

/// Deletes the rows a condition picks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteRows {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_DeleteRows_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// A boolean expression over the table's columns.
    pub where_clause: String,
    /// Only rows whose last change was not before this, in microseconds since 1970.
    #[serde(default)]
    pub changed_since: Option<i64>,
    /// Only rows whose last change was before this, in microseconds since 1970.
    #[serde(default)]
    pub changed_until: Option<i64>,
}

#[allow(non_snake_case)]
fn default_DeleteRows_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DeleteRows,
    "DeleteRows",
    r####"{"aggregate":"table","doc":"Deletes the rows a condition picks.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"A boolean expression over the table's columns.","name":"where_clause","type":"string"},{"default":null,"doc":"Only rows whose last change was not before this, in microseconds since 1970.","name":"changed_since","type":["null","long"]},{"default":null,"doc":"Only rows whose last change was before this, in microseconds since 1970.","name":"changed_until","type":["null","long"]}],"kind":"command","name":"DeleteRows","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Deletes the rows a condition picks.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"A boolean expression over the table's columns.","name":"where_clause","type":"string"}],"kind":"command","name":"DeleteRows","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Takes a snapshot's name away; what nothing else needs can go then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSnapshot {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_DeleteSnapshot_branch")]
    pub branch: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Name of the bucket that the snapshot must be of; null for any, which takes a right to the whole branch.
    #[serde(default)]
    pub bucket: Option<String>,
}

#[allow(non_snake_case)]
fn default_DeleteSnapshot_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DeleteSnapshot,
    "DeleteSnapshot",
    r####"{"aggregate":"project","doc":"Takes a snapshot's name away; what nothing else needs can go then.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"default":null,"doc":"Name of the bucket that the snapshot must be of; null for any, which takes a right to the whole branch.","name":"bucket","type":["null","string"]}],"kind":"command","name":"DeleteSnapshot","namespace":"alluvium.storage","requires":"branch_write","type":"record"}"####,
    &[]
);

/// Deletes a workspace with its objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteWorkspace {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is of; `default` is the main line.
    #[serde(default = "default_DeleteWorkspace_branch")]
    pub branch: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.
    #[serde(default)]
    pub holder: String,
}

#[allow(non_snake_case)]
fn default_DeleteWorkspace_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DeleteWorkspace,
    "DeleteWorkspace",
    r####"{"aggregate":"workspace","doc":"Deletes a workspace with its objects.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is of; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"default":"","doc":"Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.","name":"holder","type":"string"}],"kind":"command","name":"DeleteWorkspace","namespace":"alluvium.storage","requires":"workspace_write","type":"record"}"####,
    &[]
);

/// Drops a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropColumn {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_DropColumn_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Name of the column.
    pub column: String,
}

#[allow(non_snake_case)]
fn default_DropColumn_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DropColumn,
    "DropColumn",
    r####"{"aggregate":"table","doc":"Drops a column.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Name of the column.","name":"column","type":"string"}],"kind":"command","name":"DropColumn","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Drops a column.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Name of the column.","name":"column","type":"string"}],"kind":"command","name":"DropColumn","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Takes a table's primary key away; its columns stay not-null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropPrimaryKey {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_DropPrimaryKey_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
}

#[allow(non_snake_case)]
fn default_DropPrimaryKey_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DropPrimaryKey,
    "DropPrimaryKey",
    r####"{"aggregate":"table","doc":"Takes a table's primary key away; its columns stay not-null.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"}],"kind":"command","name":"DropPrimaryKey","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Takes a table's primary key away; its columns stay not-null.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"}],"kind":"command","name":"DropPrimaryKey","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Drops a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_DropTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
}

#[allow(non_snake_case)]
fn default_DropTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    DropTable,
    "DropTable",
    r####"{"aggregate":"project","doc":"Drops a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"}],"kind":"command","name":"DropTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"Drops a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"}],"kind":"command","name":"DropTable","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Notes what came of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndJob {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the job, unique within the installation.
    pub job: String,
    /// Whether it was done.
    pub is_success: bool,
    /// Body of the answer, JSON text; of a refusal, what it says is wrong.
    pub answer: String,
}

alluvium_messaging::contract!(
    EndJob,
    "EndJob",
    r####"{"aggregate":"job","doc":"Notes what came of a job.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the job, unique within the installation.","name":"job","type":"string"},{"doc":"Whether it was done.","name":"is_success","type":"boolean"},{"doc":"Body of the answer, JSON text; of a refusal, what it says is wrong.","name":"answer","type":"string"}],"kind":"command","name":"EndJob","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Lets go of a file, or of an upload, whose time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpireFile {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
}

alluvium_messaging::contract!(
    ExpireFile,
    "ExpireFile",
    r####"{"aggregate":"file","doc":"Lets go of a file, or of an upload, whose time is over.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"}],"kind":"command","name":"ExpireFile","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Lets go of an upload in parts whose time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpireMultipart {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
}

alluvium_messaging::contract!(
    ExpireMultipart,
    "ExpireMultipart",
    r####"{"aggregate":"multipart","doc":"Lets go of an upload in parts whose time is over.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"}],"kind":"command","name":"ExpireMultipart","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Lets go of a project's snapshots whose time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpireSnapshots {
    /// Id of the project, as in URLs.
    pub project: String,
}

alluvium_messaging::contract!(
    ExpireSnapshots,
    "ExpireSnapshots",
    r####"{"aggregate":"project","doc":"Lets go of a project's snapshots whose time is over.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"}],"kind":"command","name":"ExpireSnapshots","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Lets go of a workspace whose time is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpireWorkspace {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
}

alluvium_messaging::contract!(
    ExpireWorkspace,
    "ExpireWorkspace",
    r####"{"aggregate":"workspace","doc":"Lets go of a workspace whose time is over.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"}],"kind":"command","name":"ExpireWorkspace","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// A file is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
}

alluvium_messaging::contract!(
    FileDeleted,
    "FileDeleted",
    r####"{"aggregate":"file","doc":"A file is gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"}],"kind":"event","name":"FileDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A file's time is over: its content is let go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileExpired {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
}

alluvium_messaging::contract!(
    FileExpired,
    "FileExpired",
    r####"{"aggregate":"file","doc":"A file's time is over: its content is let go.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"}],"kind":"event","name":"FileExpired","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A file of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRegistered {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Name for people.
    pub name: String,
    /// Media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Tags.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Internal id of the incarnation of the project it belongs to.
    pub project_uid: String,
    /// What clients know the content by: its hex MD5, or, of an object that came in parts, the hex MD5 of their MD5s, a dash, and how many there are; absent where nobody computed it.
    #[serde(default)]
    pub md5: Option<String>,
    /// Its key among the project's objects; absent where that follows from day, id and name.
    #[serde(default)]
    pub key: Option<String>,
    /// When it is gone by itself; absent when never.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// The run of the client that it is part of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// Whether it counts in what the project may hold; files from before that was counted do not.
    #[serde(default)]
    pub counted: bool,
    /// Id of the branch whose keys see it; `default` when only keys of the whole project do.
    #[serde(default = "default_FileRegistered_branch")]
    pub branch: String,
    /// Whether the content is a manifest that names the files whose rows it stands for.
    #[serde(default)]
    pub is_sliced: bool,
}

#[allow(non_snake_case)]
fn default_FileRegistered_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    FileRegistered,
    "FileRegistered",
    r####"{"aggregate":"file","doc":"A file of the project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"name","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"doc":"Internal id of the incarnation of the project it belongs to.","name":"project_uid","type":"string"},{"default":null,"doc":"What clients know the content by: its hex MD5, or, of an object that came in parts, the hex MD5 of their MD5s, a dash, and how many there are; absent where nobody computed it.","name":"md5","type":["null","string"]},{"default":null,"doc":"Its key among the project's objects; absent where that follows from day, id and name.","name":"key","type":["null","string"]},{"default":null,"doc":"When it is gone by itself; absent when never.","name":"expires_at","type":["null",{"logicalType":"timestamp-micros","type":"long"}]},{"default":null,"doc":"The run of the client that it is part of.","name":"run_id","type":["null","string"]},{"default":false,"doc":"Whether it counts in what the project may hold; files from before that was counted do not.","name":"counted","type":"boolean"},{"default":"default","doc":"Id of the branch whose keys see it; `default` when only keys of the whole project do.","name":"branch","type":"string"},{"default":false,"doc":"Whether the content is a manifest that names the files whose rows it stands for.","name":"is_sliced","type":"boolean"}],"kind":"event","name":"FileRegistered","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"A file of the project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"name","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"doc":"Internal id of the incarnation of the project it belongs to.","name":"project_uid","type":"string"}],"kind":"event","name":"FileRegistered","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// A file has these tags now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileTagged {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// All its tags; a label is a tag without a value.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
}

alluvium_messaging::contract!(
    FileTagged,
    "FileTagged",
    r####"{"aggregate":"file","doc":"A file has these tags now.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"default":{},"doc":"All its tags; a label is a tag without a value.","name":"tags","type":{"type":"map","values":"string"}}],"kind":"event","name":"FileTagged","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A project holds more files or bytes, or less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilesCounted {
    /// Internal id of the incarnation of the project.
    pub project_uid: String,
    /// Files more, or less when negative.
    pub files: i64,
    /// Bytes more, or less when negative.
    pub bytes: i64,
}

alluvium_messaging::contract!(
    FilesCounted,
    "FilesCounted",
    r####"{"aggregate":"shelf","doc":"A project holds more files or bytes, or less.","fields":[{"doc":"Internal id of the incarnation of the project.","name":"project_uid","type":"string"},{"doc":"Files more, or less when negative.","name":"files","type":"long"},{"doc":"Bytes more, or less when negative.","name":"bytes","type":"long"}],"kind":"event","name":"FilesCounted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The catalogue wants a new table to be made with the rows of a stored file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillTable {
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Hex SHA-256 of the file's content, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// csv or parquet.
    #[serde(default = "default_FillTable_format")]
    pub format: String,
    /// How the CSV is written; null for the defaults.
    #[serde(default)]
    pub csv: Option<CsvOptions>,
    /// update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.
    #[serde(default = "default_FillTable_dedup_mode")]
    pub dedup_mode: String,
    /// What is done with columns of the file that the table has not: error refuses the load, ignore reads over them.
    #[serde(default = "default_FillTable_extra_columns")]
    pub extra_columns: String,
    /// Files whose rows follow those of the first, in this order: one load.
    #[serde(default)]
    pub more: Vec<LoadPart>,
}

#[allow(non_snake_case)]
fn default_FillTable_format() -> String {
    "csv".to_owned()
}

#[allow(non_snake_case)]
fn default_FillTable_dedup_mode() -> String {
    "update_duplicates".to_owned()
}

#[allow(non_snake_case)]
fn default_FillTable_extra_columns() -> String {
    "error".to_owned()
}

alluvium_messaging::contract!(
    FillTable,
    "FillTable",
    r####"{"aggregate":"table","doc":"The catalogue wants a new table to be made with the rows of a stored file.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":"csv","doc":"csv or parquet.","name":"format","type":"string"},{"default":null,"doc":"How the CSV is written; null for the defaults.","name":"csv","type":["null",{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"},{"default":0,"doc":"So many lines are left out before anything is read, the header included.","name":"ignored_lines_count","type":"long"},{"default":[],"doc":"What else stands for NULL.","name":"null_strings","type":{"items":"string","type":"array"}}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}]},{"default":"update_duplicates","doc":"update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.","name":"dedup_mode","type":"string"},{"default":"error","doc":"What is done with columns of the file that the table has not: error refuses the load, ignore reads over them.","name":"extra_columns","type":"string"},{"default":[],"doc":"Files whose rows follow those of the first, in this order: one load.","name":"more","type":{"items":{"doc":"A file of several that are loaded as one.","fields":[{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"type","name":"LoadPart","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"command","name":"FillTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Gives a dev branch a table of its own in the place of the main line's, with the same content; in the batch of the first write to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the dev branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// The columns it has.
    pub columns: Vec<ColumnSpec>,
    /// Its primary key.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

alluvium_messaging::contract!(
    ForkTable,
    "ForkTable",
    r####"{"aggregate":"project","doc":"Gives a dev branch a table of its own in the place of the main line's, with the same content; in the batch of the first write to it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the dev branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"The columns it has.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"ForkTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// A request waits to be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobBegun {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is about; `default` is the main line.
    #[serde(default = "default_JobBegun_branch")]
    pub branch: String,
    /// Id of the job, unique within the installation.
    pub job: String,
    /// What is done, e.g. tableImport.
    pub operation: String,
    /// Bucket and table that it is about, with a dot between them; jobs on one table run in order.
    #[serde(default)]
    pub table_id: Option<String>,
    /// Method of the request.
    pub method: String,
    /// Path and query of the request.
    pub target: String,
    /// Body of the request, JSON text; empty where there is none.
    #[serde(default)]
    pub body: String,
    /// The run of the client that it is part of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// The process that took it in, and runs it.
    pub node: String,
    /// Whoever asked, in an actor's printed form; it is carried out with their rights.
    pub created_by: String,
    /// The incarnation of the project that it belongs to.
    #[serde(default)]
    pub project_uid: String,
}

#[allow(non_snake_case)]
fn default_JobBegun_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    JobBegun,
    "JobBegun",
    r####"{"aggregate":"job","doc":"A request waits to be carried out.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is about; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the job, unique within the installation.","name":"job","type":"string"},{"doc":"What is done, e.g. tableImport.","name":"operation","type":"string"},{"default":null,"doc":"Bucket and table that it is about, with a dot between them; jobs on one table run in order.","name":"table_id","type":["null","string"]},{"doc":"Method of the request.","name":"method","type":"string"},{"doc":"Path and query of the request.","name":"target","type":"string"},{"default":"","doc":"Body of the request, JSON text; empty where there is none.","name":"body","type":"string"},{"default":null,"doc":"The run of the client that it is part of.","name":"run_id","type":["null","string"]},{"doc":"The process that took it in, and runs it.","name":"node","type":"string"},{"doc":"Whoever asked, in an actor's printed form; it is carried out with their rights.","name":"created_by","type":"string"},{"default":"","doc":"The incarnation of the project that it belongs to.","name":"project_uid","type":"string"}],"kind":"event","name":"JobBegun","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A job was done, or refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobEnded {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the job, unique within the installation.
    pub job: String,
    /// Whether it was done.
    pub is_success: bool,
    /// Body of the answer, JSON text; of a refusal, what it says is wrong.
    pub answer: String,
}

alluvium_messaging::contract!(
    JobEnded,
    "JobEnded",
    r####"{"aggregate":"job","doc":"A job was done, or refused.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the job, unique within the installation.","name":"job","type":"string"},{"doc":"Whether it was done.","name":"is_success","type":"boolean"},{"doc":"Body of the answer, JSON text; of a refusal, what it says is wrong.","name":"answer","type":"string"}],"kind":"event","name":"JobEnded","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A job runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStarted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the job, unique within the installation.
    pub job: String,
}

alluvium_messaging::contract!(
    JobStarted,
    "JobStarted",
    r####"{"aggregate":"job","doc":"A job runs.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the job, unique within the installation.","name":"job","type":"string"}],"kind":"event","name":"JobStarted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A bucket of another project shows a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkAdmitted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// Id of that project.
    pub target_project: String,
    /// Internal id of that project.
    pub target_uid: String,
    /// Name of the bucket that shows it.
    pub target_bucket: String,
}

alluvium_messaging::contract!(
    LinkAdmitted,
    "LinkAdmitted",
    r####"{"aggregate":"project","doc":"A bucket of another project shows a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"doc":"Id of that project.","name":"target_project","type":"string"},{"doc":"Internal id of that project.","name":"target_uid","type":"string"},{"doc":"Name of the bucket that shows it.","name":"target_bucket","type":"string"}],"kind":"event","name":"LinkAdmitted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Makes a bucket that shows the tables of another project's bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the new bucket.
    pub bucket: String,
    /// Id of the project whose bucket it shows.
    pub source_project: String,
    /// Name of that bucket.
    pub source_bucket: String,
    /// Filled in by the worker: which bucket that is.
    #[serde(default)]
    pub source_uid: Option<String>,
}

alluvium_messaging::contract!(
    LinkBucket,
    "LinkBucket",
    r####"{"aggregate":"project","doc":"Makes a bucket that shows the tables of another project's bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the new bucket.","name":"bucket","type":"string"},{"doc":"Id of the project whose bucket it shows.","name":"source_project","type":"string"},{"doc":"Name of that bucket.","name":"source_bucket","type":"string"},{"default":null,"doc":"Filled in by the worker: which bucket that is.","name":"source_uid","type":["null","string"]}],"kind":"command","name":"LinkBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// A linked bucket shows nothing any more, whatever is shared from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkClosed {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the linked bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the linked bucket.
    pub uid: String,
}

alluvium_messaging::contract!(
    LinkClosed,
    "LinkClosed",
    r####"{"aggregate":"project","doc":"A linked bucket shows nothing any more, whatever is shared from now on.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the linked bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the linked bucket.","name":"uid","type":"string"}],"kind":"event","name":"LinkClosed","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Makes a bucket that shows the tables and views of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkPipeline {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the new bucket.
    pub bucket: String,
    /// Name of the pipeline, as it is shown.
    pub pipeline: String,
    /// Id of the pipeline; it stays when the pipeline is renamed.
    pub pipeline_id: String,
}

alluvium_messaging::contract!(
    LinkPipeline,
    "LinkPipeline",
    r####"{"aggregate":"project","doc":"Makes a bucket that shows the tables and views of a pipeline.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the new bucket.","name":"bucket","type":"string"},{"doc":"Name of the pipeline, as it is shown.","name":"pipeline","type":"string"},{"doc":"Id of the pipeline; it stays when the pipeline is renamed.","name":"pipeline_id","type":"string"}],"kind":"command","name":"LinkPipeline","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// A bucket of another project shows a bucket no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkReleased {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// Internal id of that project.
    pub target_uid: String,
    /// Name of the bucket that showed it.
    pub target_bucket: String,
}

alluvium_messaging::contract!(
    LinkReleased,
    "LinkReleased",
    r####"{"aggregate":"project","doc":"A bucket of another project shows a bucket no more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"doc":"Internal id of that project.","name":"target_uid","type":"string"},{"doc":"Name of the bucket that showed it.","name":"target_bucket","type":"string"}],"kind":"event","name":"LinkReleased","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A file of several that are loaded as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadPart {
    /// Hex SHA-256 of the file's content, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
}

alluvium_messaging::contract!(
    LoadPart,
    "LoadPart",
    r####"{"doc":"A file of several that are loaded as one.","fields":[{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"type","name":"LoadPart","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A stored file is to be loaded, if its content allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRequested {
    /// Command id of the request; its Settled names it.
    pub request: String,
    /// Hex SHA-256 of the file's content, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// csv or parquet.
    #[serde(default = "default_LoadRequested_format")]
    pub format: String,
    /// How the CSV is written; null for the defaults.
    #[serde(default)]
    pub csv: Option<CsvOptions>,
    /// false replaces all rows, true adds to them.
    #[serde(default)]
    pub incremental: bool,
    /// update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.
    #[serde(default = "default_LoadRequested_dedup_mode")]
    pub dedup_mode: String,
    /// Restricts the load to these columns.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// What is done with columns of the file that the table has not: error refuses the load, ignore reads over them, add gives them to the table.
    #[serde(default = "default_LoadRequested_extra_columns")]
    pub extra_columns: String,
    /// A merge: rows of equal key are updated, and rows whose key the file has not are deleted.
    #[serde(default)]
    pub delete_missing: bool,
    /// Files whose rows follow those of the first, in this order: one load.
    #[serde(default)]
    pub more: Vec<LoadPart>,
    /// Whether these are the first rows of a table that is made with them: refused, there is no such table.
    #[serde(default)]
    pub fills: bool,
    /// Of a rebase: the last message of the main line's table that the content takes in; from then on the table differs from what that was.
    #[serde(default)]
    pub rebased_on: Option<i64>,
    /// Refused when the table was changed by a message above this one; null when that does not matter.
    #[serde(default)]
    pub unchanged_since: Option<i64>,
}

#[allow(non_snake_case)]
fn default_LoadRequested_format() -> String {
    "csv".to_owned()
}

#[allow(non_snake_case)]
fn default_LoadRequested_dedup_mode() -> String {
    "update_duplicates".to_owned()
}

#[allow(non_snake_case)]
fn default_LoadRequested_extra_columns() -> String {
    "error".to_owned()
}

alluvium_messaging::contract!(
    LoadRequested,
    "LoadRequested",
    r####"{"aggregate":"table","doc":"A stored file is to be loaded, if its content allows.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":"csv","doc":"csv or parquet.","name":"format","type":"string"},{"default":null,"doc":"How the CSV is written; null for the defaults.","name":"csv","type":["null",{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"},{"default":0,"doc":"So many lines are left out before anything is read, the header included.","name":"ignored_lines_count","type":"long"},{"default":[],"doc":"What else stands for NULL.","name":"null_strings","type":{"items":"string","type":"array"}}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}]},{"default":false,"doc":"false replaces all rows, true adds to them.","name":"incremental","type":"boolean"},{"default":"update_duplicates","doc":"update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.","name":"dedup_mode","type":"string"},{"default":null,"doc":"Restricts the load to these columns.","name":"columns","type":["null",{"items":"string","type":"array"}]},{"default":"error","doc":"What is done with columns of the file that the table has not: error refuses the load, ignore reads over them, add gives them to the table.","name":"extra_columns","type":"string"},{"default":false,"doc":"A merge: rows of equal key are updated, and rows whose key the file has not are deleted.","name":"delete_missing","type":"boolean"},{"default":[],"doc":"Files whose rows follow those of the first, in this order: one load.","name":"more","type":{"items":{"doc":"A file of several that are loaded as one.","fields":[{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"type","name":"LoadPart","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":false,"doc":"Whether these are the first rows of a table that is made with them: refused, there is no such table.","name":"fills","type":"boolean"},{"default":null,"doc":"Of a rebase: the last message of the main line's table that the content takes in; from then on the table differs from what that was.","name":"rebased_on","type":["null","long"]},{"default":null,"doc":"Refused when the table was changed by a message above this one; null when that does not matter.","name":"unchanged_since","type":["null","long"]}],"kind":"event","name":"LoadRequested","namespace":"alluvium.storage","request_of":"LoadTable","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"A stored file is to be loaded, if its content allows.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":"csv","doc":"csv or parquet.","name":"format","type":"string"},{"default":null,"doc":"How the CSV is written; null for the defaults.","name":"csv","type":["null",{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}]},{"default":false,"doc":"false replaces all rows, true adds to them.","name":"incremental","type":"boolean"},{"default":"update_duplicates","doc":"update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.","name":"dedup_mode","type":"string"},{"default":null,"doc":"Restricts the load to these columns.","name":"columns","type":["null",{"items":"string","type":"array"}]}],"kind":"event","name":"LoadRequested","namespace":"alluvium.storage","request_of":"LoadTable","type":"record"}"####
    ]
);

/// Loads a stored file into a table, atomically.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_LoadTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Hex SHA-256 of the file's content, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// csv or parquet.
    #[serde(default = "default_LoadTable_format")]
    pub format: String,
    /// How the CSV is written; null for the defaults.
    #[serde(default)]
    pub csv: Option<CsvOptions>,
    /// false replaces all rows, true adds to them.
    #[serde(default)]
    pub incremental: bool,
    /// update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.
    #[serde(default = "default_LoadTable_dedup_mode")]
    pub dedup_mode: String,
    /// Restricts the load to these columns.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// What is done with columns of the file that the table has not: error refuses the load, ignore reads over them, add gives them to the table.
    #[serde(default = "default_LoadTable_extra_columns")]
    pub extra_columns: String,
    /// A merge: rows of equal key are updated, and rows whose key the file has not are deleted.
    #[serde(default)]
    pub delete_missing: bool,
    /// Files whose rows follow those of the first, in this order: one load.
    #[serde(default)]
    pub more: Vec<LoadPart>,
}

#[allow(non_snake_case)]
fn default_LoadTable_branch() -> String {
    "default".to_owned()
}

#[allow(non_snake_case)]
fn default_LoadTable_format() -> String {
    "csv".to_owned()
}

#[allow(non_snake_case)]
fn default_LoadTable_dedup_mode() -> String {
    "update_duplicates".to_owned()
}

#[allow(non_snake_case)]
fn default_LoadTable_extra_columns() -> String {
    "error".to_owned()
}

alluvium_messaging::contract!(
    LoadTable,
    "LoadTable",
    r####"{"aggregate":"table","doc":"Loads a stored file into a table, atomically.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":"csv","doc":"csv or parquet.","name":"format","type":"string"},{"default":null,"doc":"How the CSV is written; null for the defaults.","name":"csv","type":["null",{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"},{"default":0,"doc":"So many lines are left out before anything is read, the header included.","name":"ignored_lines_count","type":"long"},{"default":[],"doc":"What else stands for NULL.","name":"null_strings","type":{"items":"string","type":"array"}}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}]},{"default":false,"doc":"false replaces all rows, true adds to them.","name":"incremental","type":"boolean"},{"default":"update_duplicates","doc":"update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.","name":"dedup_mode","type":"string"},{"default":null,"doc":"Restricts the load to these columns.","name":"columns","type":["null",{"items":"string","type":"array"}]},{"default":"error","doc":"What is done with columns of the file that the table has not: error refuses the load, ignore reads over them, add gives them to the table.","name":"extra_columns","type":"string"},{"default":false,"doc":"A merge: rows of equal key are updated, and rows whose key the file has not are deleted.","name":"delete_missing","type":"boolean"},{"default":[],"doc":"Files whose rows follow those of the first, in this order: one load.","name":"more","type":{"items":{"doc":"A file of several that are loaded as one.","fields":[{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"type","name":"LoadPart","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"command","name":"LoadTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Loads a stored file into a table, atomically.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":"csv","doc":"csv or parquet.","name":"format","type":"string"},{"default":null,"doc":"How the CSV is written; null for the defaults.","name":"csv","type":["null",{"doc":"How a CSV file is written.","fields":[{"default":",","doc":"Between fields, 1 to 4 bytes; the two characters \\\\t mean tab.","name":"delimiter","type":"string"},{"default":"\"","doc":"Around fields, one byte or empty.","name":"quote","type":"string"},{"default":"\\","doc":"Before a quote inside quotes, one byte or empty; a doubled quote always works.","name":"escape","type":"string"},{"default":true,"doc":"Whether the first row names the columns.","name":"header","type":"boolean"},{"default":"","doc":"What stands for NULL.","name":"null_string","type":"string"},{"default":true,"doc":"Whether a quoted null_string is NULL too.","name":"allow_quoted_nulls","type":"boolean"}],"kind":"type","name":"CsvOptions","namespace":"alluvium.storage","type":"record"}]},{"default":false,"doc":"false replaces all rows, true adds to them.","name":"incremental","type":"boolean"},{"default":"update_duplicates","doc":"update_duplicates, insert_duplicates or fail_on_duplicates; matters with a primary key only.","name":"dedup_mode","type":"string"},{"default":null,"doc":"Restricts the load to these columns.","name":"columns","type":["null",{"items":"string","type":"array"}]}],"kind":"command","name":"LoadTable","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Notes that a bucket is meant to be read only; that changes nobody's rights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkBucketReadOnly {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
}

alluvium_messaging::contract!(
    MarkBucketReadOnly,
    "MarkBucketReadOnly",
    r####"{"aggregate":"project","doc":"Notes that a bucket is meant to be read only; that changes nobody's rights.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"}],"kind":"command","name":"MarkBucketReadOnly","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Lets the main line say of a table what a dev branch says of the one that it has in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeMetadata {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows. Filled in when it is decided.
    #[serde(default)]
    pub object: String,
    /// Internal id of this incarnation of the project. Filled in when it is decided.
    #[serde(default)]
    pub project_uid: String,
    /// Internal id under which the branch says it. Filled in when it is decided.
    #[serde(default)]
    pub source: String,
    /// Internal id of the branch's table. Filled in when it is decided.
    #[serde(default)]
    pub source_uid: String,
    /// What the branch says. Filled in when it is decided.
    #[serde(default)]
    pub shown: Vec<MetadataRef>,
    /// What it hides. Filled in when it is decided.
    #[serde(default)]
    pub hidden: Vec<MetadataRef>,
}

alluvium_messaging::contract!(
    MergeMetadata,
    "MergeMetadata",
    r####"{"aggregate":"metadata","doc":"Lets the main line say of a table what a dev branch says of the one that it has in its place.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"default":"","doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows. Filled in when it is decided.","name":"object","type":"string"},{"default":"","doc":"Internal id of this incarnation of the project. Filled in when it is decided.","name":"project_uid","type":"string"},{"default":"","doc":"Internal id under which the branch says it. Filled in when it is decided.","name":"source","type":"string"},{"default":"","doc":"Internal id of the branch's table. Filled in when it is decided.","name":"source_uid","type":"string"},{"default":[],"doc":"What the branch says. Filled in when it is decided.","name":"shown","type":{"items":{"doc":"Which entry of metadata.","fields":[{"doc":"Its id.","name":"id","type":"string"},{"default":"","doc":"Name of the column in small letters; empty for the object itself.","name":"column","type":"string"}],"kind":"type","name":"MetadataRef","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"What it hides. Filled in when it is decided.","name":"hidden","type":{"items":"MetadataRef","type":"array"}}],"kind":"command","name":"MergeMetadata","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####,
    &[]
);

/// Makes what a dev branch has in a table of its own the content of the main line's table of that name, which is made if there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the dev branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Also when the main line's table has changed since the branch took it.
    #[serde(default)]
    pub force: bool,
    /// Filled in by the worker: the columns of the branch's table.
    #[serde(default)]
    pub columns: Vec<ColumnSpec>,
    /// Filled in by the worker: its primary key.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

alluvium_messaging::contract!(
    MergeTable,
    "MergeTable",
    r####"{"aggregate":"project","doc":"Makes what a dev branch has in a table of its own the content of the main line's table of that name, which is made if there is none.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the dev branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"default":false,"doc":"Also when the main line's table has changed since the branch took it.","name":"force","type":"boolean"},{"default":[],"doc":"Filled in by the worker: the columns of the branch's table.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Filled in by the worker: its primary key.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"MergeTable","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####,
    &[]
);

/// A branch says nothing of a table any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataCleared {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.
    pub object: String,
    /// Id of the branch that says it; `default` is the main one.
    pub branch: String,
}

alluvium_messaging::contract!(
    MetadataCleared,
    "MetadataCleared",
    r####"{"aggregate":"metadata","doc":"A branch says nothing of a table any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.","name":"object","type":"string"},{"doc":"Id of the branch that says it; `default` is the main one.","name":"branch","type":"string"}],"kind":"event","name":"MetadataCleared","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Something is not said of an object any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of this incarnation of the project.
    pub project_uid: String,
    /// What it is said of: `project`, `branch`, `bucket` or `table`.
    pub kind: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.
    pub object: String,
    /// Id of the branch that says it; `default` is the main one.
    pub branch: String,
    /// Internal id of the table that the branch shows; empty for what is no table.
    pub uid: String,
    /// Name of the column in small letters; empty for the object itself.
    #[serde(default)]
    pub column: String,
    /// Id of the entry.
    pub id: String,
    /// Whether the branch hides what the main line says.
    #[serde(default)]
    pub hides: bool,
}

alluvium_messaging::contract!(
    MetadataDeleted,
    "MetadataDeleted",
    r####"{"aggregate":"metadata","doc":"Something is not said of an object any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of this incarnation of the project.","name":"project_uid","type":"string"},{"doc":"What it is said of: `project`, `branch`, `bucket` or `table`.","name":"kind","type":"string"},{"doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.","name":"object","type":"string"},{"doc":"Id of the branch that says it; `default` is the main one.","name":"branch","type":"string"},{"doc":"Internal id of the table that the branch shows; empty for what is no table.","name":"uid","type":"string"},{"default":"","doc":"Name of the column in small letters; empty for the object itself.","name":"column","type":"string"},{"doc":"Id of the entry.","name":"id","type":"string"},{"default":false,"doc":"Whether the branch hides what the main line says.","name":"hides","type":"boolean"}],"kind":"event","name":"MetadataDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// What somebody says of an object, or of a column of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataEntry {
    /// Name of the column; null for the object itself.
    #[serde(default)]
    pub column: Option<String>,
    /// What is said.
    pub key: String,
    /// The words.
    pub value: String,
}

alluvium_messaging::contract!(
    MetadataEntry,
    "MetadataEntry",
    r####"{"doc":"What somebody says of an object, or of a column of it.","fields":[{"default":null,"doc":"Name of the column; null for the object itself.","name":"column","type":["null","string"]},{"doc":"What is said.","name":"key","type":"string"},{"doc":"The words.","name":"value","type":"string"}],"kind":"type","name":"MetadataEntry","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// An entry of metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataKept {
    /// Its id, the same for a provider and a key on every branch.
    pub id: String,
    /// Name of the column in small letters; empty for the object itself.
    #[serde(default)]
    pub column: String,
    /// What is said.
    pub key: String,
    /// The words.
    pub value: String,
}

alluvium_messaging::contract!(
    MetadataKept,
    "MetadataKept",
    r####"{"doc":"An entry of metadata.","fields":[{"doc":"Its id, the same for a provider and a key on every branch.","name":"id","type":"string"},{"default":"","doc":"Name of the column in small letters; empty for the object itself.","name":"column","type":"string"},{"doc":"What is said.","name":"key","type":"string"},{"doc":"The words.","name":"value","type":"string"}],"kind":"type","name":"MetadataKept","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The main line says of a table what a dev branch said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataMerged {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of this incarnation of the project.
    pub project_uid: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.
    pub object: String,
    /// Internal id under which the branch says it.
    pub source: String,
    /// Internal id of the branch's table.
    pub source_uid: String,
    /// Id of the branch.
    pub branch: String,
    /// What the branch says.
    #[serde(default)]
    pub shown: Vec<MetadataRef>,
    /// What it hides.
    #[serde(default)]
    pub hidden: Vec<MetadataRef>,
}

alluvium_messaging::contract!(
    MetadataMerged,
    "MetadataMerged",
    r####"{"aggregate":"metadata","doc":"The main line says of a table what a dev branch said of it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of this incarnation of the project.","name":"project_uid","type":"string"},{"doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.","name":"object","type":"string"},{"doc":"Internal id under which the branch says it.","name":"source","type":"string"},{"doc":"Internal id of the branch's table.","name":"source_uid","type":"string"},{"doc":"Id of the branch.","name":"branch","type":"string"},{"default":[],"doc":"What the branch says.","name":"shown","type":{"items":{"doc":"Which entry of metadata.","fields":[{"doc":"Its id.","name":"id","type":"string"},{"default":"","doc":"Name of the column in small letters; empty for the object itself.","name":"column","type":"string"}],"kind":"type","name":"MetadataRef","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"What it hides.","name":"hidden","type":{"items":"MetadataRef","type":"array"}}],"kind":"event","name":"MetadataMerged","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Which entry of metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataRef {
    /// Its id.
    pub id: String,
    /// Name of the column in small letters; empty for the object itself.
    #[serde(default)]
    pub column: String,
}

alluvium_messaging::contract!(
    MetadataRef,
    "MetadataRef",
    r####"{"doc":"Which entry of metadata.","fields":[{"doc":"Its id.","name":"id","type":"string"},{"default":"","doc":"Name of the column in small letters; empty for the object itself.","name":"column","type":"string"}],"kind":"type","name":"MetadataRef","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Something is said of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataSet {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of this incarnation of the project.
    pub project_uid: String,
    /// What it is said of: `project`, `branch`, `bucket` or `table`.
    pub kind: String,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.
    pub object: String,
    /// Id of the branch that says it; `default` is the main one.
    pub branch: String,
    /// Internal id of the table that the branch shows; empty for what is no table.
    pub uid: String,
    /// Who says it.
    pub provider: String,
    /// What is said.
    pub entries: Vec<MetadataKept>,
    /// Columns that are gone since, in small letters.
    #[serde(default)]
    pub forgotten: Vec<String>,
}

alluvium_messaging::contract!(
    MetadataSet,
    "MetadataSet",
    r####"{"aggregate":"metadata","doc":"Something is said of an object.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of this incarnation of the project.","name":"project_uid","type":"string"},{"doc":"What it is said of: `project`, `branch`, `bucket` or `table`.","name":"kind","type":"string"},{"doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows.","name":"object","type":"string"},{"doc":"Id of the branch that says it; `default` is the main one.","name":"branch","type":"string"},{"doc":"Internal id of the table that the branch shows; empty for what is no table.","name":"uid","type":"string"},{"doc":"Who says it.","name":"provider","type":"string"},{"doc":"What is said.","name":"entries","type":{"items":{"doc":"An entry of metadata.","fields":[{"doc":"Its id, the same for a provider and a key on every branch.","name":"id","type":"string"},{"default":"","doc":"Name of the column in small letters; empty for the object itself.","name":"column","type":"string"},{"doc":"What is said.","name":"key","type":"string"},{"doc":"The words.","name":"value","type":"string"}],"kind":"type","name":"MetadataKept","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Columns that are gone since, in small letters.","name":"forgotten","type":{"items":"string","type":"array"}}],"kind":"event","name":"MetadataSet","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// An upload is over, and its parts are let go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipartAborted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
}

alluvium_messaging::contract!(
    MultipartAborted,
    "MultipartAborted",
    r####"{"aggregate":"multipart","doc":"An upload is over, and its parts are let go.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"}],"kind":"event","name":"MultipartAborted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The parts of an upload are the object of its key, which is registered in the same commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipartCompleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// What names the object's content: the hex MD5 of its parts' MD5s, a dash, and how many parts it has.
    pub md5: String,
}

alluvium_messaging::contract!(
    MultipartCompleted,
    "MultipartCompleted",
    r####"{"aggregate":"multipart","doc":"The parts of an upload are the object of its key, which is registered in the same commit.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"doc":"What names the object's content: the hex MD5 of its parts' MD5s, a dash, and how many parts it has.","name":"md5","type":"string"}],"kind":"event","name":"MultipartCompleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Nobody completed an upload in its time, or it has been completed long since: nothing of it stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipartExpired {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
}

alluvium_messaging::contract!(
    MultipartExpired,
    "MultipartExpired",
    r####"{"aggregate":"multipart","doc":"Nobody completed an upload in its time, or it has been completed long since: nothing of it stays.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"}],"kind":"event","name":"MultipartExpired","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// An object is uploaded in parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultipartStarted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// Key of the object in its project.
    pub key: String,
    /// Media type of the object.
    #[serde(default)]
    pub content_type: Option<String>,
    /// When the upload ends by itself if nobody completes it.
    pub expires_at: i64,
    /// Internal id of the incarnation of the project it belongs to.
    pub project_uid: String,
    /// Id of the branch whose keys reach it; `default` when only keys of the whole project do.
    #[serde(default = "default_MultipartStarted_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_MultipartStarted_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    MultipartStarted,
    "MultipartStarted",
    r####"{"aggregate":"multipart","doc":"An object is uploaded in parts.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"doc":"Key of the object in its project.","name":"key","type":"string"},{"default":null,"doc":"Media type of the object.","name":"content_type","type":["null","string"]},{"doc":"When the upload ends by itself if nobody completes it.","name":"expires_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Internal id of the incarnation of the project it belongs to.","name":"project_uid","type":"string"},{"default":"default","doc":"Id of the branch whose keys reach it; `default` when only keys of the whole project do.","name":"branch","type":"string"}],"kind":"event","name":"MultipartStarted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Echo of TableCreated on the table itself; in the same batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_OpenTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Its columns.
    pub columns: Vec<ColumnSpec>,
    /// Its primary key.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Internal id of the table whose content it begins with; null when it begins empty.
    #[serde(default)]
    pub copy_of: Option<String>,
}

#[allow(non_snake_case)]
fn default_OpenTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    OpenTable,
    "OpenTable",
    r####"{"aggregate":"table","doc":"Echo of TableCreated on the table itself; in the same batch.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Its columns.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":null,"doc":"Internal id of the table whose content it begins with; null when it begins empty.","name":"copy_of","type":["null","string"]}],"kind":"command","name":"OpenTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Echo of TableCreated on the table itself; in the same batch.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Its columns.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"OpenTable","namespace":"alluvium.storage","requires":"system","type":"record"}"####
    ]
);

/// A part of an upload is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartStaged {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// Which part, 1 to 10,000.
    pub number: i32,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Hex MD5 of the content.
    pub md5: String,
}

alluvium_messaging::contract!(
    PartStaged,
    "PartStaged",
    r####"{"aggregate":"multipart","doc":"A part of an upload is there.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"doc":"Which part, 1 to 10,000.","name":"number","type":"int"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"doc":"Hex MD5 of the content.","name":"md5","type":"string"}],"kind":"event","name":"PartStaged","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A table of the main line as a pinned branch begins with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedTable {
    /// Internal id of the main line's table.
    pub uid: String,
    /// Its columns.
    pub columns: Vec<ColumnSpec>,
    /// Its primary key.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

alluvium_messaging::contract!(
    PinnedTable,
    "PinnedTable",
    r####"{"doc":"A table of the main line as a pinned branch begins with it.","fields":[{"doc":"Internal id of the main line's table.","name":"uid","type":"string"},{"doc":"Its columns.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"type","name":"PinnedTable","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Opens an upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrepareUpload {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Name for people.
    pub filename: String,
    /// Media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Declared size.
    #[serde(default)]
    pub size_bytes: Option<i64>,
    /// Declared hex SHA-256.
    #[serde(default)]
    pub checksum_sha256: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// When the upload session ends.
    pub expires_at: i64,
    /// Filled in when the command is decided: which incarnation of the project it is for. Leave it out.
    #[serde(default)]
    pub project_uid: String,
    /// Whether it stays until somebody deletes it; else it expires 15 days after it became a file.
    #[serde(default = "default_PrepareUpload_is_permanent")]
    pub is_permanent: bool,
    /// The run of the client that it is part of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_PrepareUpload_branch")]
    pub branch: String,
    /// Whether the content is a manifest that names the files whose rows it stands for.
    #[serde(default)]
    pub is_sliced: bool,
}

#[allow(non_snake_case)]
fn default_PrepareUpload_is_permanent() -> bool {
    true
}

#[allow(non_snake_case)]
fn default_PrepareUpload_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    PrepareUpload,
    "PrepareUpload",
    r####"{"aggregate":"file","doc":"Opens an upload.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"filename","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"default":null,"doc":"Declared size.","name":"size_bytes","type":["null","long"]},{"default":null,"doc":"Declared hex SHA-256.","name":"checksum_sha256","type":["null","string"]},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"doc":"When the upload session ends.","name":"expires_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"default":"","doc":"Filled in when the command is decided: which incarnation of the project it is for. Leave it out.","name":"project_uid","type":"string"},{"default":true,"doc":"Whether it stays until somebody deletes it; else it expires 15 days after it became a file.","name":"is_permanent","type":"boolean"},{"default":null,"doc":"The run of the client that it is part of.","name":"run_id","type":["null","string"]},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"},{"default":false,"doc":"Whether the content is a manifest that names the files whose rows it stands for.","name":"is_sliced","type":"boolean"}],"kind":"command","name":"PrepareUpload","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"Opens an upload.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"filename","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"default":null,"doc":"Declared size.","name":"size_bytes","type":["null","long"]},{"default":null,"doc":"Declared hex SHA-256.","name":"checksum_sha256","type":["null","string"]},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"doc":"When the upload session ends.","name":"expires_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"default":"","doc":"Filled in when the command is decided: which incarnation of the project it is for. Leave it out.","name":"project_uid","type":"string"}],"kind":"command","name":"PrepareUpload","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// The primary key is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrimaryKeyDropped {
    /// The columns it had.
    pub columns: Vec<String>,
}

alluvium_messaging::contract!(
    PrimaryKeyDropped,
    "PrimaryKeyDropped",
    r####"{"aggregate":"table","doc":"The primary key is gone.","fields":[{"doc":"The columns it had.","name":"columns","type":{"items":"string","type":"array"}}],"kind":"event","name":"PrimaryKeyDropped","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The table is to get a primary key, if the rows allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrimaryKeyRequested {
    /// Command id of the request; its Settled names it.
    pub request: String,
    /// The columns.
    pub columns: Vec<String>,
}

alluvium_messaging::contract!(
    PrimaryKeyRequested,
    "PrimaryKeyRequested",
    r####"{"aggregate":"table","doc":"The table is to get a primary key, if the rows allow.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"The columns.","name":"columns","type":{"items":"string","type":"array"}}],"kind":"event","name":"PrimaryKeyRequested","namespace":"alluvium.storage","request_of":"SetPrimaryKey","type":"record"}"####,
    &[]
);

/// A project came to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectCreated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of this incarnation of the project; a name created again gets a new one.
    pub uid: String,
    /// Name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Settings as a JSON object.
    pub settings: String,
    /// Organisation it belongs to; null for none.
    #[serde(default)]
    pub organization: Option<String>,
}

alluvium_messaging::contract!(
    ProjectCreated,
    "ProjectCreated",
    r####"{"aggregate":"project","doc":"A project came to be.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of this incarnation of the project; a name created again gets a new one.","name":"uid","type":"string"},{"default":null,"doc":"Name for people.","name":"name","type":["null","string"]},{"doc":"Settings as a JSON object.","name":"settings","type":"string"},{"default":null,"doc":"Organisation it belongs to; null for none.","name":"organization","type":["null","string"]}],"kind":"event","name":"ProjectCreated","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"A project came to be.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of this incarnation of the project; a name created again gets a new one.","name":"uid","type":"string"},{"default":null,"doc":"Name for people.","name":"name","type":["null","string"]},{"doc":"Settings as a JSON object.","name":"settings","type":"string"}],"kind":"event","name":"ProjectCreated","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// A project and all it held is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Internal id of this incarnation of the project; a name created again gets a new one.
    pub uid: String,
}

alluvium_messaging::contract!(
    ProjectDeleted,
    "ProjectDeleted",
    r####"{"aggregate":"project","doc":"A project and all it held is gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Internal id of this incarnation of the project; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"event","name":"ProjectDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A project's name or settings changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProjectUpdated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The name now.
    #[serde(default)]
    pub name: Option<String>,
    /// The settings now, as a JSON object.
    pub settings: String,
    /// The organisation now; null for none.
    #[serde(default)]
    pub organization: Option<String>,
}

alluvium_messaging::contract!(
    ProjectUpdated,
    "ProjectUpdated",
    r####"{"aggregate":"project","doc":"A project's name or settings changed.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"The name now.","name":"name","type":["null","string"]},{"doc":"The settings now, as a JSON object.","name":"settings","type":"string"},{"default":null,"doc":"The organisation now; null for none.","name":"organization","type":["null","string"]}],"kind":"event","name":"ProjectUpdated","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"A project's name or settings changed.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"The name now.","name":"name","type":["null","string"]},{"doc":"The settings now, as a JSON object.","name":"settings","type":"string"}],"kind":"event","name":"ProjectUpdated","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// Lets a dev branch show the main line's table again; what the branch had in its place is dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_PullTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Filled in by the worker, for a pinned branch: the last message that counts for the content.
    #[serde(default)]
    pub position: i64,
    /// Filled in by the worker: the columns then.
    #[serde(default)]
    pub columns: Vec<ColumnSpec>,
    /// Filled in by the worker: the primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

#[allow(non_snake_case)]
fn default_PullTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    PullTable,
    "PullTable",
    r####"{"aggregate":"project","doc":"Lets a dev branch show the main line's table again; what the branch had in its place is dropped.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"default":0,"doc":"Filled in by the worker, for a pinned branch: the last message that counts for the content.","name":"position","type":"long"},{"default":[],"doc":"Filled in by the worker: the columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Filled in by the worker: the primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"PullTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Makes stored content the object of a key, in place of what it had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutObject {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Key of the object in its project.
    pub key: String,
    /// Media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// What clients know the content by: its hex MD5, or, of an object that came in parts, the hex MD5 of their MD5s, a dash, and how many there are; absent where nobody computed it.
    #[serde(default)]
    pub md5: Option<String>,
    /// Filled in when the command is decided: the id of the file that has the key. Leave it out.
    #[serde(default)]
    pub file: String,
    /// Filled in when the command is decided: which incarnation of the project it is for. Leave it out.
    #[serde(default)]
    pub project_uid: String,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_PutObject_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_PutObject_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    PutObject,
    "PutObject",
    r####"{"aggregate":"file","doc":"Makes stored content the object of a key, in place of what it had.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Key of the object in its project.","name":"key","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":null,"doc":"What clients know the content by: its hex MD5, or, of an object that came in parts, the hex MD5 of their MD5s, a dash, and how many there are; absent where nobody computed it.","name":"md5","type":["null","string"]},{"default":"","doc":"Filled in when the command is decided: the id of the file that has the key. Leave it out.","name":"file","type":"string"},{"default":"","doc":"Filled in when the command is decided: which incarnation of the project it is for. Leave it out.","name":"project_uid","type":"string"},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"PutObject","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Gives a dev branch's own table the main line's newest content with the branch's changes on top, which a stored Parquet file holds, by primary key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RebaseTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the dev branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of the branch's own table that the file was made from.
    pub uid: String,
    /// Hex SHA-256 of the file's content, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// The last message of the main line's table that the content takes in.
    pub rebased_on: i64,
    /// The last message of the branch's table that it takes in; refused when the table was changed by a later one.
    pub unchanged_since: i64,
}

alluvium_messaging::contract!(
    RebaseTable,
    "RebaseTable",
    r####"{"aggregate":"table","doc":"Gives a dev branch's own table the main line's newest content with the branch's changes on top, which a stored Parquet file holds, by primary key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the dev branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of the branch's own table that the file was made from.","name":"uid","type":"string"},{"doc":"Hex SHA-256 of the file's content, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"doc":"The last message of the main line's table that the content takes in.","name":"rebased_on","type":"long"},{"doc":"The last message of the branch's table that it takes in; refused when the table was changed by a later one.","name":"unchanged_since","type":"long"}],"kind":"command","name":"RebaseTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Notes a verified copy of a table's file, from which the table can be folded on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCheckpoint {
    /// The incarnation of the table.
    pub uid: String,
    /// Subject of its rows.
    pub subject: String,
    /// Sequence of the commit that created the table; rows of earlier tables of its name are below.
    pub since: i64,
    /// Sequence of the last message whose effects the copy holds.
    pub seq: i64,
    /// Chain value of that message, or the hash of its payload, as the table's file has it.
    pub hash: String,
    /// When the stream was created, microseconds since 1970.
    pub stream_created_micros: i64,
    /// Hex SHA-256 of the copied file, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Rows it holds.
    pub rows: i64,
    /// Sum of the hashes of all rows, whatever their order.
    pub checksum: String,
    /// Version of the engine that made the sum; another one may hash otherwise.
    pub engine: String,
}

alluvium_messaging::contract!(
    RecordCheckpoint,
    "RecordCheckpoint",
    r####"{"aggregate":"retention","doc":"Notes a verified copy of a table's file, from which the table can be folded on.","fields":[{"doc":"The incarnation of the table.","name":"uid","type":"string"},{"doc":"Subject of its rows.","name":"subject","type":"string"},{"doc":"Sequence of the commit that created the table; rows of earlier tables of its name are below.","name":"since","type":"long"},{"doc":"Sequence of the last message whose effects the copy holds.","name":"seq","type":"long"},{"doc":"Chain value of that message, or the hash of its payload, as the table's file has it.","name":"hash","type":"string"},{"doc":"When the stream was created, microseconds since 1970.","name":"stream_created_micros","type":"long"},{"doc":"Hex SHA-256 of the copied file, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"doc":"Rows it holds.","name":"rows","type":"long"},{"doc":"Sum of the hashes of all rows, whatever their order.","name":"checksum","type":"string"},{"doc":"Version of the engine that made the sum; another one may hash otherwise.","name":"engine","type":"string"}],"kind":"command","name":"RecordCheckpoint","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Notes that a table's rows up to a sequence are about to be taken off the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordPurge {
    /// The incarnation of the table.
    pub uid: String,
    /// Subject of its rows.
    pub subject: String,
    /// Sequence of the commit that created the table; rows of earlier tables of its name are below.
    pub since: i64,
    /// Rows at or below this sequence are taken off the log.
    pub up_to: i64,
    /// How many messages of rows there were to take, besides those that earlier purges took.
    pub messages: i64,
    /// Whether the table was dropped: then no replay folds it any more, and it needs no checkpoint.
    #[serde(default)]
    pub dropped: bool,
}

alluvium_messaging::contract!(
    RecordPurge,
    "RecordPurge",
    r####"{"aggregate":"retention","doc":"Notes that a table's rows up to a sequence are about to be taken off the log.","fields":[{"doc":"The incarnation of the table.","name":"uid","type":"string"},{"doc":"Subject of its rows.","name":"subject","type":"string"},{"doc":"Sequence of the commit that created the table; rows of earlier tables of its name are below.","name":"since","type":"long"},{"doc":"Rows at or below this sequence are taken off the log.","name":"up_to","type":"long"},{"doc":"How many messages of rows there were to take, besides those that earlier purges took.","name":"messages","type":"long"},{"default":false,"doc":"Whether the table was dropped: then no replay folds it any more, and it needs no checkpoint.","name":"dropped","type":"boolean"}],"kind":"command","name":"RecordPurge","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Notes that a part of the platform has emptied a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordWorkspaceClear {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// For whom it was done, as an actor's printed form.
    pub by: String,
}

alluvium_messaging::contract!(
    RecordWorkspaceClear,
    "RecordWorkspaceClear",
    r####"{"aggregate":"workspace","doc":"Notes that a part of the platform has emptied a workspace.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"For whom it was done, as an actor's printed form.","name":"by","type":"string"}],"kind":"command","name":"RecordWorkspaceClear","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Notes that a part of the platform has brought a table into a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordWorkspaceLoad {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// The object of the workspace that it became.
    pub destination: String,
    /// Bucket of the table it came from.
    pub bucket: String,
    /// Name of that table.
    pub table: String,
    /// The incarnation of that table.
    pub uid: String,
    /// How far that table was folded: a sequence of the stream.
    pub version: i64,
    /// Only these columns; all when null.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// Only rows that meet this condition.
    #[serde(default)]
    pub where_filter: Option<String>,
    /// How many rows came.
    pub row_count: i64,
    /// What they take, in bytes.
    pub size_bytes: i64,
    /// For whom it was done, as an actor's printed form.
    pub by: String,
}

alluvium_messaging::contract!(
    RecordWorkspaceLoad,
    "RecordWorkspaceLoad",
    r####"{"aggregate":"workspace","doc":"Notes that a part of the platform has brought a table into a workspace.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"The object of the workspace that it became.","name":"destination","type":"string"},{"doc":"Bucket of the table it came from.","name":"bucket","type":"string"},{"doc":"Name of that table.","name":"table","type":"string"},{"doc":"The incarnation of that table.","name":"uid","type":"string"},{"doc":"How far that table was folded: a sequence of the stream.","name":"version","type":"long"},{"default":null,"doc":"Only these columns; all when null.","name":"columns","type":["null",{"items":"string","type":"array"}]},{"default":null,"doc":"Only rows that meet this condition.","name":"where_filter","type":["null","string"]},{"doc":"How many rows came.","name":"row_count","type":"long"},{"doc":"What they take, in bytes.","name":"size_bytes","type":"long"},{"doc":"For whom it was done, as an actor's printed form.","name":"by","type":"string"}],"kind":"command","name":"RecordWorkspaceLoad","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Notes that a rows message was refused for its publisher's rights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefuseRows {
    /// Sequence of the message in the stream.
    pub seq: i64,
    /// Its subject.
    pub subject: String,
    /// Why, as a problem in JSON.
    pub problem: String,
}

alluvium_messaging::contract!(
    RefuseRows,
    "RefuseRows",
    r####"{"aggregate":"refusal","doc":"Notes that a rows message was refused for its publisher's rights.","fields":[{"doc":"Sequence of the message in the stream.","name":"seq","type":"long"},{"doc":"Its subject.","name":"subject","type":"string"},{"doc":"Why, as a problem in JSON.","name":"problem","type":"string"}],"kind":"command","name":"RefuseRows","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Makes the result of an export a file of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterExport {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Name for people.
    pub name: String,
    /// Media type.
    pub content_type: String,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Tags.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Filled in when the command is decided: which incarnation of the project it is for. Leave it out.
    #[serde(default)]
    pub project_uid: String,
    /// Id of the branch that was exported, or of the key of chosen buckets whose file it becomes; `default` is the main branch.
    #[serde(default = "default_RegisterExport_branch")]
    pub branch: String,
    /// Hex MD5 of the content, for clients that know no other; absent where nobody computed it.
    #[serde(default)]
    pub md5: Option<String>,
}

#[allow(non_snake_case)]
fn default_RegisterExport_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    RegisterExport,
    "RegisterExport",
    r####"{"aggregate":"file","doc":"Makes the result of an export a file of the project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"name","type":"string"},{"doc":"Media type.","name":"content_type","type":"string"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"default":"","doc":"Filled in when the command is decided: which incarnation of the project it is for. Leave it out.","name":"project_uid","type":"string"},{"default":"default","doc":"Id of the branch that was exported, or of the key of chosen buckets whose file it becomes; `default` is the main branch.","name":"branch","type":"string"},{"default":null,"doc":"Hex MD5 of the content, for clients that know no other; absent where nobody computed it.","name":"md5","type":["null","string"]}],"kind":"command","name":"RegisterExport","namespace":"alluvium.storage","requires":"file_export","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"Makes the result of an export a file of the project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"name","type":"string"},{"doc":"Media type.","name":"content_type","type":"string"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"default":"","doc":"Filled in when the command is decided: which incarnation of the project it is for. Leave it out.","name":"project_uid","type":"string"}],"kind":"command","name":"RegisterExport","namespace":"alluvium.storage","requires":"project_read","type":"record"}"####
    ]
);

/// Makes an uploaded file a file of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterFile {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Name for people; else the upload's.
    #[serde(default)]
    pub name: Option<String>,
    /// Tags, merged over the upload's.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_RegisterFile_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_RegisterFile_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    RegisterFile,
    "RegisterFile",
    r####"{"aggregate":"file","doc":"Makes an uploaded file a file of the project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"default":null,"doc":"Name for people; else the upload's.","name":"name","type":["null","string"]},{"default":{},"doc":"Tags, merged over the upload's.","name":"tags","type":{"type":"map","values":"string"}},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"RegisterFile","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"Makes an uploaded file a file of the project.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"default":null,"doc":"Name for people; else the upload's.","name":"name","type":["null","string"]},{"default":{},"doc":"Tags, merged over the upload's.","name":"tags","type":{"type":"map","values":"string"}}],"kind":"command","name":"RegisterFile","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// A bucket of another project shows a bucket no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseLink {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Internal id of this incarnation of the bucket.
    pub uid: String,
    /// Internal id of that project.
    pub target_uid: String,
    /// Name of the bucket that showed it.
    pub target_bucket: String,
}

alluvium_messaging::contract!(
    ReleaseLink,
    "ReleaseLink",
    r####"{"aggregate":"project","doc":"A bucket of another project shows a bucket no more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Internal id of this incarnation of the bucket.","name":"uid","type":"string"},{"doc":"Internal id of that project.","name":"target_uid","type":"string"},{"doc":"Name of the bucket that showed it.","name":"target_bucket","type":"string"}],"kind":"command","name":"ReleaseLink","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Lets a further user log in to a workspace no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveWorkspaceCredentials {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is of; `default` is the main line.
    #[serde(default = "default_RemoveWorkspaceCredentials_branch")]
    pub branch: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Id of the credentials, unique within the workspace.
    pub credential: String,
    /// Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.
    #[serde(default)]
    pub holder: String,
}

#[allow(non_snake_case)]
fn default_RemoveWorkspaceCredentials_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    RemoveWorkspaceCredentials,
    "RemoveWorkspaceCredentials",
    r####"{"aggregate":"workspace","doc":"Lets a further user log in to a workspace no more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is of; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Id of the credentials, unique within the workspace.","name":"credential","type":"string"},{"default":"","doc":"Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.","name":"holder","type":"string"}],"kind":"command","name":"RemoveWorkspaceCredentials","namespace":"alluvium.storage","requires":"workspace_write","type":"record"}"####,
    &[]
);

/// The catalogue wants the table to have the content of another one, or an earlier one of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceContent {
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Id of the snapshot; empty when it is a merge.
    pub snapshot: String,
    /// Internal id of the table that had the content.
    pub source: String,
    /// The last message that counts for the content; 0 for all before this one.
    pub position: i64,
    /// The columns then.
    pub columns: Vec<ColumnSpec>,
    /// The primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Refused when the table was changed by a message above this one; null when that does not matter.
    #[serde(default)]
    pub unchanged_since: Option<i64>,
    /// Id of the request; null for that of the command.
    #[serde(default)]
    pub request: Option<String>,
}

alluvium_messaging::contract!(
    ReplaceContent,
    "ReplaceContent",
    r####"{"aggregate":"table","doc":"The catalogue wants the table to have the content of another one, or an earlier one of its own.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Id of the snapshot; empty when it is a merge.","name":"snapshot","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content; 0 for all before this one.","name":"position","type":"long"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":null,"doc":"Refused when the table was changed by a message above this one; null when that does not matter.","name":"unchanged_since","type":["null","long"]},{"default":null,"doc":"Id of the request; null for that of the command.","name":"request","type":["null","string"]}],"kind":"command","name":"ReplaceContent","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// The catalogue named a snapshot of this table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestSnapshot {
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// What made it; `manual` when somebody asked for it.
    #[serde(default = "default_RequestSnapshot_kind")]
    pub kind: String,
    /// Id of the request; null for that of the command.
    #[serde(default)]
    pub request: Option<String>,
}

#[allow(non_snake_case)]
fn default_RequestSnapshot_kind() -> String {
    "manual".to_owned()
}

alluvium_messaging::contract!(
    RequestSnapshot,
    "RequestSnapshot",
    r####"{"aggregate":"table","doc":"The catalogue named a snapshot of this table.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"default":"manual","doc":"What made it; `manual` when somebody asked for it.","name":"kind","type":"string"},{"default":null,"doc":"Id of the request; null for that of the command.","name":"request","type":["null","string"]}],"kind":"command","name":"RequestSnapshot","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Gives a workspace another password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetWorkspaceCredentials {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is of; `default` is the main line.
    #[serde(default = "default_ResetWorkspaceCredentials_branch")]
    pub branch: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Argon2id verifier of the password, as a PHC string.
    pub password_hash: String,
    /// Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.
    #[serde(default)]
    pub holder: String,
}

#[allow(non_snake_case)]
fn default_ResetWorkspaceCredentials_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    ResetWorkspaceCredentials,
    "ResetWorkspaceCredentials",
    r####"{"aggregate":"workspace","doc":"Gives a workspace another password.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is of; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Argon2id verifier of the password, as a PHC string.","name":"password_hash","type":"string"},{"default":"","doc":"Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.","name":"holder","type":"string"}],"kind":"command","name":"ResetWorkspaceCredentials","namespace":"alluvium.storage","requires":"workspace_write","type":"record"}"####,
    &[]
);

/// A table is to get the content that another one, or itself, had; the table's own event asks the fold for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestorePlanned {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_RestorePlanned_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Internal id of the table that had the content.
    pub source: String,
    /// The last message that counts for the content.
    pub position: i64,
}

#[allow(non_snake_case)]
fn default_RestorePlanned_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    RestorePlanned,
    "RestorePlanned",
    r####"{"aggregate":"project","doc":"A table is to get the content that another one, or itself, had; the table's own event asks the fold for it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content.","name":"position","type":"long"}],"kind":"event","name":"RestorePlanned","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The table is to get the content that a table had with an earlier message, if it can still be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreRequested {
    /// Command id of the request; its Settled names it.
    pub request: String,
    /// Id of the snapshot; empty when it is a merge.
    pub snapshot: String,
    /// Internal id of the table that had the content.
    pub source: String,
    /// The last message that counts for the content; 0 for all before this one.
    pub position: i64,
    /// The columns then.
    pub columns: Vec<ColumnSpec>,
    /// The primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Refused when the table was changed by a message above this one; null when that does not matter.
    #[serde(default)]
    pub unchanged_since: Option<i64>,
}

alluvium_messaging::contract!(
    RestoreRequested,
    "RestoreRequested",
    r####"{"aggregate":"table","doc":"The table is to get the content that a table had with an earlier message, if it can still be had.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"Id of the snapshot; empty when it is a merge.","name":"snapshot","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content; 0 for all before this one.","name":"position","type":"long"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":null,"doc":"Refused when the table was changed by a message above this one; null when that does not matter.","name":"unchanged_since","type":["null","long"]}],"kind":"event","name":"RestoreRequested","namespace":"alluvium.storage","request_of":"RestoreTable","type":"record"}"####,
    &[]
);

/// Makes the content of a snapshot the content of a table: of the one it was taken of, which comes back if it is gone, or of a new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_RestoreTable_branch")]
    pub branch: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Bucket of the table; null for the one the snapshot was taken in.
    #[serde(default)]
    pub target_bucket: Option<String>,
    /// Name of the table; null for the one the snapshot was taken of.
    #[serde(default)]
    pub target_table: Option<String>,
    /// Filled in by the worker: the last message that counts for the content.
    #[serde(default)]
    pub position: i64,
    /// Filled in by the worker: the columns then.
    #[serde(default)]
    pub columns: Vec<ColumnSpec>,
    /// Filled in by the worker: the primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Name of the bucket that the snapshot must be of; null for any, which takes a right to the whole branch.
    #[serde(default)]
    pub bucket: Option<String>,
}

#[allow(non_snake_case)]
fn default_RestoreTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    RestoreTable,
    "RestoreTable",
    r####"{"aggregate":"project","doc":"Makes the content of a snapshot the content of a table: of the one it was taken of, which comes back if it is gone, or of a new one.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"default":null,"doc":"Bucket of the table; null for the one the snapshot was taken in.","name":"target_bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the one the snapshot was taken of.","name":"target_table","type":["null","string"]},{"default":0,"doc":"Filled in by the worker: the last message that counts for the content.","name":"position","type":"long"},{"default":[],"doc":"Filled in by the worker: the columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Filled in by the worker: the primary key then.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":null,"doc":"Name of the bucket that the snapshot must be of; null for any, which takes a right to the whole branch.","name":"bucket","type":["null","string"]}],"kind":"command","name":"RestoreTable","namespace":"alluvium.storage","requires":"branch_write","type":"record"}"####,
    &[]
);

/// Rows are to be deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsDeleteRequested {
    /// Command id of the request; its Settled names it.
    pub request: String,
    /// The condition, parsed and printed again.
    pub where_clause: String,
    /// Only rows whose last change was not before this, in microseconds since 1970.
    #[serde(default)]
    pub changed_since: Option<i64>,
    /// Only rows whose last change was before this, in microseconds since 1970.
    #[serde(default)]
    pub changed_until: Option<i64>,
}

alluvium_messaging::contract!(
    RowsDeleteRequested,
    "RowsDeleteRequested",
    r####"{"aggregate":"table","doc":"Rows are to be deleted.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"The condition, parsed and printed again.","name":"where_clause","type":"string"},{"default":null,"doc":"Only rows whose last change was not before this, in microseconds since 1970.","name":"changed_since","type":["null","long"]},{"default":null,"doc":"Only rows whose last change was before this, in microseconds since 1970.","name":"changed_until","type":["null","long"]}],"kind":"event","name":"RowsDeleteRequested","namespace":"alluvium.storage","request_of":"DeleteRows","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Rows are to be deleted.","fields":[{"doc":"Command id of the request; its Settled names it.","name":"request","type":"string"},{"doc":"The condition, parsed and printed again.","name":"where_clause","type":"string"}],"kind":"event","name":"RowsDeleteRequested","namespace":"alluvium.storage","request_of":"DeleteRows","type":"record"}"####
    ]
);

/// Rows of the table may be gone from the log from here on; every replay begins at a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsPurged {
    /// The incarnation of the table.
    pub uid: String,
    /// Subject of its rows.
    pub subject: String,
    /// Sequence of the commit that created the table; rows of earlier tables of its name are below.
    pub since: i64,
    /// Rows at or below this sequence are taken off the log.
    pub up_to: i64,
    /// How many messages of rows there were to take, besides those that earlier purges took.
    pub messages: i64,
    /// Whether the table was dropped: then no replay folds it any more, and it needs no checkpoint.
    #[serde(default)]
    pub dropped: bool,
}

alluvium_messaging::contract!(
    RowsPurged,
    "RowsPurged",
    r####"{"aggregate":"retention","doc":"Rows of the table may be gone from the log from here on; every replay begins at a checkpoint.","fields":[{"doc":"The incarnation of the table.","name":"uid","type":"string"},{"doc":"Subject of its rows.","name":"subject","type":"string"},{"doc":"Sequence of the commit that created the table; rows of earlier tables of its name are below.","name":"since","type":"long"},{"doc":"Rows at or below this sequence are taken off the log.","name":"up_to","type":"long"},{"doc":"How many messages of rows there were to take, besides those that earlier purges took.","name":"messages","type":"long"},{"default":false,"doc":"Whether the table was dropped: then no replay folds it any more, and it needs no checkpoint.","name":"dropped","type":"boolean"}],"kind":"event","name":"RowsPurged","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A rows message does not count; every replay skips it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowsRefused {
    /// Sequence of the message in the stream.
    pub seq: i64,
    /// Its subject.
    pub subject: String,
    /// Why, as a problem in JSON.
    pub problem: String,
}

alluvium_messaging::contract!(
    RowsRefused,
    "RowsRefused",
    r####"{"aggregate":"refusal","doc":"A rows message does not count; every replay skips it.","fields":[{"doc":"Sequence of the message in the stream.","name":"seq","type":"long"},{"doc":"Its subject.","name":"subject","type":"string"},{"doc":"Why, as a problem in JSON.","name":"problem","type":"string"}],"kind":"event","name":"RowsRefused","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Says who may link a bucket, in place of whatever was said before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetBucketSharing {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// `organization` or `organization-project`: every project of its organisation; `selected-projects`: the targets.
    pub sharing: String,
    /// Ids of projects, with `selected-projects`; none for nobody.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Filled in by the worker: which projects those are, in the same order.
    #[serde(default)]
    pub target_uids: Vec<String>,
    /// Filled in by the worker: internal ids of the projects that link it and are of its organisation.
    #[serde(default)]
    pub members: Vec<String>,
}

alluvium_messaging::contract!(
    SetBucketSharing,
    "SetBucketSharing",
    r####"{"aggregate":"project","doc":"Says who may link a bucket, in place of whatever was said before.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"`organization` or `organization-project`: every project of its organisation; `selected-projects`: the targets.","name":"sharing","type":"string"},{"default":[],"doc":"Ids of projects, with `selected-projects`; none for nobody.","name":"targets","type":{"items":"string","type":"array"}},{"default":[],"doc":"Filled in by the worker: which projects those are, in the same order.","name":"target_uids","type":{"items":"string","type":"array"}},{"default":[],"doc":"Filled in by the worker: internal ids of the projects that link it and are of its organisation.","name":"members","type":{"items":"string","type":"array"}}],"kind":"command","name":"SetBucketSharing","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Says something of a project, a branch, a bucket, a table or its columns; what its provider said under a key before is replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetMetadata {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_SetMetadata_branch")]
    pub branch: String,
    /// Whether it is about the project itself, and no branch of it.
    #[serde(default)]
    pub of_project: bool,
    /// Name of the bucket; null for the branch.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table; null for the whole bucket.
    #[serde(default)]
    pub table: Option<String>,
    /// Who says it.
    pub provider: String,
    /// What is said.
    pub entries: Vec<MetadataEntry>,
    /// Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows. Filled in when it is decided.
    #[serde(default)]
    pub object: String,
    /// Internal id of the table that the branch shows; empty for what is no table. Filled in when it is decided.
    #[serde(default)]
    pub uid: String,
    /// Internal id of this incarnation of the project. Filled in when it is decided.
    #[serde(default)]
    pub project_uid: String,
    /// The columns of the table, in small letters. Filled in when it is decided.
    #[serde(default)]
    pub columns: Vec<String>,
}

#[allow(non_snake_case)]
fn default_SetMetadata_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    SetMetadata,
    "SetMetadata",
    r####"{"aggregate":"metadata","doc":"Says something of a project, a branch, a bucket, a table or its columns; what its provider said under a key before is replaced.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"default":false,"doc":"Whether it is about the project itself, and no branch of it.","name":"of_project","type":"boolean"},{"default":null,"doc":"Name of the bucket; null for the branch.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the whole bucket.","name":"table","type":["null","string"]},{"doc":"Who says it.","name":"provider","type":"string"},{"doc":"What is said.","name":"entries","type":{"items":{"doc":"What somebody says of an object, or of a column of it.","fields":[{"default":null,"doc":"Name of the column; null for the object itself.","name":"column","type":["null","string"]},{"doc":"What is said.","name":"key","type":"string"},{"doc":"The words.","name":"value","type":"string"}],"kind":"type","name":"MetadataEntry","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":"","doc":"Internal id of what it is said of: of a table, on every branch that of the main line's which the branch has taken or shows. Filled in when it is decided.","name":"object","type":"string"},{"default":"","doc":"Internal id of the table that the branch shows; empty for what is no table. Filled in when it is decided.","name":"uid","type":"string"},{"default":"","doc":"Internal id of this incarnation of the project. Filled in when it is decided.","name":"project_uid","type":"string"},{"default":[],"doc":"The columns of the table, in small letters. Filled in when it is decided.","name":"columns","type":{"items":"string","type":"array"}}],"kind":"command","name":"SetMetadata","namespace":"alluvium.storage","requires":"branch_write","type":"record"}"####,
    &[]
);

/// Gives a table a primary key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPrimaryKey {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_SetPrimaryKey_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Columns that together identify a row.
    pub columns: Vec<String>,
}

#[allow(non_snake_case)]
fn default_SetPrimaryKey_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    SetPrimaryKey,
    "SetPrimaryKey",
    r####"{"aggregate":"table","doc":"Gives a table a primary key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Columns that together identify a row.","name":"columns","type":{"items":"string","type":"array"}}],"kind":"command","name":"SetPrimaryKey","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"Gives a table a primary key.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Columns that together identify a row.","name":"columns","type":{"items":"string","type":"array"}}],"kind":"command","name":"SetPrimaryKey","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Sets which snapshots are taken by themselves, and how long snapshots stay: for a project, a bucket or a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSnapshotSettings {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket; null for the whole project.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table; null for the whole bucket.
    #[serde(default)]
    pub table: Option<String>,
    /// What this level says from now on.
    pub settings: SnapshotSettings,
    /// Names of settings that stay as this level has them, whatever `settings` says.
    #[serde(default)]
    pub keep: Vec<String>,
}

alluvium_messaging::contract!(
    SetSnapshotSettings,
    "SetSnapshotSettings",
    r####"{"aggregate":"project","doc":"Sets which snapshots are taken by themselves, and how long snapshots stay: for a project, a bucket or a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Name of the bucket; null for the whole project.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the whole bucket.","name":"table","type":["null","string"]},{"doc":"What this level says from now on.","name":"settings","type":{"doc":"Which snapshots are taken by themselves, and how long snapshots stay, as one level says; null is inherited.","fields":[{"default":null,"doc":"Whether there are snapshots at all.","name":"enabled","type":["null","boolean"]},{"default":null,"doc":"How long those stay that somebody takes, in days.","name":"manual_days","type":["null","long"]},{"default":null,"doc":"How long those stay that are taken by themselves, in days.","name":"auto_days","type":["null","long"]},{"default":null,"doc":"Whether one is taken before a table is dropped.","name":"drop_table","type":["null","boolean"]},{"default":null,"doc":"Whether one is taken before all rows are deleted.","name":"truncate_table","type":["null","boolean"]},{"default":null,"doc":"The same; either of the two is enough.","name":"delete_all_rows","type":["null","boolean"]},{"default":null,"doc":"Whether one is taken before a column is dropped.","name":"drop_column","type":["null","boolean"]}],"kind":"type","name":"SnapshotSettings","namespace":"alluvium.storage","type":"record"}},{"default":[],"doc":"Names of settings that stay as this level has them, whatever `settings` says.","name":"keep","type":{"items":"string","type":"array"}}],"kind":"command","name":"SetSnapshotSettings","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####,
    &[]
);

/// The fold's verdict on a request that depends on the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Command id of the request.
    pub request: String,
    /// Whether it was applied.
    pub accepted: bool,
    /// Why not, as a problem in JSON.
    #[serde(default)]
    pub problem: Option<String>,
    /// Counts and the like, as a JSON object.
    #[serde(default = "default_SettleRequest_result")]
    pub result: String,
    /// The columns from now on, when a load added some.
    #[serde(default)]
    pub columns: Option<Vec<ColumnSpec>>,
}

#[allow(non_snake_case)]
fn default_SettleRequest_result() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    SettleRequest,
    "SettleRequest",
    r####"{"aggregate":"table","doc":"The fold's verdict on a request that depends on the rows.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Command id of the request.","name":"request","type":"string"},{"doc":"Whether it was applied.","name":"accepted","type":"boolean"},{"default":null,"doc":"Why not, as a problem in JSON.","name":"problem","type":["null","string"]},{"default":"{}","doc":"Counts and the like, as a JSON object.","name":"result","type":"string"},{"default":null,"doc":"The columns from now on, when a load added some.","name":"columns","type":["null",{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}]}],"kind":"command","name":"SettleRequest","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"The fold's verdict on a request that depends on the rows.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Command id of the request.","name":"request","type":"string"},{"doc":"Whether it was applied.","name":"accepted","type":"boolean"},{"default":null,"doc":"Why not, as a problem in JSON.","name":"problem","type":["null","string"]},{"default":"{}","doc":"Counts and the like, as a JSON object.","name":"result","type":"string"}],"kind":"command","name":"SettleRequest","namespace":"alluvium.storage","requires":"system","type":"record"}"####
    ]
);

/// The fold applied or refused a request; every replay obeys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Command id of the request.
    pub request: String,
    /// Whether it was applied.
    pub accepted: bool,
    /// Why not, as a problem in JSON.
    #[serde(default)]
    pub problem: Option<String>,
    /// Counts and the like, as a JSON object.
    #[serde(default = "default_Settled_result")]
    pub result: String,
    /// The columns from now on, when they changed.
    #[serde(default)]
    pub columns: Option<Vec<ColumnSpec>>,
    /// The primary key from now on, when it changed.
    #[serde(default)]
    pub primary_key: Option<Vec<String>>,
    /// Whether these were the first rows of a table that was made with them: it shows from now on, or is gone.
    #[serde(default)]
    pub fills: bool,
}

#[allow(non_snake_case)]
fn default_Settled_result() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    Settled,
    "Settled",
    r####"{"aggregate":"table","doc":"The fold applied or refused a request; every replay obeys.","fields":[{"doc":"Command id of the request.","name":"request","type":"string"},{"doc":"Whether it was applied.","name":"accepted","type":"boolean"},{"default":null,"doc":"Why not, as a problem in JSON.","name":"problem","type":["null","string"]},{"default":"{}","doc":"Counts and the like, as a JSON object.","name":"result","type":"string"},{"default":null,"doc":"The columns from now on, when they changed.","name":"columns","type":["null",{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}]},{"default":null,"doc":"The primary key from now on, when it changed.","name":"primary_key","type":["null",{"items":"string","type":"array"}]},{"default":false,"doc":"Whether these were the first rows of a table that was made with them: it shows from now on, or is gone.","name":"fills","type":"boolean"}],"kind":"event","name":"Settled","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"The fold applied or refused a request; every replay obeys.","fields":[{"doc":"Command id of the request.","name":"request","type":"string"},{"doc":"Whether it was applied.","name":"accepted","type":"boolean"},{"default":null,"doc":"Why not, as a problem in JSON.","name":"problem","type":["null","string"]},{"default":"{}","doc":"Counts and the like, as a JSON object.","name":"result","type":"string"},{"default":null,"doc":"The columns from now on, when they changed.","name":"columns","type":["null",{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}]},{"default":null,"doc":"The primary key from now on, when it changed.","name":"primary_key","type":["null",{"items":"string","type":"array"}]}],"kind":"event","name":"Settled","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// Lets another project link a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShareBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Id of the project that may link it; null for whoever presents the bucket's role and may link anything.
    #[serde(default)]
    pub target_project: Option<String>,
    /// Filled in by the worker: which project that is.
    #[serde(default)]
    pub target_uid: Option<String>,
}

alluvium_messaging::contract!(
    ShareBucket,
    "ShareBucket",
    r####"{"aggregate":"project","doc":"Lets another project link a bucket.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"Id of the project that may link it; null for whoever presents the bucket's role and may link anything.","name":"target_project","type":["null","string"]},{"default":null,"doc":"Filled in by the worker: which project that is.","name":"target_uid","type":["null","string"]}],"kind":"command","name":"ShareBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// A snapshot is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_SnapshotDeleted_branch")]
    pub branch: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
}

#[allow(non_snake_case)]
fn default_SnapshotDeleted_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    SnapshotDeleted,
    "SnapshotDeleted",
    r####"{"aggregate":"project","doc":"A snapshot is gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"event","name":"SnapshotDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A snapshot went because its time was over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotExpired {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_SnapshotExpired_branch")]
    pub branch: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
}

#[allow(non_snake_case)]
fn default_SnapshotExpired_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    SnapshotExpired,
    "SnapshotExpired",
    r####"{"aggregate":"project","doc":"A snapshot went because its time was over.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"event","name":"SnapshotExpired","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The snapshot that a drop leaves of its table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotOfDrop {
    /// Id of the snapshot.
    pub snapshot: String,
    /// When it goes by itself, in microseconds since 1970.
    pub expires_at: i64,
}

alluvium_messaging::contract!(
    SnapshotOfDrop,
    "SnapshotOfDrop",
    r####"{"doc":"The snapshot that a drop leaves of its table.","fields":[{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"When it goes by itself, in microseconds since 1970.","name":"expires_at","type":"long"}],"kind":"type","name":"SnapshotOfDrop","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The content of the table before this event is the snapshot; the fold counts it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotRequested {
    /// Id of the request; its Settled names it. That of the command, unless the snapshot comes with another change.
    pub request: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// The columns then.
    pub columns: Vec<ColumnSpec>,
    /// The primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// What made it; `manual` when somebody asked for it.
    #[serde(default = "default_SnapshotRequested_kind")]
    pub kind: String,
}

#[allow(non_snake_case)]
fn default_SnapshotRequested_kind() -> String {
    "manual".to_owned()
}

alluvium_messaging::contract!(
    SnapshotRequested,
    "SnapshotRequested",
    r####"{"aggregate":"table","doc":"The content of the table before this event is the snapshot; the fold counts it.","fields":[{"doc":"Id of the request; its Settled names it. That of the command, unless the snapshot comes with another change.","name":"request","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":"manual","doc":"What made it; `manual` when somebody asked for it.","name":"kind","type":"string"}],"kind":"event","name":"SnapshotRequested","namespace":"alluvium.storage","request_of":"TakeSnapshot","type":"record"}"####,
    &[]
);

/// Which snapshots are taken by themselves, and how long snapshots stay, as one level says; null is inherited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotSettings {
    /// Whether there are snapshots at all.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// How long those stay that somebody takes, in days.
    #[serde(default)]
    pub manual_days: Option<i64>,
    /// How long those stay that are taken by themselves, in days.
    #[serde(default)]
    pub auto_days: Option<i64>,
    /// Whether one is taken before a table is dropped.
    #[serde(default)]
    pub drop_table: Option<bool>,
    /// Whether one is taken before all rows are deleted.
    #[serde(default)]
    pub truncate_table: Option<bool>,
    /// The same; either of the two is enough.
    #[serde(default)]
    pub delete_all_rows: Option<bool>,
    /// Whether one is taken before a column is dropped.
    #[serde(default)]
    pub drop_column: Option<bool>,
}

alluvium_messaging::contract!(
    SnapshotSettings,
    "SnapshotSettings",
    r####"{"doc":"Which snapshots are taken by themselves, and how long snapshots stay, as one level says; null is inherited.","fields":[{"default":null,"doc":"Whether there are snapshots at all.","name":"enabled","type":["null","boolean"]},{"default":null,"doc":"How long those stay that somebody takes, in days.","name":"manual_days","type":["null","long"]},{"default":null,"doc":"How long those stay that are taken by themselves, in days.","name":"auto_days","type":["null","long"]},{"default":null,"doc":"Whether one is taken before a table is dropped.","name":"drop_table","type":["null","boolean"]},{"default":null,"doc":"Whether one is taken before all rows are deleted.","name":"truncate_table","type":["null","boolean"]},{"default":null,"doc":"The same; either of the two is enough.","name":"delete_all_rows","type":["null","boolean"]},{"default":null,"doc":"Whether one is taken before a column is dropped.","name":"drop_column","type":["null","boolean"]}],"kind":"type","name":"SnapshotSettings","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A project, bucket or table says nothing of its own about snapshots any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotSettingsCleared {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket; null for the whole project.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table; null for the whole bucket.
    #[serde(default)]
    pub table: Option<String>,
    /// Internal id of this incarnation of the table.
    #[serde(default)]
    pub uid: Option<String>,
}

alluvium_messaging::contract!(
    SnapshotSettingsCleared,
    "SnapshotSettingsCleared",
    r####"{"aggregate":"project","doc":"A project, bucket or table says nothing of its own about snapshots any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Name of the bucket; null for the whole project.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the whole bucket.","name":"table","type":["null","string"]},{"default":null,"doc":"Internal id of this incarnation of the table.","name":"uid","type":["null","string"]}],"kind":"event","name":"SnapshotSettingsCleared","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A project, bucket or table says this about its snapshots, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotSettingsSet {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket; null for the whole project.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Name of the table; null for the whole bucket.
    #[serde(default)]
    pub table: Option<String>,
    /// Internal id of this incarnation of the table.
    #[serde(default)]
    pub uid: Option<String>,
    /// What this level says from now on.
    pub settings: SnapshotSettings,
}

alluvium_messaging::contract!(
    SnapshotSettingsSet,
    "SnapshotSettingsSet",
    r####"{"aggregate":"project","doc":"A project, bucket or table says this about its snapshots, and nothing else.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Name of the bucket; null for the whole project.","name":"bucket","type":["null","string"]},{"default":null,"doc":"Name of the table; null for the whole bucket.","name":"table","type":["null","string"]},{"default":null,"doc":"Internal id of this incarnation of the table.","name":"uid","type":["null","string"]},{"doc":"What this level says from now on.","name":"settings","type":{"doc":"Which snapshots are taken by themselves, and how long snapshots stay, as one level says; null is inherited.","fields":[{"default":null,"doc":"Whether there are snapshots at all.","name":"enabled","type":["null","boolean"]},{"default":null,"doc":"How long those stay that somebody takes, in days.","name":"manual_days","type":["null","long"]},{"default":null,"doc":"How long those stay that are taken by themselves, in days.","name":"auto_days","type":["null","long"]},{"default":null,"doc":"Whether one is taken before a table is dropped.","name":"drop_table","type":["null","boolean"]},{"default":null,"doc":"Whether one is taken before all rows are deleted.","name":"truncate_table","type":["null","boolean"]},{"default":null,"doc":"The same; either of the two is enough.","name":"delete_all_rows","type":["null","boolean"]},{"default":null,"doc":"Whether one is taken before a column is dropped.","name":"drop_column","type":["null","boolean"]}],"kind":"type","name":"SnapshotSettings","namespace":"alluvium.storage","type":"record"}}],"kind":"event","name":"SnapshotSettingsSet","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A snapshot's id now stands for the content of a table; the table's own event says of which moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_SnapshotTaken_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// What made it; `manual` when somebody asked for it.
    pub kind: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Id of the key that asked for it, or another actor.
    pub created_by: String,
    /// When it goes by itself, in microseconds since 1970.
    pub expires_at: i64,
}

#[allow(non_snake_case)]
fn default_SnapshotTaken_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    SnapshotTaken,
    "SnapshotTaken",
    r####"{"aggregate":"project","doc":"A snapshot's id now stands for the content of a table; the table's own event says of which moment.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"What made it; `manual` when somebody asked for it.","name":"kind","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"doc":"Id of the key that asked for it, or another actor.","name":"created_by","type":"string"},{"doc":"When it goes by itself, in microseconds since 1970.","name":"expires_at","type":"long"}],"kind":"event","name":"SnapshotTaken","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Notes the content of a part of an upload; again replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagePart {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// Which part, 1 to 10,000.
    pub number: i32,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Hex MD5 of the content.
    pub md5: String,
    /// Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.
    #[serde(default = "default_StagePart_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_StagePart_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    StagePart,
    "StagePart",
    r####"{"aggregate":"multipart","doc":"Notes the content of a part of an upload; again replaces it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"doc":"Which part, 1 to 10,000.","name":"number","type":"int"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"doc":"Hex MD5 of the content.","name":"md5","type":"string"},{"default":"default","doc":"Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"StagePart","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Notes the content of an upload; again replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageUpload {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Hex MD5 of the content, for clients that know no other; absent where nobody computed it.
    #[serde(default)]
    pub md5: Option<String>,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_StageUpload_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_StageUpload_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    StageUpload,
    "StageUpload",
    r####"{"aggregate":"file","doc":"Notes the content of an upload; again replaces it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":null,"doc":"Hex MD5 of the content, for clients that know no other; absent where nobody computed it.","name":"md5","type":["null","string"]},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"StageUpload","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"Notes the content of an upload; again replaces it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"command","name":"StageUpload","namespace":"alluvium.storage","requires":"project_write","type":"record"}"####
    ]
);

/// Notes that a job runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartJob {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the job, unique within the installation.
    pub job: String,
}

alluvium_messaging::contract!(
    StartJob,
    "StartJob",
    r####"{"aggregate":"job","doc":"Notes that a job runs.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the job, unique within the installation.","name":"job","type":"string"}],"kind":"command","name":"StartJob","namespace":"alluvium.storage","requires":"system","type":"record"}"####,
    &[]
);

/// Begins the upload of an object in parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartMultipart {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the upload.
    pub upload: String,
    /// Key of the object in its project.
    pub key: String,
    /// Media type of the object.
    #[serde(default)]
    pub content_type: Option<String>,
    /// When the upload ends by itself if nobody completes it.
    pub expires_at: i64,
    /// Filled in when the command is decided: which incarnation of the project it is for. Leave it out.
    #[serde(default)]
    pub project_uid: String,
    /// Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.
    #[serde(default = "default_StartMultipart_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_StartMultipart_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    StartMultipart,
    "StartMultipart",
    r####"{"aggregate":"multipart","doc":"Begins the upload of an object in parts.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the upload.","name":"upload","type":"string"},{"doc":"Key of the object in its project.","name":"key","type":"string"},{"default":null,"doc":"Media type of the object.","name":"content_type","type":["null","string"]},{"doc":"When the upload ends by itself if nobody completes it.","name":"expires_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"default":"","doc":"Filled in when the command is decided: which incarnation of the project it is for. Leave it out.","name":"project_uid","type":"string"},{"default":"default","doc":"Id of the branch it is done for, which reaches the files of that branch alone; `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"StartMultipart","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// A verified copy of the table's file is kept as a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableCheckpointed {
    /// The incarnation of the table.
    pub uid: String,
    /// Subject of its rows.
    pub subject: String,
    /// Sequence of the commit that created the table; rows of earlier tables of its name are below.
    pub since: i64,
    /// Sequence of the last message whose effects the copy holds.
    pub seq: i64,
    /// Chain value of that message, or the hash of its payload, as the table's file has it.
    pub hash: String,
    /// When the stream was created, microseconds since 1970.
    pub stream_created_micros: i64,
    /// Hex SHA-256 of the copied file, as the blob store names it.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Rows it holds.
    pub rows: i64,
    /// Sum of the hashes of all rows, whatever their order.
    pub checksum: String,
    /// Version of the engine that made the sum; another one may hash otherwise.
    pub engine: String,
}

alluvium_messaging::contract!(
    TableCheckpointed,
    "TableCheckpointed",
    r####"{"aggregate":"retention","doc":"A verified copy of the table's file is kept as a blob.","fields":[{"doc":"The incarnation of the table.","name":"uid","type":"string"},{"doc":"Subject of its rows.","name":"subject","type":"string"},{"doc":"Sequence of the commit that created the table; rows of earlier tables of its name are below.","name":"since","type":"long"},{"doc":"Sequence of the last message whose effects the copy holds.","name":"seq","type":"long"},{"doc":"Chain value of that message, or the hash of its payload, as the table's file has it.","name":"hash","type":"string"},{"doc":"When the stream was created, microseconds since 1970.","name":"stream_created_micros","type":"long"},{"doc":"Hex SHA-256 of the copied file, as the blob store names it.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"doc":"Rows it holds.","name":"rows","type":"long"},{"doc":"Sum of the hashes of all rows, whatever their order.","name":"checksum","type":"string"},{"doc":"Version of the engine that made the sum; another one may hash otherwise.","name":"engine","type":"string"}],"kind":"event","name":"TableCheckpointed","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The table's own last event; its file can go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableClosed {
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
}

alluvium_messaging::contract!(
    TableClosed,
    "TableClosed",
    r####"{"aggregate":"table","doc":"The table's own last event; its file can go.","fields":[{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"event","name":"TableClosed","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A name in a bucket now stands for a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableCreated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_TableCreated_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Its columns at first.
    pub columns: Vec<ColumnSpec>,
    /// Its primary key at first.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Internal id of the main line's table in whose place it stands in its branch; null for a table that has none.
    #[serde(default)]
    pub copy_of: Option<String>,
    /// Command id of the load that it is made with: it shows once that is accepted. null for a table that shows at once.
    #[serde(default)]
    pub awaits: Option<String>,
}

#[allow(non_snake_case)]
fn default_TableCreated_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    TableCreated,
    "TableCreated",
    r####"{"aggregate":"project","doc":"A name in a bucket now stands for a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Its columns at first.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key at first.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":null,"doc":"Internal id of the main line's table in whose place it stands in its branch; null for a table that has none.","name":"copy_of","type":["null","string"]},{"default":null,"doc":"Command id of the load that it is made with: it shows once that is accepted. null for a table that shows at once.","name":"awaits","type":["null","string"]}],"kind":"event","name":"TableCreated","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"A name in a bucket now stands for a table.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Its columns at first.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key at first.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"event","name":"TableCreated","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// A name in a bucket stands for no table any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableDropped {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_TableDropped_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// The snapshot that settings want before a drop; the table's own event says of which moment.
    #[serde(default)]
    pub snapshot: Option<SnapshotOfDrop>,
    /// Whether it never showed: the load that it was to be made with was refused.
    #[serde(default)]
    pub abandoned: bool,
}

#[allow(non_snake_case)]
fn default_TableDropped_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    TableDropped,
    "TableDropped",
    r####"{"aggregate":"project","doc":"A name in a bucket stands for no table any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"default":null,"doc":"The snapshot that settings want before a drop; the table's own event says of which moment.","name":"snapshot","type":["null",{"doc":"The snapshot that a drop leaves of its table.","fields":[{"doc":"Id of the snapshot.","name":"snapshot","type":"string"},{"doc":"When it goes by itself, in microseconds since 1970.","name":"expires_at","type":"long"}],"kind":"type","name":"SnapshotOfDrop","namespace":"alluvium.storage","type":"record"}]},{"default":false,"doc":"Whether it never showed: the load that it was to be made with was refused.","name":"abandoned","type":"boolean"}],"kind":"event","name":"TableDropped","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"A name in a bucket stands for no table any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"}],"kind":"event","name":"TableDropped","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// A dev branch does not show the main line's table of this name any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableHidden {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the dev branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
}

alluvium_messaging::contract!(
    TableHidden,
    "TableHidden",
    r####"{"aggregate":"project","doc":"A dev branch does not show the main line's table of this name any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the dev branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"}],"kind":"event","name":"TableHidden","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The main line's table is to get what the table of a dev branch holds; whether it does is its own matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableMerged {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the dev branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of the main line's table.
    pub uid: String,
    /// Internal id of the branch's table.
    pub source: String,
}

alluvium_messaging::contract!(
    TableMerged,
    "TableMerged",
    r####"{"aggregate":"project","doc":"The main line's table is to get what the table of a dev branch holds; whether it does is its own matter.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the dev branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of the main line's table.","name":"uid","type":"string"},{"doc":"Internal id of the branch's table.","name":"source","type":"string"}],"kind":"event","name":"TableMerged","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A table that comes back with its bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableOfBucket {
    /// Name of the table.
    pub table: String,
    /// Internal id of the table that had the content.
    pub source: String,
    /// The last message that counts for the content.
    pub position: i64,
    /// The columns then.
    pub columns: Vec<ColumnSpec>,
    /// The primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

alluvium_messaging::contract!(
    TableOfBucket,
    "TableOfBucket",
    r####"{"doc":"A table that comes back with its bucket.","fields":[{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content.","name":"position","type":"long"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"type","name":"TableOfBucket","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// The table's own first event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableOpened {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_TableOpened_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Internal id of this incarnation of the table; a name created again gets a new one.
    pub uid: String,
    /// Its columns.
    pub columns: Vec<ColumnSpec>,
    /// Its primary key.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Internal id of the table whose content it begins with: what that had with all messages before this one; null when it begins empty.
    #[serde(default)]
    pub copy_of: Option<String>,
}

#[allow(non_snake_case)]
fn default_TableOpened_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    TableOpened,
    "TableOpened",
    r####"{"aggregate":"table","doc":"The table's own first event.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Its columns.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}},{"default":null,"doc":"Internal id of the table whose content it begins with: what that had with all messages before this one; null when it begins empty.","name":"copy_of","type":["null","string"]}],"kind":"event","name":"TableOpened","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"table","doc":"The table's own first event.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of this incarnation of the table; a name created again gets a new one.","name":"uid","type":"string"},{"doc":"Its columns.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Its primary key.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"event","name":"TableOpened","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// A dev branch shows the main line's table of this name again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TablePulled {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the dev branch.
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
}

alluvium_messaging::contract!(
    TablePulled,
    "TablePulled",
    r####"{"aggregate":"project","doc":"A dev branch shows the main line's table of this name again.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the dev branch.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"}],"kind":"event","name":"TablePulled","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Adds tags to a file; one that it has gets the new value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagFile {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Tags; a label is a tag without a value.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_TagFile_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_TagFile_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    TagFile,
    "TagFile",
    r####"{"aggregate":"file","doc":"Adds tags to a file; one that it has gets the new value.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"default":{},"doc":"Tags; a label is a tag without a value.","name":"tags","type":{"type":"map","values":"string"}},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"TagFile","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Gives the content that a table has now a name, by which it can be had again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeSnapshot {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_TakeSnapshot_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Filled in by the worker: the table that a linked bucket shows under the name.
    #[serde(default)]
    pub uid: Option<String>,
}

#[allow(non_snake_case)]
fn default_TakeSnapshot_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    TakeSnapshot,
    "TakeSnapshot",
    r####"{"aggregate":"project","doc":"Gives the content that a table has now a name, by which it can be had again.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"default":null,"doc":"Filled in by the worker: the table that a linked bucket shows under the name.","name":"uid","type":["null","string"]}],"kind":"command","name":"TakeSnapshot","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Brings back the project that this id stood for last, with its buckets and tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndeleteProject {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Filled in by the worker: its name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Filled in by the worker: its settings, as a JSON object.
    #[serde(default = "default_UndeleteProject_settings")]
    pub settings: String,
    /// Filled in by the worker: its buckets then.
    #[serde(default)]
    pub buckets: Vec<BucketOfProject>,
    /// Filled in by the worker: the organisation it belonged to.
    #[serde(default)]
    pub organization: Option<String>,
}

#[allow(non_snake_case)]
fn default_UndeleteProject_settings() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(
    UndeleteProject,
    "UndeleteProject",
    r####"{"aggregate":"project","doc":"Brings back the project that this id stood for last, with its buckets and tables.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"Filled in by the worker: its name for people.","name":"name","type":["null","string"]},{"default":"{}","doc":"Filled in by the worker: its settings, as a JSON object.","name":"settings","type":"string"},{"default":[],"doc":"Filled in by the worker: its buckets then.","name":"buckets","type":{"items":{"doc":"A bucket that comes back with its project.","fields":[{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"doc":"Its tables then.","name":"tables","type":{"items":{"doc":"A table that comes back with its bucket.","fields":[{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content.","name":"position","type":"long"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"type","name":"TableOfBucket","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"type","name":"BucketOfProject","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":null,"doc":"Filled in by the worker: the organisation it belonged to.","name":"organization","type":["null","string"]}],"kind":"command","name":"UndeleteProject","namespace":"alluvium.storage","requires":"admin","type":"record"}"####,
    &[]
);

/// Brings back the bucket that this name stood for last, with the tables that went with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndropBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Filled in by the worker: what it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Filled in by the worker: its tables then.
    #[serde(default)]
    pub tables: Vec<TableOfBucket>,
}

alluvium_messaging::contract!(
    UndropBucket,
    "UndropBucket",
    r####"{"aggregate":"project","doc":"Brings back the bucket that this name stood for last, with the tables that went with it.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"Filled in by the worker: what it is for.","name":"description","type":["null","string"]},{"default":[],"doc":"Filled in by the worker: its tables then.","name":"tables","type":{"items":{"doc":"A table that comes back with its bucket.","fields":[{"doc":"Name of the table.","name":"table","type":"string"},{"doc":"Internal id of the table that had the content.","name":"source","type":"string"},{"doc":"The last message that counts for the content.","name":"position","type":"long"},{"doc":"The columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"The primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"type","name":"TableOfBucket","namespace":"alluvium.storage","type":"record"},"type":"array"}}],"kind":"command","name":"UndropBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Brings back the table that these names stood for last, as it was when it was dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndropTable {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the branch; `default` is the main one.
    #[serde(default = "default_UndropTable_branch")]
    pub branch: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Name of the table.
    pub table: String,
    /// Filled in by the worker: internal id of the table that had the content.
    #[serde(default)]
    pub source: String,
    /// Filled in by the worker: the last message that counts for the content.
    #[serde(default)]
    pub position: i64,
    /// Filled in by the worker: the columns then.
    #[serde(default)]
    pub columns: Vec<ColumnSpec>,
    /// Filled in by the worker: the primary key then.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

#[allow(non_snake_case)]
fn default_UndropTable_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    UndropTable,
    "UndropTable",
    r####"{"aggregate":"project","doc":"Brings back the table that these names stood for last, as it was when it was dropped.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"Id of the branch; `default` is the main one.","name":"branch","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"doc":"Name of the table.","name":"table","type":"string"},{"default":"","doc":"Filled in by the worker: internal id of the table that had the content.","name":"source","type":"string"},{"default":0,"doc":"Filled in by the worker: the last message that counts for the content.","name":"position","type":"long"},{"default":[],"doc":"Filled in by the worker: the columns then.","name":"columns","type":{"items":{"doc":"A column: name, type, nullability, default.","fields":[{"doc":"Name of the column; compared without case.","name":"name","type":"string"},{"doc":"DuckDB type; events carry its canonical spelling.","name":"type","type":"string"},{"default":true,"doc":"Whether NULL is allowed.","name":"nullable","type":"boolean"},{"default":null,"doc":"Default as expression text: a literal, a cast of one, now() or uuid().","name":"default","type":["null","string"]}],"kind":"type","name":"ColumnSpec","namespace":"alluvium.storage","type":"record"},"type":"array"}},{"default":[],"doc":"Filled in by the worker: the primary key then.","name":"primary_key","type":{"items":"string","type":"array"}}],"kind":"command","name":"UndropTable","namespace":"alluvium.storage","requires":"bucket_write","type":"record"}"####,
    &[]
);

/// Removes a linked bucket with the tables of its own; what it showed stays where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlinkBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
}

alluvium_messaging::contract!(
    UnlinkBucket,
    "UnlinkBucket",
    r####"{"aggregate":"project","doc":"Removes a linked bucket with the tables of its own; what it showed stays where it is.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"}],"kind":"command","name":"UnlinkBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Takes such a note back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnmarkBucketReadOnly {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
}

alluvium_messaging::contract!(
    UnmarkBucketReadOnly,
    "UnmarkBucketReadOnly",
    r####"{"aggregate":"project","doc":"Takes such a note back.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"}],"kind":"command","name":"UnmarkBucketReadOnly","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Takes back what a share allowed: links that stand are not read through any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnshareBucket {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Id of the project; null for the bucket's role.
    #[serde(default)]
    pub target_project: Option<String>,
}

alluvium_messaging::contract!(
    UnshareBucket,
    "UnshareBucket",
    r####"{"aggregate":"project","doc":"Takes back what a share allowed: links that stand are not read through any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Name of the bucket.","name":"bucket","type":"string"},{"default":null,"doc":"Id of the project; null for the bucket's role.","name":"target_project","type":["null","string"]}],"kind":"command","name":"UnshareBucket","namespace":"alluvium.storage","requires":"bucket_admin","type":"record"}"####,
    &[]
);

/// Takes a tag off a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UntagFile {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// The tag's key.
    pub tag: String,
    /// Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.
    #[serde(default = "default_UntagFile_branch")]
    pub branch: String,
}

#[allow(non_snake_case)]
fn default_UntagFile_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    UntagFile,
    "UntagFile",
    r####"{"aggregate":"file","doc":"Takes a tag off a file.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"The tag's key.","name":"tag","type":"string"},{"default":"default","doc":"Id of the branch it is done for, or of a key of chosen buckets; those reach their own files alone, `default` reaches all of the project.","name":"branch","type":"string"}],"kind":"command","name":"UntagFile","namespace":"alluvium.storage","requires":"file_write","type":"record"}"####,
    &[]
);

/// Changes a project's name or settings; what is absent stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateProject {
    /// Id of the project, as in URLs.
    pub project: String,
    /// New name.
    #[serde(default)]
    pub name: Option<String>,
    /// New settings as a JSON object, replacing the old as a whole.
    #[serde(default)]
    pub settings: Option<String>,
    /// New organisation, which only the admin may give; empty for none.
    #[serde(default)]
    pub organization: Option<String>,
}

alluvium_messaging::contract!(
    UpdateProject,
    "UpdateProject",
    r####"{"aggregate":"project","doc":"Changes a project's name or settings; what is absent stays.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"New name.","name":"name","type":["null","string"]},{"default":null,"doc":"New settings as a JSON object, replacing the old as a whole.","name":"settings","type":["null","string"]},{"default":null,"doc":"New organisation, which only the admin may give; empty for none.","name":"organization","type":["null","string"]}],"kind":"command","name":"UpdateProject","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####,
    &[
        r####"{"aggregate":"project","doc":"Changes a project's name or settings; what is absent stays.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":null,"doc":"New name.","name":"name","type":["null","string"]},{"default":null,"doc":"New settings as a JSON object, replacing the old as a whole.","name":"settings","type":["null","string"]}],"kind":"command","name":"UpdateProject","namespace":"alluvium.storage","requires":"project_admin","type":"record"}"####
    ]
);

/// An upload is open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadPrepared {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Name for people.
    pub filename: String,
    /// Media type.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Declared size.
    #[serde(default)]
    pub size_bytes: Option<i64>,
    /// Declared hex SHA-256.
    #[serde(default)]
    pub checksum_sha256: Option<String>,
    /// Tags.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, String>,
    /// When the upload session ends.
    pub expires_at: i64,
    /// Internal id of the incarnation of the project it belongs to.
    pub project_uid: String,
    /// Whether it stays until somebody deletes it; else it expires 15 days after it became a file.
    #[serde(default = "default_UploadPrepared_is_permanent")]
    pub is_permanent: bool,
    /// The run of the client that it is part of.
    #[serde(default)]
    pub run_id: Option<String>,
    /// Id of the branch whose keys see it; `default` when only keys of the whole project do.
    #[serde(default = "default_UploadPrepared_branch")]
    pub branch: String,
    /// Whether the content is a manifest that names the files whose rows it stands for.
    #[serde(default)]
    pub is_sliced: bool,
}

#[allow(non_snake_case)]
fn default_UploadPrepared_is_permanent() -> bool {
    true
}

#[allow(non_snake_case)]
fn default_UploadPrepared_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    UploadPrepared,
    "UploadPrepared",
    r####"{"aggregate":"file","doc":"An upload is open.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"filename","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"default":null,"doc":"Declared size.","name":"size_bytes","type":["null","long"]},{"default":null,"doc":"Declared hex SHA-256.","name":"checksum_sha256","type":["null","string"]},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"doc":"When the upload session ends.","name":"expires_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Internal id of the incarnation of the project it belongs to.","name":"project_uid","type":"string"},{"default":true,"doc":"Whether it stays until somebody deletes it; else it expires 15 days after it became a file.","name":"is_permanent","type":"boolean"},{"default":null,"doc":"The run of the client that it is part of.","name":"run_id","type":["null","string"]},{"default":"default","doc":"Id of the branch whose keys see it; `default` when only keys of the whole project do.","name":"branch","type":"string"},{"default":false,"doc":"Whether the content is a manifest that names the files whose rows it stands for.","name":"is_sliced","type":"boolean"}],"kind":"event","name":"UploadPrepared","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"An upload is open.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Name for people.","name":"filename","type":"string"},{"default":null,"doc":"Media type.","name":"content_type","type":["null","string"]},{"default":null,"doc":"Declared size.","name":"size_bytes","type":["null","long"]},{"default":null,"doc":"Declared hex SHA-256.","name":"checksum_sha256","type":["null","string"]},{"default":{},"doc":"Tags.","name":"tags","type":{"type":"map","values":"string"}},{"doc":"When the upload session ends.","name":"expires_at","type":{"logicalType":"timestamp-micros","type":"long"}},{"doc":"Internal id of the incarnation of the project it belongs to.","name":"project_uid","type":"string"}],"kind":"event","name":"UploadPrepared","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// An upload has its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadStaged {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the file; while it is being uploaded, its upload key.
    pub file: String,
    /// Hex SHA-256 of the content.
    pub blob: String,
    /// Its size.
    pub size_bytes: i64,
    /// Hex MD5 of the content, for clients that know no other; absent where nobody computed it.
    #[serde(default)]
    pub md5: Option<String>,
}

alluvium_messaging::contract!(
    UploadStaged,
    "UploadStaged",
    r####"{"aggregate":"file","doc":"An upload has its content.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"},{"default":null,"doc":"Hex MD5 of the content, for clients that know no other; absent where nobody computed it.","name":"md5","type":["null","string"]}],"kind":"event","name":"UploadStaged","namespace":"alluvium.storage","type":"record"}"####,
    &[
        r####"{"aggregate":"file","doc":"An upload has its content.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the file; while it is being uploaded, its upload key.","name":"file","type":"string"},{"doc":"Hex SHA-256 of the content.","name":"blob","type":"string"},{"doc":"Its size.","name":"size_bytes","type":"long"}],"kind":"event","name":"UploadStaged","namespace":"alluvium.storage","type":"record"}"####
    ]
);

/// All objects of a workspace are gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceCleared {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// For whom it was done, as an actor's printed form.
    pub by: String,
}

alluvium_messaging::contract!(
    WorkspaceCleared,
    "WorkspaceCleared",
    r####"{"aggregate":"workspace","doc":"All objects of a workspace are gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"For whom it was done, as an actor's printed form.","name":"by","type":"string"}],"kind":"event","name":"WorkspaceCleared","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A workspace is there, empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceCreated {
    /// Id of the project, as in URLs.
    pub project: String,
    /// The branch it is of; `default` is the main line.
    #[serde(default = "default_WorkspaceCreated_branch")]
    pub branch: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Name for people, 1 to 128 printable characters.
    pub name: String,
    /// When it is over, in microseconds since 1970; never when null.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// What its objects may take, in bytes.
    pub size_limit_bytes: i64,
    /// Who logs in to it.
    pub username: String,
    /// Argon2id verifier of the password, as a PHC string.
    pub password_hash: String,
    /// The incarnation of the project that it belongs to.
    #[serde(default)]
    pub project_uid: String,
    /// Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.
    #[serde(default)]
    pub holder: String,
}

#[allow(non_snake_case)]
fn default_WorkspaceCreated_branch() -> String {
    "default".to_owned()
}

alluvium_messaging::contract!(
    WorkspaceCreated,
    "WorkspaceCreated",
    r####"{"aggregate":"workspace","doc":"A workspace is there, empty.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"default":"default","doc":"The branch it is of; `default` is the main line.","name":"branch","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Name for people, 1 to 128 printable characters.","name":"name","type":"string"},{"default":null,"doc":"When it is over, in microseconds since 1970; never when null.","name":"expires_at","type":["null","long"]},{"doc":"What its objects may take, in bytes.","name":"size_limit_bytes","type":"long"},{"doc":"Who logs in to it.","name":"username","type":"string"},{"doc":"Argon2id verifier of the password, as a PHC string.","name":"password_hash","type":"string"},{"default":"","doc":"The incarnation of the project that it belongs to.","name":"project_uid","type":"string"},{"default":"","doc":"Id of the key of chosen buckets whose workspace it is; empty for one of all keys of its branch.","name":"holder","type":"string"}],"kind":"event","name":"WorkspaceCreated","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A further user may log in to a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceCredentialsAdded {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Id of the credentials, unique within the workspace.
    pub credential: String,
    /// What people call them.
    #[serde(default)]
    pub name: String,
    /// Who logs in with them.
    pub username: String,
    /// Argon2id verifier of the password, as a PHC string.
    pub password_hash: String,
}

alluvium_messaging::contract!(
    WorkspaceCredentialsAdded,
    "WorkspaceCredentialsAdded",
    r####"{"aggregate":"workspace","doc":"A further user may log in to a workspace.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Id of the credentials, unique within the workspace.","name":"credential","type":"string"},{"default":"","doc":"What people call them.","name":"name","type":"string"},{"doc":"Who logs in with them.","name":"username","type":"string"},{"doc":"Argon2id verifier of the password, as a PHC string.","name":"password_hash","type":"string"}],"kind":"event","name":"WorkspaceCredentialsAdded","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A further user may not log in to a workspace any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceCredentialsRemoved {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Id of the credentials, unique within the workspace.
    pub credential: String,
}

alluvium_messaging::contract!(
    WorkspaceCredentialsRemoved,
    "WorkspaceCredentialsRemoved",
    r####"{"aggregate":"workspace","doc":"A further user may not log in to a workspace any more.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Id of the credentials, unique within the workspace.","name":"credential","type":"string"}],"kind":"event","name":"WorkspaceCredentialsRemoved","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A workspace has another password.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceCredentialsReset {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// Argon2id verifier of the password, as a PHC string.
    pub password_hash: String,
}

alluvium_messaging::contract!(
    WorkspaceCredentialsReset,
    "WorkspaceCredentialsReset",
    r####"{"aggregate":"workspace","doc":"A workspace has another password.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"Argon2id verifier of the password, as a PHC string.","name":"password_hash","type":"string"}],"kind":"event","name":"WorkspaceCredentialsReset","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A workspace is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceDeleted {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
}

alluvium_messaging::contract!(
    WorkspaceDeleted,
    "WorkspaceDeleted",
    r####"{"aggregate":"workspace","doc":"A workspace is gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"}],"kind":"event","name":"WorkspaceDeleted","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A workspace's time is over: its objects are let go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceExpired {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
}

alluvium_messaging::contract!(
    WorkspaceExpired,
    "WorkspaceExpired",
    r####"{"aggregate":"workspace","doc":"A workspace's time is over: its objects are let go.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"}],"kind":"event","name":"WorkspaceExpired","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// A table was brought into a workspace; what it replaced is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceLoaded {
    /// Id of the project, as in URLs.
    pub project: String,
    /// Id of the workspace, unique within its project.
    pub workspace: String,
    /// The object of the workspace that it became.
    pub destination: String,
    /// Bucket of the table it came from.
    pub bucket: String,
    /// Name of that table.
    pub table: String,
    /// The incarnation of that table.
    pub uid: String,
    /// How far that table was folded: a sequence of the stream.
    pub version: i64,
    /// Only these columns; all when null.
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// Only rows that meet this condition.
    #[serde(default)]
    pub where_filter: Option<String>,
    /// How many rows came.
    pub row_count: i64,
    /// What they take, in bytes.
    pub size_bytes: i64,
    /// For whom it was done, as an actor's printed form.
    pub by: String,
}

alluvium_messaging::contract!(
    WorkspaceLoaded,
    "WorkspaceLoaded",
    r####"{"aggregate":"workspace","doc":"A table was brought into a workspace; what it replaced is gone.","fields":[{"doc":"Id of the project, as in URLs.","name":"project","type":"string"},{"doc":"Id of the workspace, unique within its project.","name":"workspace","type":"string"},{"doc":"The object of the workspace that it became.","name":"destination","type":"string"},{"doc":"Bucket of the table it came from.","name":"bucket","type":"string"},{"doc":"Name of that table.","name":"table","type":"string"},{"doc":"The incarnation of that table.","name":"uid","type":"string"},{"doc":"How far that table was folded: a sequence of the stream.","name":"version","type":"long"},{"default":null,"doc":"Only these columns; all when null.","name":"columns","type":["null",{"items":"string","type":"array"}]},{"default":null,"doc":"Only rows that meet this condition.","name":"where_filter","type":["null","string"]},{"doc":"How many rows came.","name":"row_count","type":"long"},{"doc":"What they take, in bytes.","name":"size_bytes","type":"long"},{"doc":"For whom it was done, as an actor's printed form.","name":"by","type":"string"}],"kind":"event","name":"WorkspaceLoaded","namespace":"alluvium.storage","type":"record"}"####,
    &[]
);

/// Commands of the aggregate `file`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FileCommand {
    DeleteFile(DeleteFile),
    DeleteObject(DeleteObject),
    ExpireFile(ExpireFile),
    PrepareUpload(PrepareUpload),
    PutObject(PutObject),
    RegisterExport(RegisterExport),
    RegisterFile(RegisterFile),
    StageUpload(StageUpload),
    TagFile(TagFile),
    UntagFile(UntagFile),
}

alluvium_messaging::contract_set!(FileCommand {
    DeleteFile,
    DeleteObject,
    ExpireFile,
    PrepareUpload,
    PutObject,
    RegisterExport,
    RegisterFile,
    StageUpload,
    TagFile,
    UntagFile
});

impl From<DeleteFile> for FileCommand {
    fn from(message: DeleteFile) -> Self {
        Self::DeleteFile(message)
    }
}

impl From<DeleteObject> for FileCommand {
    fn from(message: DeleteObject) -> Self {
        Self::DeleteObject(message)
    }
}

impl From<ExpireFile> for FileCommand {
    fn from(message: ExpireFile) -> Self {
        Self::ExpireFile(message)
    }
}

impl From<PrepareUpload> for FileCommand {
    fn from(message: PrepareUpload) -> Self {
        Self::PrepareUpload(message)
    }
}

impl From<PutObject> for FileCommand {
    fn from(message: PutObject) -> Self {
        Self::PutObject(message)
    }
}

impl From<RegisterExport> for FileCommand {
    fn from(message: RegisterExport) -> Self {
        Self::RegisterExport(message)
    }
}

impl From<RegisterFile> for FileCommand {
    fn from(message: RegisterFile) -> Self {
        Self::RegisterFile(message)
    }
}

impl From<StageUpload> for FileCommand {
    fn from(message: StageUpload) -> Self {
        Self::StageUpload(message)
    }
}

impl From<TagFile> for FileCommand {
    fn from(message: TagFile) -> Self {
        Self::TagFile(message)
    }
}

impl From<UntagFile> for FileCommand {
    fn from(message: UntagFile) -> Self {
        Self::UntagFile(message)
    }
}

/// Events of the aggregate `file`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FileEvent {
    FileDeleted(FileDeleted),
    FileExpired(FileExpired),
    FileRegistered(FileRegistered),
    FileTagged(FileTagged),
    UploadPrepared(UploadPrepared),
    UploadStaged(UploadStaged),
}

alluvium_messaging::contract_set!(FileEvent {
    FileDeleted,
    FileExpired,
    FileRegistered,
    FileTagged,
    UploadPrepared,
    UploadStaged
});

impl From<FileDeleted> for FileEvent {
    fn from(message: FileDeleted) -> Self {
        Self::FileDeleted(message)
    }
}

impl From<FileExpired> for FileEvent {
    fn from(message: FileExpired) -> Self {
        Self::FileExpired(message)
    }
}

impl From<FileRegistered> for FileEvent {
    fn from(message: FileRegistered) -> Self {
        Self::FileRegistered(message)
    }
}

impl From<FileTagged> for FileEvent {
    fn from(message: FileTagged) -> Self {
        Self::FileTagged(message)
    }
}

impl From<UploadPrepared> for FileEvent {
    fn from(message: UploadPrepared) -> Self {
        Self::UploadPrepared(message)
    }
}

impl From<UploadStaged> for FileEvent {
    fn from(message: UploadStaged) -> Self {
        Self::UploadStaged(message)
    }
}

impl cqrs_es::DomainEvent for FileEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::File {
    const TYPE: &'static str = "file";
    type Command = FileCommand;
    type Event = FileEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: FileCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<FileEvent> = match command {
            FileCommand::DeleteFile(c) => Decide::decide(c, self, at)?,
            FileCommand::DeleteObject(c) => Decide::decide(c, self, at)?,
            FileCommand::ExpireFile(c) => Decide::decide(c, self, at)?,
            FileCommand::PrepareUpload(c) => Decide::decide(c, self, at)?,
            FileCommand::PutObject(c) => Decide::decide(c, self, at)?,
            FileCommand::RegisterExport(c) => Decide::decide(c, self, at)?,
            FileCommand::RegisterFile(c) => Decide::decide(c, self, at)?,
            FileCommand::StageUpload(c) => Decide::decide(c, self, at)?,
            FileCommand::TagFile(c) => Decide::decide(c, self, at)?,
            FileCommand::UntagFile(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: FileEvent) {
        use alluvium_kernel::Evolve;
        match event {
            FileEvent::FileDeleted(e) => Evolve::evolve(e, self),
            FileEvent::FileExpired(e) => Evolve::evolve(e, self),
            FileEvent::FileRegistered(e) => Evolve::evolve(e, self),
            FileEvent::FileTagged(e) => Evolve::evolve(e, self),
            FileEvent::UploadPrepared(e) => Evolve::evolve(e, self),
            FileEvent::UploadStaged(e) => Evolve::evolve(e, self),
        }
    }
}

impl FileCommand {
    /// `blob` of the command.
    pub fn blob(&self) -> Option<&str> {
        match self {
            Self::PutObject(c) => Some(&c.blob),
            Self::RegisterExport(c) => Some(&c.blob),
            Self::StageUpload(c) => Some(&c.blob),
            _ => None,
        }
    }

    /// `branch` of the command.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::DeleteFile(c) => Some(&c.branch),
            Self::DeleteObject(c) => Some(&c.branch),
            Self::PrepareUpload(c) => Some(&c.branch),
            Self::PutObject(c) => Some(&c.branch),
            Self::RegisterExport(c) => Some(&c.branch),
            Self::RegisterFile(c) => Some(&c.branch),
            Self::StageUpload(c) => Some(&c.branch),
            Self::TagFile(c) => Some(&c.branch),
            Self::UntagFile(c) => Some(&c.branch),
            _ => None,
        }
    }

    /// `file` of the command.
    pub fn file(&self) -> &str {
        match self {
            Self::DeleteFile(c) => &c.file,
            Self::DeleteObject(c) => &c.file,
            Self::ExpireFile(c) => &c.file,
            Self::PrepareUpload(c) => &c.file,
            Self::PutObject(c) => &c.file,
            Self::RegisterExport(c) => &c.file,
            Self::RegisterFile(c) => &c.file,
            Self::StageUpload(c) => &c.file,
            Self::TagFile(c) => &c.file,
            Self::UntagFile(c) => &c.file,
        }
    }

    /// `key` of the command.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::DeleteObject(c) => Some(&c.key),
            Self::PutObject(c) => Some(&c.key),
            _ => None,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::DeleteFile(c) => &c.project,
            Self::DeleteObject(c) => &c.project,
            Self::ExpireFile(c) => &c.project,
            Self::PrepareUpload(c) => &c.project,
            Self::PutObject(c) => &c.project,
            Self::RegisterExport(c) => &c.project,
            Self::RegisterFile(c) => &c.project,
            Self::StageUpload(c) => &c.project,
            Self::TagFile(c) => &c.project,
            Self::UntagFile(c) => &c.project,
        }
    }

    /// `project_uid` of the command.
    pub fn project_uid(&self) -> Option<&str> {
        match self {
            Self::PrepareUpload(c) => Some(&c.project_uid),
            Self::PutObject(c) => Some(&c.project_uid),
            Self::RegisterExport(c) => Some(&c.project_uid),
            _ => None,
        }
    }
}

/// Commands of the aggregate `job`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobCommand {
    BeginJob(BeginJob),
    EndJob(EndJob),
    StartJob(StartJob),
}

alluvium_messaging::contract_set!(JobCommand { BeginJob, EndJob, StartJob });

impl From<BeginJob> for JobCommand {
    fn from(message: BeginJob) -> Self {
        Self::BeginJob(message)
    }
}

impl From<EndJob> for JobCommand {
    fn from(message: EndJob) -> Self {
        Self::EndJob(message)
    }
}

impl From<StartJob> for JobCommand {
    fn from(message: StartJob) -> Self {
        Self::StartJob(message)
    }
}

/// Events of the aggregate `job`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobEvent {
    JobBegun(JobBegun),
    JobEnded(JobEnded),
    JobStarted(JobStarted),
}

alluvium_messaging::contract_set!(JobEvent { JobBegun, JobEnded, JobStarted });

impl From<JobBegun> for JobEvent {
    fn from(message: JobBegun) -> Self {
        Self::JobBegun(message)
    }
}

impl From<JobEnded> for JobEvent {
    fn from(message: JobEnded) -> Self {
        Self::JobEnded(message)
    }
}

impl From<JobStarted> for JobEvent {
    fn from(message: JobStarted) -> Self {
        Self::JobStarted(message)
    }
}

impl cqrs_es::DomainEvent for JobEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Job {
    const TYPE: &'static str = "job";
    type Command = JobCommand;
    type Event = JobEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: JobCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<JobEvent> = match command {
            JobCommand::BeginJob(c) => Decide::decide(c, self, at)?,
            JobCommand::EndJob(c) => Decide::decide(c, self, at)?,
            JobCommand::StartJob(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: JobEvent) {
        use alluvium_kernel::Evolve;
        match event {
            JobEvent::JobBegun(e) => Evolve::evolve(e, self),
            JobEvent::JobEnded(e) => Evolve::evolve(e, self),
            JobEvent::JobStarted(e) => Evolve::evolve(e, self),
        }
    }
}

impl JobCommand {
    /// `job` of the command.
    pub fn job(&self) -> &str {
        match self {
            Self::BeginJob(c) => &c.job,
            Self::EndJob(c) => &c.job,
            Self::StartJob(c) => &c.job,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::BeginJob(c) => &c.project,
            Self::EndJob(c) => &c.project,
            Self::StartJob(c) => &c.project,
        }
    }
}

/// Commands of the aggregate `metadata`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetadataCommand {
    ClearMetadata(ClearMetadata),
    DeleteMetadata(DeleteMetadata),
    MergeMetadata(MergeMetadata),
    SetMetadata(SetMetadata),
}

alluvium_messaging::contract_set!(MetadataCommand { ClearMetadata, DeleteMetadata, MergeMetadata, SetMetadata });

impl From<ClearMetadata> for MetadataCommand {
    fn from(message: ClearMetadata) -> Self {
        Self::ClearMetadata(message)
    }
}

impl From<DeleteMetadata> for MetadataCommand {
    fn from(message: DeleteMetadata) -> Self {
        Self::DeleteMetadata(message)
    }
}

impl From<MergeMetadata> for MetadataCommand {
    fn from(message: MergeMetadata) -> Self {
        Self::MergeMetadata(message)
    }
}

impl From<SetMetadata> for MetadataCommand {
    fn from(message: SetMetadata) -> Self {
        Self::SetMetadata(message)
    }
}

/// Events of the aggregate `metadata`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MetadataEvent {
    MetadataCleared(MetadataCleared),
    MetadataDeleted(MetadataDeleted),
    MetadataMerged(MetadataMerged),
    MetadataSet(MetadataSet),
}

alluvium_messaging::contract_set!(MetadataEvent { MetadataCleared, MetadataDeleted, MetadataMerged, MetadataSet });

impl From<MetadataCleared> for MetadataEvent {
    fn from(message: MetadataCleared) -> Self {
        Self::MetadataCleared(message)
    }
}

impl From<MetadataDeleted> for MetadataEvent {
    fn from(message: MetadataDeleted) -> Self {
        Self::MetadataDeleted(message)
    }
}

impl From<MetadataMerged> for MetadataEvent {
    fn from(message: MetadataMerged) -> Self {
        Self::MetadataMerged(message)
    }
}

impl From<MetadataSet> for MetadataEvent {
    fn from(message: MetadataSet) -> Self {
        Self::MetadataSet(message)
    }
}

impl cqrs_es::DomainEvent for MetadataEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Metadata {
    const TYPE: &'static str = "metadata";
    type Command = MetadataCommand;
    type Event = MetadataEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: MetadataCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<MetadataEvent> = match command {
            MetadataCommand::ClearMetadata(c) => Decide::decide(c, self, at)?,
            MetadataCommand::DeleteMetadata(c) => Decide::decide(c, self, at)?,
            MetadataCommand::MergeMetadata(c) => Decide::decide(c, self, at)?,
            MetadataCommand::SetMetadata(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MetadataEvent) {
        use alluvium_kernel::Evolve;
        match event {
            MetadataEvent::MetadataCleared(e) => Evolve::evolve(e, self),
            MetadataEvent::MetadataDeleted(e) => Evolve::evolve(e, self),
            MetadataEvent::MetadataMerged(e) => Evolve::evolve(e, self),
            MetadataEvent::MetadataSet(e) => Evolve::evolve(e, self),
        }
    }
}

impl MetadataCommand {
    /// `branch` of the command.
    pub fn branch(&self) -> &str {
        match self {
            Self::ClearMetadata(c) => &c.branch,
            Self::DeleteMetadata(c) => &c.branch,
            Self::MergeMetadata(c) => &c.branch,
            Self::SetMetadata(c) => &c.branch,
        }
    }

    /// `object` of the command.
    pub fn object(&self) -> &str {
        match self {
            Self::ClearMetadata(c) => &c.object,
            Self::DeleteMetadata(c) => &c.object,
            Self::MergeMetadata(c) => &c.object,
            Self::SetMetadata(c) => &c.object,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::ClearMetadata(c) => &c.project,
            Self::DeleteMetadata(c) => &c.project,
            Self::MergeMetadata(c) => &c.project,
            Self::SetMetadata(c) => &c.project,
        }
    }

    /// `project_uid` of the command.
    pub fn project_uid(&self) -> Option<&str> {
        match self {
            Self::DeleteMetadata(c) => Some(&c.project_uid),
            Self::MergeMetadata(c) => Some(&c.project_uid),
            Self::SetMetadata(c) => Some(&c.project_uid),
            _ => None,
        }
    }

    /// `uid` of the command.
    pub fn uid(&self) -> Option<&str> {
        match self {
            Self::DeleteMetadata(c) => Some(&c.uid),
            Self::SetMetadata(c) => Some(&c.uid),
            _ => None,
        }
    }
}

/// Commands of the aggregate `multipart`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MultipartCommand {
    AbortMultipart(AbortMultipart),
    CompleteMultipart(CompleteMultipart),
    ExpireMultipart(ExpireMultipart),
    StagePart(StagePart),
    StartMultipart(StartMultipart),
}

alluvium_messaging::contract_set!(MultipartCommand {
    AbortMultipart,
    CompleteMultipart,
    ExpireMultipart,
    StagePart,
    StartMultipart
});

impl From<AbortMultipart> for MultipartCommand {
    fn from(message: AbortMultipart) -> Self {
        Self::AbortMultipart(message)
    }
}

impl From<CompleteMultipart> for MultipartCommand {
    fn from(message: CompleteMultipart) -> Self {
        Self::CompleteMultipart(message)
    }
}

impl From<ExpireMultipart> for MultipartCommand {
    fn from(message: ExpireMultipart) -> Self {
        Self::ExpireMultipart(message)
    }
}

impl From<StagePart> for MultipartCommand {
    fn from(message: StagePart) -> Self {
        Self::StagePart(message)
    }
}

impl From<StartMultipart> for MultipartCommand {
    fn from(message: StartMultipart) -> Self {
        Self::StartMultipart(message)
    }
}

/// Events of the aggregate `multipart`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MultipartEvent {
    MultipartAborted(MultipartAborted),
    MultipartCompleted(MultipartCompleted),
    MultipartExpired(MultipartExpired),
    MultipartStarted(MultipartStarted),
    PartStaged(PartStaged),
}

alluvium_messaging::contract_set!(MultipartEvent {
    MultipartAborted,
    MultipartCompleted,
    MultipartExpired,
    MultipartStarted,
    PartStaged
});

impl From<MultipartAborted> for MultipartEvent {
    fn from(message: MultipartAborted) -> Self {
        Self::MultipartAborted(message)
    }
}

impl From<MultipartCompleted> for MultipartEvent {
    fn from(message: MultipartCompleted) -> Self {
        Self::MultipartCompleted(message)
    }
}

impl From<MultipartExpired> for MultipartEvent {
    fn from(message: MultipartExpired) -> Self {
        Self::MultipartExpired(message)
    }
}

impl From<MultipartStarted> for MultipartEvent {
    fn from(message: MultipartStarted) -> Self {
        Self::MultipartStarted(message)
    }
}

impl From<PartStaged> for MultipartEvent {
    fn from(message: PartStaged) -> Self {
        Self::PartStaged(message)
    }
}

impl cqrs_es::DomainEvent for MultipartEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Multipart {
    const TYPE: &'static str = "multipart";
    type Command = MultipartCommand;
    type Event = MultipartEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: MultipartCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<MultipartEvent> = match command {
            MultipartCommand::AbortMultipart(c) => Decide::decide(c, self, at)?,
            MultipartCommand::CompleteMultipart(c) => Decide::decide(c, self, at)?,
            MultipartCommand::ExpireMultipart(c) => Decide::decide(c, self, at)?,
            MultipartCommand::StagePart(c) => Decide::decide(c, self, at)?,
            MultipartCommand::StartMultipart(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: MultipartEvent) {
        use alluvium_kernel::Evolve;
        match event {
            MultipartEvent::MultipartAborted(e) => Evolve::evolve(e, self),
            MultipartEvent::MultipartCompleted(e) => Evolve::evolve(e, self),
            MultipartEvent::MultipartExpired(e) => Evolve::evolve(e, self),
            MultipartEvent::MultipartStarted(e) => Evolve::evolve(e, self),
            MultipartEvent::PartStaged(e) => Evolve::evolve(e, self),
        }
    }
}

impl MultipartCommand {
    /// `blob` of the command.
    pub fn blob(&self) -> Option<&str> {
        match self {
            Self::CompleteMultipart(c) => Some(&c.blob),
            Self::StagePart(c) => Some(&c.blob),
            _ => None,
        }
    }

    /// `branch` of the command.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::AbortMultipart(c) => Some(&c.branch),
            Self::CompleteMultipart(c) => Some(&c.branch),
            Self::StagePart(c) => Some(&c.branch),
            Self::StartMultipart(c) => Some(&c.branch),
            _ => None,
        }
    }

    /// `md5` of the command.
    pub fn md5(&self) -> Option<&str> {
        match self {
            Self::CompleteMultipart(c) => Some(&c.md5),
            Self::StagePart(c) => Some(&c.md5),
            _ => None,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::AbortMultipart(c) => &c.project,
            Self::CompleteMultipart(c) => &c.project,
            Self::ExpireMultipart(c) => &c.project,
            Self::StagePart(c) => &c.project,
            Self::StartMultipart(c) => &c.project,
        }
    }

    /// `upload` of the command.
    pub fn upload(&self) -> &str {
        match self {
            Self::AbortMultipart(c) => &c.upload,
            Self::CompleteMultipart(c) => &c.upload,
            Self::ExpireMultipart(c) => &c.upload,
            Self::StagePart(c) => &c.upload,
            Self::StartMultipart(c) => &c.upload,
        }
    }
}

/// Commands of the aggregate `project`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ProjectCommand {
    AbandonTable(AbandonTable),
    AdmitLink(AdmitLink),
    BackUpTable(BackUpTable),
    ClearSnapshotSettings(ClearSnapshotSettings),
    CloseLink(CloseLink),
    CopyTable(CopyTable),
    CreateAlias(CreateAlias),
    CreateBranch(CreateBranch),
    CreateBucket(CreateBucket),
    CreateProject(CreateProject),
    CreateTable(CreateTable),
    CreateTableFromFile(CreateTableFromFile),
    CutLinks(CutLinks),
    DeleteBranch(DeleteBranch),
    DeleteBucket(DeleteBucket),
    DeleteProject(DeleteProject),
    DeleteSnapshot(DeleteSnapshot),
    DropTable(DropTable),
    ExpireSnapshots(ExpireSnapshots),
    ForkTable(ForkTable),
    LinkBucket(LinkBucket),
    LinkPipeline(LinkPipeline),
    MarkBucketReadOnly(MarkBucketReadOnly),
    MergeTable(MergeTable),
    PullTable(PullTable),
    ReleaseLink(ReleaseLink),
    RestoreTable(RestoreTable),
    SetBucketSharing(SetBucketSharing),
    SetSnapshotSettings(SetSnapshotSettings),
    ShareBucket(ShareBucket),
    TakeSnapshot(TakeSnapshot),
    UndeleteProject(UndeleteProject),
    UndropBucket(UndropBucket),
    UndropTable(UndropTable),
    UnlinkBucket(UnlinkBucket),
    UnmarkBucketReadOnly(UnmarkBucketReadOnly),
    UnshareBucket(UnshareBucket),
    UpdateProject(UpdateProject),
}

alluvium_messaging::contract_set!(ProjectCommand {
    AbandonTable,
    AdmitLink,
    BackUpTable,
    ClearSnapshotSettings,
    CloseLink,
    CopyTable,
    CreateAlias,
    CreateBranch,
    CreateBucket,
    CreateProject,
    CreateTable,
    CreateTableFromFile,
    CutLinks,
    DeleteBranch,
    DeleteBucket,
    DeleteProject,
    DeleteSnapshot,
    DropTable,
    ExpireSnapshots,
    ForkTable,
    LinkBucket,
    LinkPipeline,
    MarkBucketReadOnly,
    MergeTable,
    PullTable,
    ReleaseLink,
    RestoreTable,
    SetBucketSharing,
    SetSnapshotSettings,
    ShareBucket,
    TakeSnapshot,
    UndeleteProject,
    UndropBucket,
    UndropTable,
    UnlinkBucket,
    UnmarkBucketReadOnly,
    UnshareBucket,
    UpdateProject
});

impl From<AbandonTable> for ProjectCommand {
    fn from(message: AbandonTable) -> Self {
        Self::AbandonTable(message)
    }
}

impl From<AdmitLink> for ProjectCommand {
    fn from(message: AdmitLink) -> Self {
        Self::AdmitLink(message)
    }
}

impl From<BackUpTable> for ProjectCommand {
    fn from(message: BackUpTable) -> Self {
        Self::BackUpTable(message)
    }
}

impl From<ClearSnapshotSettings> for ProjectCommand {
    fn from(message: ClearSnapshotSettings) -> Self {
        Self::ClearSnapshotSettings(message)
    }
}

impl From<CloseLink> for ProjectCommand {
    fn from(message: CloseLink) -> Self {
        Self::CloseLink(message)
    }
}

impl From<CopyTable> for ProjectCommand {
    fn from(message: CopyTable) -> Self {
        Self::CopyTable(message)
    }
}

impl From<CreateAlias> for ProjectCommand {
    fn from(message: CreateAlias) -> Self {
        Self::CreateAlias(message)
    }
}

impl From<CreateBranch> for ProjectCommand {
    fn from(message: CreateBranch) -> Self {
        Self::CreateBranch(message)
    }
}

impl From<CreateBucket> for ProjectCommand {
    fn from(message: CreateBucket) -> Self {
        Self::CreateBucket(message)
    }
}

impl From<CreateProject> for ProjectCommand {
    fn from(message: CreateProject) -> Self {
        Self::CreateProject(message)
    }
}

impl From<CreateTable> for ProjectCommand {
    fn from(message: CreateTable) -> Self {
        Self::CreateTable(message)
    }
}

impl From<CreateTableFromFile> for ProjectCommand {
    fn from(message: CreateTableFromFile) -> Self {
        Self::CreateTableFromFile(message)
    }
}

impl From<CutLinks> for ProjectCommand {
    fn from(message: CutLinks) -> Self {
        Self::CutLinks(message)
    }
}

impl From<DeleteBranch> for ProjectCommand {
    fn from(message: DeleteBranch) -> Self {
        Self::DeleteBranch(message)
    }
}

impl From<DeleteBucket> for ProjectCommand {
    fn from(message: DeleteBucket) -> Self {
        Self::DeleteBucket(message)
    }
}

impl From<DeleteProject> for ProjectCommand {
    fn from(message: DeleteProject) -> Self {
        Self::DeleteProject(message)
    }
}

impl From<DeleteSnapshot> for ProjectCommand {
    fn from(message: DeleteSnapshot) -> Self {
        Self::DeleteSnapshot(message)
    }
}

impl From<DropTable> for ProjectCommand {
    fn from(message: DropTable) -> Self {
        Self::DropTable(message)
    }
}

impl From<ExpireSnapshots> for ProjectCommand {
    fn from(message: ExpireSnapshots) -> Self {
        Self::ExpireSnapshots(message)
    }
}

impl From<ForkTable> for ProjectCommand {
    fn from(message: ForkTable) -> Self {
        Self::ForkTable(message)
    }
}

impl From<LinkBucket> for ProjectCommand {
    fn from(message: LinkBucket) -> Self {
        Self::LinkBucket(message)
    }
}

impl From<LinkPipeline> for ProjectCommand {
    fn from(message: LinkPipeline) -> Self {
        Self::LinkPipeline(message)
    }
}

impl From<MarkBucketReadOnly> for ProjectCommand {
    fn from(message: MarkBucketReadOnly) -> Self {
        Self::MarkBucketReadOnly(message)
    }
}

impl From<MergeTable> for ProjectCommand {
    fn from(message: MergeTable) -> Self {
        Self::MergeTable(message)
    }
}

impl From<PullTable> for ProjectCommand {
    fn from(message: PullTable) -> Self {
        Self::PullTable(message)
    }
}

impl From<ReleaseLink> for ProjectCommand {
    fn from(message: ReleaseLink) -> Self {
        Self::ReleaseLink(message)
    }
}

impl From<RestoreTable> for ProjectCommand {
    fn from(message: RestoreTable) -> Self {
        Self::RestoreTable(message)
    }
}

impl From<SetBucketSharing> for ProjectCommand {
    fn from(message: SetBucketSharing) -> Self {
        Self::SetBucketSharing(message)
    }
}

impl From<SetSnapshotSettings> for ProjectCommand {
    fn from(message: SetSnapshotSettings) -> Self {
        Self::SetSnapshotSettings(message)
    }
}

impl From<ShareBucket> for ProjectCommand {
    fn from(message: ShareBucket) -> Self {
        Self::ShareBucket(message)
    }
}

impl From<TakeSnapshot> for ProjectCommand {
    fn from(message: TakeSnapshot) -> Self {
        Self::TakeSnapshot(message)
    }
}

impl From<UndeleteProject> for ProjectCommand {
    fn from(message: UndeleteProject) -> Self {
        Self::UndeleteProject(message)
    }
}

impl From<UndropBucket> for ProjectCommand {
    fn from(message: UndropBucket) -> Self {
        Self::UndropBucket(message)
    }
}

impl From<UndropTable> for ProjectCommand {
    fn from(message: UndropTable) -> Self {
        Self::UndropTable(message)
    }
}

impl From<UnlinkBucket> for ProjectCommand {
    fn from(message: UnlinkBucket) -> Self {
        Self::UnlinkBucket(message)
    }
}

impl From<UnmarkBucketReadOnly> for ProjectCommand {
    fn from(message: UnmarkBucketReadOnly) -> Self {
        Self::UnmarkBucketReadOnly(message)
    }
}

impl From<UnshareBucket> for ProjectCommand {
    fn from(message: UnshareBucket) -> Self {
        Self::UnshareBucket(message)
    }
}

impl From<UpdateProject> for ProjectCommand {
    fn from(message: UpdateProject) -> Self {
        Self::UpdateProject(message)
    }
}

/// Events of the aggregate `project`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ProjectEvent {
    AliasCreated(AliasCreated),
    AliasDropped(AliasDropped),
    BranchCreated(BranchCreated),
    BranchDeleted(BranchDeleted),
    BucketCreated(BucketCreated),
    BucketDeleted(BucketDeleted),
    BucketLinked(BucketLinked),
    BucketMarkedReadOnly(BucketMarkedReadOnly),
    BucketShared(BucketShared),
    BucketSharingSet(BucketSharingSet),
    BucketUnlinked(BucketUnlinked),
    BucketUnmarkedReadOnly(BucketUnmarkedReadOnly),
    BucketUnshared(BucketUnshared),
    LinkAdmitted(LinkAdmitted),
    LinkClosed(LinkClosed),
    LinkReleased(LinkReleased),
    ProjectCreated(ProjectCreated),
    ProjectDeleted(ProjectDeleted),
    ProjectUpdated(ProjectUpdated),
    RestorePlanned(RestorePlanned),
    SnapshotDeleted(SnapshotDeleted),
    SnapshotExpired(SnapshotExpired),
    SnapshotSettingsCleared(SnapshotSettingsCleared),
    SnapshotSettingsSet(SnapshotSettingsSet),
    SnapshotTaken(SnapshotTaken),
    TableCreated(TableCreated),
    TableDropped(TableDropped),
    TableHidden(TableHidden),
    TableMerged(TableMerged),
    TablePulled(TablePulled),
}

alluvium_messaging::contract_set!(ProjectEvent {
    AliasCreated,
    AliasDropped,
    BranchCreated,
    BranchDeleted,
    BucketCreated,
    BucketDeleted,
    BucketLinked,
    BucketMarkedReadOnly,
    BucketShared,
    BucketSharingSet,
    BucketUnlinked,
    BucketUnmarkedReadOnly,
    BucketUnshared,
    LinkAdmitted,
    LinkClosed,
    LinkReleased,
    ProjectCreated,
    ProjectDeleted,
    ProjectUpdated,
    RestorePlanned,
    SnapshotDeleted,
    SnapshotExpired,
    SnapshotSettingsCleared,
    SnapshotSettingsSet,
    SnapshotTaken,
    TableCreated,
    TableDropped,
    TableHidden,
    TableMerged,
    TablePulled
});

impl From<AliasCreated> for ProjectEvent {
    fn from(message: AliasCreated) -> Self {
        Self::AliasCreated(message)
    }
}

impl From<AliasDropped> for ProjectEvent {
    fn from(message: AliasDropped) -> Self {
        Self::AliasDropped(message)
    }
}

impl From<BranchCreated> for ProjectEvent {
    fn from(message: BranchCreated) -> Self {
        Self::BranchCreated(message)
    }
}

impl From<BranchDeleted> for ProjectEvent {
    fn from(message: BranchDeleted) -> Self {
        Self::BranchDeleted(message)
    }
}

impl From<BucketCreated> for ProjectEvent {
    fn from(message: BucketCreated) -> Self {
        Self::BucketCreated(message)
    }
}

impl From<BucketDeleted> for ProjectEvent {
    fn from(message: BucketDeleted) -> Self {
        Self::BucketDeleted(message)
    }
}

impl From<BucketLinked> for ProjectEvent {
    fn from(message: BucketLinked) -> Self {
        Self::BucketLinked(message)
    }
}

impl From<BucketMarkedReadOnly> for ProjectEvent {
    fn from(message: BucketMarkedReadOnly) -> Self {
        Self::BucketMarkedReadOnly(message)
    }
}

impl From<BucketShared> for ProjectEvent {
    fn from(message: BucketShared) -> Self {
        Self::BucketShared(message)
    }
}

impl From<BucketSharingSet> for ProjectEvent {
    fn from(message: BucketSharingSet) -> Self {
        Self::BucketSharingSet(message)
    }
}

impl From<BucketUnlinked> for ProjectEvent {
    fn from(message: BucketUnlinked) -> Self {
        Self::BucketUnlinked(message)
    }
}

impl From<BucketUnmarkedReadOnly> for ProjectEvent {
    fn from(message: BucketUnmarkedReadOnly) -> Self {
        Self::BucketUnmarkedReadOnly(message)
    }
}

impl From<BucketUnshared> for ProjectEvent {
    fn from(message: BucketUnshared) -> Self {
        Self::BucketUnshared(message)
    }
}

impl From<LinkAdmitted> for ProjectEvent {
    fn from(message: LinkAdmitted) -> Self {
        Self::LinkAdmitted(message)
    }
}

impl From<LinkClosed> for ProjectEvent {
    fn from(message: LinkClosed) -> Self {
        Self::LinkClosed(message)
    }
}

impl From<LinkReleased> for ProjectEvent {
    fn from(message: LinkReleased) -> Self {
        Self::LinkReleased(message)
    }
}

impl From<ProjectCreated> for ProjectEvent {
    fn from(message: ProjectCreated) -> Self {
        Self::ProjectCreated(message)
    }
}

impl From<ProjectDeleted> for ProjectEvent {
    fn from(message: ProjectDeleted) -> Self {
        Self::ProjectDeleted(message)
    }
}

impl From<ProjectUpdated> for ProjectEvent {
    fn from(message: ProjectUpdated) -> Self {
        Self::ProjectUpdated(message)
    }
}

impl From<RestorePlanned> for ProjectEvent {
    fn from(message: RestorePlanned) -> Self {
        Self::RestorePlanned(message)
    }
}

impl From<SnapshotDeleted> for ProjectEvent {
    fn from(message: SnapshotDeleted) -> Self {
        Self::SnapshotDeleted(message)
    }
}

impl From<SnapshotExpired> for ProjectEvent {
    fn from(message: SnapshotExpired) -> Self {
        Self::SnapshotExpired(message)
    }
}

impl From<SnapshotSettingsCleared> for ProjectEvent {
    fn from(message: SnapshotSettingsCleared) -> Self {
        Self::SnapshotSettingsCleared(message)
    }
}

impl From<SnapshotSettingsSet> for ProjectEvent {
    fn from(message: SnapshotSettingsSet) -> Self {
        Self::SnapshotSettingsSet(message)
    }
}

impl From<SnapshotTaken> for ProjectEvent {
    fn from(message: SnapshotTaken) -> Self {
        Self::SnapshotTaken(message)
    }
}

impl From<TableCreated> for ProjectEvent {
    fn from(message: TableCreated) -> Self {
        Self::TableCreated(message)
    }
}

impl From<TableDropped> for ProjectEvent {
    fn from(message: TableDropped) -> Self {
        Self::TableDropped(message)
    }
}

impl From<TableHidden> for ProjectEvent {
    fn from(message: TableHidden) -> Self {
        Self::TableHidden(message)
    }
}

impl From<TableMerged> for ProjectEvent {
    fn from(message: TableMerged) -> Self {
        Self::TableMerged(message)
    }
}

impl From<TablePulled> for ProjectEvent {
    fn from(message: TablePulled) -> Self {
        Self::TablePulled(message)
    }
}

impl cqrs_es::DomainEvent for ProjectEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Project {
    const TYPE: &'static str = "project";
    type Command = ProjectCommand;
    type Event = ProjectEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: ProjectCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<ProjectEvent> = match command {
            ProjectCommand::AbandonTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::AdmitLink(c) => Decide::decide(c, self, at)?,
            ProjectCommand::BackUpTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::ClearSnapshotSettings(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CloseLink(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CopyTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CreateAlias(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CreateBranch(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CreateBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CreateProject(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CreateTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CreateTableFromFile(c) => Decide::decide(c, self, at)?,
            ProjectCommand::CutLinks(c) => Decide::decide(c, self, at)?,
            ProjectCommand::DeleteBranch(c) => Decide::decide(c, self, at)?,
            ProjectCommand::DeleteBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::DeleteProject(c) => Decide::decide(c, self, at)?,
            ProjectCommand::DeleteSnapshot(c) => Decide::decide(c, self, at)?,
            ProjectCommand::DropTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::ExpireSnapshots(c) => Decide::decide(c, self, at)?,
            ProjectCommand::ForkTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::LinkBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::LinkPipeline(c) => Decide::decide(c, self, at)?,
            ProjectCommand::MarkBucketReadOnly(c) => Decide::decide(c, self, at)?,
            ProjectCommand::MergeTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::PullTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::ReleaseLink(c) => Decide::decide(c, self, at)?,
            ProjectCommand::RestoreTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::SetBucketSharing(c) => Decide::decide(c, self, at)?,
            ProjectCommand::SetSnapshotSettings(c) => Decide::decide(c, self, at)?,
            ProjectCommand::ShareBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::TakeSnapshot(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UndeleteProject(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UndropBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UndropTable(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UnlinkBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UnmarkBucketReadOnly(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UnshareBucket(c) => Decide::decide(c, self, at)?,
            ProjectCommand::UpdateProject(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ProjectEvent) {
        use alluvium_kernel::Evolve;
        match event {
            ProjectEvent::AliasCreated(e) => Evolve::evolve(e, self),
            ProjectEvent::AliasDropped(e) => Evolve::evolve(e, self),
            ProjectEvent::BranchCreated(e) => Evolve::evolve(e, self),
            ProjectEvent::BranchDeleted(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketCreated(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketDeleted(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketLinked(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketMarkedReadOnly(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketShared(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketSharingSet(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketUnlinked(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketUnmarkedReadOnly(e) => Evolve::evolve(e, self),
            ProjectEvent::BucketUnshared(e) => Evolve::evolve(e, self),
            ProjectEvent::LinkAdmitted(e) => Evolve::evolve(e, self),
            ProjectEvent::LinkClosed(e) => Evolve::evolve(e, self),
            ProjectEvent::LinkReleased(e) => Evolve::evolve(e, self),
            ProjectEvent::ProjectCreated(e) => Evolve::evolve(e, self),
            ProjectEvent::ProjectDeleted(e) => Evolve::evolve(e, self),
            ProjectEvent::ProjectUpdated(e) => Evolve::evolve(e, self),
            ProjectEvent::RestorePlanned(e) => Evolve::evolve(e, self),
            ProjectEvent::SnapshotDeleted(e) => Evolve::evolve(e, self),
            ProjectEvent::SnapshotExpired(e) => Evolve::evolve(e, self),
            ProjectEvent::SnapshotSettingsCleared(e) => Evolve::evolve(e, self),
            ProjectEvent::SnapshotSettingsSet(e) => Evolve::evolve(e, self),
            ProjectEvent::SnapshotTaken(e) => Evolve::evolve(e, self),
            ProjectEvent::TableCreated(e) => Evolve::evolve(e, self),
            ProjectEvent::TableDropped(e) => Evolve::evolve(e, self),
            ProjectEvent::TableHidden(e) => Evolve::evolve(e, self),
            ProjectEvent::TableMerged(e) => Evolve::evolve(e, self),
            ProjectEvent::TablePulled(e) => Evolve::evolve(e, self),
        }
    }
}

impl ProjectCommand {
    /// `branch` of the command.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::AbandonTable(c) => Some(&c.branch),
            Self::BackUpTable(c) => Some(&c.branch),
            Self::CopyTable(c) => Some(&c.branch),
            Self::CreateAlias(c) => Some(&c.branch),
            Self::CreateTable(c) => Some(&c.branch),
            Self::CreateTableFromFile(c) => Some(&c.branch),
            Self::DeleteBranch(c) => Some(&c.branch),
            Self::DeleteSnapshot(c) => Some(&c.branch),
            Self::DropTable(c) => Some(&c.branch),
            Self::ForkTable(c) => Some(&c.branch),
            Self::MergeTable(c) => Some(&c.branch),
            Self::PullTable(c) => Some(&c.branch),
            Self::RestoreTable(c) => Some(&c.branch),
            Self::TakeSnapshot(c) => Some(&c.branch),
            Self::UndropTable(c) => Some(&c.branch),
            _ => None,
        }
    }

    /// `bucket` of the command.
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::AbandonTable(c) => Some(&c.bucket),
            Self::AdmitLink(c) => Some(&c.bucket),
            Self::BackUpTable(c) => Some(&c.bucket),
            Self::CloseLink(c) => Some(&c.bucket),
            Self::CopyTable(c) => Some(&c.bucket),
            Self::CreateAlias(c) => Some(&c.bucket),
            Self::CreateBucket(c) => Some(&c.bucket),
            Self::CreateTable(c) => Some(&c.bucket),
            Self::CreateTableFromFile(c) => Some(&c.bucket),
            Self::CutLinks(c) => Some(&c.bucket),
            Self::DeleteBucket(c) => Some(&c.bucket),
            Self::DropTable(c) => Some(&c.bucket),
            Self::ForkTable(c) => Some(&c.bucket),
            Self::LinkBucket(c) => Some(&c.bucket),
            Self::LinkPipeline(c) => Some(&c.bucket),
            Self::MarkBucketReadOnly(c) => Some(&c.bucket),
            Self::MergeTable(c) => Some(&c.bucket),
            Self::PullTable(c) => Some(&c.bucket),
            Self::ReleaseLink(c) => Some(&c.bucket),
            Self::SetBucketSharing(c) => Some(&c.bucket),
            Self::ShareBucket(c) => Some(&c.bucket),
            Self::TakeSnapshot(c) => Some(&c.bucket),
            Self::UndropBucket(c) => Some(&c.bucket),
            Self::UndropTable(c) => Some(&c.bucket),
            Self::UnlinkBucket(c) => Some(&c.bucket),
            Self::UnmarkBucketReadOnly(c) => Some(&c.bucket),
            Self::UnshareBucket(c) => Some(&c.bucket),
            _ => None,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::AbandonTable(c) => &c.project,
            Self::AdmitLink(c) => &c.project,
            Self::BackUpTable(c) => &c.project,
            Self::ClearSnapshotSettings(c) => &c.project,
            Self::CloseLink(c) => &c.project,
            Self::CopyTable(c) => &c.project,
            Self::CreateAlias(c) => &c.project,
            Self::CreateBranch(c) => &c.project,
            Self::CreateBucket(c) => &c.project,
            Self::CreateProject(c) => &c.project,
            Self::CreateTable(c) => &c.project,
            Self::CreateTableFromFile(c) => &c.project,
            Self::CutLinks(c) => &c.project,
            Self::DeleteBranch(c) => &c.project,
            Self::DeleteBucket(c) => &c.project,
            Self::DeleteProject(c) => &c.project,
            Self::DeleteSnapshot(c) => &c.project,
            Self::DropTable(c) => &c.project,
            Self::ExpireSnapshots(c) => &c.project,
            Self::ForkTable(c) => &c.project,
            Self::LinkBucket(c) => &c.project,
            Self::LinkPipeline(c) => &c.project,
            Self::MarkBucketReadOnly(c) => &c.project,
            Self::MergeTable(c) => &c.project,
            Self::PullTable(c) => &c.project,
            Self::ReleaseLink(c) => &c.project,
            Self::RestoreTable(c) => &c.project,
            Self::SetBucketSharing(c) => &c.project,
            Self::SetSnapshotSettings(c) => &c.project,
            Self::ShareBucket(c) => &c.project,
            Self::TakeSnapshot(c) => &c.project,
            Self::UndeleteProject(c) => &c.project,
            Self::UndropBucket(c) => &c.project,
            Self::UndropTable(c) => &c.project,
            Self::UnlinkBucket(c) => &c.project,
            Self::UnmarkBucketReadOnly(c) => &c.project,
            Self::UnshareBucket(c) => &c.project,
            Self::UpdateProject(c) => &c.project,
        }
    }

    /// `settings` of the command.
    pub fn settings(&self) -> Option<&str> {
        match self {
            Self::CreateProject(c) => Some(&c.settings),
            Self::UndeleteProject(c) => Some(&c.settings),
            _ => None,
        }
    }

    /// `snapshot` of the command.
    pub fn snapshot(&self) -> Option<&str> {
        match self {
            Self::DeleteSnapshot(c) => Some(&c.snapshot),
            Self::RestoreTable(c) => Some(&c.snapshot),
            _ => None,
        }
    }

    /// `source` of the command.
    pub fn source(&self) -> Option<&str> {
        match self {
            Self::CopyTable(c) => Some(&c.source),
            Self::UndropTable(c) => Some(&c.source),
            _ => None,
        }
    }

    /// `source_bucket` of the command.
    pub fn source_bucket(&self) -> Option<&str> {
        match self {
            Self::CopyTable(c) => Some(&c.source_bucket),
            Self::CreateAlias(c) => Some(&c.source_bucket),
            Self::LinkBucket(c) => Some(&c.source_bucket),
            _ => None,
        }
    }

    /// `source_table` of the command.
    pub fn source_table(&self) -> Option<&str> {
        match self {
            Self::CopyTable(c) => Some(&c.source_table),
            Self::CreateAlias(c) => Some(&c.source_table),
            _ => None,
        }
    }

    /// `table` of the command.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::AbandonTable(c) => Some(&c.table),
            Self::BackUpTable(c) => Some(&c.table),
            Self::CopyTable(c) => Some(&c.table),
            Self::CreateAlias(c) => Some(&c.table),
            Self::CreateTable(c) => Some(&c.table),
            Self::CreateTableFromFile(c) => Some(&c.table),
            Self::DropTable(c) => Some(&c.table),
            Self::ForkTable(c) => Some(&c.table),
            Self::MergeTable(c) => Some(&c.table),
            Self::PullTable(c) => Some(&c.table),
            Self::TakeSnapshot(c) => Some(&c.table),
            Self::UndropTable(c) => Some(&c.table),
            _ => None,
        }
    }

    /// `target_bucket` of the command.
    pub fn target_bucket(&self) -> Option<&str> {
        match self {
            Self::AdmitLink(c) => Some(&c.target_bucket),
            Self::ReleaseLink(c) => Some(&c.target_bucket),
            _ => None,
        }
    }

    /// `target_project` of the command.
    pub fn target_project(&self) -> Option<&str> {
        match self {
            Self::AdmitLink(c) => Some(&c.target_project),
            Self::CutLinks(c) => Some(&c.target_project),
            _ => None,
        }
    }

    /// `target_uid` of the command.
    pub fn target_uid(&self) -> Option<&str> {
        match self {
            Self::AdmitLink(c) => Some(&c.target_uid),
            Self::ReleaseLink(c) => Some(&c.target_uid),
            _ => None,
        }
    }

    /// `uid` of the command.
    pub fn uid(&self) -> Option<&str> {
        match self {
            Self::AbandonTable(c) => Some(&c.uid),
            Self::BackUpTable(c) => Some(&c.uid),
            Self::ReleaseLink(c) => Some(&c.uid),
            _ => None,
        }
    }
}

/// Commands of the aggregate `refusal`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RefusalCommand {
    RefuseRows(RefuseRows),
}

alluvium_messaging::contract_set!(RefusalCommand { RefuseRows });

impl From<RefuseRows> for RefusalCommand {
    fn from(message: RefuseRows) -> Self {
        Self::RefuseRows(message)
    }
}

/// Events of the aggregate `refusal`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RefusalEvent {
    RowsRefused(RowsRefused),
}

alluvium_messaging::contract_set!(RefusalEvent { RowsRefused });

impl From<RowsRefused> for RefusalEvent {
    fn from(message: RowsRefused) -> Self {
        Self::RowsRefused(message)
    }
}

impl cqrs_es::DomainEvent for RefusalEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Refusal {
    const TYPE: &'static str = "refusal";
    type Command = RefusalCommand;
    type Event = RefusalEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: RefusalCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<RefusalEvent> = match command {
            RefusalCommand::RefuseRows(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: RefusalEvent) {
        use alluvium_kernel::Evolve;
        match event {
            RefusalEvent::RowsRefused(e) => Evolve::evolve(e, self),
        }
    }
}

/// Commands of the aggregate `retention`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RetentionCommand {
    RecordCheckpoint(RecordCheckpoint),
    RecordPurge(RecordPurge),
}

alluvium_messaging::contract_set!(RetentionCommand { RecordCheckpoint, RecordPurge });

impl From<RecordCheckpoint> for RetentionCommand {
    fn from(message: RecordCheckpoint) -> Self {
        Self::RecordCheckpoint(message)
    }
}

impl From<RecordPurge> for RetentionCommand {
    fn from(message: RecordPurge) -> Self {
        Self::RecordPurge(message)
    }
}

/// Events of the aggregate `retention`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum RetentionEvent {
    RowsPurged(RowsPurged),
    TableCheckpointed(TableCheckpointed),
}

alluvium_messaging::contract_set!(RetentionEvent { RowsPurged, TableCheckpointed });

impl From<RowsPurged> for RetentionEvent {
    fn from(message: RowsPurged) -> Self {
        Self::RowsPurged(message)
    }
}

impl From<TableCheckpointed> for RetentionEvent {
    fn from(message: TableCheckpointed) -> Self {
        Self::TableCheckpointed(message)
    }
}

impl cqrs_es::DomainEvent for RetentionEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Retention {
    const TYPE: &'static str = "retention";
    type Command = RetentionCommand;
    type Event = RetentionEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: RetentionCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<RetentionEvent> = match command {
            RetentionCommand::RecordCheckpoint(c) => Decide::decide(c, self, at)?,
            RetentionCommand::RecordPurge(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: RetentionEvent) {
        use alluvium_kernel::Evolve;
        match event {
            RetentionEvent::RowsPurged(e) => Evolve::evolve(e, self),
            RetentionEvent::TableCheckpointed(e) => Evolve::evolve(e, self),
        }
    }
}

impl RetentionCommand {
    /// `subject` of the command.
    pub fn subject(&self) -> &str {
        match self {
            Self::RecordCheckpoint(c) => &c.subject,
            Self::RecordPurge(c) => &c.subject,
        }
    }

    /// `uid` of the command.
    pub fn uid(&self) -> &str {
        match self {
            Self::RecordCheckpoint(c) => &c.uid,
            Self::RecordPurge(c) => &c.uid,
        }
    }
}

/// Commands of the aggregate `shelf`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfCommand {
    CountFiles(CountFiles),
}

alluvium_messaging::contract_set!(ShelfCommand { CountFiles });

impl From<CountFiles> for ShelfCommand {
    fn from(message: CountFiles) -> Self {
        Self::CountFiles(message)
    }
}

/// Events of the aggregate `shelf`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ShelfEvent {
    FilesCounted(FilesCounted),
}

alluvium_messaging::contract_set!(ShelfEvent { FilesCounted });

impl From<FilesCounted> for ShelfEvent {
    fn from(message: FilesCounted) -> Self {
        Self::FilesCounted(message)
    }
}

impl cqrs_es::DomainEvent for ShelfEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Shelf {
    const TYPE: &'static str = "shelf";
    type Command = ShelfCommand;
    type Event = ShelfEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: ShelfCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<ShelfEvent> = match command {
            ShelfCommand::CountFiles(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ShelfEvent) {
        use alluvium_kernel::Evolve;
        match event {
            ShelfEvent::FilesCounted(e) => Evolve::evolve(e, self),
        }
    }
}

/// Commands of the aggregate `table`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TableCommand {
    AddColumn(AddColumn),
    AlterColumn(AlterColumn),
    CloseTable(CloseTable),
    DeleteRows(DeleteRows),
    DropColumn(DropColumn),
    DropPrimaryKey(DropPrimaryKey),
    FillTable(FillTable),
    LoadTable(LoadTable),
    OpenTable(OpenTable),
    RebaseTable(RebaseTable),
    ReplaceContent(ReplaceContent),
    RequestSnapshot(RequestSnapshot),
    SetPrimaryKey(SetPrimaryKey),
    SettleRequest(SettleRequest),
}

alluvium_messaging::contract_set!(TableCommand {
    AddColumn,
    AlterColumn,
    CloseTable,
    DeleteRows,
    DropColumn,
    DropPrimaryKey,
    FillTable,
    LoadTable,
    OpenTable,
    RebaseTable,
    ReplaceContent,
    RequestSnapshot,
    SetPrimaryKey,
    SettleRequest
});

impl From<AddColumn> for TableCommand {
    fn from(message: AddColumn) -> Self {
        Self::AddColumn(message)
    }
}

impl From<AlterColumn> for TableCommand {
    fn from(message: AlterColumn) -> Self {
        Self::AlterColumn(message)
    }
}

impl From<CloseTable> for TableCommand {
    fn from(message: CloseTable) -> Self {
        Self::CloseTable(message)
    }
}

impl From<DeleteRows> for TableCommand {
    fn from(message: DeleteRows) -> Self {
        Self::DeleteRows(message)
    }
}

impl From<DropColumn> for TableCommand {
    fn from(message: DropColumn) -> Self {
        Self::DropColumn(message)
    }
}

impl From<DropPrimaryKey> for TableCommand {
    fn from(message: DropPrimaryKey) -> Self {
        Self::DropPrimaryKey(message)
    }
}

impl From<FillTable> for TableCommand {
    fn from(message: FillTable) -> Self {
        Self::FillTable(message)
    }
}

impl From<LoadTable> for TableCommand {
    fn from(message: LoadTable) -> Self {
        Self::LoadTable(message)
    }
}

impl From<OpenTable> for TableCommand {
    fn from(message: OpenTable) -> Self {
        Self::OpenTable(message)
    }
}

impl From<RebaseTable> for TableCommand {
    fn from(message: RebaseTable) -> Self {
        Self::RebaseTable(message)
    }
}

impl From<ReplaceContent> for TableCommand {
    fn from(message: ReplaceContent) -> Self {
        Self::ReplaceContent(message)
    }
}

impl From<RequestSnapshot> for TableCommand {
    fn from(message: RequestSnapshot) -> Self {
        Self::RequestSnapshot(message)
    }
}

impl From<SetPrimaryKey> for TableCommand {
    fn from(message: SetPrimaryKey) -> Self {
        Self::SetPrimaryKey(message)
    }
}

impl From<SettleRequest> for TableCommand {
    fn from(message: SettleRequest) -> Self {
        Self::SettleRequest(message)
    }
}

/// Events of the aggregate `table`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TableEvent {
    ColumnAddRequested(ColumnAddRequested),
    ColumnAlterRequested(ColumnAlterRequested),
    ColumnDropped(ColumnDropped),
    LoadRequested(LoadRequested),
    PrimaryKeyDropped(PrimaryKeyDropped),
    PrimaryKeyRequested(PrimaryKeyRequested),
    RestoreRequested(RestoreRequested),
    RowsDeleteRequested(RowsDeleteRequested),
    Settled(Settled),
    SnapshotRequested(SnapshotRequested),
    TableClosed(TableClosed),
    TableOpened(TableOpened),
}

alluvium_messaging::contract_set!(TableEvent {
    ColumnAddRequested,
    ColumnAlterRequested,
    ColumnDropped,
    LoadRequested,
    PrimaryKeyDropped,
    PrimaryKeyRequested,
    RestoreRequested,
    RowsDeleteRequested,
    Settled,
    SnapshotRequested,
    TableClosed,
    TableOpened
});

impl From<ColumnAddRequested> for TableEvent {
    fn from(message: ColumnAddRequested) -> Self {
        Self::ColumnAddRequested(message)
    }
}

impl From<ColumnAlterRequested> for TableEvent {
    fn from(message: ColumnAlterRequested) -> Self {
        Self::ColumnAlterRequested(message)
    }
}

impl From<ColumnDropped> for TableEvent {
    fn from(message: ColumnDropped) -> Self {
        Self::ColumnDropped(message)
    }
}

impl From<LoadRequested> for TableEvent {
    fn from(message: LoadRequested) -> Self {
        Self::LoadRequested(message)
    }
}

impl From<PrimaryKeyDropped> for TableEvent {
    fn from(message: PrimaryKeyDropped) -> Self {
        Self::PrimaryKeyDropped(message)
    }
}

impl From<PrimaryKeyRequested> for TableEvent {
    fn from(message: PrimaryKeyRequested) -> Self {
        Self::PrimaryKeyRequested(message)
    }
}

impl From<RestoreRequested> for TableEvent {
    fn from(message: RestoreRequested) -> Self {
        Self::RestoreRequested(message)
    }
}

impl From<RowsDeleteRequested> for TableEvent {
    fn from(message: RowsDeleteRequested) -> Self {
        Self::RowsDeleteRequested(message)
    }
}

impl From<Settled> for TableEvent {
    fn from(message: Settled) -> Self {
        Self::Settled(message)
    }
}

impl From<SnapshotRequested> for TableEvent {
    fn from(message: SnapshotRequested) -> Self {
        Self::SnapshotRequested(message)
    }
}

impl From<TableClosed> for TableEvent {
    fn from(message: TableClosed) -> Self {
        Self::TableClosed(message)
    }
}

impl From<TableOpened> for TableEvent {
    fn from(message: TableOpened) -> Self {
        Self::TableOpened(message)
    }
}

impl cqrs_es::DomainEvent for TableEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Table {
    const TYPE: &'static str = "table";
    type Command = TableCommand;
    type Event = TableEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: TableCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<TableEvent> = match command {
            TableCommand::AddColumn(c) => Decide::decide(c, self, at)?,
            TableCommand::AlterColumn(c) => Decide::decide(c, self, at)?,
            TableCommand::CloseTable(c) => Decide::decide(c, self, at)?,
            TableCommand::DeleteRows(c) => Decide::decide(c, self, at)?,
            TableCommand::DropColumn(c) => Decide::decide(c, self, at)?,
            TableCommand::DropPrimaryKey(c) => Decide::decide(c, self, at)?,
            TableCommand::FillTable(c) => Decide::decide(c, self, at)?,
            TableCommand::LoadTable(c) => Decide::decide(c, self, at)?,
            TableCommand::OpenTable(c) => Decide::decide(c, self, at)?,
            TableCommand::RebaseTable(c) => Decide::decide(c, self, at)?,
            TableCommand::ReplaceContent(c) => Decide::decide(c, self, at)?,
            TableCommand::RequestSnapshot(c) => Decide::decide(c, self, at)?,
            TableCommand::SetPrimaryKey(c) => Decide::decide(c, self, at)?,
            TableCommand::SettleRequest(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: TableEvent) {
        use alluvium_kernel::Evolve;
        match event {
            TableEvent::ColumnAddRequested(e) => Evolve::evolve(e, self),
            TableEvent::ColumnAlterRequested(e) => Evolve::evolve(e, self),
            TableEvent::ColumnDropped(e) => Evolve::evolve(e, self),
            TableEvent::LoadRequested(e) => Evolve::evolve(e, self),
            TableEvent::PrimaryKeyDropped(e) => Evolve::evolve(e, self),
            TableEvent::PrimaryKeyRequested(e) => Evolve::evolve(e, self),
            TableEvent::RestoreRequested(e) => Evolve::evolve(e, self),
            TableEvent::RowsDeleteRequested(e) => Evolve::evolve(e, self),
            TableEvent::Settled(e) => Evolve::evolve(e, self),
            TableEvent::SnapshotRequested(e) => Evolve::evolve(e, self),
            TableEvent::TableClosed(e) => Evolve::evolve(e, self),
            TableEvent::TableOpened(e) => Evolve::evolve(e, self),
        }
    }
}

impl TableCommand {
    /// `blob` of the command.
    pub fn blob(&self) -> Option<&str> {
        match self {
            Self::FillTable(c) => Some(&c.blob),
            Self::LoadTable(c) => Some(&c.blob),
            Self::RebaseTable(c) => Some(&c.blob),
            _ => None,
        }
    }

    /// `branch` of the command.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::AddColumn(c) => Some(&c.branch),
            Self::AlterColumn(c) => Some(&c.branch),
            Self::DeleteRows(c) => Some(&c.branch),
            Self::DropColumn(c) => Some(&c.branch),
            Self::DropPrimaryKey(c) => Some(&c.branch),
            Self::LoadTable(c) => Some(&c.branch),
            Self::OpenTable(c) => Some(&c.branch),
            Self::RebaseTable(c) => Some(&c.branch),
            Self::SetPrimaryKey(c) => Some(&c.branch),
            _ => None,
        }
    }

    /// `bucket` of the command.
    pub fn bucket(&self) -> Option<&str> {
        match self {
            Self::AddColumn(c) => Some(&c.bucket),
            Self::AlterColumn(c) => Some(&c.bucket),
            Self::DeleteRows(c) => Some(&c.bucket),
            Self::DropColumn(c) => Some(&c.bucket),
            Self::DropPrimaryKey(c) => Some(&c.bucket),
            Self::LoadTable(c) => Some(&c.bucket),
            Self::OpenTable(c) => Some(&c.bucket),
            Self::RebaseTable(c) => Some(&c.bucket),
            Self::SetPrimaryKey(c) => Some(&c.bucket),
            _ => None,
        }
    }

    /// `column` of the command.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::AlterColumn(c) => Some(&c.column),
            Self::DropColumn(c) => Some(&c.column),
            _ => None,
        }
    }

    /// `dedup_mode` of the command.
    pub fn dedup_mode(&self) -> Option<&str> {
        match self {
            Self::FillTable(c) => Some(&c.dedup_mode),
            Self::LoadTable(c) => Some(&c.dedup_mode),
            _ => None,
        }
    }

    /// `extra_columns` of the command.
    pub fn extra_columns(&self) -> Option<&str> {
        match self {
            Self::FillTable(c) => Some(&c.extra_columns),
            Self::LoadTable(c) => Some(&c.extra_columns),
            _ => None,
        }
    }

    /// `format` of the command.
    pub fn format(&self) -> Option<&str> {
        match self {
            Self::FillTable(c) => Some(&c.format),
            Self::LoadTable(c) => Some(&c.format),
            _ => None,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> Option<&str> {
        match self {
            Self::AddColumn(c) => Some(&c.project),
            Self::AlterColumn(c) => Some(&c.project),
            Self::DeleteRows(c) => Some(&c.project),
            Self::DropColumn(c) => Some(&c.project),
            Self::DropPrimaryKey(c) => Some(&c.project),
            Self::LoadTable(c) => Some(&c.project),
            Self::OpenTable(c) => Some(&c.project),
            Self::RebaseTable(c) => Some(&c.project),
            Self::SetPrimaryKey(c) => Some(&c.project),
            _ => None,
        }
    }

    /// `snapshot` of the command.
    pub fn snapshot(&self) -> Option<&str> {
        match self {
            Self::ReplaceContent(c) => Some(&c.snapshot),
            Self::RequestSnapshot(c) => Some(&c.snapshot),
            _ => None,
        }
    }

    /// `table` of the command.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::AddColumn(c) => Some(&c.table),
            Self::AlterColumn(c) => Some(&c.table),
            Self::DeleteRows(c) => Some(&c.table),
            Self::DropColumn(c) => Some(&c.table),
            Self::DropPrimaryKey(c) => Some(&c.table),
            Self::LoadTable(c) => Some(&c.table),
            Self::OpenTable(c) => Some(&c.table),
            Self::RebaseTable(c) => Some(&c.table),
            Self::SetPrimaryKey(c) => Some(&c.table),
            _ => None,
        }
    }

    /// `uid` of the command.
    pub fn uid(&self) -> Option<&str> {
        match self {
            Self::CloseTable(c) => Some(&c.uid),
            Self::FillTable(c) => Some(&c.uid),
            Self::OpenTable(c) => Some(&c.uid),
            Self::RebaseTable(c) => Some(&c.uid),
            Self::ReplaceContent(c) => Some(&c.uid),
            Self::RequestSnapshot(c) => Some(&c.uid),
            Self::SettleRequest(c) => Some(&c.uid),
            _ => None,
        }
    }
}

impl TableEvent {
    /// The command whose outcome waits until this request is answered.
    pub fn request_of(&self) -> Option<&'static str> {
        match self {
            Self::ColumnAddRequested(_) => Some("AddColumn"),
            Self::ColumnAlterRequested(_) => Some("AlterColumn"),
            Self::ColumnDropped(_) => None,
            Self::LoadRequested(_) => Some("LoadTable"),
            Self::PrimaryKeyDropped(_) => None,
            Self::PrimaryKeyRequested(_) => Some("SetPrimaryKey"),
            Self::RestoreRequested(_) => Some("RestoreTable"),
            Self::RowsDeleteRequested(_) => Some("DeleteRows"),
            Self::Settled(_) => None,
            Self::SnapshotRequested(_) => Some("TakeSnapshot"),
            Self::TableClosed(_) => None,
            Self::TableOpened(_) => None,
        }
    }
}

/// Commands of the aggregate `workspace`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WorkspaceCommand {
    AddWorkspaceCredentials(AddWorkspaceCredentials),
    CreateWorkspace(CreateWorkspace),
    DeleteWorkspace(DeleteWorkspace),
    ExpireWorkspace(ExpireWorkspace),
    RecordWorkspaceClear(RecordWorkspaceClear),
    RecordWorkspaceLoad(RecordWorkspaceLoad),
    RemoveWorkspaceCredentials(RemoveWorkspaceCredentials),
    ResetWorkspaceCredentials(ResetWorkspaceCredentials),
}

alluvium_messaging::contract_set!(WorkspaceCommand {
    AddWorkspaceCredentials,
    CreateWorkspace,
    DeleteWorkspace,
    ExpireWorkspace,
    RecordWorkspaceClear,
    RecordWorkspaceLoad,
    RemoveWorkspaceCredentials,
    ResetWorkspaceCredentials
});

impl From<AddWorkspaceCredentials> for WorkspaceCommand {
    fn from(message: AddWorkspaceCredentials) -> Self {
        Self::AddWorkspaceCredentials(message)
    }
}

impl From<CreateWorkspace> for WorkspaceCommand {
    fn from(message: CreateWorkspace) -> Self {
        Self::CreateWorkspace(message)
    }
}

impl From<DeleteWorkspace> for WorkspaceCommand {
    fn from(message: DeleteWorkspace) -> Self {
        Self::DeleteWorkspace(message)
    }
}

impl From<ExpireWorkspace> for WorkspaceCommand {
    fn from(message: ExpireWorkspace) -> Self {
        Self::ExpireWorkspace(message)
    }
}

impl From<RecordWorkspaceClear> for WorkspaceCommand {
    fn from(message: RecordWorkspaceClear) -> Self {
        Self::RecordWorkspaceClear(message)
    }
}

impl From<RecordWorkspaceLoad> for WorkspaceCommand {
    fn from(message: RecordWorkspaceLoad) -> Self {
        Self::RecordWorkspaceLoad(message)
    }
}

impl From<RemoveWorkspaceCredentials> for WorkspaceCommand {
    fn from(message: RemoveWorkspaceCredentials) -> Self {
        Self::RemoveWorkspaceCredentials(message)
    }
}

impl From<ResetWorkspaceCredentials> for WorkspaceCommand {
    fn from(message: ResetWorkspaceCredentials) -> Self {
        Self::ResetWorkspaceCredentials(message)
    }
}

/// Events of the aggregate `workspace`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WorkspaceEvent {
    WorkspaceCleared(WorkspaceCleared),
    WorkspaceCreated(WorkspaceCreated),
    WorkspaceCredentialsAdded(WorkspaceCredentialsAdded),
    WorkspaceCredentialsRemoved(WorkspaceCredentialsRemoved),
    WorkspaceCredentialsReset(WorkspaceCredentialsReset),
    WorkspaceDeleted(WorkspaceDeleted),
    WorkspaceExpired(WorkspaceExpired),
    WorkspaceLoaded(WorkspaceLoaded),
}

alluvium_messaging::contract_set!(WorkspaceEvent {
    WorkspaceCleared,
    WorkspaceCreated,
    WorkspaceCredentialsAdded,
    WorkspaceCredentialsRemoved,
    WorkspaceCredentialsReset,
    WorkspaceDeleted,
    WorkspaceExpired,
    WorkspaceLoaded
});

impl From<WorkspaceCleared> for WorkspaceEvent {
    fn from(message: WorkspaceCleared) -> Self {
        Self::WorkspaceCleared(message)
    }
}

impl From<WorkspaceCreated> for WorkspaceEvent {
    fn from(message: WorkspaceCreated) -> Self {
        Self::WorkspaceCreated(message)
    }
}

impl From<WorkspaceCredentialsAdded> for WorkspaceEvent {
    fn from(message: WorkspaceCredentialsAdded) -> Self {
        Self::WorkspaceCredentialsAdded(message)
    }
}

impl From<WorkspaceCredentialsRemoved> for WorkspaceEvent {
    fn from(message: WorkspaceCredentialsRemoved) -> Self {
        Self::WorkspaceCredentialsRemoved(message)
    }
}

impl From<WorkspaceCredentialsReset> for WorkspaceEvent {
    fn from(message: WorkspaceCredentialsReset) -> Self {
        Self::WorkspaceCredentialsReset(message)
    }
}

impl From<WorkspaceDeleted> for WorkspaceEvent {
    fn from(message: WorkspaceDeleted) -> Self {
        Self::WorkspaceDeleted(message)
    }
}

impl From<WorkspaceExpired> for WorkspaceEvent {
    fn from(message: WorkspaceExpired) -> Self {
        Self::WorkspaceExpired(message)
    }
}

impl From<WorkspaceLoaded> for WorkspaceEvent {
    fn from(message: WorkspaceLoaded) -> Self {
        Self::WorkspaceLoaded(message)
    }
}

impl cqrs_es::DomainEvent for WorkspaceEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Workspace {
    const TYPE: &'static str = "workspace";
    type Command = WorkspaceCommand;
    type Event = WorkspaceEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: WorkspaceCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<WorkspaceEvent> = match command {
            WorkspaceCommand::AddWorkspaceCredentials(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::CreateWorkspace(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::DeleteWorkspace(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::ExpireWorkspace(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::RecordWorkspaceClear(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::RecordWorkspaceLoad(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::RemoveWorkspaceCredentials(c) => Decide::decide(c, self, at)?,
            WorkspaceCommand::ResetWorkspaceCredentials(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: WorkspaceEvent) {
        use alluvium_kernel::Evolve;
        match event {
            WorkspaceEvent::WorkspaceCleared(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceCreated(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceCredentialsAdded(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceCredentialsRemoved(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceCredentialsReset(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceDeleted(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceExpired(e) => Evolve::evolve(e, self),
            WorkspaceEvent::WorkspaceLoaded(e) => Evolve::evolve(e, self),
        }
    }
}

impl WorkspaceCommand {
    /// `branch` of the command.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Self::AddWorkspaceCredentials(c) => Some(&c.branch),
            Self::CreateWorkspace(c) => Some(&c.branch),
            Self::DeleteWorkspace(c) => Some(&c.branch),
            Self::RemoveWorkspaceCredentials(c) => Some(&c.branch),
            Self::ResetWorkspaceCredentials(c) => Some(&c.branch),
            _ => None,
        }
    }

    /// `by` of the command.
    pub fn by(&self) -> Option<&str> {
        match self {
            Self::RecordWorkspaceClear(c) => Some(&c.by),
            Self::RecordWorkspaceLoad(c) => Some(&c.by),
            _ => None,
        }
    }

    /// `credential` of the command.
    pub fn credential(&self) -> Option<&str> {
        match self {
            Self::AddWorkspaceCredentials(c) => Some(&c.credential),
            Self::RemoveWorkspaceCredentials(c) => Some(&c.credential),
            _ => None,
        }
    }

    /// `holder` of the command.
    pub fn holder(&self) -> Option<&str> {
        match self {
            Self::AddWorkspaceCredentials(c) => Some(&c.holder),
            Self::CreateWorkspace(c) => Some(&c.holder),
            Self::DeleteWorkspace(c) => Some(&c.holder),
            Self::RemoveWorkspaceCredentials(c) => Some(&c.holder),
            Self::ResetWorkspaceCredentials(c) => Some(&c.holder),
            _ => None,
        }
    }

    /// `name` of the command.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::AddWorkspaceCredentials(c) => Some(&c.name),
            Self::CreateWorkspace(c) => Some(&c.name),
            _ => None,
        }
    }

    /// `password_hash` of the command.
    pub fn password_hash(&self) -> Option<&str> {
        match self {
            Self::AddWorkspaceCredentials(c) => Some(&c.password_hash),
            Self::CreateWorkspace(c) => Some(&c.password_hash),
            Self::ResetWorkspaceCredentials(c) => Some(&c.password_hash),
            _ => None,
        }
    }

    /// `project` of the command.
    pub fn project(&self) -> &str {
        match self {
            Self::AddWorkspaceCredentials(c) => &c.project,
            Self::CreateWorkspace(c) => &c.project,
            Self::DeleteWorkspace(c) => &c.project,
            Self::ExpireWorkspace(c) => &c.project,
            Self::RecordWorkspaceClear(c) => &c.project,
            Self::RecordWorkspaceLoad(c) => &c.project,
            Self::RemoveWorkspaceCredentials(c) => &c.project,
            Self::ResetWorkspaceCredentials(c) => &c.project,
        }
    }

    /// `username` of the command.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::AddWorkspaceCredentials(c) => Some(&c.username),
            Self::CreateWorkspace(c) => Some(&c.username),
            _ => None,
        }
    }

    /// `workspace` of the command.
    pub fn workspace(&self) -> &str {
        match self {
            Self::AddWorkspaceCredentials(c) => &c.workspace,
            Self::CreateWorkspace(c) => &c.workspace,
            Self::DeleteWorkspace(c) => &c.workspace,
            Self::ExpireWorkspace(c) => &c.workspace,
            Self::RecordWorkspaceClear(c) => &c.workspace,
            Self::RecordWorkspaceLoad(c) => &c.workspace,
            Self::RemoveWorkspaceCredentials(c) => &c.workspace,
            Self::ResetWorkspaceCredentials(c) => &c.workspace,
        }
    }
}

/// Every command of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    File(FileCommand),
    Job(JobCommand),
    Metadata(MetadataCommand),
    Multipart(MultipartCommand),
    Project(ProjectCommand),
    Refusal(RefusalCommand),
    Retention(RetentionCommand),
    Shelf(ShelfCommand),
    Table(TableCommand),
    Workspace(WorkspaceCommand),
}

alluvium_messaging::contract_union!(Command { File(FileCommand), Job(JobCommand), Metadata(MetadataCommand), Multipart(MultipartCommand), Project(ProjectCommand), Refusal(RefusalCommand), Retention(RetentionCommand), Shelf(ShelfCommand), Table(TableCommand), Workspace(WorkspaceCommand) });

/// Every event of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    File(FileEvent),
    Job(JobEvent),
    Metadata(MetadataEvent),
    Multipart(MultipartEvent),
    Project(ProjectEvent),
    Refusal(RefusalEvent),
    Retention(RetentionEvent),
    Shelf(ShelfEvent),
    Table(TableEvent),
    Workspace(WorkspaceEvent),
}

alluvium_messaging::contract_union!(Event { File(FileEvent), Job(JobEvent), Metadata(MetadataEvent), Multipart(MultipartEvent), Project(ProjectEvent), Refusal(RefusalEvent), Retention(RetentionEvent), Shelf(ShelfEvent), Table(TableEvent), Workspace(WorkspaceEvent) });

impl Command {
    /// The right this command needs, as its schema declares.
    pub fn requirement(&self) -> alluvium_kernel::Requirement {
        use alluvium_kernel::Requirement;
        match self {
            Self::Project(ProjectCommand::AbandonTable(_)) => Requirement::System,
            Self::Multipart(MultipartCommand::AbortMultipart(c)) => {
                Requirement::FileWrite(c.project.clone(), c.branch.clone())
            }
            Self::Table(TableCommand::AddColumn(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Workspace(WorkspaceCommand::AddWorkspaceCredentials(c)) => {
                Requirement::WorkspaceWrite(c.project.clone(), c.branch.clone(), c.holder.clone())
            }
            Self::Project(ProjectCommand::AdmitLink(_)) => Requirement::System,
            Self::Table(TableCommand::AlterColumn(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::BackUpTable(_)) => Requirement::System,
            Self::Job(JobCommand::BeginJob(_)) => Requirement::System,
            Self::Metadata(MetadataCommand::ClearMetadata(_)) => Requirement::System,
            Self::Project(ProjectCommand::ClearSnapshotSettings(c)) => Requirement::ProjectAdmin(c.project.clone()),
            Self::Project(ProjectCommand::CloseLink(_)) => Requirement::System,
            Self::Table(TableCommand::CloseTable(_)) => Requirement::System,
            Self::Multipart(MultipartCommand::CompleteMultipart(c)) => {
                Requirement::FileWrite(c.project.clone(), c.branch.clone())
            }
            Self::Project(ProjectCommand::CopyTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Shelf(ShelfCommand::CountFiles(_)) => Requirement::System,
            Self::Project(ProjectCommand::CreateAlias(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::CreateBranch(c)) => Requirement::ProjectAdmin(c.project.clone()),
            Self::Project(ProjectCommand::CreateBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Project(ProjectCommand::CreateProject(_)) => Requirement::Admin,
            Self::Project(ProjectCommand::CreateTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::CreateTableFromFile(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Workspace(WorkspaceCommand::CreateWorkspace(c)) => {
                Requirement::WorkspaceWrite(c.project.clone(), c.branch.clone(), c.holder.clone())
            }
            Self::Project(ProjectCommand::CutLinks(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Project(ProjectCommand::DeleteBranch(c)) => Requirement::ProjectAdmin(c.project.clone()),
            Self::Project(ProjectCommand::DeleteBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::File(FileCommand::DeleteFile(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Metadata(MetadataCommand::DeleteMetadata(c)) => {
                Requirement::BranchWrite(c.project.clone(), c.branch.clone())
            }
            Self::File(FileCommand::DeleteObject(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Project(ProjectCommand::DeleteProject(c)) => Requirement::ProjectAdmin(c.project.clone()),
            Self::Table(TableCommand::DeleteRows(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::DeleteSnapshot(c)) => {
                Requirement::BranchWrite(c.project.clone(), c.branch.clone())
            }
            Self::Workspace(WorkspaceCommand::DeleteWorkspace(c)) => {
                Requirement::WorkspaceWrite(c.project.clone(), c.branch.clone(), c.holder.clone())
            }
            Self::Table(TableCommand::DropColumn(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Table(TableCommand::DropPrimaryKey(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::DropTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Job(JobCommand::EndJob(_)) => Requirement::System,
            Self::File(FileCommand::ExpireFile(_)) => Requirement::System,
            Self::Multipart(MultipartCommand::ExpireMultipart(_)) => Requirement::System,
            Self::Project(ProjectCommand::ExpireSnapshots(_)) => Requirement::System,
            Self::Workspace(WorkspaceCommand::ExpireWorkspace(_)) => Requirement::System,
            Self::Table(TableCommand::FillTable(_)) => Requirement::System,
            Self::Project(ProjectCommand::ForkTable(_)) => Requirement::System,
            Self::Project(ProjectCommand::LinkBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Project(ProjectCommand::LinkPipeline(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Table(TableCommand::LoadTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::MarkBucketReadOnly(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Metadata(MetadataCommand::MergeMetadata(c)) => Requirement::ProjectWrite(c.project.clone()),
            Self::Project(ProjectCommand::MergeTable(c)) => Requirement::ProjectWrite(c.project.clone()),
            Self::Table(TableCommand::OpenTable(_)) => Requirement::System,
            Self::File(FileCommand::PrepareUpload(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Project(ProjectCommand::PullTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::File(FileCommand::PutObject(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Table(TableCommand::RebaseTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Retention(RetentionCommand::RecordCheckpoint(_)) => Requirement::System,
            Self::Retention(RetentionCommand::RecordPurge(_)) => Requirement::System,
            Self::Workspace(WorkspaceCommand::RecordWorkspaceClear(_)) => Requirement::System,
            Self::Workspace(WorkspaceCommand::RecordWorkspaceLoad(_)) => Requirement::System,
            Self::Refusal(RefusalCommand::RefuseRows(_)) => Requirement::System,
            Self::File(FileCommand::RegisterExport(c)) => Requirement::FileExport(c.project.clone(), c.branch.clone()),
            Self::File(FileCommand::RegisterFile(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Project(ProjectCommand::ReleaseLink(_)) => Requirement::System,
            Self::Workspace(WorkspaceCommand::RemoveWorkspaceCredentials(c)) => {
                Requirement::WorkspaceWrite(c.project.clone(), c.branch.clone(), c.holder.clone())
            }
            Self::Table(TableCommand::ReplaceContent(_)) => Requirement::System,
            Self::Table(TableCommand::RequestSnapshot(_)) => Requirement::System,
            Self::Workspace(WorkspaceCommand::ResetWorkspaceCredentials(c)) => {
                Requirement::WorkspaceWrite(c.project.clone(), c.branch.clone(), c.holder.clone())
            }
            Self::Project(ProjectCommand::RestoreTable(c)) => {
                Requirement::BranchWrite(c.project.clone(), c.branch.clone())
            }
            Self::Project(ProjectCommand::SetBucketSharing(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Metadata(MetadataCommand::SetMetadata(c)) => {
                Requirement::BranchWrite(c.project.clone(), c.branch.clone())
            }
            Self::Table(TableCommand::SetPrimaryKey(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::SetSnapshotSettings(c)) => Requirement::ProjectAdmin(c.project.clone()),
            Self::Table(TableCommand::SettleRequest(_)) => Requirement::System,
            Self::Project(ProjectCommand::ShareBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Multipart(MultipartCommand::StagePart(c)) => {
                Requirement::FileWrite(c.project.clone(), c.branch.clone())
            }
            Self::File(FileCommand::StageUpload(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Job(JobCommand::StartJob(_)) => Requirement::System,
            Self::Multipart(MultipartCommand::StartMultipart(c)) => {
                Requirement::FileWrite(c.project.clone(), c.branch.clone())
            }
            Self::File(FileCommand::TagFile(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Project(ProjectCommand::TakeSnapshot(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::UndeleteProject(_)) => Requirement::Admin,
            Self::Project(ProjectCommand::UndropBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Project(ProjectCommand::UndropTable(c)) => {
                Requirement::BucketWrite(c.project.clone(), c.branch.clone(), c.bucket.clone())
            }
            Self::Project(ProjectCommand::UnlinkBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Project(ProjectCommand::UnmarkBucketReadOnly(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::Project(ProjectCommand::UnshareBucket(c)) => Requirement::BucketAdmin(c.project.clone()),
            Self::File(FileCommand::UntagFile(c)) => Requirement::FileWrite(c.project.clone(), c.branch.clone()),
            Self::Project(ProjectCommand::UpdateProject(c)) => Requirement::ProjectAdmin(c.project.clone()),
        }
    }
}
