//! How long things took, in classes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the classes, in microseconds; what is longer is in one more class.
const ENDS_MICROS: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// Counts durations by class.
#[derive(Default)]
pub(crate) struct Histogram {
    counts: [AtomicU64; ENDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

/// One class of a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    /// It has what is longer than this, in seconds.
    pub over: f64,
    /// And not longer than this; none for the last one.
    pub up_to: Option<f64>,
    /// How many.
    pub count: u64,
}

/// A histogram as it was at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub buckets: Vec<Bucket>,
    /// All durations, in seconds.
    pub sum: f64,
    pub count: u64,
}

impl Histogram {
    /// One more.
    pub fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let class = ENDS_MICROS.partition_point(|end| *end < micros);
        self.counts[class].fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How it is now.
    pub fn read(&self) -> Counted {
        let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
        let starts = std::iter::once(0).chain(ENDS_MICROS).map(seconds);
        let ends = ENDS_MICROS.into_iter().map(seconds).map(Some).chain([None]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let bucket = |((over, up_to), count)| Bucket { over, up_to, count };
        let buckets: Vec<Bucket> = starts.zip(ends).zip(counts).map(bucket).collect();
        let count = buckets.iter().map(|bucket| bucket.count).sum();
        Counted { buckets, sum: seconds(self.sum_micros.load(Ordering::Relaxed)), count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_class_that_ends_at_it_or_behind_it() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 10_000_000, 10_000_001, u64::MAX / 4] {
            histogram.took(Duration::from_micros(micros));
        }
        let counted = histogram.read();
        let counts: Vec<u64> = counted.buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!((counted.count, counted.buckets[1].over, counted.buckets[1].up_to), (6, 0.0001, Some(0.00025)));
        assert_eq!(counted.buckets[15].up_to, None);
    }
}
