//! Groups of rows, and what is computed of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::{ArrayRef, UInt8Array, UInt16Array, UInt32Array, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};

use super::super::zset::Zset;
use super::{keys_of, order_of};
use crate::aggregates::Groups;
use crate::circuit::{AggregateCall, Expression, Grouping};
use crate::functions::{Failing, Outcome, cast, encode, failure};

/// The rows of each group, with their weights.
pub(super) type Members = Vec<Vec<(u32, i64)>>;

pub(super) fn aggregate(grouping: &Grouping, schema: &SchemaRef, input: &Zset) -> Outcome<Zset> {
    let Some(sets) = &grouping.sets else { return one_set(grouping, schema, input, None) };
    let parts = sets.iter().map(|set| one_set(grouping, schema, input, Some(set))).collect::<Outcome<Vec<_>>>()?;
    Zset::concat(schema, &parts)
}

fn one_set(grouping: &Grouping, schema: &SchemaRef, input: &Zset, set: Option<&Vec<bool>>) -> Outcome<Zset> {
    let counts = |at: usize| set.is_none_or(|set| set[at]);
    let keys: Vec<Expression> =
        grouping.keys.iter().enumerate().filter(|(at, _)| counts(*at)).map(|(_, key)| key.clone()).collect();
    let (bytes, _) = keys_of(&keys, input)?;
    let mut groups: BTreeMap<&[u8], Vec<(u32, i64)>> = BTreeMap::new();
    for (row, key) in bytes.iter().enumerate() {
        groups.entry(key).or_default().push((row as u32, input.weights[row]));
    }
    let mut members: Members = groups.into_values().collect();
    // Rows whose weights cancel one another out are no rows.
    members.retain(|rows| rows.iter().any(|(_, weight)| *weight != 0));
    if keys.is_empty() && members.is_empty() {
        members.push(Vec::new());
    }
    let firsts: UInt32Array = members.iter().map(|rows| rows.first().map(|(row, _)| *row)).collect();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (at, key) in grouping.keys.iter().enumerate() {
        columns.push(if counts(at) {
            arrow::compute::take(&key.evaluate(&input.batch)?, &firsts, None)?
        } else {
            new_null_array(schema.field(at).data_type(), members.len())
        });
    }
    if let Some(set) = set {
        columns.push(grouping_id(set, schema.field(grouping.keys.len()).data_type(), members.len())?);
    }
    for call in &grouping.calls {
        columns.push(value(call, input, &members)?);
    }
    Zset::new(schema, columns, vec![1; members.len()])
}

/// The mark of a set: a bit for each key, set if the key does not count, the first key's the highest.
fn grouping_id(set: &[bool], kind: &DataType, rows: usize) -> Outcome<ArrayRef> {
    let id = set.iter().fold(0_u64, |id, counts| (id << 1) | u64::from(!counts));
    Ok(match kind {
        DataType::UInt8 => Arc::new(UInt8Array::from(vec![id as u8; rows])),
        DataType::UInt16 => Arc::new(UInt16Array::from(vec![id as u16; rows])),
        DataType::UInt32 => Arc::new(UInt32Array::from(vec![id as u32; rows])),
        DataType::UInt64 => Arc::new(UInt64Array::from(vec![id; rows])),
        other => return Err(failure!("{other} is no mark of a set of keys")),
    })
}

/// The arguments of a call as the aggregate takes them.
pub(super) fn arguments(call: &AggregateCall, input: &Zset) -> Outcome<Vec<ArrayRef>> {
    let mut args = Vec::with_capacity(call.args.len());
    for (arg, kind) in call.args.iter().zip(&call.shape.params) {
        args.push(cast(&arg.evaluate(&input.batch)?, &arg.column.kind, kind, Failing::Error)?);
    }
    Ok(args)
}

/// The value of a call for each group.
fn value(call: &AggregateCall, input: &Zset, members: &Members) -> Outcome<ArrayRef> {
    let mut members = members.clone();
    let mut chosen = None;
    if let Some(filter) = &call.filter {
        let holds = filter.holds(&input.batch)?;
        members.iter_mut().for_each(|rows| rows.retain(|(row, _)| holds[*row as usize]));
        chosen = Some(holds);
    }
    let args = guarded_arguments(call, input, chosen.as_deref())?;
    if !call.order.is_empty() || matches!(call.shape.result.kind, Type::Array(_)) {
        let order = order_of(&call.order, input)?;
        members.iter_mut().for_each(|rows| rows.sort_by(|a, b| order[a.0 as usize].cmp(&order[b.0 as usize])));
    }
    if call.is_distinct {
        distinct(&args, &mut members)?;
    }
    let groups = Groups { args: &args, shape: &call.shape, rows: &members, ignores_nulls: call.ignores_nulls };
    (call.aggregate.kernel)(&groups)
}

/// The arguments; those of rows that the filter leaves out are not asked for, since they may fail.
pub(in super::super) fn guarded_arguments(
    call: &AggregateCall,
    input: &Zset,
    chosen: Option<&[bool]>,
) -> Outcome<Vec<ArrayRef>> {
    let Some(chosen) = chosen else { return arguments(call, input) };
    let rows: Vec<u32> = (0..input.len() as u32).filter(|row| chosen[*row as usize]).collect();
    let mut places = vec![None; input.len()];
    rows.iter().enumerate().for_each(|(at, row)| places[*row as usize] = Some(at as u32));
    let places = UInt32Array::from(places);
    arguments(call, &input.take(&rows)?)?
        .iter()
        .map(|arg| arrow::compute::take(arg, &places, None).map_err(Into::into))
        .collect()
}

/// Keeps the first of each group's rows with equal arguments, once.
fn distinct(args: &[ArrayRef], members: &mut Members) -> Outcome<()> {
    let encoded = args.iter().map(encode).collect::<Outcome<Vec<_>>>()?;
    for rows in members {
        let mut seen = HashSet::new();
        rows.retain_mut(|(row, weight)| {
            *weight = 1;
            seen.insert(encoded.iter().map(|arg| arg.row(*row as usize).data().to_vec()).collect::<Vec<_>>())
        });
    }
    Ok(())
}
