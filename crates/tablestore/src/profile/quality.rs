//! What in the figures of a table a person may want to look at.

use serde::Serialize;

use super::{ColumnProfile, percentage, rounded};
use crate::column::{Column, ColumnType};

/// Above so many NULLs, in percent, a column loses points.
const NULLS_PERCENT_MAX: u64 = 50;
/// Above so many outliers, in percent of the rows, too.
const OUTLIERS_PERCENT_MAX: u64 = 5;
/// Beyond it a distribution leans to one side.
const SKEWNESS_MAX: f64 = 2.0;
const POINTS_FOR_NULLS: f64 = 5.0;
const POINTS_FOR_OUTLIERS: f64 = 2.0;

/// Something about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QualityIssue {
    /// Which.
    pub column: String,
    /// `high_nulls`, `outliers`, `constant`, `skewed`, `pk_candidate` or `enum_candidate`.
    pub r#type: &'static str,
    /// `warning` or `info`.
    pub severity: &'static str,
    /// The same in words.
    pub message: String,
}

/// The score and what it comes from, and what else is worth saying.
pub(super) fn judge(rows: u64, columns: &[Column], statistics: &[ColumnProfile]) -> (f64, Vec<QualityIssue>) {
    let (mut score, mut issues) = (100.0_f64, Vec::new());
    for (column, figures) in columns.iter().zip(statistics) {
        let mut note = |r#type, severity, message: String| {
            issues.push(QualityIssue { column: column.name.clone(), r#type, severity, message });
        };
        let is_over = |part: u64, percent: u64| u128::from(part) * 100 > u128::from(rows) * u128::from(percent);
        if is_over(rows.saturating_sub(figures.count), NULLS_PERCENT_MAX) {
            score -= POINTS_FOR_NULLS;
            note("high_nulls", "warning", format!("{}% of the values are NULL", figures.null_percentage));
        }
        let outliers = figures.numbers.outlier_count.unwrap_or(0);
        if is_over(outliers, OUTLIERS_PERCENT_MAX) {
            score -= POINTS_FOR_OUTLIERS;
            note("outliers", "warning", format!("{}% of the rows are outliers", percentage(outliers, rows)));
        }
        let class = figures.cardinality_class.unwrap_or_default();
        if class == "constant" {
            note("constant", "info", "every value is the same".to_owned());
        }
        if let Some(skewness) = figures.numbers.skewness.filter(|skewness| skewness.abs() > SKEWNESS_MAX) {
            note("skewed", "info", format!("the distribution leans to one side: its skewness is {skewness}"));
        }
        if class == "unique" && figures.count == rows {
            note("pk_candidate", "info", "every value is there once and none is NULL: it could be the key".to_owned());
        }
        if column.column_type == ColumnType::Varchar && matches!(class, "low" | "very_low") {
            let message = format!("{} different values: it could be an ENUM", figures.approx_unique);
            note("enum_candidate", "info", message);
        }
    }
    let score = rounded(score.clamp(0.0, 100.0), 1).unwrap_or_default();
    (score, issues)
}
