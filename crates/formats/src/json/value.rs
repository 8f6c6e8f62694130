//! Values of JSON into columns.

use std::ops::Range;

use alluvium_sql::types::Type;

use super::cursor::{Cursor, Token};
use super::scan::is_value;
use crate::column::{Column, Ends, Values};
use crate::error::{Bad, Tag};
use crate::flavor::{BytesForm, DateForm, Encoding, TimeForm, TimestampForm};
use crate::names::Names;
use crate::values::calendar::{
    DAY_NANOS, DAYS_MAX, DAYS_MIN, is_micros_in_range, read_date, read_time, read_timestamp,
};
use crate::values::decimal::{NoDecimal, read_decimal};
use crate::values::json_text::canonical_variant;
use crate::values::{bytes, float, uuid};

/// How many values one record may become, those that it does not name included.
pub(crate) const RECORD_VALUES_MAX: usize = 16 * 1024 * 1024;

/// What reading values needs beside them.
pub(crate) struct Reading {
    pub encoding: Encoding,
    /// How many more values the record may become.
    pub budget: usize,
    scratch: String,
}

impl Reading {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, budget: RECORD_VALUES_MAX, scratch: String::new() }
    }

    /// Counts values.
    pub(crate) fn spend(&mut self, values: usize) -> Result<(), Bad> {
        match self.budget.checked_sub(values) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(Bad::new(Tag::Limit, format!("a record becomes at most {RECORD_VALUES_MAX} values"))),
        }
    }

    /// Adds the next value to a column. When it fails, something may have been begun; the row is dropped then.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>, column: &mut Column) -> Result<(), Bad> {
        self.spend(1)?;
        let token = cursor.peek();
        if token == Token::Null {
            return self.read_null(cursor, column);
        }
        match (&mut column.values, token) {
            (Values::Text(_), _) if column.kind == Type::Variant => self.read_variant(cursor, column)?,
            (Values::Boolean(values), Token::True | Token::False) => {
                cursor.raw();
                values.append(token == Token::True);
            }
            (Values::Array(ends, item), Token::Array) => {
                cursor.open();
                while cursor.next() {
                    self.read(cursor, item)?;
                }
                ends.0.push(item.len());
            }
            (Values::Map(ends, entries), Token::Object) => {
                let (keys, values) = &mut **entries;
                self.read_map(cursor, ends, keys, values)?;
            }
            (Values::Row(names, fields), Token::Object) => self.read_row(cursor, names, fields)?,
            (Values::Binary(spans), Token::Array) if self.encoding.bytes == BytesForm::Numbers => {
                cursor.open();
                while cursor.next() {
                    let number = cursor.raw();
                    let byte = number.parse::<u8>();
                    spans.bytes.push(byte.map_err(|_| Bad::value(format!("{} is no byte", quoted(number))))?);
                }
                spans.ends.0.push(spans.bytes.len());
            }
            (_, Token::Number) => return self.read_number(cursor.raw(), column),
            (_, Token::Text) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                let read = cursor.text(&mut scratch).and_then(|text| self.read_text(text, column));
                self.scratch = scratch;
                return read;
            }
            _ => return Err(unexpected(&column.kind, token.name())),
        }
        column.valid.append(true);
        Ok(())
    }

    fn read_null(&mut self, cursor: &mut Cursor<'_>, column: &mut Column) -> Result<(), Bad> {
        cursor.raw();
        if column.is_nullable {
            self.spend(column.width())?;
            column.push_null();
            return Ok(());
        }
        match &mut column.values {
            // It is not NULL but a value that says null.
            Values::Text(spans) if column.kind == Type::Variant && !self.encoding.is_variant_text => {
                spans.push(b"null");
                column.valid.append(true);
                Ok(())
            }
            _ => Err(Bad::new(Tag::Null, format!("NULL where a {} is needed", column.kind))),
        }
    }

    fn read_number(&mut self, text: &str, column: &mut Column) -> Result<(), Bad> {
        match &mut column.values {
            Values::Date(values) if self.encoding.date == DateForm::Days => {
                let days = text.parse().ok().filter(|days| (DAYS_MIN..=DAYS_MAX).contains(&i64::from(*days)));
                values.push(days.ok_or_else(|| out_of_range(text, &column.kind))?);
            }
            Values::Time(values) if self.encoding.time != TimeForm::Text => {
                let unit = if self.encoding.time == TimeForm::Micros { 1_000 } else { 1_000_000 };
                let nanos = text.parse::<i64>().ok().and_then(|count| count.checked_mul(unit));
                let nanos = nanos.filter(|nanos| (0..DAY_NANOS).contains(nanos));
                values.push(nanos.ok_or_else(|| out_of_range(text, &column.kind))?);
            }
            Values::Timestamp(values) if self.encoding.timestamp == TimestampForm::Millis => {
                values.push(read_millis(text).ok_or_else(|| out_of_range(text, &column.kind))?);
            }
            Values::TimestampTz(values) if self.encoding.zoned == TimestampForm::Millis => {
                values.push(read_millis(text).ok_or_else(|| out_of_range(text, &column.kind))?);
            }
            Values::Date(_)
            | Values::Time(_)
            | Values::Timestamp(_)
            | Values::TimestampTz(_)
            | Values::Text(_)
            | Values::Binary(_)
            | Values::Boolean(_) => return Err(unexpected(&column.kind, "a number")),
            _ => return read_digits(text, column),
        }
        column.valid.append(true);
        Ok(())
    }

    fn read_text(&mut self, text: &str, column: &mut Column) -> Result<(), Bad> {
        let is_right_form = match &column.values {
            Values::Date(_) => self.encoding.date == DateForm::Text,
            Values::Time(_) => self.encoding.time == TimeForm::Text,
            Values::Timestamp(_) => self.encoding.timestamp != TimestampForm::Millis,
            Values::TimestampTz(_) => self.encoding.zoned != TimestampForm::Millis,
            Values::Binary(_) => self.encoding.bytes != BytesForm::Numbers,
            Values::Text(_) | Values::Decimal(..) => true,
            Values::Real(_) => float::read_name::<f32>(text).is_some(),
            Values::Double(_) => float::read_name::<f64>(text).is_some(),
            _ => false,
        };
        if !is_right_form {
            return Err(unexpected(&column.kind, "a text"));
        }
        read_text_value(text, self.encoding.bytes, column)
    }

    fn read_variant(&mut self, cursor: &mut Cursor<'_>, column: &mut Column) -> Result<(), Bad> {
        let Values::Text(spans) = &mut column.values else { return Err(unexpected(&column.kind, "a VARIANT")) };
        let mut scratch = std::mem::take(&mut self.scratch);
        let found = if self.encoding.is_variant_text {
            match cursor.peek() {
                Token::Text => cursor.text(&mut scratch).map(canonical_variant),
                token => Err(unexpected(&Type::Variant, token.name())
                    .suggest("in this flavor a VARIANT is a text that holds JSON")),
            }
        } else {
            Ok(canonical_variant(cursor.raw()))
        };
        self.scratch = scratch;
        let text = found?.ok_or_else(|| Bad::value("the value of a VARIANT is no JSON that can be kept"))?;
        spans.push(text.as_bytes());
        Ok(())
    }

    fn read_row(&mut self, cursor: &mut Cursor<'_>, names: &Names, fields: &mut [Column]) -> Result<(), Bad> {
        let rows = fields.iter().map(Column::len).min().unwrap_or(0);
        cursor.open();
        let mut guess = 0;
        while cursor.next() {
            let mut scratch = std::mem::take(&mut self.scratch);
            let found = cursor.key(&mut scratch).map(|name| names.find(name, guess));
            self.scratch = scratch;
            let Some(at) = found? else {
                cursor.raw();
                continue;
            };
            guess = at + 1;
            if fields[at].len() > rows {
                // A name that comes again counts as it is last.
                fields[at].truncate(rows);
            }
            self.read(cursor, &mut fields[at]).map_err(|bad| inside(bad, &names.all()[at]))?;
        }
        for (field, name) in fields.iter_mut().zip(names.all()) {
            if field.len() == rows {
                if !field.is_nullable {
                    return Err(Bad::new(Tag::Null, format!("the field '{name}' is missing")));
                }
                self.spend(field.width())?;
                field.push_null();
            }
        }
        Ok(())
    }

    fn read_map(
        &mut self,
        cursor: &mut Cursor<'_>,
        ends: &mut Ends,
        keys: &mut Column,
        values: &mut Column,
    ) -> Result<(), Bad> {
        let start = keys.len();
        let mut entries: Vec<(String, &str)> = Vec::new();
        cursor.open();
        while cursor.next() {
            self.spend(1)?;
            let key = cursor.key(&mut self.scratch)?.to_owned();
            self.read_key(&key, keys)?;
            entries.push((key, cursor.raw()));
        }
        let order = key_order(keys, start..keys.len());
        if !order.iter().copied().eq(0..entries.len()) {
            keys.truncate(start);
            for at in &order {
                self.read_key(&entries[*at].0, keys)?;
            }
        }
        for at in order {
            let (key, raw) = &entries[at];
            self.read(&mut Cursor::new(raw), values).map_err(|bad| inside(bad, key))?;
        }
        ends.0.push(keys.len());
        Ok(())
    }

    /// Reads the key of a map: a text where the flavor has texts for its type, else JSON in a text.
    fn read_key(&mut self, key: &str, keys: &mut Column) -> Result<(), Bad> {
        if self.encoding.is_text(&keys.kind) {
            return self.read_text(key, keys);
        }
        if !is_value(key) {
            return Err(Bad::value(format!("the key {} is no {}", quoted(key), keys.kind)));
        }
        if Cursor::new(key).peek() == Token::Null && keys.kind != Type::Variant {
            return Err(Bad::new(Tag::Null, "the key of a map is never NULL"));
        }
        self.read(&mut Cursor::new(key), keys)
    }
}

