//! How long to wait before something is tried again.

use std::time::Duration;

/// The first wait, in milliseconds.
const FIRST_MS: u64 = 100;

/// Waits that double from a tenth of a second up to a limit.
#[derive(Debug)]
pub(crate) struct Backoff {
    limit: Duration,
    next: Duration,
}

impl Backoff {
    pub fn up_to(limit: Duration) -> Self {
        Self { limit, next: Duration::from_millis(FIRST_MS).min(limit) }
    }

    /// The next wait.
    pub fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = now.saturating_mul(2).min(self.limit);
        now
    }

    /// It worked: begin with short waits again.
    pub fn reset(&mut self) {
        *self = Self::up_to(self.limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let mut backoff = Backoff::up_to(Duration::from_millis(500));
        let waits: Vec<u128> = (0..5).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.next().as_millis(), 100);
    }
}
