//! Functions of arrays, and rows of values. Places count from 1.

mod items;
mod shapes;

use std::collections::BTreeSet;
use std::sync::Arc;

use alluvium_sql::types::{IntWidth, Type};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, StructArray, UInt32Array, new_null_array,
};
use arrow::datatypes::{DataType, Int64Type};

use self::items::{ELEMENTS_MAX, Item, Source, build, sources};
use self::shapes::{
    array_shape, at_shape, element_shape, field_shape, insert_shape, item_shape, join_shape, length_shape, lists_shape,
    one_list_shape, overlap_shape, repeat_shape, row_shape, sort_shape, two_lists_shape, with_value,
};
use super::{Call, Function, Outcome, failure};
use crate::types::data_type;

const BIG: Type = Type::Int(IntWidth::Big);

pub(super) const FUNCTIONS: [Function; 30] = [
    Function::new("__array", array_shape, array),
    Function::new("array", array_shape, array),
    Function::new("__row", row_shape, row),
    Function::new("row", row_shape, row),
    Function::new("__at", at_shape, at),
    Function::new("__field", field_shape, field),
    Function::new("cardinality", length_shape, length),
    Function::new("array_length", length_shape, length),
    Function::new("array_size", length_shape, length),
    Function::new("element", element_shape, element),
    Function::new("array_append", |args| with_value(args, 0, 1, None), |call| two(call, |a, b| [a, b].concat())),
    Function::new("array_prepend", |args| with_value(args, 0, 1, None), |call| two(call, |a, b| [b, a].concat())),
    Function::new("array_concat", lists_shape, |call| many(call, <[Vec<Item>]>::concat)),
    Function::new("array_union", lists_shape, |call| sets(call, |sets| sets.iter().flatten().cloned().collect())),
    Function::new("array_intersect", two_lists_shape, |call| sets(call, |sets| shared(sets, true))),
    Function::new("array_except", two_lists_shape, |call| sets(call, |sets| shared(sets, false))),
    Function::new("array_distinct", one_list_shape, |call| ordered(call, keep_first)),
    Function::new("array_reverse", one_list_shape, |call| ordered(call, |items| items.into_iter().rev().collect())),
    Function::new("sort_array", sort_shape, sort),
    Function::new("array_compact", one_list_shape, |call| {
        ordered(call, |items| items.into_iter().filter(Item::is_there).collect())
    }),
    Function::new(
        "array_remove",
        |args| with_value(args, 0, 1, None),
        |call| {
            two(call, |items, value| {
                items
                    .iter()
                    .filter(|item| value.first().is_none_or(|value| value.bytes != item.bytes))
                    .cloned()
                    .collect()
            })
        },
    ),
    Function::new("array_contains", |args| with_value(args, 0, 1, Some(Type::Boolean)), contains),
    Function::new("array_position", |args| with_value(args, 0, 1, Some(BIG)), position),
    Function::new("arrays_overlap", overlap_shape, overlap),
    Function::new("array_max", item_shape, |call| extreme(call, true)),
    Function::new("array_min", item_shape, |call| extreme(call, false)),
    Function::new("array_repeat", repeat_shape, repeat),
    Function::new("array_insert", insert_shape, insert),
    Function::new("array_join", join_shape, join),
    Function::new("array_to_string", join_shape, join),
];

fn array(call: &Call<'_>) -> Outcome<ArrayRef> {
    let sources: Vec<Source<'_>> = call.args.iter().map(|array| Source::new(array, false)).collect::<Outcome<_>>()?;
    let rows =
        (0..call.rows).map(|row| Some(sources.iter().enumerate().map(|(at, source)| source.item(at, row)).collect()));
    build(call, &sources, rows.collect())
}

fn row(call: &Call<'_>) -> Outcome<ArrayRef> {
    let DataType::Struct(fields) = data_type(&call.shape.result.kind) else { return Err(failure!("a row is planned")) };
    Ok(Arc::new(StructArray::try_new(fields, call.args.to_vec(), None)?))
}

fn field(call: &Call<'_>) -> Outcome<ArrayRef> {
    if *call.param(0)? == Type::Variant {
        return super::variant::at(call, true);
    }
    let rows = call.column(0)?.as_struct_opt().ok_or_else(|| failure!("a row is expected"))?;
    let names = call.texts(1)?;
    let Some(name) = (!names.is_empty()).then(|| names.value(0)) else {
        return Ok(new_null_array(&data_type(&call.shape.result.kind), 0));
    };
    let at = rows.fields().iter().position(|field| field.name() == name);
    let at = at.or_else(|| rows.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name)));
    let values = rows.column(at.ok_or_else(|| failure!("the row has no field '{name}'"))?);
    // Of a row that is NULL all fields are.
    let is_null: BooleanArray = (0..rows.len()).map(|row| Some(rows.is_null(row))).collect();
    Ok(arrow::compute::nullif(values, &is_null)?)
}

