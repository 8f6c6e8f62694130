//! Whether two generations hold the same, table by table, while the live one goes on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::Problem;
use alluvium_tablestore::{Error, TablePair};
use tokio::sync::RwLockWriteGuard;

use super::fold::Fold;
use super::lane::Lane;
use super::tables::Tables;

/// Tables that are taken down at one moment, to be compared afterwards.
const PAIRS_MAX: usize = 32;
/// How long the live generation may stand still for the other one, in milliseconds, at the first try; then it goes on, and the
/// next try has twice as long.
const STAND_MS: u64 = 500;
/// How long at the longest, in milliseconds: less than a read waits for its position when it does not say how long.
const STAND_MS_MAX: u64 = 4_000;
/// How often it is tried.
const TRIES_MAX: u32 = 10;
/// How far the other one may be behind when that begins, in messages.
const GAP_MESSAGES_MAX: u64 = 1_000;
/// How long is waited for that, in milliseconds, before it begins anyway.
const APPROACH_MS_MAX: u64 = 10_000;

/// Both generations at the same message, for as long as this lives.
pub(super) struct Level<'a> {
    /// Keeps the live one there.
    _held: RwLockWriteGuard<'a, ()>,
    /// That message.
    pub seq: u64,
}

/// What a comparison found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Tables compared.
    pub tables: usize,
    /// The first difference, if any.
    pub difference: Option<String>,
}

/// Brings both to the same message and holds the live one there. Both go on between tries, so that nobody waits for long.
pub(super) async fn level<'a>(live: &'a Fold, new: &Fold) -> Result<Level<'a>, Problem> {
    if let Some(throttle) = new.throttle.get() {
        throttle.lift();
    }
    let mut stand = Duration::from_millis(STAND_MS);
    for _ in 0..TRIES_MAX {
        approach(live, new).await;
        let (held, seq) = live.hold().await;
        if live.quarantine().is_some() {
            return Ok(Level { _held: held, seq });
        }
        let both = async {
            live.progress.wait_all(seq).await;
            new.progress.wait_all(seq).await;
        };
        let arrived = tokio::time::timeout(stand, both).await;
        if let Some(problem) = new.quarantine() {
            return Err(problem);
        }
        if arrived.is_ok() {
            return Ok(Level { _held: held, seq });
        }
        stand = (stand * 2).min(Duration::from_millis(STAND_MS_MAX));
    }
    let standing = live.lanes().into_iter().find(|lane| lane.view().trouble.is_some());
    let why = standing.map_or_else(
        || "more is written than both can take in".to_owned(),
        |lane| format!("{} stands still", lane.id.rows_subject()),
    );
    Err(Problem::unavailable("projection.lagging", format!("the generations of tables do not meet: {why}; try again")))
}

/// Until the other one has all but the last of what the live one has.
async fn approach(live: &Fold, new: &Fold) {
    let near = async {
        while new.progress.floor() + GAP_MESSAGES_MAX < live.progress.read_to() && new.quarantine().is_none() {
            let target = live.progress.read_to();
            new.progress.wait_all(target.saturating_sub(GAP_MESSAGES_MAX / 2)).await;
        }
    };
    // Who does not come near in time is made to.
    let _ = tokio::time::timeout(Duration::from_millis(APPROACH_MS_MAX), near).await;
}

impl Tables {
    /// Compares every table as it is at one moment in both.
    pub(super) async fn compare(&self, live: &Fold, new: &Fold) -> Result<Found, Problem> {
        let (mut found, mut done) = (Found::default(), HashSet::new());
        loop {
            let level = level(live, new).await?;
            if done.is_empty()
                && let Some(stranger) = new.lanes().iter().find(|lane| live.lane(&lane.id.uid).is_none())
            {
                found.difference = Some(format!("{} is missing in the live generation", stranger.id.rows_subject()));
            }
            let mut lanes = live.lanes();
            lanes.retain(|lane| !done.contains(&lane.id.uid));
            lanes.sort_by_key(|lane| lane.id.rows_subject());
            lanes.truncate(PAIRS_MAX);
            if lanes.is_empty() {
                return Ok(found);
            }
            let mut pairs = Vec::new();
            for lane in lanes {
                done.insert(lane.id.uid.clone());
                match new.lane(&lane.id.uid) {
                    None => found.differs(&lane, "it is in the live generation only"),
                    Some(other) => pairs.push((Arc::clone(&lane), self.pair(&lane, &other).await?)),
                }
            }
            // From here on the live one goes on.
            drop(level);
            for (lane, pair) in pairs {
                found.tables += 1;
                if let Some(difference) = difference(pair).await? {
                    found.differs(&lane, &difference);
                }
            }
        }
    }

    async fn pair(&self, lane: &Lane, other: &Lane) -> Result<Result<TablePair, Error>, Problem> {
        let (hub, a, b) = (self.hub().clone(), lane.file.clone(), other.file.clone());
        tokio::task::spawn_blocking(move || hub.pair(&a, &b)).await.map_err(|_| Problem::internal())
    }
}

async fn difference(pair: Result<TablePair, Error>) -> Result<Option<String>, Problem> {
    let found = tokio::task::spawn_blocking(move || pair.and_then(|pair| pair.first_difference()));
    let found = found.await.map_err(|_| Problem::internal())?;
    Ok(found.unwrap_or_else(|error| Some(format!("it cannot be compared: {error}"))))
}

impl Found {
    fn differs(&mut self, lane: &Lane, how: &str) {
        self.difference.get_or_insert_with(|| format!("{}: {how}", lane.id.rows_subject()));
    }
}
