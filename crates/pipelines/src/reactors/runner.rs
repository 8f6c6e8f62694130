//! What runs pipelines; the binary brings it.

use alluvium_kernel::{BoxFuture, Token};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Source;
use crate::model::{BootstrapPolicy, RuntimeDesired, RuntimeStatus};

/// Runs pipelines in this process.
///
/// All of it may be asked twice: a process that dies between doing and reporting asks again after it began anew.
pub trait Runner: Send + Sync + 'static {
    /// Makes room for a deployment and lets it begin; ends when it answers [`Runner::observe`]. One that has room already is left as
    /// it is. When this is given up, by dropping it, [`Runner::take_down`] follows.
    fn provision<'a>(&'a self, deployed: &'a Deployed) -> BoxFuture<'a, Result<(), DeploymentError>>;

    /// How a deployment is; none when it has no room here.
    fn observe(&self, place: &Place) -> Option<Observation>;

    /// Lets a deployment be otherwise; [`Runner::observe`] tells when it is.
    fn desire<'a>(&'a self, place: &'a Place, desired: RuntimeDesired) -> BoxFuture<'a, Result<(), DeploymentError>>;

    /// Lets a deployment go on that waits for approval.
    fn approve<'a>(
        &'a self,
        place: &'a Place,
        silent: bool,
        concurrent: bool,
    ) -> BoxFuture<'a, Result<(), DeploymentError>>;

    /// Takes a pipeline's room away, if it has some. When it `forgets`, it goes back to what was set aside of it last, or to nothing.
    fn take_down<'a>(&'a self, place: &'a Place, forgets: bool) -> BoxFuture<'a, ()>;

    /// Lets go of all that a pipeline keeps.
    fn clear<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<(), DeploymentError>>;
}

/// Which pipeline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose it is.
    pub tenant: Token,
    /// Its id.
    pub pipeline: String,
}

/// What is to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployed {
    /// Which pipeline.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Id of the deployment.
    pub deployment_id: String,
    /// The program, which compiles.
    pub source: Source,
    /// How it runs, in clear.
    pub runtime_config: Value,
    /// How it should be, at first or again.
    pub desired: RuntimeDesired,
    /// What to do when the program differs from what is kept.
    pub bootstrap_policy: BootstrapPolicy,
    /// Whether views that are computed anew tell nobody.
    pub silent_bootstrap: bool,
    /// Whether it goes on meanwhile.
    pub concurrent_bootstrap: bool,
    /// Whether it ran before, in a process that ended.
    pub is_again: bool,
}

/// How a deployment is.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Its status.
    pub status: RuntimeStatus,
    /// How it was last told to be.
    pub desired: RuntimeDesired,
    /// More about it: `reason`, `connector_stats`, `approval_diff`.
    pub details: Option<Value>,
    /// Why it cannot go on.
    pub failure: Option<DeploymentError>,
}

/// Why a deployment ended, as `deployment_error` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{error_code}: {message}")]
pub struct DeploymentError {
    /// For people.
    pub message: String,
    /// What clients switch on, e.g. `RuntimeError.WorkerPanic`.
    pub error_code: String,
    /// Further facts.
    pub details: Value,
}

impl DeploymentError {
    /// Without further facts.
    pub fn new(error_code: &str, message: impl Into<String>) -> Self {
        Self { message: message.into(), error_code: error_code.to_owned(), details: json!({}) }
    }

    /// As the log has it.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
