//! A pipeline as clients are shown it.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{Selector, json, moment};
use crate::model::config::merge;
use crate::model::{Deployment, Initial, Pipeline};

/// A pipeline. How many of its members are shown depends on the selector.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PipelineInfo {
    /// Its id, a UUID.
    id: String,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// Words it is found by.
    tags: Vec<String>,
    /// When it was created.
    created_at: String,
    /// Counts edits.
    version: i64,
    /// The version of the platform that its program is compiled by.
    platform_version: String,
    /// How it runs.
    #[schema(value_type = Object)]
    runtime_config: Value,
    /// Its program in SQL.
    program_code: String,
    /// Functions of the program in Rust.
    udf_rust: String,
    /// Dependencies of these, in TOML.
    udf_toml: String,
    /// How the program is compiled.
    #[schema(value_type = Object)]
    program_config: Value,
    /// Counts edits of the program.
    program_version: i64,
    /// How far the compiler is.
    program_status: &'static str,
    /// Since when.
    program_status_since: String,
    /// What the compiler said.
    #[schema(value_type = Object)]
    program_error: Value,
    /// What the program has.
    #[schema(value_type = Option<Object>)]
    program_info: Value,
    /// What the last deployment ended with.
    #[schema(value_type = Option<Object>)]
    deployment_error: Value,
    /// Counts changes that people look for.
    refresh_version: i64,
    /// Whether it keeps something.
    storage_status: &'static str,
    /// What.
    #[schema(value_type = Option<Object>)]
    storage_status_details: Value,
    /// Id of its deployment.
    deployment_id: Option<String>,
    /// How it was started.
    deployment_initial: Option<&'static str>,
    /// Resources and runtime in one word.
    deployment_status: &'static str,
    /// Since when.
    deployment_status_since: String,
    /// What they should be.
    deployment_desired_status: &'static str,
    /// Since when.
    deployment_desired_status_since: String,
    /// Whether it has room to run in.
    deployment_resources_status: &'static str,
    /// More about it.
    #[schema(value_type = Option<Object>)]
    deployment_resources_status_details: Value,
    /// Since when.
    deployment_resources_status_since: String,
    /// Whether it should.
    deployment_resources_desired_status: &'static str,
    /// Since when.
    deployment_resources_desired_status_since: String,
    /// How it says that it is.
    deployment_runtime_status: Option<&'static str>,
    /// More about it.
    #[schema(value_type = Option<Object>)]
    deployment_runtime_status_details: Value,
    /// Since when.
    deployment_runtime_status_since: Option<String>,
    /// How it should be.
    deployment_runtime_desired_status: Option<&'static str>,
    /// Since when.
    deployment_runtime_desired_status_since: Option<String>,
    /// What to do when the program differs from what is kept.
    bootstrap_policy: Option<&'static str>,
    /// Whether views that are computed anew tell nobody.
    silent_bootstrap: Option<bool>,
    /// Whether it goes on meanwhile.
    concurrent_bootstrap: Option<bool>,
}

/// What the answers to changes do not show.
const OF_DEPLOYMENTS: [&str; 3] = ["bootstrap_policy", "silent_bootstrap", "concurrent_bootstrap"];
/// What is long.
const LONG: [&str; 7] = [
    "runtime_config",
    "program_code",
    "udf_rust",
    "udf_toml",
    "program_error",
    "program_info",
    "deployment_resources_status_details",
];

impl From<Pipeline> for PipelineInfo {
    fn from(pipeline: Pipeline) -> Self {
        let Pipeline { settings, program, deployment, .. } = pipeline;
        let mut runtime_config = json(Some(&settings.runtime_config));
        merge(&mut runtime_config, &settings.runtime_secrets);
        let program_error = json!({
            "sql_compilation": json(program.sql_compilation.as_deref()),
            "rust_compilation": json(program.rust_compilation.as_deref()),
            "system_error": program.system_error,
        });
        let (status, desired_status) = (deployment.status(), deployment.desired_status());
        let (since, desired_since) = (deployment.status_since(), deployment.desired_status_since());
        let Deployment { id, initial, error, resources, resources_since, resources_desired, .. } = deployment;
        Self {
            id: pipeline.id,
            name: pipeline.name,
            description: pipeline.description,
            tags: pipeline.tags,
            created_at: moment(pipeline.created_at),
            version: pipeline.version,
            platform_version: pipeline.platform_version,
            runtime_config,
            program_code: settings.program_code,
            udf_rust: settings.udf_rust,
            udf_toml: settings.udf_toml,
            program_config: json(Some(&settings.program_config)),
            program_version: pipeline.program_version,
            program_status: program.status.as_str(),
            program_status_since: moment(program.since),
            program_error,
            program_info: json(program.info.as_deref()),
            deployment_error: json(error.as_deref()),
            refresh_version: pipeline.refresh_version,
            storage_status: pipeline.storage.as_str(),
            storage_status_details: json(pipeline.storage_details.as_deref()),
            deployment_id: id,
            deployment_initial: initial.map(Initial::desired).map(crate::model::RuntimeDesired::as_str),
            deployment_status: status,
            deployment_status_since: moment(since),
            deployment_desired_status: desired_status,
            deployment_desired_status_since: moment(desired_since),
            deployment_resources_status: resources.as_str(),
            deployment_resources_status_details: Value::Null,
            deployment_resources_status_since: moment(resources_since),
            deployment_resources_desired_status: resources_desired.as_str(),
            deployment_resources_desired_status_since: moment(deployment.resources_desired_since),
            deployment_runtime_status: deployment.runtime.map(crate::model::RuntimeStatus::as_str),
            deployment_runtime_status_details: json(deployment.runtime_details.as_deref()),
            deployment_runtime_status_since: deployment.runtime_since.map(moment),
            deployment_runtime_desired_status: deployment.runtime_desired.map(crate::model::RuntimeDesired::as_str),
            deployment_runtime_desired_status_since: deployment.runtime_desired_since.map(moment),
            bootstrap_policy: deployment.bootstrap_policy.map(crate::model::BootstrapPolicy::wire),
            silent_bootstrap: deployment.silent_bootstrap,
            concurrent_bootstrap: deployment.concurrent_bootstrap,
        }
    }
}

