//! Subjects from templates.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::wire::EncodeError;

/// A message whose subject cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// A placeholder's value is empty, or there is none.
    #[error("placeholder {{{0}}} has no value")]
    Empty(String),
    /// A placeholder's value cannot be text.
    #[error("placeholder {{{name}}}: {source}")]
    Value {
        /// The placeholder.
        name: String,
        /// Why not.
        source: EncodeError,
    },
}

impl SubjectError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "messaging.subject"
    }
}

/// Values of placeholders that no field gives, like the tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vars(BTreeMap<String, String>);

impl Vars {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a tenant.
    pub fn tenant(tenant: impl Into<String>) -> Self {
        Self::default().with("tenant", tenant)
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A subject while it is put together.
#[derive(Debug, Default)]
pub struct SubjectText(String);

impl SubjectText {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token of the template.
    pub fn text(&mut self, token: &str) {
        self.dot();
        self.0.push_str(token);
    }

    /// A placeholder that no field gives.
    pub fn var(&mut self, name: &str, vars: &Vars) -> Result<(), SubjectError> {
        self.place(name, Ok(vars.get(name).map(str::to_owned)))
    }

    /// A placeholder's value; bytes that could be more than a token are percent-encoded.
    pub fn place(&mut self, name: &str, value: Result<Option<String>, EncodeError>) -> Result<(), SubjectError> {
        let value = value.map_err(|source| SubjectError::Value { name: name.to_owned(), source })?;
        let value = value.filter(|value| !value.is_empty()).ok_or_else(|| SubjectError::Empty(name.to_owned()))?;
        self.dot();
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
                self.0.push(char::from(byte));
            } else {
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
        Ok(())
    }

    /// The subject.
    pub fn end(self) -> String {
        self.0
    }

    fn dot(&mut self) {
        if !self.0.is_empty() {
            self.0.push('.');
        }
    }
}
