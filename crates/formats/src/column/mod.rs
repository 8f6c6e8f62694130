//! Columns that grow by rows, and shrink again when a row turns out to be bad.

mod arrow;
mod order;

use std::sync::Arc;

use ::arrow::array::BooleanBufferBuilder;
use alluvium_sql::types::{ColumnType, Field, IntWidth, Type};

use crate::names::Names;

/// A column of any type.
pub(crate) struct Column {
    /// Its type.
    pub kind: Type,
    /// Whether NULL is one of its values.
    pub is_nullable: bool,
    /// Which values are there.
    pub valid: BooleanBufferBuilder,
    /// The values; where there is none, something is in its place.
    pub values: Values,
}

/// The values of a column.
pub(crate) enum Values {
    Boolean(BooleanBufferBuilder),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    UInt8(Vec<u8>),
    UInt16(Vec<u16>),
    UInt32(Vec<u32>),
    UInt64(Vec<u64>),
    Decimal(Vec<i128>, u8, u8),
    Real(Vec<f32>),
    Double(Vec<f64>),
    /// Texts of every kind, also those of UUIDs and of variants.
    Text(Spans),
    Binary(Spans),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Timestamp(Vec<i64>),
    TimestampTz(Vec<i64>),
    Array(Ends, Box<Column>),
    Map(Ends, Box<(Column, Column)>),
    Row(Arc<Names>, Vec<Column>),
}

/// Where each value ends; the first one starts at 0.
#[derive(Default)]
pub(crate) struct Ends(pub Vec<usize>);

/// Values of different lengths, one behind the other.
#[derive(Default)]
pub(crate) struct Spans {
    pub bytes: Vec<u8>,
    pub ends: Ends,
}

impl Ends {
    /// Where the values of the first so many rows end.
    pub(crate) fn after(&self, rows: usize) -> usize {
        rows.checked_sub(1).and_then(|last| self.0.get(last)).copied().unwrap_or(0)
    }

    /// Where the values of a row are.
    pub(crate) fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.after(row)..self.after(row + 1)
    }
}

impl Spans {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.0.push(self.bytes.len());
    }

    pub(crate) fn get(&self, row: usize) -> &[u8] {
        self.bytes.get(self.ends.range(row)).unwrap_or_default()
    }
}

/// Does the same with the values of every kind that is one number or one bit for each row.
macro_rules! each_simple {
    ($values:expr, $each:ident => $do:expr, else $($other:pat => $otherwise:expr),+ $(,)?) => {
        match $values {
            Values::Int8($each) => $do,
            Values::Int16($each) => $do,
            Values::Int32($each) | Values::Date($each) => $do,
            Values::Int64($each) | Values::Time($each) | Values::Timestamp($each) | Values::TimestampTz($each) => $do,
            Values::UInt8($each) => $do,
            Values::UInt16($each) => $do,
            Values::UInt32($each) => $do,
            Values::UInt64($each) => $do,
            Values::Decimal($each, ..) => $do,
            Values::Real($each) => $do,
            Values::Double($each) => $do,
            $($other => $otherwise),+
        }
    };
}
pub(crate) use each_simple;

impl Column {
    /// An empty column. Types that [`crate::table::check_columns`] refuses become columns of texts.
    pub(crate) fn new(column: &ColumnType) -> Self {
        let nested = |kind: &Type, is_nullable| Self::new(&ColumnType { kind: kind.clone(), is_nullable });
        let values = match &column.kind {
            Type::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            Type::Int(IntWidth::Tiny) => Values::Int8(Vec::new()),
            Type::Int(IntWidth::Small) => Values::Int16(Vec::new()),
            Type::Int(IntWidth::Normal) => Values::Int32(Vec::new()),
            Type::Int(IntWidth::Big) => Values::Int64(Vec::new()),
            Type::UInt(IntWidth::Tiny) => Values::UInt8(Vec::new()),
            Type::UInt(IntWidth::Small) => Values::UInt16(Vec::new()),
            Type::UInt(IntWidth::Normal) => Values::UInt32(Vec::new()),
            Type::UInt(IntWidth::Big) => Values::UInt64(Vec::new()),
            Type::Decimal(digits, scale) => Values::Decimal(Vec::new(), *digits, *scale),
            Type::Real => Values::Real(Vec::new()),
            Type::Double => Values::Double(Vec::new()),
            Type::Binary(_) | Type::Varbinary(_) => Values::Binary(Spans::default()),
            Type::Date => Values::Date(Vec::new()),
            Type::Time => Values::Time(Vec::new()),
            Type::Timestamp => Values::Timestamp(Vec::new()),
            Type::TimestampTz => Values::TimestampTz(Vec::new()),
            Type::Array(item) => Values::Array(Ends::default(), Box::new(nested(item, true))),
            Type::Map(key, value) => Values::Map(Ends::default(), Box::new((nested(key, false), nested(value, true)))),
            Type::Row(fields) => Values::Row(
                Arc::new(Names::new(fields.iter().map(|each| &each.name))),
                fields.iter().map(|each: &Field| Self::new(&each.column_type)).collect(),
            ),
            Type::Char(_) | Type::Varchar(_) | Type::Uuid | Type::Variant | Type::Null | Type::Interval(_) => {
                Values::Text(Spans::default())
            }
        };
        let valid = BooleanBufferBuilder::new(0);
        Self { kind: column.kind.clone(), is_nullable: column.is_nullable, valid, values }
    }

    /// How many values it holds.
    pub(crate) fn len(&self) -> usize {
        self.valid.len()
    }

    /// Drops all values but the first so many, and what was begun of a value behind them.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        each_simple!(&mut self.values, values => values.truncate(rows), else
            Values::Boolean(values) => values.truncate(rows),
            Values::Text(spans) | Values::Binary(spans) => {
                spans.bytes.truncate(spans.ends.after(rows));
                spans.ends.0.truncate(rows);
            },
            Values::Array(ends, item) => {
                item.truncate(ends.after(rows));
                ends.0.truncate(rows);
            },
            Values::Map(ends, entries) => {
                entries.0.truncate(ends.after(rows));
                entries.1.truncate(ends.after(rows));
                ends.0.truncate(rows);
            },
            Values::Row(_, fields) => fields.iter_mut().for_each(|field| field.truncate(rows)),
        );
    }

    /// Adds a NULL, also where there may be none: a row that is NULL has such fields.
    pub(crate) fn push_null(&mut self) {
        self.valid.append(false);
        each_simple!(&mut self.values, values => values.push(Default::default()), else
            Values::Boolean(values) => values.append(false),
            Values::Text(spans) | Values::Binary(spans) => spans.push(&[]),
            Values::Array(ends, item) => ends.0.push(item.len()),
            Values::Map(ends, entries) => ends.0.push(entries.0.len()),
            Values::Row(_, fields) => fields.iter_mut().for_each(Self::push_null),
        );
    }

    /// How many values and nested columns one row without content takes, for the limits of memory.
    pub(crate) fn width(&self) -> usize {
        match &self.values {
            Values::Row(_, fields) => 1 + fields.iter().map(Self::width).sum::<usize>(),
            _ => 1,
        }
    }
}
