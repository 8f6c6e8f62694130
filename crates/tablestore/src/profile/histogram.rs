//! How often each value of a column of numbers occurs; of many different ones, each range.

use super::{Histogram, Source, number};
use crate::quote::ident;

/// Up to so many different values each has its own count.
const VALUES_MAX: u64 = 100;
/// How many ranges there are beyond that.
const RANGES: u32 = 20;

pub(super) fn of(source: &Source<'_>, column: &str, distinct: u64) -> duckdb::Result<Histogram> {
    if distinct <= VALUES_MAX { values(source, column) } else { ranges(source, column) }
}

fn values(source: &Source<'_>, column: &str) -> duckdb::Result<Histogram> {
    let name = ident(column);
    let sql = format!(
        "SELECT CAST(v AS VARCHAR), CAST(n AS UBIGINT) FROM (SELECT d.{name} AS v, count(*) AS n FROM {} AS d \
         WHERE d.{name} IS NOT NULL GROUP BY 1) ORDER BY v",
        source.relation
    );
    listed(source, &sql).map(Histogram)
}

/// Ranges of equal width from the least to the greatest value, named as mathematicians do: `[0, 5)`, the last `[5, 10]`.
fn ranges(source: &Source<'_>, column: &str) -> duckdb::Result<Histogram> {
    let values = source.finite(column);
    let bounds = format!("SELECT min(x), max(x) FROM {values}");
    let (Some(low), Some(high)) = source.session.row(&bounds, |row| Ok((row.get(0)?, row.get(1)?)))? else {
        return Ok(Histogram(Vec::new()));
    };
    let (low, high): (f64, f64) = (low, high);
    // Halves, because the whole width of what a number may be is no number.
    let step = (high / 2.0 - low / 2.0) / f64::from(RANGES);
    if step <= 0.0 {
        let sql = format!("SELECT CAST(min(x) AS VARCHAR), CAST(count(*) AS UBIGINT) FROM {values}");
        return listed(source, &sql).map(Histogram);
    }
    let sql = format!(
        "SELECT CAST(b AS VARCHAR), CAST(count(*) AS UBIGINT) FROM (SELECT CAST(least(floor((x / 2 - {}) / {}), {}) AS \
         INTEGER) AS b FROM {values}) GROUP BY b ORDER BY b",
        number(low / 2.0),
        number(step),
        RANGES - 1
    );
    let found = listed(source, &sql)?;
    let bound = |index: u32| if index == RANGES { high } else { (low / 2.0 + step * f64::from(index)) * 2.0 };
    let range = |index: u32| {
        let end = if index + 1 == RANGES { ']' } else { ')' };
        let name = format!("[{}, {}{end}", shown(bound(index)), shown(bound(index + 1)));
        let count = found.iter().find(|(known, _)| *known == index.to_string()).map_or(0, |(_, count)| *count);
        (name, count)
    };
    Ok(Histogram((0..RANGES).map(range).collect()))
}

/// Ten digits are enough for a name.
fn shown(bound: f64) -> f64 {
    format!("{bound:.9e}").parse().unwrap_or(bound)
}

fn listed(source: &Source<'_>, sql: &str) -> duckdb::Result<Vec<(String, u64)>> {
    let read = || {
        let mut statement = source.session.connection().prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    source.session.noted(read())
}
