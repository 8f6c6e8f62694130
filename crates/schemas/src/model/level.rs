//! Compatibility levels and modes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::kinds::Reads;

/// What a new version must be able to do with data of earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Nothing.
    None,
    /// Read what the newest one wrote.
    #[default]
    Backward,
    /// Read what each of them wrote.
    BackwardTransitive,
    /// Be read by the newest one.
    Forward,
    /// Be read by each of them.
    ForwardTransitive,
    /// Both, with the newest one.
    Full,
    /// Both, with each of them.
    FullTransitive,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// In upper case, as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Whether every live version is asked, not just the newest.
    pub fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// Who reads whom, in the order in which findings are told.
    pub fn directions(self) -> &'static [Reads] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Reads::New],
            Self::Forward | Self::ForwardTransitive => &[Reads::Old],
            Self::Full | Self::FullTransitive => &[Reads::Old, Reads::New],
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = ();

    /// In any case of letters.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

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
