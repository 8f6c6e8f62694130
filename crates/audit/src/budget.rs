//! How many calls of a kind are noted in a time: so many at once, then one every so often.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A bucket of tokens.
#[derive(Debug)]
pub(crate) struct Budget {
    burst: f64,
    every: Duration,
    left: Mutex<(f64, Instant)>,
}

impl Budget {
    pub fn new(burst: u32, every: Duration) -> Self {
        let burst = f64::from(burst);
        Self { burst, every, left: Mutex::new((burst, Instant::now())) }
    }

    /// Whether there is room for one more.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(left.1);
        let tokens = (left.0 + since.as_secs_f64() / self.every.as_secs_f64()).min(self.burst);
        *left = if tokens >= 1.0 { (tokens - 1.0, now) } else { (tokens, now) };
        tokens >= 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_spends_it_and_time_fills_it_again() {
        let (budget, now) = (Budget::new(3, Duration::from_secs(10)), Instant::now());
        let taken = (0..1_000).filter(|_| budget.take_at(now)).count();
        assert_eq!(taken, 3);
        assert!(!budget.take_at(now + Duration::from_secs(9)));
        assert!(budget.take_at(now + Duration::from_secs(19)));
        let later = now + Duration::from_hours(1);
        assert_eq!((0..1_000).filter(|_| budget.take_at(later)).count(), 3, "no more than the burst is saved up");
    }
}