impl PipelineInfo {
    fn object(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(object)) => object,
            Ok(_) | Err(_) => Map::new(),
        }
    }

    /// What a reader is shown.
    pub fn selected(&self, selector: Selector) -> Value {
        let mut object = self.object();
        if selector == Selector::All {
            return Value::Object(object);
        }
        object.retain(|name, _| !LONG.contains(&name.as_str()));
        if selector == Selector::StatusWithConnectors
            && let Some(stats) =
                self.deployment_runtime_status_details.get("connector_stats").filter(|it| !it.is_null())
        {
            object.insert("connectors".to_owned(), stats.clone());
        }
        Value::Object(object)
    }

    /// What the answer to a change shows.
    pub fn changed(&self) -> Value {
        let mut object = self.object();
        object.retain(|name, _| !OF_DEPLOYMENTS.contains(&name.as_str()));
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{compiled, created, fold, running};

    const KEYS: &str = "id name description tags created_at version platform_version runtime_config program_code udf_rust \
        udf_toml program_config program_version program_status program_status_since program_error program_info \
        deployment_error refresh_version storage_status storage_status_details deployment_id deployment_initial \
        deployment_status deployment_status_since deployment_desired_status deployment_desired_status_since \
        deployment_resources_status deployment_resources_status_details deployment_resources_status_since \
        deployment_resources_desired_status deployment_resources_desired_status_since deployment_runtime_status \
        deployment_runtime_status_details deployment_runtime_status_since deployment_runtime_desired_status \
        deployment_runtime_desired_status_since bootstrap_policy silent_bootstrap concurrent_bootstrap";

    fn keys(value: &Value) -> Vec<&str> {
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn each_view_has_exactly_its_members() {
        let info = PipelineInfo::from(fold(vec![created()]));
        let mut all: Vec<&str> = KEYS.split_whitespace().collect();
        all.sort_unstable();
        assert_eq!(all.len(), 40);
        assert_eq!(keys(&info.selected(Selector::All)), all);
        assert_eq!(keys(&info.selected(Selector::Status)).len(), 33);
        assert!(info.selected(Selector::Status).get("program_config").is_some());
        assert_eq!(keys(&info.changed()).len(), 37);
        assert_eq!(info.selected(Selector::StatusWithConnectors).get("connectors"), None);
    }

    #[test]
    fn a_new_pipeline_and_a_running_one() {
        let new = PipelineInfo::from(fold(vec![created()])).selected(Selector::All);
        assert_eq!((&new["deployment_status"], &new["deployment_error"]), (&json!("Stopped"), &Value::Null));
        assert_eq!(new["storage_status_details"], Value::Null);
        let none = json!({"sql_compilation": null, "rust_compilation": null, "system_error": null});
        assert_eq!(new["program_error"], none);
        let ready = PipelineInfo::from(fold(compiled())).selected(Selector::All);
        assert_eq!(ready["program_error"]["sql_compilation"]["exit_code"], 0);
        assert_eq!(ready["program_error"]["rust_compilation"]["exit_code"], 0);
        let mut pipeline = fold(running());
        pipeline.deployment.runtime_details = Some(r#"{"connector_stats":{"num_errors":2}}"#.into());
        let running = PipelineInfo::from(pipeline).selected(Selector::StatusWithConnectors);
        assert_eq!(
            (&running["deployment_status"], &running["deployment_initial"]),
            (&json!("Running"), &json!("Running"))
        );
        assert_eq!(running["connectors"], json!({"num_errors": 2}));
        assert_eq!(running["bootstrap_policy"], "await_approval");
        assert_eq!(running["storage_status_details"], json!({"checkpoints": []}));
    }
}
