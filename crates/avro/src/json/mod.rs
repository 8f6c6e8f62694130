//! JSON as schemas need it: ordered, numbers as written, and every value knows where it stood.

mod read;
mod value;
mod write;

pub use read::{JSON_DEPTH_MAX, SyntaxError};
pub(crate) use read::{Spanned, SpannedValue, read};
pub use value::Json;
pub(crate) use write::quote;

/// Line and column (both from 1, columns in characters) of a byte offset.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (u32, u32) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // Continuation bytes of UTF-8 are no characters of their own.
    let column = before[start..].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
    (line as u32, column as u32)
}
