//! Rows on their way from a file to the log: read by DuckDB, checked as a whole, made into Avro in blocks or one by one.

mod encode;
mod source;

pub use encode::{Encoded, Encoder};
pub use source::{Kind, Source};
