//! Where changes are written to.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Seek as _, Write};

use arrow::array::{AsArray as _, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Int64Type, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;

use super::{Changes, ChangesFormat, ChangesSpec};
use crate::column::ColumnType;
use crate::error::{Error, Result};
use crate::json::write_value;

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 256 << 10;
/// Rows of one batch of an Arrow stream, where it is made of rows that come more than once.
const REPEATED_ROWS_MAX: usize = 8_192;

pub(super) struct Sink {
    to: To,
    bytes_max: u64,
    rows: u64,
}

enum To {
    Json(Bounded),
    Arrow(Box<StreamWriter<Bounded>>),
}

impl Sink {
    /// Everything will be of this schema: what became of rows, the rows, and how often.
    pub fn new(file: File, spec: ChangesSpec, schema: &Schema) -> Result<Self> {
        let bytes_max = spec.bytes_max;
        let failed = |error| arrow_failed(error, bytes_max);
        let bounded = Bounded { file: BufWriter::with_capacity(BUFFER_BYTES, file), bytes: 0, bytes_max };
        let to = match spec.format {
            ChangesFormat::JsonLines => To::Json(bounded),
            ChangesFormat::Arrow => {
                let shown = schema.project(&[0, 1]).map_err(failed)?;
                To::Arrow(Box::new(StreamWriter::try_new(bounded, &shown).map_err(failed)?))
            }
        };
        Ok(Self { to, bytes_max, rows: 0 })
    }

    pub fn take(&mut self, batch: &RecordBatch, kind_of_row: &ColumnType) -> Result<()> {
        let times = batch.column(2).as_primitive::<Int64Type>().values();
        self.rows += times.iter().map(|times| times.unsigned_abs()).sum::<u64>();
        let bytes_max = self.bytes_max;
        match &mut self.to {
            To::Json(file) => json_lines(file, batch, times, kind_of_row).map_err(|error| io_failed(error, bytes_max)),
            To::Arrow(stream) => arrow_batches(stream, batch, times).map_err(|error| arrow_failed(error, bytes_max)),
        }
    }

    /// The file, ready to be read from its beginning.
    pub fn finish(self) -> Result<Changes> {
        let bytes_max = self.bytes_max;
        let bounded = match self.to {
            To::Json(file) => file,
            To::Arrow(stream) => stream.into_inner().map_err(|error| arrow_failed(error, bytes_max))?,
        };
        let failed = |error| io_failed(error, bytes_max);
        let mut file = bounded.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok(Changes { file, bytes: bounded.bytes, rows: self.rows })
    }
}

fn json_lines(file: &mut Bounded, batch: &RecordBatch, times: &[i64], kind_of_row: &ColumnType) -> std::io::Result<()> {
    let mut line = String::new();
    for (row, times) in times.iter().enumerate() {
        line.clear();
        line.push_str("{\"kind\":");
        write_value(&mut line, batch.column(0).as_ref(), row, None);
        line.push_str(",\"row\":");
        write_value(&mut line, batch.column(1).as_ref(), row, Some(kind_of_row));
        line.push_str("}\n");
        for _ in 0..*times {
            file.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}

fn arrow_batches(
    stream: &mut StreamWriter<Bounded>,
    batch: &RecordBatch,
    times: &[i64],
) -> std::result::Result<(), ArrowError> {
    let shown = batch.project(&[0, 1])?;
    if times.iter().all(|times| *times == 1) {
        return stream.write(&shown);
    }
    let mut every = times.iter().enumerate().flat_map(|(row, times)| (0..*times).map(move |_| row as u64));
    loop {
        let rows: Vec<u64> = every.by_ref().take(REPEATED_ROWS_MAX).collect();
        if rows.is_empty() {
            return Ok(());
        }
        stream.write(&take_record_batch(&shown, &UInt64Array::from(rows))?)?;
    }
}

/// A file that takes so much and no more.
struct Bounded {
    file: BufWriter<File>,
    bytes: u64,
    bytes_max: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes + bytes.len() as u64 > self.bytes_max {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

fn io_failed(error: std::io::Error, bytes_max: u64) -> Error {
    if error.kind() == ErrorKind::FileTooLarge {
        return Error::ResultTooLarge { limit: format!("{bytes_max} bytes") };
    }
    Error::io("the changes of a table", error)
}

fn arrow_failed(error: ArrowError, bytes_max: u64) -> Error {
    match error {
        ArrowError::IoError(_, error) => io_failed(error, bytes_max),
        error => {
            tracing::error!(error = %error, "the changes of a table make no Arrow stream");
            Error::Unavailable("the changes make no Arrow stream".into())
        }
    }
}
