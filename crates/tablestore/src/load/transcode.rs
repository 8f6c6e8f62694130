//! Rewriting files before the engine reads them: it knows either the doubled quote or another escape, the surface allows both in one
//! file; and what it takes for a line to be left out depends on the quotes in it.
//!
//! Only files in which the escape really stands before a quote or itself, or whose first lines are left out, are rewritten; all others
//! are read in place.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::csv::Dialect;
use super::scan::{Compression, decompressed};
use super::{import_failed, unpacked};
use crate::error::{ApplyError, Error};

/// How much is read at once, in bytes: little enough to stay in the processor's cache while it is looked at.
const CHUNK_BYTES: usize = 128 * 1024;

/// What looking at a file tells.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The engine can read it as it is.
    Plain,
    /// Escapes: it has to be rewritten.
    Escapes,
    /// It unpacks to more than it may.
    TooMuch,
}

/// Whether the file has to be rewritten. Looking is a fraction of what parsing costs, so everything is looked at first; what is
/// compressed also when no escape can be in it, to know how much it is.
pub(super) fn look(
    file: std::fs::File,
    compression: Compression,
    dialect: &Dialect,
    bytes_max: u64,
) -> std::io::Result<Found> {
    let escapes = dialect.quote.zip(dialect.escape).filter(|(quote, escape)| quote != escape);
    let (quote, escape) = match escapes {
        Some(escapes) => escapes,
        None if compression == Compression::None => return Ok(Found::Plain),
        None => return measure(decompressed(file, compression)?, bytes_max),
    };
    let mut reader = decompressed(file, compression)?;
    let telling = |byte: u8| byte == quote || byte == escape;
    let mut chunk = vec![0; CHUNK_BYTES];
    let (mut escape_last, mut total) = (false, 0);
    loop {
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            return Ok(Found::Plain);
        }
        let bytes = &chunk[..read];
        if escape_last && telling(bytes[0]) {
            return Ok(Found::Escapes);
        }
        if memchr::memchr_iter(escape, bytes).any(|at| bytes.get(at + 1).is_some_and(|next| telling(*next))) {
            return Ok(Found::Escapes);
        }
        escape_last = bytes[read - 1] == escape;
        total += read as u64;
        if compression != Compression::None && total > bytes_max {
            return Ok(Found::TooMuch);
        }
    }
}

fn measure(reader: impl Read, bytes_max: u64) -> std::io::Result<Found> {
    let total = std::io::copy(&mut reader.take(bytes_max.saturating_add(1)), &mut std::io::sink())?;
    Ok(if total > bytes_max { Found::TooMuch } else { Found::Plain })
}

/// Where the rewriting is within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// After an escape inside a quoted field.
    Escaped,
    /// After a quote inside a quoted field: its end, or the first half of a doubled quote.
    QuoteSeen,
}

/// How a file is rewritten.
pub(super) struct Rewrite<'a> {
    pub compression: Compression,
    /// Whose escapes go, if the file has any.
    pub escapes: Option<&'a Dialect>,
    /// So many lines are left out at the beginning.
    pub ignored_lines: u64,
    /// It may unpack to so many bytes.
    pub bytes_max: u64,
}

