//! Single values, and how many of them become a column in memory.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeBinaryArray, LargeListArray, NullArray, StringArray, StructArray,
    Time64NanosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::error::ArrowError;

/// A value of any type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    /// Whole numbers, decimals without their point, days, and times in the units of their columns.
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Cell>),
    Map(Vec<(Cell, Cell)>),
    Row(Vec<Cell>),
}

/// A column of values of one type.
///
/// # Errors
///
/// A value is not of the type or outside of its range.
pub(crate) fn array(data_type: &DataType, cells: Vec<Cell>) -> Result<ArrayRef, ArrowError> {
    Ok(match data_type {
        DataType::Null => Arc::new(NullArray::new(cells.len())),
        DataType::Boolean => Arc::new(each(cells, bool_of)?.into_iter().collect::<BooleanArray>()),
        DataType::Int8 => Arc::new(Int8Array::from(each(cells, int_of)?)),
        DataType::Int16 => Arc::new(Int16Array::from(each(cells, int_of)?)),
        DataType::Int32 => Arc::new(Int32Array::from(each(cells, int_of)?)),
        DataType::Int64 => Arc::new(Int64Array::from(each(cells, int_of)?)),
        DataType::UInt8 => Arc::new(UInt8Array::from(each(cells, int_of)?)),
        DataType::UInt16 => Arc::new(UInt16Array::from(each(cells, int_of)?)),
        DataType::UInt32 => Arc::new(UInt32Array::from(each(cells, int_of)?)),
        DataType::UInt64 => Arc::new(UInt64Array::from(each(cells, int_of)?)),
        DataType::Decimal128(digits, scale) => {
            let made = Decimal128Array::from(each(cells, int_of)?).with_precision_and_scale(*digits, *scale)?;
            made.validate_decimal_precision(*digits)?;
            Arc::new(made)
        }
        DataType::Float32 => Arc::new(Float32Array::from(each(cells, |cell| Some(float_of(cell)? as f32))?)),
        DataType::Float64 => Arc::new(Float64Array::from(each(cells, float_of)?)),
        DataType::Utf8 => Arc::new(StringArray::from(each(cells, text_of)?)),
        DataType::LargeBinary => Arc::new(each(cells, bytes_of)?.into_iter().collect::<LargeBinaryArray>()),
        DataType::Date32 => Arc::new(Date32Array::from(each(cells, int_of)?)),
        DataType::Time64(TimeUnit::Nanosecond) => Arc::new(Time64NanosecondArray::from(each(cells, int_of)?)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            Arc::new(TimestampMicrosecondArray::from(each(cells, int_of)?).with_timezone_opt(zone.clone()))
        }
        DataType::LargeList(_) | DataType::Struct(_) => return nested(data_type, cells),
        other => return Err(ArrowError::NotYetImplemented(format!("values of {other}"))),
    })
}

/// Lists, maps, which are lists of their entries, and rows. Types nest no deeper than the programs they come from may.
fn nested(data_type: &DataType, cells: Vec<Cell>) -> Result<ArrayRef, ArrowError> {
    let nulls = cells.iter().map(|cell| *cell != Cell::Null).collect::<NullBuffer>();
    Ok(match data_type {
        DataType::LargeList(item) => {
            let lists = each(cells, |cell| match cell {
                Cell::List(list) => Some(list),
                Cell::Map(map) => Some(map.into_iter().map(|(key, value)| Cell::Row(vec![key, value])).collect()),
                _ => None,
            })?;
            let lengths: Vec<usize> = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len)).collect();
            let values = array(item.data_type(), lists.into_iter().flatten().flatten().collect())?;
            Arc::new(LargeListArray::try_new(item.clone(), OffsetBuffer::from_lengths(lengths), values, Some(nulls))?)
        }
        DataType::Struct(fields) => {
            let mut columns: Vec<Vec<Cell>> = fields.iter().map(|_| Vec::with_capacity(cells.len())).collect();
            for row in each(cells, |cell| if let Cell::Row(row) = cell { Some(row) } else { None })? {
                let mut row = row.unwrap_or_default().into_iter();
                columns.iter_mut().for_each(|column| column.push(row.next().unwrap_or(Cell::Null)));
            }
            let columns = fields.iter().zip(columns).map(|(field, cells)| array(field.data_type(), cells));
            Arc::new(StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, Some(nulls))?)
        }
        other => return Err(ArrowError::NotYetImplemented(format!("values of {other}"))),
    })
}

fn each<T>(cells: Vec<Cell>, take: impl Fn(Cell) -> Option<T>) -> Result<Vec<Option<T>>, ArrowError> {
    let one = |cell: Cell| match cell {
        Cell::Null => Ok(None),
        cell => take(cell).map(Some).ok_or_else(|| ArrowError::CastError("a value is not of its column's type".into())),
    };
    cells.into_iter().map(one).collect()
}

fn int_of<T: TryFrom<i128>>(cell: Cell) -> Option<T> {
    if let Cell::Int(value) = cell { T::try_from(value).ok() } else { None }
}

fn bool_of(cell: Cell) -> Option<bool> {
    if let Cell::Bool(value) = cell { Some(value) } else { None }
}

fn float_of(cell: Cell) -> Option<f64> {
    if let Cell::Float(value) = cell { Some(value) } else { None }
}

fn text_of(cell: Cell) -> Option<String> {
    if let Cell::Text(value) = cell { Some(value) } else { None }
}

fn bytes_of(cell: Cell) -> Option<Vec<u8>> {
    if let Cell::Bytes(value) = cell { Some(value) } else { None }
}
