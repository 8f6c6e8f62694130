//! What handlers work with, and the steps they share: find the pipeline, and the table or view of it.

use std::sync::Arc;

use alluvium_http::{PathParams, Principal};
use alluvium_kernel::Problem;
use alluvium_pipelines::PipelineQueries;

use crate::deployment::{self, Deployment};
use crate::program::Shown;
use crate::runner::ProgramRunner;

/// How much of a name from outside is repeated, in characters.
const ECHO_CHARS_MAX: usize = 96;

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct DataRoutes {
    pub(super) queries: PipelineQueries,
    pub(super) runner: ProgramRunner,
}

/// A pipeline that answers.
pub(super) struct Found {
    pub deployment: Arc<Deployment>,
}

impl DataRoutes {
    /// Handlers that find pipelines with `queries` and ask those that `runner` runs.
    pub fn new(queries: PipelineQueries, runner: ProgramRunner) -> Self {
        Self { queries, runner }
    }

    /// The pipeline of a path; refuses one that does not answer now.
    pub(super) async fn find(&self, principal: &Principal, params: &PathParams) -> Result<Found, Problem> {
        let (place, _) = self.queries.interactive(&principal.tenant, params.get("pipeline_name")).await?;
        let deployment = self.runner.get(&place).filter(|deployment| deployment.place.get().is_some());
        deployment.map(|deployment| Found { deployment }).ok_or_else(elsewhere)
    }
}

impl Found {
    pub fn place(&self) -> Result<&deployment::Place, Problem> {
        self.deployment.place.get().ok_or_else(elsewhere)
    }

    /// The table of a path.
    pub fn table(&self, params: &PathParams) -> Result<&Shown, Problem> {
        let written = params.get("table_name");
        let found = self.place()?.relations.find(written).filter(|shown| shown.input.is_some());
        found.ok_or_else(|| unknown("unknown_input_stream", "table", written))
    }

    /// The table or view of a path.
    pub fn relation(&self, params: &PathParams) -> Result<&Shown, Problem> {
        self.named(params.get("table_name"))
    }

    /// A table or view by its name as people write it.
    pub fn named(&self, written: &str) -> Result<&Shown, Problem> {
        self.place()?.relations.find(written).ok_or_else(|| unknown("unknown_output_stream", "table or view", written))
    }
}

/// It runs, and not in this process: it begins, or another process took it over a moment ago.
fn elsewhere() -> Problem {
    Problem::new("pipelines.pipeline_unavailable", 409, "The pipeline does not answer here yet. Try again.")
}

fn unknown(code: &str, what: &str, written: &str) -> Problem {
    let name: String = written.chars().take(ECHO_CHARS_MAX).collect();
    Problem::new(format!("pipelines.{code}"), 404, format!("The pipeline has no {what} '{}'.", name.escape_debug()))
}
