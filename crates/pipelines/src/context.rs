//! How commands of this context are decided.

use alluvium_eventlog::{AggregateType, BoundedContext, Decision, DecisionContext, Past, Shown, Unit};
use alluvium_kernel::{DEFAULT_TENANT, Problem, Requirement, Token, subject};
use serde_json::json;

use crate::contract::{
    ClusterCommand, Command, CreatePipeline, DirectoryCommand, FreeName, PipelineCommand, PipelineEvent, TakeName,
};
use crate::error;
use crate::model::{Cluster, Directory, Pipeline, new_id, renamed};

/// The stream of this context's events.
pub const STREAM: &str = "EV_PIPELINES";

/// The one directory of a tenant.
const DIRECTORY: &str = "names";
/// The one installation.
const CLUSTER: &str = "installation";

/// For admins.
impl Shown for Pipeline {}

/// For admins.
impl Shown for Directory {}

/// For admins.
impl Shown for Cluster {}

/// The context of pipelines, for the executor.
#[derive(Clone, Copy, Debug, Default)]
pub struct PipelinesContext;

impl BoundedContext for PipelinesContext {
    const NAME: &'static str = "pipelines";
    const STREAM: &'static str = STREAM;
    const AGGREGATES: &'static [AggregateType] =
        &[AggregateType::of::<Pipeline>(), AggregateType::of::<Directory>(), AggregateType::of::<Cluster>()];
    type Command = Command;

    fn requirement(&self, command: &Command) -> Requirement {
        command.requirement()
    }

    /// One for all pipelines of a tenant: a command that names one depends on all names.
    async fn group(&self, _: &Token, command: &Command) -> String {
        match command {
            Command::Cluster(_) => "cluster".to_owned(),
            Command::Pipeline(_) | Command::Directory(_) => "pipelines".to_owned(),
        }
    }

    async fn plan(&self, command: &Command, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
        match command {
            Command::Pipeline(command) => plan(command, at, unit).await,
            Command::Cluster(command) => observe(command, at, unit).await,
            Command::Directory(command) => {
                unit.handle::<Directory>(&directory()?, command.clone(), at).await?;
                Ok(Decision::default())
            }
        }
    }

    /// People name a pipeline by its name.
    async fn locate(past: &Past, tenant: &Token, aggregate: &str, name: &str, up_to: u64) -> Result<Token, Problem> {
        if aggregate == "pipeline" {
            let subject = subject::event(tenant, Self::NAME, "directory", &directory()?);
            let names = past.load::<Directory>(&subject, up_to).await?;
            if let Some(id) = names.state.find(name) {
                return token(id);
            }
        }
        token(name)
    }
}

fn token(text: &str) -> Result<Token, Problem> {
    Token::encode(text).map_err(|reason| error::invalid_param(&format!("This cannot be an id: {reason}.")))
}

fn directory() -> Result<Token, Problem> {
    token(DIRECTORY)
}

async fn plan(command: &PipelineCommand, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    if let Some(id) = command.id() {
        unit.handle::<Pipeline>(&token(id)?, command.clone(), at).await?;
        return Ok(Decision::default());
    }
    if let PipelineCommand::CreatePipeline(command) = command {
        return create(command.clone(), at, unit).await;
    }
    let Some(name) = command.pipeline() else { return Err(error::mistake("a command names no pipeline")) };
    let found = unit.load::<Directory>(&directory()?).await?.find(name).map(str::to_owned);
    let id = match (found, command) {
        (Some(id), _) => id,
        (None, PipelineCommand::PutPipeline(put)) if !put.if_versions.is_empty() => {
            return Err(error::precondition_failed(None));
        }
        (None, PipelineCommand::PutPipeline(put)) if put.name == put.pipeline => {
            return create(put.clone().into(), at, unit).await;
        }
        (None, PipelineCommand::PutPipeline(put)) => return Err(error::cannot_rename_absent(&put.pipeline)),
        (None, _) => return Err(error::unknown_pipeline(name)),
    };
    if matches!(command, PipelineCommand::DeletePipeline(_))
        && unit.load::<Directory>(&directory()?).await?.user_of(&id).is_some()
    {
        return Err(error::program_in_use(name));
    }
    let events = unit.handle::<Pipeline>(&token(&id)?, command.clone(), at).await?;
    if let Some(new) = renamed(&events) {
        take(new, &id, None, at, unit).await?;
        free(name, &id, at, unit).await?;
    }
    if events.iter().any(|event| matches!(event, PipelineEvent::PipelineDeleted(_))) {
        free(name, &id, at, unit).await?;
    }
    Ok(Decision::accepted(json!({ "id": id, "created": false })))
}

async fn create(command: CreatePipeline, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    let command = with_program(command, unit).await?;
    let (id, name, program_id) = (new_id(at), command.name.clone(), command.program_id.clone());
    let pipeline = token(&id)?;
    unit.presume_new::<Pipeline>(&pipeline);
    unit.handle::<Pipeline>(&pipeline, command.into(), at).await?;
    take(&name, &id, program_id, at, unit).await?;
    Ok(Decision::accepted(json!({ "id": id, "created": true })))
}

/// The command with the program in it that it names.
async fn with_program(mut command: CreatePipeline, unit: &mut Unit) -> Result<CreatePipeline, Problem> {
    command.program_of_version = None;
    let Some(named) = command.program_id.take() else { return Ok(command) };
    let names = unit.load::<Directory>(&directory()?).await?;
    let id = match names.find(&named) {
        Some(id) => id.to_owned(),
        None if names.has(&named) => named,
        None => return Err(error::unknown_program(&named)),
    };
    let program = unit.load::<Pipeline>(&token(&id)?).await?.clone();
    command.program_code = program.settings.program_code;
    command.udf_rust = program.settings.udf_rust;
    command.udf_toml = program.settings.udf_toml;
    command.program_config = program.settings.program_config;
    command.program_of_version = Some(program.program_version);
    command.program_id = Some(id);
    Ok(command)
}

/// Of the default tenant only: there is one installation.
async fn observe(command: &ClusterCommand, at: &DecisionContext, unit: &mut Unit) -> Result<Decision, Problem> {
    if at.tenant.as_str() != DEFAULT_TENANT {
        return Err(error::invalid_param("The installation is observed on the subject of the default tenant."));
    }
    unit.handle::<Cluster>(&token(CLUSTER)?, command.clone(), at).await?;
    Ok(Decision::default())
}

async fn take(
    name: &str,
    id: &str,
    program_id: Option<String>,
    at: &DecisionContext,
    unit: &mut Unit,
) -> Result<(), Problem> {
    let take = TakeName { name: name.to_owned(), id: id.to_owned(), program_id };
    unit.handle::<Directory>(&directory()?, DirectoryCommand::from(take), at).await?;
    Ok(())
}

async fn free(name: &str, id: &str, at: &DecisionContext, unit: &mut Unit) -> Result<(), Problem> {
    let free = FreeName { name: name.to_owned(), id: id.to_owned() };
    unit.handle::<Directory>(&directory()?, DirectoryCommand::from(free), at).await?;
    Ok(())
}
