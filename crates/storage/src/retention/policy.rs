//! What retention wants for one table: pure.

use std::time::Duration;

use crate::fold::{Checkpoint, KeptTable};

/// Messages of a table since its last checkpoint before another one is worth it.
pub const MESSAGES_MIN: u64 = 1_000;
/// Checkpoints that are made within one window at the most: each costs a copy of the table until it is out of the window.
const CHECKPOINTS_PER_WINDOW: u32 = 4;

/// How long rows are kept on the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How far back a table stays readable as it was.
    pub keep: Duration,
    /// Messages of a table since its last checkpoint before another one is made.
    pub messages_min: u64,
}

/// What is to be done for a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Make a checkpoint.
    pub checkpoint: bool,
    /// Purge rows up to here.
    pub purge: Option<Purge>,
}

/// Up to where rows are purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purge {
    /// Up to a checkpoint that is there.
    At(u64),
    /// Up to the one that is made first.
    Fresh,
}

impl Policy {
    /// What is to be done for a table that is folded up to `folded` and got so many messages since its last checkpoint.
    /// `allowed` says whether rows may go up to a sequence: somebody may need what was before it.
    pub fn steps(
        &self,
        now_micros: i64,
        table: &KeptTable,
        folded: u64,
        messages: u64,
        allowed: impl Fn(u64) -> bool,
    ) -> Steps {
        let newest = table.checkpoints.last();
        let age = |at: i64| Duration::from_micros(u64::try_from(now_micros.saturating_sub(at)).unwrap_or(0));
        let rested = newest.is_none_or(|newest| age(newest.at.micros()) >= self.keep / CHECKPOINTS_PER_WINDOW);
        let further = folded > newest.map_or(table.floor, |newest| newest.seq);
        let checkpoint = rested && further && messages >= self.messages_min.max(1);
        if checkpoint && self.keep.is_zero() && allowed(folded) {
            return Steps { checkpoint, purge: Some(Purge::Fresh) };
        }
        // Whatever is asked about a moment within the window can begin at a checkpoint that was made before it.
        let usable = |checkpoint: &&Checkpoint| age(checkpoint.at.micros()) >= self.keep && allowed(checkpoint.seq);
        let base = table.checkpoints.iter().rev().find(usable);
        Steps { checkpoint, purge: base.filter(|base| base.seq > table.floor).map(|base| Purge::At(base.seq)) }
    }

    /// Whether something of this time is out of the window.
    pub fn is_past(&self, now_micros: i64, at_micros: i64) -> bool {
        let keep = i64::try_from(self.keep.as_micros()).unwrap_or(i64::MAX);
        at_micros <= now_micros.saturating_sub(keep)
    }
}

#[cfg(test)]
mod tests {
    use alluvium_eventlog::blob::BlobId;
    use alluvium_kernel::Timestamp;
    use alluvium_tablestore::{Checksum, Mark, Original};

    use super::*;

    const DAY: i64 = 24 * 3_600 * 1_000_000;

    fn table(floor: u64, checkpoints: &[(u64, i64)]) -> KeptTable {
        let made = |(seq, at): &(u64, i64)| Checkpoint {
            seq: *seq,
            blob: BlobId::try_from("0a".repeat(32)).unwrap(),
            bytes: 1,
            at: Timestamp::from_micros(*at),
            original: Original {
                mark: Mark { seq: *seq, hash: String::new(), stream_created_micros: 0 },
                checksum: Checksum { rows: 0, hash: String::new() },
                engine: String::new(),
                sha256: String::new(),
            },
        };
        KeptTable { floor, checkpoints: checkpoints.iter().map(made).collect(), ..KeptTable::default() }
    }

    fn week() -> Policy {
        Policy { keep: Duration::from_hours(7 * 24), messages_min: 100 }
    }

    #[test]
    fn a_checkpoint_waits_until_it_is_worth_it() {
        let steps = |checkpoints: &[(u64, i64)], messages| {
            week().steps(30 * DAY, &table(0, checkpoints), 50, messages, |_| true)
        };
        assert_eq!(steps(&[], 99), Steps::default());
        assert_eq!(steps(&[], 100), Steps { checkpoint: true, purge: None });
        assert_eq!(steps(&[(40, 29 * DAY)], 100), Steps::default(), "another one was made a day ago");
        assert!(steps(&[(40, 28 * DAY)], 100).checkpoint);
        assert!(!steps(&[(50, 2 * DAY)], 100).checkpoint, "nothing came since");
    }

    #[test]
    fn rows_go_below_the_newest_checkpoint_out_of_the_window() {
        let purge_if = |floor, checkpoints: &[(u64, i64)], allowed: fn(u64) -> bool| {
            week().steps(30 * DAY, &table(floor, checkpoints), 90, 0, allowed).purge
        };
        let purge = |floor, checkpoints: &[(u64, i64)]| purge_if(floor, checkpoints, |_| true);
        assert_eq!(purge(0, &[(10, 5 * DAY), (20, 23 * DAY), (30, 24 * DAY)]), Some(Purge::At(20)));
        assert_eq!(purge(20, &[(20, 23 * DAY), (30, 24 * DAY)]), None);
        assert_eq!(purge(0, &[(30, 24 * DAY)]), None);
        let two = [(10, 5 * DAY), (20, 6 * DAY)];
        assert_eq!(purge_if(0, &two, |up_to| up_to <= 15), Some(Purge::At(10)), "somebody needs what was before 20");
        assert_eq!(purge_if(0, &two, |up_to| up_to <= 9), None);
    }

    #[test]
    fn without_a_window_rows_go_at_once() {
        let now = Policy { keep: Duration::ZERO, messages_min: 1 };
        assert_eq!(
            now.steps(9, &table(0, &[]), 50, 3, |_| true),
            Steps { checkpoint: true, purge: Some(Purge::Fresh) }
        );
        assert_eq!(now.steps(9, &table(0, &[(50, 9)]), 50, 0, |_| true).purge, Some(Purge::At(50)));
        assert_eq!(now.steps(9, &table(50, &[(50, 9)]), 50, 0, |_| true), Steps::default());
        let pinned = now.steps(9, &table(0, &[]), 50, 3, |_| false);
        assert_eq!(pinned, Steps { checkpoint: true, purge: None });
        assert!(now.is_past(9, 9) && !week().is_past(9 * DAY, 3 * DAY) && week().is_past(9 * DAY, 2 * DAY));
    }
}
