//! CSV by the rules of the storage surface: which column of the file is which of the table, what is NULL, what a quote is.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::scan::{self, Compression};
use super::transcode::Found;
use super::{ExtraColumns, LoadSpec, Source, import_failed, new_column, open_blob, transcode, unpacked};
use crate::apply::Work;
use crate::column::{Column, ColumnType};
use crate::error::{ApplyError, Error, code};
use crate::quote::literal;
use crate::quote_path::literal_file;

/// Longest delimiter, in bytes.
pub const CSV_DELIMITER_BYTES_MAX: usize = 4;
/// How much of a file is read to find its first record, in bytes; also the longest line we accept. The engine gives each thread
/// pieces of at least this size, so a larger limit would leave most files to one thread.
const LINE_BYTES_MAX: usize = 8_000_000;
/// What the engine reads of a file at once, in bytes; a quarter of it is one thread's piece. This is the engine's own default,
/// which without saying so would grow with the longest line.
const BUFFER_BYTES: usize = 4 * LINE_BYTES_MAX;

/// How the text is cut into fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// 1-4 bytes; the two characters `\t` mean tab.
    pub delimiter: String,
    /// One byte, or empty for none. Doubled, it always stands for itself.
    pub quote: String,
    /// One byte, or empty for none: before a quote or itself inside a quoted field it makes that one literal.
    pub escape: String,
    /// Whether the first record holds names.
    pub header: bool,
    /// A field equal to it is NULL.
    pub null_string: String,
    /// Whether a quoted field can be NULL too.
    pub allow_quoted_nulls: bool,
    /// So many lines are left out before anything is read, the header included.
    pub ignored_lines: u64,
    /// What else is NULL.
    pub null_strings: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: ",".into(),
            quote: "\"".into(),
            escape: "\\".into(),
            header: true,
            null_string: String::new(),
            allow_quoted_nulls: true,
            ignored_lines: 0,
            null_strings: Vec::new(),
        }
    }
}

/// Options checked and put into bytes.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    pub delimiter: Vec<u8>,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
}

impl CsvOptions {
    /// Checks the options; what is wrong is `invalid_csv_options`.
    pub fn check(&self) -> Result<(), Error> {
        self.dialect().map(|_| ())
    }

    /// All that stands for NULL.
    fn nulls(&self) -> impl Iterator<Item = &str> {
        [self.null_string.as_str()].into_iter().chain(self.null_strings.iter().map(String::as_str))
    }

