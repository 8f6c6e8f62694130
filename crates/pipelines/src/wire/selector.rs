//! How much of something is shown.

use alluvium_kernel::Problem;

use crate::error;

/// How much of a pipeline is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Selector {
    /// All.
    #[default]
    All,
    /// All but what is long.
    Status,
    /// The same, and how its connectors are.
    StatusWithConnectors,
    /// What it does and why, and what may be asked of it: other members.
    Explain,
}

/// How much of an event is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EventSelector {
    /// All.
    All,
    /// The states.
    #[default]
    Status,
}

impl Selector {
    /// By its name.
    pub fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let known = [
            ("all", Self::All),
            ("status", Self::Status),
            ("status_with_connectors", Self::StatusWithConnectors),
            ("explain", Self::Explain),
        ];
        one_of("selector", text, &known)
    }
}

impl EventSelector {
    /// By its name.
    pub fn parse(text: Option<&str>) -> Result<Self, Problem> {
        one_of("selector", text, &[("all", Self::All), ("status", Self::Status)])
    }
}

/// The value of a parameter that takes a few words; the default when it is not given.
fn one_of<T: Copy + Default>(name: &str, text: Option<&str>, known: &[(&str, T)]) -> Result<T, Problem> {
    let Some(text) = text else { return Ok(T::default()) };
    let found = known.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        error::invalid_param(&format!("`{name}` is one of: {}.", words.join(", ")))
    })
}
