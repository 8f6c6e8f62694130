//! How JSON is configured.

use serde_json::Value;

use super::CHUNK_RECORDS_DEFAULT;
use super::members::{Members, only_for};
use crate::error::FormatError;
use crate::flavor::Flavor;
use crate::names::Names;
use crate::table::Table;
use alluvium_sql::types::Field;

pub(super) const MEMBERS: &[&str] =
    &["update_format", "json_flavor", "array", "lines", "buffer_size_records", "key_fields"];
/// The parameters of requests that are for JSON.
pub(super) const PARAMETERS: &[&str] = &["update_format", "json_flavor", "array", "lines"];

/// JSON as it is configured; what is not given is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonConfig {
    /// What is around rows.
    pub update_format: Option<UpdateFormat>,
    /// How values are written.
    pub json_flavor: Option<Flavor>,
    /// Whether records are in arrays.
    pub array: Option<bool>,
    /// Input only: whether a value is on a line of its own.
    pub lines: Option<Lines>,
    /// Output only: how many records a chunk has at most.
    pub buffer_size_records: Option<u64>,
    /// Output only: the columns that make up the key of a message.
    pub key_fields: Option<Vec<String>>,
}

/// What is around rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateFormat {
    /// `{"insert": row}`, `{"delete": row}`, `{"update": row}`.
    InsertDelete,
    /// The row itself.
    Raw,
    /// `{"payload": {"before": row, "after": row}}`.
    Debezium,
    /// `{"weight": n, "data": row}`.
    Weighted,
    /// The row with members that say what is done with it.
    Snowflake,
    /// A key, and the row or nothing.
    Redis,
}

/// What is around rows that come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputUpdate {
    /// `{"insert": row}`, `{"delete": row}`, `{"update": row}`.
    InsertDelete,
    /// The row itself.
    Raw,
    /// `{"payload": {"before": row, "after": row}}`.
    Debezium,
    /// `{"weight": n, "data": row}`.
    Weighted,
}

/// What is around rows that go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputUpdate {
    /// `{"insert": row}`, `{"delete": row}`.
    InsertDelete,
    /// A key and a value, each with its schema.
    Debezium,
    /// The row with members that say what is done with it.
    Snowflake,
    /// A key, and the row or nothing.
    Redis,
}

/// How values and lines go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// A value may go over several lines, and several may be on one.
    #[default]
    Multiple,
    /// A value is on one line, alone.
    Single,
}

const UPDATE_FORMATS: [(&str, UpdateFormat); 6] = [
    ("insert_delete", UpdateFormat::InsertDelete),
    ("raw", UpdateFormat::Raw),
    ("debezium", UpdateFormat::Debezium),
    ("weighted", UpdateFormat::Weighted),
    ("snowflake", UpdateFormat::Snowflake),
    ("redis", UpdateFormat::Redis),
];

/// JSON that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonInput {
    /// What is around rows.
    pub update_format: InputUpdate,
    /// How values are written.
    pub flavor: Flavor,
    /// Whether records are in arrays.
    pub array: bool,
    /// Whether a value is on a line of its own.
    pub lines: Lines,
}

/// JSON that goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonOutput {
    pub update_format: OutputUpdate,
    pub flavor: Flavor,
    pub array: bool,
    pub chunk_records: u64,
    /// The columns of the key, if it is not the whole row.
    pub key: Option<Vec<usize>>,
}

/// The value of a parameter, as the configuration of a connector has it.
pub(super) fn from_parameter(name: &str, value: &str) -> Value {
    match (name, value) {
        ("array", "true") => Value::Bool(true),
        ("array", "false") => Value::Bool(false),
        _ => Value::String(value.to_owned()),
    }
}

impl JsonConfig {
    pub(super) fn read(members: Members<'_>) -> Result<Self, FormatError> {
        Ok(Self {
            update_format: members.choice("update_format", &UPDATE_FORMATS)?,
            json_flavor: members.choice("json_flavor", &Flavor::ALL)?,
            array: members.flag("array")?,
            lines: members.choice("lines", &[("multiple", Lines::Multiple), ("single", Lines::Single)])?,
            buffer_size_records: members.count("buffer_size_records")?,
            key_fields: members.texts("key_fields")?,
        })
    }

