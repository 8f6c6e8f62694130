//! Generated from `schemas/` by `scripts/generate`; change the schema, not this file.

#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated")]

use serde::{Deserialize, Serialize};

/// Lets a pipeline in standby take over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivatePipeline {
    /// Name of the pipeline.
    pub pipeline: String,
    /// How it begins: running or paused.
    #[serde(default = "default_ActivatePipeline_initial")]
    pub initial: String,
}

#[allow(non_snake_case)]
fn default_ActivatePipeline_initial() -> String {
    "running".to_owned()
}

alluvium_messaging::contract!(
    ActivatePipeline,
    "ActivatePipeline",
    r####"{"aggregate":"pipeline","doc":"Lets a pipeline in standby take over.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"default":"running","doc":"How it begins: running or paused.","name":"initial","type":"string"}],"kind":"command","name":"ActivatePipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// Lets a pipeline go on whose program differs from what is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveBootstrap {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Whether views that are computed anew tell nobody.
    #[serde(default)]
    pub silent_bootstrap: bool,
    /// Whether it goes on while new views are computed.
    #[serde(default)]
    pub concurrent_bootstrap: bool,
}

alluvium_messaging::contract!(
    ApproveBootstrap,
    "ApproveBootstrap",
    r####"{"aggregate":"pipeline","doc":"Lets a pipeline go on whose program differs from what is kept.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"default":false,"doc":"Whether views that are computed anew tell nobody.","name":"silent_bootstrap","type":"boolean"},{"default":false,"doc":"Whether it goes on while new views are computed.","name":"concurrent_bootstrap","type":"boolean"}],"kind":"command","name":"ApproveBootstrap","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// The pipeline may go on with another program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootstrapApproved {
    /// Whether views that are computed anew tell nobody.
    pub silent_bootstrap: bool,
    /// Whether it goes on while new views are computed.
    pub concurrent_bootstrap: bool,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    BootstrapApproved,
    "BootstrapApproved",
    r####"{"aggregate":"pipeline","doc":"The pipeline may go on with another program.","fields":[{"doc":"Whether views that are computed anew tell nobody.","name":"silent_bootstrap","type":"boolean"},{"doc":"Whether it goes on while new views are computed.","name":"concurrent_bootstrap","type":"boolean"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"BootstrapApproved","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Ends the compilation of a pipeline's program; it counts as failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelCompile {
    /// Name of the pipeline.
    pub pipeline: String,
}

alluvium_messaging::contract!(
    CancelCompile,
    "CancelCompile",
    r####"{"aggregate":"pipeline","doc":"Ends the compilation of a pipeline's program; it counts as failed.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"}],"kind":"command","name":"CancelCompile","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// All that the pipeline keeps should go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClearRequested {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    ClearRequested,
    "ClearRequested",
    r####"{"aggregate":"pipeline","doc":"All that the pipeline keeps should go.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"ClearRequested","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Lets go of all that a stopped pipeline keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearStorage {
    /// Name of the pipeline.
    pub pipeline: String,
}

