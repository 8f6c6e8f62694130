//! What happened to a pipeline, with the moments in which nothing did: clients expect a sign of life now and then.

use sha2::{Digest as _, Sha256};

use crate::model::uuid_v7;
use crate::queries::EventRow;

/// After so long without a change that nothing changed is an event itself, in microseconds.
const IDLE_MICROS: i64 = 600_000_000;

/// Events newest first, with those of idle times in between and after the last until `now`, at most `max`. They follow from what is
/// kept, so they are the same each time they are asked for.
pub(crate) fn history(rows: Vec<EventRow>, now: i64, max: usize) -> Vec<EventRow> {
    let mut all = Vec::with_capacity(rows.len().min(max));
    let mut until = now;
    for row in rows {
        let idle = until.saturating_sub(row.recorded_at).max(0);
        // One that falls together with the next change is not told.
        let mut times = if all.is_empty() { idle / IDLE_MICROS } else { (idle - 1).max(0) / IDLE_MICROS };
        while times > 0 && all.len() < max {
            all.push(still(&row, times));
            times -= 1;
        }
        if all.len() >= max {
            break;
        }
        until = row.recorded_at;
        all.push(row);
    }
    all
}

/// The event that nothing changed for the `n`th time after one.
fn still(row: &EventRow, n: i64) -> EventRow {
    let recorded_at = row.recorded_at.saturating_add(n.saturating_mul(IDLE_MICROS));
    let chance = Sha256::new().chain_update(&row.id).chain_update(n.to_be_bytes()).finalize();
    EventRow { id: uuid_v7(recorded_at, &chance), recorded_at, moment: row.moment.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{created, fold};
    use crate::wire::Moment;

    const MINUTE: i64 = 60_000_000;

    fn row(minutes: i64) -> EventRow {
        let moment = Moment::of(&fold(vec![created()]));
        EventRow { id: format!("e{minutes}"), recorded_at: minutes * MINUTE, moment }
    }

    fn minutes(rows: &[i64], now: i64, max: usize) -> Vec<i64> {
        let all = history(rows.iter().map(|at| row(*at)).collect(), now * MINUTE, max);
        all.iter().map(|row| row.recorded_at / MINUTE).collect()
    }

    #[test]
    fn idle_times_are_told_every_ten_minutes() {
        for (rows, now, expected) in [
            (vec![], 100, vec![]),
            (vec![0], 9, vec![0]),
            (vec![0], 10, vec![10, 0]),
            (vec![0], 25, vec![20, 10, 0]),
            (vec![15, 0], 16, vec![15, 10, 0]),
            (vec![10, 0], 11, vec![10, 0]),
            (vec![30, 5, 4], 40, vec![40, 30, 25, 15, 5, 4]),
            // The clock was put back.
            (vec![30], 3, vec![30]),
        ] {
            assert_eq!(minutes(&rows, now, 720), expected, "{rows:?}");
        }
    }

    #[test]
    fn the_newest_ones_are_kept_and_ids_stay() {
        assert_eq!(minutes(&[0], 100, 3), [100, 90, 80]);
        assert_eq!(minutes(&[7, 6, 5, 4], 8, 3), [7, 6, 5]);
        let [early, late] = [25, 35].map(|now| history(vec![row(0)], now * MINUTE, 9));
        assert_eq!(early[0].id, late[1].id);
        let mut ids: Vec<&String> = late.iter().map(|row| &row.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    }
}
