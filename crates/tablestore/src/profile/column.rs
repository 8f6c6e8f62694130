//! One column.

use super::{ColumnProfile, ProfileMode, Source, histogram, numbers, percentage, rounded, texts};
use crate::column::{Column, ColumnType};
use crate::json::write_value;
use crate::quote::ident;
use crate::read::{carried, each_batch, raw};
use serde_json::value::RawValue;

pub(super) fn profile(source: &Source<'_>, column: &Column, mode: ProfileMode) -> duckdb::Result<ColumnProfile> {
    let name = ident(&column.name);
    let sql = format!("SELECT count(d.{name}), count(DISTINCT d.{name}) FROM {} AS d", source.relation);
    let (count, distinct) = source.session.row(&sql, |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)))?;
    let (min, max) = extremes(source, column)?;
    let (is_number, is_text) = (column.column_type.is_numeric(), column.column_type == ColumnType::Varchar);
    let numbers = if is_number { numbers::of(source, &column.name)? } else { numbers::Numbers::default() };
    let texts = if is_text { texts::of(source, &name)? } else { texts::Texts::default() };
    let histogram = (is_number && mode.counts_values()).then(|| histogram::of(source, &column.name, distinct));
    let patterns = (is_text && mode.looks_for_patterns()).then(|| texts::patterns(source, &name, count));
    let (cardinality_ratio, cardinality_class) = cardinality(distinct, count).unzip();
    Ok(ColumnProfile {
        column_name: column.name.clone(),
        column_type: column.column_type.to_string(),
        min,
        max,
        approx_unique: distinct,
        cardinality_ratio,
        cardinality_class,
        count,
        null_percentage: percentage(source.rows.saturating_sub(count), source.rows),
        numbers,
        texts,
        histogram: histogram.transpose()?,
        detected_patterns: patterns.transpose()?,
    })
}

type Extreme = Option<Box<RawValue>>;

/// The least and the greatest value; the engine does not order maps.
fn extremes(source: &Source<'_>, column: &Column) -> duckdb::Result<(Extreme, Extreme)> {
    if matches!(column.column_type, ColumnType::Map(..)) || source.rows == 0 {
        return Ok((None, None));
    }
    let name = format!("d.{}", ident(&column.name));
    let of = |function: &str| carried(&format!("{function}({name})"), &column.column_type);
    let sql = format!("SELECT {}, {} FROM {} AS d", of("min"), of("max"), source.relation);
    let mut found = Vec::new();
    each_batch(source.session, &sql, &[], |batch| {
        for index in 0..batch.num_columns() {
            let mut text = String::new();
            write_value(&mut text, batch.column(index).as_ref(), 0, Some(&column.column_type));
            found.push((text != "null").then(|| raw(text)));
        }
    })?;
    let mut found = found.into_iter();
    Ok((found.next().flatten(), found.next().flatten()))
}

/// How many values are different, as a ratio and in a word; the first word that fits.
fn cardinality(distinct: u64, count: u64) -> Option<(f64, &'static str)> {
    if count == 0 {
        return None;
    }
    let ratio = distinct as f64 / count as f64;
    let class = match distinct {
        all if all == count => "unique",
        1 => "constant",
        _ if ratio > 0.9 => "high",
        _ if ratio > 0.5 => "medium",
        _ if ratio > 0.01 => "low",
        _ => "very_low",
    };
    Some((rounded(ratio, 4).unwrap_or(ratio), class))
}

#[cfg(test)]
mod tests {
    use super::cardinality;

    #[test]
    fn the_first_word_that_fits() {
        for (distinct, count, expected) in [
            (1, 1, "unique"),
            (5, 5, "unique"),
            (1, 5, "constant"),
            (91, 100, "high"),
            (90, 100, "medium"),
            (50, 100, "low"),
            (1_000, 100_000, "very_low"),
        ] {
            assert_eq!(cardinality(distinct, count).unwrap().1, expected, "{distinct} of {count}");
        }
        assert_eq!(cardinality(0, 0), None);
        assert_eq!(cardinality(1, 3), Some((0.3333, "constant")));
    }
}
