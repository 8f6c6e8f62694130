//! Columns and tables as users declare them: names, types, defaults, primary keys.
//!
//! Pure: text in, a checked value or a coded error out. What passes here can be written into SQL with [`crate::quote`].

mod default;
mod keywords;
mod lexer;
mod parse;
mod types;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use default::timestamptz_sql;
pub use default::{DEFAULT_BYTES_MAX, DefaultExpr, Literal};
pub use parse::{ARRAY_LENGTH_MAX, TYPE_BYTES_MAX, TYPE_DEPTH_MAX};
pub use types::ColumnType;

/// How many columns a table may have.
pub const COLUMNS_MAX: usize = 4096;
/// How many characters a column name may have.
pub const COLUMN_NAME_CHARS_MAX: usize = 64;

/// A declaration we refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ColumnError {
    /// `invalid_column_type`, `invalid_default`, `invalid_name`, `duplicate_column`, `too_many_columns` or
    /// `invalid_primary_key`.
    pub code: &'static str,
    /// What is wrong, with the value.
    pub message: String,
}

impl ColumnError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// One column of a table. As JSON: `{"name","type","nullable","default"}`, type and default as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// As first written; compared without regard to ASCII case.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// Whether NULL is a value of it.
    #[serde(default = "yes")]
    pub nullable: bool,
    /// What rows that say nothing get; NULL if absent.
    #[serde(default)]
    pub default: Option<DefaultExpr>,
}

fn yes() -> bool {
    true
}

impl Column {
    /// A column from the texts of a request, checked.
    pub fn new(name: &str, column_type: &str, nullable: bool, default: Option<&str>) -> Result<Self, ColumnError> {
        valid_column_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            column_type: ColumnType::parse(column_type)?,
            nullable,
            default: default.map(DefaultExpr::parse).transpose()?,
        })
    }

    /// Its line in a `CREATE TABLE`. Defaults are not in it: they depend on the event and are filled in by the fold.
    pub fn definition_sql(&self) -> String {
        let not_null = if self.nullable { "" } else { " NOT NULL" };
        format!("{} {}{not_null}", crate::quote::ident(&self.name), self.column_type.to_sql())
    }
}

/// The columns and the primary key of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct TableSchema {
    /// In order.
    pub columns: Vec<Column>,
    /// Names of columns, spelled as the columns are; empty if there is no key.
    #[serde(default)]
    pub primary_key: Vec<String>,
}

impl TableSchema {
    /// Checks names, counts and the key; key columns become not-null and the key takes their spelling.
    pub fn new(columns: Vec<Column>, primary_key: &[String]) -> Result<Self, ColumnError> {
        check_columns(&columns)?;
        let mut schema = Self { columns, primary_key: Vec::new() };
        for key in primary_key {
            let index = schema.position(key).ok_or_else(|| {
                ColumnError::new("invalid_primary_key", format!("the primary key names an unknown column {key:?}"))
            })?;
            let name = schema.columns[index].name.clone();
            if schema.primary_key.contains(&name) {
                return Err(ColumnError::new("invalid_primary_key", format!("the primary key repeats column {key:?}")));
            }
            schema.columns[index].nullable = false;
            schema.primary_key.push(name);
        }
        Ok(schema)
    }

    /// Whether both have the same columns for a primary key, in the same order, in any case; or both none.
    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        let (own, other) = (&self.primary_key, &other.primary_key);
        own.len() == other.len() && own.iter().zip(other).all(|(own, other)| own.eq_ignore_ascii_case(other))
    }

    /// The column of that name in any case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.position(name).map(|index| &self.columns[index])
    }

    /// The place of the column of that name in any case, from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Checks again what [`TableSchema::new`] promises, for a schema that came from elsewhere (an event, a file).
    pub fn validate(&self) -> Result<(), ColumnError> {
        let checked = Self::new(self.columns.clone(), &self.primary_key)?;
        if &checked == self {
            return Ok(());
        }
        Err(ColumnError::new("invalid_primary_key", "a column of the primary key is nullable or spelled differently"))
    }
}

fn check_columns(columns: &[Column]) -> Result<(), ColumnError> {
    if columns.len() > COLUMNS_MAX {
        let message = format!("{} columns; a table has at most {COLUMNS_MAX}", columns.len());
        return Err(ColumnError::new("too_many_columns", message));
    }
    let mut seen = std::collections::HashSet::new();
    for column in columns {
        valid_column_name(&column.name)?;
        if !seen.insert(column.name.to_ascii_lowercase()) {
            return Err(ColumnError::new("duplicate_column", format!("column {:?} is there twice", column.name)));
        }
    }
    Ok(())
}

/// 1–64 characters, none of them a control character; else `invalid_name`.
pub fn valid_column_name(name: &str) -> Result<(), ColumnError> {
    let length = name.chars().count();
    if length == 0 || length > COLUMN_NAME_CHARS_MAX {
        let message = format!("a column name has 1 to {COLUMN_NAME_CHARS_MAX} characters, this one {length}");
        return Err(ColumnError::new("invalid_name", message));
    }
    if name.chars().any(char::is_control) {
        return Err(ColumnError::new("invalid_name", format!("column name {name:?} holds a control character")));
    }
    Ok(())
}

impl std::str::FromStr for ColumnType {
    type Err = ColumnError;
    fn from_str(text: &str) -> Result<Self, ColumnError> {
        Self::parse(text)
    }
}

impl Serialize for ColumnType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ColumnType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
