//! The older form of the resource: programs and pipelines apart, under `/api`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::stages::{Point, Stage, stages};
use super::{PatchPipeline, PostPutPipeline, json, moment};
use crate::contract::{CreatePipeline, EditPipeline};
use crate::model::Pipeline;
use crate::queries::EventRow;

/// A new program.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct NewProgram {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Its text in SQL.
    code: String,
    /// How it is compiled.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// What of a program is to be another.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct ProgramChange {
    /// Its name.
    name: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// Its text in SQL.
    code: Option<String>,
    /// How it is compiled.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// A new pipeline.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct NewPipeline {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Id or name of the program that it is made from.
    program_id: Option<String>,
    /// A program of its own, when it is made from none.
    program_code: Option<String>,
    /// How it runs.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// What of a pipeline is to be another.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct PipelineChange {
    /// Its name.
    name: Option<String>,
    /// What it is for.
    description: Option<String>,
    /// Its program in SQL.
    program_code: Option<String>,
    /// How it runs.
    #[schema(value_type = Option<Object>)]
    config: Option<Value>,
}

/// A program.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ProgramView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// Its text in SQL.
    code: String,
    /// How it is compiled.
    #[schema(value_type = Object)]
    config: Value,
    /// Counts its edits.
    version: i64,
    /// How far the compiler is.
    status: &'static str,
    /// Since when.
    status_since: String,
    /// Its tables and views, once they are known.
    #[schema(value_type = Option<Object>)]
    schema: Value,
    /// Its way so far.
    stages: Vec<Stage>,
    /// When it was created.
    created_at: String,
}

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PipelineView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// Id of the program that it was made from; its own id when it has one of its own.
    program_id: String,
    /// The version of that program.
    program_version: i64,
    /// How it runs.
    #[schema(value_type = Object)]
    config: Value,
    /// How it is.
    status: &'static str,
    /// How it should be.
    desired_status: &'static str,
    /// What its last deployment ended with.
    #[schema(value_type = Option<Object>)]
    error: Value,
    /// When it was created.
    created_at: String,
}

impl NewProgram {
    /// The command that creates it.
    pub fn create(self) -> CreatePipeline {
        let Self { name, description, code: program_code, config: program_config } = self;
        let none = (None, None, None, None);
        let (tags, runtime_config, udf_rust, udf_toml) = none;
        PostPutPipeline { name, description, tags, runtime_config, program_code, udf_rust, udf_toml, program_config }
            .create()
    }
}

impl ProgramChange {
    /// The command that changes a program so.
    pub fn edit(self, program: String) -> EditPipeline {
        let Self { name, description, code: program_code, config: program_config } = self;
        let (tags, runtime_config, udf_rust, udf_toml) = (None, None, None, None);
        PatchPipeline { name, description, tags, runtime_config, program_code, udf_rust, udf_toml, program_config }
            .edit(program)
    }
}

impl NewPipeline {
    /// The command that creates it; none when it names both a program and a text, or neither.
    pub fn create(self) -> Option<CreatePipeline> {
        let Self { name, description, program_id, program_code, config: runtime_config } = self;
        if program_id.is_some() == program_code.is_some() {
            return None;
        }
        let (tags, udf_rust, udf_toml, program_config) = (None, None, None, None);
        let program_code = program_code.unwrap_or_default();
        let body = PostPutPipeline {
            name,
            description,
            tags,
            runtime_config,
            program_code,
            udf_rust,
            udf_toml,
            program_config,
        };
        Some(CreatePipeline { program_id, ..body.create() })
    }
}

impl PipelineChange {
    /// The command that changes a pipeline so.
    pub fn edit(self, pipeline: String) -> EditPipeline {
        let Self { name, description, program_code, config: runtime_config } = self;
        let (tags, udf_rust, udf_toml, program_config) = (None, None, None, None);
        PatchPipeline { name, description, tags, runtime_config, program_code, udf_rust, udf_toml, program_config }
            .edit(pipeline)
    }
}

impl ProgramView {
    /// Of a pipeline and what happened to it, newest first.
    pub fn of(pipeline: Pipeline, events: &[EventRow]) -> Self {
        let points: Vec<Point> = events.iter().rev().map(|row| row.moment.point(row.recorded_at)).collect();
        let compilation = failure(&pipeline);
        let deployed = json(pipeline.deployment.error.as_deref());
        let shown = stages(&points, [compilation.as_deref(), deployed["message"].as_str()]);
        let info = json(pipeline.program.info.as_deref());
        Self {
            id: pipeline.id,
            name: pipeline.name,
            description: pipeline.description,
            code: pipeline.settings.program_code,
            config: json(Some(&pipeline.settings.program_config)),
            version: pipeline.program_version,
            status: pipeline.program.status.as_str(),
            status_since: moment(pipeline.program.since),
            schema: info["schema"].clone(),
            stages: shown,
            created_at: moment(pipeline.created_at),
        }
    }
}

/// What the compiler complains about, in a sentence.
fn failure(pipeline: &Pipeline) -> Option<String> {
    let program = &pipeline.program;
    if !program.status.is_failed() {
        return None;
    }
    let (sql, rust) = (json(program.sql_compilation.as_deref()), json(program.rust_compilation.as_deref()));
    let messages = sql["messages"].as_array().into_iter().flatten();
    let error = messages.filter(|message| message["warning"] != true).find_map(|message| message["message"].as_str());
    let said = program.system_error.as_deref().or(rust["stderr"].as_str()).or(error);
    said.map(str::to_owned)
}

impl From<Pipeline> for PipelineView {
    fn from(pipeline: Pipeline) -> Self {
        let mut config = json(Some(&pipeline.settings.runtime_config));
        crate::model::config::merge(&mut config, &pipeline.settings.runtime_secrets);
        Self {
            program_id: pipeline.program_id.unwrap_or_else(|| pipeline.id.clone()),
            program_version: pipeline.program_of_version.unwrap_or(pipeline.program_version),
            id: pipeline.id,
            name: pipeline.name,
            description: pipeline.description,
            config,
            status: pipeline.deployment.status(),
            desired_status: pipeline.deployment.desired_status(),
            error: json(pipeline.deployment.error.as_deref()),
            created_at: moment(pipeline.created_at),
        }
    }
}
