//! Rows as they travel, made into record batches of the table's types.
//!
//! The form is told by the first bytes: Avro single objects (`C3 01`), an Avro container (`Obj 01`), an Arrow stream
//! (`FF FF FF FF`), or JSON. Whatever comes out holds only columns of the table, each in its type and without NULL where none
//! may be; a value that does not fit exactly is an error, never a NULL.

mod appends;
mod arrow_stream;
mod avro;
mod conform;
mod container;
mod json;

pub(crate) use conform::arrow_type;

use std::collections::HashMap;
use std::ops::Range;

use arrow::record_batch::RecordBatch;

use crate::apply::{Change, Moment};
use crate::column::TableSchema;

/// Most rows one message may hold.
pub const ROWS_PER_MESSAGE_MAX: usize = 1_000_000;
/// Most bytes one message may unpack to.
pub const ROWS_DECOMPRESSED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most messages decoded into one batch.
pub const MESSAGES_PER_BATCH_MAX: usize = 65_536;

/// Rows that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RowsError {
    /// `rows_malformed`, `rows_unknown_schema`, `rows_schema_mismatch` or `rows_too_large`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl RowsError {
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self { code: "rows_malformed", message: message.into() }
    }

    pub(crate) fn mismatch(message: impl Into<String>) -> Self {
        Self { code: "rows_schema_mismatch", message: message.into() }
    }

    pub(crate) fn unknown_schema(message: impl Into<String>) -> Self {
        Self { code: "rows_unknown_schema", message: message.into() }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self { code: "rows_too_large", message: message.into() }
    }
}

/// Rows of consecutive messages, decoded together.
#[derive(Debug, Clone)]
pub struct DecodedRun {
    /// Which of the messages.
    pub messages: Range<usize>,
    /// Their rows, in order. More than one batch when rows bring different columns.
    pub batches: Vec<RecordBatch>,
}

/// What became of many messages.
#[derive(Debug, Clone, Default)]
pub struct DecodedMany {
    /// The good ones, in order.
    pub runs: Vec<DecodedRun>,
    /// The bad ones by their index, in order.
    pub errors: Vec<(usize, RowsError)>,
}

/// Decodes rows for one version of one table. Keeps decoders between calls, so keep it as long as the table's schema stands.
#[derive(Debug)]
pub struct RowsDecoder {
    schema: TableSchema,
    avro: avro::Avro,
}

impl RowsDecoder {
    /// A decoder for tables of this schema. `writer_schemas` are the Avro schemas (JSON text) that single objects may be written
    /// with, by their fingerprint: the table's present one and its earlier ones.
    pub fn new(schema: TableSchema, writer_schemas: HashMap<u64, String>) -> Self {
        Self { schema, avro: avro::Avro::new(writer_schemas) }
    }

    /// The CRC-64-AVRO fingerprint of an Avro schema, under which it belongs into `writer_schemas`.
    pub fn fingerprint(avro_schema: &str) -> Result<u64, RowsError> {
        avro::fingerprint(avro_schema)
    }

    /// The schema rows are made to fit.
    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// Decodes one message.
    pub fn decode(&mut self, payload: &[u8]) -> Result<Vec<RecordBatch>, RowsError> {
        let batches = match payload {
            [0xc3, 0x01, ..] => vec![self.avro.single(payload)?],
            [b'O', b'b', b'j', 1, ..] => guarded(|| container::decode(payload))?,
            [0xff, 0xff, 0xff, 0xff, ..] => guarded(|| arrow_stream::decode(payload))?,
            _ if json::looks_like(payload) => return json::decode(payload, &self.schema),
            _ => return Err(RowsError::malformed("the payload is neither Avro nor Arrow nor JSON")),
        };
        batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| conform::conform(&batch, &self.schema))
            .collect()
    }

    /// Decodes many messages: consecutive Avro single objects of one schema become one batch. A bad message is reported by its
    /// index and spoils no other.
    pub fn decode_many(&mut self, payloads: &[&[u8]]) -> DecodedMany {
        let mut many = DecodedMany::default();
        let mut at = 0;
        while at < payloads.len() {
            let end = avro::run_end(payloads, at);
            if end - at > 1 && self.decode_run(payloads, at..end, &mut many) {
                at = end;
                continue;
            }
            for (offset, payload) in payloads[at..end].iter().enumerate() {
                let index = at + offset;
                match self.decode(payload) {
                    Ok(batches) => many.runs.push(DecodedRun { messages: index..index + 1, batches }),
                    Err(error) => many.errors.push((index, error)),
                }
            }
            at = end;
        }
        many
    }

    /// The changes that append decoded rows, as few as the order and the defaults allow. `moment` says what the defaults of a
    /// message are made of, by its index, and `micros` when it was.
    pub fn appends(
        &self,
        runs: Vec<DecodedRun>,
        moment: impl Fn(usize) -> Moment,
        micros: impl Fn(usize) -> i64,
    ) -> Vec<Change> {
        appends::appends(runs, &self.schema, moment, micros)
    }

    /// Decodes single objects of one schema in one pass. False when values do not fit the table, so that each has to be tried
    /// alone.
    fn decode_run(&mut self, payloads: &[&[u8]], run: Range<usize>, many: &mut DecodedMany) -> bool {
        let decoded = self.avro.run(payloads, run);
        let mut runs = Vec::with_capacity(decoded.runs.len());
        for (messages, batch) in decoded.runs {
            match conform::conform(&batch, &self.schema) {
                Ok(batch) => runs.push(DecodedRun { messages, batches: vec![batch] }),
                Err(_) => return false,
            }
        }
        many.runs.extend(runs);
        many.errors.extend(decoded.errors);
        true
    }
}

/// The decoders we use are made for friendly files; a panic of one on a hostile file is that file's fault.
pub(crate) fn guarded<T>(decode: impl FnOnce() -> Result<T, RowsError>) -> Result<T, RowsError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(RowsError::malformed("the rows cannot be decoded")))
}
