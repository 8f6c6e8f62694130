//! Columns with a few values each, and Z-sets over them.
#![allow(dead_code, reason = "each test file uses its part, so an expectation would fail in those that use all")]

use std::collections::BTreeMap;
use std::sync::Arc;

use alluvium_tablestore::{Change, Column, Hub, TableFile, TableSchema};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Builder, Int64Array,
    LargeListArray, MapBuilder, StringArray, StringBuilder, StructArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::common::moment;

/// Kinds of columns that there are.
pub const KINDS: usize = 12;
/// Kinds that keys are made of: from 0 up to this.
pub const KEY_KINDS: usize = 3;

/// Type of a kind of columns, and its values; the first one is not NULL.
pub fn domain(kind: usize) -> (&'static str, ArrayRef) {
    match kind {
        0 => ("BIGINT", Arc::new(Int64Array::from(vec![Some(0), Some(1), Some(i64::MIN), Some(7), None]))),
        1 => (
            "VARCHAR",
            Arc::new(StringArray::from(vec![Some(""), Some("a"), Some("ä🙂 more than twelve bytes"), Some("b"), None])),
        ),
        2 => {
            // One value in two spellings.
            let (low, high) = ("0b6ff7a8-0000-4000-8000-0000000000aa", "0B6FF7A8-0000-4000-8000-0000000000AA");
            let other = "ffffffff-0000-4000-8000-000000000000";
            ("UUID", Arc::new(StringArray::from(vec![Some(low), Some(other), Some(high), None])))
        }
        3 => {
            let other_nan = f64::from_bits(0xfff8_0000_0000_0007);
            let values = [Some(0.0), Some(-0.0), Some(f64::NAN), Some(other_nan), Some(1.5), Some(f64::INFINITY), None];
            ("DOUBLE", Arc::new(Float64Array::from(values.to_vec())))
        }
        4 => {
            let values = Decimal128Array::from(vec![Some(0), Some(-1), Some(10_i128.pow(37)), None]);
            ("DECIMAL(38,2)", Arc::new(values.with_precision_and_scale(38, 2).unwrap()))
        }
        5 => ("BOOLEAN", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        6 => {
            let lists = vec![Some(vec![]), Some(vec![None]), Some(vec![Some(1)]), Some(vec![Some(1), Some(2)]), None];
            ("INTEGER[]", Arc::new(LargeListArray::from_iter_primitive::<Int32Type, _, _>(lists)))
        }
        7 => ("STRUCT(a DOUBLE, b VARCHAR)", structs()),
        8 => ("MAP(VARCHAR, INTEGER)", maps()),
        9 => (
            "TIMESTAMP",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(-1), Some(1_700_000_000_000_001), None])),
        ),
        10 => ("DATE", Arc::new(Date32Array::from(vec![Some(0), Some(-719_000), None]))),
        _ => ("BLOB", Arc::new(BinaryArray::from_opt_vec(vec![Some(b""), Some(b"\0"), Some(b"\xff\x00"), None]))),
    }
}

fn structs() -> ArrayRef {
    let a: ArrayRef = Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(0.0), Some(-0.0), None, Some(1.0)]));
    let b: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), Some("x"), Some("x"), None, None]));
    let fields: Fields = vec![Field::new("a", DataType::Float64, true), Field::new("b", DataType::Utf8, true)].into();
    let valid = vec![true, true, true, true, false].into();
    Arc::new(StructArray::new(fields, vec![a, b], Some(valid)))
}

fn maps() -> ArrayRef {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    builder.append(true).unwrap();
    builder.keys().append_value("k");
    builder.values().append_value(1);
    builder.append(true).unwrap();
    builder.keys().append_value("k");
    builder.values().append_null();
    builder.append(true).unwrap();
    builder.append(false).unwrap();
    Arc::new(builder.finish())
}

/// How many values a kind has.
pub fn size(kind: usize) -> usize {
    domain(kind).1.len()
}

/// A table with a column of each of these kinds.
pub fn schema_of(kinds: &[usize], keys: usize) -> TableSchema {
    let column =
        |(place, kind): (usize, &usize)| Column::new(&format!("c{place}"), domain(*kind).0, true, None).unwrap();
    let names: Vec<String> = (0..keys).map(|place| format!("c{place}")).collect();
    TableSchema::new(kinds.iter().enumerate().map(column).collect(), &names).unwrap()
}

/// A row: which value of its kind each column has.
pub type Row = Vec<usize>;

pub fn batch_of(kinds: &[usize], rows: &[Row]) -> RecordBatch {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (place, kind) in kinds.iter().enumerate() {
        let places: UInt32Array = rows.iter().map(|row| Some((row[place] % size(*kind)) as u32)).collect();
        let array = take(&domain(*kind).1, &places, None).unwrap();
        fields.push(Field::new(format!("c{place}"), array.data_type().clone(), true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// Rows as text, in which equal ones are alike.
pub fn texts(kinds: &[usize], batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let mut out = vec![String::new(); batch.num_rows()];
    for (kind, array) in kinds.iter().zip(batch.columns()) {
        let array = cast(array, domain(*kind).1.data_type()).unwrap();
        let formatter = ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
        for (row, out) in out.iter_mut().enumerate() {
            let text = formatter.value(row).to_string().replace("-0.0", "0.0").replace("-NaN", "NaN").to_lowercase();
            *out = format!("{out}|{text}");
        }
    }
    out
}

pub type Multiset = BTreeMap<String, i64>;

/// Adds rows to a multiset; nothing of it is there no times.
pub fn add(set: &mut Multiset, rows: impl IntoIterator<Item = (String, i64)>) {
    for (row, weight) in rows {
        let copies = set.entry(row).or_default();
        *copies += weight;
    }
    set.retain(|_, copies| *copies != 0);
}

pub fn weighted(batch: RecordBatch, weights: &[i64]) -> Change {
    Change::Weighted { batch, weights: weights.to_vec(), moment: moment() }
}

/// What a scan gives.
pub fn held(hub: &Hub, file: &TableFile, kinds: &[usize]) -> Multiset {
    multiset(kinds, hub.scan(file, None).unwrap())
}

pub fn multiset(
    kinds: &[usize],
    batches: impl Iterator<Item = alluvium_tablestore::error::Result<RecordBatch>>,
) -> Multiset {
    let mut set = Multiset::new();
    for batch in batches {
        add(&mut set, texts(kinds, &batch.unwrap()).into_iter().map(|row| (row, 1)));
    }
    set
}
