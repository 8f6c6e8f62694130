//! Functions of maps. In memory a map is a list of entries, each key once, in the order of the keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_sql::types::{ColumnType, IntWidth, Type};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, LargeListArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;

use super::compare::encode;
use super::support::{count, types_text, wrong};
use super::{Arg, Call, Function, Outcome, Shape, failure};
use crate::types::{common_type, data_type};

pub(super) const FUNCTIONS: [Function; 6] = [
    Function::new("__map", map_shape, map),
    Function::new("map", map_shape, map),
    Function::new("map_concat", concat_shape, concat),
    Function::new("map_contains_key", |args| key_shape(args, Some(Type::Boolean)), contains_key),
    Function::new("map_keys", |args| part_shape(args, true), |call| part(call, 0)),
    Function::new("map_values", |args| part_shape(args, false), |call| part(call, 1)),
];

/// The type of a map's keys and that of its values.
fn parts<'a>(args: &'a [Arg<'_>], at: usize) -> Outcome<(&'a Type, &'a Type)> {
    match args.get(at).map(|arg| &arg.column.kind) {
        Some(Type::Map(key, value)) => Ok((key, value)),
        _ => Err(wrong(args, at, "a map")),
    }
}

fn map_of(key: &Type, value: &Type) -> Type {
    Type::Map(Box::new(key.clone()), Box::new(value.clone()))
}

fn common_of<'a>(args: &[Arg<'_>], kinds: impl Iterator<Item = &'a Type>) -> Outcome<Type> {
    let mut common = Type::Null;
    for kind in kinds {
        common = common_type(&common, kind).ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    }
    Ok(common)
}

/// `MAP[key, value, …]`.
fn map_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    if args.is_empty() || args.len() % 2 == 1 {
        return Err(failure!("a map has a value for each key, and one key or more"));
    }
    let key = common_of(args, args.iter().step_by(2).map(|arg| &arg.column.kind))?;
    let value = common_of(args, args.iter().skip(1).step_by(2).map(|arg| &arg.column.kind))?;
    let params = (0..args.len()).map(|at| if at % 2 == 0 { key.clone() } else { value.clone() }).collect();
    Ok(Shape { params, result: ColumnType { kind: map_of(&key, &value), is_nullable: false } })
}

fn concat_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    count(args, 1, usize::MAX)?;
    let all = (0..args.len()).map(|at| parts(args, at)).collect::<Outcome<Vec<_>>>()?;
    let key = common_of(args, all.iter().map(|(key, _)| *key))?;
    let value = common_of(args, all.iter().map(|(_, value)| *value))?;
    let common = map_of(&key, &value);
    Ok(Shape::strict(args, vec![common.clone(); args.len()], common))
}

/// A map and a key.
pub(super) fn key_shape(args: &[Arg<'_>], result: Option<Type>) -> Outcome<Shape> {
    count(args, 2, 2)?;
    let (key, value) = parts(args, 0)?;
    let given = &args[1].column.kind;
    let common = common_type(key, given).ok_or_else(|| failure!("{} have no type in common", types_text(args)))?;
    let params = vec![map_of(&common, value), common];
    Ok(Shape::nullable(params, result.unwrap_or_else(|| value.clone())))
}

fn part_shape(args: &[Arg<'_>], is_key: bool) -> Outcome<Shape> {
    count(args, 1, 1)?;
    let (key, value) = parts(args, 0)?;
    let item = if is_key { key } else { value };
    Ok(Shape::strict(args, vec![args[0].column.kind.clone()], Type::Array(Box::new(item.clone()))))
}

/// Plans how many entries a map has.
pub(super) fn length_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    parts(args, 0)?;
    Ok(Shape::strict(args, vec![args[0].column.kind.clone()], Type::Int(IntWidth::Normal)))
}

/// How many entries maps have.
pub(super) fn length(list: &LargeListArray) -> ArrayRef {
    let length = |row: usize| list.is_valid(row).then(|| list.value_length(row) as i32);
    Arc::new((0..list.len()).map(length).collect::<Int32Array>())
}

/// Maps by their entries.
struct Maps<'a> {
    list: &'a LargeListArray,
    keys: &'a ArrayRef,
    values: &'a ArrayRef,
    encoded: arrow::row::Rows,
}

