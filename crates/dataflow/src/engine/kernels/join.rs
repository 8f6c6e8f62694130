//! Joins of all kinds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_expr::JoinType;

use super::super::zset::{Codec, Zset};
use super::{ROWS_MAX, keys_of};
use crate::circuit::{Expression, Join, Latest, has_both_sides};
use crate::functions::{Outcome, failure};

/// How many pairs of rows a filter sees at a time.
const PAIRS_AT_ONCE: usize = 65_536;

pub(super) fn join(join: &Join, schema: &SchemaRef, left: &Zset, right: &Zset) -> Outcome<Zset> {
    let pairs = pairs(join, left, right)?;
    if let Some(latest) = &join.latest {
        let pairs = latest_pairs(latest, left, right, pairs)?;
        // However often the latest row is there, it is one match.
        let right = Zset { batch: right.batch.clone(), weights: vec![1; right.len()] };
        return sides(join.kind, schema, left, &right, &pairs);
    }
    if has_both_sides(join.kind) {
        return sides(join.kind, schema, left, right, &pairs);
    }
    let is_left = matches!(join.kind, JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark);
    let (kept, matched) = if is_left {
        (left, matched(left, pairs.iter().map(|pair| pair.0)))
    } else {
        (right, matched(right, pairs.iter().map(|pair| pair.1)))
    };
    let rows =
        |wanted: bool| (0..kept.len() as u32).filter(|row| matched[*row as usize] == wanted).collect::<Vec<u32>>();
    match join.kind {
        JoinType::LeftSemi | JoinType::RightSemi => named(kept.take(&rows(true))?, schema),
        JoinType::LeftAnti if join.is_null_aware => {
            let chosen = not_in(join, left, right, rows(false))?;
            named(left.take(&chosen)?, schema)
        }
        JoinType::LeftAnti | JoinType::RightAnti => named(kept.take(&rows(false))?, schema),
        _ => {
            let mut columns = kept.batch.columns().to_vec();
            columns.push(Arc::new(BooleanArray::from(matched)));
            Zset::new(schema, columns, kept.weights.clone())
        }
    }
}

fn named(zset: Zset, schema: &SchemaRef) -> Outcome<Zset> {
    Zset::new(schema, zset.batch.columns().to_vec(), zset.weights)
}

fn matched(side: &Zset, rows: impl Iterator<Item = u32>) -> Vec<bool> {
    let mut matched = vec![false; side.len()];
    rows.for_each(|row| matched[row as usize] = true);
    matched
}

/// For each row of the left side the match with the greatest value that is not above its own; of equal ones the greatest row.
fn latest_pairs(latest: &Latest, left: &Zset, right: &Zset, pairs: Vec<(u32, u32)>) -> Outcome<Vec<(u32, u32)>> {
    let values = |expr: &Expression, side: &Zset| {
        let value = expr.evaluate(&side.batch)?;
        let column = Field::new("value", value.data_type().clone(), true);
        let bytes =
            Codec::new(&Arc::new(Schema::new(vec![column])))?.encode(std::slice::from_ref(&value), side.len())?;
        Ok::<_, crate::functions::FunctionError>((value, bytes))
    };
    let ((left_values, left_bytes), (right_values, right_bytes)) =
        (values(&latest.left, left)?, values(&latest.right, right)?);
    let rows = Codec::new(&right.batch.schema())?.encode(right.batch.columns(), right.len())?;
    let mut best: BTreeMap<u32, u32> = BTreeMap::new();
    for (one, other) in pairs {
        let (own, found) = (one as usize, other as usize);
        if left_values.is_null(own) || right_values.is_null(found) || right_bytes[found] > left_bytes[own] {
            continue;
        }
        let place = |at: u32| (&right_bytes[at as usize], &rows[at as usize]);
        best.entry(one)
            .and_modify(|before| {
                if place(*before) < place(other) {
                    *before = other;
                }
            })
            .or_insert(other);
    }
    Ok(best.into_iter().collect())
}

/// The rows of `x NOT IN (…)` among those without a match: none if the list holds NULL, and none whose x is NULL unless the list is
/// empty.
fn not_in(join: &Join, left: &Zset, right: &Zset, unmatched: Vec<u32>) -> Outcome<Vec<u32>> {
    if right.is_empty() {
        return Ok(unmatched);
    }
    let (_, left_nulls) = keys_of(&join.left_keys, left)?;
    let (_, right_nulls) = keys_of(&join.right_keys, right)?;
    if right_nulls.contains(&true) {
        return Ok(Vec::new());
    }
    Ok(unmatched.into_iter().filter(|row| !left_nulls[*row as usize]).collect())
}

