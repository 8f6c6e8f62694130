//! Tables and views of pipelines, as a bucket of a project shows them. What pipelines are, another context knows: here is what has to
//! be asked of it.

use std::sync::Arc;

use alluvium_kernel::{BoxFuture, Problem};
use alluvium_tablestore::{Lens, TableFile, TableSchema};

use crate::model::{problem, spec_of};
use crate::queries::{Source, TableView};

/// What stands for the project where a bucket shows a pipeline. No project has this id: theirs begin with a letter or digit.
pub const PIPELINES: &str = "_pipelines";

/// What a pipeline shows, of one step.
#[derive(Clone, Debug)]
pub struct PipelineShown {
    /// Its last step whose rows are in all its files.
    pub step: u64,
    /// When it was created, in microseconds since 1970.
    pub created_at: i64,
    /// Its tables and views, by name.
    pub relations: Vec<PipelineRelation>,
}

/// A table or view of a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineRelation {
    /// Its name.
    pub name: String,
    /// Where its rows are; the file knows what steps did.
    pub file: TableFile,
    /// Its columns and primary key.
    pub schema: Arc<TableSchema>,
    /// Rows in the file.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Who knows pipelines.
pub trait PipelineTables: Send + Sync + 'static {
    /// The id of the pipeline of this name; `storage.pipeline_not_found` without.
    fn id<'a>(&'a self, tenant: &'a str, name: &'a str) -> BoxFuture<'a, Result<String, Problem>>;

    /// What the pipeline with this id shows now. Refused as `storage.pipeline_not_found`, `storage.pipeline_empty`,
    /// `storage.pipeline_unavailable`, and `storage.source_elsewhere` where another process has its files.
    fn shown<'a>(&'a self, tenant: &'a str, id: &'a str) -> BoxFuture<'a, Result<PipelineShown, Problem>>;
}

/// Where nobody knows any.
pub struct NoPipelines;

impl PipelineTables for NoPipelines {
    fn id<'a>(&'a self, _: &'a str, name: &'a str) -> BoxFuture<'a, Result<String, Problem>> {
        Box::pin(async move { Err(problem::pipeline_not_found(name)) })
    }

    fn shown<'a>(&'a self, _: &'a str, id: &'a str) -> BoxFuture<'a, Result<PipelineShown, Problem>> {
        Box::pin(async move { Err(problem::pipeline_elsewhere(id)) })
    }
}

/// A table of a pipeline that is read, and as of which step.
#[derive(Clone, Debug, PartialEq)]
pub struct OfPipeline {
    /// Id of the pipeline.
    pub pipeline: String,
    /// Where the rows are.
    pub file: TableFile,
    /// The last step of the pipeline.
    pub last_step: u64,
    /// Shows the rows as they were after the step that is read.
    pub lens: Lens,
}

impl OfPipeline {
    /// The step that is read.
    pub fn step(&self) -> u64 {
        self.lens.step.unwrap_or(self.last_step)
    }

    /// Reads the rows as they were after another step; refuses one that has not been yet.
    pub fn at_step(&mut self, step: u64) -> Result<(), Problem> {
        if step > self.last_step {
            return Err(problem::step_ahead(step, self.last_step));
        }
        self.lens.step = Some(step);
        Ok(())
    }
}

impl TableView {
    /// A table or view of a pipeline as a bucket shows it.
    pub(crate) fn of_pipeline(bucket: &str, pipeline: &str, shown: &PipelineShown, relation: PipelineRelation) -> Self {
        let PipelineRelation { name, file, schema, rows, bytes } = relation;
        let step = shown.step;
        let lens = Lens { step: Some(step), ..Lens::default() };
        Self {
            uid: format!("{pipeline}-{}", file.uid),
            source: Source::Main,
            is_linked: true,
            alias: None,
            bucket: bucket.to_owned(),
            name,
            columns: schema.columns.iter().map(spec_of).collect(),
            primary_key: schema.primary_key.clone(),
            created_at: shown.created_at,
            changed_seq: 0,
            row_count: rows,
            size_bytes: bytes,
            pipeline: Some(OfPipeline { pipeline: pipeline.to_owned(), file, last_step: step, lens }),
        }
    }

    /// The table as it was after a step of its pipeline; refused for a table of no pipeline.
    pub(crate) fn at_step(mut self, step: u64) -> Result<Self, Problem> {
        match &mut self.pipeline {
            Some(of) => of.at_step(step)?,
            None => return Err(problem::no_steps(&self.bucket, &self.name)),
        }
        Ok(self)
    }
}
