//! `runtime_config`.

use std::collections::BTreeMap;

use alluvium_kernel::Problem;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{StorageOptions, read};
use crate::error;

/// Names that the environment of a pipeline cannot have.
const ENV_NAMES_TAKEN: [&str; 3] = ["HOSTNAME", "RUST_LOG", "TOKIO_WORKER_THREADS"];
/// Beginnings of such names.
const ENV_PREFIXES_TAKEN: [&str; 3] = ["FELDERA_", "KUBERNETES_", "TOKIO_"];
/// Bounds of the time between two checkpoints, in seconds.
const CHECKPOINT_SECONDS: (u64, u64) = (1, 3_600);
/// That time when nobody says, in seconds.
const CHECKPOINT_SECONDS_DEFAULT: u64 = 60;

/// How a pipeline runs. What is secret in it is left out: see [`split`](super::split).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimeConfig {
    /// Threads that work.
    pub workers: u16,
    /// Machines that work; one.
    pub hosts: u64,
    /// Where it keeps what it has; nowhere when none.
    #[serde(deserialize_with = "StorageOptions::read")]
    pub storage: Option<StorageOptions>,
    /// What a crash may cost.
    #[serde(deserialize_with = "FaultTolerance::read")]
    pub fault_tolerance: FaultTolerance,
    /// Whether it measures itself.
    pub cpu_profiler: bool,
    /// Whether it traces.
    pub tracing: bool,
    /// To where.
    pub tracing_endpoint_jaeger: String,
    /// From how many records on a step begins.
    pub min_batch_size_records: u64,
    /// How long it waits for them, in microseconds.
    pub max_buffering_delay_usecs: u64,
    /// What it may use.
    pub resources: Resources,
    /// How often the clock ticks, in microseconds.
    pub clock_resolution_usecs: Option<u64>,
    /// What is added to the clock.
    pub clock_timezone_offset: Option<String>,
    /// Memory that it may use, in MB.
    pub max_rss_mb: Option<u64>,
    /// The same for queries.
    pub datafusion_memory_mb: Option<u64>,
    /// Cores that it stays on.
    pub pin_cpus: Vec<u64>,
    /// How long making room may take, in seconds.
    pub provisioning_timeout_secs: Option<u64>,
    /// Connectors that begin at once.
    pub max_parallel_connector_init: Option<u64>,
    /// What runs before it.
    pub init_containers: Option<Value>,
    /// Whether a checkpoint is made when it is suspended.
    pub checkpoint_during_suspend: bool,
    /// Threads for requests.
    pub http_workers: Option<u64>,
    /// Threads for files.
    pub io_workers: Option<u64>,
    /// Names of environment variables; their values are secret.
    pub env: BTreeMap<String, Value>,
    /// Switches of the engine, those it does not know too.
    pub dev_tweaks: Map<String, Value>,
    /// What is logged.
    pub logging: Option<String>,
    /// A template that it is made from.
    pub pipeline_template_configmap: Option<TemplateRef>,
}

/// What a pipeline may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// At least so many cores.
    pub cpu_cores_min: Option<f64>,
    /// At most so many.
    pub cpu_cores_max: Option<f64>,
    /// At least so much memory, in MB.
    pub memory_mb_min: Option<u64>,
    /// At most so much.
    pub memory_mb_max: Option<u64>,
    /// At most so much storage, in MB.
    pub storage_mb_max: Option<u64>,
    /// Which kind of storage.
    pub storage_class: Option<String>,
    /// As whom.
    pub service_account_name: Option<String>,
    /// Where.
    pub namespace: Option<String>,
}

/// A template that a pipeline is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateRef {
    /// Its name.
    pub name: String,
    /// The key of it.
    #[serde(default = "TemplateRef::key")]
    pub key: String,
}

impl TemplateRef {
    fn key() -> String {
        "pipelineTemplate".to_owned()
    }
}

/// What a crash may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultTolerance {
    /// `none`, `at_least_once` or `exactly_once`.
    pub model: Model,
    /// Time between two checkpoints, in seconds; none are made by themselves when none.
    pub checkpoint_interval_secs: Option<u64>,
}

/// What of its input a pipeline takes in after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// No promise.
    None,
    /// All, some perhaps twice.
    AtLeastOnce,
    /// All, once.
    ExactlyOnce,
}