/// The entries in the order of their keys; of equal keys the last one.
fn key_order(keys: &Column, range: Range<usize>) -> Vec<usize> {
    let start = range.start;
    let mut order: Vec<usize> = (0..range.len()).collect();
    order.sort_by(|a, b| keys.compare(start + a, start + b).then(b.cmp(a)));
    order.dedup_by(|later, kept| keys.compare(start + *later, start + *kept).is_eq());
    order
}

/// Reads a value of a type that is written as text or as digits, as CSV has it. Not for texts themselves that are `VARIANT`.
pub(crate) fn read_text_value(text: &str, form: BytesForm, column: &mut Column) -> Result<(), Bad> {
    let kind = &column.kind;
    let wrong = || Bad::value(format!("{} is no {kind}", quoted(text)));
    match &mut column.values {
        Values::Text(spans) if *kind == Type::Uuid => {
            spans.push(&uuid::read_uuid(text).ok_or_else(wrong)?);
        }
        Values::Text(spans) if *kind == Type::Variant => {
            spans.push(canonical_variant(text).ok_or_else(wrong)?.as_bytes());
        }
        Values::Text(spans) => spans.push(text.as_bytes()),
        Values::Boolean(values) => match text {
            _ if text.eq_ignore_ascii_case("true") => values.append(true),
            _ if text.eq_ignore_ascii_case("false") => values.append(false),
            _ => return Err(wrong()),
        },
        Values::Date(values) => values.push(read_date(text).ok_or_else(wrong)?),
        Values::Time(values) => values.push(read_time(text).ok_or_else(wrong)?),
        Values::Timestamp(values) | Values::TimestampTz(values) => {
            values.push(read_timestamp(text).filter(|micros| is_micros_in_range(*micros)).ok_or_else(wrong)?);
        }
        Values::Binary(spans) => {
            let found = match form {
                BytesForm::Base58 => bytes::read_base58(text),
                BytesForm::PostgresHex => bytes::read_hex(text.strip_prefix("\\x").unwrap_or(text)),
                BytesForm::Hex | BytesForm::Numbers => bytes::read_hex(text.strip_prefix("0x").unwrap_or(text)),
            };
            spans.push(&found.ok_or_else(wrong)?);
        }
        Values::Real(values) if float::read_name::<f32>(text).is_some() => {
            values.extend(float::read_name::<f32>(text));
        }
        Values::Double(values) if float::read_name::<f64>(text).is_some() => {
            values.extend(float::read_name::<f64>(text));
        }
        _ => return read_digits(text, column),
    }
    column.valid.append(true);
    Ok(())
}

