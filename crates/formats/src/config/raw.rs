//! How input that is taken as it is, is configured.

use super::members::Members;
use crate::error::FormatError;

pub(super) const MEMBERS: &[&str] = &["mode", "column_name"];

/// Input as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawConfig {
    /// What becomes a row.
    pub mode: RawMode,
    /// The column that gets the input; needed if the table has several.
    pub column_name: Option<String>,
}

/// What becomes a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RawMode {
    /// A whole object.
    #[default]
    Blob,
    /// A line.
    Lines,
}

impl RawConfig {
    pub(super) fn read(members: Members<'_>) -> Result<Self, FormatError> {
        let mode = members.choice("mode", &[("blob", RawMode::Blob), ("lines", RawMode::Lines)])?;
        Ok(Self { mode: mode.unwrap_or_default(), column_name: members.text("column_name")? })
    }
}