impl Default for FaultTolerance {
    fn default() -> Self {
        Self { model: Model::None, checkpoint_interval_secs: Some(CHECKPOINT_SECONDS_DEFAULT) }
    }
}

impl FaultTolerance {
    /// Reads it in all forms that clients have ever sent.
    fn read<'de, D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let exactly = Self { model: Model::ExactlyOnce, ..Self::default() };
        let object = match Value::deserialize(input)? {
            Value::Null => return Ok(Self::default()),
            Value::String(legacy) if ["initial_state", "latest_checkpoint"].contains(&legacy.as_str()) => {
                return Ok(exactly);
            }
            Value::Object(object) => object,
            other => return Err(Error::custom(format!("`{other}` is no object"))),
        };
        let model = match object.get("model") {
            None => Model::ExactlyOnce,
            Some(Value::Null) => Model::None,
            Some(named) => Model::deserialize(named).map_err(Error::custom)?,
        };
        let checkpoint_interval_secs = match object.get("checkpoint_interval_secs") {
            None => Some(CHECKPOINT_SECONDS_DEFAULT),
            Some(Value::Null) => None,
            Some(given) => {
                let seconds = given.as_u64().ok_or_else(|| Error::custom("`checkpoint_interval_secs` is a number"))?;
                Some(seconds.clamp(CHECKPOINT_SECONDS.0, CHECKPOINT_SECONDS.1))
            }
        };
        Ok(Self { model, checkpoint_interval_secs })
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            workers: 8,
            hosts: 1,
            storage: Some(StorageOptions::default()),
            fault_tolerance: FaultTolerance::default(),
            cpu_profiler: true,
            tracing: false,
            tracing_endpoint_jaeger: "127.0.0.1:6831".to_owned(),
            min_batch_size_records: 0,
            max_buffering_delay_usecs: 0,
            resources: Resources::default(),
            clock_resolution_usecs: Some(1_000_000),
            clock_timezone_offset: None,
            max_rss_mb: None,
            datafusion_memory_mb: None,
            pin_cpus: Vec::new(),
            provisioning_timeout_secs: None,
            max_parallel_connector_init: None,
            init_containers: None,
            checkpoint_during_suspend: true,
            http_workers: None,
            io_workers: None,
            env: BTreeMap::new(),
            dev_tweaks: Map::new(),
            logging: None,
            pipeline_template_configmap: None,
        }
    }
}