impl<'a> Maps<'a> {
    fn new(array: &'a ArrayRef) -> Outcome<Self> {
        let expected = || failure!("a map is expected");
        let list = array.as_list_opt::<i64>().ok_or_else(expected)?;
        let entries = list.values().as_struct_opt().ok_or_else(expected)?;
        let [keys, values] = entries.columns() else { return Err(expected()) };
        Ok(Self { list, keys, values, encoded: encode(keys)? })
    }

    fn places(&self, row: usize) -> std::ops::Range<usize> {
        if self.list.is_null(row) {
            return 0..0;
        }
        self.list.value_offsets()[row] as usize..self.list.value_offsets()[row + 1] as usize
    }

    fn find(&self, row: usize, key: &[u8]) -> Option<usize> {
        self.places(row).find(|at| self.encoded.row(*at).as_ref() == key)
    }
}

/// Puts together maps of entries: for each row those of keys and values at places of columns. The last of equal keys counts.
fn built(
    kind: &Type,
    keys: &[&ArrayRef],
    values: &[&ArrayRef],
    rows: Vec<Option<Vec<(usize, usize)>>>,
) -> Outcome<ArrayRef> {
    let DataType::LargeList(entry) = data_type(kind) else { return Err(failure!("a map is planned")) };
    let DataType::Struct(fields) = entry.data_type() else { return Err(failure!("a map has entries")) };
    let encoded = keys.iter().map(|keys| encode(keys)).collect::<Outcome<Vec<_>>>()?;
    let (mut places, mut lengths) = (Vec::new(), Vec::with_capacity(rows.len()));
    let mut nulls = Vec::with_capacity(rows.len());
    for row in rows {
        nulls.push(row.is_some());
        let mut entries: BTreeMap<&[u8], (usize, usize)> = BTreeMap::new();
        for (source, at) in row.into_iter().flatten() {
            if keys[source].data_type().is_null() || keys[source].is_null(at) {
                return Err(failure!("a key of a map is NULL"));
            }
            entries.insert(encoded[source].row(at).data(), (source, at));
        }
        lengths.push(entries.len());
        places.extend(entries.into_values());
    }
    let taken = |columns: &[&ArrayRef], at: usize| -> Outcome<ArrayRef> {
        let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
        if places.is_empty() {
            return Ok(arrow::array::new_empty_array(fields[at].data_type()));
        }
        Ok(arrow::compute::interleave(&columns, &places)?)
    };
    let entries = StructArray::try_new(fields.clone(), vec![taken(keys, 0)?, taken(values, 1)?], None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(LargeListArray::try_new(entry, offsets, Arc::new(entries), Some(NullBuffer::from(nulls)))?))
}

fn map(call: &Call<'_>) -> Outcome<ArrayRef> {
    let keys: Vec<&ArrayRef> = call.args.iter().step_by(2).collect();
    let values: Vec<&ArrayRef> = call.args.iter().skip(1).step_by(2).collect();
    let rows = (0..call.rows).map(|row| Some((0..keys.len()).map(|source| (source, row)).collect())).collect();
    built(&call.shape.result.kind, &keys, &values, rows)
}

fn concat(call: &Call<'_>) -> Outcome<ArrayRef> {
    let maps = call.args.iter().map(Maps::new).collect::<Outcome<Vec<_>>>()?;
    let row = |row: usize| {
        let is_there = maps.iter().all(|map| map.list.is_valid(row));
        let entries = maps.iter().enumerate().flat_map(|(at, map)| map.places(row).map(move |place| (at, place)));
        is_there.then(|| entries.collect())
    };
    let (keys, values): (Vec<&ArrayRef>, Vec<&ArrayRef>) = maps.iter().map(|map| (map.keys, map.values)).unzip();
    built(&call.shape.result.kind, &keys, &values, (0..call.rows).map(row).collect())
}

