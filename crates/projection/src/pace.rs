//! How fast a rebuild may go: it shares the log, the database and the disk with those who read and write meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a rebuild that went too fast may make good for later: at most so much of a rate is used at once, in milliseconds.
const BURST_MS: u64 = 100;
/// The longest single pause, in milliseconds, so that a pace that was set too low by mistake still shows progress.
const PAUSE_MS_MAX: u64 = 10_000;

/// The pace that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At most so many events a second; 0 is without limit.
    pub events_per_second: u64,
    /// At most so much of the time, in percent (1 to 100); it pauses for the rest.
    pub share_percent: u32,
}

impl Default for Pace {
    /// As fast as it can.
    fn default() -> Self {
        Self { events_per_second: 0, share_percent: 100 }
    }
}

/// Keeps a pace, until it is lifted.
#[derive(Debug)]
pub struct Throttle {
    pace: Pace,
    state: Mutex<State>,
    lifted: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// Until when events that are done already are paid for by the rate.
    paid_until: Instant,
    /// When the last pause ended.
    worked_since: Instant,
}

impl Throttle {
    /// Begins to count now.
    pub fn new(pace: Pace) -> Self {
        let now = Instant::now();
        Self { pace, state: Mutex::new(State { paid_until: now, worked_since: now }), lifted: CancellationToken::new() }
    }

    /// After so many events were taken on: waits as long as the pace demands.
    pub async fn after(&self, events: u64) {
        if self.lifted.is_cancelled() {
            return;
        }
        let pause = self.due(events, Instant::now());
        if !pause.is_zero() {
            tokio::select! {
                () = self.lifted.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).worked_since = Instant::now();
    }

    fn due(&self, events: u64, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let worked = now.saturating_duration_since(state.worked_since);
        let share = self.pace.share_percent.clamp(1, 100);
        let by_share = worked * (100 - share) / share;
        let by_rate = if self.pace.events_per_second == 0 {
            Duration::ZERO
        } else {
            let cost = Duration::from_secs_f64(events as f64 / self.pace.events_per_second as f64);
            let earliest = now.checked_sub(Duration::from_millis(BURST_MS)).unwrap_or(now);
            state.paid_until = state.paid_until.max(earliest) + cost;
            state.paid_until.saturating_duration_since(now)
        };
        by_share.max(by_rate).min(Duration::from_millis(PAUSE_MS_MAX))
    }

    /// As fast as it can from here on: others wait for the end.
    pub fn lift(&self) {
        self.lifted.cancel();
    }

    /// Whether it goes as fast as it can.
    pub fn is_lifted(&self) -> bool {
        self.lifted.is_cancelled() || self.pace == Pace::default()
    }

    /// How many events to take on between two pauses, so that a slow pace is an even one.
    pub fn stride(&self, usual: u64) -> u64 {
        match self.pace.events_per_second {
            _ if self.lifted.is_cancelled() => usual,
            0 => usual,
            rate => (rate * BURST_MS / 1_000).max(1).min(usual),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(events_per_second: u64, share_percent: u32) -> Throttle {
        Throttle::new(Pace { events_per_second, share_percent })
    }

    #[tokio::test]
    async fn a_rate_is_kept_and_a_lifted_one_is_not() {
        let throttle = throttle(1_000, 100);
        let began = Instant::now();
        for _ in 0..5 {
            throttle.after(100).await;
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(500 - BURST_MS), "500 events at 1,000 a second took {took:?}");
        assert_eq!(throttle.due(2_000_000, Instant::now()).as_millis(), u128::from(PAUSE_MS_MAX));
        throttle.lift();
        let began = Instant::now();
        throttle.after(1_000_000).await;
        assert!(began.elapsed() < Duration::from_millis(PAUSE_MS_MAX) / 2);
    }

    #[tokio::test]
    async fn a_share_of_the_time_pauses_for_the_rest() {
        let throttle = throttle(0, 25);
        let now = throttle.state.lock().unwrap().worked_since + Duration::from_millis(100);
        assert_eq!(throttle.due(5, now).as_millis(), 300);
        let free = Throttle::new(Pace::default());
        assert_eq!(free.due(1_000_000, now + Duration::from_secs(9)), Duration::ZERO);
        let slow = Throttle::new(Pace { events_per_second: 50, share_percent: 100 });
        assert_eq!((free.stride(64), slow.stride(64), slow.stride(0)), (64, 5, 0));
    }
}