impl RuntimeConfig {
    /// Reads and completes it.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let config: Self = read(text).map_err(|reason| error::invalid_runtime_config(&reason))?;
        config.check().map_err(|reason| error::invalid_runtime_config(&reason))?;
        Ok(config)
    }

    /// The one form of it.
    pub fn canonical(text: &str) -> Result<String, Problem> {
        Ok(serde_json::to_string(&Self::parse(text)?).unwrap_or_default())
    }

    fn check(&self) -> Result<(), String> {
        if self.hosts != 1 {
            return Err(format!("`hosts` is {}; a pipeline runs on one", self.hosts));
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(format!("`env`: `{}` is no name of a variable", name.escape_debug()));
            }
            let taken = ENV_NAMES_TAKEN.contains(&name.as_str())
                || ENV_PREFIXES_TAKEN.iter().any(|prefix| name.starts_with(prefix));
            if taken {
                return Err(format!("`env`: `{name}` is a name that the platform keeps to itself"));
            }
            if !value.is_null() {
                return Err(format!("`env`: the value of `{name}` is no text, or stands outside of `runtime_secrets`"));
            }
        }
        Ok(())
    }

    /// What must stay as it is while something is kept, with its path.
    pub(crate) fn frozen(&self) -> [(&'static str, Value); 7] {
        [
            ("runtime_config.workers", json!(self.workers)),
            ("runtime_config.hosts", json!(self.hosts)),
            ("runtime_config.fault_tolerance", json!(self.fault_tolerance)),
            ("runtime_config.resources.storage_mb_max", json!(self.resources.storage_mb_max)),
            ("runtime_config.resources.namespace", json!(self.resources.namespace)),
            ("runtime_config.resources.storage_class", json!(self.resources.storage_class)),
            ("runtime_config.clock_timezone_offset", json!(self.clock_timezone_offset)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(sent: &Value) -> Value {
        serde_json::from_str(&RuntimeConfig::canonical(&sent.to_string()).unwrap()).unwrap()
    }

    #[test]
    fn defaults_are_written_out() {
        let expected = json!({
            "workers": 8, "hosts": 1,
            "storage": {
                "backend": {"name": "default"}, "min_storage_bytes": null, "min_step_storage_bytes": null,
                "compression": "default", "cache_mib": null,
            },
            "fault_tolerance": {"model": "none", "checkpoint_interval_secs": 60},
            "cpu_profiler": true, "tracing": false, "tracing_endpoint_jaeger": "127.0.0.1:6831",
            "min_batch_size_records": 0, "max_buffering_delay_usecs": 0,
            "resources": {
                "cpu_cores_min": null, "cpu_cores_max": null, "memory_mb_min": null, "memory_mb_max": null,
                "storage_mb_max": null, "storage_class": null, "service_account_name": null, "namespace": null,
            },
            "clock_resolution_usecs": 1_000_000, "clock_timezone_offset": null, "max_rss_mb": null,
            "datafusion_memory_mb": null, "pin_cpus": [], "provisioning_timeout_secs": null,
            "max_parallel_connector_init": null, "init_containers": null, "checkpoint_during_suspend": true,
            "http_workers": null, "io_workers": null, "env": {}, "dev_tweaks": {}, "logging": null,
            "pipeline_template_configmap": null,
        });
        assert_eq!(canonical(&json!({})), expected);
        assert_eq!(canonical(&expected), expected, "the one form is read as it is written");
    }

    #[test]
    fn storage_in_all_its_forms() {
        let default = canonical(&json!({}))["storage"].clone();
        for (sent, read) in [
            (json!(true), default.clone()),
            (json!(false), Value::Null),
            (Value::Null, Value::Null),
            (json!({}), default),
        ] {
            assert_eq!(canonical(&json!({"storage": sent}))["storage"], read, "{sent}");
        }
        let synced = json!({"backend": {"name": "file", "config": {"sync": {"bucket": "b", "region": "r"}}}});
        let config = RuntimeConfig::parse(&json!({"storage": synced}).to_string()).unwrap();
        assert!(config.storage.as_ref().unwrap().is_synced());
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["storage"]["backend"]["config"]["sync"], json!({"bucket": "b", "region": "r"}));
    }

    #[test]
    fn fault_tolerance_in_all_its_forms() {
        for (sent, model, seconds) in [
            (Value::Null, "none", json!(60)),
            (json!({}), "exactly_once", json!(60)),
            (json!({"model": "none"}), "none", json!(60)),
            (json!({"model": null}), "none", json!(60)),
            (json!({"model": "at_least_once", "checkpoint_interval_secs": null}), "at_least_once", Value::Null),
            (json!({"checkpoint_interval_secs": 0}), "exactly_once", json!(1)),
            (json!({"checkpoint_interval_secs": 9_999}), "exactly_once", json!(3_600)),
            (json!("initial_state"), "exactly_once", json!(60)),
            (json!("latest_checkpoint"), "exactly_once", json!(60)),
        ] {
            let read = canonical(&json!({"fault_tolerance": sent}))["fault_tolerance"].clone();
            assert_eq!(read, json!({"model": model, "checkpoint_interval_secs": seconds}), "{sent}");
        }
    }

    #[test]
    fn switches_of_the_engine_are_kept_and_other_strangers_are_not() {
        let read = canonical(&json!({"dev_tweaks": {"a": 1}, "stranger": 2}));
        assert_eq!(read["dev_tweaks"], json!({"a": 1}));
        assert_eq!(read.get("stranger"), None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [
            json!({"workers": -1}),
            json!({"workers": "8"}),
            json!({"hosts": 2}),
            json!({"hosts": 0}),
            json!({"storage": "yes"}),
            json!({"storage": {"backend": {"name": "tape"}}}),
            json!({"storage": {"compression": "zip"}}),
            json!({"fault_tolerance": "never"}),
            json!({"fault_tolerance": {"model": "twice"}}),
            json!({"env": {"HOSTNAME": null}}),
            json!({"env": {"FELDERA_X": null}}),
            json!({"env": {"TOKIO_X": null}}),
            json!({"env": {"KUBERNETES_X": null}}),
            json!({"env": {"": null}}),
            json!({"env": {"A": "in clear"}}),
            json!([]),
        ] {
            let refused = RuntimeConfig::parse(&wrong.to_string()).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.status), ("pipelines.invalid_runtime_config", 400), "{wrong}");
        }
    }
}
