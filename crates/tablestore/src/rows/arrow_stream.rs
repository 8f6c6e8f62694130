//! Arrow IPC streams.

use arrow::ipc::reader::StreamReader;
use arrow::ipc::root_as_message;
use arrow::record_batch::RecordBatch;

use super::{ROWS_PER_MESSAGE_MAX, RowsError};

const CONTINUATION: [u8; 4] = [0xff; 4];

pub(super) fn decode(payload: &[u8]) -> Result<Vec<RecordBatch>, RowsError> {
    check_lengths(payload)?;
    let malformed =
        |error: arrow::error::ArrowError| RowsError::malformed(format!("the Arrow stream is unreadable: {error}"));
    let reader = StreamReader::try_new(payload, None).map_err(malformed)?;
    let mut batches = Vec::new();
    let mut rows = 0;
    for batch in reader {
        let batch = batch.map_err(malformed)?;
        rows += batch.num_rows();
        if rows > ROWS_PER_MESSAGE_MAX {
            return Err(RowsError::too_large(format!("a message may hold {ROWS_PER_MESSAGE_MAX} rows")));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// Checks every length the stream claims against the bytes that are there: the reader allocates what it is told, and an
/// allocation that fails ends the process.
fn check_lengths(payload: &[u8]) -> Result<(), RowsError> {
    let cut = || RowsError::malformed("the Arrow stream is cut short");
    let mut rest = payload;
    while !rest.is_empty() {
        let (head, after) = rest.split_at_checked(8).ok_or_else(cut)?;
        if head[..4] != CONTINUATION {
            return Err(RowsError::malformed("the Arrow stream is unreadable"));
        }
        let length = i32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if length == 0 {
            return Ok(());
        }
        let length = usize::try_from(length).map_err(|_| cut())?;
        let (metadata, after) = after.split_at_checked(length).ok_or_else(cut)?;
        let message = root_as_message(metadata).map_err(|_| RowsError::malformed("the Arrow stream is unreadable"))?;
        let body = usize::try_from(message.bodyLength()).map_err(|_| cut())?;
        rest = after.split_at_checked(body).ok_or_else(cut)?.1;
    }
    Ok(())
}
