//! Modes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Everything.
    #[default]
    #[serde(rename = "READWRITE")]
    ReadWrite,
    /// Nothing.
    #[serde(rename = "READONLY")]
    ReadOnly,
    /// Nothing, whatever narrower scopes say.
    #[serde(rename = "READONLY_OVERRIDE")]
    ReadOnlyOverride,
    /// Schemas with the ids that they have elsewhere.
    #[serde(rename = "IMPORT")]
    Import,
}

impl Mode {
    /// In upper case, as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
            Self::ReadOnlyOverride => "READONLY_OVERRIDE",
            Self::Import => "IMPORT",
        }
    }

    /// Whether nothing may be written.
    pub fn is_readonly(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = ();

    /// In any case of letters.
    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [Self::ReadWrite, Self::ReadOnly, Self::ReadOnlyOverride, Self::Import];
        all.into_iter().find(|mode| mode.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}
