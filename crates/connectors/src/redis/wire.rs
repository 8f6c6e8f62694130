//! The protocol of Redis, as far as writing keys needs it.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// How long a line of an answer may be.
const LINE_BYTES_MAX: u64 = 4096;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// It is done.
    Done,
    /// It is refused, and why.
    Error(String),
}

/// A command and its arguments.
pub(super) fn command(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        bytes.extend(format!("${}\r\n", part.len()).into_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Reads an answer: a line that says what it is.
pub(super) async fn reply(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Reply, Error> {
    let mut line = Vec::new();
    stream.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    let strange = || Error::new(ErrorKind::InvalidData, "the server does not speak like Redis");
    let text = line
        .strip_suffix(b"\r\n")
        .ok_or_else(|| if line.is_empty() { ErrorKind::UnexpectedEof.into() } else { strange() })?;
    match text.split_first() {
        Some((b'+' | b':', _)) => Ok(Reply::Done),
        Some((b'-', reason)) => Ok(Reply::Error(String::from_utf8_lossy(reason).into_owned())),
        _ => Err(strange()),
    }
}