alluvium_messaging::contract!(
    ClearStorage,
    "ClearStorage",
    r####"{"aggregate":"pipeline","doc":"Lets go of all that a stopped pipeline keeps.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"}],"kind":"command","name":"ClearStorage","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// How the parts of the installation were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterObserved {
    /// How the database and the log is: InitialUnhealthy until it was well once, then Unhealthy or Healthy.
    pub api_status: String,
    /// What there is to say about it.
    pub api_info: String,
    /// How what understands programs is: InitialUnhealthy until it was well once, then Unhealthy or Healthy.
    pub compiler_status: String,
    /// What there is to say about it.
    pub compiler_info: String,
    /// How what runs them is: InitialUnhealthy until it was well once, then Unhealthy or Healthy.
    pub runner_status: String,
    /// What there is to say about it.
    pub runner_info: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    ClusterObserved,
    "ClusterObserved",
    r####"{"aggregate":"cluster","doc":"How the parts of the installation were.","fields":[{"doc":"How the database and the log is: InitialUnhealthy until it was well once, then Unhealthy or Healthy.","name":"api_status","type":"string"},{"doc":"What there is to say about it.","name":"api_info","type":"string"},{"doc":"How what understands programs is: InitialUnhealthy until it was well once, then Unhealthy or Healthy.","name":"compiler_status","type":"string"},{"doc":"What there is to say about it.","name":"compiler_info","type":"string"},{"doc":"How what runs them is: InitialUnhealthy until it was well once, then Unhealthy or Healthy.","name":"runner_status","type":"string"},{"doc":"What there is to say about it.","name":"runner_info","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"ClusterObserved","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The program cannot run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompileFailed {
    /// The version of the program that this is about.
    pub program_version: i64,
    /// SqlError, RustError or SystemError.
    pub status: String,
    /// What the SQL compiler said, as a JSON object.
    #[serde(default)]
    pub sql_compilation: Option<String>,
    /// What packaging said, as a JSON object.
    #[serde(default)]
    pub rust_compilation: Option<String>,
    /// What of the platform was in the way.
    #[serde(default)]
    pub system_error: Option<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(CompileFailed, "CompileFailed", r####"{"aggregate":"pipeline","doc":"The program cannot run.","fields":[{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"SqlError, RustError or SystemError.","name":"status","type":"string"},{"default":null,"doc":"What the SQL compiler said, as a JSON object.","name":"sql_compilation","sealed":"tenant","type":["null","string"]},{"default":null,"doc":"What packaging said, as a JSON object.","name":"rust_compilation","type":["null","string"]},{"default":null,"doc":"What of the platform was in the way.","name":"system_error","type":["null","string"]},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"CompileFailed","namespace":"alluvium.pipelines","type":"record"}"####, &[], sealed by tenant { "pipeline.sql_compilation": sql_compilation });

/// The compiler began with the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompileStarted {
    /// The version of the program that this is about.
    pub program_version: i64,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    CompileStarted,
    "CompileStarted",
    r####"{"aggregate":"pipeline","doc":"The compiler began with the program.","fields":[{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"CompileStarted","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The program can run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompileSucceeded {
    /// The version of the program that this is about.
    pub program_version: i64,
    /// What packaging said, as a JSON object.
    pub rust_compilation: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    CompileSucceeded,
    "CompileSucceeded",
    r####"{"aggregate":"pipeline","doc":"The program can run.","fields":[{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"What packaging said, as a JSON object.","name":"rust_compilation","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"CompileSucceeded","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Creates a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePipeline {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Words it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The program's text in SQL.
    pub program_code: String,
    /// Functions of the program in Rust.
    #[serde(default)]
    pub udf_rust: String,
    /// Dependencies of these functions, in TOML.
    #[serde(default)]
    pub udf_toml: String,
    /// How it runs, as a JSON object without the values in `runtime_secrets`.
    #[serde(default = "default_CreatePipeline_runtime_config")]
    pub runtime_config: String,
    /// What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.
    #[serde(default)]
    pub runtime_secrets: String,
    /// How the program is compiled, as a JSON object.
    #[serde(default = "default_CreatePipeline_program_config")]
    pub program_config: String,
    /// Id or name of the pipeline whose program it is made from, in place of one of its own.
    #[serde(default)]
    pub program_id: Option<String>,
    /// The version of that program; filled in by the platform.
    #[serde(default)]
    pub program_of_version: Option<i64>,
}

#[allow(non_snake_case)]
fn default_CreatePipeline_runtime_config() -> String {
    "{}".to_owned()
}

#[allow(non_snake_case)]
fn default_CreatePipeline_program_config() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(CreatePipeline, "CreatePipeline", r####"{"aggregate":"pipeline","doc":"Creates a pipeline.","fields":[{"doc":"Its name.","name":"name","type":"string"},{"default":"","doc":"What it is for.","name":"description","type":"string"},{"default":[],"doc":"Words it is found by.","name":"tags","type":{"items":"string","type":"array"}},{"doc":"The program's text in SQL.","name":"program_code","sealed":"tenant","type":"string"},{"default":"","doc":"Functions of the program in Rust.","name":"udf_rust","type":"string"},{"default":"","doc":"Dependencies of these functions, in TOML.","name":"udf_toml","type":"string"},{"default":"{}","doc":"How it runs, as a JSON object without the values in `runtime_secrets`.","name":"runtime_config","type":"string"},{"default":"","doc":"What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.","name":"runtime_secrets","sealed":"tenant","type":"string"},{"default":"{}","doc":"How the program is compiled, as a JSON object.","name":"program_config","type":"string"},{"default":null,"doc":"Id or name of the pipeline whose program it is made from, in place of one of its own.","name":"program_id","type":["null","string"]},{"default":null,"doc":"The version of that program; filled in by the platform.","name":"program_of_version","type":["null","long"]}],"kind":"command","name":"CreatePipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####, &[], sealed by tenant { "pipeline.program_code": program_code, "pipeline.runtime_secrets": runtime_secrets });

/// Deletes a pipeline that is stopped and keeps nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletePipeline {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Versions of the pipeline of which it must have one, where any are given; 0 stands for any version.
    #[serde(default)]
    pub if_versions: Vec<i64>,
}

alluvium_messaging::contract!(
    DeletePipeline,
    "DeletePipeline",
    r####"{"aggregate":"pipeline","doc":"Deletes a pipeline that is stopped and keeps nothing.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"default":[],"doc":"Versions of the pipeline of which it must have one, where any are given; 0 stands for any version.","name":"if_versions","type":{"items":"long","type":"array"}}],"kind":"command","name":"DeletePipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// The pipeline should be in another state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DesiredStatusChanged {
    /// Standby, Paused, Running or Suspended.
    pub desired: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    DesiredStatusChanged,
    "DesiredStatusChanged",
    r####"{"aggregate":"pipeline","doc":"The pipeline should be in another state.","fields":[{"doc":"Standby, Paused, Running or Suspended.","name":"desired","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"DesiredStatusChanged","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Takes note of the error that a deployment ended with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DismissError {
    /// Name of the pipeline.
    pub pipeline: String,
}

alluvium_messaging::contract!(
    DismissError,
    "DismissError",
    r####"{"aggregate":"pipeline","doc":"Takes note of the error that a deployment ended with.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"}],"kind":"command","name":"DismissError","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// Changes what is given of a pipeline; what is null stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditPipeline {
    /// Name of the pipeline.
    pub pipeline: String,
    /// The name it has afterwards.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Words it is found by.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// The program's text in SQL.
    #[serde(default)]
    pub program_code: Option<String>,
    /// Functions of the program in Rust.
    #[serde(default)]
    pub udf_rust: Option<String>,
    /// Dependencies of these functions, in TOML.
    #[serde(default)]
    pub udf_toml: Option<String>,
    /// How it runs, as a JSON object without the values in `runtime_secrets`.
    #[serde(default)]
    pub runtime_config: Option<String>,
    /// What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.
    #[serde(default)]
    pub runtime_secrets: Option<String>,
    /// How the program is compiled, as a JSON object.
    #[serde(default)]
    pub program_config: Option<String>,
    /// Versions of the pipeline of which it must have one, where any are given; 0 stands for any version.
    #[serde(default)]
    pub if_versions: Vec<i64>,
}

alluvium_messaging::contract!(EditPipeline, "EditPipeline", r####"{"aggregate":"pipeline","doc":"Changes what is given of a pipeline; what is null stays as it is.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"default":null,"doc":"The name it has afterwards.","name":"name","type":["null","string"]},{"default":null,"doc":"What it is for.","name":"description","type":["null","string"]},{"default":null,"doc":"Words it is found by.","name":"tags","type":["null",{"items":"string","type":"array"}]},{"default":null,"doc":"The program's text in SQL.","name":"program_code","sealed":"tenant","type":["null","string"]},{"default":null,"doc":"Functions of the program in Rust.","name":"udf_rust","type":["null","string"]},{"default":null,"doc":"Dependencies of these functions, in TOML.","name":"udf_toml","type":["null","string"]},{"default":null,"doc":"How it runs, as a JSON object without the values in `runtime_secrets`.","name":"runtime_config","type":["null","string"]},{"default":null,"doc":"What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.","name":"runtime_secrets","sealed":"tenant","type":["null","string"]},{"default":null,"doc":"How the program is compiled, as a JSON object.","name":"program_config","type":["null","string"]},{"default":[],"doc":"Versions of the pipeline of which it must have one, where any are given; 0 stands for any version.","name":"if_versions","type":{"items":"long","type":"array"}}],"kind":"command","name":"EditPipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####, &[], sealed by tenant { "pipeline.program_code": program_code, "pipeline.runtime_secrets": runtime_secrets });

/// Somebody took note of the error that the last deployment ended with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorDismissed {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    ErrorDismissed,
    "ErrorDismissed",
    r####"{"aggregate":"pipeline","doc":"Somebody took note of the error that the last deployment ended with.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"ErrorDismissed","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// A pipeline cannot go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailDeployment {
    /// Id of the pipeline.
    pub id: String,
    /// Id of the deployment.
    pub deployment_id: String,
    /// What went wrong, as a JSON object of message, error_code and details.
    pub error: String,
}

alluvium_messaging::contract!(
    FailDeployment,
    "FailDeployment",
    r####"{"aggregate":"pipeline","doc":"A pipeline cannot go on.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"Id of the deployment.","name":"deployment_id","type":"string"},{"doc":"What went wrong, as a JSON object of message, error_code and details.","name":"error","type":"string"}],"kind":"command","name":"FailDeployment","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// A name is nobody's any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeName {
    /// The name.
    pub name: String,
    /// Id of the pipeline.
    pub id: String,
}

alluvium_messaging::contract!(
    FreeName,
    "FreeName",
    r####"{"aggregate":"directory","doc":"A name is nobody's any more.","fields":[{"doc":"The name.","name":"name","type":"string"},{"doc":"Id of the pipeline.","name":"id","type":"string"}],"kind":"command","name":"FreeName","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// A pipeline is described otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetadataEdited {
    /// What it is for.
    pub description: String,
    /// Words it is found by.
    pub tags: Vec<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    MetadataEdited,
    "MetadataEdited",
    r####"{"aggregate":"pipeline","doc":"A pipeline is described otherwise.","fields":[{"doc":"What it is for.","name":"description","type":"string"},{"doc":"Words it is found by.","name":"tags","type":{"items":"string","type":"array"}},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"MetadataEdited","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// A name is nobody's any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NameFreed {
    /// The name.
    pub name: String,
    /// Id of the pipeline.
    pub id: String,
}

alluvium_messaging::contract!(
    NameFreed,
    "NameFreed",
    r####"{"aggregate":"directory","doc":"A name is nobody's any more.","fields":[{"doc":"The name.","name":"name","type":"string"},{"doc":"Id of the pipeline.","name":"id","type":"string"}],"kind":"event","name":"NameFreed","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// A name is a pipeline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NameTaken {
    /// The name.
    pub name: String,
    /// Id of the pipeline.
    pub id: String,
    /// Id of the pipeline whose program this one was made from.
    #[serde(default)]
    pub program_id: Option<String>,
}

alluvium_messaging::contract!(
    NameTaken,
    "NameTaken",
    r####"{"aggregate":"directory","doc":"A name is a pipeline's.","fields":[{"doc":"The name.","name":"name","type":"string"},{"doc":"Id of the pipeline.","name":"id","type":"string"},{"default":null,"doc":"Id of the pipeline whose program this one was made from.","name":"program_id","type":["null","string"]}],"kind":"event","name":"NameTaken","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Notes how the parts of the installation are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserveCluster {
    /// Whether the database and the log is well.
    pub api_healthy: bool,
    /// What there is to say about it.
    pub api_info: String,
    /// Whether what understands programs is well.
    pub compiler_healthy: bool,
    /// What there is to say about it.
    pub compiler_info: String,
    /// Whether what runs them is well.
    pub runner_healthy: bool,
    /// What there is to say about it.
    pub runner_info: String,
    /// When they were asked.
    pub observed_at: i64,
}

alluvium_messaging::contract!(
    ObserveCluster,
    "ObserveCluster",
    r####"{"aggregate":"cluster","doc":"Notes how the parts of the installation are.","fields":[{"doc":"Whether the database and the log is well.","name":"api_healthy","type":"boolean"},{"doc":"What there is to say about it.","name":"api_info","type":"string"},{"doc":"Whether what understands programs is well.","name":"compiler_healthy","type":"boolean"},{"doc":"What there is to say about it.","name":"compiler_info","type":"string"},{"doc":"Whether what runs them is well.","name":"runner_healthy","type":"boolean"},{"doc":"What there is to say about it.","name":"runner_info","type":"string"},{"doc":"When they were asked.","name":"observed_at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"command","name":"ObserveCluster","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// How a running pipeline says that it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserveRuntime {
    /// Id of the pipeline.
    pub id: String,
    /// Id of the deployment.
    pub deployment_id: String,
    /// Its runtime status.
    pub status: String,
    /// More about it, as a JSON object.
    #[serde(default)]
    pub details: Option<String>,
}

alluvium_messaging::contract!(
    ObserveRuntime,
    "ObserveRuntime",
    r####"{"aggregate":"pipeline","doc":"How a running pipeline says that it is.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"Id of the deployment.","name":"deployment_id","type":"string"},{"doc":"Its runtime status.","name":"status","type":"string"},{"default":null,"doc":"More about it, as a JSON object.","name":"details","type":["null","string"]}],"kind":"command","name":"ObserveRuntime","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// The compiler began to package the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackagingStarted {
    /// The version of the program that this is about.
    pub program_version: i64,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    PackagingStarted,
    "PackagingStarted",
    r####"{"aggregate":"pipeline","doc":"The compiler began to package the program.","fields":[{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"PackagingStarted","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Lets a pipeline take nothing in for now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PausePipeline {
    /// Name of the pipeline.
    pub pipeline: String,
}

alluvium_messaging::contract!(
    PausePipeline,
    "PausePipeline",
    r####"{"aggregate":"pipeline","doc":"Lets a pipeline take nothing in for now.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"}],"kind":"command","name":"PausePipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// A pipeline is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineCreated {
    /// Id of the pipeline.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Words it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The program's text in SQL.
    pub program_code: String,
    /// Functions of the program in Rust.
    #[serde(default)]
    pub udf_rust: String,
    /// Dependencies of these functions, in TOML.
    #[serde(default)]
    pub udf_toml: String,
    /// How it runs, as a JSON object without the values in `runtime_secrets`.
    #[serde(default = "default_PipelineCreated_runtime_config")]
    pub runtime_config: String,
    /// What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.
    #[serde(default)]
    pub runtime_secrets: String,
    /// How the program is compiled, as a JSON object.
    #[serde(default = "default_PipelineCreated_program_config")]
    pub program_config: String,
    /// Id of the pipeline whose program it was made from.
    #[serde(default)]
    pub program_id: Option<String>,
    /// The version of that program.
    #[serde(default)]
    pub program_of_version: Option<i64>,
    /// Version of the platform that its program is compiled by.
    pub platform_version: String,
    /// When it happened.
    pub at: i64,
}

#[allow(non_snake_case)]
fn default_PipelineCreated_runtime_config() -> String {
    "{}".to_owned()
}

#[allow(non_snake_case)]
fn default_PipelineCreated_program_config() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(PipelineCreated, "PipelineCreated", r####"{"aggregate":"pipeline","doc":"A pipeline is there.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"Its name.","name":"name","type":"string"},{"default":"","doc":"What it is for.","name":"description","type":"string"},{"default":[],"doc":"Words it is found by.","name":"tags","type":{"items":"string","type":"array"}},{"doc":"The program's text in SQL.","name":"program_code","sealed":"tenant","type":"string"},{"default":"","doc":"Functions of the program in Rust.","name":"udf_rust","type":"string"},{"default":"","doc":"Dependencies of these functions, in TOML.","name":"udf_toml","type":"string"},{"default":"{}","doc":"How it runs, as a JSON object without the values in `runtime_secrets`.","name":"runtime_config","type":"string"},{"default":"","doc":"What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.","name":"runtime_secrets","sealed":"tenant","type":"string"},{"default":"{}","doc":"How the program is compiled, as a JSON object.","name":"program_config","type":"string"},{"default":null,"doc":"Id of the pipeline whose program it was made from.","name":"program_id","type":["null","string"]},{"default":null,"doc":"The version of that program.","name":"program_of_version","type":["null","long"]},{"doc":"Version of the platform that its program is compiled by.","name":"platform_version","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"PipelineCreated","namespace":"alluvium.pipelines","type":"record"}"####, &[], sealed by tenant { "pipeline.program_code": program_code, "pipeline.runtime_secrets": runtime_secrets });

/// A pipeline is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineDeleted {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    PipelineDeleted,
    "PipelineDeleted",
    r####"{"aggregate":"pipeline","doc":"A pipeline is gone.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"PipelineDeleted","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// A pipeline is another; what is null is as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineEdited {
    /// The name it has now.
    #[serde(default)]
    pub name: Option<String>,
    /// The program's text in SQL.
    #[serde(default)]
    pub program_code: Option<String>,
    /// Functions of the program in Rust.
    #[serde(default)]
    pub udf_rust: Option<String>,
    /// Dependencies of these functions, in TOML.
    #[serde(default)]
    pub udf_toml: Option<String>,
    /// How it runs, as a JSON object without the values in `runtime_secrets`.
    #[serde(default)]
    pub runtime_config: Option<String>,
    /// What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.
    #[serde(default)]
    pub runtime_secrets: Option<String>,
    /// How the program is compiled, as a JSON object.
    #[serde(default)]
    pub program_config: Option<String>,
    /// Version of the platform that its program is compiled by.
    #[serde(default)]
    pub platform_version: Option<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(PipelineEdited, "PipelineEdited", r####"{"aggregate":"pipeline","doc":"A pipeline is another; what is null is as it was.","fields":[{"default":null,"doc":"The name it has now.","name":"name","type":["null","string"]},{"default":null,"doc":"The program's text in SQL.","name":"program_code","sealed":"tenant","type":["null","string"]},{"default":null,"doc":"Functions of the program in Rust.","name":"udf_rust","type":["null","string"]},{"default":null,"doc":"Dependencies of these functions, in TOML.","name":"udf_toml","type":["null","string"]},{"default":null,"doc":"How it runs, as a JSON object without the values in `runtime_secrets`.","name":"runtime_config","type":["null","string"]},{"default":null,"doc":"What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.","name":"runtime_secrets","sealed":"tenant","type":["null","string"]},{"default":null,"doc":"How the program is compiled, as a JSON object.","name":"program_config","type":["null","string"]},{"default":null,"doc":"Version of the platform that its program is compiled by.","name":"platform_version","type":["null","string"]},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"PipelineEdited","namespace":"alluvium.pipelines","type":"record"}"####, &[], sealed by tenant { "pipeline.program_code": program_code, "pipeline.runtime_secrets": runtime_secrets });

/// A pipeline's program counts as compiled by another version of the platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlatformVersionSet {
    /// That version.
    pub platform_version: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    PlatformVersionSet,
    "PlatformVersionSet",
    r####"{"aggregate":"pipeline","doc":"A pipeline's program counts as compiled by another version of the platform.","fields":[{"doc":"That version.","name":"platform_version","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"PlatformVersionSet","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The pipeline has room and begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provisioned {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    Provisioned,
    "Provisioned",
    r####"{"aggregate":"pipeline","doc":"The pipeline has room and begins.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"Provisioned","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Room is made for the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProvisioningStarted {
    /// Id of the deployment.
    pub deployment_id: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    ProvisioningStarted,
    "ProvisioningStarted",
    r####"{"aggregate":"pipeline","doc":"Room is made for the pipeline.","fields":[{"doc":"Id of the deployment.","name":"deployment_id","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"ProvisioningStarted","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Replaces a pipeline, or creates it; what is left out is as in a new one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutPipeline {
    /// Name of the pipeline.
    pub pipeline: String,
    /// The name it has afterwards.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Words it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The program's text in SQL.
    pub program_code: String,
    /// Functions of the program in Rust.
    #[serde(default)]
    pub udf_rust: String,
    /// Dependencies of these functions, in TOML.
    #[serde(default)]
    pub udf_toml: String,
    /// How it runs, as a JSON object without the values in `runtime_secrets`.
    #[serde(default = "default_PutPipeline_runtime_config")]
    pub runtime_config: String,
    /// What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.
    #[serde(default)]
    pub runtime_secrets: String,
    /// How the program is compiled, as a JSON object.
    #[serde(default = "default_PutPipeline_program_config")]
    pub program_config: String,
    /// Versions of the pipeline of which it must have one, where any are given; 0 stands for any version.
    #[serde(default)]
    pub if_versions: Vec<i64>,
}

#[allow(non_snake_case)]
fn default_PutPipeline_runtime_config() -> String {
    "{}".to_owned()
}

#[allow(non_snake_case)]
fn default_PutPipeline_program_config() -> String {
    "{}".to_owned()
}

alluvium_messaging::contract!(PutPipeline, "PutPipeline", r####"{"aggregate":"pipeline","doc":"Replaces a pipeline, or creates it; what is left out is as in a new one.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"doc":"The name it has afterwards.","name":"name","type":"string"},{"default":"","doc":"What it is for.","name":"description","type":"string"},{"default":[],"doc":"Words it is found by.","name":"tags","type":{"items":"string","type":"array"}},{"doc":"The program's text in SQL.","name":"program_code","sealed":"tenant","type":"string"},{"default":"","doc":"Functions of the program in Rust.","name":"udf_rust","type":"string"},{"default":"","doc":"Dependencies of these functions, in TOML.","name":"udf_toml","type":"string"},{"default":"{}","doc":"How it runs, as a JSON object without the values in `runtime_secrets`.","name":"runtime_config","type":"string"},{"default":"","doc":"What of how it runs is secret: a JSON object from JSON pointers into `runtime_config` to texts.","name":"runtime_secrets","sealed":"tenant","type":"string"},{"default":"{}","doc":"How the program is compiled, as a JSON object.","name":"program_config","type":"string"},{"default":[],"doc":"Versions of the pipeline of which it must have one, where any are given; 0 stands for any version.","name":"if_versions","type":{"items":"long","type":"array"}}],"kind":"command","name":"PutPipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####, &[], sealed by tenant { "pipeline.program_code": program_code, "pipeline.runtime_secrets": runtime_secrets });

/// The compiler cannot make anything of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCompileFailed {
    /// Id of the pipeline.
    pub id: String,
    /// The version of the program that this is about.
    pub program_version: i64,
    /// SqlError, RustError or SystemError.
    pub status: String,
    /// What the SQL compiler said, as a JSON object.
    #[serde(default)]
    pub sql_compilation: Option<String>,
    /// What packaging said, as a JSON object.
    #[serde(default)]
    pub rust_compilation: Option<String>,
    /// What of the platform was in the way.
    #[serde(default)]
    pub system_error: Option<String>,
}

alluvium_messaging::contract!(RecordCompileFailed, "RecordCompileFailed", r####"{"aggregate":"pipeline","doc":"The compiler cannot make anything of a program.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"SqlError, RustError or SystemError.","name":"status","type":"string"},{"default":null,"doc":"What the SQL compiler said, as a JSON object.","name":"sql_compilation","sealed":"tenant","type":["null","string"]},{"default":null,"doc":"What packaging said, as a JSON object.","name":"rust_compilation","type":["null","string"]},{"default":null,"doc":"What of the platform was in the way.","name":"system_error","type":["null","string"]}],"kind":"command","name":"RecordCompileFailed","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####, &[], sealed by tenant { "pipeline.sql_compilation": sql_compilation });

/// The compiler is done with a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCompiled {
    /// Id of the pipeline.
    pub id: String,
    /// The version of the program that this is about.
    pub program_version: i64,
    /// What packaging said, as a JSON object.
    pub rust_compilation: String,
}

alluvium_messaging::contract!(
    RecordCompiled,
    "RecordCompiled",
    r####"{"aggregate":"pipeline","doc":"The compiler is done with a program.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"What packaging said, as a JSON object.","name":"rust_compilation","type":"string"}],"kind":"command","name":"RecordCompiled","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// The runner has made room for a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordProvisioned {
    /// Id of the pipeline.
    pub id: String,
    /// Id of the deployment.
    pub deployment_id: String,
}

alluvium_messaging::contract!(
    RecordProvisioned,
    "RecordProvisioned",
    r####"{"aggregate":"pipeline","doc":"The runner has made room for a pipeline.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"Id of the deployment.","name":"deployment_id","type":"string"}],"kind":"command","name":"RecordProvisioned","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// The compiler has understood a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordSqlCompiled {
    /// Id of the pipeline.
    pub id: String,
    /// The version of the program that this is about.
    pub program_version: i64,
    /// What the program has: tables, views and connectors, as a JSON object.
    pub program_info: String,
    /// What the SQL compiler said, as a JSON object.
    pub sql_compilation: String,
}

alluvium_messaging::contract!(RecordSqlCompiled, "RecordSqlCompiled", r####"{"aggregate":"pipeline","doc":"The compiler has understood a program.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"What the program has: tables, views and connectors, as a JSON object.","name":"program_info","sealed":"tenant","type":"string"},{"doc":"What the SQL compiler said, as a JSON object.","name":"sql_compilation","sealed":"tenant","type":"string"}],"kind":"command","name":"RecordSqlCompiled","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####, &[], sealed by tenant { "pipeline.program_info": program_info, "pipeline.sql_compilation": sql_compilation });

/// The runner has taken a pipeline down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordStopped {
    /// Id of the pipeline.
    pub id: String,
}

alluvium_messaging::contract!(
    RecordStopped,
    "RecordStopped",
    r####"{"aggregate":"pipeline","doc":"The runner has taken a pipeline down.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"}],"kind":"command","name":"RecordStopped","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// All that a pipeline kept is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordStorageCleared {
    /// Id of the pipeline.
    pub id: String,
}

alluvium_messaging::contract!(
    RecordStorageCleared,
    "RecordStorageCleared",
    r####"{"aggregate":"pipeline","doc":"All that a pipeline kept is gone.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"}],"kind":"command","name":"RecordStorageCleared","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// Lets a paused pipeline go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResumePipeline {
    /// Name of the pipeline.
    pub pipeline: String,
}

alluvium_messaging::contract!(
    ResumePipeline,
    "ResumePipeline",
    r####"{"aggregate":"pipeline","doc":"Lets a paused pipeline go on.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"}],"kind":"command","name":"ResumePipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// The pipeline is in another state, or says more about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeStatusObserved {
    /// Its runtime status.
    pub status: String,
    /// More about it, as a JSON object.
    #[serde(default)]
    pub details: Option<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    RuntimeStatusObserved,
    "RuntimeStatusObserved",
    r####"{"aggregate":"pipeline","doc":"The pipeline is in another state, or says more about it.","fields":[{"doc":"Its runtime status.","name":"status","type":"string"},{"default":null,"doc":"More about it, as a JSON object.","name":"details","type":["null","string"]},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"RuntimeStatusObserved","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// A pipeline's program is compiled anew by another version of the platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeUpdated {
    /// That version.
    pub platform_version: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    RuntimeUpdated,
    "RuntimeUpdated",
    r####"{"aggregate":"pipeline","doc":"A pipeline's program is compiled anew by another version of the platform.","fields":[{"doc":"That version.","name":"platform_version","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"RuntimeUpdated","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// Lets a pipeline's program count as compiled by another version of the platform: for tests of clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPlatformVersion {
    /// Name of the pipeline.
    pub pipeline: String,
    /// That version.
    pub platform_version: String,
}

alluvium_messaging::contract!(
    SetPlatformVersion,
    "SetPlatformVersion",
    r####"{"aggregate":"pipeline","doc":"Lets a pipeline's program count as compiled by another version of the platform: for tests of clients.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"doc":"That version.","name":"platform_version","type":"string"}],"kind":"command","name":"SetPlatformVersion","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// The compiler has understood the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SqlCompiled {
    /// The version of the program that this is about.
    pub program_version: i64,
    /// What the program has: tables, views and connectors, as a JSON object.
    pub program_info: String,
    /// What the SQL compiler said, as a JSON object.
    pub sql_compilation: String,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(SqlCompiled, "SqlCompiled", r####"{"aggregate":"pipeline","doc":"The compiler has understood the program.","fields":[{"doc":"The version of the program that this is about.","name":"program_version","type":"long"},{"doc":"What the program has: tables, views and connectors, as a JSON object.","name":"program_info","sealed":"tenant","type":"string"},{"doc":"What the SQL compiler said, as a JSON object.","name":"sql_compilation","sealed":"tenant","type":"string"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"SqlCompiled","namespace":"alluvium.pipelines","type":"record"}"####, &[], sealed by tenant { "pipeline.program_info": program_info, "pipeline.sql_compilation": sql_compilation });

/// The compiler begins with a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartCompile {
    /// Id of the pipeline.
    pub id: String,
    /// The version of the program that this is about.
    pub program_version: i64,
}

alluvium_messaging::contract!(
    StartCompile,
    "StartCompile",
    r####"{"aggregate":"pipeline","doc":"The compiler begins with a program.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"The version of the program that this is about.","name":"program_version","type":"long"}],"kind":"command","name":"StartCompile","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// The compiler begins to package a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartPackaging {
    /// Id of the pipeline.
    pub id: String,
    /// The version of the program that this is about.
    pub program_version: i64,
}

alluvium_messaging::contract!(
    StartPackaging,
    "StartPackaging",
    r####"{"aggregate":"pipeline","doc":"The compiler begins to package a program.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"},{"doc":"The version of the program that this is about.","name":"program_version","type":"long"}],"kind":"command","name":"StartPackaging","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// Starts a pipeline, or lets it start once its program is compiled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartPipeline {
    /// Name of the pipeline.
    pub pipeline: String,
    /// How it begins: running, paused or standby.
    #[serde(default = "default_StartPipeline_initial")]
    pub initial: String,
    /// What to do when the program differs from what is kept: allow, reject or await_approval.
    #[serde(default = "default_StartPipeline_bootstrap_policy")]
    pub bootstrap_policy: String,
    /// Whether views that are computed anew tell nobody.
    #[serde(default)]
    pub silent_bootstrap: bool,
    /// Whether it goes on while new views are computed.
    #[serde(default)]
    pub concurrent_bootstrap: bool,
    /// Whether the error of the last deployment is dismissed.
    #[serde(default = "default_StartPipeline_dismiss_error")]
    pub dismiss_error: bool,
}

#[allow(non_snake_case)]
fn default_StartPipeline_initial() -> String {
    "running".to_owned()
}

#[allow(non_snake_case)]
fn default_StartPipeline_bootstrap_policy() -> String {
    "await_approval".to_owned()
}

#[allow(non_snake_case)]
fn default_StartPipeline_dismiss_error() -> bool {
    true
}

alluvium_messaging::contract!(
    StartPipeline,
    "StartPipeline",
    r####"{"aggregate":"pipeline","doc":"Starts a pipeline, or lets it start once its program is compiled.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"default":"running","doc":"How it begins: running, paused or standby.","name":"initial","type":"string"},{"default":"await_approval","doc":"What to do when the program differs from what is kept: allow, reject or await_approval.","name":"bootstrap_policy","type":"string"},{"default":false,"doc":"Whether views that are computed anew tell nobody.","name":"silent_bootstrap","type":"boolean"},{"default":false,"doc":"Whether it goes on while new views are computed.","name":"concurrent_bootstrap","type":"boolean"},{"default":true,"doc":"Whether the error of the last deployment is dismissed.","name":"dismiss_error","type":"boolean"}],"kind":"command","name":"StartPipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// The runner begins to make room for a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartProvisioning {
    /// Id of the pipeline.
    pub id: String,
}

alluvium_messaging::contract!(
    StartProvisioning,
    "StartProvisioning",
    r####"{"aggregate":"pipeline","doc":"The runner begins to make room for a pipeline.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"}],"kind":"command","name":"StartProvisioning","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// Somebody wants the pipeline to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartRequested {
    /// How it begins: running, paused or standby.
    pub initial: String,
    /// allow, reject or await_approval.
    pub bootstrap_policy: String,
    /// Whether views that are computed anew tell nobody.
    pub silent_bootstrap: bool,
    /// Whether it goes on while new views are computed.
    pub concurrent_bootstrap: bool,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    StartRequested,
    "StartRequested",
    r####"{"aggregate":"pipeline","doc":"Somebody wants the pipeline to run.","fields":[{"doc":"How it begins: running, paused or standby.","name":"initial","type":"string"},{"doc":"allow, reject or await_approval.","name":"bootstrap_policy","type":"string"},{"doc":"Whether views that are computed anew tell nobody.","name":"silent_bootstrap","type":"boolean"},{"doc":"Whether it goes on while new views are computed.","name":"concurrent_bootstrap","type":"boolean"},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"StartRequested","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The runner begins to take a pipeline down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartStopping {
    /// Id of the pipeline.
    pub id: String,
}

alluvium_messaging::contract!(
    StartStopping,
    "StartStopping",
    r####"{"aggregate":"pipeline","doc":"The runner begins to take a pipeline down.","fields":[{"doc":"Id of the pipeline.","name":"id","type":"string"}],"kind":"command","name":"StartStopping","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// Stops a pipeline: at once, or after all that it has is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopPipeline {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Whether it stops at once.
    #[serde(default)]
    pub force: bool,
}

alluvium_messaging::contract!(
    StopPipeline,
    "StopPipeline",
    r####"{"aggregate":"pipeline","doc":"Stops a pipeline: at once, or after all that it has is kept.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"},{"default":false,"doc":"Whether it stops at once.","name":"force","type":"boolean"}],"kind":"command","name":"StopPipeline","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// The pipeline should stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopRequested {
    /// Whether at once.
    pub force: bool,
    /// What went wrong, as a JSON object of message, error_code and details.
    #[serde(default)]
    pub error: Option<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    StopRequested,
    "StopRequested",
    r####"{"aggregate":"pipeline","doc":"The pipeline should stop.","fields":[{"doc":"Whether at once.","name":"force","type":"boolean"},{"default":null,"doc":"What went wrong, as a JSON object of message, error_code and details.","name":"error","type":["null","string"]},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"StopRequested","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The pipeline is taken down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopStarted {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    StopStarted,
    "StopStarted",
    r####"{"aggregate":"pipeline","doc":"The pipeline is taken down.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"StopStarted","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The pipeline is down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// What went wrong, as a JSON object of message, error_code and details.
    #[serde(default)]
    pub error: Option<String>,
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    Stopped,
    "Stopped",
    r####"{"aggregate":"pipeline","doc":"The pipeline is down.","fields":[{"default":null,"doc":"What went wrong, as a JSON object of message, error_code and details.","name":"error","type":["null","string"]},{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"Stopped","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The pipeline keeps nothing any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageCleared {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    StorageCleared,
    "StorageCleared",
    r####"{"aggregate":"pipeline","doc":"The pipeline keeps nothing any more.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"StorageCleared","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// The pipeline keeps something from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageUseBegan {
    /// When it happened.
    pub at: i64,
}

alluvium_messaging::contract!(
    StorageUseBegan,
    "StorageUseBegan",
    r####"{"aggregate":"pipeline","doc":"The pipeline keeps something from now on.","fields":[{"doc":"When it happened.","name":"at","type":{"logicalType":"timestamp-micros","type":"long"}}],"kind":"event","name":"StorageUseBegan","namespace":"alluvium.pipelines","type":"record"}"####,
    &[]
);

/// A name becomes a pipeline's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeName {
    /// The name.
    pub name: String,
    /// Id of the pipeline.
    pub id: String,
    /// Id of the pipeline whose program this one was made from.
    #[serde(default)]
    pub program_id: Option<String>,
}

alluvium_messaging::contract!(
    TakeName,
    "TakeName",
    r####"{"aggregate":"directory","doc":"A name becomes a pipeline's.","fields":[{"doc":"The name.","name":"name","type":"string"},{"doc":"Id of the pipeline.","name":"id","type":"string"},{"default":null,"doc":"Id of the pipeline whose program this one was made from.","name":"program_id","type":["null","string"]}],"kind":"command","name":"TakeName","namespace":"alluvium.pipelines","requires":"system","type":"record"}"####,
    &[]
);

/// Moves a pipeline to the platform's current version and compiles it anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRuntime {
    /// Name of the pipeline.
    pub pipeline: String,
}

alluvium_messaging::contract!(
    UpdateRuntime,
    "UpdateRuntime",
    r####"{"aggregate":"pipeline","doc":"Moves a pipeline to the platform's current version and compiles it anew.","fields":[{"doc":"Name of the pipeline.","name":"pipeline","type":"string"}],"kind":"command","name":"UpdateRuntime","namespace":"alluvium.pipelines","requires":"pipeline_write","type":"record"}"####,
    &[]
);

/// Commands of the aggregate `cluster`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClusterCommand {
    ObserveCluster(ObserveCluster),
}

