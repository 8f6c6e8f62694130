//! Sweeping blobs that nothing on the log needs. What may go is set aside first, the log is read once more, and only what nobody
//! named meanwhile is removed; a sweep that was cut off puts back what it had set aside.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use alluvium_eventlog::blob::{BlobId, Stored};
use alluvium_kernel::{Problem, Timestamp};
use alluvium_messaging::direct;
use serde::Serialize;

use super::marks::{Marks, mentioned};
use super::plan::now_micros;
use super::policy::Policy;
use super::{Retention, busy, unavailable};

/// Younger blobs are left alone, in hours: they may be uploaded before the event that names them.
pub const YOUNG_HOURS: u64 = 24;
/// Commands that may wait to be decided while blobs are swept: each may name one.
const WAITING_COMMANDS_MAX: u64 = 10_000;
/// The stream of commands.
const COMMANDS: &str = "CMD";

/// What a sweep found, and removed unless it was a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Blobs there are.
    pub blobs: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// Blobs that nothing needs and that are too young to go.
    pub young: u64,
    /// Blobs that went, or would go.
    pub swept: u64,
    /// What those take, in bytes.
    pub swept_bytes: u64,
    /// Whether nothing was removed.
    pub dry_run: bool,
}

impl Retention {
    /// Removes blobs that no fold, checkpoint or file needs.
    pub async fn sweep(&self, policy: &Policy, dry_run: bool) -> Result<SweepReport, Problem> {
        let _one = self.running.try_lock().map_err(|_| busy())?;
        let Some(_alone) = self.blobs.alone()? else {
            let detail = "A backup is being made of the blobs, or another process sweeps them; try again later.";
            return Err(Problem::new("storage.retention_busy", 409, detail));
        };
        self.blobs.put_back_all().await?;
        let stored = self.blobs.list().await?;
        let mut marks = Marks::default();
        marks.read_on(&self.tables.js).await?;
        let waiting = self.waiting().await?;
        let free = needless(&stored, &marks, &waiting, policy);
        let old = |stored: &&Stored| age(stored) >= Duration::from_hours(YOUNG_HOURS);
        let going: Vec<Stored> = free.iter().filter(old).cloned().collect();
        let mut report = SweepReport {
            blobs: stored.len() as u64,
            bytes: stored.iter().map(|stored| stored.blob.bytes).sum(),
            young: (free.len() - going.len()) as u64,
            dry_run,
            ..SweepReport::default()
        };
        if dry_run {
            report.went(&going);
            return Ok(report);
        }
        for stored in &going {
            self.blobs.set_aside(&stored.blob.id).await?;
        }
        // Somebody may have named one while it was being set aside.
        marks.read_on(&self.tables.js).await?;
        let waiting = self.waiting().await?;
        let free = needless(&going, &marks, &waiting, policy);
        for stored in &free {
            self.blobs.discard(&stored.blob.id).await?;
        }
        self.blobs.put_back_all().await?;
        report.went(&free);
        metrics::counter!("alluvium_retention_swept_bytes_total").increment(report.swept_bytes);
        tracing::info!(blobs = report.swept, bytes = report.swept_bytes, "blobs that nothing needs were swept");
        Ok(report)
    }

    /// Blobs that commands name which are not decided yet.
    async fn waiting(&self) -> Result<HashSet<BlobId>, Problem> {
        let extent = direct::extent(&self.tables.js, COMMANDS).await.map_err(unavailable)?;
        if extent.messages > WAITING_COMMANDS_MAX {
            let detail = format!("{} commands wait to be decided, and each may name a blob.", extent.messages);
            return Err(Problem::new("storage.retention_busy", 409, detail));
        }
        let (mut named, mut from) = (HashSet::new(), extent.first);
        while let Some(message) =
            direct::leader_next(&self.tables.js, COMMANDS, ">", from).await.map_err(unavailable)?
        {
            from = message.seq + 1;
            named.extend(mentioned(&message.payload));
            if message.seq >= extent.last {
                break;
            }
        }
        Ok(named)
    }
}

impl SweepReport {
    fn went(&mut self, gone: &[Stored]) {
        self.swept = gone.len() as u64;
        self.swept_bytes = gone.iter().map(|stored| stored.blob.bytes).sum();
    }
}

/// What nothing needs.
fn needless(stored: &[Stored], marks: &Marks, waiting: &HashSet<BlobId>, policy: &Policy) -> Vec<Stored> {
    let keep = i64::try_from(policy.keep.as_micros()).unwrap_or(i64::MAX);
    let past = Timestamp::from_micros(now_micros().saturating_sub(keep));
    let free = |stored: &&Stored| !marks.needs(&stored.blob.id, past) && !waiting.contains(&stored.blob.id);
    stored.iter().filter(free).cloned().collect()
}

fn age(stored: &Stored) -> Duration {
    SystemTime::now().duration_since(stored.modified).unwrap_or_default()
}
