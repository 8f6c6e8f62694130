//! Whether this process's clock agrees with the log's.
//!
//! A command that is signed too long before or after the log takes it in is refused, and a refusal stays with the command's id.
//! So who signs looks at the clock first: what is not sent can be sent again under its id once the clock is right.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_kernel::{Problem, SIGNATURE_SKEW_MAX_SECONDS, Timestamp};
use async_nats::jetstream;
use serde::Deserialize;
use tokio::time::Instant;

use crate::executor::STREAM;

/// How long a look holds, in seconds.
const LOOK_SECONDS: u64 = 60;
/// How far the clock may run away from the machine's steady one before it is looked at again, in microseconds.
const JUMP_MICROS_MAX: u64 = 1_000_000;
/// How long the log may take to tell its time, in milliseconds; who hears nothing finds out by sending.
const ANSWER_MS_MAX: u64 = 1_000;
/// How far the clock may be off: a little less than what is refused, so that nothing is sent that will be.
const OFF_SECONDS_MAX: u64 = SIGNATURE_SKEW_MAX_SECONDS as u64 - 10;

/// Looks at the clock now and then, and whenever it jumps.
pub(crate) struct Clock {
    began: Instant,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    /// How far the clock was ahead of the steady one.
    lead_micros: i64,
}

/// What every answer of the log's interface says.
#[derive(Deserialize)]
struct Answer {
    ts: String,
}

impl Clock {
    pub fn new() -> Self {
        Self { began: Instant::now(), seen: Mutex::default() }
    }

    /// Refuses when the clock is too far from the log's.
    pub async fn check(&self, js: &jetstream::Context) -> Result<(), Problem> {
        if self.holds(self.lead_micros()) {
            return Ok(());
        }
        let asked = js.request(format!("STREAM.INFO.{STREAM}"), &());
        let asked = tokio::time::timeout(Duration::from_millis(ANSWER_MS_MAX), asked);
        let Ok(Ok(Answer { ts })) = asked.await else { return Ok(()) };
        let Some(theirs) = Timestamp::parse(&ts) else { return Ok(()) };
        let off_seconds = now_micros().abs_diff(theirs.micros()) / 1_000_000;
        if off_seconds > OFF_SECONDS_MAX {
            let detail = format!(
                "The clock of this process is {off_seconds} s away from that of nats-server. Nothing was sent: set the clock, \
                 and send it again."
            );
            return Err(Problem::unavailable("command.clock_off", detail));
        }
        let seen = Seen { at: Instant::now(), lead_micros: self.lead_micros() };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(())
    }

    fn holds(&self, lead_micros: i64) -> bool {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|seen| {
            seen.at.elapsed() < Duration::from_secs(LOOK_SECONDS)
                && seen.lead_micros.abs_diff(lead_micros) <= JUMP_MICROS_MAX
        })
    }

    fn lead_micros(&self) -> i64 {
        now_micros() - self.began.elapsed().as_micros() as i64
    }
}

fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_holds_until_the_clock_jumps() {
        let clock = Clock::new();
        let lead = clock.lead_micros();
        assert!(!clock.holds(lead), "nobody has looked yet");
        *clock.seen.lock().unwrap() = Some(Seen { at: Instant::now(), lead_micros: lead });
        assert!(clock.holds(lead) && clock.holds(lead + 500_000));
        assert!(!clock.holds(lead + 86_400_000_000) && !clock.holds(lead - 86_400_000_000));
    }
}
