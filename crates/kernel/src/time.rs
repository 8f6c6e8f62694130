//! Moments, as microseconds since 1970 in UTC: what Avro calls `timestamp-micros`.

use serde::{Deserialize, Serialize};

/// A moment. On JSON wires `2026-01-02T03:04:05.123456+00:00`, in Avro a `timestamp-micros`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 text with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_microsecond()))
    }

    /// RFC 3339 in UTC with six digits and a numeric offset, the form every surface of ours prints.
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
            // Only reachable for years outside ±9999, which no clock of ours gives: show the number rather than fail.
            Err(_) => format!("{}us", self.0),
        }
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.to_rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_the_same_moment() {
        let at = Timestamp::from_micros(1_767_322_245_123_456);
        assert_eq!(at.to_rfc3339(), "2026-01-02T02:50:45.123456+00:00");
        assert_eq!(Timestamp::parse("2026-01-02T03:50:45.123456+01:00"), Some(at));
        assert_eq!(Timestamp::from_micros(0).to_rfc3339(), "1970-01-01T00:00:00.000000+00:00");
    }
}
