//! The log as it was: points people write, what stood at them, and aggregates folded up to them.

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_kernel::{Position, Problem, Timestamp};
use alluvium_messaging::{LogMessage, direct};
use async_nats::jetstream;

use crate::stored::{LogAggregate, Stored};

/// How far a clock may be ahead of ours before a moment counts as not yet come, in microseconds.
const CLOCK_SKEW_MICROS_MAX: i64 = 5_000_000;

/// A point of one stream, as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// As it is.
    Now,
    /// With this message, and without any after it.
    Seq(u64),
    /// With all that the stream had taken in by the end of this microsecond.
    Time(Timestamp),
}

impl Point {
    /// Reads `now`, `STREAM:SEQUENCE`, a bare sequence, a position token or an RFC 3339 time.
    pub fn parse(text: &str, stream: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(seq));
        }
        if let Ok(position) = Position::from_token(text) {
            return match position.seq(stream) {
                0 => Err(invalid(text, &format!("it says nothing of the stream {stream}"))),
                seq => Ok(Self::Seq(seq)),
            };
        }
        // In a query `+` means a blank, and a copied `+00:00` arrives as one.
        if let Some(time) = Timestamp::parse(text).or_else(|| Timestamp::parse(&text.replace(' ', "+"))) {
            return Ok(Self::Time(time));
        }
        match text.split_once(':').and_then(|(named, seq)| Some((named, seq.parse::<u64>().ok()?))) {
            Some((named, seq)) if named == stream => Ok(Self::Seq(seq)),
            Some((named, _)) => Err(invalid(text, &format!("this is on the stream {stream}, not on {named}"))),
            None => Err(invalid(text, &format!("write {stream}:42, a position token, or 2026-01-02T03:04:05Z"))),
        }
    }
}

fn invalid(text: &str, why: &str) -> Problem {
    Problem::new("platform.invalid_point", 400, format!("`{text}` is no point of the log here: {why}."))
}

/// One stream's past. Cheap to clone.
#[derive(Clone)]
pub struct Past {
    js: jetstream::Context,
    stream: &'static str,
}

impl Past {
    /// Of a stream.
    pub fn new(js: jetstream::Context, stream: &'static str) -> Self {
        Self { js, stream }
    }

    /// The stream.
    pub fn stream(&self) -> &'static str {
        self.stream
    }

    /// The last sequence that counts at a point: asked of the stream's leader, the time too. 0 is before everything.
    ///
    /// A point that has not come is `platform.point_in_future`; one whose messages are gone is `platform.point_expired`.
    pub async fn resolve(&self, point: &Point) -> Result<u64, Problem> {
        let extent = direct::extent(&self.js, self.stream).await?;
        let seq = match *point {
            Point::Now => extent.last,
            Point::Seq(seq) if seq > extent.last => {
                let detail = format!("{}:{seq} has not come yet; the last is {}.", self.stream, extent.last);
                return Err(Problem::new("platform.point_in_future", 400, detail));
            }
            Point::Seq(seq) => seq,
            Point::Time(time) if time.micros() > now_micros().saturating_add(CLOCK_SKEW_MICROS_MAX) => {
                let detail = format!("{time} has not come yet.");
                return Err(Problem::new("platform.point_in_future", 400, detail));
            }
            Point::Time(time) => {
                // The stream counts nanoseconds, people copy microseconds: a message's own printed time includes it.
                let after = Timestamp::from_micros(time.micros().saturating_add(1));
                match direct::leader_since(&self.js, self.stream, after).await? {
                    Some(next) => next - 1,
                    None => extent.last,
                }
            }
        };
        // What is now needs nothing that is gone: only what was applied since a purge is asked for below.
        if extent.first > 1 && seq < extent.first && *point != Point::Now {
            let detail = format!(
                "{}:{seq} is no longer on the log, which begins at {}: what was then cannot be told.",
                self.stream, extent.first
            );
            return Err(Problem::new("platform.point_expired", 410, detail));
        }
        Ok(seq)
    }

    /// The message at a sequence, from the leader.
    pub async fn message(&self, seq: u64) -> Result<Option<LogMessage>, Problem> {
        Ok(direct::leader_at(&self.js, self.stream, seq).await?)
    }

    /// Messages of a concrete subject in order, from `from` up to and with `up_to`; none that the leader has is left out.
    /// `each` may say that it has had enough by giving `false`.
    pub async fn walk(
        &self,
        subject: &str,
        from: u64,
        up_to: u64,
        mut each: impl FnMut(LogMessage) -> Result<bool, Problem>,
    ) -> Result<(), Problem> {
        let mut next = from.max(1);
        if next > up_to {
            return Ok(());
        }
        loop {
            let page = direct::history(&self.js, self.stream, subject, next).await?;
            let more = page.last().is_some_and(|last| last.pending > 0);
            for message in page {
                next = message.seq + 1;
                if message.seq > up_to || !each(message)? {
                    return Ok(());
                }
            }
            if !more {
                break;
            }
        }
        // The batches may come from a replica that is behind.
        while let Some(message) = direct::leader_next(&self.js, self.stream, subject, next).await? {
            next = message.seq + 1;
            if message.seq > up_to || !each(message)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// An aggregate as it was with message `up_to`.
    pub async fn load<A: LogAggregate>(&self, subject: &str, up_to: u64) -> Result<Stored<A>, Problem> {
        let mut stored = Stored::default();
        self.walk(subject, 1, up_to, |message| stored.fold(&message).map(|()| true)).await?;
        Ok(stored)
    }
}

fn now_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_as_people_write_them() {
        let read = |text: &str| Point::parse(text, "STORAGE");
        assert_eq!(read("now").unwrap(), Point::Now);
        assert_eq!(read("STORAGE:42").unwrap(), Point::Seq(42));
        assert_eq!(read(" 42 ").unwrap(), Point::Seq(42));
        assert_eq!(read(&Position::of("STORAGE", 7).to_token()).unwrap(), Point::Seq(7));
        let time = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        assert_eq!(read("2026-01-02T03:04:05Z").unwrap(), Point::Time(time));
        assert_eq!(read("2026-01-02T04:04:05 01:00").unwrap(), Point::Time(time));
        for bad in ["", "yesterday", "STORAGE:", "OTHER:3", "-1", &Position::of("OTHER", 7).to_token()] {
            assert_eq!(read(bad).unwrap_err().code, "platform.invalid_point", "{bad}");
        }
    }
}
