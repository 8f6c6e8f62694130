//! Encoders: from changes of a table or view to bytes.

mod cells;
mod csv;
mod debezium;
mod json;
mod order;

use alluvium_sql::types::Field;
use arrow::array::RecordBatch;

use crate::config::FormatConfig;
use crate::error::FormatError;
use crate::table::check_columns;
use cells::Cells;
use csv::CsvWriter;
use json::JsonWriter;
use order::Order;

/// What an encoder needs to know beside its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncoderOptions {
    /// The name of the table or view.
    pub relation: String,
    /// A number of the stream of output that no other stream has, for the update format snowflake.
    pub stream_id: u64,
    /// The number of the next record in it.
    pub next_sequence: u64,
    /// What is between the parts of a key, for the update format redis.
    pub key_separator: String,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self { relation: String::new(), stream_id: 0, next_sequence: 1, key_separator: ":".to_owned() }
    }
}

/// Why a row cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct EncodeError {
    /// What is wrong with it.
    pub description: String,
}

impl EncodeError {
    pub(crate) fn new(description: impl Into<String>) -> Self {
        Self { description: description.into() }
    }
}

/// Writes the changes of a table or view.
pub struct Encoder {
    columns: Vec<Field>,
    writer: Writer,
    chunk_records: u64,
}

enum Writer {
    Json(Box<JsonWriter>),
    Csv(CsvWriter),
}

impl FormatConfig {
    /// An encoder of this format for a relation with these columns.
    ///
    /// # Errors
    /// [`FormatError`] if the format is not for output, or not for this relation.
    pub fn encoder(&self, columns: &[Field], options: EncoderOptions) -> Result<Encoder, FormatError> {
        check_columns(columns)?;
        let (writer, chunk_records) = match self {
            Self::Json(config) => {
                let output = config.output(columns)?;
                let chunk_records = output.chunk_records;
                (Writer::Json(Box::new(JsonWriter::new(output, columns, options)?)), chunk_records)
            }
            Self::Csv(config) => {
                let (delimiter, chunk_records) = config.output()?;
                (Writer::Csv(CsvWriter { delimiter }), chunk_records)
            }
            Self::Raw(_) => return Err(FormatError::Unsupported("the format raw is for input only".to_owned())),
        };
        Ok(Encoder { columns: columns.to_vec(), writer, chunk_records })
    }
}

impl Encoder {
    /// How many records a chunk has at most, as it is configured.
    #[must_use]
    pub fn chunk_records(&self) -> u64 {
        self.chunk_records
    }

    /// Whether records have keys, so that they are to be written as messages.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        matches!(&self.writer, Writer::Json(writer) if writer.is_keyed())
    }

    /// The number that the next record gets in the update format snowflake.
    #[must_use]
    pub fn next_sequence(&self) -> Option<u64> {
        match &self.writer {
            Writer::Json(writer) => writer.next_sequence(),
            Writer::Csv(_) => None,
        }
    }

    /// The records of one step's changes: each row with how often it came, or went if that is negative. All that went is
    /// before all that came, each in the order of rows; what came or went several times is there as often.
    ///
    /// # Errors
    /// [`FormatError::Misfit`] if the rows are not those of the relation, or there is not one weight for each.
    pub fn records<'a>(&'a mut self, batch: &'a RecordBatch, weights: &'a [i64]) -> Result<Records<'a>, FormatError> {
        let Self { columns, writer, chunk_records } = self;
        if batch.num_columns() != columns.len() || batch.num_rows() != weights.len() {
            return Err(FormatError::Misfit(format!(
                "{} columns, {} rows and {} weights for {} columns",
                batch.num_columns(),
                batch.num_rows(),
                weights.len(),
                columns.len()
            )));
        }
        let cells = columns.iter().zip(batch.columns());
        let cells =
            cells.map(|(column, array)| Cells::new(&column.column_type.kind, array)).collect::<Result<_, _>>()?;
        Ok(Records { cells, writer, order: Order::new(weights), most: *chunk_records })
    }
}

/// How much one chunk holds at most; a single record may be larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Records.
    pub records: u64,
    /// Bytes.
    pub bytes: usize,
}

/// What was written to a chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// How many records.
    pub records: u64,
    /// What is wrong with rows that were left out.
    pub errors: Vec<EncodeError>,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether its row went.
    pub is_delete: bool,
    /// Whether it has a key.
    pub has_key: bool,
    /// Whether it has a value; a message without says that what has its key is gone.
    pub has_value: bool,
}

/// The records of one step's changes, written as far as one asks for them.
pub struct Records<'a> {
    cells: Vec<Cells<'a>>,
    writer: &'a mut Writer,
    order: Order<'a>,
    most: u64,
}

impl Records<'_> {
    /// Appends the next chunk of as many records as are configured. None if there is nothing left.
    pub fn chunk(&mut self, out: &mut Vec<u8>) -> Option<Chunk> {
        self.limited_chunk(out, ChunkLimits { records: self.most, bytes: usize::MAX })
    }

    /// Appends the next chunk. None if there is nothing left.
    pub fn limited_chunk(&mut self, out: &mut Vec<u8>, limits: ChunkLimits) -> Option<Chunk> {
        let start = out.len();
        let mut chunk = Chunk::default();
        self.order.next()?;
        let is_array = matches!(&*self.writer, Writer::Json(writer) if writer.is_array());
        if is_array {
            out.push(b'[');
        }
        while let Some((row, is_delete)) = self.order.next() {
            let before = out.len();
            if chunk.records >= limits.records.max(1) {
                break;
            }
            if is_array && chunk.records > 0 {
                out.push(b',');
            }
            let written = match &mut *self.writer {
                Writer::Json(writer) => writer.record(&self.cells, row, is_delete, out),
                Writer::Csv(writer) => writer.record(&self.cells, row, is_delete, out),
            };
            if let Err(error) = written {
                out.truncate(before);
                chunk.errors.push(error);
                self.order.advance_row();
                continue;
            }
            if chunk.records > 0 && out.len() - start + usize::from(is_array) > limits.bytes {
                out.truncate(before);
                break;
            }
            chunk.records += 1;
            self.accept();
        }
        if is_array {
            out.push(b']');
        }
        if chunk.records == 0 {
            out.truncate(start);
        }
        Some(chunk)
    }

    /// Appends the key and the value of the next record. None if there is nothing left.
    pub fn message(&mut self, key: &mut Vec<u8>, value: &mut Vec<u8>) -> Option<Result<Message, EncodeError>> {
        let (row, is_delete) = self.order.next()?;
        let lengths = (key.len(), value.len());
        let written = match &mut *self.writer {
            Writer::Json(writer) => writer.message(&self.cells, row, is_delete, key, value),
            Writer::Csv(writer) => writer.record(&self.cells, row, is_delete, value).map(|()| Message {
                is_delete,
                has_key: false,
                has_value: true,
            }),
        };
        if written.is_ok() {
            self.accept();
        } else {
            key.truncate(lengths.0);
            value.truncate(lengths.1);
            self.order.advance_row();
        }
        Some(written)
    }

    fn accept(&mut self) {
        if let Writer::Json(writer) = &mut *self.writer {
            writer.accept();
        }
        self.order.advance();
    }
}

#[cfg(test)]
mod tests;
