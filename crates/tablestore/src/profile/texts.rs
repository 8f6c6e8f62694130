//! Lengths of texts, and what they look like.

use serde::Serialize;

use super::{Source, percentage, rounded};
use crate::quote::literal;

const DATE: &str = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const BYTE: &str = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

/// Figures of texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct Texts {
    /// In characters, to one digit.
    pub avg_length: Option<f64>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub empty_count: Option<u64>,
    /// Not empty, but nothing to see.
    pub whitespace_only_count: Option<u64>,
}

/// Something texts look like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DetectedPattern {
    /// Its name.
    pub pattern: &'static str,
    /// How many do.
    pub match_count: u64,
    /// Of the texts that are not NULL, in percent to two digits.
    pub match_percentage: f64,
}

pub(super) fn of(source: &Source<'_>, name: &str) -> duckdb::Result<Texts> {
    let sql = format!(
        "SELECT avg(length(t)), CAST(min(length(t)) AS UBIGINT), CAST(max(length(t)) AS UBIGINT), \
         CAST(count(*) FILTER (WHERE t = '') AS UBIGINT), \
         CAST(count(*) FILTER (WHERE regexp_full_match(t, '\\s+')) AS UBIGINT) \
         FROM (SELECT d.{name} AS t FROM {} AS d)",
        source.relation
    );
    source.session.row(&sql, |row| {
        Ok(Texts {
            avg_length: row.get::<_, Option<f64>>(0)?.and_then(|length| rounded(length, 1)),
            min_length: row.get(1)?,
            max_length: row.get(2)?,
            empty_count: row.get(3)?,
            whitespace_only_count: row.get(4)?,
        })
    })
}

/// What the texts look like; only what at least one does.
pub(super) fn patterns(source: &Source<'_>, name: &str, count: u64) -> duckdb::Result<Vec<DetectedPattern>> {
    let known = known();
    let counts: Vec<String> = known
        .iter()
        .map(|(_, pattern)| format!("CAST(count(*) FILTER (WHERE regexp_matches(t, {})) AS UBIGINT)", literal(pattern)))
        .collect();
    let sql = format!("SELECT {} FROM (SELECT d.{name} AS t FROM {} AS d)", counts.join(", "), source.relation);
    source.session.row(&sql, |row| {
        let mut found = Vec::new();
        for (index, (pattern, _)) in known.iter().enumerate() {
            let match_count: u64 = row.get(index)?;
            if match_count > 0 {
                let match_percentage = percentage(match_count, count);
                found.push(DetectedPattern { pattern, match_count, match_percentage });
            }
        }
        Ok(found)
    })
}

/// Names and regular expressions. Addresses and times may have more behind them; the others are the whole text.
fn known() -> [(&'static str, String); 7] {
    let whole = |pattern: &str| format!("^(?:{pattern})$");
    [
        ("email", whole(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")),
        ("uuid", whole("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
        ("url", r"^(?:https?|ftp)://[^\s/?#]+".to_owned()),
        ("phone", whole(r"\+?[0-9]{0,3}[ .-]?\(?[0-9]{3}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{3,4}")),
        ("ipv4", whole(&format!(r"({BYTE}\.){{3}}{BYTE}"))),
        ("date_iso", whole(DATE)),
        ("datetime_iso", format!("^{DATE}[T ]([01][0-9]|2[0-3]):[0-5][0-9]")),
    ]
}