alluvium_messaging::contract_set!(ClusterCommand { ObserveCluster });

impl From<ObserveCluster> for ClusterCommand {
    fn from(message: ObserveCluster) -> Self {
        Self::ObserveCluster(message)
    }
}

/// Events of the aggregate `cluster`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClusterEvent {
    ClusterObserved(ClusterObserved),
}

alluvium_messaging::contract_set!(ClusterEvent { ClusterObserved });

impl From<ClusterObserved> for ClusterEvent {
    fn from(message: ClusterObserved) -> Self {
        Self::ClusterObserved(message)
    }
}

impl cqrs_es::DomainEvent for ClusterEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Cluster {
    const TYPE: &'static str = "cluster";
    type Command = ClusterCommand;
    type Event = ClusterEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: ClusterCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<ClusterEvent> = match command {
            ClusterCommand::ObserveCluster(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: ClusterEvent) {
        use alluvium_kernel::Evolve;
        match event {
            ClusterEvent::ClusterObserved(e) => Evolve::evolve(e, self),
        }
    }
}

/// Commands of the aggregate `directory`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DirectoryCommand {
    FreeName(FreeName),
    TakeName(TakeName),
}

alluvium_messaging::contract_set!(DirectoryCommand { FreeName, TakeName });

impl From<FreeName> for DirectoryCommand {
    fn from(message: FreeName) -> Self {
        Self::FreeName(message)
    }
}

