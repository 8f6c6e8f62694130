//! How the installation was after a change of one of its parts.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{EventSelector, moment};
use crate::contract::ClusterObserved;
use crate::model::Health;

/// How the parts of the installation were, as the read model keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterMoment {
    api: (String, String),
    compiler: (String, String),
    runner: (String, String),
}

/// One such moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterRow {
    /// Its id.
    pub id: String,
    /// When, in microseconds since 1970.
    pub recorded_at: i64,
    /// How it was.
    pub moment: ClusterMoment,
}

impl From<ClusterObserved> for ClusterMoment {
    fn from(event: ClusterObserved) -> Self {
        Self {
            api: (event.api_status, event.api_info),
            compiler: (event.compiler_status, event.compiler_info),
            runner: (event.runner_status, event.runner_info),
        }
    }
}

/// An event of the installation. What its parts said is shown on demand.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documents what `cluster_event` writes")]
pub(crate) struct ClusterMonitorEvent {
    id: String,
    recorded_at: String,
    all_healthy: bool,
    api_status: String,
    api_self_info: Option<String>,
    api_resources_info: Option<String>,
    compiler_status: String,
    compiler_self_info: Option<String>,
    compiler_resources_info: Option<String>,
    runner_status: String,
    runner_self_info: Option<String>,
    runner_resources_info: Option<String>,
}

/// An event as it is shown.
pub(crate) fn cluster_event(row: &ClusterRow, selector: EventSelector) -> Value {
    let ClusterMoment { api, compiler, runner } = &row.moment;
    let parts = [("api", api), ("compiler", compiler), ("runner", runner)];
    let mut event = json!({
        "id": row.id,
        "recorded_at": moment(row.recorded_at),
        "all_healthy": parts.iter().all(|(_, (status, _))| status == Health::Healthy.as_str()),
    });
    for (name, (status, info)) in parts {
        event[format!("{name}_status")] = json!(status);
        if selector == EventSelector::All {
            event[format!("{name}_self_info")] = json!(info);
            // Nothing of ours is run by somebody else who could tell.
            event[format!("{name}_resources_info")] = Value::Null;
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_parts_said_is_shown_on_demand() {
        let part = |status: &str| (status.to_owned(), "said".to_owned());
        let moment = ClusterMoment { api: part("Healthy"), compiler: part("Healthy"), runner: part("Unhealthy") };
        let mut row = ClusterRow { id: "1".into(), recorded_at: 0, moment };
        let short = cluster_event(&row, EventSelector::Status);
        assert_eq!((short.as_object().unwrap().len(), &short["all_healthy"]), (6, &json!(false)));
        let long = cluster_event(&row, EventSelector::All);
        assert_eq!((long.as_object().unwrap().len(), &long["runner_self_info"]), (12, &json!("said")));
        row.moment.runner = part("Healthy");
        assert_eq!(cluster_event(&row, EventSelector::Status)["all_healthy"], true);
    }
}
