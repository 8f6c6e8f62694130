//! Numbers that stand for rows: rows that are equal to the engine have the same one, others differ but for a chance of 1 in 2^128.
//!
//! Half of it is kept in the files, so how it is made is part of their format. What was made otherwise is only found slower.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, OffsetSizeTrait, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::column::ColumnType;

/// Two halves, mixed apart.
type Lanes = [u64; 2];

/// Odd numbers of which half the bits are set: the digits of pi.
const START: Lanes = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];
const FACTORS: Lanes = [0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];
const MASKS: Lanes = [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6d];
/// What stands for NULL is mixed in by other factors, so that no value is like it.
const NULL_FACTORS: Lanes = [0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917];
const TURN_BITS: u32 = 23;

/// Whether equal values of a column have equal numbers. Some types go as text here, of which there are several for one value; they take
/// no part, or would tell equal rows apart.
pub(crate) fn is_told(column_type: &ColumnType) -> bool {
    // As a column of its own it has been spelled in the one way.
    *column_type == ColumnType::Uuid || is_told_within(column_type)
}

fn is_told_within(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::HugeInt
        | ColumnType::UHugeInt
        | ColumnType::Bit
        | ColumnType::TimeTz
        | ColumnType::Interval
        | ColumnType::Uuid => false,
        ColumnType::List(inner) | ColumnType::Array(inner, _) => is_told_within(inner),
        ColumnType::Struct(fields) => fields.iter().all(|(_, inner)| is_told_within(inner)),
        ColumnType::Map(key, value) => is_told_within(key) && is_told_within(value),
        _ => true,
    }
}

/// The numbers of rows, from columns as [`super::fit`] gives them.
pub(crate) fn of_rows<'a>(columns: impl Iterator<Item = &'a ArrayRef>, rows: usize) -> Vec<u128> {
    let mut lanes = vec![START; rows];
    for column in columns {
        fold(column.as_ref(), &mut lanes);
    }
    lanes.iter_mut().for_each(|lanes| mix(lanes, MASKS[0], FACTORS));
    lanes.into_iter().map(|[low, high]| u128::from(high) << 64 | u128::from(low)).collect()
}

/// The half that is kept in the files.
pub(crate) fn kept(digest: u128) -> u64 {
    digest as u64
}

#[inline]
fn mix(lanes: &mut Lanes, word: u64, factors: Lanes) {
    for ((lane, factor), mask) in lanes.iter_mut().zip(factors).zip(MASKS) {
        let product = u128::from(*lane ^ word ^ mask) * u128::from(factor);
        // What was before comes along once more, so that no word can wipe it out.
        *lane = (product as u64 ^ (product >> 64) as u64).wrapping_add(lane.rotate_left(TURN_BITS));
    }
}

fn add(lanes: &mut Lanes, word: u64) {
    mix(lanes, word, FACTORS);
}

fn add_null(lanes: &mut Lanes) {
    mix(lanes, 1, NULL_FACTORS);
}

/// Mixes each value of a column into the number of its row. As deep as the types of columns may be.
fn fold(array: &dyn Array, lanes: &mut [Lanes]) {
    match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            each(array, lanes, |row, lanes| add(lanes, u64::from(values.value(row))));
        }
        DataType::Int8 => numbers::<Int8Type>(array, lanes, |value| value as u64),
        DataType::Int16 => numbers::<Int16Type>(array, lanes, |value| value as u64),
        DataType::Int32 => numbers::<Int32Type>(array, lanes, |value| value as u64),
        DataType::Int64 => numbers::<Int64Type>(array, lanes, |value| value as u64),
        DataType::UInt8 => numbers::<UInt8Type>(array, lanes, u64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, lanes, u64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, lanes, u64::from),
        DataType::UInt64 => numbers::<UInt64Type>(array, lanes, |value| value),
        DataType::Float32 => numbers::<Float32Type>(array, lanes, |value| one_of_equals(f64::from(value))),
        DataType::Float64 => numbers::<Float64Type>(array, lanes, one_of_equals),
        DataType::Decimal128(..) => {
            let values: &PrimitiveArray<Decimal128Type> = array.as_primitive();
            each(array, lanes, |row, lanes| {
                let value = values.value(row);
                add(lanes, value as u64);
                add(lanes, (value >> 64) as u64);
            });
        }
        DataType::Date32 => numbers::<Date32Type>(array, lanes, |value| value as u64),
        DataType::Time64(TimeUnit::Microsecond) => numbers::<Time64MicrosecondType>(array, lanes, |value| value as u64),
        DataType::Timestamp(TimeUnit::Second, _) => numbers::<TimestampSecondType>(array, lanes, |value| value as u64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            numbers::<TimestampMillisecondType>(array, lanes, |value| value as u64);
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            numbers::<TimestampMicrosecondType>(array, lanes, |value| value as u64);
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            numbers::<TimestampNanosecondType>(array, lanes, |value| value as u64);
        }
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            each(array, lanes, |row, lanes| bytes(lanes, values.value(row).as_bytes()));
        }
        DataType::Binary => {
            let values = array.as_binary::<i32>();
            each(array, lanes, |row, lanes| bytes(lanes, values.value(row)));
        }
        DataType::Struct(_) | DataType::List(_) | DataType::FixedSizeList(..) | DataType::Map(..) => {
            nested(array, lanes);
        }
        // Nothing that columns are given as.
        _ => {}
    }
}

