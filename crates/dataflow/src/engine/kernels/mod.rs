//! Operations on whole inputs. Weights are taken as they come: what is linear also takes changes.

mod aggregate;
mod frames;
mod join;
mod top;
mod window;

pub(super) use aggregate::guarded_arguments;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::SchemaRef;

use super::zset::{Codec, RowBytes, Zset};
use crate::circuit::{Expression, Operation, SortKey, Unnest};
use crate::functions::{Outcome, failure};

/// How many rows one operation may give in one step.
pub(crate) const ROWS_MAX: usize = 100_000_000;

/// What an operation gives for its inputs.
pub(crate) fn run(operation: &Operation, schema: &SchemaRef, inputs: &[Zset]) -> Outcome<Zset> {
    let first = || inputs.first().ok_or_else(|| failure!("an operation has no input"));
    match operation {
        Operation::Table(name) => Err(failure!("the table {name} is not computed")),
        Operation::Constant(batch) => Ok(Zset { batch: batch.clone(), weights: vec![1; batch.num_rows()] }),
        Operation::Filter(condition) => {
            let input = first()?;
            let holds = condition.holds(&input.batch)?;
            let rows: Vec<u32> = (0..input.len() as u32).filter(|row| holds[*row as usize]).collect();
            relabelled(input.take(&rows)?, schema)
        }
        Operation::Project(columns) => {
            let input = first()?;
            let columns = columns.iter().map(|column| column.evaluate(&input.batch)).collect::<Outcome<Vec<_>>>()?;
            Zset::new(schema, columns, input.weights.clone())
        }
        Operation::Union => Zset::concat(schema, inputs),
        Operation::Unnest(unnest) => unnested(unnest, schema, first()?),
        Operation::Distinct => {
            let mut rows = Codec::new(schema)?.consolidate(&relabelled(first()?.clone(), schema)?)?;
            // What is there a negative number of times is not there.
            let kept: Vec<u32> = (0..rows.len() as u32).filter(|row| rows.weights[*row as usize] > 0).collect();
            rows = rows.take(&kept)?;
            rows.weights.fill(1);
            Ok(rows)
        }
        Operation::Join(join) => match inputs {
            [left, right] => join::join(join, schema, left, right),
            _ => Err(failure!("a join has two inputs")),
        },
        Operation::Aggregate(grouping) => aggregate::aggregate(grouping, schema, first()?),
        Operation::Window(over) => window::window(over, schema, first()?),
        Operation::Top(top) => top::top(top, schema, first()?),
        Operation::Open(name) => Err(failure!("the view {name} is declared and not defined")),
        Operation::Temporal(_) | Operation::Gate(_) | Operation::Fixpoint(_) => {
            Err(failure!("what keeps rows is not computed at once"))
        }
    }
}

/// The same rows under the names of a schema.
fn relabelled(zset: Zset, schema: &SchemaRef) -> Outcome<Zset> {
    Zset::new(schema, zset.batch.columns().to_vec(), zset.weights)
}

/// The rows of an array, each element on its own; several arrays of a row are read side by side.
fn unnested(unnest: &Unnest, schema: &SchemaRef, input: &Zset) -> Outcome<Zset> {
    let lists = unnest
        .columns
        .iter()
        .map(|(at, is_list)| match is_list {
            false => Ok(None),
            true => {
                input.batch.column(*at).as_list_opt::<i64>().map(Some).ok_or_else(|| failure!("UNNEST takes an array"))
            }
        })
        .collect::<Outcome<Vec<_>>>()?;
    let length = |list: &arrow::array::LargeListArray, row: usize| {
        if list.is_null(row) { 0 } else { list.value_length(row) as usize }
    };
    let mut rows: Vec<u32> = Vec::new();
    let mut elements: Vec<Vec<Option<u32>>> = vec![Vec::new(); lists.len()];
    for row in 0..input.len() {
        let longest = lists.iter().flatten().map(|list| length(list, row)).max().unwrap_or(0);
        let count = if longest == 0 && unnest.keeps_empty { 1 } else { longest };
        if rows.len() + count > ROWS_MAX {
            return Err(failure!("UNNEST gives more than {ROWS_MAX} rows"));
        }
        for at in 0..count {
            rows.push(row as u32);
            for (list, elements) in lists.iter().zip(&mut elements) {
                if let Some(list) = list {
                    elements.push((at < length(list, row)).then(|| list.value_offsets()[row] as u32 + at as u32));
                }
            }
        }
    }
    let taken = UInt32Array::from(rows.clone());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(lists.len());
    for (((at, _), list), elements) in unnest.columns.iter().zip(&lists).zip(elements) {
        columns.push(match list {
            Some(list) => arrow::compute::take(list.values(), &UInt32Array::from(elements), None)?,
            None => arrow::compute::take(input.batch.column(*at), &taken, None)?,
        });
    }
    let weights = rows.iter().map(|row| input.weights[*row as usize]).collect();
    Zset::new(schema, columns, weights)
}

/// The keys of rows as bytes, for several expressions together, and whether one of a row's is NULL.
pub(crate) fn keys_of(keys: &[Expression], input: &Zset) -> Outcome<(Vec<RowBytes>, Vec<bool>)> {
    let columns = keys.iter().map(|key| key.evaluate(&input.batch)).collect::<Outcome<Vec<_>>>()?;
    let has_null = |row: usize| columns.iter().any(|column| column.data_type().is_null() || column.is_null(row));
    let nulls = (0..input.len()).map(has_null).collect();
    if columns.is_empty() {
        return Ok((vec![Box::default(); input.len()], nulls));
    }
    let fields = columns.iter().map(|column| arrow::row::SortField::new(column.data_type().clone())).collect();
    let rows = arrow::row::RowConverter::new(fields)?.convert_columns(&columns)?;
    Ok((rows.iter().map(|row| row.as_ref().into()).collect(), nulls))
}

/// The place of each row in an order, as bytes: the keys, then the whole row so that ties have an order too.
pub(crate) fn order_of(keys: &[SortKey], input: &Zset) -> Outcome<Vec<Box<[u8]>>> {
    let whole = Codec::new(&input.batch.schema())?.encode(input.batch.columns(), input.len())?;
    Ok(peers_of(keys, input)?.into_iter().zip(whole).map(|(key, row)| [key, row].concat().into()).collect())
}

/// The keys of an order as bytes: equal rows have the same.
pub(crate) fn peers_of(keys: &[SortKey], input: &Zset) -> Outcome<Vec<Box<[u8]>>> {
    if keys.is_empty() {
        return Ok(vec![Box::default(); input.len()]);
    }
    let mut fields = Vec::with_capacity(keys.len());
    let mut columns = Vec::with_capacity(keys.len());
    for key in keys {
        let column = key.value.evaluate(&input.batch)?;
        let options = arrow::compute::SortOptions { descending: key.is_descending, nulls_first: key.nulls_first };
        fields.push(arrow::row::SortField::new_with_options(column.data_type().clone(), options));
        columns.push(column);
    }
    let rows = arrow::row::RowConverter::new(fields)?.convert_columns(&columns)?;
    Ok(rows.iter().map(|row| row.as_ref().into()).collect())
}
