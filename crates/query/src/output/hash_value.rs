//! Values as bytes, so that different values have different bytes and no value is the beginning of another.

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::QueryError;

const NULL: u8 = 0;
const VALUE: u8 = 1;

/// Writes the values of one column.
pub(super) struct Writer {
    array: ArrayRef,
    kind: Kind,
}

/// How values are written.
enum Kind {
    /// By their own bytes, of which there are so many for each; the first begins there.
    Fixed(Buffer, usize, usize),
    Float32,
    Float64,
    Boolean,
    /// By their length and bytes.
    Bytes,
    /// By the number of their items and these.
    List(Box<Writer>),
    /// By their fields.
    Struct(Vec<Writer>),
    /// As texts: all others.
    Shown,
}

impl Writer {
    pub fn new(array: &ArrayRef) -> Result<Self, QueryError> {
        let kind = match array.data_type() {
            DataType::Float32 => Kind::Float32,
            DataType::Float64 => Kind::Float64,
            DataType::Boolean => Kind::Boolean,
            DataType::Utf8 => return Ok(Self { array: cast(array, &DataType::LargeBinary)?, kind: Kind::Bytes }),
            DataType::LargeBinary => Kind::Bytes,
            DataType::LargeList(_) => Kind::List(Box::new(Self::new(array.as_list::<i64>().values())?)),
            DataType::Map(..) => {
                let entries: ArrayRef = std::sync::Arc::new(array.as_map().entries().clone());
                Kind::List(Box::new(Self::new(&entries)?))
            }
            DataType::Struct(_) => {
                Kind::Struct(array.as_struct().columns().iter().map(Self::new).collect::<Result<_, _>>()?)
            }
            other => fixed(array, other.primitive_width()).unwrap_or(Kind::Shown),
        };
        Ok(Self { array: array.clone(), kind })
    }

    /// Writes the value of the row.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), QueryError> {
        if self.array.is_null(row) {
            out.push(NULL);
            return Ok(());
        }
        out.push(VALUE);
        match &self.kind {
            Kind::Fixed(buffer, width, begin) => {
                let begin = begin + row * width;
                let bytes = buffer.as_slice().get(begin..begin + width);
                out.extend_from_slice(bytes.ok_or_else(|| QueryError::internal("a column is shorter than it says"))?);
            }
            Kind::Float32 => {
                let value = self.array.as_primitive::<Float32Type>().value(row);
                out.extend_from_slice(&(if value.is_nan() { f32::NAN } else { value }).to_le_bytes());
            }
            Kind::Float64 => {
                let value = self.array.as_primitive::<Float64Type>().value(row);
                out.extend_from_slice(&(if value.is_nan() { f64::NAN } else { value }).to_le_bytes());
            }
            Kind::Boolean => out.push(u8::from(self.array.as_boolean().value(row))),
            Kind::Bytes => sized(self.array.as_binary::<i64>().value(row), out),
            Kind::List(items) => {
                let (begin, end) = self.range(row);
                out.extend_from_slice(&((end - begin) as u64).to_le_bytes());
                for item in begin..end {
                    items.write(item, out)?;
                }
            }
            Kind::Struct(fields) => {
                for field in fields {
                    field.write(row, out)?;
                }
            }
            Kind::Shown => {
                let options = FormatOptions::default();
                let shown = ArrayFormatter::try_new(&self.array, &options)?.value(row).try_to_string()?;
                sized(shown.as_bytes(), out);
            }
        }
        Ok(())
    }

    /// Which items are the row's.
    fn range(&self, row: usize) -> (usize, usize) {
        fn between<O: OffsetSizeTrait>(offsets: &[O], row: usize) -> (usize, usize) {
            (offsets[row].as_usize(), offsets[row + 1].as_usize())
        }
        match self.array.data_type() {
            DataType::Map(..) => between(self.array.as_map().value_offsets(), row),
            _ => between(self.array.as_list::<i64>().value_offsets(), row),
        }
    }
}

fn fixed(array: &ArrayRef, width: Option<usize>) -> Option<Kind> {
    let (data, width) = (array.to_data(), width?);
    Some(Kind::Fixed(data.buffers().first()?.clone(), width, data.offset() * width))
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}
