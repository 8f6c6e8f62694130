//! Text that is nobody's business.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// What stands in the place of a secret.
pub(crate) const HIDDEN: &str = "…";

/// A text that is never shown: not when it is printed for debugging, and in no error.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for what really needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// The text with each of these texts hidden.
pub(crate) fn hide<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut secrets: Vec<&str> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
    // The longest first: a short one may be part of a long one, whose rest would stay.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN))
}

/// A URL that may be shown: without user, password and query.
pub(crate) fn shown_url(text: &str) -> String {
    let Ok(url) = url::Url::parse(text) else { return HIDDEN.to_owned() };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("open sesame")), "…");
        assert_eq!(hide("a abc b", ["a", "abc", ""]), "… … b");
        assert_eq!(shown_url("postgres://u:p@host:5432/db?password=x"), "postgres://host:5432/db");
        assert_eq!(shown_url("host=a password=b"), "…");
    }
}
