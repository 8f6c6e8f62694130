//! Record batches as the Avro that a table's fold takes.

use std::sync::Arc;

use alluvium_storage::fold::rows_schema;
use alluvium_tablestore::TableSchema;
use alluvium_tablestore::avro_schema::arrow_schema;
use arrow::array::{Array as _, ArrayRef, FixedSizeBinaryBuilder, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow_avro::schema::SCHEMA_METADATA_KEY;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::{AvroBinaryFormat, AvroSoeFormat};
use bytes::Bytes;
use serde_json::Value;

use crate::failure::Failure;

/// Length of a container's marker between blocks.
const SYNC_BYTES: usize = 16;
/// A block is sent when it has reached this size; with one more slice it stays under 768 KiB.
const BLOCK_BYTES_FULL: usize = 512 * 1024;
/// Rows are put into a block in slices of about this size.
const SLICE_BYTES: usize = 128 * 1024;
/// Rows of the first slice, before it is known how large rows are.
const SLICE_ROWS_FIRST: usize = 256;
/// Most rows of a slice.
const SLICE_ROWS_MAX: usize = 8_192;

/// A message, and how many rows it holds.
pub struct Encoded {
    /// The payload.
    pub payload: Bytes,
    /// Its rows.
    pub rows: u64,
}

/// A container that is being filled.
///
/// Written by hand because the library's writer derives a schema of its own for containers and loses the attributes in which
/// column names travel.
struct Block {
    bytes: Vec<u8>,
    sync: [u8; SYNC_BYTES],
    rows: u64,
}

impl Block {
    fn open(schema: &str) -> Self {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES_FULL + SLICE_BYTES);
        bytes.extend_from_slice(b"Obj\x01");
        // One map block of two entries, then the end of the map.
        long(&mut bytes, 2);
        for (name, value) in [("avro.schema", schema), ("avro.codec", "null")] {
            sized(&mut bytes, name.as_bytes());
            sized(&mut bytes, value.as_bytes());
        }
        long(&mut bytes, 0);
        let sync = *uuid::Uuid::new_v4().as_bytes();
        bytes.extend_from_slice(&sync);
        Self { bytes, sync, rows: 0 }
    }

    fn add(&mut self, rows: u64, encoded: &[u8]) {
        long(&mut self.bytes, rows as i64);
        sized(&mut self.bytes, encoded);
        self.bytes.extend_from_slice(&self.sync);
        self.rows += rows;
    }

    fn close(self) -> Encoded {
        Encoded { payload: self.bytes.into(), rows: self.rows }
    }
}

fn sized(bytes: &mut Vec<u8>, content: &[u8]) {
    long(bytes, content.len() as i64);
    bytes.extend_from_slice(content);
}

