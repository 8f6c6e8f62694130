//! Changes as CSV, the weight of a row in the last column.

use super::EncodeError;
use super::cells::{Cells, Values};
use crate::flavor::Flavor;
use crate::values::bytes::write_hex;
use crate::values::float;

/// Writes CSV.
pub(super) struct CsvWriter {
    pub delimiter: u8,
}

impl CsvWriter {
    /// Writes a record: the fields, and 1 or -1.
    pub(super) fn record(
        &self,
        cells: &[Cells<'_>],
        row: usize,
        is_delete: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        for each in cells {
            let start = out.len();
            write_field(each, row, out)?;
            self.quote(start, out);
            out.push(self.delimiter);
        }
        let start = out.len();
        out.extend_from_slice(if is_delete { b"-1" } else { b"1" });
        self.quote(start, out);
        out.push(b'\n');
        Ok(())
    }

    /// Puts quotes around a field that would be taken for something else.
    fn quote(&self, start: usize, out: &mut Vec<u8>) {
        let is_special = |byte: &u8| *byte == self.delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        if !out[start..].iter().any(is_special) {
            return;
        }
        let field = out.split_off(start);
        out.push(b'"');
        for byte in field {
            if byte == b'"' {
                out.push(b'"');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
}

fn write_field(cells: &Cells<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if cells.is_null(row) {
        return Ok(());
    }
    let name = match &cells.values {
        Values::Text(array) => {
            out.extend_from_slice(array.value(row).as_bytes());
            return Ok(());
        }
        Values::Binary(array) => {
            out.extend_from_slice(b"0x");
            write_hex(array.value(row), out);
            return Ok(());
        }
        Values::Real(array) => float::name(array.value(row)),
        Values::Double(array) => float::name(array.value(row)),
        _ => None,
    };
    if let Some(name) = name {
        // `Inf` is how it is usual in CSV.
        out.extend_from_slice(name.trim_end_matches("inity").as_bytes());
        return Ok(());
    }
    let start = out.len();
    cells.write_json(row, Flavor::Default.encoding(), out)?;
    if matches!(cells.values, Values::Date(_) | Values::Time(_) | Values::Timestamp(_)) {
        // Their texts hold nothing that is escaped.
        out.pop();
        out.remove(start);
    }
    Ok(())
}
