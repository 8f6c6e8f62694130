//! Tables and views of pipelines as storage shows them: what pipelines, the runner and the table engine of this process know together.

use std::sync::Arc;

use alluvium_kernel::{BoxFuture, Problem, Token};
use alluvium_pipelines::{PipelineQueries, Standing};
use alluvium_runner::{ProgramRunner, Shown};
use alluvium_storage::{PipelineRelation, PipelineShown, PipelineTables};
use alluvium_tablestore::Hub;

use super::Parts;

/// What storage asks about pipelines.
pub fn of(parts: &Parts) -> Option<Arc<dyn PipelineTables>> {
    let files = parts.runner.clone().zip(parts.tables.as_ref().map(|tables| tables.hub().clone()));
    let is_alone = parts.registry.is_none();
    Some(Arc::new(PipelineFiles { queries: super::pipelines::queries(parts)?, files, is_alone }))
}

struct PipelineFiles {
    queries: PipelineQueries,
    /// What this process has of files of pipelines.
    files: Option<(ProgramRunner, Hub)>,
    /// Whether no other process has any.
    is_alone: bool,
}

impl PipelineTables for PipelineFiles {
    fn id<'a>(&'a self, tenant: &'a str, name: &'a str) -> BoxFuture<'a, Result<String, Problem>> {
        Box::pin(async move {
            let place = self.queries.place(&token(tenant)?, name).await;
            Ok(place.map_err(|problem| not_found(name, problem))?.pipeline)
        })
    }

    fn shown<'a>(&'a self, tenant: &'a str, id: &'a str) -> BoxFuture<'a, Result<PipelineShown, Problem>> {
        Box::pin(async move {
            let tenant = token(tenant)?;
            let standing = self.queries.standing(&tenant, id).await.map_err(|problem| not_found(id, problem))?;
            let Some((runner, hub)) = self.files.clone() else { return Err(elsewhere(id)) };
            let begun = runner.shown(&standing.place);
            if begun.is_none() {
                self.readable_at_rest(&runner, &standing)?;
            }
            let place = standing.place.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let shown = match begun {
                    Some(shown) => shown,
                    None => runner.left(&place).map_err(|error| unavailable(&error))?,
                };
                look(&hub, shown, standing.created_at)
            });
            let shown = looked.await.map_err(|_| Problem::internal())??;
            if shown.relations.is_empty() {
                return Err(if self.is_alone { empty(id) } else { elsewhere(id) });
            }
            Ok(shown)
        })
    }
}

impl PipelineFiles {
    /// Refuses to read the files of a pipeline that has not begun here, unless it rests.
    fn readable_at_rest(&self, runner: &ProgramRunner, standing: &Standing) -> Result<(), Problem> {
        let id = &standing.place.pipeline;
        if standing.is_cleared {
            return Err(empty(id));
        }
        if runner.is_here(&standing.place) || (!standing.is_stopped && self.is_alone) {
            return Err(unavailable(&"it is being started or stopped"));
        }
        if standing.is_stopped { Ok(()) } else { Err(elsewhere(id)) }
    }
}

/// Columns and sizes of what is shown.
fn look(hub: &Hub, shown: Shown, created_at: i64) -> Result<PipelineShown, Problem> {
    let mut relations = Vec::with_capacity(shown.relations.len());
    for (name, file) in shown.relations {
        let Some(schema) = hub.schema(&file).map_err(|error| unavailable(&error))? else { continue };
        let stats = hub.stats(&file).map_err(|error| unavailable(&error))?;
        relations.push(PipelineRelation { name, file, schema: Arc::new(schema), rows: stats.rows, bytes: stats.bytes });
    }
    relations.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(PipelineShown { step: shown.step, created_at, relations })
}

fn token(tenant: &str) -> Result<Token, Problem> {
    Token::encode(tenant).map_err(|_| Problem::internal())
}

/// That there is no such pipeline, in the words of storage; what else is wrong stays.
fn not_found(pipeline: &str, problem: Problem) -> Problem {
    if problem.status == 404 {
        Problem::new("storage.pipeline_not_found", 404, format!("Pipeline {pipeline} not found"))
    } else {
        problem
    }
}

fn empty(pipeline: &str) -> Problem {
    let detail = format!("Pipeline {pipeline} keeps nothing: it was never started, or cleared.");
    Problem::new("storage.pipeline_empty", 409, detail)
}

fn elsewhere(pipeline: &str) -> Problem {
    let detail = format!("The files of pipeline {pipeline} are not here: another node keeps them.");
    Problem::new("storage.source_elsewhere", 409, detail)
}

fn unavailable(why: &dyn std::fmt::Display) -> Problem {
    Problem::unavailable("storage.pipeline_unavailable", format!("The pipeline cannot be read now: {why}."))
}