impl From<TakeName> for DirectoryCommand {
    fn from(message: TakeName) -> Self {
        Self::TakeName(message)
    }
}

/// Events of the aggregate `directory`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DirectoryEvent {
    NameFreed(NameFreed),
    NameTaken(NameTaken),
}

alluvium_messaging::contract_set!(DirectoryEvent { NameFreed, NameTaken });

impl From<NameFreed> for DirectoryEvent {
    fn from(message: NameFreed) -> Self {
        Self::NameFreed(message)
    }
}

impl From<NameTaken> for DirectoryEvent {
    fn from(message: NameTaken) -> Self {
        Self::NameTaken(message)
    }
}

impl cqrs_es::DomainEvent for DirectoryEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Directory {
    const TYPE: &'static str = "directory";
    type Command = DirectoryCommand;
    type Event = DirectoryEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: DirectoryCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<DirectoryEvent> = match command {
            DirectoryCommand::FreeName(c) => Decide::decide(c, self, at)?,
            DirectoryCommand::TakeName(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: DirectoryEvent) {
        use alluvium_kernel::Evolve;
        match event {
            DirectoryEvent::NameFreed(e) => Evolve::evolve(e, self),
            DirectoryEvent::NameTaken(e) => Evolve::evolve(e, self),
        }
    }
}

impl DirectoryCommand {
    /// `id` of the command.
    pub fn id(&self) -> &str {
        match self {
            Self::FreeName(c) => &c.id,
            Self::TakeName(c) => &c.id,
        }
    }

