//! How formats are configured: by the `format` of a connector, or by the parameters of a request.

mod csv;
mod json;
mod members;
mod raw;

use serde_json::{Map, Value};

pub use csv::{CsvConfig, Trim};
pub use json::{InputUpdate, JsonConfig, JsonInput, Lines, UpdateFormat};
pub(crate) use json::{JsonOutput, OutputUpdate};
pub use raw::{RawConfig, RawMode};

use crate::error::FormatError;
use members::Members;

/// How many records one chunk of output has unless it is said otherwise.
pub const CHUNK_RECORDS_DEFAULT: u64 = 10_000;

/// A format and how it is configured, for input or output. What is not for both is refused when a parser or an encoder is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatConfig {
    /// JSON.
    Json(JsonConfig),
    /// CSV.
    Csv(CsvConfig),
    /// Input as it is.
    Raw(RawConfig),
}

impl FormatConfig {
    /// Reads the `format` of a connector: `{"name": "json", "config": {…}}`, the configuration may be missing.
    ///
    /// # Errors
    /// [`FormatError`] for formats, members and values that there are not.
    pub fn from_json(format: &Value) -> Result<Self, FormatError> {
        let wrong = |value: &Value, member: &str, wanted: &str| FormatError::Invalid {
            member: member.to_owned(),
            value: members::shown(value),
            wanted: wanted.to_owned(),
        };
        let members = format.as_object().ok_or_else(|| wrong(format, "format", "an object"))?;
        if let Some(other) = members.keys().find(|name| !matches!(name.as_str(), "name" | "config")) {
            return Err(FormatError::UnknownMember {
                format: "of a connector".to_owned(),
                member: other.clone(),
                known: "name, config".to_owned(),
            });
        }
        let name = members.get("name").unwrap_or(&Value::Null);
        let name = name.as_str().ok_or_else(|| wrong(name, "name", "the name of a format"))?;
        match members.get("config") {
            None | Some(Value::Null) => Self::read(name, &Map::new()),
            Some(Value::Object(config)) => Self::read(name, config),
            Some(other) => Err(wrong(other, "config", "an object")),
        }
    }

    /// Reads the parameters of a request that tell of its format: `format` (`csv` unless given), and the members of the
    /// format. What is for JSON alone does not matter with other formats; CSV has its defaults. Parameters that are not of the
    /// format have to be taken out before.
    ///
    /// # Errors
    /// [`FormatError`] for formats, parameters and values that there are not, and for parameters given twice.
    pub fn from_query<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, FormatError> {
        let mut format = None;
        let mut config = Map::new();
        for (name, value) in parameters {
            let is_new = if name == "format" {
                format.replace(value).is_none()
            } else {
                config.insert(name.to_owned(), json::from_parameter(name, value)).is_none()
            };
            if !is_new {
                return Err(FormatError::Invalid {
                    member: name.to_owned(),
                    value: "given twice".to_owned(),
                    wanted: "given once".to_owned(),
                });
            }
        }
        let format = format.unwrap_or("csv");
        if format != "json" {
            config.retain(|name, _| !json::PARAMETERS.contains(&name.as_str()));
        }
        if let ("csv", Some(member)) = (format, config.keys().next()) {
            return Err(FormatError::UnknownMember {
                format: "csv of a request".to_owned(),
                member: member.clone(),
                known: "format".to_owned(),
            });
        }
        Self::read(format, &config)
    }

    fn read(name: &str, config: &Map<String, Value>) -> Result<Self, FormatError> {
        Ok(match name {
            "json" => Self::Json(JsonConfig::read(Members::new(name, config, json::MEMBERS)?)?),
            "csv" => Self::Csv(CsvConfig::read(Members::new(name, config, csv::MEMBERS)?)?),
            "raw" => Self::Raw(RawConfig::read(Members::new(name, config, raw::MEMBERS)?)?),
            "avro" | "parquet" => {
                return Err(FormatError::Unsupported(format!(
                    "the format {name} is not there yet; use json, csv or raw"
                )));
            }
            _ => return Err(FormatError::UnknownFormat(name.to_owned())),
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Csv(_) => "csv",
            Self::Raw(_) => "raw",
        }
    }
}

#[cfg(test)]
mod tests;
