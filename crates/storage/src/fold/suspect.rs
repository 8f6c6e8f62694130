//! A file that a reader could not read is looked at as a whole; when it is damaged or gone, the table is folded again at once
//! and not only when the next message comes.

use std::time::{Duration, Instant};

use alluvium_kernel::Problem;
use alluvium_tablestore::{ApplyError, Error, Mark};
use nix::sys::statvfs::statvfs;

use super::lane::{Lane, LaneError, UNAVAILABLE};

/// How often those who wait look at the disk, in milliseconds.
const LOOK_EVERY_MS: u64 = 100;
/// How much more must be free on a full disk before a change is tried again, in bytes.
const MORE_BYTES_MIN: u64 = 1 << 20;
/// After this long it is tried anyway.
const FULL_RETRY_MAX: Duration = Duration::from_mins(1);
/// The code of a full disk, and its status.
const FULL: (&str, u16) = ("platform.storage_full", 507);

impl Lane {
    /// Somebody could not read the file: the lane looks at it between two batches.
    pub fn suspect(&self) {
        self.suspected.notify_one();
    }

    /// Reads the whole file; folds the table again when that cannot be done.
    pub(super) async fn check(&self, mark: &mut Option<Mark>) -> Result<(), LaneError> {
        match self.blocking(|hub, file| Ok(hub.check(file)?)).await {
            Ok(()) if !self.is_unfinished().await? => {
                self.over_it();
                return Ok(());
            }
            Ok(()) => *mark = self.look().await?,
            Err(error @ LaneError::Store(Error::Corrupt { .. } | Error::NotFound(_))) => {
                self.report(&error);
                self.move_aside_if_corrupt(&error).await;
                *mark = None;
            }
            Err(error) => return Err(error),
        }
        self.refold(self.progress.read_to() + 1, mark).await?;
        self.over_it();
        tracing::info!(table.id = %self.id.uid, "the table was folded again from the log");
        Ok(())
    }

    /// The file is as it should be. What waits to be applied, or what the table is parked at, is another matter.
    fn over_it(&self) {
        if self.queue.is_idle() && self.view().trouble.is_some_and(|trouble| trouble.code == UNAVAILABLE) {
            self.set_trouble(None);
        }
    }

    /// Waits before the next try. On a full disk that is only worth it once there is more room: each try that fails may end in
    /// an engine that has to be made anew, for which all tables wait.
    pub(super) async fn worth_trying(&self, pause: Duration) {
        let (before, began) = (self.free_bytes(), Instant::now());
        tokio::time::sleep(pause).await;
        while self.full().is_some() && began.elapsed() < FULL_RETRY_MAX && self.free_bytes() < before + MORE_BYTES_MIN {
            tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        }
    }

    /// What is free on the disk of the tables; nothing when nobody knows.
    fn free_bytes(&self) -> u64 {
        statvfs(&self.hub.config().data_dir).map_or(0, |disk| disk.blocks_available() * disk.fragment_size())
    }

    /// Why the table takes nothing in, when that is a full disk.
    pub fn full(&self) -> Option<Problem> {
        self.view().trouble.filter(|trouble| trouble.code == FULL.0)
    }

    /// Resolves when the table finds the disk full.
    pub async fn found_full(&self) -> Problem {
        loop {
            if let Some(problem) = self.full() {
                return problem;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_EVERY_MS)).await;
        }
    }
}

/// What is said of a table that finds the disk full; `None` for other errors.
pub(super) fn disk_full(error: &LaneError, table: &str) -> Option<Problem> {
    let full =
        matches!(error, LaneError::Store(Error::DiskFull) | LaneError::Apply(ApplyError::Store(Error::DiskFull)));
    full.then(|| {
        let detail = format!("{table} takes nothing in: its disk is full. It goes on by itself when there is room.");
        Problem::new(FULL.0, FULL.1, detail)
    })
}