    /// `name` of the command.
    pub fn name(&self) -> &str {
        match self {
            Self::FreeName(c) => &c.name,
            Self::TakeName(c) => &c.name,
        }
    }
}

/// Commands of the aggregate `pipeline`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PipelineCommand {
    ActivatePipeline(ActivatePipeline),
    ApproveBootstrap(ApproveBootstrap),
    CancelCompile(CancelCompile),
    ClearStorage(ClearStorage),
    CreatePipeline(CreatePipeline),
    DeletePipeline(DeletePipeline),
    DismissError(DismissError),
    EditPipeline(EditPipeline),
    FailDeployment(FailDeployment),
    ObserveRuntime(ObserveRuntime),
    PausePipeline(PausePipeline),
    PutPipeline(PutPipeline),
    RecordCompileFailed(RecordCompileFailed),
    RecordCompiled(RecordCompiled),
    RecordProvisioned(RecordProvisioned),
    RecordSqlCompiled(RecordSqlCompiled),
    RecordStopped(RecordStopped),
    RecordStorageCleared(RecordStorageCleared),
    ResumePipeline(ResumePipeline),
    SetPlatformVersion(SetPlatformVersion),
    StartCompile(StartCompile),
    StartPackaging(StartPackaging),
    StartPipeline(StartPipeline),
    StartProvisioning(StartProvisioning),
    StartStopping(StartStopping),
    StopPipeline(StopPipeline),
    UpdateRuntime(UpdateRuntime),
}

