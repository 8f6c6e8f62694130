//! Moments, quantiles and outliers of a column of numbers. Values that are no finite number are left out.

use serde::Serialize;

use super::{Source, finite, number, rounded};

/// Larger values are made smaller before they are multiplied: the fourth power of a larger one is no number any more.
const UNSCALED_MAX: f64 = 1e70;
/// How far beyond the middle half of the values an outlier is, in widths of that half.
const OUTLIER_WIDTHS: f64 = 1.5;

/// Figures of numbers. Standard deviation, skewness and (excess) kurtosis are those of a sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the usual ones")]
pub struct Numbers {
    pub avg: Option<f64>,
    pub std: Option<f64>,
    pub skewness: Option<f64>,
    pub kurtosis: Option<f64>,
    pub q01: Option<f64>,
    pub q05: Option<f64>,
    pub q25: Option<f64>,
    pub q50: Option<f64>,
    pub q75: Option<f64>,
    pub q95: Option<f64>,
    pub q99: Option<f64>,
    pub outlier_count: Option<u64>,
    pub outlier_lower_bound: Option<f64>,
    pub outlier_upper_bound: Option<f64>,
    /// How to bring a value into the middle, for correlations.
    #[serde(skip)]
    pub(super) centre: Option<Centre>,
}

/// `x / scale - mean`, by `deviation`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Centre {
    scale: f64,
    mean: f64,
    deviation: f64,
}

impl Centre {
    /// A value in standard deviations from the mean.
    pub fn sql(&self, value: &str) -> String {
        let Self { scale, mean, deviation } = *self;
        format!("(({value} / {}) - {}) / {}", number(scale), number(mean), number(deviation))
    }
}

pub(super) fn of(source: &Source<'_>, column: &str) -> duckdb::Result<Numbers> {
    let values = source.finite(column);
    let sql = format!("SELECT count(x), coalesce(max(abs(x)), 0) FROM {values}");
    let (count, largest) = source.session.row(&sql, |row| Ok((row.get::<_, u64>(0)?, row.get::<_, f64>(1)?)))?;
    if count == 0 {
        return Ok(Numbers::default());
    }
    let scale = if largest > UNSCALED_MAX { largest } else { 1.0 };
    let sql = format!(
        "SELECT a, s, q[1], q[2], q[3], q[4], q[5], q[6], q[7] FROM (SELECT avg(x / {scale}) AS a, stddev_samp(x / {scale}) \
         AS s, quantile_cont(x, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]) AS q FROM {values})",
        scale = number(scale)
    );
    let (mean, deviation, q) = source.session.row(&sql, |row| {
        let mut quantiles = [0.0; 7];
        for (index, quantile) in quantiles.iter_mut().enumerate() {
            *quantile = row.get(index + 2)?;
        }
        Ok((row.get::<_, f64>(0)?, row.get::<_, Option<f64>>(1)?, quantiles))
    })?;
    let width = q[4] - q[2];
    let (lower, upper) = (q[2] - OUTLIER_WIDTHS * width, q[4] + OUTLIER_WIDTHS * width);
    let centre = deviation.filter(|deviation| *deviation > 0.0).map(|deviation| Centre { scale, mean, deviation });
    let (outliers, third, fourth) = powers(source, &values, (lower, upper), centre)?;
    let (skewness, kurtosis) = centre.map_or((None, None), |_| (skewness(count, third), kurtosis(count, fourth)));
    Ok(Numbers {
        avg: rounded(mean * scale, 4),
        std: deviation.and_then(|deviation| rounded(deviation * scale, 4)),
        skewness: skewness.and_then(|value| rounded(value, 4)),
        kurtosis: kurtosis.and_then(|value| rounded(value, 4)),
        q01: finite(q[0]),
        q05: finite(q[1]),
        q25: finite(q[2]),
        q50: finite(q[3]),
        q75: finite(q[4]),
        q95: finite(q[5]),
        q99: finite(q[6]),
        outlier_count: Some(outliers),
        outlier_lower_bound: finite(lower),
        outlier_upper_bound: finite(upper),
        centre,
    })
}

/// The values beyond the bounds, and the sums of the third and fourth powers of the centred ones.
fn powers(
    source: &Source<'_>,
    values: &str,
    (lower, upper): (f64, f64),
    centre: Option<Centre>,
) -> duckdb::Result<(u64, f64, f64)> {
    let bound = |bound: f64| if bound.is_finite() { number(bound) } else { "x".to_owned() };
    let z = centre.map_or("0.0".to_owned(), |centre| centre.sql("x"));
    let sql = format!(
        "SELECT CAST(count(*) FILTER (WHERE x < {} OR x > {}) AS UBIGINT), CAST(sum(z * z * z) AS DOUBLE), \
         CAST(sum(z * z * z * z) AS DOUBLE) FROM (SELECT x, CAST({z} AS DOUBLE) AS z FROM {values})",
        bound(lower),
        bound(upper)
    );
    source.session.row(&sql, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// Of a sample, from the sum of the third powers of the centred values.
fn skewness(count: u64, third: f64) -> Option<f64> {
    let n = count as f64;
    (count > 2).then(|| n / ((n - 1.0) * (n - 2.0)) * third)
}

/// Of a sample, beyond that of a normal distribution, from the sum of the fourth powers.
fn kurtosis(count: u64, fourth: f64) -> Option<f64> {
    let n = count as f64;
    let below = (n - 1.0) * (n - 2.0) * (n - 3.0);
    (count > 3).then(|| n * (n + 1.0) / below * fourth - 3.0 * (n - 1.0).powi(2) / ((n - 2.0) * (n - 3.0)))
}
