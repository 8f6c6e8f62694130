//! One part of a subject or of a path, made safe from user text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// The longest token in bytes, after encoding. NATS subjects stay well under their limit with six of them.
pub const TOKEN_BYTES_MAX: usize = 512;

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// One subject token: `[A-Za-z0-9_-]` as is, every other byte percent-encoded. Never empty.
///
/// Because `.`, `*`, `>`, `/` and blanks are always encoded, no user text can widen a subject or leave a directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Token(String);

/// Why a text is not a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The encoded text is longer than [`TOKEN_BYTES_MAX`].
    #[error("a name may take {TOKEN_BYTES_MAX} bytes once encoded, this one takes {0}")]
    TooLong(usize),
    /// Only for already encoded text: a byte that should have been encoded.
    #[error("`{0}` is not an encoded token")]
    NotEncoded(String),
}

impl Token {
    /// Encodes user text.
    pub fn encode(text: &str) -> Result<Self, TokenError> {
        Self::checked(utf8_percent_encode(text, ENCODED).to_string())
    }

    /// Takes text that is encoded already, as found in a subject.
    pub fn parse(encoded: &str) -> Result<Self, TokenError> {
        let canonical = percent_decode_str(encoded)
            .decode_utf8()
            .is_ok_and(|text| utf8_percent_encode(&text, ENCODED).to_string() == encoded);
        if canonical { Self::checked(encoded.to_owned()) } else { Err(TokenError::NotEncoded(encoded.to_owned())) }
    }

    /// The user's text again.
    pub fn decode(&self) -> String {
        percent_decode_str(&self.0).decode_utf8_lossy().into_owned()
    }

    /// The encoded form, as it stands in subjects and paths.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn checked(encoded: String) -> Result<Self, TokenError> {
        match encoded.len() {
            0 => Err(TokenError::Empty),
            length if length > TOKEN_BYTES_MAX => Err(TokenError::TooLong(length)),
            _ => Ok(Self(encoded)),
        }
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Token {
    type Error = TokenError;
    fn try_from(encoded: String) -> Result<Self, TokenError> {
        Self::parse(&encoded)
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_one_token() {
        for text in ["a.b", "*", ">", "../x", "a b", "ü", "\0", "a/b", "%2e"] {
            let token = Token::encode(text).unwrap();
            assert!(token.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"_-%".contains(&b)), "{token}");
            assert_eq!(token.decode(), text);
            assert_eq!(Token::parse(token.as_str()).unwrap(), token);
        }
    }

    #[test]
    fn only_canonical_encodings_parse() {
        assert!(Token::parse("a.b").is_err());
        assert!(Token::parse("%61").is_err(), "an encoded letter would give one name two tokens");
        assert!(Token::parse("%2e").is_err(), "lower-case hex is not canonical");
        assert_eq!(Token::encode(""), Err(TokenError::Empty));
        assert!(matches!(Token::encode(&"ü".repeat(400)), Err(TokenError::TooLong(_))));
    }
}
