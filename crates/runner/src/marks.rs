//! What comes in for a pipeline beside rows: the time, and where transactions begin and end.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Problem, Token};
use alluvium_messaging::batch::{Draft, publish_batch};
use alluvium_messaging::{LogMessage, direct};
use alluvium_pipelines::Place;
use alluvium_pipelines::model::RuntimeStatus;
use async_nats::{HeaderMap, jetstream};
use uuid::Uuid;

use crate::dead::Dead;
use crate::deployment::Deployment;

/// The last parts of the subjects.
const CLOCK: &str = "clock";
const TRANSACTION: &str = "transaction";
const ERRORS: &str = "errors";
/// How a payload says that a transaction begins or ends; its number follows.
const BEGIN: &str = "begin ";
const COMMIT: &str = "commit ";
/// The end of the year 9999, in microseconds since 1970.
const MICROS_MAX: i64 = 253_402_300_799_999_999;

/// One message for a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Rows for a table.
    Rows(String),
    /// It is this late, in microseconds since 1970.
    Clock(i64),
    /// From here on all that comes in is one step.
    Begin(u64),
    /// Up to here.
    Commit(u64),
    /// What a connector brought and nobody can read.
    Errors(Vec<Dead>),
}

/// What a message is; none if it is nothing that a pipeline takes in.
pub(crate) fn read(message: &LogMessage) -> Option<Mark> {
    of(&message.subject, &message.payload)
}

fn of(subject: &str, payload: &[u8]) -> Option<Mark> {
    let parts: Vec<&str> = subject.split('.').collect();
    let text = || std::str::from_utf8(payload).ok();
    match parts.as_slice() {
        ["pl", _, _, "rows", table] => Token::parse(table).ok().map(|table| Mark::Rows(table.decode())),
        ["pl", _, _, CLOCK] => text()?.parse().ok().map(Mark::Clock),
        ["pl", _, _, TRANSACTION] => {
            let text = text()?;
            let number = |rest: &str| rest.parse::<u64>().ok();
            text.strip_prefix(BEGIN)
                .and_then(number)
                .map(Mark::Begin)
                .or_else(|| text.strip_prefix(COMMIT).and_then(number).map(Mark::Commit))
        }
        ["pl", _, _, ERRORS] => serde_json::from_slice(payload).ok().map(Mark::Errors),
        _ => None,
    }
}

/// Says how late it is. Gives the sequence of the message.
pub(crate) async fn tick(js: &jetstream::Context, place: &Place, micros: i64) -> Result<u64, Problem> {
    publish(js, place, CLOCK, &micros.to_string()).await
}

/// Says where a transaction begins.
pub(crate) async fn begin(js: &jetstream::Context, place: &Place, id: u64) -> Result<u64, Problem> {
    publish(js, place, TRANSACTION, &format!("{BEGIN}{id}")).await
}

/// Says where it ends.
pub(crate) async fn commit(js: &jetstream::Context, place: &Place, id: u64) -> Result<u64, Problem> {
    publish(js, place, TRANSACTION, &format!("{COMMIT}{id}")).await
}

async fn publish(js: &jetstream::Context, place: &Place, what: &str, payload: &str) -> Result<u64, Problem> {
    let subject = format!("{}.{what}", crate::input::prefix(place)?);
    let draft = Draft { subject, headers: HeaderMap::new(), payload: payload.to_owned().into() };
    let id = Uuid::new_v4().simple().to_string();
    publish_batch(js, &id, vec![draft]).await.map_err(Problem::from)
}

/// The number of the last transaction; 0 if there was none.
pub(crate) async fn last_transaction(js: &jetstream::Context, place: &Place) -> Result<u64, Problem> {
    let subject = format!("{}.{TRANSACTION}", crate::input::prefix(place)?);
    let last = direct::leader_last(js, crate::input::STREAM, &subject).await?;
    Ok(match last.as_ref().and_then(read) {
        Some(Mark::Begin(id) | Mark::Commit(id)) => id,
        _ => 0,
    })
}

/// How the clock of a pipeline goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    /// How often it moves.
    pub resolution_micros: i64,
    /// How far it is ahead of UTC.
    pub offset_micros: i64,
    /// Whether it moves only when somebody says so.
    pub is_driven: bool,
}

impl Clock {
    /// As the configuration of a pipeline says.
    pub fn of(runtime_config: &serde_json::Value) -> Self {
        let resolution = runtime_config["clock_resolution_usecs"].as_i64().unwrap_or(1_000_000).max(1_000);
        let tweaks = &runtime_config["dev_tweaks"];
        let zone = runtime_config["clock_timezone_offset"].as_str().and_then(zone_micros).unwrap_or_default();
        let shift = tweaks["now_offset"].as_i64().unwrap_or_default().saturating_mul(1_000);
        Self {
            resolution_micros: resolution,
            offset_micros: zone.saturating_add(shift),
            is_driven: tweaks["now_http_driven"].as_bool().unwrap_or_default(),
        }
    }

    /// The time at a moment, in steps of the clock.
    pub fn at(&self, micros: i64) -> i64 {
        let shifted = micros.saturating_add(self.offset_micros);
        shifted - shifted.rem_euclid(self.resolution_micros)
    }

    /// So many milliseconds after a time, rounded up to a step of the clock; the next step when nothing is said. None if that is beyond
    /// what SQL can say.
    fn after(&self, micros: i64, by_ms: Option<u64>) -> Option<i64> {
        let by = match by_ms {
            Some(0) => return Some(micros),
            Some(by) => i64::try_from(by).ok()?.checked_mul(1_000)?,
            None => self.resolution_micros,
        };
        let then = micros.checked_add(by)?;
        let over = then.rem_euclid(self.resolution_micros);
        let then = if over == 0 { then } else { then.checked_add(self.resolution_micros - over)? };
        (then <= MICROS_MAX).then_some(then)
    }
}

