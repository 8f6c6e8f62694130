//! Values over the rows around each row.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, UInt32Array};
use arrow::datatypes::SchemaRef;

use super::super::zset::Zset;
use super::aggregate::arguments;
use super::frames::{Frames, frames};
use super::{ROWS_MAX, keys_of, order_of, peers_of};
use crate::aggregates::Groups;
use crate::circuit::{AggregateCall, Expression, Over, OverCall, taken};
use crate::functions::{Failing, Outcome, Shape, cast, failure};
use crate::windows::WindowFunction;

pub(super) fn window(over: &[Over], schema: &SchemaRef, input: &Zset) -> Outcome<Zset> {
    let input = repeated(input)?;
    let mut columns = input.batch.columns().to_vec();
    for each in over {
        columns.push(column(each, &input)?);
    }
    Zset::new(schema, columns, input.weights)
}

/// Each row as often as it is there: rows that are equal get different numbers.
fn repeated(input: &Zset) -> Outcome<Zset> {
    if input.weights.iter().all(|weight| *weight == 1) {
        return Ok(input.clone());
    }
    let mut rows = Vec::with_capacity(input.len());
    for (row, weight) in input.weights.iter().enumerate() {
        let times = usize::try_from(*weight).unwrap_or(0);
        if rows.len().saturating_add(times) > ROWS_MAX {
            return Err(failure!("OVER sees more than {ROWS_MAX} rows"));
        }
        rows.extend(std::iter::repeat_n(row as u32, times));
    }
    Ok(Zset { batch: taken(&input.batch, &rows)?, weights: vec![1; rows.len()] })
}

/// The rows of a partition in their order, and where the equal ones of each begin and end.
pub(super) struct Partition {
    pub(super) rows: Vec<u32>,
    /// For each place, the places where its peers begin and end.
    pub(super) peers: Vec<(usize, usize)>,
}

fn partitions(over: &Over, input: &Zset) -> Outcome<Vec<Partition>> {
    let (keys, _) = keys_of(&over.partition, input)?;
    let (order, peers) = (order_of(&over.order, input)?, peers_of(&over.order, input)?);
    let mut by_key: BTreeMap<&[u8], Vec<u32>> = BTreeMap::new();
    for (row, key) in keys.iter().enumerate() {
        by_key.entry(key).or_default().push(row as u32);
    }
    let mut partitions = Vec::with_capacity(by_key.len());
    for mut rows in by_key.into_values() {
        rows.sort_by(|a, b| order[*a as usize].cmp(&order[*b as usize]));
        let mut bounds = Vec::with_capacity(rows.len());
        let mut start = 0;
        while start < rows.len() {
            let same = |row: &&u32| peers[**row as usize] == peers[rows[start] as usize];
            let end = start + rows[start..].iter().take_while(same).count();
            bounds.extend(std::iter::repeat_n((start, end), end - start));
            start = end;
        }
        partitions.push(Partition { rows, peers: bounds });
    }
    Ok(partitions)
}

fn column(over: &Over, input: &Zset) -> Outcome<ArrayRef> {
    let partitions = partitions(over, input)?;
    match &over.call {
        OverCall::Aggregate(call) => aggregate(over, call, input, &partitions),
        OverCall::Function { function, shape, args, ignores_nulls } => {
            valued(over, *function, shape, args, *ignores_nulls, input, &partitions)
        }
    }
}

