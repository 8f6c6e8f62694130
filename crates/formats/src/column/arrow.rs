//! Columns from and to those in memory that others share.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeBinaryArray, LargeListArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64NanosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::{Column, Ends, Values};
use crate::types::data_type;

impl Column {
    /// The column as others share it.
    ///
    /// # Errors
    /// If there are more bytes than offsets can tell; limits of runs keep that away.
    pub(crate) fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = NullBuffer::new(self.valid.finish());
        let nulls = (nulls.null_count() > 0).then_some(nulls);
        let kind = data_type(&self.kind);
        Ok(match self.values {
            Values::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int8(values) => primitive::<Int8Type>(values, nulls)?,
            Values::Int16(values) => primitive::<Int16Type>(values, nulls)?,
            Values::Int32(values) => primitive::<Int32Type>(values, nulls)?,
            Values::Int64(values) => primitive::<Int64Type>(values, nulls)?,
            Values::UInt8(values) => primitive::<UInt8Type>(values, nulls)?,
            Values::UInt16(values) => primitive::<UInt16Type>(values, nulls)?,
            Values::UInt32(values) => primitive::<UInt32Type>(values, nulls)?,
            Values::UInt64(values) => primitive::<UInt64Type>(values, nulls)?,
            Values::Decimal(values, ..) => {
                let array = PrimitiveArray::<Decimal128Type>::try_new(ScalarBuffer::from(values), nulls)?;
                Arc::new(array.with_data_type(kind))
            }
            Values::Real(values) => primitive::<Float32Type>(values, nulls)?,
            Values::Double(values) => primitive::<Float64Type>(values, nulls)?,
            Values::Date(values) => primitive::<Date32Type>(values, nulls)?,
            Values::Time(values) => primitive::<Time64NanosecondType>(values, nulls)?,
            Values::Timestamp(values) => primitive::<TimestampMicrosecondType>(values, nulls)?,
            Values::TimestampTz(values) => {
                let array = PrimitiveArray::<TimestampMicrosecondType>::try_new(ScalarBuffer::from(values), nulls)?;
                Arc::new(array.with_timezone("UTC"))
            }
            Values::Text(spans) => {
                Arc::new(StringArray::try_new(small_offsets(&spans.ends)?, Buffer::from(spans.bytes), nulls)?)
            }
            Values::Binary(spans) => {
                Arc::new(LargeBinaryArray::try_new(large_offsets(&spans.ends), Buffer::from(spans.bytes), nulls)?)
            }
            Values::Array(ends, item) => {
                let DataType::LargeList(field) = kind else { return Err(unexpected(&kind)) };
                Arc::new(LargeListArray::try_new(field, large_offsets(&ends), item.finish()?, nulls)?)
            }
            Values::Map(ends, entries) => {
                let DataType::LargeList(field) = kind else { return Err(unexpected(&kind)) };
                let DataType::Struct(parts) = field.data_type() else { return Err(unexpected(field.data_type())) };
                let columns = vec![entries.0.finish()?, entries.1.finish()?];
                let entries = StructArray::try_new(parts.clone(), columns, None)?;
                Arc::new(LargeListArray::try_new(field, large_offsets(&ends), Arc::new(entries), nulls)?)
            }
            Values::Row(_, columns) => {
                let DataType::Struct(fields) = kind else { return Err(unexpected(&kind)) };
                let columns = columns.into_iter().map(Self::finish).collect::<Result<_, _>>()?;
                Arc::new(StructArray::try_new(fields, columns, nulls)?)
            }
        })
    }

    /// Adds a row of an array of the same kind.
    pub(crate) fn push_arrow(&mut self, array: &ArrayRef, row: usize) {
        macro_rules! push {
            ($values:ident, $kind:ty) => {{
                let Some(array) = array.as_primitive_opt::<$kind>() else { return self.push_null() };
                $values.push(array.value(row));
            }};
        }
        if row >= array.len() || array.logical_nulls().is_some_and(|nulls| nulls.is_null(row)) {
            return self.push_null();
        }
        match &mut self.values {
            Values::Boolean(values) => {
                let Some(array) = array.as_boolean_opt() else { return self.push_null() };
                values.append(array.value(row));
            }
            Values::Int8(values) => push!(values, Int8Type),
            Values::Int16(values) => push!(values, Int16Type),
            Values::Int32(values) => push!(values, Int32Type),
            Values::Int64(values) => push!(values, Int64Type),
            Values::UInt8(values) => push!(values, UInt8Type),
            Values::UInt16(values) => push!(values, UInt16Type),
            Values::UInt32(values) => push!(values, UInt32Type),
            Values::UInt64(values) => push!(values, UInt64Type),
            Values::Decimal(values, ..) => push!(values, Decimal128Type),
            Values::Real(values) => push!(values, Float32Type),
            Values::Double(values) => push!(values, Float64Type),
            Values::Date(values) => push!(values, Date32Type),
            Values::Time(values) => push!(values, Time64NanosecondType),
            Values::Timestamp(values) | Values::TimestampTz(values) => push!(values, TimestampMicrosecondType),
            Values::Text(spans) => {
                let Some(array) = array.as_string_opt::<i32>() else { return self.push_null() };
                spans.push(array.value(row).as_bytes());
            }
            Values::Binary(spans) => {
                let Some(array) = array.as_binary_opt::<i64>() else { return self.push_null() };
                spans.push(array.value(row));
            }
            Values::Array(ends, item) => {
                let Some(array) = array.as_list_opt::<i64>() else { return self.push_null() };
                item.push_all(&array.value(row));
                ends.0.push(item.len());
            }
            Values::Map(ends, entries) => {
                let Some(array) = array.as_list_opt::<i64>() else { return self.push_null() };
                let values = array.value(row);
                let Some(values) = values.as_struct_opt() else { return self.push_null() };
                entries.0.push_all(values.column(0));
                entries.1.push_all(values.column(1));
                ends.0.push(entries.0.len());
            }
            Values::Row(_, fields) => {
                let Some(array) = array.as_struct_opt() else { return self.push_null() };
                for (field, column) in fields.iter_mut().zip(array.columns()) {
                    field.push_arrow(column, row);
                }
            }
        }
        self.valid.append(true);
    }

    fn push_all(&mut self, array: &ArrayRef) {
        (0..array.len()).for_each(|row| self.push_arrow(array, row));
    }
}

fn primitive<K: ArrowPrimitiveType>(values: Vec<K::Native>, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(PrimitiveArray::<K>::try_new(ScalarBuffer::from(values), nulls)?))
}

fn small_offsets(ends: &Ends) -> Result<OffsetBuffer<i32>, ArrowError> {
    let too_many = |_| ArrowError::OffsetOverflowError(ends.after(ends.0.len()));
    i32::try_from(ends.after(ends.0.len())).map_err(too_many)?;
    Ok(OffsetBuffer::new(std::iter::once(0).chain(ends.0.iter().map(|end| *end as i32)).collect()))
}

fn large_offsets(ends: &Ends) -> OffsetBuffer<i64> {
    OffsetBuffer::new(std::iter::once(0).chain(ends.0.iter().map(|end| *end as i64)).collect())
}

fn unexpected(kind: &DataType) -> ArrowError {
    ArrowError::SchemaError(format!("{kind} is not what the column is"))
}