/// Copies the file without the lines that are left out, and with every escape in a quoted field turned into the doubled quote (or the
/// plain escape character).
pub(super) fn rewrite(
    file: std::fs::File,
    of: Rewrite<'_>,
    temp_dir: &Path,
) -> Result<tempfile::NamedTempFile, ApplyError> {
    let Rewrite { compression, escapes, ignored_lines, bytes_max } = of;
    let store = |source: std::io::Error| ApplyError::Store(Error::io(temp_dir, source));
    let damaged = |_| import_failed("the file cannot be read; its content is damaged", None, None);
    let reader = decompressed(file, compression).map_err(damaged)?;
    // A plain file is as large as it is.
    let bytes_max = if compression == Compression::None { u64::MAX } else { bytes_max };
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, reader.take(bytes_max.saturating_add(1)));
    let copy = tempfile::Builder::new().prefix("load-").suffix(".csv").tempfile_in(temp_dir).map_err(store)?;
    let mut writer = BufWriter::with_capacity(CHUNK_BYTES, copy.as_file());
    let mut machine = escapes.map(Machine::new);
    skip_lines(&mut reader, ignored_lines).map_err(damaged)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut out = Vec::with_capacity(CHUNK_BYTES * 2);
    let mut total = 0;
    loop {
        let read = reader.read(&mut chunk).map_err(damaged)?;
        if read == 0 {
            break;
        }
        total += read as u64;
        if total > bytes_max {
            return Err(unpacked::refused(bytes_max));
        }
        let Some(machine) = &mut machine else {
            writer.write_all(&chunk[..read]).map_err(store)?;
            continue;
        };
        out.clear();
        for byte in &chunk[..read] {
            machine.push(*byte, &mut out);
        }
        writer.write_all(&out).map_err(store)?;
    }
    out.clear();
    if let Some(machine) = &mut machine {
        machine.end(&mut out);
    }
    writer.write_all(&out).and_then(|()| writer.flush()).map_err(store)?;
    drop(writer);
    Ok(copy)
}

/// Reads over lines, whatever is in them: what stands before the data need not be CSV.
fn skip_lines(reader: &mut impl BufRead, lines: u64) -> std::io::Result<()> {
    for _ in 0..lines {
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
                let all = bytes.len();
                reader.consume(all);
                continue;
            };
            let is_return = bytes[end] == b'\r';
            reader.consume(end + 1);
            if is_return && reader.fill_buf()?.first() == Some(&b'\n') {
                reader.consume(1);
            }
            break;
        }
    }
    Ok(())
}

struct Machine<'a> {
    delimiter: &'a [u8],
    quote: u8,
    escape: u8,
    state: State,
    /// How many bytes of the delimiter have just been seen.
    delimiter_seen: usize,
}

impl<'a> Machine<'a> {
    fn new(dialect: &'a Dialect) -> Self {
        let quote = dialect.quote.unwrap_or(b'"');
        Self {
            delimiter: &dialect.delimiter,
            quote,
            escape: dialect.escape.unwrap_or(quote),
            state: State::FieldStart,
            delimiter_seen: 0,
        }
    }

    fn push(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.state {
            State::Quoted => {
                if byte == self.escape {
                    self.state = State::Escaped;
                } else {
                    if byte == self.quote {
                        self.state = State::QuoteSeen;
                    }
                    out.push(byte);
                }
            }
            State::Escaped => {
                if byte == self.quote {
                    out.extend([self.quote, self.quote]);
                } else if byte == self.escape {
                    out.push(self.escape);
                } else {
                    // Before anything else the escape is a character like any other: `"C:\temp"`.
                    out.extend([self.escape, byte]);
                }
                self.state = State::Quoted;
            }
            State::QuoteSeen if byte == self.quote => {
                out.push(byte);
                self.state = State::Quoted;
            }
            State::FieldStart if byte == self.quote => {
                out.push(byte);
                self.state = State::Quoted;
                self.delimiter_seen = 0;
            }
            State::QuoteSeen | State::FieldStart | State::Plain => {
                out.push(byte);
                self.state = self.after_plain(byte);
            }
        }
    }

    fn after_plain(&mut self, byte: u8) -> State {
        if byte == b'\n' || byte == b'\r' {
            self.delimiter_seen = 0;
            return State::FieldStart;
        }
        if byte == self.delimiter[self.delimiter_seen] {
            self.delimiter_seen += 1;
            if self.delimiter_seen == self.delimiter.len() {
                self.delimiter_seen = 0;
                return State::FieldStart;
            }
        } else {
            self.delimiter_seen = usize::from(byte == self.delimiter[0]);
        }
        State::Plain
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.state == State::Escaped {
            out.push(self.escape);
        }
    }
}
