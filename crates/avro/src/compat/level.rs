//! Levels: which versions are compared, and in which directions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Incompatibility, Policy, can_read};
use crate::Schema;

/// What a new version must be to the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Anything.
    None,
    /// It reads what the newest version wrote: consumers are upgraded first.
    #[default]
    Backward,
    /// It reads what every version wrote.
    BackwardTransitive,
    /// The newest version reads what it writes: producers are upgraded first.
    Forward,
    /// Every version reads what it writes.
    ForwardTransitive,
    /// Both with the newest version.
    Full,
    /// Both with every version.
    FullTransitive,
}

/// No such level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, \
     forward_transitive, and full_transitive"
)]
pub struct LevelError;

impl Level {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// The word in upper case, as registries answer it.
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

    /// Whether every version counts, not only the newest.
    pub fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    /// The comparisons it asks for, in the order in which they are told.
    pub fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Forward, Direction::Backward],
        }
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(text)).ok_or(LevelError)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who reads whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The new schema reads what the old one wrote.
    Backward,
    /// The old schema reads what the new one writes.
    Forward,
}

impl Direction {
    /// `BACKWARD` or `FORWARD`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backward => "BACKWARD",
            Self::Forward => "FORWARD",
        }
    }

    /// `new` or `old`: whose schema pointers lead into.
    pub fn reader(self) -> &'static str {
        match self {
            Self::Backward => "new",
            Self::Forward => "old",
        }
    }

    /// `old` or `new`.
    pub fn writer(self) -> &'static str {
        match self {
            Self::Backward => "old",
            Self::Forward => "new",
        }
    }
}

/// A finding with the direction in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectedIncompatibility {
    /// Who reads whom.
    pub direction: Direction,
    /// What is not readable.
    pub incompatibility: Incompatibility,
}

/// Everything that keeps a new schema from following one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFindings {
    /// The old version.
    pub version: u32,
    /// At least one; for FULL, what the old schema cannot read comes first.
    pub findings: Vec<DirectedIncompatibility>,
}

/// The findings of `new` against the versions in `history` that `level` asks about, newest first. Versions without findings
/// are left out, so an empty answer means compatible. The order of `history` does not matter.
pub fn check(new: &Schema, history: &[(u32, Schema)], level: Level, policy: Policy) -> Vec<VersionFindings> {
    let mut versions: Vec<&(u32, Schema)> = history.iter().collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    if !level.is_transitive() {
        versions.truncate(1);
    }
    let findings = versions.into_iter().map(|(version, old)| {
        let findings = level.directions().iter().flat_map(|direction| {
            let (reader, writer) = match direction {
                Direction::Backward => (new, old),
                Direction::Forward => (old, new),
            };
            let found = can_read(reader, writer, policy).into_iter();
            found.map(|incompatibility| DirectedIncompatibility { direction: *direction, incompatibility })
        });
        VersionFindings { version: *version, findings: findings.collect() }
    });
    findings.filter(|version| !version.findings.is_empty()).collect()
}
