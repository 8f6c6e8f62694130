//! When rows last changed, in the words of a request: unix seconds, ISO 8601, or a span before now.

use alluvium_kernel::Timestamp;
use alluvium_tablestore::Changed;
use serde_json::Value;

use super::{Query, Shape};

/// The last second that a moment may be of: the end of the year 9999.
const SECONDS_MAX: i64 = 253_402_300_799;
const MICROS: i64 = 1_000_000;
/// Units of spans, in seconds; each also in the plural.
const UNITS: [(&str, i64); 8] = [
    ("second", 1),
    ("sec", 1),
    ("minute", 60),
    ("min", 60),
    ("hour", 3_600),
    ("day", 86_400),
    ("week", 604_800),
    ("fortnight", 1_209_600),
];
const MISTAKE: &str = "Input should be unix seconds, an ISO 8601 time, or a span such as `-2 days`";

/// A moment as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// Microseconds since 1970.
    At(i64),
    /// Seconds from the moment of the request.
    FromNow(i64),
}

impl Point {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::seconds(text.parse().ok()?);
        }
        let folded = text.to_ascii_lowercase();
        if folded == "now" {
            return Some(Self::FromNow(0));
        }
        Self::span(&folded).or_else(|| Self::iso(text))
    }

    fn seconds(seconds: i64) -> Option<Self> {
        (0..=SECONDS_MAX).contains(&seconds).then_some(Self::At(seconds * MICROS))
    }

    /// `-2 days`, `+1 hour`, `3 weeks ago`
    fn span(text: &str) -> Option<Self> {
        let (text, is_ago) = text.strip_suffix(" ago").map_or((text, false), |text| (text.trim_end(), true));
        let (sign, rest) = match text.as_bytes().first()? {
            b'-' if !is_ago => (-1, &text[1..]),
            b'+' if !is_ago => (1, &text[1..]),
            _ if is_ago => (-1, text),
            _ => return None,
        };
        let rest = rest.trim_start();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = rest.split_at(digits);
        let unit = unit.trim();
        let found = UNITS.iter().find(|(name, _)| unit == *name || unit.strip_suffix('s') == Some(name));
        let seconds = found?.1.checked_mul(count.parse().ok()?)?;
        (seconds <= SECONDS_MAX).then_some(Self::FromNow(sign * seconds))
    }

    /// A time with an offset, or without one in UTC; a day is its beginning.
    fn iso(text: &str) -> Option<Self> {
        let whole = format!("{text}Z");
        let day = format!("{text}T00:00:00Z");
        let at = [text, &whole, &day].into_iter().find_map(Timestamp::parse)?;
        (0..=SECONDS_MAX * MICROS).contains(&at.micros()).then_some(Self::At(at.micros()))
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().and_then(Self::seconds),
            Value::String(text) => Self::parse(text),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn micros(self, now: Timestamp) -> i64 {
        match self {
            Self::At(micros) => micros,
            Self::FromNow(seconds) => now.micros().saturating_add(seconds * MICROS).clamp(0, SECONDS_MAX * MICROS),
        }
    }
}

/// From when to when rows changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangedWords {
    since: Option<Point>,
    until: Option<Point>,
}

impl ChangedWords {
    pub(crate) fn read(body: &Shape<'_>) -> Self {
        let point = |name| body.opt_read(name, "datetime_parsing", MISTAKE, Point::of);
        Self { since: point("changed_since"), until: point("changed_until") }
    }

    /// The same out of the query part of a URL.
    pub(crate) fn of_query(query: &mut Query) -> Self {
        let mut point = |name| query.read(name, "datetime_parsing", MISTAKE, Point::parse);
        Self { since: point("changed_since"), until: point("changed_until") }
    }

    /// Whether nothing was said.
    pub(crate) fn is_any(self) -> bool {
        self == Self::default()
    }

    /// The moments that are meant when the request is of `now`.
    pub(crate) fn at(self, now: Timestamp) -> Changed {
        let micros = |point: Point| point.micros(now);
        Changed { since_micros: self.since.map(micros), until_micros: self.until.map(micros) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_322_245_000_000);

    fn micros(text: &str) -> Option<i64> {
        Point::parse(text).map(|point| point.micros(NOW))
    }

    #[test]
    fn moments_are_said_in_three_ways() {
        let noon = Some(1_767_355_200_000_000);
        for text in ["1767355200", "2026-01-02T12:00:00Z", "2026-01-02 12:00:00", "2026-01-02T13:00:00+01:00"] {
            assert_eq!(micros(text), noon, "{text}");
        }
        assert_eq!(micros("2026-01-02"), Some(1_767_312_000_000_000));
        let ago = |seconds: i64| Some(NOW.micros() - seconds * MICROS);
        let spans = [("-2 days", 172_800), ("2 days ago", 172_800), ("-1week", 604_800), ("- 90 sec", 90), ("NOW", 0)];
        for (text, seconds) in spans {
            assert_eq!(micros(text), ago(seconds), "{text}");
        }
        assert_eq!(micros("+1 hour"), ago(-3_600));
        assert_eq!(micros("-9000 weeks"), Some(0), "nothing was before 1970");
    }

    #[test]
    fn anything_else_is_no_moment() {
        for text in
            ["", "2 days", "-days", "-2 moons", "1767355200000", "-5", "2026-13-01", "x", "-2 days ago", "é ago"]
        {
            assert_eq!(Point::parse(text), None, "{text}");
        }
    }

    #[test]
    fn bodies_may_say_seconds_as_a_number() {
        let read = |text: &str| super::super::read(text.as_bytes(), ChangedWords::read);
        let words = read(r#"{"changedSince": 5, "changed_until": "1970-01-01T00:00:07Z"}"#).unwrap().at(NOW);
        assert_eq!((words.since_micros, words.until_micros), (Some(5 * MICROS), Some(7 * MICROS)));
        assert!(read(r#"{"changed_since": null}"#).unwrap().is_any());
        for wrong in [r#"{"changed_since": true}"#, r#"{"changed_until": "soon"}"#, r#"{"changed_since": 1.5}"#] {
            assert_eq!(read(wrong).unwrap_err().status, 422, "{wrong}");
        }
    }
}
