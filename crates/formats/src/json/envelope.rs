//! What is done with rows: the envelopes around them.

use super::cursor::{Cursor, Token};
use super::row::Rows;
use crate::change::ChangeKind;
use crate::config::InputUpdate;
use crate::error::{Bad, Tag};

/// How often one record may put in or take out its row.
pub const WEIGHT_MAX: u64 = 100_000;
/// How many bytes the rows of one record may have, repetitions counted.
const REPEATED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Applies one record. When it fails, the sink has to go back to where it was.
pub(crate) fn apply(rows: &mut Rows, format: InputUpdate, written: &str) -> Result<(), Bad> {
    rows.begin_record();
    match format {
        InputUpdate::Raw => rows.add(ChangeKind::Insert, written),
        InputUpdate::InsertDelete => insert_delete(rows, written),
        InputUpdate::Debezium => debezium(rows, written),
        InputUpdate::Weighted => weighted(rows, written),
    }
}

/// The values of an object's members, in the order in which the members are named here.
///
/// A member that is null counts as not there if `is_null_nothing`. Others are an error unless `takes_others`.
struct Members<'n, const N: usize> {
    names: [&'n str; N],
    takes_others: bool,
}

impl<const N: usize> Members<'_, N> {
    fn of<'a>(&self, written: &'a str) -> Result<[Option<&'a str>; N], Bad> {
        let mut cursor = Cursor::new(written);
        let token = cursor.peek();
        if token != Token::Object {
            let bad = Bad::new(Tag::Envelope, format!("a record is an object, not {}", token.name()));
            return Err(match token {
                Token::Array => bad.suggest("records in arrays need 'array' set to true"),
                _ => bad,
            });
        }
        let mut found = [None; N];
        let mut scratch = String::new();
        cursor.open();
        while cursor.next() {
            let name = cursor.key(&mut scratch)?;
            let at = self.names.iter().position(|each| *each == name);
            if at.is_none() && !self.takes_others {
                return Err(Bad::new(
                    Tag::Envelope,
                    format!("a record has no member {}; it has {}", super::quoted(name), self.names.join(", ")),
                ));
            }
            let value = cursor.raw();
            if let Some(at) = at {
                found[at] = Some(value);
            }
        }
        Ok(found)
    }
}

fn is_there(value: &&str) -> bool {
    Cursor::new(value).peek() != Token::Null
}

fn insert_delete(rows: &mut Rows, written: &str) -> Result<(), Bad> {
    // `table` is for streams of several tables; which one it is, is known here.
    let members = Members { names: ["delete", "insert", "update", "table"], takes_others: false };
    let [delete, insert, update, _] = members.of(written)?.map(|value| value.filter(is_there));
    if [delete, insert, update].iter().all(Option::is_none) {
        return Err(Bad::new(Tag::Envelope, "a record has one of delete, insert and update, this one has none"));
    }
    let steps = [(ChangeKind::Delete, delete), (ChangeKind::Insert, insert), (ChangeKind::Update, update)];
    for (kind, row) in steps {
        if let Some(row) = row {
            rows.add(kind, row)?;
        }
    }
    Ok(())
}

fn debezium(rows: &mut Rows, written: &str) -> Result<(), Bad> {
    if Cursor::new(written).peek() == Token::Null {
        // A tombstone: it tells the log, not the table, that a key is gone.
        return Ok(());
    }
    let [payload] = Members { names: ["payload"], takes_others: true }.of(written)?;
    // Converters without schemas leave the outer object away.
    let payload = payload.unwrap_or(written);
    if !is_there(&payload) {
        return Ok(());
    }
    let [before, after] = Members { names: ["before", "after"], takes_others: true }.of(payload)?;
    if before.is_none() && after.is_none() {
        return Err(Bad::new(Tag::Envelope, "a payload has before or after, this one has neither"));
    }
    let (before, after) = (before.filter(is_there), after.filter(is_there));
    if let Some(row) = before {
        // The row that comes takes the place of the one with its key anyway; rows of one kind stay together.
        let is_replaced = after.is_some_and(|after| rows.has_same_key(row, after));
        if !is_replaced {
            rows.add(ChangeKind::Delete, row)?;
        }
    }
    if let Some(row) = after {
        rows.add(ChangeKind::Insert, row)?;
    }
    Ok(())
}

fn weighted(rows: &mut Rows, written: &str) -> Result<(), Bad> {
    let [weight, row] = Members { names: ["weight", "data"], takes_others: false }.of(written)?;
    let missing = |name: &str| Bad::new(Tag::Envelope, format!("a record has weight and data, this one has no {name}"));
    let (weight, row) = (weight.ok_or_else(|| missing("weight"))?, row.ok_or_else(|| missing("data"))?);
    let number: i64 = weight
        .parse()
        .map_err(|_| Bad::new(Tag::Envelope, format!("a weight is a whole number, not {}", super::quoted(weight))))?;
    let times = number.unsigned_abs();
    if times > WEIGHT_MAX || row.len().saturating_mul(times as usize) > REPEATED_BYTES_MAX {
        return Err(Bad::new(
            Tag::Limit,
            format!("a row is there at most {WEIGHT_MAX} times in one record, and {REPEATED_BYTES_MAX} bytes in all"),
        ));
    }
    let kind = if number < 0 { ChangeKind::Delete } else { ChangeKind::Insert };
    if times == 0 {
        // A row that does not count has to be one nevertheless.
        let mark = rows.sink.mark();
        rows.add(kind, row)?;
        rows.sink.go_back(mark);
    }
    for _ in 0..times {
        rows.add(kind, row)?;
    }
    Ok(())
}
