//! Columns of numbers that move together.

use serde::Serialize;

use super::{ColumnProfile, Source, rounded};
use crate::column::Column;
use crate::quote::ident;

/// How many columns of numbers are compared with each other.
const COLUMNS_MAX: usize = 10;
/// How many pairs are told.
const PAIRS_MAX: usize = 20;
/// Up to here two columns have nothing to do with each other.
const WEAK_MAX: f64 = 0.3;
/// From here they go together.
const MODERATE_MAX: f64 = 0.7;

/// Two columns and Pearson's coefficient of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Correlation {
    /// The one that is first in the table.
    pub column1: String,
    /// The other.
    pub column2: String,
    /// -1 to 1, to four digits.
    pub correlation: f64,
    /// `strong` or `moderate`.
    pub strength: &'static str,
}

pub(super) fn find(
    source: &Source<'_>,
    columns: &[Column],
    statistics: &[ColumnProfile],
) -> duckdb::Result<Vec<Correlation>> {
    let numeric = columns.iter().zip(statistics).filter(|(column, _)| column.column_type.is_numeric());
    // A column that does not vary goes with nothing.
    let centred: Vec<(&str, String)> = numeric
        .take(COLUMNS_MAX)
        .filter_map(|(column, figures)| {
            let value = format!("CAST(d.{} AS DOUBLE)", ident(&column.name));
            let centred = figures.numbers.centre?.sql(&value);
            Some((column.name.as_str(), format!("CASE WHEN isfinite({value}) THEN {centred} END")))
        })
        .collect();
    let pairs: Vec<(usize, usize)> =
        (0..centred.len()).flat_map(|one| (one + 1..centred.len()).map(move |other| (one, other))).collect();
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<String> = centred.iter().enumerate().map(|(at, (_, sql))| format!("{sql} AS z{at}")).collect();
    let asked: Vec<String> = pairs.iter().map(|(one, other)| format!("corr(z{one}, z{other})")).collect();
    let sql = format!("SELECT {} FROM (SELECT {} FROM {} AS d)", asked.join(", "), values.join(", "), source.relation);
    let found = source.session.row(&sql, |row| {
        (0..pairs.len()).map(|index| row.get::<_, Option<f64>>(index)).collect::<duckdb::Result<Vec<_>>>()
    })?;
    let pair = |((one, other), r): ((usize, usize), Option<f64>)| {
        let r = r.filter(|r| r.abs() > WEAK_MAX)?;
        Some(Correlation {
            column1: centred[one].0.to_owned(),
            column2: centred[other].0.to_owned(),
            correlation: rounded(r, 4)?,
            strength: if r.abs() > MODERATE_MAX { "strong" } else { "moderate" },
        })
    };
    let mut told: Vec<Correlation> = pairs.into_iter().zip(found).filter_map(pair).collect();
    told.sort_by(|one, other| other.correlation.abs().total_cmp(&one.correlation.abs()));
    told.truncate(PAIRS_MAX);
    Ok(told)
}
