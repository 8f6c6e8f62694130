//! A grid of characters, drawn as Arrow draws its own.
//!
//! A grid needs the width of its columns before its first line. They are those of the first rows; a cell further down
//! that is wider makes only its own line longer.

use std::fmt::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use unicode_width::UnicodeWidthStr;

use super::{Encoder, written};
use crate::error::QueryError;

/// How many characters a cell may show.
const CELL_CHARS_MAX: usize = 64;
/// What a cell ends with that has more.
const CUT: &str = "...";
/// How many rows the widths are taken from.
const MEASURED_ROWS_MAX: usize = 10_000;
/// How long the texts of these rows may be together.
const MEASURED_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) struct Grid {
    header: Vec<String>,
    /// The rows that wait for the widths.
    waiting: Vec<Vec<String>>,
    waiting_bytes: usize,
    /// None while rows are still measured.
    widths: Option<Vec<usize>>,
}

impl Grid {
    pub fn new(schema: &SchemaRef) -> Self {
        let header = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { header, waiting: Vec::new(), waiting_bytes: 0, widths: None }
    }

    /// Measures what waits, and writes it with the header above.
    fn begin(&mut self) -> (Vec<usize>, String) {
        let mut widths = vec![0; self.header.len()];
        for row in std::iter::once(&self.header).chain(&self.waiting) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.split('\n').map(UnicodeWidthStr::width).max().unwrap_or(0));
            }
        }
        let mut out = String::new();
        rule(&widths, &mut out);
        if !self.header.is_empty() {
            line(&widths, &self.header, &mut out);
        }
        rule(&widths, &mut out);
        for row in std::mem::take(&mut self.waiting) {
            line(&widths, &row, &mut out);
        }
        (widths, out)
    }
}

impl Encoder for Grid {
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>, QueryError> {
        let options = FormatOptions::default().with_display_error(true);
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut out = String::new();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|column| cell(column, row)).collect();
            if let Some(widths) = &self.widths {
                line(widths, &cells, &mut out);
                continue;
            }
            self.waiting_bytes += cells.iter().map(String::len).sum::<usize>();
            self.waiting.push(cells);
            if self.waiting.len() == MEASURED_ROWS_MAX || self.waiting_bytes > MEASURED_BYTES_MAX {
                let (widths, begin) = self.begin();
                out.push_str(&begin);
                self.widths = Some(widths);
            }
        }
        Ok(written(out.into_bytes()))
    }

    fn end(&mut self) -> Result<Vec<Bytes>, QueryError> {
        let mut out = String::new();
        let widths = self.widths.take().unwrap_or_else(|| {
            let (widths, begin) = self.begin();
            out.push_str(&begin);
            widths
        });
        rule(&widths, &mut out);
        Ok(written(out.into_bytes()))
    }
}

/// Takes characters until a cell is full.
struct Cell {
    text: String,
    chars: usize,
}

impl Write for Cell {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.chars == CELL_CHARS_MAX {
                self.text.push_str(CUT);
                // Ends the writing; a long value is not made into text as a whole.
                return Err(fmt::Error);
            }
            self.text.push(character);
            self.chars += 1;
        }
        Ok(())
    }
}

fn cell(column: &ArrayFormatter<'_>, row: usize) -> String {
    let mut cell = Cell { text: String::new(), chars: 0 };
    // Fails when the cell is full; what cannot be shown says so in the cell.
    write!(cell, "{}", column.value(row)).ok();
    cell.text
}

fn rule(widths: &[usize], out: &mut String) {
    out.push('+');
    for width in widths {
        out.extend(std::iter::repeat_n('-', width + 2));
        out.push('+');
    }
    if widths.is_empty() {
        out.push('+');
    }
    out.push('\n');
}

/// The cells beside each other; what has several lines takes several.
fn line(widths: &[usize], cells: &[String], out: &mut String) {
    let mut parts: Vec<_> = cells.iter().map(|cell| cell.split('\n')).collect();
    let height = cells.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(1);
    for _ in 0..height {
        out.push('|');
        for (width, part) in widths.iter().zip(&mut parts) {
            let text = part.next().unwrap_or_default();
            out.push(' ');
            out.push_str(text);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width())));
            out.push_str(" |");
        }
        out.push('\n');
    }
}
