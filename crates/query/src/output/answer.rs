//! What is answered, as a stream.

use bytes::Bytes;
use futures::stream::{BoxStream, Stream, StreamExt};

use super::Format;
use super::frames::{Frame, frames};
use crate::error::QueryError;

/// The result of a request. Dropping it stops the query.
pub struct Answer {
    format: Format,
    chunks: BoxStream<'static, Result<Bytes, QueryError>>,
}

impl Answer {
    pub(crate) fn new(format: Format, chunks: BoxStream<'static, Result<Bytes, QueryError>>) -> Self {
        Self { format, chunks }
    }

    /// The format, which knows content type and file name.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The bytes as they are. An error is the last item.
    pub fn into_chunks(self) -> impl Stream<Item = Result<Bytes, QueryError>> + Send + 'static {
        self.chunks
    }

    /// The body of an HTTP answer: in text and JSON an error is said at the end of it, in the others the stream ends
    /// with the error, which has to end the connection too, so that nobody takes what there is for all.
    pub fn into_body(self) -> impl Stream<Item = Result<Bytes, QueryError>> + Send + 'static {
        let format = self.format;
        self.chunks.map(move |chunk| match (chunk, format) {
            (Err(error), Format::Text) => Ok(Bytes::from(format!("ERROR: {error}\n"))),
            (Err(error), Format::Json) => Ok(Bytes::from(error.to_json() + "\n")),
            (chunk, _) => chunk,
        })
    }

    /// The frames of a WebSocket, none longer than [`super::FRAME_BYTES_MAX`]. An error is the last item: its
    /// [`QueryError::to_json`] is the last frame.
    pub fn into_frames(self) -> impl Stream<Item = Result<Frame, QueryError>> + Send + 'static {
        frames(self.format, self.chunks)
    }
}
