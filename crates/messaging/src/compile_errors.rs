//! What the derive macros refuse, each beside what they take.
//!
//! ```
//! use alluvium_messaging::{AvroType, Message};
//! use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize, Message)]
//! #[message(topic = "t", subject = "t.{tenant}.{key}", key = "id")]
//! struct Good {
//!     id: i64,
//!     #[avro(as = "long")]
//!     count: u64,
//!     #[avro(default = 5)]
//!     small: i32,
//!     names: std::collections::HashMap<String, i64>,
//!     either: Either,
//!     #[avro(default = "A")]
//!     letter: Letter,
//! }
//! #[derive(Serialize, Deserialize, AvroType)]
//! enum Either { A(i64), B(String) }
//! #[derive(Serialize, Deserialize, AvroType)]
//! enum Letter { A, B }
//! ```
//! A key that names no field:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t", key = "nope")]
//! struct Bad { id: i64 }
//! ```
//! A placeholder that names no field:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t", subject = "t.{nope}")]
//! struct Bad { id: i64 }
//! ```
//! No topic:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! struct Bad { id: i64 }
//! ```
//! A key that does not exist among the attributes:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t", topics = "u")]
//! struct Bad { id: i64 }
//! ```
//! A missing schema file:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t", schema = "nowhere.avsc")]
//! struct Bad { id: i64 }
//! ```
//! A schema file with more fields than the struct, and one with a field of another type:
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t", schema = "tests/codec/schemas/reading.avsc")]
//! struct Bad { meter: String }
//! ```
//! ```compile_fail
//! # #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::AvroType)]
//! # #[avro(namespace = "meters")]
//! # enum Unit { KWH, M3 }
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t", schema = "tests/codec/schemas/reading.avsc")]
//! struct Bad { meter: i64, #[avro(logical = "timestamp-millis")] at: jiff::Timestamp, #[avro(default = "KWH")] unit: Unit, note: Option<String> }
//! ```
//! A type without a mapping:
//! ```compile_fail
//! struct Unmapped;
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { id: Unmapped }
//! ```
//! Two fields of one Avro name, and of one alias:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { a: i64, #[avro(rename = "a")] b: i64 }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { a: i64, #[avro(alias = "a")] b: i64 }
//! ```
//! A map whose keys are no text:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { map: std::collections::HashMap<i64, i64> }
//! ```
//! Two variants that are one branch:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! enum Bad { A(i64), B(u32) }
//! ```
//! A union inside a union:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! enum Bad { A(i64), B(Option<String>) }
//! ```
//! A null that cannot say which:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { a: Option<Option<i64>> }
//! fn use_it() -> alluvium_messaging::model::Kind { <Option<Option<i64>> as alluvium_messaging::AvroType>::KIND }
//! const KIND: alluvium_messaging::model::Kind = <Option<Option<i64>> as alluvium_messaging::AvroType>::KIND;
//! ```
//! Defaults of another type, out of range, of no symbol, of the wrong size:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { #[avro(default = "five")] a: i32 }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { #[avro(default = 3000000000)] a: i32 }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! enum Letter { A, B }
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { #[avro(default = "C")] a: Letter }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { #[avro(default = "abc")] a: [u8; 4] }
//! ```
//! Wide integers, durations and decimals without saying how:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { a: u64 }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { a: u128 }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { a: std::time::Duration }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { #[avro(as = "decimal")] a: u64 }
//! ```
//! A logical type that the type does not have:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad { #[avro(logical = "timestamp-millis")] a: jiff::civil::DateTime }
//! ```
//! What Avro cannot say:
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType, serde::Serialize)]
//! #[serde(untagged)]
//! enum Bad { A(i64), B(String) }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType, serde::Serialize)]
//! #[serde(tag = "type")]
//! enum Bad { A { a: i64 }, B { b: i64 } }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType, serde::Serialize)]
//! struct Inner { b: i64 }
//! #[derive(alluvium_messaging::AvroType, serde::Serialize)]
//! struct Bad { #[serde(flatten)] a: Inner }
//! ```
//! ```compile_fail
//! #[derive(alluvium_messaging::AvroType)]
//! struct Bad<T> { a: T }
//! ```
//! Consumers:
//! ```compile_fail
//! #[alluvium_messaging::consumer(alluvium_messaging::Commit, gruop = "billing")]
//! async fn bad(message: u8) {}
//! ```
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t")]
//! struct T { a: i64 }
//! #[alluvium_messaging::consumer(T)]
//! fn not_async(message: T) -> Result<(), alluvium_messaging::HandlerError> { Ok(()) }
//! ```
//! ```compile_fail
//! #[derive(serde::Serialize, serde::Deserialize, alluvium_messaging::Message)]
//! #[message(topic = "t")]
//! struct T { a: i64 }
//! #[alluvium_messaging::consumer(T, profile = "Fast")]
//! async fn no_such_profile(message: T) -> Result<(), alluvium_messaging::HandlerError> { Ok(()) }
//! ```