fn nested(array: &dyn Array, lanes: &mut [Lanes]) {
    match array.data_type() {
        DataType::Struct(_) => {
            let mut inner = vec![START; array.len()];
            for field in array.as_struct().columns() {
                fold(field.as_ref(), &mut inner);
            }
            each(array, lanes, |row, lanes| inner[row].into_iter().for_each(|word| add(lanes, word)));
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            elements(array, lists.values().as_ref(), lists.value_offsets(), lanes);
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            elements(array, maps.entries(), maps.value_offsets(), lanes);
        }
        DataType::FixedSizeList(_, length) => {
            let length = (*length).max(0) as usize;
            let lists = array.as_fixed_size_list();
            let inner = whole(lists.values().as_ref());
            each(array, lanes, |row, lanes| list(lanes, &inner[row * length..(row + 1) * length]));
        }
        _ => {}
    }
}

fn elements<O: OffsetSizeTrait>(array: &dyn Array, values: &dyn Array, offsets: &[O], lanes: &mut [Lanes]) {
    let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    let inner = whole(values.slice(first, last - first).as_ref());
    each(array, lanes, |row, lanes| {
        list(lanes, &inner[offsets[row].as_usize() - first..offsets[row + 1].as_usize() - first]);
    });
}

fn whole(values: &dyn Array) -> Vec<Lanes> {
    let mut inner = vec![START; values.len()];
    fold(values, &mut inner);
    inner
}

fn list(lanes: &mut Lanes, elements: &[Lanes]) {
    add(lanes, elements.len() as u64);
    for element in elements {
        element.iter().for_each(|word| add(lanes, *word));
    }
}

fn each(array: &dyn Array, lanes: &mut [Lanes], mut value: impl FnMut(usize, &mut Lanes)) {
    if array.null_count() == 0 {
        lanes.iter_mut().enumerate().for_each(|(row, lanes)| value(row, lanes));
        return;
    }
    for (row, lanes) in lanes.iter_mut().enumerate() {
        if array.is_null(row) { add_null(lanes) } else { value(row, lanes) }
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array, lanes: &mut [Lanes], word: impl Fn(T::Native) -> u64) {
    let values = array.as_primitive::<T>().values();
    each(array, lanes, |row, lanes| add(lanes, word(values[row])));
}

/// All that the engine takes for NaN, and both zeros, are the same.
fn one_of_equals(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

fn bytes(lanes: &mut Lanes, value: &[u8]) {
    add(lanes, value.len() as u64);
    let (words, rest) = value.as_chunks::<8>();
    words.iter().for_each(|word| add(lanes, u64::from_le_bytes(*word)));
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        add(lanes, u64::from_le_bytes(last));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, ListArray, StringArray};

    use super::*;

    fn digests(columns: &[ArrayRef]) -> Vec<u128> {
        of_rows(columns.iter(), columns[0].len())
    }

    #[test]
    fn equal_rows_have_equal_numbers_and_others_have_not() {
        let quiet = f64::from_bits(0x7ff8_0000_0000_0001);
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![
            Some(0.0),
            Some(-0.0),
            Some(f64::NAN),
            Some(quiet),
            Some(-f64::NAN),
            None,
        ]));
        let found = digests(&[floats]);
        assert_eq!(found[0], found[1]);
        assert!(found[2] == found[3] && found[3] == found[4]);
        assert!(found[0] != found[2] && found[0] != found[5] && found[2] != found[5]);

        let texts: ArrayRef =
            Arc::new(StringArray::from(vec![Some(""), None, Some("\0"), Some("12345678"), Some("12345678\0")]));
        let found = digests(&[texts]);
        assert_eq!(found.iter().collect::<std::collections::HashSet<_>>().len(), 5);

        let swapped = |one: &[i64], other: &[i64]| -> u128 {
            digests(&[Arc::new(Int64Array::from(one.to_vec())), Arc::new(Int64Array::from(other.to_vec()))])[0]
        };
        assert_ne!(swapped(&[1], &[2]), swapped(&[2], &[1]));
        assert_ne!(swapped(&[0], &[0]) as u64, (swapped(&[0], &[0]) >> 64) as u64, "the halves are apart");
    }

    #[test]
    fn a_slice_has_the_numbers_of_its_rows() {
        let lists = vec![Some(vec![Some(1), None]), None, Some(vec![]), Some(vec![Some(1)]), Some(vec![None])];
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
        let all = digests(&[Arc::clone(&lists)]);
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 5);
        for from in 0..5 {
            assert_eq!(digests(&[lists.slice(from, 5 - from)]), all[from..], "from {from}");
        }
    }

    #[test]
    fn numbers_kept_in_files_stay_as_they_are() {
        let columns: [ArrayRef; 2] =
            [Arc::new(Int64Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec!["a", "b"]))];
        let found: Vec<u64> = digests(&columns).into_iter().map(kept).collect();
        assert_eq!(found, KEPT);
    }

    const KEPT: [u64; 2] = [5_607_805_633_000_398_226, 15_414_625_054_866_875_468];
}