/// The rows that match.
fn pairs(join: &Join, left: &Zset, right: &Zset) -> Outcome<Vec<(u32, u32)>> {
    let (left_keys, left_nulls) = keys_of(&join.left_keys, left)?;
    let (right_keys, right_nulls) = keys_of(&join.right_keys, right)?;
    let counts = |nulls: &[bool], row: usize| join.nulls_match || join.left_keys.is_empty() || !nulls[row];
    let mut by_key: HashMap<&[u8], Vec<u32>> = HashMap::new();
    for (row, key) in right_keys.iter().enumerate() {
        if counts(&right_nulls, row) {
            by_key.entry(key).or_default().push(row as u32);
        }
    }
    let mut pairs = Vec::new();
    let mut open: Vec<(u32, u32)> = Vec::new();
    for (row, key) in left_keys.iter().enumerate() {
        if !counts(&left_nulls, row) {
            continue;
        }
        for other in by_key.get(key.as_ref()).into_iter().flatten() {
            open.push((row as u32, *other));
            if open.len() >= PAIRS_AT_ONCE {
                keep(join, left, right, &mut open, &mut pairs)?;
            }
        }
    }
    keep(join, left, right, &mut open, &mut pairs)?;
    Ok(pairs)
}

/// Moves the pairs that pass the filter.
fn keep(
    join: &Join,
    left: &Zset,
    right: &Zset,
    open: &mut Vec<(u32, u32)>,
    pairs: &mut Vec<(u32, u32)>,
) -> Outcome<()> {
    match &join.filter {
        None => pairs.append(open),
        Some(filter) => {
            let (columns, fields) = side_by_side(left, right, open)?;
            let options = RecordBatchOptions::new().with_row_count(Some(open.len()));
            let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
            let holds = filter.holds(&batch)?;
            pairs.extend(open.drain(..).zip(holds).filter(|(_, holds)| *holds).map(|(pair, _)| pair));
        }
    }
    if pairs.len() > ROWS_MAX {
        return Err(failure!("a join gives more than {ROWS_MAX} rows"));
    }
    Ok(())
}

fn side_by_side(left: &Zset, right: &Zset, pairs: &[(u32, u32)]) -> Outcome<(Vec<ArrayRef>, Vec<Field>)> {
    let lefts: UInt32Array = pairs.iter().map(|pair| Some(pair.0)).collect();
    let rights: UInt32Array = pairs.iter().map(|pair| Some(pair.1)).collect();
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    for (side, rows) in [(left, &lefts), (right, &rights)] {
        for (column, field) in side.batch.columns().iter().zip(side.batch.schema().fields()) {
            columns.push(arrow::compute::take(column, rows, None)?);
            fields.push(field.as_ref().clone());
        }
    }
    Ok((columns, fields))
}

/// Joins that keep the columns of both sides.
fn sides(kind: JoinType, schema: &SchemaRef, left: &Zset, right: &Zset, pairs: &[(u32, u32)]) -> Outcome<Zset> {
    let mut lefts: Vec<Option<u32>> = pairs.iter().map(|pair| Some(pair.0)).collect();
    let mut rights: Vec<Option<u32>> = pairs.iter().map(|pair| Some(pair.1)).collect();
    let weight = |pair: &(u32, u32)| left.weights[pair.0 as usize].checked_mul(right.weights[pair.1 as usize]);
    let mut weights =
        pairs.iter().map(weight).collect::<Option<Vec<i64>>>().ok_or_else(|| failure!("a row is there too often"))?;
    if matches!(kind, JoinType::Left | JoinType::Full) {
        for (row, _) in
            matched(left, pairs.iter().map(|pair| pair.0)).iter().enumerate().filter(|(_, matched)| !**matched)
        {
            lefts.push(Some(row as u32));
            rights.push(None);
            weights.push(left.weights[row]);
        }
    }
    if matches!(kind, JoinType::Right | JoinType::Full) {
        for (row, _) in
            matched(right, pairs.iter().map(|pair| pair.1)).iter().enumerate().filter(|(_, matched)| !**matched)
        {
            lefts.push(None);
            rights.push(Some(row as u32));
            weights.push(right.weights[row]);
        }
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (side, rows) in [(left, UInt32Array::from(lefts)), (right, UInt32Array::from(rights))] {
        for column in side.batch.columns() {
            columns.push(arrow::compute::take(column, &rows, None)?);
        }
    }
    Zset::new(schema, columns, weights)
}
