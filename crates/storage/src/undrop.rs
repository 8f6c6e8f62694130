//! How long what was dropped or deleted can be had back, and what nobody can have back any more.

use std::fmt;
use std::time::Duration;

use alluvium_eventlog::Past;
use alluvium_kernel::{Problem, Token, subject};

use crate::model::limits::UNDROP_DAYS;
use crate::model::names;
use crate::recall;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// How long after it was dropped a table or bucket can be had back, and a deleted project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndropWindow(pub Duration);

impl Default for UndropWindow {
    fn default() -> Self {
        Self(Duration::from_secs(UNDROP_DAYS * DAY_SECONDS))
    }
}

impl UndropWindow {
    pub(crate) fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }

    /// Whether what was dropped then can be had back now, both in microseconds since 1970.
    pub(crate) fn is_open(self, dropped_at: i64, now: i64) -> bool {
        now.saturating_sub(dropped_at) <= self.micros()
    }

    /// When that ends, in microseconds since 1970.
    pub fn ends(self, dropped_at: i64) -> i64 {
        dropped_at.saturating_add(self.micros())
    }
}

impl fmt::Display for UndropWindow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            seconds if seconds > 0 && seconds % DAY_SECONDS == 0 => write!(formatter, "{} days", seconds / DAY_SECONDS),
            seconds => write!(formatter, "{seconds} seconds"),
        }
    }
}

/// Whether an id still stands for nothing, as the log has it, since the project of this uid was deleted that had it last.
pub async fn is_still_deleted(past: &Past, tenant: &Token, project: &str, uid: &str) -> Result<bool, Problem> {
    let id = names::project_aggregate_id(project)?;
    let lives = recall::lives(past, &subject::event(tenant, "storage", "project", &id)).await?;
    Ok(lives.living.is_none() && lives.gone.is_some_and(|(gone, _)| gone.uid == uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_closes_once() {
        let window = UndropWindow(Duration::from_secs(2));
        assert_eq!((window.is_open(10, 2_000_010), window.is_open(10, 2_000_011)), (true, false));
        assert_eq!(window.ends(10), 2_000_010);
        assert_eq!((window.to_string(), UndropWindow::default().to_string()), ("2 seconds".into(), "7 days".into()));
    }
}
