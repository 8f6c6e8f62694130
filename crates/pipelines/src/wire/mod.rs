//! What clients send and are shown.

mod body;
mod bundle;
mod cluster;
mod config;
mod event;
mod explain;
mod facade;
mod history;
mod info;
mod precondition;
mod program;
mod selector;
mod stages;

pub(crate) use body::{PatchPipeline, PostPutPipeline, parse};
pub(crate) use bundle::{Folder, bundle, check_limit, json_file};
pub(crate) use cluster::{ClusterMoment, ClusterMonitorEvent, ClusterRow, cluster_event};
pub(crate) use config::{BuildInformation, ClusterHealth, Configuration, Healthz, ServiceStatus};
pub(crate) use event::{Moment, PipelineMonitorEvent, event};
pub(crate) use explain::Explanation;
pub(crate) use facade::{NewPipeline, NewProgram, PipelineChange, PipelineView, ProgramChange, ProgramView};
pub(crate) use history::history;
pub(crate) use info::PipelineInfo;
pub(crate) use precondition::{etag, if_versions};
pub(crate) use program::{
    Dataflow, PipelineDiffRequest, ValidateProgramRequest, ValidateProgramResponse, check_runtime_version, details,
};
pub(crate) use selector::{EventSelector, Selector};

use alluvium_kernel::Timestamp;
use serde_json::Value;

/// A moment as this surface writes it.
pub(crate) fn moment(micros: i64) -> String {
    Timestamp::from_micros(micros).to_rfc3339()
}

/// A text of ours that holds JSON; null where it holds none, because it is forgotten.
pub(crate) fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}