alluvium_messaging::contract_set!(PipelineCommand {
    ActivatePipeline,
    ApproveBootstrap,
    CancelCompile,
    ClearStorage,
    CreatePipeline,
    DeletePipeline,
    DismissError,
    EditPipeline,
    FailDeployment,
    ObserveRuntime,
    PausePipeline,
    PutPipeline,
    RecordCompileFailed,
    RecordCompiled,
    RecordProvisioned,
    RecordSqlCompiled,
    RecordStopped,
    RecordStorageCleared,
    ResumePipeline,
    SetPlatformVersion,
    StartCompile,
    StartPackaging,
    StartPipeline,
    StartProvisioning,
    StartStopping,
    StopPipeline,
    UpdateRuntime
});

impl From<ActivatePipeline> for PipelineCommand {
    fn from(message: ActivatePipeline) -> Self {
        Self::ActivatePipeline(message)
    }
}

impl From<ApproveBootstrap> for PipelineCommand {
    fn from(message: ApproveBootstrap) -> Self {
        Self::ApproveBootstrap(message)
    }
}

impl From<CancelCompile> for PipelineCommand {
    fn from(message: CancelCompile) -> Self {
        Self::CancelCompile(message)
    }
}

impl From<ClearStorage> for PipelineCommand {
    fn from(message: ClearStorage) -> Self {
        Self::ClearStorage(message)
    }
}

impl From<CreatePipeline> for PipelineCommand {
    fn from(message: CreatePipeline) -> Self {
        Self::CreatePipeline(message)
    }
}

impl From<DeletePipeline> for PipelineCommand {
    fn from(message: DeletePipeline) -> Self {
        Self::DeletePipeline(message)
    }
}

impl From<DismissError> for PipelineCommand {
    fn from(message: DismissError) -> Self {
        Self::DismissError(message)
    }
}

impl From<EditPipeline> for PipelineCommand {
    fn from(message: EditPipeline) -> Self {
        Self::EditPipeline(message)
    }
}

impl From<FailDeployment> for PipelineCommand {
    fn from(message: FailDeployment) -> Self {
        Self::FailDeployment(message)
    }
}

impl From<ObserveRuntime> for PipelineCommand {
    fn from(message: ObserveRuntime) -> Self {
        Self::ObserveRuntime(message)
    }
}

impl From<PausePipeline> for PipelineCommand {
    fn from(message: PausePipeline) -> Self {
        Self::PausePipeline(message)
    }
}

impl From<PutPipeline> for PipelineCommand {
    fn from(message: PutPipeline) -> Self {
        Self::PutPipeline(message)
    }
}

impl From<RecordCompileFailed> for PipelineCommand {
    fn from(message: RecordCompileFailed) -> Self {
        Self::RecordCompileFailed(message)
    }
}

impl From<RecordCompiled> for PipelineCommand {
    fn from(message: RecordCompiled) -> Self {
        Self::RecordCompiled(message)
    }
}

impl From<RecordProvisioned> for PipelineCommand {
    fn from(message: RecordProvisioned) -> Self {
        Self::RecordProvisioned(message)
    }
}

impl From<RecordSqlCompiled> for PipelineCommand {
    fn from(message: RecordSqlCompiled) -> Self {
        Self::RecordSqlCompiled(message)
    }
}

impl From<RecordStopped> for PipelineCommand {
    fn from(message: RecordStopped) -> Self {
        Self::RecordStopped(message)
    }
}

impl From<RecordStorageCleared> for PipelineCommand {
    fn from(message: RecordStorageCleared) -> Self {
        Self::RecordStorageCleared(message)
    }
}

impl From<ResumePipeline> for PipelineCommand {
    fn from(message: ResumePipeline) -> Self {
        Self::ResumePipeline(message)
    }
}

impl From<SetPlatformVersion> for PipelineCommand {
    fn from(message: SetPlatformVersion) -> Self {
        Self::SetPlatformVersion(message)
    }
}

impl From<StartCompile> for PipelineCommand {
    fn from(message: StartCompile) -> Self {
        Self::StartCompile(message)
    }
}

impl From<StartPackaging> for PipelineCommand {
    fn from(message: StartPackaging) -> Self {
        Self::StartPackaging(message)
    }
}

impl From<StartPipeline> for PipelineCommand {
    fn from(message: StartPipeline) -> Self {
        Self::StartPipeline(message)
    }
}

impl From<StartProvisioning> for PipelineCommand {
    fn from(message: StartProvisioning) -> Self {
        Self::StartProvisioning(message)
    }
}