fn length(call: &Call<'_>) -> Outcome<ArrayRef> {
    let list = call.column(0)?.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
    Ok(super::maps::length(list))
}

/// The values at places of an array.
fn taken(list: &ArrayRef, places: Vec<Option<u32>>) -> Outcome<ArrayRef> {
    let list = list.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
    Ok(arrow::compute::take(list.values(), &UInt32Array::from(places), None)?)
}

fn at(call: &Call<'_>) -> Outcome<ArrayRef> {
    if *call.param(0)? == Type::Variant {
        return super::variant::at(call, false);
    }
    if matches!(call.param(0)?, Type::Map(..)) {
        return super::maps::at(call);
    }
    let list = call.column(0)?.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
    let places = call.numbers::<Int64Type>(1)?;
    let place = |row: usize| {
        let is_inside =
            list.is_valid(row) && places.is_valid(row) && (1..=list.value_length(row)).contains(&places.value(row));
        is_inside.then(|| (list.value_offsets()[row] + places.value(row) - 1) as u32)
    };
    taken(call.column(0)?, (0..call.rows).map(place).collect())
}

fn element(call: &Call<'_>) -> Outcome<ArrayRef> {
    let list = call.column(0)?.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
    let mut places = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let length = if list.is_valid(row) { list.value_length(row) } else { 0 };
        if length > 1 {
            return Err(failure!("the array has {length} elements, not one"));
        }
        places.push((length == 1).then(|| list.value_offsets()[row] as u32));
    }
    taken(call.column(0)?, places)
}

fn two(call: &Call<'_>, made: fn(Vec<Item>, Vec<Item>) -> Vec<Item>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let rows = (0..call.rows).map(|row| Some(made(sources[0].items(0, row)?, sources[1].items(1, row)?))).collect();
    build(call, &sources, rows)
}

fn many(call: &Call<'_>, made: fn(&[Vec<Item>]) -> Vec<Item>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let all =
        |row: usize| sources.iter().enumerate().map(|(at, source)| source.items(at, row)).collect::<Option<Vec<_>>>();
    let rows = (0..call.rows).map(|row| all(row).map(|lists| made(&lists))).collect();
    build(call, &sources, rows)
}

/// Arrays as sets: sorted, each element once.
fn sets(call: &Call<'_>, made: fn(&[Vec<Item>]) -> Vec<Item>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let all =
        |row: usize| sources.iter().enumerate().map(|(at, source)| source.items(at, row)).collect::<Option<Vec<_>>>();
    let sorted = |mut items: Vec<Item>| {
        items.sort();
        items.dedup_by(|a, b| a.bytes == b.bytes);
        items
    };
    let rows = (0..call.rows).map(|row| all(row).map(|lists| sorted(made(&lists)))).collect();
    build(call, &sources, rows)
}

/// The elements of the first array that are in the second too, or are not.
fn shared(lists: &[Vec<Item>], wanted: bool) -> Vec<Item> {
    let others: BTreeSet<&[u8]> = lists.iter().skip(1).flatten().map(|item| item.bytes.as_slice()).collect();
    lists
        .first()
        .into_iter()
        .flatten()
        .filter(|item| others.contains(item.bytes.as_slice()) == wanted)
        .cloned()
        .collect()
}

fn keep_first(items: Vec<Item>) -> Vec<Item> {
    let mut seen = BTreeSet::new();
    items.into_iter().filter(|item| seen.insert(item.bytes.clone())).collect()
}

fn ordered(call: &Call<'_>, made: fn(Vec<Item>) -> Vec<Item>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let rows = (0..call.rows).map(|row| sources[0].items(0, row).map(made)).collect();
    build(call, &sources, rows)
}

/// Sorts from the least, or from the greatest if the second argument is false.
fn sort(call: &Call<'_>) -> Outcome<ArrayRef> {
    let ups = if call.args.len() > 1 { Some(call.booleans(1)?) } else { None };
    let sources = [Source::new(call.column(0)?, true)?];
    let sorted = |row: usize| {
        if ups.is_some_and(|ups| ups.is_null(row)) {
            return None;
        }
        let mut items = sources[0].items(0, row)?;
        items.sort();
        if ups.is_some_and(|ups| !ups.value(row)) {
            items.reverse();
        }
        Some(items)
    };
    build(call, &sources, (0..call.rows).map(sorted).collect())
}