    /// As it is for input of a table.
    ///
    /// # Errors
    /// [`FormatError`] if something in it is for output only, or not for this table.
    pub fn input(&self, table: &Table) -> Result<JsonInput, FormatError> {
        only_for(self.key_fields.is_some(), "key_fields", "output")?;
        only_for(self.buffer_size_records.is_some(), "buffer_size_records", "output")?;
        let update_format = match self.update_format.unwrap_or(UpdateFormat::InsertDelete) {
            UpdateFormat::InsertDelete => InputUpdate::InsertDelete,
            UpdateFormat::Raw => InputUpdate::Raw,
            UpdateFormat::Debezium => InputUpdate::Debezium,
            UpdateFormat::Weighted if table.key.is_empty() => InputUpdate::Weighted,
            UpdateFormat::Weighted => {
                return Err(FormatError::Unsupported(format!(
                    "the update format weighted is for tables without a primary key, {} has one",
                    table.name
                )));
            }
            UpdateFormat::Snowflake => return Err(only_output("snowflake")),
            UpdateFormat::Redis => return Err(only_output("redis")),
        };
        Ok(JsonInput {
            update_format,
            flavor: self.json_flavor.unwrap_or_default(),
            array: self.array.unwrap_or(false),
            lines: self.lines.unwrap_or_default(),
        })
    }

    /// As it is for output of a relation with these columns.
    pub(crate) fn output(&self, columns: &[Field]) -> Result<JsonOutput, FormatError> {
        only_for(self.lines.is_some(), "lines", "input")?;
        let (update_format, flavor) = match self.update_format.unwrap_or(UpdateFormat::InsertDelete) {
            UpdateFormat::InsertDelete => (OutputUpdate::InsertDelete, Flavor::Default),
            UpdateFormat::Debezium => (OutputUpdate::Debezium, Flavor::KafkaConnect),
            UpdateFormat::Snowflake => (OutputUpdate::Snowflake, Flavor::Snowflake),
            UpdateFormat::Redis => (OutputUpdate::Redis, Flavor::Default),
            UpdateFormat::Raw => return Err(only_input("raw")),
            UpdateFormat::Weighted => return Err(only_input("weighted")),
        };
        let is_keyed = matches!(update_format, OutputUpdate::Debezium | OutputUpdate::Redis);
        if self.key_fields.is_some() && !is_keyed {
            return Err(FormatError::Unsupported(
                "'key_fields' is for the update formats debezium and redis only".to_owned(),
            ));
        }
        if update_format == OutputUpdate::Redis && self.key_fields.as_ref().is_none_or(Vec::is_empty) {
            return Err(FormatError::Misfit("the update format redis needs 'key_fields'".to_owned()));
        }
        let array = self.array.unwrap_or(false);
        if array && is_keyed {
            return Err(FormatError::Unsupported("records with keys are not put into arrays".to_owned()));
        }
        let names = Names::new(columns.iter().map(|column| &column.name));
        let place = |name: &String| {
            let missing = || FormatError::Misfit(format!("'key_fields' names '{name}', there is no such column"));
            names.find(name, 0).ok_or_else(missing)
        };
        Ok(JsonOutput {
            update_format,
            flavor: self.json_flavor.unwrap_or(flavor),
            array,
            chunk_records: self.buffer_size_records.unwrap_or(CHUNK_RECORDS_DEFAULT),
            key: self.key_fields.as_ref().map(|all| all.iter().map(place).collect()).transpose()?,
        })
    }
}

fn only_output(name: &str) -> FormatError {
    FormatError::Unsupported(format!("the update format {name} is for output only"))
}

fn only_input(name: &str) -> FormatError {
    FormatError::Unsupported(format!("the update format {name} is for input only"))
}
