//! What comes into tables and goes out of tables and views, as bytes: JSON, CSV, and input as it is.
//!
//! * [`types`]: what a type of a program is as a column in memory. [`Table`] and [`Change`]: what comes in.
//! * [`FormatConfig`]: how a format is configured, by a connector or by the parameters of a request.
//! * [`Parser`]: from bytes in pieces of any size to changes in their order, and to errors with the records that are wrong.
//! * [`Encoder`]: from rows with weights to bytes in chunks, or to messages with keys.
//!
//! What this crate never does: read or write files, streams, sockets or clocks. Input may be hostile: the size of records, how
//! deep they nest, what they become in memory and how many errors are kept are limited.
//!
//! ```
//! use std::sync::Arc;
//! use alluvium_formats::{ChangeKind, EncoderOptions, FormatConfig, InputTable, Table, types::parse_type};
//! use alluvium_sql::types::{ColumnType, Field, Identifier};
//!
//! let column = |name: &str, kind: &str| Field {
//!     name: Identifier::folded(name),
//!     column_type: ColumnType { kind: parse_type(kind).unwrap(), is_nullable: true },
//! };
//! let sales = Table { name: "sales".into(), columns: vec![column("shop", "VARCHAR"), column("cents", "BIGINT")], key: vec![] };
//! let json = FormatConfig::from_query([("format", "json")]).unwrap();
//!
//! let mut parser = json.parser(Arc::new(InputTable::new(sales.clone()).unwrap())).unwrap();
//! let parsed = parser.parse(br#"{"insert": {"shop": "north", "cents": 150}} {"insert": {"shop": 7}}"#);
//! assert_eq!((parsed.changes[0].kind, parsed.records), (ChangeKind::Insert, 1));
//! assert_eq!(parsed.errors.kept()[0].field.as_deref(), Some("shop"));
//!
//! let mut encoder = json.encoder(&sales.columns, EncoderOptions::default()).unwrap();
//! let mut text = Vec::new();
//! encoder.records(&parsed.changes[0].batch, &[-1]).unwrap().chunk(&mut text).unwrap();
//! assert_eq!(text, b"{\"delete\":{\"shop\":\"north\",\"cents\":150}}\n");
//! ```

mod change;
mod column;
mod config;
mod csv;
mod encode;
mod error;
mod flavor;
mod json;
mod names;
mod parser;
mod raw;
mod sink;
mod table;
pub mod types;
mod values;

pub use change::{Change, ChangeKind, PushError};
pub use config::{
    CHUNK_RECORDS_DEFAULT, CsvConfig, FormatConfig, InputUpdate, JsonConfig, JsonInput, Lines, RawConfig, RawMode,
    Trim, UpdateFormat,
};
pub use encode::{Chunk, ChunkLimits, EncodeError, Encoder, EncoderOptions, Message, Records};
pub use error::{ERRORS_MAX, FormatError, ParseError, ParseErrors, QUOTED_BYTES_MAX, Tag};
pub use flavor::Flavor;
pub use json::{ARRAY_BYTES_MAX, NESTING_MAX, WEIGHT_MAX};
pub use parser::{Parsed, Parser, RECORD_BYTES_MAX};
pub use sink::CHANGE_ROWS_MAX;
pub use table::{InputTable, Table};

#[cfg(test)]
mod roundtrip_tests;
#[cfg(test)]
mod tests;
