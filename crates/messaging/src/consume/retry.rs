//! When a message that failed is tried again.

use std::time::Duration;

/// The shortest pause before another try, in milliseconds.
const PAUSE_MS_MIN: u64 = 10;
/// Tries when nothing else is said.
const ATTEMPTS: u32 = 6;

/// When a message that failed is tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    base: Duration,
    factor: f64,
    cap: Duration,
    attempts: u32,
    mode: Option<RetryMode>,
}

/// Where a message waits for its next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryMode {
    /// In its lane: later messages of the lane wait behind it, others go on. Order is kept.
    InLane,
    /// At the broker, which delivers it again; others overtake it. On Kafka it waits on a retry topic, `<topic>.<group>.retry.<n>`, for
    /// 5 s, 1 min or 10 min: what comes nearest to its pause. The loop makes those topics if they are missing.
    Redeliver,
}

impl Default for Retry {
    fn default() -> Self {
        Self::exponential(Duration::from_millis(200), 2.0, Duration::from_mins(1))
    }
}

impl Retry {
    /// The pause grows from `base` by `factor` with each failure, up to `cap`; how much of it is waited is left to chance.
    pub fn exponential(base: Duration, factor: f64, cap: Duration) -> Self {
        let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        Self { base, factor, cap, attempts: ATTEMPTS, mode: None }
    }

    /// Never again: the first failure is the last.
    pub fn never() -> Self {
        Self::default().attempts(1)
    }

    /// How often a message is tried, the first time included.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Where messages wait. Without it: in their lane when messages are ordered, else at the broker.
    #[must_use]
    pub fn mode(mut self, mode: RetryMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// How often a message is tried.
    pub(crate) fn attempts_max(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn chosen_mode(&self) -> Option<RetryMode> {
        self.mode
    }

    /// The longest that may be waited after failure number `failure`, from 1.
    pub(crate) fn most(&self, failure: u32) -> Duration {
        let grown = self.base.as_secs_f64() * self.factor.powi(failure.saturating_sub(1).min(1_000) as i32);
        let capped = grown.min(self.cap.as_secs_f64()).max(0.0);
        Duration::try_from_secs_f64(capped).unwrap_or(self.cap)
    }

    /// How long to wait now: any time up to [`Self::most`], so that what failed together does not come back together.
    pub(crate) fn pause(&self, failure: u32) -> Duration {
        let most = self.most(failure);
        let chance = uuid::Uuid::new_v4().as_u64_pair().0 as f64 / u64::MAX as f64;
        most.mul_f64(chance).max(Duration::from_millis(PAUSE_MS_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_cap_and_are_jittered() {
        let retry = Retry::exponential(Duration::from_millis(200), 2.0, Duration::from_mins(1));
        assert_eq!(retry.most(1), Duration::from_millis(200));
        assert_eq!(retry.most(4), Duration::from_millis(1_600));
        assert_eq!(retry.most(40), Duration::from_mins(1));
        assert_eq!(retry.most(u32::MAX), Duration::from_mins(1));
        let pauses: Vec<Duration> = (0..100).map(|_| retry.pause(10)).collect();
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_mins(1) && pause.as_millis() >= 10));
        assert!(pauses.iter().any(|pause| pause.as_secs() < 30) && pauses.iter().any(|pause| pause.as_secs() >= 30));
        assert_eq!(Retry::exponential(Duration::ZERO, f64::NAN, Duration::ZERO).pause(3), Duration::from_millis(10));
    }
}
