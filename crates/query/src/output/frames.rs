//! Results in the frames of a WebSocket.

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};

use super::Format;
use crate::error::QueryError;

/// How long a frame may be.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Of text.
    Text(String),
    /// Of bytes.
    Binary(Bytes),
}

/// The chunks, which end with the first error, in frames of the format's kind.
pub(super) fn frames(
    format: Format,
    chunks: impl Stream<Item = Result<Bytes, QueryError>> + Send + 'static,
) -> impl Stream<Item = Result<Frame, QueryError>> + Send + 'static {
    chunks.flat_map(move |chunk| stream::iter(cut(format, chunk)))
}

fn cut(format: Format, chunk: Result<Bytes, QueryError>) -> Vec<Result<Frame, QueryError>> {
    let mut rest = match chunk {
        Ok(chunk) => chunk,
        Err(error) => return vec![Err(error)],
    };
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = if format.is_text() { text_length(&rest) } else { rest.len().min(FRAME_BYTES_MAX) };
        let part = rest.split_to(length);
        frames.push(if format.is_text() { text(&part) } else { Ok(Frame::Binary(part)) });
    }
    frames
}

/// How long the next frame of text is: it ends at the end of a line if it can, else at least not inside of a character.
fn text_length(bytes: &[u8]) -> usize {
    if bytes.len() <= FRAME_BYTES_MAX {
        return bytes.len();
    }
    let head = &bytes[..FRAME_BYTES_MAX];
    if let Some(end) = head.iter().rposition(|byte| *byte == b'\n') {
        return end + 1;
    }
    let is_inside = |at: usize| bytes[at] & 0b1100_0000 == 0b1000_0000;
    (1..=FRAME_BYTES_MAX).rev().find(|at| !is_inside(*at)).unwrap_or(FRAME_BYTES_MAX)
}

fn text(bytes: &[u8]) -> Result<Frame, QueryError> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| QueryError::internal(format!("the result is no text: {error}")))?;
    Ok(Frame::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn lengths(format: Format, text: String) -> Vec<usize> {
        cut(format, Ok(Bytes::from(text)))
            .into_iter()
            .map(|frame| match frame.unwrap() {
                Frame::Text(text) => text.len(),
                Frame::Binary(bytes) => bytes.len(),
            })
            .collect()
    }

    #[rstest]
    #[case::short(Format::Json, "{}\n".to_owned(), &[3])]
    #[case::nothing(Format::Json, String::new(), &[])]
    #[case::bytes(Format::Parquet, "x".repeat(FRAME_BYTES_MAX + 1), &[FRAME_BYTES_MAX, 1])]
    #[case::lines(Format::Text, "12345\n".repeat(FRAME_BYTES_MAX / 6 + 1), &[FRAME_BYTES_MAX / 6 * 6, 6])]
    #[case::one_line(Format::Json, "x".repeat(FRAME_BYTES_MAX + 1), &[FRAME_BYTES_MAX, 1])]
    #[case::characters(Format::Json, format!("x{}", "ö".repeat(FRAME_BYTES_MAX / 2)), &[FRAME_BYTES_MAX - 1, 2])]
    fn frames_are_cut_where_they_may(#[case] format: Format, #[case] text: String, #[case] expected: &[usize]) {
        assert_eq!(lengths(format, text), expected);
    }
}
