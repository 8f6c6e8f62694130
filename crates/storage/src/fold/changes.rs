//! What became of a table's rows between two points of the log. Both states are folded into files of their own, so nobody who writes
//! the table, or ends it, waits for the comparison.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Position, Problem};
use alluvium_tablestore::{Changes, ChangesFormat, ChangesSpec, Error, Stop};
use tokio::sync::Semaphore;

use super::fold::STREAM;
use super::long::long;
use super::past::{LIVE_WAIT_SECONDS, Version, over_budget};
use super::read::store_problem;
use super::routing::TableId;
use super::tables::Tables;

/// How long comparing two states of a table may take, in seconds.
const COMPARE_SECONDS_MAX: u64 = 240;
/// How large the changes may be as they are written, in bytes.
const CHANGES_BYTES_MAX: u64 = 1 << 30;
/// Comparisons that run at once; others wait, within the time of their requests.
const COMPARISONS_MAX: usize = 2;

static TURNS: Semaphore = Semaphore::const_new(COMPARISONS_MAX);

/// A table, as what names stood for at a point of the log.
pub struct TableThen {
    /// Which table.
    pub id: TableId,
    /// The last message that counts.
    pub seq: u64,
}

impl Tables {
    /// What became of the rows that `from` had, in the rows and columns of `to`.
    pub async fn changes(&self, from: &TableThen, to: &TableThen, format: ChangesFormat) -> Result<Changes, Problem> {
        // One after the other: together they would take both turns that there are for folding.
        let earlier = self.then(from).await?;
        let later = self.then(to).await?;
        let _turn = TURNS.acquire().await.map_err(|_| Problem::internal())?;
        let stop = Stop::default();
        let _given_up = GivenUp(stop.clone());
        let hub = self.hub().clone();
        let spec = ChangesSpec { format, timeout_ms: COMPARE_SECONDS_MAX * 1_000, bytes_max: CHANGES_BYTES_MAX };
        // Both are held until it is done, so that no file goes while it is read.
        let compare = move || hub.changes(earlier.file(), later.file(), spec, &stop);
        long(compare).await?.map_err(|error| match error {
            Error::QueryTimeout { .. } => {
                let table = to.id.table.decode();
                over_budget(format!("Comparing table {table} takes longer than {COMPARE_SECONDS_MAX} s."))
            }
            error => store_problem(error),
        })
    }

    async fn then(&self, of: &TableThen) -> Result<Arc<Version>, Problem> {
        self.version_of(&of.id, self.last_change(&of.id, of.seq).await?).await
    }

    /// The earliest message that is known to have left a table as it was with `seq`: who asks again and again for what is new folds
    /// a table only when it changed.
    async fn last_change(&self, id: &TableId, seq: u64) -> Result<u64, Problem> {
        let Some(lane) = self.fold().lane(&id.uid) else { return Ok(seq) };
        let reached = Position::of(STREAM, seq);
        self.wait_table(&id.uid, &reached, Duration::from_secs(LIVE_WAIT_SECONDS)).await?;
        let (hub, file) = (self.hub().clone(), lane.file.clone());
        let mark = tokio::task::spawn_blocking(move || hub.mark(&file)).await.map_err(|_| Problem::internal())?;
        // A file that cannot be read is its lane's own matter.
        let mark = mark.ok().flatten().map(|mark| mark.seq);
        let floor = self.fold().kept().floor(&id.uid);
        Ok(mark.filter(|mark| (floor..=seq).contains(mark)).unwrap_or(seq))
    }
}

/// Ends the work when whoever asked for it is gone.
struct GivenUp(Stop);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_away_ends_the_work() {
        let stop = Stop::default();
        let given_up = GivenUp(stop.clone());
        assert!(!stop.is_given_up());
        drop(given_up);
        assert!(stop.is_given_up());
    }
}