impl From<StartStopping> for PipelineCommand {
    fn from(message: StartStopping) -> Self {
        Self::StartStopping(message)
    }
}

impl From<StopPipeline> for PipelineCommand {
    fn from(message: StopPipeline) -> Self {
        Self::StopPipeline(message)
    }
}

impl From<UpdateRuntime> for PipelineCommand {
    fn from(message: UpdateRuntime) -> Self {
        Self::UpdateRuntime(message)
    }
}

/// Events of the aggregate `pipeline`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PipelineEvent {
    BootstrapApproved(BootstrapApproved),
    ClearRequested(ClearRequested),
    CompileFailed(CompileFailed),
    CompileStarted(CompileStarted),
    CompileSucceeded(CompileSucceeded),
    DesiredStatusChanged(DesiredStatusChanged),
    ErrorDismissed(ErrorDismissed),
    MetadataEdited(MetadataEdited),
    PackagingStarted(PackagingStarted),
    PipelineCreated(PipelineCreated),
    PipelineDeleted(PipelineDeleted),
    PipelineEdited(PipelineEdited),
    PlatformVersionSet(PlatformVersionSet),
    Provisioned(Provisioned),
    ProvisioningStarted(ProvisioningStarted),
    RuntimeStatusObserved(RuntimeStatusObserved),
    RuntimeUpdated(RuntimeUpdated),
    SqlCompiled(SqlCompiled),
    StartRequested(StartRequested),
    StopRequested(StopRequested),
    StopStarted(StopStarted),
    Stopped(Stopped),
    StorageCleared(StorageCleared),
    StorageUseBegan(StorageUseBegan),
}

alluvium_messaging::contract_set!(PipelineEvent {
    BootstrapApproved,
    ClearRequested,
    CompileFailed,
    CompileStarted,
    CompileSucceeded,
    DesiredStatusChanged,
    ErrorDismissed,
    MetadataEdited,
    PackagingStarted,
    PipelineCreated,
    PipelineDeleted,
    PipelineEdited,
    PlatformVersionSet,
    Provisioned,
    ProvisioningStarted,
    RuntimeStatusObserved,
    RuntimeUpdated,
    SqlCompiled,
    StartRequested,
    StopRequested,
    StopStarted,
    Stopped,
    StorageCleared,
    StorageUseBegan
});

impl From<BootstrapApproved> for PipelineEvent {
    fn from(message: BootstrapApproved) -> Self {
        Self::BootstrapApproved(message)
    }
}

impl From<ClearRequested> for PipelineEvent {
    fn from(message: ClearRequested) -> Self {
        Self::ClearRequested(message)
    }
}

impl From<CompileFailed> for PipelineEvent {
    fn from(message: CompileFailed) -> Self {
        Self::CompileFailed(message)
    }
}

impl From<CompileStarted> for PipelineEvent {
    fn from(message: CompileStarted) -> Self {
        Self::CompileStarted(message)
    }
}

impl From<CompileSucceeded> for PipelineEvent {
    fn from(message: CompileSucceeded) -> Self {
        Self::CompileSucceeded(message)
    }
}

impl From<DesiredStatusChanged> for PipelineEvent {
    fn from(message: DesiredStatusChanged) -> Self {
        Self::DesiredStatusChanged(message)
    }
}

impl From<ErrorDismissed> for PipelineEvent {
    fn from(message: ErrorDismissed) -> Self {
        Self::ErrorDismissed(message)
    }
}

impl From<MetadataEdited> for PipelineEvent {
    fn from(message: MetadataEdited) -> Self {
        Self::MetadataEdited(message)
    }
}

impl From<PackagingStarted> for PipelineEvent {
    fn from(message: PackagingStarted) -> Self {
        Self::PackagingStarted(message)
    }
}

impl From<PipelineCreated> for PipelineEvent {
    fn from(message: PipelineCreated) -> Self {
        Self::PipelineCreated(message)
    }
}

impl From<PipelineDeleted> for PipelineEvent {
    fn from(message: PipelineDeleted) -> Self {
        Self::PipelineDeleted(message)
    }
}

impl From<PipelineEdited> for PipelineEvent {
    fn from(message: PipelineEdited) -> Self {
        Self::PipelineEdited(message)
    }
}

impl From<PlatformVersionSet> for PipelineEvent {
    fn from(message: PlatformVersionSet) -> Self {
        Self::PlatformVersionSet(message)
    }
}

impl From<Provisioned> for PipelineEvent {
    fn from(message: Provisioned) -> Self {
        Self::Provisioned(message)
    }
}

impl From<ProvisioningStarted> for PipelineEvent {
    fn from(message: ProvisioningStarted) -> Self {
        Self::ProvisioningStarted(message)
    }
}

impl From<RuntimeStatusObserved> for PipelineEvent {
    fn from(message: RuntimeStatusObserved) -> Self {
        Self::RuntimeStatusObserved(message)
    }
}

impl From<RuntimeUpdated> for PipelineEvent {
    fn from(message: RuntimeUpdated) -> Self {
        Self::RuntimeUpdated(message)
    }
}

impl From<SqlCompiled> for PipelineEvent {
    fn from(message: SqlCompiled) -> Self {
        Self::SqlCompiled(message)
    }
}

impl From<StartRequested> for PipelineEvent {
    fn from(message: StartRequested) -> Self {
        Self::StartRequested(message)
    }
}

impl From<StopRequested> for PipelineEvent {
    fn from(message: StopRequested) -> Self {
        Self::StopRequested(message)
    }
}

impl From<StopStarted> for PipelineEvent {
    fn from(message: StopStarted) -> Self {
        Self::StopStarted(message)
    }
}

impl From<Stopped> for PipelineEvent {
    fn from(message: Stopped) -> Self {
        Self::Stopped(message)
    }
}

impl From<StorageCleared> for PipelineEvent {
    fn from(message: StorageCleared) -> Self {
        Self::StorageCleared(message)
    }
}

impl From<StorageUseBegan> for PipelineEvent {
    fn from(message: StorageUseBegan) -> Self {
        Self::StorageUseBegan(message)
    }
}