/// Reads a number.
fn read_digits(text: &str, column: &mut Column) -> Result<(), Bad> {
    let kind = &column.kind;
    let wrong = || out_of_range(text, kind);
    match &mut column.values {
        Values::Int8(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::Int16(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::Int32(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::Int64(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::UInt8(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::UInt16(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::UInt32(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::UInt64(values) => values.push(text.parse().map_err(|_| wrong())?),
        Values::Decimal(values, precision, scale) => match read_decimal(text, *precision, *scale) {
            Ok(value) => values.push(value),
            Err(NoDecimal::TooLarge) => return Err(Bad::value(format!("{} does not fit {kind}", quoted(text)))),
            Err(NoDecimal::Malformed) => return Err(wrong()),
        },
        Values::Real(values) => values.push(float::read_digits(text).ok_or_else(wrong)?),
        Values::Double(values) => values.push(float::read_digits(text).ok_or_else(wrong)?),
        _ => return Err(unexpected(kind, "a number")),
    }
    column.valid.append(true);
    Ok(())
}

fn read_millis(text: &str) -> Option<i64> {
    let micros = text.parse::<i64>().ok()?.checked_mul(1000)?;
    is_micros_in_range(micros).then_some(micros)
}

fn out_of_range(text: &str, kind: &Type) -> Bad {
    Bad::value(format!("{} is no {kind}", quoted(text)))
}

fn unexpected(kind: &Type, found: &str) -> Bad {
    Bad::value(format!("a {kind} is expected, not {found}"))
}

/// What is wrong with a part of a value.
fn inside(mut bad: Bad, part: &str) -> Bad {
    // Deep paths are not worth long messages.
    if bad.description.len() < 500 {
        bad.description = format!("in {}: {}", quoted(part), bad.description);
    }
    bad
}

/// The beginning of a text, between quotes.
pub(crate) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("'{}…'", &text[..end]),
        None => format!("'{text}'"),
    }
}
