//! Sealed texts: how they look, wherever a text may stand. What seals and opens them needs keys, and is elsewhere.
//!
//! `sealed:v1:<key>:<characters>:<what is sealed>.` and perhaps more in clear behind it. The key's name says whose it is, the
//! number how long the text was, so that rules about lengths can be checked without opening anything.

/// What is read where the key to a text has been destroyed.
pub const FORGOTTEN: &str = "[forgotten]";
/// How every sealed text begins.
const MARK: &str = "sealed:v1:";

/// Under whose key a field is sealed: what its schema says as `"sealed"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedBy {
    /// The tenant's.
    Tenant,
    /// The project's.
    Project,
    /// That of the person whom the field itself names.
    Person,
}

impl SealedBy {
    /// Its name in schemas and in names of keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Project => "project",
            Self::Person => "person",
        }
    }
}

/// A field that must be sealed on the log.
#[derive(Debug)]
pub struct SealedField<'a> {
    /// Which: `keyring.description`. What is sealed for one place does not open at another.
    pub place: &'static str,
    /// Under whose key.
    pub by: SealedBy,
    /// The project it is of.
    pub project: String,
    /// The text, in clear or sealed.
    pub text: &'a mut String,
}

/// A field of a contract that may be sealed: a text, or none.
pub trait Sealable {
    /// The text, if there is one.
    fn text(&mut self) -> Option<&mut String>;
}

impl Sealable for String {
    fn text(&mut self) -> Option<&mut String> {
        Some(self)
    }
}

impl Sealable for Option<String> {
    fn text(&mut self) -> Option<&mut String> {
        self.as_mut()
    }
}

/// A sealed text, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedText<'a> {
    /// Name of the key it is sealed under: `project.<project>.<id>`.
    pub key: &'a str,
    /// How many characters were sealed.
    pub chars: usize,
    /// Nonce and sealed bytes, in URL-safe base64.
    pub body: &'a str,
    /// What stands behind it in clear.
    pub after: &'a str,
}

impl<'a> SealedText<'a> {
    /// Takes a text apart; `None` when it is not sealed.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (key, rest) = text.strip_prefix(MARK)?.split_once(':')?;
        let (chars, rest) = rest.split_once(':')?;
        let (body, after) = rest.split_once('.')?;
        // One way to write a number, so that one seal has one text.
        let chars = chars.parse().ok().filter(|number: &usize| number.to_string() == chars)?;
        let is_body = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (!key.is_empty() && is_body).then_some(Self { key, chars, body, after })
    }
}

impl std::fmt::Display for SealedText<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, chars, body, after } = self;
        write!(out, "{MARK}{key}:{chars}:{body}.{after}")
    }
}

/// How many characters a reader sees of a text, sealed or not.
pub fn chars_of(text: &str) -> usize {
    SealedText::parse(text)
        .map_or_else(|| text.chars().count(), |sealed| sealed.chars.saturating_add(sealed.after.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_is_told_from_others() {
        let whole = "sealed:v1:project.p.00ff:5:aGVsbG8_-. (rotated)";
        let parsed = SealedText::parse(whole).unwrap();
        assert_eq!(parsed, SealedText { key: "project.p.00ff", chars: 5, body: "aGVsbG8_-", after: " (rotated)" });
        assert_eq!(parsed.to_string(), whole);
        assert_eq!(chars_of(whole), 15);
        assert_eq!(chars_of("é"), 1);
        for other in [
            "",
            "sealed",
            "sealed:v1:k:5:a",
            "sealed:v1::5:a.",
            "sealed:v1:k:05:a.",
            "sealed:v1:k:5:é.",
            "sealed:v2:k:5:a.",
        ] {
            assert_eq!(SealedText::parse(other), None, "{other}");
        }
    }
}