    pub(super) fn dialect(&self) -> Result<Dialect, Error> {
        let wrong = |message: &str| Error::invalid(code::INVALID_CSV_OPTIONS, message);
        let delimiter = if self.delimiter == "\\t" { "\t" } else { &self.delimiter };
        if delimiter.is_empty() || delimiter.len() > CSV_DELIMITER_BYTES_MAX {
            return Err(wrong("delimiter must have 1 to 4 bytes"));
        }
        let one = |text: &str, what: &str| match text.as_bytes() {
            [] => Ok(None),
            [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(Some(*byte)),
            _ => Err(wrong(&format!("{what} must be one byte or empty"))),
        };
        let quote = one(&self.quote, "quote")?;
        let escape = one(&self.escape, "escape")?;
        let inside = |byte: Option<u8>| byte.is_some_and(|byte| delimiter.as_bytes().contains(&byte));
        if inside(quote) || inside(escape) {
            return Err(wrong("delimiter may not contain quote or escape"));
        }
        if self.nulls().chain([delimiter]).any(|text| text.contains(['\r', '\n', '\0'])) {
            return Err(wrong("delimiter and what stands for NULL may not contain line breaks"));
        }
        let cut = |text: &str| text.contains(delimiter) || quote.is_some_and(|quote| text.as_bytes().contains(&quote));
        if self.nulls().any(cut) {
            return Err(wrong("what stands for NULL may not contain delimiter or quote"));
        }
        Ok(Dialect { delimiter: delimiter.as_bytes().to_vec(), quote, escape })
    }
}

/// A file that the engine can read, and its first record.
pub(super) struct Readable {
    dialect: Dialect,
    path: PathBuf,
    compression: Compression,
    copy: Option<tempfile::NamedTempFile>,
    pub first: Option<Vec<String>>,
}

/// Looks at a file, and rewrites it where the engine could not read it.
pub(super) fn readable(path: &Path, options: &CsvOptions, temp_dir: &Path) -> Result<Readable, ApplyError> {
    let dialect =
        options.dialect().map_err(|error| ApplyError::refused(code::INVALID_CSV_OPTIONS, error.to_string()))?;
    let mut file = open_blob(path)?;
    let bytes_max = unpacked::bytes_max(file.metadata().map_err(damaged)?.len());
    let mut compression = scan::compression(&mut file).map_err(damaged)?;
    let mut path = path.to_path_buf();
    let mut copy = None;
    let found = transcode::look(file, compression, &dialect, bytes_max).map_err(damaged)?;
    if found == Found::TooMuch {
        return Err(unpacked::refused(bytes_max));
    }
    if found == Found::Escapes || options.ignored_lines > 0 {
        let escapes = (found == Found::Escapes).then_some(&dialect);
        let of = transcode::Rewrite { compression, escapes, ignored_lines: options.ignored_lines, bytes_max };
        let rewritten = transcode::rewrite(open_blob(&path)?, of, temp_dir)?;
        path = rewritten.path().to_path_buf();
        compression = Compression::None;
        copy = Some(rewritten);
    }
    let mut head = Vec::new();
    let reader = scan::decompressed(open_blob(&path)?, compression).map_err(damaged)?;
    reader.take(LINE_BYTES_MAX as u64).read_to_end_of_record(&dialect, &mut head).map_err(damaged)?;
    let first = scan::first_record(&head, &dialect);
    Ok(Readable { dialect, path, compression, copy, first })
}

/// A file whose header names no column at all.
pub(super) fn no_header() -> ApplyError {
    import_failed("the file is empty; a header was expected", None, None)
}

pub(super) fn open(
    work: &Work<'_>,
    spec: &LoadSpec,
    blob: &Path,
    options: &CsvOptions,
    wanted: &[Column],
) -> Result<Source, ApplyError> {
    let Readable { dialect, path, compression, copy, first } = readable(blob, options, work.temp_dir)?;
    let mut warnings: Vec<String> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut added = Vec::new();
    let targets: Vec<Option<Column>> = match first {
        None if options.header => return Err(no_header()),
        // Nothing to read: whatever we declare, there will be no rows.
        None => wanted.iter().cloned().map(Some).collect(),
        Some(record) if options.header => {
            let matched = match_header(work, spec, &record, wanted, options.ignored_lines + 1)?;
            names = record;
            warnings = matched.warnings;
            added = matched.added;
            matched.targets
        }
        Some(record) => {
            check_count(record.len(), wanted.len(), options.ignored_lines + 1)?;
            wanted.iter().cloned().map(Some).collect()
        }
    };
    if names.is_empty() {
        names = wanted.iter().map(|column| column.name.clone()).collect();
    }
    let given = targets
        .iter()
        .enumerate()
        .filter_map(|(index, column)| column.as_ref().map(|column| (column.clone(), value_sql(index, column))))
        .collect();
    let from_sql = read_csv_sql(&path, options, &dialect, compression, &targets)?;
    let (path, lines_left_out) = (blob.to_path_buf(), options.ignored_lines);
    Ok(Source { path, from_sql, given, added, warnings, names, lines_left_out, _copy: copy })
}

/// The file with all fields as text: `c0`, `c1` and so on.
pub(super) fn as_text(
    blob: &Path,
    options: &CsvOptions,
    readable: Readable,
    names: Vec<String>,
) -> Result<Source, ApplyError> {
    let Readable { dialect, path, compression, copy, .. } = readable;
    let from_sql = read_csv_sql(&path, options, &dialect, compression, &vec![None; names.len()])?;
    Ok(Source {
        path: blob.to_path_buf(),
        from_sql,
        given: Vec::new(),
        added: Vec::new(),
        warnings: Vec::new(),
        names,
        lines_left_out: options.ignored_lines,
        _copy: copy,
    })
}

fn damaged(error: std::io::Error) -> ApplyError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => ApplyError::Store(Error::DiskFull),
        _ => import_failed("the file cannot be read; its content is damaged", None, None),
    }
}

pub(super) fn check_count(found: usize, expected: usize, line: u64) -> Result<(), ApplyError> {
    if found == expected {
        return Ok(());
    }
    Err(import_failed(
        format!("line {line} has {found} fields where {expected} columns are expected"),
        Some(line),
        None,
    ))
}

/// What a header says.
#[derive(Default)]
struct Matched {
    /// Which column each field of the file is for; `None` for fields that are read over.
    targets: Vec<Option<Column>>,
    /// Columns that the table has yet to get.
    added: Vec<Column>,
    warnings: Vec<String>,
}

fn match_header(
    work: &Work<'_>,
    spec: &LoadSpec,
    header: &[String],
    wanted: &[Column],
    line: u64,
) -> Result<Matched, ApplyError> {
    let mut matched = Matched::default();
    let known = |name: &String| work.schema.column(name.trim()).is_some();
    if !header.iter().any(known) && header.len() == wanted.len() {
        matched.warnings.push("no header name is a column of the table; columns were matched by position".into());
        matched.targets = wanted.iter().cloned().map(Some).collect();
        return Ok(matched);
    }
    for name in header {
        let name = name.trim();
        let mut column = wanted.iter().find(|column| column.name.eq_ignore_ascii_case(name)).cloned();
        if column.is_none() && work.schema.column(name).is_none() {
            match spec.extra_columns {
                ExtraColumns::Fail => {
                    return Err(import_failed(format!("the table has no column {name:?}"), Some(line), Some(name)));
                }
                ExtraColumns::Ignore => matched.warnings.push(format!("column {name:?} of the file was ignored")),
                ExtraColumns::Add => {
                    let new = new_column(work, &matched.added, name, "VARCHAR")?;
                    matched.added.push(new.clone());
                    column = Some(new);
                }
            }
        }
        if column.is_some() && matched.targets.contains(&column) {
            return Err(import_failed(format!("the header names column {name:?} twice"), Some(line), Some(name)));
        }
        matched.targets.push(column);
    }
    if matched.targets.iter().all(Option::is_none) {
        return Err(import_failed("no column of the file is a column to load", Some(line), None));
    }
    Ok(matched)
}