fn contains_key(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (maps, keys) = (Maps::new(call.column(0)?)?, call.column(1)?);
    let encoded = encode(keys)?;
    let found = |row: usize| {
        let is_there = maps.list.is_valid(row) && !keys.data_type().is_null() && keys.is_valid(row);
        is_there.then(|| maps.find(row, encoded.row(row).as_ref()).is_some())
    };
    Ok(Arc::new((0..call.rows).map(found).collect::<BooleanArray>()))
}

/// The value of a key in each map, NULL where there is none.
pub(super) fn at(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (maps, keys) = (Maps::new(call.column(0)?)?, call.column(1)?);
    let encoded = encode(keys)?;
    let place = |row: usize| maps.find(row, encoded.row(row).as_ref()).map(|at| at as u32);
    let places: UInt32Array = (0..call.rows).map(place).collect();
    Ok(arrow::compute::take(maps.values, &places, None)?)
}

/// The keys of maps, or their values, as arrays.
fn part(call: &Call<'_>, at: usize) -> Outcome<ArrayRef> {
    let maps = Maps::new(call.column(0)?)?;
    let DataType::LargeList(item) = data_type(&call.shape.result.kind) else {
        return Err(failure!("an array is planned"));
    };
    let values = if at == 0 { maps.keys } else { maps.values };
    let (offsets, nulls) = (maps.list.offsets().clone(), maps.list.nulls().cloned());
    Ok(Arc::new(LargeListArray::try_new(item, offsets, Arc::clone(values), nulls)?))
}

/// Casts the keys and values of maps, which may change the order of the keys.
pub(super) fn cast_map(
    array: &ArrayRef,
    to: &Type,
    part: impl Fn(&ArrayRef, usize) -> Outcome<ArrayRef>,
) -> Outcome<ArrayRef> {
    let maps = Maps::new(array)?;
    let (keys, values) = (part(maps.keys, 0)?, part(maps.values, 1)?);
    let row = |row: usize| maps.list.is_valid(row).then(|| maps.places(row).map(|at| (0, at)).collect());
    built(to, &[&keys], &[&values], (0..array.len()).map(row).collect())
}

/// Values with maps as they come from outside, as lists of entries in any order or as maps of Arrow, in the form they have in
/// memory. What is of another type stays as it is.
pub(crate) fn sorted(array: &ArrayRef, kind: &Type) -> Outcome<ArrayRef> {
    match (kind, array.data_type()) {
        (Type::Map(key, value), DataType::Map(..)) => {
            let maps = array.as_map();
            let row = |row: usize| {
                let (start, end) = (maps.value_offsets()[row] as usize, maps.value_offsets()[row + 1] as usize);
                maps.is_valid(row).then(|| (start..end).map(|at| (0, at)).collect())
            };
            let rows = (0..array.len()).map(row).collect();
            built(kind, &[&sorted(maps.keys(), key)?], &[&sorted(maps.values(), value)?], rows)
        }
        (Type::Map(key, value), DataType::LargeList(entry)) if is_pair(entry.data_type()) => {
            cast_map(array, kind, |part, at| sorted(part, if at == 0 { key } else { value }))
        }
        (Type::Array(item), DataType::LargeList(_)) => {
            let list = array.as_list::<i64>();
            let DataType::LargeList(wanted) = data_type(kind) else { return Ok(Arc::clone(array)) };
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(LargeListArray::try_new(wanted, offsets, sorted(list.values(), item)?, nulls)?))
        }
        (Type::Row(fields), DataType::Struct(found)) if fields.len() == found.len() => {
            let DataType::Struct(wanted) = data_type(kind) else { return Ok(Arc::clone(array)) };
            let row = array.as_struct();
            let parts = fields.iter().zip(row.columns());
            let parts = parts.map(|(field, part)| sorted(part, &field.column_type.kind)).collect::<Outcome<_>>()?;
            Ok(Arc::new(StructArray::try_new(wanted, parts, row.nulls().cloned())?))
        }
        _ => Ok(Arc::clone(array)),
    }
}

fn is_pair(kind: &DataType) -> bool {
    matches!(kind, DataType::Struct(fields) if fields.len() == 2)
}