/// Avro's zig-zag variable-length long.
fn long(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        bytes.push((rest as u8) | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Makes messages out of batches.
pub struct Encoder {
    target: SchemaRef,
    avro: String,
    table: TableSchema,
    single: bool,
    block: Option<Block>,
    bytes_per_row: Option<f64>,
}

impl Encoder {
    /// For a table's rows: one message a row when `single`, else containers of 512 to 768 KiB. `columns` are those that the
    /// batches bring, in their order; the others get their default.
    pub fn new(table: &TableSchema, columns: &[String], single: bool) -> Result<Self, Failure> {
        let (target, avro) = target(table, columns)?;
        let metadata = [(SCHEMA_METADATA_KEY.to_owned(), avro.clone())].into();
        let target = Arc::new(Schema::new_with_metadata(target, metadata));
        Ok(Self { target, avro, table: table.clone(), single, block: None, bytes_per_row: None })
    }

    /// Adds a batch; `emit` gets each message that is full.
    pub fn push(
        &mut self,
        batch: &RecordBatch,
        emit: &mut impl FnMut(Encoded) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let batch = self.fitted(batch)?;
        if self.single {
            return self.singles(&batch, emit);
        }
        let builder = WriterBuilder::new((*self.target).clone());
        let mut encoder = builder.build_encoder::<AvroBinaryFormat>().map_err(Failure::bug)?;
        let mut at = 0;
        while at < batch.num_rows() {
            let rows = self.slice_rows().min(batch.num_rows() - at);
            let slice = batch.slice(at, rows);
            at += rows;
            let encoded = encoder.encode(&slice).map(|()| encoder.flush()).map_err(Failure::bug)?;
            self.bytes_per_row = Some(encoded.bytes().len().max(1) as f64 / rows as f64);
            let mut block = self.block.take().unwrap_or_else(|| Block::open(&self.avro));
            block.add(rows as u64, encoded.bytes());
            if block.bytes.len() >= BLOCK_BYTES_FULL {
                emit(block.close())?;
            } else {
                self.block = Some(block);
            }
        }
        Ok(())
    }

    /// The last message, if rows are left.
    pub fn finish(&mut self) -> Option<Encoded> {
        self.block.take().map(Block::close)
    }

    fn slice_rows(&self) -> usize {
        self.bytes_per_row
            .map_or(SLICE_ROWS_FIRST, |bytes| ((SLICE_BYTES as f64 / bytes) as usize).clamp(1, SLICE_ROWS_MAX))
    }

    fn singles(
        &self,
        batch: &RecordBatch,
        emit: &mut impl FnMut(Encoded) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let builder = WriterBuilder::new((*self.target).clone());
        let mut encoder = builder.build_encoder::<AvroSoeFormat>().map_err(Failure::bug)?;
        encoder.encode(batch).map_err(Failure::bug)?;
        let rows = encoder.flush();
        rows.iter().try_for_each(|payload| emit(Encoded { payload, rows: 1 }))
    }

    /// The batch in the types and names of the Avro schema.
    fn fitted(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let arrays = batch
            .columns()
            .iter()
            .zip(self.target.fields())
            .map(|(array, field)| retyped(array, field.data_type()))
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(self.target.clone(), arrays).map_err(|error| {
            // The types fit by construction, so what is left is a NULL where none may be.
            let names: Vec<&str> = self
                .table
                .columns
                .iter()
                .filter(|column| !column.nullable)
                .map(|column| column.name.as_str())
                .collect();
            Failure::new(crate::failure::Exit::Rejected, "cli.unreadable_rows", "A row has NULL where none may be.")
                .note(error.to_string())
                .help(format!("these columns take no NULL: {}", names.join(", ")))
        })
    }
}

fn retyped(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, Failure> {
    if array.data_type() == target {
        return Ok(array.clone());
    }
    match (array.as_any().downcast_ref::<StringArray>(), target) {
        (Some(texts), DataType::FixedSizeBinary(16)) => uuids(texts),
        _ => cast(array, target).map_err(Failure::bug),
    }
}

fn uuids(texts: &StringArray) -> Result<ArrayRef, Failure> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(texts.len(), 16);
    for text in texts {
        match text {
            None => builder.append_null(),
            Some(text) => {
                let uuid: uuid::Uuid = text.parse().map_err(Failure::bug)?;
                builder.append_value(uuid.as_bytes()).map_err(Failure::bug)?;
            }
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// What the encoder needs to see to write sixteen bytes as the text of a UUID.
fn marked(field: Field) -> Field {
    if field.data_type() == &DataType::FixedSizeBinary(16) {
        let uuid = [("logicalType".to_owned(), "uuid".to_owned())];
        return field.with_metadata(uuid.into());
    }
    field
}

/// The Arrow fields with their Avro names, and the Avro schema, of the columns that are there.
fn target(table: &TableSchema, columns: &[String]) -> Result<(Vec<Field>, String), Failure> {
    let (arrow, whole) = (arrow_schema(table), rows_schema(table));
    let mut avro: Value = serde_json::from_str(&whole).map_err(Failure::bug)?;
    let all = avro.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut fields, mut kept) = (Vec::new(), Vec::new());
    for name in columns {
        let at = table.position(name).ok_or_else(|| Failure::bug(format!("no column `{name}`")))?;
        let own = all.get(at).ok_or_else(|| Failure::bug("the Avro schema has fewer fields than the table columns"))?;
        let avro_name = own.get("name").and_then(Value::as_str).unwrap_or_default();
        fields.push(marked(arrow.field(at).clone().with_name(avro_name)));
        kept.push(own.clone());
    }
    if kept.len() == all.len() && kept == all {
        // Word for word the table's own, so that single messages carry its fingerprint.
        return Ok((fields, whole));
    }
    avro["fields"] = Value::Array(kept);
    Ok((fields, avro.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use alluvium_tablestore::{Column, RowsDecoder};

    use super::*;

    fn table() -> TableSchema {
        let column = |name: &str, kind: &str, nullable| Column::new(name, kind, nullable, None).unwrap();
        let columns = vec![
            column("n", "BIGINT", false),
            column("weird name", "VARCHAR", true),
            column("id", "UUID", true),
            column("at", "TIMESTAMPTZ", true),
            column("small", "TINYINT", true),
            column("big", "HUGEINT", true),
        ];
        TableSchema::new(columns, &[]).unwrap()
    }

    fn source() -> crate::rows::Source {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows.csv");
        let mut text = String::from("n,weird name,id,at,small,big\n");
        for n in 0..20_000 {
            text.extend([format!(
                "{n},text {n},00000000-0000-0000-0000-{n:012},2013-01-01T10:00:00Z,{},NA\n",
                n % 100
            )]);
        }
        std::fs::write(&path, text).unwrap();
        crate::rows::Source::stage(&path, crate::rows::Kind::Csv(','), "NA", &table()).unwrap()
    }

    fn messages(single: bool) -> Vec<Encoded> {
        let source = source();
        let mut encoder = Encoder::new(&table(), source.columns(), single).unwrap();
        let mut all = Vec::new();
        let mut emit = |message| {
            all.push(message);
            Ok(())
        };
        source.each(|batch| encoder.push(&batch, &mut emit)).unwrap();
        all.extend(encoder.finish());
        all
    }

    #[test]
    fn blocks_have_their_size_and_the_fold_reads_them() {
        let blocks = messages(false);
        assert!(blocks.len() > 1);
        assert!(blocks.iter().rev().skip(1).all(|block| (256 << 10..=768 << 10).contains(&block.payload.len())));
        let mut decoder = RowsDecoder::new(table(), HashMap::new());
        let payloads: Vec<&[u8]> = blocks.iter().map(|block| block.payload.as_ref()).collect();
        let decoded = decoder.decode_many(&payloads);
        assert!(decoded.errors.is_empty(), "{:?}", decoded.errors);
        let rows: usize = decoded.runs.iter().flat_map(|run| &run.batches).map(RecordBatch::num_rows).sum();
        assert_eq!((rows, blocks.iter().map(|block| block.rows).sum::<u64>()), (20_000, 20_000));
    }

    #[test]
    fn single_messages_carry_the_fingerprint_that_the_table_knows() {
        let singles = messages(true);
        assert_eq!(singles.len(), 20_000);
        let schema = rows_schema(&table());
        let known = HashMap::from([(RowsDecoder::fingerprint(&schema).unwrap(), schema)]);
        let mut decoder = RowsDecoder::new(table(), known);
        let payloads: Vec<&[u8]> = singles.iter().map(|message| message.payload.as_ref()).collect();
        let decoded = decoder.decode_many(&payloads);
        assert!(decoded.errors.is_empty(), "{:?}", decoded.errors.first());
    }
}