/// Whether fields become values only behind the engine's reader, which makes NULL of times with zones that it cannot read.
fn is_read_as_text(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::TimeTz | ColumnType::TimestampTz)
}

/// The value of a field of the file.
fn value_sql(index: usize, column: &Column) -> String {
    if is_read_as_text(&column.column_type) {
        return format!("CAST(c{index} AS {})", column.column_type.to_sql());
    }
    format!("c{index}")
}

/// One text as it is, several as a list: what one text means to the engine stays what it was.
fn null_sql(options: &CsvOptions) -> String {
    if options.null_strings.is_empty() {
        return literal(&options.null_string);
    }
    let mut texts: Vec<String> = Vec::new();
    for text in options.nulls().map(literal) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    format!("[{}]", texts.join(", "))
}

fn read_csv_sql(
    path: &Path,
    options: &CsvOptions,
    dialect: &Dialect,
    compression: Compression,
    targets: &[Option<Column>],
) -> Result<String, ApplyError> {
    let columns: Vec<String> = targets
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let typed = column.as_ref().filter(|column| !is_read_as_text(&column.column_type));
            let kind = typed.map_or_else(|| "VARCHAR".to_owned(), |column| column.column_type.to_sql());
            format!("'c{index}': {}", literal(&kind))
        })
        .collect();
    // A doubled quote is always an escape. Files in which the other escape means anything have been rewritten to doubling.
    let quote = literal(&dialect.quote.map(|quote| char::from(quote).to_string()).unwrap_or_default());
    Ok(format!(
        "read_csv({path}, auto_detect=false, header={header}, delim={delimiter}, quote={quote}, escape={quote}, \
         nullstr={null}, allow_quoted_nulls={quoted_nulls}, compression='{compression}', max_line_size={LINE_BYTES_MAX}, \
         buffer_size={BUFFER_BYTES}, strict_mode=true, null_padding=false, ignore_errors=false, columns={{{columns}}})",
        path = literal_file(path)?,
        header = options.header,
        delimiter = literal(&String::from_utf8_lossy(&dialect.delimiter)),
        null = null_sql(options),
        quoted_nulls = options.allow_quoted_nulls,
        compression = compression.name(),
        columns = columns.join(", "),
    ))
}

/// Reads the place and the reason out of the engine's message about a bad row.
pub(super) fn failure(message: &str, source: &Source) -> Option<ApplyError> {
    let (_, rest) = message.split_once("CSV Error on Line: ")?;
    let mut lines = rest.lines();
    let line = lines.next().and_then(|line| line.trim().parse::<u64>().ok());
    let line = line.map(|line| line + source.lines_left_out);
    let reason = lines
        .find(|line| {
            line.starts_with("Error when converting")
                || line.starts_with("Expected Number of Columns")
                || line.starts_with("Value with unterminated quote")
                || line.starts_with("Maximum line size")
                || line.starts_with("Invalid unicode")
                || line.starts_with("The CSV Parser state machine")
        })
        .unwrap_or("the line cannot be read");
    let column = reason
        .split_once("converting column \"c")
        .and_then(|(_, rest)| rest.split_once('"'))
        .and_then(|(index, _)| index.parse::<usize>().ok())
        .and_then(|index| source.names.get(index));
    let reason = reason.split_once("\". ").map_or(reason, |(_, reason)| reason);
    let place = match (line, column) {
        (Some(line), Some(column)) => format!("line {line}, column {column:?}: "),
        (Some(line), None) => format!("line {line}: "),
        _ => String::new(),
    };
    Some(import_failed(format!("{place}{reason}"), line, column.map(String::as_str)))
}

/// Reading no more of a file than its first record needs.
trait ReadRecord {
    fn read_to_end_of_record(self, dialect: &Dialect, head: &mut Vec<u8>) -> std::io::Result<()>;
}

impl<R: Read> ReadRecord for R {
    fn read_to_end_of_record(mut self, dialect: &Dialect, head: &mut Vec<u8>) -> std::io::Result<()> {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = self.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            head.extend_from_slice(&chunk[..read]);
            if scan::record_is_complete(head, dialect) {
                return Ok(());
            }
        }
    }
}
