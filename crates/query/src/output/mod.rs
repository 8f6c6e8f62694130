//! Results as bytes, in the format that was asked for.

mod answer;
mod arrow_ipc;
mod frames;
mod hash;
mod hash_value;
mod json;
mod parquet;
mod text;

use std::fmt;
use std::str::FromStr;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::error::QueryError;

pub use answer::Answer;
pub use frames::{FRAME_BYTES_MAX, Frame};

/// How long the rows are about, in memory, that are written at once.
const SLICE_BYTES: usize = 1024 * 1024;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A grid of characters.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// One Parquet file.
    Parquet,
    /// The stream format of Arrow IPC.
    ArrowIpc,
    /// The SHA-256 of the columns and rows, in whatever order they come.
    Hash,
}

impl Format {
    /// All of them, by their names.
    const NAMES: [(&'static str, Self); 5] = [
        ("text", Self::Text),
        ("json", Self::Json),
        ("parquet", Self::Parquet),
        ("arrow_ipc", Self::ArrowIpc),
        ("hash", Self::Hash),
    ];

    /// The media type of an answer.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text | Self::Hash => "text/plain",
            Self::Json => "application/json",
            Self::Parquet | Self::ArrowIpc => "application/octet-stream",
        }
    }

    /// What a file with the answer is called, in `Content-Disposition`; only Parquet comes as a file. The time is taken
    /// in UTC.
    #[must_use]
    pub fn file_name(self, at: jiff::Timestamp) -> Option<String> {
        (self == Self::Parquet).then(|| format!("results_{}.parquet", at.strftime("%Y%m%d_%H%M%S")))
    }

    /// Whether WebSockets carry it in frames of text.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Json | Self::Hash)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Format {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        found.ok_or_else(|| {
            let names = Self::NAMES.map(|(name, _)| name).join(", ");
            QueryError::rejected(format!("unknown format {text:?}; there are {names}"))
        })
    }
}

/// Writes results in one format.
pub(crate) trait Encoder: Send {
    /// Takes some rows.
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>, QueryError>;

    /// There are no more rows.
    fn end(&mut self) -> Result<Vec<Bytes>, QueryError>;
}

/// What writes rows of these columns. Errors if the format has no place for one of them.
pub(crate) fn encoder(format: Format, schema: &SchemaRef) -> Result<Box<dyn Encoder>, QueryError> {
    Ok(match format {
        Format::Text => Box::new(text::Grid::new(schema)),
        Format::Json => Box::new(json::Lines::new(schema)?),
        Format::Parquet => Box::new(parquet::File::new(schema)?),
        Format::ArrowIpc => Box::new(arrow_ipc::Stream::new(schema)?),
        Format::Hash => Box::new(hash::Digest::new(schema)),
    })
}

/// The rows in parts that are not too long to be written at once.
fn slices(batch: &RecordBatch) -> Result<Vec<RecordBatch>, QueryError> {
    let mut bytes = 1;
    for column in batch.columns() {
        bytes += column.to_data().get_slice_memory_size()?;
    }
    let rows = batch.num_rows();
    let step = (rows.saturating_mul(SLICE_BYTES) / bytes).clamp(1, rows.max(1));
    Ok((0..rows).step_by(step).map(|begin| batch.slice(begin, step.min(rows - begin))).collect())
}

/// What was written so far, if it is anything.
fn written(bytes: Vec<u8>) -> Vec<Bytes> {
    if bytes.is_empty() { Vec::new() } else { vec![Bytes::from(bytes)] }
}
