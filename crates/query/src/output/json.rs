//! One JSON object a line. NULL is `null`, as are NaN and the infinities, for which JSON has no words.

use std::io;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use bytes::Bytes;

use super::{Encoder, slices, written};
use crate::error::QueryError;

pub(super) struct Lines;

impl Lines {
    pub fn new(schema: &SchemaRef) -> Result<Self, QueryError> {
        for field in schema.fields() {
            check(field.data_type()).map_err(|what| {
                QueryError::rejected(format!("column {} cannot be written as JSON: {what}", field.name()))
            })?;
        }
        Ok(Self)
    }
}

/// Refuses what JSON has no objects for.
fn check(kind: &DataType) -> Result<(), String> {
    match kind {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) if parts.len() == 2 => match parts[0].data_type() {
                DataType::Utf8 => check(parts[1].data_type()),
                other => Err(format!("the keys of a MAP must be texts, not {other}")),
            },
            other => Err(format!("a MAP of {other}")),
        },
        DataType::LargeList(item) => check(item.data_type()),
        DataType::Struct(fields) => fields.iter().try_for_each(|field| check(field.data_type())),
        DataType::Union(..) => Err("values of several types".to_owned()),
        _ => Ok(()),
    }
}

impl Encoder for Lines {
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>, QueryError> {
        let mut chunks = Vec::new();
        for slice in slices(batch)? {
            let mut bytes = Vec::new();
            let out: &mut dyn io::Write = &mut bytes;
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(out);
            writer.write(&slice)?;
            writer.finish()?;
            drop(writer);
            chunks.extend(written(bytes));
        }
        Ok(chunks)
    }

    fn end(&mut self) -> Result<Vec<Bytes>, QueryError> {
        Ok(Vec::new())
    }
}