/// Whether a value is an element: NULL if the value is.
fn contains(call: &Call<'_>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let found = |row: usize| {
        let (items, value) = (sources[0].items(0, row)?, sources[1].item(1, row));
        value.is_there().then(|| items.iter().any(|item| item.bytes == value.bytes))
    };
    Ok(Arc::new((0..call.rows).map(found).collect::<BooleanArray>()))
}

fn position(call: &Call<'_>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let found = |row: usize| {
        let (items, value) = (sources[0].items(0, row)?, sources[1].item(1, row));
        let found = items.iter().position(|item| item.bytes == value.bytes);
        value.is_there().then(|| found.map_or(0, |at| at as i64 + 1))
    };
    Ok(Arc::new((0..call.rows).map(found).collect::<Int64Array>()))
}

fn overlap(call: &Call<'_>) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let shares = |row: usize| Some(!shared(&[sources[0].items(0, row)?, sources[1].items(1, row)?], true).is_empty());
    Ok(Arc::new((0..call.rows).map(shares).collect::<BooleanArray>()))
}

/// The least or greatest element that is not NULL.
fn extreme(call: &Call<'_>, is_greatest: bool) -> Outcome<ArrayRef> {
    let sources = sources(call)?;
    let best = |row: usize| {
        let items = sources[0].items(0, row)?.into_iter().filter(Item::is_there);
        let best = if is_greatest { items.max() } else { items.min() };
        best.and_then(|item| item.place).map(|(_, at)| at as u32)
    };
    taken(call.column(0)?, (0..call.rows).map(best).collect())
}

fn repeat(call: &Call<'_>) -> Outcome<ArrayRef> {
    let counts = call.numbers::<Int64Type>(1)?;
    let sources = [Source::new(call.column(0)?, false)?];
    let mut rows = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let times = if counts.is_null(row) { None } else { Some(usize::try_from(counts.value(row)).unwrap_or(0)) };
        if times.is_some_and(|times| times > ELEMENTS_MAX) {
            return Err(failure!("arrays of more than {ELEMENTS_MAX} elements would be made"));
        }
        rows.push(times.map(|times| vec![sources[0].item(0, row); times]));
    }
    build(call, &sources, rows)
}

/// Puts a value before a place; behind the end, NULLs fill the gap. Places below 0 count from the end.
fn insert(call: &Call<'_>) -> Outcome<ArrayRef> {
    let places = call.numbers::<Int64Type>(1)?;
    let sources = sources(call)?;
    let mut rows = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let (Some(mut items), false) = (sources[0].items(0, row), places.is_null(row)) else {
            rows.push(None);
            continue;
        };
        let place = places.value(row);
        let length = items.len() as i64;
        let at = if place > 0 { place - 1 } else { length.saturating_add(place).saturating_add(1) };
        if place == 0 || at < 0 || at > ELEMENTS_MAX as i64 {
            return Err(failure!("{place} is not a place to insert at"));
        }
        let at = at as usize;
        let nothing = Item { bytes: Vec::new(), place: None };
        items.resize(items.len().max(at), nothing);
        items.insert(at, sources[2].item(2, row));
        rows.push(Some(items));
    }
    build(call, &sources, rows)
}

/// The elements as texts with a separator between; NULLs are left out or replaced.
fn join(call: &Call<'_>) -> Outcome<ArrayRef> {
    let list = call.column(0)?.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
    let texts: &StringArray = list.values().as_string_opt().ok_or_else(|| failure!("texts are expected"))?;
    let separators = call.texts(1)?;
    let fillers = if call.args.len() > 2 { Some(call.texts(2)?) } else { None };
    let joined = |row: usize| {
        if list.is_null(row) || separators.is_null(row) || fillers.is_some_and(|fillers| fillers.is_null(row)) {
            return None;
        }
        let filler = fillers.map(|fillers| fillers.value(row));
        let (start, end) = (list.value_offsets()[row] as usize, list.value_offsets()[row + 1] as usize);
        let parts = (start..end).filter_map(|at| if texts.is_valid(at) { Some(texts.value(at)) } else { filler });
        Some(parts.collect::<Vec<&str>>().join(separators.value(row)))
    };
    Ok(Arc::new((0..call.rows).map(joined).collect::<StringArray>()))
}
