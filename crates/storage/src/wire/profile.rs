//! The figures of a table.

use alluvium_tablestore::ProfileMode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Query;

/// How much is looked at, as documented.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what `profile_mode` reads")]
pub struct ProfileQuery {
    /// `basic`; `distribution` with histograms; `quality` with patterns and correlations; `full` with all of it.
    #[param(default = "basic", pattern = "^(basic|full|distribution|quality)$")]
    mode: Option<String>,
}

/// Reads `mode`.
pub(crate) fn profile_mode(query: &mut Query) -> ProfileMode {
    match query.choice("mode", &["basic", "full", "distribution", "quality"], "basic") {
        "full" => ProfileMode::Full,
        "distribution" => ProfileMode::Distribution,
        "quality" => ProfileMode::Quality,
        _ => ProfileMode::Basic,
    }
}

/// A table in figures.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StorageProfile)]
pub struct Profile {
    /// The table.
    pub table_name: String,
    /// Its bucket.
    pub bucket_name: String,
    /// The figures.
    #[serde(flatten)]
    #[schema(value_type = ProfileDoc)]
    pub figures: alluvium_tablestore::Profile,
}

/// The figures, as documented.
#[derive(ToSchema)]
#[schema(as = StorageProfileFigures)]
#[expect(dead_code, reason = "only documents what the table store writes")]
struct ProfileDoc {
    row_count: u64,
    column_count: u64,
    /// One entry a column, in their order.
    statistics: Vec<ColumnProfileDoc>,
    /// 0 to 100: fewer NULLs and outliers are better.
    quality_score: f64,
    quality_issues: Vec<QualityIssueDoc>,
    /// Pairs of columns of numbers that move together; in the modes `full` and `quality`.
    correlations: Option<Vec<CorrelationDoc>>,
}

#[derive(ToSchema)]
#[schema(as = StorageQualityIssue)]
#[expect(dead_code, reason = "only documents")]
struct QualityIssueDoc {
    column: String,
    /// `high_nulls`, `outliers`, `constant`, `skewed`, `pk_candidate` or `enum_candidate`.
    r#type: String,
    /// `warning` or `info`.
    severity: String,
    message: String,
}

#[derive(ToSchema)]
#[schema(as = StorageCorrelation)]
#[expect(dead_code, reason = "only documents")]
struct CorrelationDoc {
    column1: String,
    column2: String,
    /// Pearson's coefficient.
    correlation: f64,
    /// `strong` or `moderate`.
    strength: String,
}

#[derive(ToSchema)]
#[schema(as = StorageDetectedPattern)]
#[expect(dead_code, reason = "only documents")]
struct DetectedPatternDoc {
    /// `email`, `uuid`, `url`, `phone`, `ipv4`, `date_iso` or `datetime_iso`.
    pattern: String,
    match_count: u64,
    match_percentage: f64,
}

/// A column in figures; what does not apply to its type is null.
#[derive(ToSchema)]
#[schema(as = StorageColumnProfile)]
#[expect(dead_code, reason = "only documents")]
struct ColumnProfileDoc {
    column_name: String,
    column_type: String,
    #[schema(required = true)]
    min: serde_json::Value,
    #[schema(required = true)]
    max: serde_json::Value,
    /// How many different values there are, exactly.
    approx_unique: u64,
    cardinality_ratio: Option<f64>,
    /// `unique`, `constant`, `high`, `medium`, `low` or `very_low`.
    cardinality_class: Option<String>,
    /// Values that are not NULL.
    count: u64,
    null_percentage: f64,
    avg: Option<f64>,
    std: Option<f64>,
    skewness: Option<f64>,
    kurtosis: Option<f64>,
    q01: Option<f64>,
    q05: Option<f64>,
    q25: Option<f64>,
    q50: Option<f64>,
    q75: Option<f64>,
    q95: Option<f64>,
    q99: Option<f64>,
    outlier_count: Option<u64>,
    outlier_lower_bound: Option<f64>,
    outlier_upper_bound: Option<f64>,
    avg_length: Option<f64>,
    min_length: Option<u64>,
    max_length: Option<u64>,
    empty_count: Option<u64>,
    whitespace_only_count: Option<u64>,
    /// Counts by value; of more than 100 different ones, by range. In the modes `full` and `distribution`.
    histogram: Option<std::collections::BTreeMap<String, u64>>,
    /// In the modes `full` and `quality`.
    detected_patterns: Option<Vec<DetectedPatternDoc>>,
}
