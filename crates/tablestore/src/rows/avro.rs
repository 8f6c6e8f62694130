//! Avro single objects, many at a time.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use serde_json::Value;

use crate::avro_schema::COLUMN_ATTRIBUTE;

use super::{MESSAGES_PER_BATCH_MAX, RowsError, guarded};

/// Magic and fingerprint before each record, in bytes.
const HEADER_BYTES: usize = 10;

pub(super) struct Avro {
    writer_schemas: HashMap<u64, String>,
    ready: HashMap<u64, Ready>,
}

impl std::fmt::Debug for Avro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Avro").field("schemas", &self.writer_schemas.len()).finish_non_exhaustive()
    }
}

struct Ready {
    decoder: Decoder,
    /// Own names of the columns, by position in the writer's schema.
    names: Vec<Option<String>>,
}

#[derive(Default)]
pub(super) struct Decoded {
    pub runs: Vec<(Range<usize>, RecordBatch)>,
    pub errors: Vec<(usize, RowsError)>,
}

pub(super) fn fingerprint(schema: &str) -> Result<u64, RowsError> {
    let fingerprint = AvroSchema::new(schema.to_owned())
        .fingerprint(FingerprintAlgorithm::Rabin)
        .map_err(|error| RowsError::malformed(format!("not an Avro schema: {error}")))?;
    match fingerprint {
        Fingerprint::Rabin(value) => Ok(value),
        _ => Err(RowsError::malformed("not an Avro schema")),
    }
}

fn fingerprint_of(payload: &[u8]) -> Option<u64> {
    let bytes = payload.strip_prefix(&[0xc3, 0x01])?.get(..8)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// Where the messages that can be decoded together with the first end.
pub(super) fn run_end(payloads: &[&[u8]], start: usize) -> usize {
    let Some(first) = fingerprint_of(payloads[start]) else { return start + 1 };
    let same = payloads[start..]
        .iter()
        .take(MESSAGES_PER_BATCH_MAX)
        .take_while(|payload| fingerprint_of(payload) == Some(first));
    start + same.count()
}

impl Avro {
    pub fn new(writer_schemas: HashMap<u64, String>) -> Self {
        Self { writer_schemas, ready: HashMap::new() }
    }

    pub fn single(&mut self, payload: &[u8]) -> Result<RecordBatch, RowsError> {
        let mut decoded = self.run(&[payload], 0..1);
        match (decoded.runs.pop(), decoded.errors.pop()) {
            (Some((_, batch)), _) => Ok(batch),
            (None, Some((_, error))) => Err(error),
            (None, None) => Err(RowsError::malformed("the record cannot be decoded")),
        }
    }

    /// Decodes messages that share a fingerprint. A bad one may have filled some columns of the decoder and not others, so the
    /// good ones before it are decoded anew without it.
    pub fn run(&mut self, payloads: &[&[u8]], run: Range<usize>) -> Decoded {
        let mut decoded = Decoded::default();
        let mut start = run.start;
        while start < run.end {
            match self.pass(payloads, start..run.end) {
                Ok(batch) => {
                    decoded.runs.push((start..run.end, batch));
                    break;
                }
                Err((bad, error)) => {
                    if bad > start {
                        match self.pass(payloads, start..bad) {
                            Ok(batch) => decoded.runs.push((start..bad, batch)),
                            Err((index, error)) => decoded.errors.push((index, error)),
                        }
                    }
                    decoded.errors.push((bad, error));
                    start = bad + 1;
                }
            }
        }
        decoded
    }

    fn pass(&mut self, payloads: &[&[u8]], run: Range<usize>) -> Result<RecordBatch, (usize, RowsError)> {
        let first = run.start;
        let fingerprint =
            fingerprint_of(payloads[first]).ok_or((first, RowsError::malformed("the record has no fingerprint")))?;
        let mut ready = match self.ready.remove(&fingerprint) {
            Some(ready) => ready,
            None => self.prepare(fingerprint).map_err(|error| (first, error))?,
        };
        let mut at = first;
        let outcome = guarded(|| {
            for index in run.clone() {
                at = index;
                push(&mut ready.decoder, payloads[index])?;
            }
            let batch = ready.decoder.flush().map_err(|_| RowsError::malformed("the record cannot be decoded"))?;
            batch.ok_or_else(|| RowsError::malformed("the record cannot be decoded"))
        });
        let batch = outcome.map_err(|error| (at, error))?;
        let batch = renamed(&batch, &ready.names);
        // Only a decoder that came through is kept: a failed one holds half a record.
        self.ready.insert(fingerprint, ready);
        Ok(batch)
    }

    fn prepare(&self, fingerprint: u64) -> Result<Ready, RowsError> {
        let schema = self
            .writer_schemas
            .get(&fingerprint)
            .ok_or_else(|| RowsError::unknown_schema(format!("no schema has the fingerprint {fingerprint:016x}")))?;
        let wrong =
            |error: arrow::error::ArrowError| RowsError::unknown_schema(format!("the schema is unusable: {error}"));
        let mut store = SchemaStore::new();
        let key = Fingerprint::Rabin(fingerprint);
        store.set(key, AvroSchema::new(schema.clone())).map_err(wrong)?;
        let decoder = ReaderBuilder::new()
            .with_writer_schema_store(store)
            .with_active_fingerprint(key)
            .with_batch_size(MESSAGES_PER_BATCH_MAX)
            .build_decoder()
            .map_err(wrong)?;
        Ok(Ready { decoder, names: own_names(schema) })
    }
}

fn push(decoder: &mut Decoder, payload: &[u8]) -> Result<(), RowsError> {
    let room = decoder.capacity();
    let consumed = decoder
        .decode(payload)
        .map_err(|error| RowsError::malformed(format!("the record cannot be decoded: {error}")))?;
    if consumed != payload.len() || payload.len() < HEADER_BYTES || decoder.capacity() + 1 != room {
        return Err(RowsError::malformed("the record is cut short or followed by other bytes"));
    }
    Ok(())
}

/// The column names a writer's schema carries beside its Avro names.
pub(super) fn own_names(schema: &str) -> Vec<Option<String>> {
    let Ok(schema) = serde_json::from_str::<Value>(schema) else { return Vec::new() };
    let fields = schema.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    fields.iter().map(|field| field.get(COLUMN_ATTRIBUTE).and_then(Value::as_str).map(str::to_owned)).collect()
}

pub(super) fn renamed(batch: &RecordBatch, names: &[Option<String>]) -> RecordBatch {
    if names.iter().all(Option::is_none) {
        return batch.clone();
    }
    let fields: Vec<Arc<Field>> = batch
        .schema_ref()
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| match names.get(index) {
            Some(Some(name)) => Arc::new(field.as_ref().clone().with_name(name)),
            _ => Arc::clone(field),
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), batch.columns().to_vec(), &options)
        .unwrap_or_else(|_| batch.clone())
}
