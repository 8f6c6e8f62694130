//! Looking at the bytes of a CSV file ourselves: compression, first record.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::csv::Dialect;

/// How a file is compressed; told by its first bytes, never by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

pub(super) fn compression(file: &mut std::fs::File) -> std::io::Result<Compression> {
    let mut magic = [0; 4];
    let mut filled = 0;
    while filled < magic.len() {
        match file.read(&mut magic[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(match &magic[..filled] {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    })
}

pub(super) fn decompressed(file: std::fs::File, compression: Compression) -> std::io::Result<Box<dyn Read>> {
    Ok(match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(file))),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(file)?),
    })
}

const BOM: &[u8] = &[0xef, 0xbb, 0xbf];

/// Whether the first record ends within these bytes.
pub(super) fn record_is_complete(bytes: &[u8], dialect: &Dialect) -> bool {
    split(bytes, dialect).1
}

/// The fields of the first record; `None` when there is nothing.
pub(super) fn first_record(bytes: &[u8], dialect: &Dialect) -> Option<Vec<String>> {
    let rest = bytes.strip_prefix(BOM).unwrap_or(bytes);
    if rest.is_empty() {
        return None;
    }
    Some(split(bytes, dialect).0)
}

/// Cuts the first record into fields; also says whether its end was seen. Escapes other than the doubled quote are gone by
/// the time this runs.
fn split(bytes: &[u8], dialect: &Dialect) -> (Vec<String>, bool) {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let (mut quoted, mut at) = (false, 0);
    while at < bytes.len() {
        let byte = bytes[at];
        if quoted {
            if Some(byte) == dialect.quote {
                if bytes.get(at + 1).copied() == dialect.quote {
                    field.push(byte);
                    at += 1;
                } else {
                    quoted = false;
                }
            } else {
                field.push(byte);
            }
        } else if Some(byte) == dialect.quote && field.is_empty() {
            quoted = true;
        } else if bytes[at..].starts_with(&dialect.delimiter) {
            fields.push(String::from_utf8_lossy(&std::mem::take(&mut field)).into_owned());
            at += dialect.delimiter.len() - 1;
        } else if byte == b'\n' || byte == b'\r' {
            fields.push(String::from_utf8_lossy(&field).into_owned());
            return (fields, true);
        } else {
            field.push(byte);
        }
        at += 1;
    }
    fields.push(String::from_utf8_lossy(&field).into_owned());
    (fields, false)
}
