//! Programs that are looked at and not kept.

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error;
use crate::model::config::is_version;
use crate::reactors::{SqlCompilation, Validated};

/// What of `program_info` is never shown.
const INTERNAL: [&str; 1] = ["main_rust"];
const DATAFLOW: &str = "dataflow";

/// A program to look at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct ValidateProgramRequest {
    /// Its text in SQL.
    pub program_code: String,
    /// The version of the platform to compile by; it is recorded nowhere and changes nothing.
    pub runtime_version: Option<String>,
    /// Whether to show its graph.
    pub ir: Option<bool>,
}

/// A program to compare with that of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub(crate) struct PipelineDiffRequest {
    /// Its text in SQL; that of the pipeline when it is left out.
    pub program_code: Option<String>,
    /// The version of the platform to compile by.
    pub runtime_version: Option<String>,
}

/// The graph of a program.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only documents what the compiler gives")]
pub(crate) struct Dataflow {
    /// The logical plan of each view, by its name.
    #[schema(value_type = Object)]
    calcite_plan: Value,
    /// The nodes, by their ids.
    #[schema(value_type = Object)]
    mir: Value,
}

/// What came of looking at a program: one of `Success`, `SqlError`, `SystemError`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) enum ValidateProgramResponse {
    /// It is right.
    Success {
        /// Tables, views and connectors.
        #[schema(value_type = Object)]
        program_info: Value,
    },
    /// It is wrong.
    SqlError {
        /// What the compiler says.
        #[schema(value_type = Object)]
        info: SqlCompilation,
    },
    /// The platform is in the way.
    SystemError {
        /// How.
        error: String,
    },
}

impl ValidateProgramResponse {
    /// With the graph only when it was asked for.
    pub fn of(validated: Validated, ir: bool) -> Self {
        match validated {
            Validated::Success(program_info) => Self::Success { program_info: shown(program_info, ir) },
            Validated::SqlError(info) => Self::SqlError { info },
            Validated::SystemError(error) => Self::SystemError { error },
        }
    }
}

fn shown(mut info: Value, ir: bool) -> Value {
    if let Some(info) = info.as_object_mut() {
        INTERNAL.iter().for_each(|name| drop(info.remove(*name)));
        if !ir || !info.contains_key(DATAFLOW) {
            info.insert(DATAFLOW.to_owned(), Value::Null);
        }
    }
    info
}

/// Refuses what names no version of the platform.
pub(crate) fn check_runtime_version(version: Option<&str>) -> Result<(), Problem> {
    match version {
        Some(version) if !is_version(version) => Err(error::invalid_runtime_version(version)),
        _ => Ok(()),
    }
}

/// What a compiler says, as the details of a refusal.
pub(crate) fn details(sql: &SqlCompilation) -> Value {
    json!({ "sql_compilation": sql })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_one_member_and_show_the_graph_on_demand() {
        let info = json!({"schema": {}, "main_rust": "x", "dataflow": {"mir": {}}});
        let answer =
            |ir| serde_json::to_value(ValidateProgramResponse::of(Validated::Success(info.clone()), ir)).unwrap();
        assert_eq!(answer(false), json!({"Success": {"program_info": {"schema": {}, "dataflow": null}}}));
        assert_eq!(answer(true)["Success"]["program_info"]["dataflow"], json!({"mir": {}}));
        let wrong = Validated::SqlError(SqlCompilation { exit_code: 1, messages: vec![json!({})] });
        let wrong = serde_json::to_value(ValidateProgramResponse::of(wrong, false)).unwrap();
        assert_eq!(wrong, json!({"SqlError": {"info": {"exit_code": 1, "messages": [{}]}}}));
        let away =
            serde_json::to_value(ValidateProgramResponse::of(Validated::SystemError("x".into()), false)).unwrap();
        assert_eq!(away, json!({"SystemError": {"error": "x"}}));
    }

    #[test]
    fn versions_of_the_platform() {
        for version in [None, Some("v0.1.2"), Some("0123456789012345678901234567890123456789")] {
            assert_eq!(check_runtime_version(version), Ok(()));
        }
        for version in ["", "0.1.2", "v1", "012345678901234567890123456789012345678g"] {
            let refused = check_runtime_version(Some(version)).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.status), ("pipelines.invalid_runtime_version", 400));
        }
    }
}