impl cqrs_es::DomainEvent for PipelineEvent {
    fn event_type(&self) -> String {
        alluvium_messaging::ContractSet::name(self).to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl cqrs_es::Aggregate for crate::model::Pipeline {
    const TYPE: &'static str = "pipeline";
    type Command = PipelineCommand;
    type Event = PipelineEvent;
    type Error = alluvium_kernel::Problem;
    type Services = alluvium_kernel::DecisionContext;

    async fn handle(
        &mut self,
        command: PipelineCommand,
        at: &alluvium_kernel::DecisionContext,
        sink: &cqrs_es::event_sink::EventSink<Self>,
    ) -> Result<(), alluvium_kernel::Problem> {
        use alluvium_kernel::Decide;
        let events: Vec<PipelineEvent> = match command {
            PipelineCommand::ActivatePipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::ApproveBootstrap(c) => Decide::decide(c, self, at)?,
            PipelineCommand::CancelCompile(c) => Decide::decide(c, self, at)?,
            PipelineCommand::ClearStorage(c) => Decide::decide(c, self, at)?,
            PipelineCommand::CreatePipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::DeletePipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::DismissError(c) => Decide::decide(c, self, at)?,
            PipelineCommand::EditPipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::FailDeployment(c) => Decide::decide(c, self, at)?,
            PipelineCommand::ObserveRuntime(c) => Decide::decide(c, self, at)?,
            PipelineCommand::PausePipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::PutPipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::RecordCompileFailed(c) => Decide::decide(c, self, at)?,
            PipelineCommand::RecordCompiled(c) => Decide::decide(c, self, at)?,
            PipelineCommand::RecordProvisioned(c) => Decide::decide(c, self, at)?,
            PipelineCommand::RecordSqlCompiled(c) => Decide::decide(c, self, at)?,
            PipelineCommand::RecordStopped(c) => Decide::decide(c, self, at)?,
            PipelineCommand::RecordStorageCleared(c) => Decide::decide(c, self, at)?,
            PipelineCommand::ResumePipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::SetPlatformVersion(c) => Decide::decide(c, self, at)?,
            PipelineCommand::StartCompile(c) => Decide::decide(c, self, at)?,
            PipelineCommand::StartPackaging(c) => Decide::decide(c, self, at)?,
            PipelineCommand::StartPipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::StartProvisioning(c) => Decide::decide(c, self, at)?,
            PipelineCommand::StartStopping(c) => Decide::decide(c, self, at)?,
            PipelineCommand::StopPipeline(c) => Decide::decide(c, self, at)?,
            PipelineCommand::UpdateRuntime(c) => Decide::decide(c, self, at)?,
        };
        for event in events {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: PipelineEvent) {
        use alluvium_kernel::Evolve;
        match event {
            PipelineEvent::BootstrapApproved(e) => Evolve::evolve(e, self),
            PipelineEvent::ClearRequested(e) => Evolve::evolve(e, self),
            PipelineEvent::CompileFailed(e) => Evolve::evolve(e, self),
            PipelineEvent::CompileStarted(e) => Evolve::evolve(e, self),
            PipelineEvent::CompileSucceeded(e) => Evolve::evolve(e, self),
            PipelineEvent::DesiredStatusChanged(e) => Evolve::evolve(e, self),
            PipelineEvent::ErrorDismissed(e) => Evolve::evolve(e, self),
            PipelineEvent::MetadataEdited(e) => Evolve::evolve(e, self),
            PipelineEvent::PackagingStarted(e) => Evolve::evolve(e, self),
            PipelineEvent::PipelineCreated(e) => Evolve::evolve(e, self),
            PipelineEvent::PipelineDeleted(e) => Evolve::evolve(e, self),
            PipelineEvent::PipelineEdited(e) => Evolve::evolve(e, self),
            PipelineEvent::PlatformVersionSet(e) => Evolve::evolve(e, self),
            PipelineEvent::Provisioned(e) => Evolve::evolve(e, self),
            PipelineEvent::ProvisioningStarted(e) => Evolve::evolve(e, self),
            PipelineEvent::RuntimeStatusObserved(e) => Evolve::evolve(e, self),
            PipelineEvent::RuntimeUpdated(e) => Evolve::evolve(e, self),
            PipelineEvent::SqlCompiled(e) => Evolve::evolve(e, self),
            PipelineEvent::StartRequested(e) => Evolve::evolve(e, self),
            PipelineEvent::StopRequested(e) => Evolve::evolve(e, self),
            PipelineEvent::StopStarted(e) => Evolve::evolve(e, self),
            PipelineEvent::Stopped(e) => Evolve::evolve(e, self),
            PipelineEvent::StorageCleared(e) => Evolve::evolve(e, self),
            PipelineEvent::StorageUseBegan(e) => Evolve::evolve(e, self),
        }
    }
}

impl PipelineCommand {
    /// `deployment_id` of the command.
    pub fn deployment_id(&self) -> Option<&str> {
        match self {
            Self::FailDeployment(c) => Some(&c.deployment_id),
            Self::ObserveRuntime(c) => Some(&c.deployment_id),
            Self::RecordProvisioned(c) => Some(&c.deployment_id),
            _ => None,
        }
    }

    /// `description` of the command.
    pub fn description(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.description),
            Self::PutPipeline(c) => Some(&c.description),
            _ => None,
        }
    }

    /// `id` of the command.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::FailDeployment(c) => Some(&c.id),
            Self::ObserveRuntime(c) => Some(&c.id),
            Self::RecordCompileFailed(c) => Some(&c.id),
            Self::RecordCompiled(c) => Some(&c.id),
            Self::RecordProvisioned(c) => Some(&c.id),
            Self::RecordSqlCompiled(c) => Some(&c.id),
            Self::RecordStopped(c) => Some(&c.id),
            Self::RecordStorageCleared(c) => Some(&c.id),
            Self::StartCompile(c) => Some(&c.id),
            Self::StartPackaging(c) => Some(&c.id),
            Self::StartProvisioning(c) => Some(&c.id),
            Self::StartStopping(c) => Some(&c.id),
            _ => None,
        }
    }

    /// `initial` of the command.
    pub fn initial(&self) -> Option<&str> {
        match self {
            Self::ActivatePipeline(c) => Some(&c.initial),
            Self::StartPipeline(c) => Some(&c.initial),
            _ => None,
        }
    }

    /// `name` of the command.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.name),
            Self::PutPipeline(c) => Some(&c.name),
            _ => None,
        }
    }

    /// `pipeline` of the command.
    pub fn pipeline(&self) -> Option<&str> {
        match self {
            Self::ActivatePipeline(c) => Some(&c.pipeline),
            Self::ApproveBootstrap(c) => Some(&c.pipeline),
            Self::CancelCompile(c) => Some(&c.pipeline),
            Self::ClearStorage(c) => Some(&c.pipeline),
            Self::DeletePipeline(c) => Some(&c.pipeline),
            Self::DismissError(c) => Some(&c.pipeline),
            Self::EditPipeline(c) => Some(&c.pipeline),
            Self::PausePipeline(c) => Some(&c.pipeline),
            Self::PutPipeline(c) => Some(&c.pipeline),
            Self::ResumePipeline(c) => Some(&c.pipeline),
            Self::SetPlatformVersion(c) => Some(&c.pipeline),
            Self::StartPipeline(c) => Some(&c.pipeline),
            Self::StopPipeline(c) => Some(&c.pipeline),
            Self::UpdateRuntime(c) => Some(&c.pipeline),
            _ => None,
        }
    }

    /// `program_code` of the command.
    pub fn program_code(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.program_code),
            Self::PutPipeline(c) => Some(&c.program_code),
            _ => None,
        }
    }

    /// `program_config` of the command.
    pub fn program_config(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.program_config),
            Self::PutPipeline(c) => Some(&c.program_config),
            _ => None,
        }
    }

    /// `runtime_config` of the command.
    pub fn runtime_config(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.runtime_config),
            Self::PutPipeline(c) => Some(&c.runtime_config),
            _ => None,
        }
    }

    /// `runtime_secrets` of the command.
    pub fn runtime_secrets(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.runtime_secrets),
            Self::PutPipeline(c) => Some(&c.runtime_secrets),
            _ => None,
        }
    }

    /// `status` of the command.
    pub fn status(&self) -> Option<&str> {
        match self {
            Self::ObserveRuntime(c) => Some(&c.status),
            Self::RecordCompileFailed(c) => Some(&c.status),
            _ => None,
        }
    }

    /// `udf_rust` of the command.
    pub fn udf_rust(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.udf_rust),
            Self::PutPipeline(c) => Some(&c.udf_rust),
            _ => None,
        }
    }

    /// `udf_toml` of the command.
    pub fn udf_toml(&self) -> Option<&str> {
        match self {
            Self::CreatePipeline(c) => Some(&c.udf_toml),
            Self::PutPipeline(c) => Some(&c.udf_toml),
            _ => None,
        }
    }
}

/// Every command of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Cluster(ClusterCommand),
    Directory(DirectoryCommand),
    Pipeline(PipelineCommand),
}

alluvium_messaging::contract_union!(Command { Cluster(ClusterCommand), Directory(DirectoryCommand), Pipeline(PipelineCommand) });

/// Every event of this context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Cluster(ClusterEvent),
    Directory(DirectoryEvent),
    Pipeline(PipelineEvent),
}

alluvium_messaging::contract_union!(Event { Cluster(ClusterEvent), Directory(DirectoryEvent), Pipeline(PipelineEvent) });

impl Command {
    /// The right this command needs, as its schema declares.
    pub fn requirement(&self) -> alluvium_kernel::Requirement {
        use alluvium_kernel::Requirement;
        match self {
            Self::Pipeline(PipelineCommand::ActivatePipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::ApproveBootstrap(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::CancelCompile(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::ClearStorage(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::CreatePipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::DeletePipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::DismissError(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::EditPipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::FailDeployment(_)) => Requirement::System,
            Self::Directory(DirectoryCommand::FreeName(_)) => Requirement::System,
            Self::Cluster(ClusterCommand::ObserveCluster(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::ObserveRuntime(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::PausePipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::PutPipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::RecordCompileFailed(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::RecordCompiled(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::RecordProvisioned(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::RecordSqlCompiled(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::RecordStopped(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::RecordStorageCleared(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::ResumePipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::SetPlatformVersion(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::StartCompile(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::StartPackaging(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::StartPipeline(_)) => Requirement::PipelineWrite,
            Self::Pipeline(PipelineCommand::StartProvisioning(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::StartStopping(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::StopPipeline(_)) => Requirement::PipelineWrite,
            Self::Directory(DirectoryCommand::TakeName(_)) => Requirement::System,
            Self::Pipeline(PipelineCommand::UpdateRuntime(_)) => Requirement::PipelineWrite,
        }
    }
}
