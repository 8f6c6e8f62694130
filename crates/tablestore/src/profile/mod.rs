//! What the columns of a table hold, in figures: exact, of one version of the table.

mod column;
mod correlation;
mod histogram;
mod numbers;
mod quality;
mod texts;

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::value::RawValue;

pub use correlation::Correlation;
pub use numbers::Numbers;
pub use quality::QualityIssue;
pub use texts::{DetectedPattern, Texts};

use crate::error::{Result, store_error};
use crate::file::TableFile;
use crate::hub::Hub;
use crate::instance::Session;
use crate::lens::{Lens, through};
use crate::quote::ident;
use crate::read::read_error;

/// How much a profile looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfileMode {
    /// Counts, extremes, moments and quantiles.
    #[default]
    Basic,
    /// Everything.
    Full,
    /// Histograms too.
    Distribution,
    /// Patterns in texts and correlations of numbers too.
    Quality,
}

impl ProfileMode {
    fn counts_values(self) -> bool {
        matches!(self, Self::Full | Self::Distribution)
    }

    fn looks_for_patterns(self) -> bool {
        matches!(self, Self::Full | Self::Quality)
    }
}

/// The figures of a table.
#[derive(Debug, Serialize)]
pub struct Profile {
    /// Rows.
    pub row_count: u64,
    /// Columns.
    pub column_count: usize,
    /// One entry a column, in their order.
    pub statistics: Vec<ColumnProfile>,
    /// 0 to 100: fewer NULLs and outliers are better.
    pub quality_score: f64,
    /// What a person may want to look at.
    pub quality_issues: Vec<QualityIssue>,
    /// Pairs of columns that move together; only in the modes that look for them.
    pub correlations: Option<Vec<Correlation>>,
}

/// The figures of a column. What does not apply to its type is null.
#[derive(Debug, Serialize)]
pub struct ColumnProfile {
    /// Its name.
    pub column_name: String,
    /// Its type.
    pub column_type: String,
    /// The least value, as previews show it.
    pub min: Option<Box<RawValue>>,
    /// The greatest value.
    pub max: Option<Box<RawValue>>,
    /// How many different values there are, exactly; the name is the wire's.
    pub approx_unique: u64,
    /// Different values by values, to four digits.
    pub cardinality_ratio: Option<f64>,
    /// The same in a word.
    pub cardinality_class: Option<&'static str>,
    /// Values that are not NULL.
    pub count: u64,
    /// NULLs by rows, in percent to two digits.
    pub null_percentage: f64,
    /// For numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// For texts.
    #[serde(flatten)]
    pub texts: Texts,
    /// How often each value occurs, or each range of values.
    pub histogram: Option<Histogram>,
    /// What the texts look like.
    pub detected_patterns: Option<Vec<DetectedPattern>>,
}

/// Counts by value or range, in their order.
#[derive(Debug, PartialEq, Eq)]
pub struct Histogram(pub Vec<(String, u64)>);

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (value, count) in &self.0 {
            map.serialize_entry(value, count)?;
        }
        map.end()
    }
}

/// The table that is looked at.
struct Source<'a> {
    session: &'a Session,
    relation: &'a str,
    rows: u64,
}

impl Source<'_> {
    /// The finite values of a column of numbers, as `x`.
    fn finite(&self, column: &str) -> String {
        let value = format!("CAST(d.{} AS DOUBLE)", ident(column));
        format!("(SELECT {value} AS x FROM {} AS d WHERE isfinite({value}))", self.relation)
    }
}

impl Hub {
    /// Looks at every row of a table.
    pub fn profile(&self, file: &TableFile, mode: ProfileMode) -> Result<Profile> {
        self.profile_through(file, None, mode)
    }

    /// The same of what is seen through a lens.
    pub fn profile_through(&self, file: &TableFile, lens: Option<&Lens>, mode: ProfileMode) -> Result<Profile> {
        let (attached, session) = self.open_file(file)?;
        let transaction = session.begin()?;
        let meta = crate::meta::read(&session, &attached)?;
        let (relation, mut meta) = through(lens, &attached, meta)?;
        if lens.is_some() {
            let sql = format!("SELECT count(*) FROM {relation}");
            let rows = session.row(&sql, |row| row.get::<_, i64>(0)).map_err(|error| read_error(&error))?;
            meta.rows = rows.unsigned_abs();
        }
        let source = Source { session: &session, relation: &relation, rows: meta.rows };
        let columns = &meta.schema.columns;
        let statistics = columns.iter().map(|column| column::profile(&source, column, mode));
        let statistics = statistics.collect::<duckdb::Result<Vec<_>>>().map_err(|error| store_error(&error))?;
        let correlations = mode.looks_for_patterns().then(|| correlation::find(&source, columns, &statistics));
        let correlations = correlations.transpose().map_err(|error| store_error(&error))?;
        transaction.commit().map_err(|error| store_error(&error))?;
        let (quality_score, quality_issues) = quality::judge(meta.rows, columns, &statistics);
        let (row_count, column_count) = (meta.rows, columns.len());
        Ok(Profile { row_count, column_count, statistics, quality_score, quality_issues, correlations })
    }
}

/// To so many digits behind the point; nothing that JSON cannot say.
fn rounded(value: f64, digits: i32) -> Option<f64> {
    let scale = 10f64.powi(digits);
    let scaled = (value * scale).round() / scale;
    if scaled.is_finite() { Some(scaled) } else { finite(value) }
}

fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// `part` of `whole` in percent to two digits; 0 of nothing.
fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { rounded(part as f64 * 100.0 / whole as f64, 2).unwrap_or_default() }
}

/// A number for a statement, without the loss that its decimal type would bring.
fn number(value: f64) -> String {
    format!("CAST('{value:e}' AS DOUBLE)")
}
