//! One Parquet file, with Snappy.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use bytes::Bytes;

use super::{Encoder, slices, written};
use crate::error::QueryError;

/// How long rows may get in memory before they are written as a group.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) struct File {
    /// None when the file has its end.
    writer: Option<ArrowWriter<Shared>>,
    bytes: Shared,
}

/// What was written and not yet taken.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl File {
    pub fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        for field in schema.fields() {
            if !is_written(field.data_type()) {
                let message =
                    format!("column {} of type {} cannot be written as Parquet", field.name(), field.data_type());
                return Err(QueryError::rejected(message));
            }
        }
        let bytes = Shared::default();
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(bytes.clone(), schema.clone(), Some(properties)).map_err(failed)?;
        Ok(Self { writer: Some(writer), bytes })
    }
}

/// Whether the format has a place for it.
fn is_written(kind: &DataType) -> bool {
    match kind {
        DataType::Union(..) => false,
        DataType::LargeList(item) | DataType::Map(item, _) => is_written(item.data_type()),
        // A group of no columns cannot be.
        DataType::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| is_written(field.data_type())),
        _ => true,
    }
}

fn failed(error: ParquetError) -> QueryError {
    QueryError::rejected(format!("the result cannot be written as Parquet: {error}"))
}

impl Encoder for File {
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>, QueryError> {
        if let Some(writer) = &mut self.writer {
            for slice in slices(batch)? {
                writer.write(&slice).map_err(failed)?;
                if writer.in_progress_size() > GROUP_BYTES_MAX {
                    writer.flush().map_err(failed)?;
                }
            }
        }
        Ok(written(self.bytes.take()))
    }

    fn end(&mut self) -> Result<Vec<Bytes>, QueryError> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(failed)?;
        }
        Ok(written(self.bytes.take()))
    }
}
