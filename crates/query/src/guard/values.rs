//! The values of an argument, as long as they are.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;

/// What a value without a length of its own counts for.
const PLAIN_BYTES: u64 = 16;

/// The values of one argument for a batch.
pub(super) struct Values {
    /// One value if it is the same for all rows.
    array: ArrayRef,
    is_constant: bool,
    /// The same as whole numbers, if they are.
    numbers: Option<ArrayRef>,
}

impl Values {
    pub fn new(value: &ColumnarValue) -> Result<Self> {
        let (array, is_constant) = match value {
            ColumnarValue::Array(array) => (array.clone(), false),
            ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
        };
        let numbers =
            if array.data_type().is_integer() { Some(arrow::compute::cast(&array, &DataType::Int64)?) } else { None };
        Ok(Self { array, is_constant, numbers })
    }

    pub fn is_constant(&self) -> bool {
        self.is_constant
    }

    /// The place in the array; none if the value is NULL.
    fn place(&self, row: usize) -> Option<usize> {
        let place = if self.is_constant { 0 } else { row };
        (place < self.array.len() && self.array.is_valid(place)).then_some(place)
    }

    /// The value as a whole number.
    pub fn number(&self, row: usize) -> Option<i64> {
        let place = self.place(row)?;
        let numbers = self.numbers.as_ref()?.as_primitive::<Int64Type>();
        numbers.is_valid(place).then(|| numbers.value(place))
    }

    /// The value as text.
    pub fn text(&self, row: usize) -> Option<&str> {
        let place = self.place(row)?;
        match self.array.data_type() {
            DataType::Utf8 => Some(self.array.as_string::<i32>().value(place)),
            DataType::LargeUtf8 => Some(self.array.as_string::<i64>().value(place)),
            DataType::Utf8View => Some(self.array.as_string_view().value(place)),
            _ => None,
        }
    }

    /// The items, if the value is a list.
    pub fn items(&self, row: usize) -> Option<ArrayRef> {
        let place = self.place(row)?;
        match self.array.data_type() {
            DataType::List(_) => Some(self.array.as_list::<i32>().value(place)),
            DataType::LargeList(_) => Some(self.array.as_list::<i64>().value(place)),
            DataType::FixedSizeList(..) => Some(self.array.as_fixed_size_list().value(place)),
            _ => None,
        }
    }

    /// How long the value is.
    pub fn bytes(&self, row: usize) -> u64 {
        let Some(place) = self.place(row) else { return PLAIN_BYTES };
        let array = &self.array;
        let length = match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value_length(place) as u64,
            DataType::LargeUtf8 => array.as_string::<i64>().value_length(place) as u64,
            DataType::Utf8View => array.as_string_view().value(place).len() as u64,
            DataType::Binary => array.as_binary::<i32>().value_length(place) as u64,
            DataType::LargeBinary => array.as_binary::<i64>().value_length(place) as u64,
            DataType::BinaryView => array.as_binary_view().value(place).len() as u64,
            kind if kind.is_nested() => {
                array.slice(place, 1).to_data().get_slice_memory_size().unwrap_or(usize::MAX) as u64
            }
            _ => PLAIN_BYTES,
        };
        length.max(1)
    }

    /// The value as a scalar, for what is rarely asked for.
    pub fn scalar(&self, row: usize) -> Option<ScalarValue> {
        ScalarValue::try_from_array(&self.array, self.place(row)?).ok()
    }

    /// How long the value is as text.
    pub fn text_bytes(&self, row: usize) -> u64 {
        let Some(place) = self.place(row) else { return 0 };
        if let Some(text) = self.text(row) {
            return text.len() as u64;
        }
        if self.array.data_type().is_nested() {
            // Texts of what is in lists are never much longer than it is in memory.
            return self.bytes(row).saturating_mul(4);
        }
        let options = FormatOptions::default();
        ArrayFormatter::try_new(&self.array, &options)
            .map_or(PLAIN_BYTES, |texts| texts.value(place).to_string().len() as u64)
    }
}
