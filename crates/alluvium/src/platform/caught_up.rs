//! Whether the folds of this process have what was on the log when it began: before that, what it answers is of long ago.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alluvium_kernel::Position;

use super::Platform;
use super::folds::Fold;
use crate::node::TABLES;

/// How long one look waits for a fold that may only have to pass what does not concern it, in milliseconds.
const LOOK_MS: u64 = 200;

/// Where each fold has to come to, until it has.
#[derive(Default)]
pub struct CaughtUp(Mutex<BTreeMap<&'static str, Goal>>);

#[derive(Clone, Copy)]
enum Goal {
    /// The end of its stream, as it was when it was first seen.
    At(u64),
    Reached,
}

impl CaughtUp {
    /// Folds that have not come there yet, with how many sequences they are short of it. A fold that runs elsewhere, or is
    /// quarantined, is none of them.
    pub async fn behind(&self, platform: &Platform, folds: &[Fold]) -> BTreeMap<&'static str, u64> {
        let mut behind = BTreeMap::new();
        for fold in folds.iter().filter(|fold| fold.heartbeat_age_ms.is_some() && fold.state != "quarantined") {
            let goal = match (self.goal(fold.name), fold.last) {
                (Some(goal), _) => goal,
                (None, Some(last)) => Goal::At(last),
                // The log does not answer: another check says so.
                (None, None) => continue,
            };
            let Goal::At(seq) = goal else { continue };
            let reached = fold.watermark >= seq || has_reached(platform, fold, seq).await;
            self.note(fold.name, if reached { Goal::Reached } else { goal });
            if !reached {
                behind.insert(fold.name, seq.saturating_sub(fold.watermark));
            }
        }
        behind
    }

    fn goal(&self, name: &str) -> Option<Goal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    fn note(&self, name: &'static str, goal: Goal) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, goal);
    }
}

async fn has_reached(platform: &Platform, fold: &Fold, seq: u64) -> bool {
    if fold.name == TABLES {
        return platform.tables.as_ref().is_none_or(|tables| tables.has_reached(seq));
    }
    let (position, names) = (Position::of(fold.stream, seq), [fold.name]);
    platform.freshness.wait(&position, &names, Duration::from_millis(LOOK_MS)).await.is_ok()
}