/// An aggregate over each row's frame. Rows with the same frame share its value.
fn aggregate(over: &Over, call: &AggregateCall, input: &Zset, partitions: &[Partition]) -> Outcome<ArrayRef> {
    let args = arguments(call, input)?;
    let holds = call.filter.as_ref().map(|filter| filter.holds(&input.batch)).transpose()?;
    let mut groups: Vec<Vec<(u32, i64)>> = Vec::new();
    let mut group_of = vec![0_u32; input.len()];
    let mut members = 0_usize;
    for partition in partitions {
        let frames = frames(over, input, partition)?;
        let mut before: Option<(usize, usize)> = None;
        for (place, row) in partition.rows.iter().enumerate() {
            let frame = frames.at(place);
            if before != Some(frame) {
                let rows = partition.rows.get(frame.0..frame.1).unwrap_or_default();
                let rows: Vec<(u32, i64)> = rows
                    .iter()
                    .filter(|row| holds.as_ref().is_none_or(|holds| holds[**row as usize]))
                    .map(|row| (*row, 1))
                    .collect();
                members += rows.len();
                if members > ROWS_MAX {
                    return Err(failure!("the frames of OVER hold more than {ROWS_MAX} rows"));
                }
                groups.push(rows);
                before = Some(frame);
            }
            group_of[*row as usize] = groups.len() as u32 - 1;
        }
    }
    let groups = Groups { args: &args, shape: &call.shape, rows: &groups, ignores_nulls: call.ignores_nulls };
    let values = (call.aggregate.kernel)(&groups)?;
    Ok(arrow::compute::take(&values, &UInt32Array::from(group_of), None)?)
}

fn numbers(partitions: &[Partition], rows: usize, value: impl Fn(&Partition, usize, usize) -> i64) -> ArrayRef {
    let mut column = vec![0; rows];
    for partition in partitions {
        let mut peer = 0;
        for (place, row) in partition.rows.iter().enumerate() {
            if place > 0 && partition.peers[place].0 == place {
                peer += 1;
            }
            column[*row as usize] = value(partition, place, peer);
        }
    }
    std::sync::Arc::new(Int64Array::from(column))
}

fn shares(partitions: &[Partition], rows: usize, value: impl Fn(&Partition, usize) -> f64) -> ArrayRef {
    let mut column = vec![0.0; rows];
    for partition in partitions {
        for (place, row) in partition.rows.iter().enumerate() {
            column[*row as usize] = value(partition, place);
        }
    }
    std::sync::Arc::new(Float64Array::from(column))
}

fn valued(
    over: &Over,
    function: WindowFunction,
    shape: &Shape,
    args: &[Expression],
    ignores_nulls: bool,
    input: &Zset,
    partitions: &[Partition],
) -> Outcome<ArrayRef> {
    let rows = input.len();
    let mut values = Vec::with_capacity(args.len());
    for (arg, kind) in args.iter().zip(&shape.params) {
        values.push(cast(&arg.evaluate(&input.batch)?, &arg.column.kind, kind, Failing::Error)?);
    }
    match function {
        WindowFunction::RowNumber => Ok(numbers(partitions, rows, |_, place, _| place as i64 + 1)),
        WindowFunction::Rank => {
            Ok(numbers(partitions, rows, |partition, place, _| partition.peers[place].0 as i64 + 1))
        }
        WindowFunction::DenseRank => Ok(numbers(partitions, rows, |_, _, peer| peer as i64 + 1)),
        WindowFunction::PercentRank => Ok(shares(partitions, rows, |partition, place| {
            let others = partition.rows.len() - 1;
            if others == 0 { 0.0 } else { partition.peers[place].0 as f64 / others as f64 }
        })),
        WindowFunction::CumeDist => Ok(shares(partitions, rows, |partition, place| {
            partition.peers[place].1 as f64 / partition.rows.len() as f64
        })),
        WindowFunction::Ntile => ntile(partitions, &values, rows),
        WindowFunction::Lag | WindowFunction::Lead => shifted(function, &values, ignores_nulls, rows, partitions),
        WindowFunction::FirstValue | WindowFunction::LastValue | WindowFunction::NthValue => {
            nth(over, function, &values, ignores_nulls, input, partitions)
        }
    }
}

fn whole(values: &[ArrayRef], at: usize) -> Outcome<Option<&Int64Array>> {
    let Some(values) = values.get(at) else { return Ok(None) };
    values.as_any().downcast_ref().map(Some).ok_or_else(|| failure!("a whole number is expected"))
}

