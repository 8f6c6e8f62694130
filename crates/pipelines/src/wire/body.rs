//! Bodies that pipelines are made and changed with.

use alluvium_kernel::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

use crate::contract::{CreatePipeline, EditPipeline, PutPipeline};
use crate::error;
use crate::model::config::split;

/// A new pipeline, or what replaces one.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct PostPutPipeline {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Words it is found by.
    pub tags: Option<Vec<String>>,
    /// How it runs.
    #[schema(value_type = Option<Object>)]
    pub runtime_config: Option<Value>,
    /// Its program in SQL.
    pub program_code: String,
    /// Functions of the program in Rust.
    pub udf_rust: Option<String>,
    /// Dependencies of these, in TOML.
    pub udf_toml: Option<String>,
    /// How the program is compiled.
    #[schema(value_type = Option<Object>)]
    pub program_config: Option<Value>,
}

/// What of a pipeline is to be another.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
pub(crate) struct PatchPipeline {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Words it is found by.
    pub tags: Option<Vec<String>>,
    /// How it runs.
    #[schema(value_type = Option<Object>)]
    pub runtime_config: Option<Value>,
    /// Its program in SQL.
    pub program_code: Option<String>,
    /// Functions of the program in Rust.
    pub udf_rust: Option<String>,
    /// Dependencies of these, in TOML.
    pub udf_toml: Option<String>,
    /// How the program is compiled.
    #[schema(value_type = Option<Object>)]
    pub program_config: Option<Value>,
}

/// Reads a body; says where it is not what is wanted.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let input = &mut serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut *input).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if path == "." {
            error::invalid_body(&cause.to_string())
        } else {
            error::invalid_body(&format!("`{path}`: {cause}"))
        }
    })?;
    input.end().map_err(|cause| error::invalid_body(&cause.to_string()))?;
    Ok(value)
}

/// A configuration without what is secret in it, and that.
fn parts(config: Option<Value>) -> Option<(String, String)> {
    let mut config = config?;
    let secrets = split(&mut config);
    Some((config.to_string(), secrets))
}

impl PostPutPipeline {
    /// The command that creates it.
    pub fn create(self) -> CreatePipeline {
        self.put(String::new()).into()
    }

    /// The command that puts it in a pipeline's place.
    pub fn put(self, pipeline: String) -> PutPipeline {
        let (runtime_config, runtime_secrets) =
            parts(self.runtime_config).unwrap_or_else(|| ("{}".to_owned(), String::new()));
        PutPipeline {
            pipeline,
            name: self.name,
            description: self.description.unwrap_or_default(),
            tags: self.tags.unwrap_or_default(),
            program_code: self.program_code,
            udf_rust: self.udf_rust.unwrap_or_default(),
            udf_toml: self.udf_toml.unwrap_or_default(),
            runtime_config,
            runtime_secrets,
            program_config: self.program_config.map_or_else(|| "{}".to_owned(), |config| config.to_string()),
            if_versions: Vec::new(),
        }
    }
}

impl PatchPipeline {
    /// The command that changes a pipeline so.
    pub fn edit(self, pipeline: String) -> EditPipeline {
        let (runtime_config, runtime_secrets) = parts(self.runtime_config).unzip();
        EditPipeline {
            pipeline,
            name: self.name,
            description: self.description,
            tags: self.tags,
            program_code: self.program_code,
            udf_rust: self.udf_rust,
            udf_toml: self.udf_toml,
            runtime_config,
            runtime_secrets,
            program_config: self.program_config.map(|config| config.to_string()),
            if_versions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_or_null_is_as_in_a_new_one() {
        for body in [
            r#"{"name":"p","program_code":""}"#,
            r#"{"name":"p","program_code":"","description":null,"tags":null,"runtime_config":null,"udf_rust":null,
                "udf_toml":null,"program_config":null,"stranger":1}"#,
        ] {
            let command = parse::<PostPutPipeline>(body.as_bytes()).unwrap().create();
            assert_eq!((command.name.as_str(), command.runtime_config.as_str()), ("p", "{}"));
            assert_eq!((command.program_config.as_str(), command.tags.len()), ("{}", 0));
        }
        let edit = parse::<PatchPipeline>(br#"{"name":null,"tags":null}"#).unwrap().edit("p".into());
        assert_eq!((edit.name, edit.tags, edit.runtime_config, edit.runtime_secrets), (None, None, None, None));
    }

    #[test]
    fn values_of_the_environment_go_apart() {
        let edit = parse::<PatchPipeline>(br#"{"runtime_config":{"env":{"A":"x"}}}"#).unwrap().edit("p".into());
        assert_eq!(edit.runtime_config.as_deref(), Some(r#"{"env":{"A":null}}"#));
        assert_eq!(edit.runtime_secrets.as_deref(), Some(r#"{"/env/A":"x"}"#));
        let edit = parse::<PatchPipeline>(br#"{"runtime_config":{}}"#).unwrap().edit("p".into());
        assert_eq!(edit.runtime_secrets.as_deref(), Some(""), "what was secret before is gone");
    }

    #[test]
    fn what_is_no_pipeline_is_refused() {
        for body in
            ["", "[]", "{", "{}", r#"{"name":"p"}"#, r#"{"program_code":""}"#, r#"{"name":1,"program_code":""}"#]
        {
            let refused = parse::<PostPutPipeline>(body.as_bytes()).unwrap_err();
            assert_eq!((refused.code.as_str(), refused.status), ("pipelines.invalid_request_body", 400), "{body}");
        }
    }
}
