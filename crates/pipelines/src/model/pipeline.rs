//! `pipeline`: one pipeline, with all that people are shown of it. Its fold is also what the projection keeps.

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};

use super::{
    BootstrapPolicy, Initial, ProgramStatus, ResourcesDesired, ResourcesStatus, RuntimeDesired, RuntimeStatus,
    StorageStatus,
};
use crate::error;

/// A pipeline. Moments are in microseconds since 1970; texts that are sealed on the log are sealed here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Its id; empty before its first event.
    pub id: String,
    /// Whether it is gone.
    pub is_deleted: bool,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words it is found by.
    pub tags: Vec<String>,
    /// When it was created.
    pub created_at: i64,
    /// What people set.
    pub settings: Settings,
    /// Id of the pipeline whose program it was made from.
    #[serde(default)]
    pub program_id: Option<String>,
    /// The version of that program.
    #[serde(default)]
    pub program_of_version: Option<i64>,
    /// The version of the platform that its program is compiled by.
    pub platform_version: String,
    /// Counts edits.
    pub version: i64,
    /// Counts edits of the program.
    pub program_version: i64,
    /// Counts changes that people look for.
    pub refresh_version: i64,
    /// The program.
    pub program: Program,
    /// Whether it keeps something.
    pub storage: StorageStatus,
    /// What it keeps, as a JSON object.
    pub storage_details: Option<String>,
    /// Where and how it runs.
    pub deployment: Deployment,
}

/// What people set of a pipeline; changing any of it is an edit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The program's text; sealed.
    pub program_code: String,
    /// Functions of the program.
    pub udf_rust: String,
    /// Dependencies of these.
    pub udf_toml: String,
    /// How it runs.
    pub runtime_config: String,
    /// What of that is secret; sealed.
    pub runtime_secrets: String,
    /// How the program is compiled.
    pub program_config: String,
}

/// A program as the compiler sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// How far the compiler is.
    pub status: ProgramStatus,
    /// Since when.
    pub since: i64,
    /// What it has; sealed.
    pub info: Option<String>,
    /// What the SQL compiler said; sealed.
    pub sql_compilation: Option<String>,
    /// What packaging said.
    pub rust_compilation: Option<String>,
    /// What of the platform was in the way.
    pub system_error: Option<String>,
}

/// Where and how a pipeline runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id, from when room is made until it is taken away.
    pub id: Option<String>,
    /// How it began, or will.
    pub initial: Option<Initial>,
    /// What went wrong, as a JSON object, until somebody takes note.
    pub error: Option<String>,
    /// Whether it has room.
    pub resources: ResourcesStatus,
    /// Since when.
    pub resources_since: i64,
    /// Whether it should.
    pub resources_desired: ResourcesDesired,
    /// Since when.
    pub resources_desired_since: i64,
    /// How it says that it is, while it has room.
    pub runtime: Option<RuntimeStatus>,
    /// Since when.
    pub runtime_since: Option<i64>,
    /// More about it, as a JSON object.
    pub runtime_details: Option<String>,
    /// How it should be, while it has room.
    pub runtime_desired: Option<RuntimeDesired>,
    /// Since when.
    pub runtime_desired_since: Option<i64>,
    /// What to do when the program differs from what is kept.
    pub bootstrap_policy: Option<BootstrapPolicy>,
    /// Whether views that are computed anew tell nobody.
    pub silent_bootstrap: Option<bool>,
    /// Whether it goes on meanwhile.
    pub concurrent_bootstrap: Option<bool>,
    /// Whether it should stop at once.
    pub is_forced: bool,
    /// What somebody said to the difference, until the next deployment: whether silent, whether concurrent.
    pub approved: Option<(bool, bool)>,
}

impl Pipeline {
    /// Whether there is one.
    pub fn is_live(&self) -> bool {
        !self.id.is_empty() && !self.is_deleted
    }

    /// Refuses what is not there, or has another name now.
    pub(super) fn named(&self, name: &str) -> Result<&Self, Problem> {
        if self.is_live() && self.name == name { Ok(self) } else { Err(error::unknown_pipeline(name)) }
    }

    /// Refuses one whose version is none of these, where any are given; 0 stands for any.
    pub(super) fn at_version(&self, versions: &[i64]) -> Result<&Self, Problem> {
        let fits = versions.is_empty() || versions.iter().any(|version| [0, self.version].contains(version));
        if fits { Ok(self) } else { Err(error::precondition_failed(Some(self.version))) }
    }

    /// Whether it neither runs nor should.
    pub fn is_stopped(&self) -> bool {
        let Deployment { resources, resources_desired, .. } = &self.deployment;
        *resources == ResourcesStatus::Stopped && *resources_desired == ResourcesDesired::Stopped
    }

    /// Whether it runs and has been told to stop, or is about to be down.
    pub(super) fn is_stopping(&self) -> bool {
        let Deployment { resources, resources_desired, .. } = &self.deployment;
        *resources == ResourcesStatus::Stopping
            || *resources != ResourcesStatus::Stopped && *resources_desired == ResourcesDesired::Stopped
    }

    /// The compiler begins at the beginning.
    pub(super) fn compile_anew(&mut self, at: i64) {
        self.program = Program { status: ProgramStatus::Pending, since: at, ..Program::default() };
    }

    pub(super) fn set_program(&mut self, status: ProgramStatus, at: i64) {
        self.program.status = status;
        self.program.since = at;
    }

    pub(super) fn set_resources(&mut self, status: ResourcesStatus, at: i64) {
        self.deployment.resources = status;
        self.deployment.resources_since = at;
        self.refresh_version += 1;
    }

    pub(super) fn set_resources_desired(&mut self, desired: ResourcesDesired, at: i64) {
        if self.deployment.resources_desired != desired {
            self.deployment.resources_desired = desired;
            self.deployment.resources_desired_since = at;
        }
    }
}

impl Deployment {
    /// Resources and runtime in one word.
    pub fn status(&self) -> &'static str {
        match (self.resources, self.runtime) {
            (ResourcesStatus::Provisioned, Some(runtime)) => runtime.as_str(),
            (ResourcesStatus::Provisioned, None) => RuntimeStatus::Initializing.as_str(),
            (resources, _) => resources.as_str(),
        }
    }

    /// What both should be, in one word.
    pub fn desired_status(&self) -> &'static str {
        match (self.resources_desired, self.runtime_desired, self.initial) {
            (ResourcesDesired::Stopped, ..) => ResourcesDesired::Stopped.as_str(),
            (ResourcesDesired::Provisioned, Some(desired), _) => desired.as_str(),
            (ResourcesDesired::Provisioned, None, initial) => initial.unwrap_or_default().desired().as_str(),
        }
    }

    /// Since when it is in that status.
    pub fn status_since(&self) -> i64 {
        self.resources_since.max(self.runtime_since.unwrap_or(i64::MIN))
    }

    /// Since when it should be in that status.
    pub fn desired_status_since(&self) -> i64 {
        self.resources_desired_since.max(self.runtime_desired_since.unwrap_or(i64::MIN))
    }
}
