//! JSON that comes in: from bytes to values, from values to rows, from rows to changes.

mod cursor;
mod envelope;
mod frames;
mod row;
mod scan;
mod value;

pub(crate) use cursor::Cursor;
pub use envelope::WEIGHT_MAX;
pub use frames::ARRAY_BYTES_MAX;
pub(crate) use frames::JsonParser;
pub use scan::NESTING_MAX;
pub(crate) use scan::is_value;
pub(crate) use value::{RECORD_VALUES_MAX, Reading, quoted, read_text_value};

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod value_tests;
