//! Which rows around a row count.

use alluvium_sql::types::Type;
use arrow::array::Array;

use super::super::zset::Zset;
use super::window::Partition;
use crate::circuit::{Bound, FrameUnits, Over};
use crate::functions::{Outcome, days_plus_months, failure, timestamp_plus_months};

/// The frame of each place of a partition.
pub(super) struct Frames {
    bounds: Vec<(usize, usize)>,
}

impl Frames {
    /// The places where the frame of a place begins and ends; where it ends before it begins it is empty.
    pub(super) fn at(&self, place: usize) -> (usize, usize) {
        let (start, end) = self.bounds[place];
        (start.min(end), end)
    }
}

pub(super) fn frames(over: &Over, input: &Zset, partition: &Partition) -> Outcome<Frames> {
    let all = partition.rows.len();
    let frame = &over.frame;
    let measures = |bound: Bound| !matches!(bound, Bound::Unbounded | Bound::At(0));
    let bounds = match frame.units {
        FrameUnits::Rows => {
            (0..all).map(|place| (moved(place, frame.start, 0, all), moved(place, frame.end, 1, all))).collect()
        }
        FrameUnits::Groups => by_groups(over, partition),
        FrameUnits::Range if measures(frame.start) || measures(frame.end) => by_range(over, input, partition)?,
        FrameUnits::Range => (0..all)
            .map(|place| {
                let (first, last) = partition.peers[place];
                let start = if frame.start == Bound::Unbounded { 0 } else { first };
                (start, if frame.end == Bound::Unbounded { all } else { last })
            })
            .collect(),
    };
    Ok(Frames { bounds })
}

/// A place moved by a bound that counts places; `past` is 1 for the end, which lies behind its row.
fn moved(place: usize, bound: Bound, past: i128, all: usize) -> usize {
    match bound {
        Bound::At(distance) => (place as i128 + past).saturating_add(distance).clamp(0, all as i128) as usize,
        _ if past == 0 => 0,
        _ => all,
    }
}

fn by_groups(over: &Over, partition: &Partition) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = partition.peers.clone();
    groups.dedup();
    let mut bounds = Vec::with_capacity(partition.rows.len());
    for (at, (first, last)) in groups.iter().enumerate() {
        let start = moved(at, over.frame.start, 0, groups.len());
        let end = moved(at, over.frame.end, 1, groups.len());
        let start = groups.get(start).map_or(partition.rows.len(), |group| group.0);
        let end = if end == 0 { 0 } else { groups[end - 1].1 };
        bounds.extend(std::iter::repeat_n((start, end), last - first));
    }
    bounds
}

/// Frames that reach so far from the value of the sort key. Rows whose key is NULL have each other for a frame.
fn by_range(over: &Over, input: &Zset, partition: &Partition) -> Outcome<Vec<(usize, usize)>> {
    let [key] = over.order.as_slice() else {
        return Err(failure!("RANGE with distances needs one column to order by"));
    };
    let column = key.value.evaluate(&input.batch)?;
    let all = crate::numbers::ordinals(&column, &key.value.column.kind)?;
    let sign = if key.is_descending { -1 } else { 1 };
    let places: Vec<Option<i128>> =
        partition.rows.iter().map(|row| column.is_valid(*row as usize).then(|| sign * all[*row as usize])).collect();
    // The rows without a key lie together at one end.
    let first = places.iter().position(Option::is_some).unwrap_or(0);
    let last = places.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
    let keys: Vec<i128> = places.iter().flatten().copied().collect();
    let mut bounds = Vec::with_capacity(places.len());
    for (place, own) in places.iter().enumerate() {
        let Some(own) = own else {
            let (peers_start, peers_end) = partition.peers[place];
            let start = if over.frame.start == Bound::Unbounded { 0 } else { peers_start };
            bounds.push((start, if over.frame.end == Bound::Unbounded { places.len() } else { peers_end }));
            continue;
        };
        let start = match reached(*own, over.frame.start, sign, &key.value.column.kind)? {
            Some(least) => first + keys.partition_point(|value| *value < least),
            None => 0,
        };
        let end = match reached(*own, over.frame.end, sign, &key.value.column.kind)? {
            Some(greatest) => first + keys.partition_point(|value| *value <= greatest),
            None => places.len(),
        };
        bounds.push((start, end));
    }
    debug_assert!(last >= first, "keys lie together");
    Ok(bounds)
}

fn reached(own: i128, bound: Bound, sign: i128, kind: &Type) -> Outcome<Option<i128>> {
    Ok(match bound {
        Bound::Unbounded => None,
        Bound::At(distance) => Some(own.saturating_add(distance)),
        Bound::Months(months) => {
            let (value, months) = ((own * sign) as i64, months * sign as i64);
            let moved = match kind {
                Type::Date => days_plus_months(value, months)?,
                _ => timestamp_plus_months(value, months)?,
            };
            Some(i128::from(moved) * sign)
        }
    })
}
