//! Positions in the log, and the opaque tokens that carry them to clients.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// How many streams a token may name; one from outside with more is refused.
const STREAMS_MAX: usize = 64;
/// How long a token from outside may be, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;

/// A vector of stream → sequence: "at least this far in each of these streams".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position(BTreeMap<String, u64>);

/// The text is not a position token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position token: send back one that an earlier answer carried in `Alv-Position`, unchanged")]
pub struct PositionError;

impl Position {
    /// The beginning: satisfied by everything.
    pub fn start() -> Self {
        Self::default()
    }

    /// One stream's position.
    pub fn of(stream: &str, seq: u64) -> Self {
        Self(BTreeMap::from([(stream.to_owned(), seq)]))
    }

    /// How far in `stream`; 0 when the position does not name it.
    pub fn seq(&self, stream: &str) -> u64 {
        self.0.get(stream).copied().unwrap_or(0)
    }

    /// The later of both, stream by stream.
    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        for (stream, seq) in &other.0 {
            let mine = self.0.entry(stream.clone()).or_default();
            *mine = (*mine).max(*seq);
        }
        self
    }

    /// Stream and sequence, in stream order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(stream, seq)| (stream.as_str(), *seq))
    }

    /// The opaque token.
    pub fn to_token(&self) -> String {
        let text: Vec<String> = self.0.iter().map(|(stream, seq)| format!("{stream}:{seq}")).collect();
        format!("v1.{}", URL_SAFE_NO_PAD.encode(text.join(",")))
    }

    /// Reads a token that came back.
    pub fn from_token(token: &str) -> Result<Self, PositionError> {
        let body = token.strip_prefix("v1.").filter(|_| token.len() <= TOKEN_BYTES_MAX).ok_or(PositionError)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| PositionError)?;
        let text = String::from_utf8(bytes).map_err(|_| PositionError)?;
        let mut streams = BTreeMap::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (stream, seq) = part.split_once(':').ok_or(PositionError)?;
            streams.insert(stream.to_owned(), seq.parse().map_err(|_| PositionError)?);
        }
        if streams.len() > STREAMS_MAX { Err(PositionError) } else { Ok(Self(streams)) }
    }
}

impl serde::Serialize for Position {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.to_token())
    }
}

impl<'de> serde::Deserialize<'de> for Position {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let token = String::deserialize(input)?;
        Self::from_token(&token).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_strangers_are_refused() {
        let position =
            Position::of("STORAGE", 42).join(&Position::of("EV_ACCESS", 7)).join(&Position::of("STORAGE", 3));
        assert_eq!((position.seq("STORAGE"), position.seq("EV_ACCESS"), position.seq("OTHER")), (42, 7, 0));
        assert_eq!(Position::from_token(&position.to_token()), Ok(position));
        assert_eq!(Position::from_token(&Position::start().to_token()), Ok(Position::start()));
        for bad in ["", "v1", "v2.AAAA", "v1.%%", "v1.YQ", "v1.YToxLGI"] {
            assert_eq!(Position::from_token(bad), Err(PositionError), "{bad}");
        }
    }
}
