//! The stream format of Arrow IPC.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

use super::{Encoder, slices, written};
use crate::error::QueryError;

pub(super) struct Stream {
    writer: StreamWriter<Vec<u8>>,
}

impl Stream {
    pub fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        Ok(Self { writer: StreamWriter::try_new(Vec::new(), schema)? })
    }

    fn take(&mut self) -> Vec<Bytes> {
        written(std::mem::take(self.writer.get_mut()))
    }
}

impl Encoder for Stream {
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>, QueryError> {
        let mut chunks = Vec::new();
        for slice in slices(batch)? {
            self.writer.write(&slice)?;
            chunks.extend(self.take());
        }
        Ok(chunks)
    }

    fn end(&mut self) -> Result<Vec<Bytes>, QueryError> {
        self.writer.finish()?;
        Ok(self.take())
    }
}
