//! The members of a configuration.

use serde_json::{Map, Value};

use crate::error::FormatError;

/// The members of a format's configuration. A member that is null is not there.
pub(super) struct Members<'a>(&'a Map<String, Value>);

/// A value as errors show it.
pub(super) fn shown(value: &Value) -> String {
    const CHARS_MAX: usize = 100;
    let text = value.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl<'a> Members<'a> {
    /// Refuses members that are not known.
    pub(super) fn new(format: &str, members: &'a Map<String, Value>, known: &[&str]) -> Result<Self, FormatError> {
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(member) => Err(FormatError::UnknownMember {
                format: format.to_owned(),
                member: member.clone(),
                known: known.join(", "),
            }),
            None => Ok(Self(members)),
        }
    }

    fn get<T>(&self, member: &str, wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, FormatError> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| FormatError::Invalid {
                member: member.to_owned(),
                value: shown(value),
                wanted: wanted.to_owned(),
            }),
        }
    }

    /// True or false.
    pub(super) fn flag(&self, member: &str) -> Result<Option<bool>, FormatError> {
        self.get(member, "true or false", Value::as_bool)
    }

    /// A whole number that is not 0.
    pub(super) fn count(&self, member: &str) -> Result<Option<u64>, FormatError> {
        self.get(member, "a whole number from 1", |value| value.as_u64().filter(|count| *count > 0))
    }

    /// A text.
    pub(super) fn text(&self, member: &str) -> Result<Option<String>, FormatError> {
        self.get(member, "a text", |value| value.as_str().map(str::to_owned))
    }

    /// Texts.
    pub(super) fn texts(&self, member: &str) -> Result<Option<Vec<String>>, FormatError> {
        let texts = |value: &Value| value.as_array()?.iter().map(|each| each.as_str().map(str::to_owned)).collect();
        self.get(member, "a list of texts", texts)
    }

    /// A character of one byte.
    pub(super) fn byte(&self, member: &str) -> Result<Option<u8>, FormatError> {
        let byte = |value: &Value| match value.as_str()?.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Some(*byte),
            _ => None,
        };
        self.get(member, "one ASCII character", byte)
    }

    /// One of several names.
    pub(super) fn choice<T: Copy>(&self, member: &str, choices: &[(&str, T)]) -> Result<Option<T>, FormatError> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let chosen = |value: &Value| {
            let text = value.as_str()?;
            choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice)
        };
        self.get(member, &format!("one of {}", names.join(", ")), chosen)
    }
}

/// Refuses a member that is not for the direction.
pub(super) fn only_for(is_given: bool, member: &str, direction: &str) -> Result<(), FormatError> {
    if is_given {
        return Err(FormatError::Unsupported(format!("'{member}' is for {direction} only")));
    }
    Ok(())
}