fn ntile(partitions: &[Partition], values: &[ArrayRef], rows: usize) -> Outcome<ArrayRef> {
    let buckets = whole(values, 0)?.ok_or_else(|| failure!("NTILE takes a number"))?;
    if (0..rows).any(|row| buckets.is_null(row) || buckets.value(row) < 1) {
        return Err(failure!("NTILE takes a positive number"));
    }
    Ok(numbers(partitions, rows, |partition, place, _| {
        let buckets = buckets.value(partition.rows[place] as usize) as u128;
        let (all, place) = (partition.rows.len() as u128, place as u128);
        // The first buckets are one longer if they do not come out even.
        let (size, longer) = (all / buckets, all % buckets);
        let bucket = if place < longer * (size + 1) {
            place / (size + 1)
        } else {
            longer + (place - longer * (size + 1)) / size.max(1)
        };
        bucket as i64 + 1
    }))
}

/// The value so many rows before or after, or the default.
fn shifted(
    function: WindowFunction,
    values: &[ArrayRef],
    ignores_nulls: bool,
    rows: usize,
    partitions: &[Partition],
) -> Outcome<ArrayRef> {
    if ignores_nulls {
        return Err(failure!("LAG and LEAD with IGNORE NULLS are not there yet"));
    }
    let value = values.first().ok_or_else(|| failure!("LAG and LEAD take an argument"))?;
    let offsets = whole(values, 1)?;
    let sign = if function == WindowFunction::Lag { -1 } else { 1 };
    // The place after the last row of values stands for the default or NULL.
    let mut places: Vec<(usize, usize)> = vec![(0, 0); rows];
    let nothing = arrow::array::new_null_array(value.data_type(), 1);
    for partition in partitions {
        for (place, row) in partition.rows.iter().enumerate() {
            let row = *row as usize;
            let offset = match offsets {
                Some(offsets) if offsets.is_null(row) => None,
                Some(offsets) => Some(offsets.value(row)),
                None => Some(1),
            };
            let other = offset
                .and_then(|offset| offset.checked_mul(sign))
                .and_then(|offset| (place as i64).checked_add(offset));
            let other = other.and_then(|other| usize::try_from(other).ok()).and_then(|other| partition.rows.get(other));
            places[row] = match (offset, other, values.get(2)) {
                (Some(_), Some(other), _) => (0, *other as usize),
                (Some(_), None, Some(_)) => (1, row),
                _ => (2, 0),
            };
        }
    }
    let default = values.get(2).unwrap_or(value);
    Ok(arrow::compute::interleave(&[value.as_ref(), default.as_ref(), nothing.as_ref()], &places)?)
}

/// The first, the last or another value of each row's frame.
fn nth(
    over: &Over,
    function: WindowFunction,
    values: &[ArrayRef],
    ignores_nulls: bool,
    input: &Zset,
    partitions: &[Partition],
) -> Outcome<ArrayRef> {
    let value = values.first().ok_or_else(|| failure!("an argument is missing"))?;
    let wanted = whole(values, 1)?;
    let mut chosen: Vec<Option<u32>> = vec![None; input.len()];
    for partition in partitions {
        let frames: Frames = frames(over, input, partition)?;
        for (place, row) in partition.rows.iter().enumerate() {
            let (start, end) = frames.at(place);
            let mut rows = partition
                .rows
                .get(start..end)
                .unwrap_or_default()
                .iter()
                .filter(|row| !ignores_nulls || value.is_valid(**row as usize));
            chosen[*row as usize] = match function {
                WindowFunction::FirstValue => rows.next(),
                WindowFunction::LastValue => rows.next_back(),
                _ => match wanted
                    .filter(|wanted| wanted.is_valid(*row as usize))
                    .map(|wanted| wanted.value(*row as usize))
                {
                    Some(nth) if nth >= 1 => rows.nth(nth as usize - 1),
                    _ => return Err(failure!("NTH_VALUE takes a positive number")),
                },
            }
            .copied();
        }
    }
    Ok(arrow::compute::take(value, &UInt32Array::from(chosen), None)?)
}