/// `+05:30` in microseconds.
fn zone_micros(text: &str) -> Option<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60 && hours >= 0 && minutes >= 0).then_some(sign * (hours * 60 + minutes) * 60_000_000)
}

/// A clock that moves only when somebody says so.
pub(crate) struct Driven {
    clock: Clock,
    /// How late it is, in microseconds since 1970.
    now: tokio::sync::Mutex<i64>,
}

impl Driven {
    /// It stands where it was moved to last; when that never happened, at the time that it is.
    pub async fn begin(js: &jetstream::Context, place: &Place, clock: Clock) -> Result<Self, Problem> {
        let subject = format!("{}.{CLOCK}", crate::input::prefix(place)?);
        let last = direct::leader_last(js, crate::input::STREAM, &subject).await?;
        let now = if let Some(Mark::Clock(now)) = last.as_ref().and_then(read) {
            now
        } else {
            let now = clock.at(crate::now().micros());
            tick(js, place, now).await?;
            now
        };
        Ok(Self { clock, now: tokio::sync::Mutex::new(now) })
    }

    /// Moves it forward by so many milliseconds, in whole steps of it; by one step when nothing is said. Gives how late it is then, in
    /// microseconds since 1970.
    pub async fn advance(&self, js: &jetstream::Context, place: &Place, by_ms: Option<u64>) -> Result<i64, Problem> {
        let mut now = self.now.lock().await;
        let then = self.clock.after(*now, by_ms).ok_or_else(|| {
            let detail = "`delta_ms` leads beyond the end of time.";
            Problem::new("pipelines.invalid_param", 400, detail)
        })?;
        if then != *now {
            tick(js, place, then).await?;
            *now = then;
        }
        Ok(then)
    }
}

/// Lets the clock of a running pipeline go, until it ends.
pub(crate) async fn keep_time(js: jetstream::Context, deployment: Arc<Deployment>, clock: Clock) {
    let mut pace = tokio::time::interval(Duration::from_micros(clock.resolution_micros.unsigned_abs()));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = deployment.stop.cancelled() => return,
            _ = pace.tick() => {}
        }
        if deployment.status() != RuntimeStatus::Running {
            continue;
        }
        if let Err(problem) = tick(&js, &deployment.deployed.place, clock.at(crate::now().micros())).await {
            tracing::warn!(pipeline.id = deployment.deployed.place.pipeline, %problem, "the clock of a pipeline stands still");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_rows_or_marks_or_nothing() {
        for (subject, payload, mark) in [
            ("pl.a.b.rows.Gr%C3%B6%C3%9Fe", "", Some(Mark::Rows("Größe".into()))),
            ("pl.a.b.clock", "-7", Some(Mark::Clock(-7))),
            ("pl.a.b.transaction", "begin 12", Some(Mark::Begin(12))),
            ("pl.a.b.transaction", "commit 12", Some(Mark::Commit(12))),
            ("pl.a.b.transaction", "begin", None),
            ("pl.a.b.transaction", "commit x", None),
            ("pl.a.b.clock", "late", None),
            ("pl.a.b.errors", "[]", Some(Mark::Errors(vec![]))),
            ("pl.a.b.errors", "[1]", None),
            ("pl.a.b.at.t%2Ec", "{}", None),
            ("pl.a.b.began", "", None),
            ("pl.a.b.rows", "", None),
            ("pl.a.b.rows.x.y", "", None),
            ("rows.a.b.c.d", "", None),
        ] {
            assert_eq!(of(subject, payload.as_bytes()), mark, "{subject} {payload}");
        }
    }

    #[test]
    fn clocks_are_driven_in_whole_steps_and_not_beyond_the_end_of_time() {
        let clock = Clock { resolution_micros: 10_000, offset_micros: 0, is_driven: true };
        for (from, by_ms, then) in [
            (20_000, None, Some(30_000)),
            (20_000, Some(0), Some(20_000)),
            (20_000, Some(1), Some(30_000)),
            (20_000, Some(10), Some(30_000)),
            (20_000, Some(11), Some(40_000)),
            (-20_000, Some(11), Some(0)),
            (25_000, None, Some(40_000)),
            (0, Some(u64::MAX), None),
            (0, Some(MICROS_MAX as u64 / 1_000), None),
            (0, Some(MICROS_MAX as u64 / 1_000 - 10), Some(MICROS_MAX + 1 - 10_000)),
        ] {
            assert_eq!(clock.after(from, by_ms), then, "{from} {by_ms:?}");
        }
    }

    #[test]
    fn clocks_go_in_steps_and_zones() {
        let clock = Clock::of(&json!({}));
        assert_eq!(clock, Clock { resolution_micros: 1_000_000, offset_micros: 0, is_driven: false });
        assert_eq!((clock.at(1_999_999), clock.at(-1)), (1_000_000, -1_000_000));
        let config = json!({
            "clock_resolution_usecs": 10_000, "clock_timezone_offset": "+05:30",
            "dev_tweaks": {"now_offset": -1_000, "now_http_driven": true},
        });
        let clock = Clock::of(&config);
        assert_eq!((clock.offset_micros, clock.is_driven), (19_800_000_000 - 1_000_000, true));
        for (text, micros) in
            [("-01:00", Some(-3_600_000_000)), ("02:00", Some(7_200_000_000)), ("x", None), ("+25:00", None)]
        {
            assert_eq!(zone_micros(text), micros, "{text}");
        }
    }
}
