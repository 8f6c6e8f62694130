//! How a pipeline was after a change of a status.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::stages::Point;
use super::{EventSelector, json, moment};
use crate::model::{
    Pipeline, ProgramStatus, ResourcesDesired, ResourcesStatus, RuntimeDesired, RuntimeStatus, StorageStatus,
};
use crate::queries::EventRow;

/// The states of a pipeline at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Moment {
    resources: ResourcesStatus,
    resources_desired: ResourcesDesired,
    runtime: Option<RuntimeStatus>,
    runtime_details: Option<String>,
    runtime_desired: Option<RuntimeDesired>,
    error: Option<String>,
    program: ProgramStatus,
    storage: StorageStatus,
    storage_details: Option<String>,
}

impl Moment {
    /// Of a pipeline as it is.
    pub fn of(pipeline: &Pipeline) -> Self {
        let deployment = &pipeline.deployment;
        Self {
            resources: deployment.resources,
            resources_desired: deployment.resources_desired,
            runtime: deployment.runtime,
            runtime_details: deployment.runtime_details.clone(),
            runtime_desired: deployment.runtime_desired,
            error: deployment.error.clone(),
            program: pipeline.program.status,
            storage: pipeline.storage,
            storage_details: pipeline.storage_details.clone(),
        }
    }

    /// What of it the stages of a program follow from.
    pub fn point(&self, at: i64) -> Point {
        Point { at, program: self.program, resources: self.resources }
    }
}

/// An event of a pipeline. Its errors and details are shown on demand.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documents what `event` writes")]
pub(crate) struct PipelineMonitorEvent {
    event_id: String,
    recorded_at: String,
    deployment_resources_status: String,
    deployment_resources_status_details: Option<String>,
    deployment_resources_desired_status: String,
    deployment_runtime_status: Option<String>,
    deployment_runtime_status_details: Option<String>,
    deployment_runtime_desired_status: Option<String>,
    deployment_has_error: bool,
    deployment_error: Option<String>,
    program_status: String,
    storage_status: String,
    storage_status_details: Option<String>,
}

/// An event as it is shown.
pub(crate) fn event(row: &EventRow, selector: EventSelector) -> Value {
    let EventRow { id, recorded_at, moment: at } = row;
    let states = json!({
        "event_id": id,
        "recorded_at": moment(*recorded_at),
        "deployment_resources_status": at.resources.as_str(),
        "deployment_resources_desired_status": at.resources_desired.as_str(),
        "deployment_runtime_status": at.runtime.map(RuntimeStatus::as_str),
        "deployment_runtime_desired_status": at.runtime_desired.map(RuntimeDesired::as_str),
        "deployment_has_error": at.error.is_some(),
        "program_status": at.program.as_str(),
        "storage_status": at.storage.as_str(),
    });
    let Value::Object(mut object) = states else { return Value::Object(Map::new()) };
    if selector == EventSelector::All {
        object.insert("deployment_resources_status_details".to_owned(), Value::Null);
        object.insert("deployment_runtime_status_details".to_owned(), json(at.runtime_details.as_deref()));
        object.insert("deployment_error".to_owned(), json(at.error.as_deref()));
        object.insert("storage_status_details".to_owned(), json(at.storage_details.as_deref()));
    }
    Value::Object(object)
}
