//! Rows of JSON, objects or arrays, into changes.

use std::sync::Arc;

use arrow::array::Array as _;

use super::cursor::{Cursor, Token};
use super::value::{RECORD_VALUES_MAX, Reading};
use crate::change::ChangeKind;
use crate::column::Column;
use crate::error::{Bad, Tag};
use crate::flavor::Encoding;
use crate::names::Names;
use crate::sink::{Plan, Sink};
use crate::table::InputTable;

/// Reads rows of a table.
pub(crate) struct Rows {
    pub table: Arc<InputTable>,
    pub sink: Sink,
    names: Names,
    reading: Reading,
    /// All columns.
    whole: Plan,
    /// The key alone.
    key: Plan,
    /// The number of the last row in which a column was named.
    given: Vec<u64>,
    row: u64,
    scratch: String,
}

impl Rows {
    pub(crate) fn new(table: Arc<InputTable>, encoding: Encoding) -> Self {
        let columns = table.table().columns.len();
        Self {
            names: Names::new(table.table().columns.iter().map(|column| &column.name)),
            whole: Plan::new(&table, (0..columns).collect()),
            key: Plan::new(&table, table.table().key.clone()),
            given: vec![0; columns],
            row: 0,
            scratch: String::new(),
            sink: Sink::new(),
            reading: Reading::new(encoding),
            table,
        }
    }

    /// Whether the table has a key.
    pub(crate) fn is_keyed(&self) -> bool {
        !self.table.table().key.is_empty()
    }

    /// Says that a new record begins.
    pub(crate) fn begin_record(&mut self) {
        self.reading.budget = RECORD_VALUES_MAX;
    }

    /// Adds a row as it is written. When it fails, the sink has to go back to where it was.
    pub(crate) fn add(&mut self, kind: ChangeKind, written: &str) -> Result<(), Bad> {
        let budget = self.reading.budget;
        match kind {
            ChangeKind::Update => self.update(written)?,
            ChangeKind::Insert => self.row(kind, false, written)?,
            ChangeKind::Delete => self.row(kind, self.is_keyed(), written)?,
        }
        self.sink.added(budget - self.reading.budget, written.len());
        Ok(())
    }

    /// Whether two rows, both objects, have their key written the same.
    pub(crate) fn has_same_key(&self, left: &str, right: &str) -> bool {
        let key = &self.table.table().key;
        let (left, right) = (self.written_key(left), self.written_key(right));
        !key.is_empty() && left.is_some() && left == right
    }

    fn written_key<'a>(&self, written: &'a str) -> Option<Vec<&'a str>> {
        let mut found = vec![None; self.key.columns.len()];
        let mut cursor = Cursor::new(written);
        if cursor.peek() != Token::Object {
            return None;
        }
        cursor.open();
        let mut scratch = String::new();
        let mut guess = 0;
        while cursor.next() {
            let at = self.names.find(cursor.key(&mut scratch).ok()?, guess);
            let value = cursor.raw();
            guess = at.map_or(guess, |at| at + 1);
            if let Some(slot) = at.and_then(|at| self.key.slots[at]) {
                found[slot] = Some(value);
            }
        }
        found.into_iter().collect()
    }

    fn row(&mut self, kind: ChangeKind, key_only: bool, written: &str) -> Result<(), Bad> {
        self.row += 1;
        let plan = if key_only { &self.key } else { &self.whole };
        let run = self.sink.run(self.table.table(), kind, &plan.columns);
        let mut named = Named {
            table: &self.table,
            names: &self.names,
            plan,
            reading: &mut self.reading,
            builders: &mut run.builders,
            rows: run.rows,
            given: &mut self.given,
            row: self.row,
        };
        let mut cursor = Cursor::new(written);
        match cursor.peek() {
            Token::Object => named.object(&mut cursor, &mut self.scratch)?,
            Token::Array => named.array(&mut cursor)?,
            token => return Err(no_row(token)),
        }
        named.fill(!key_only)
    }

    /// Sets the columns that a row names in the row with its key.
    fn update(&mut self, written: &str) -> Result<(), Bad> {
        if !self.is_keyed() {
            return Err(Bad::new(Tag::Envelope, "rows of a table without a primary key cannot be updated")
                .suggest("delete the row and insert the new one, or give the table a primary key"));
        }
        let mut values: Vec<Option<&str>> = vec![None; self.whole.columns.len()];
        let mut cursor = Cursor::new(written);
        match cursor.peek() {
            Token::Object => {
                cursor.open();
                let mut guess = 0;
                while cursor.next() {
                    let found = self.names.find(cursor.key(&mut self.scratch)?, guess);
                    let value = cursor.raw();
                    if let Some(at) = found {
                        values[at] = Some(value);
                        guess = at + 1;
                    }
                }
            }
            Token::Array => {
                cursor.open();
                let mut places = values.iter_mut();
                while cursor.next() {
                    *places.next().ok_or_else(|| too_many(self.whole.columns.len()))? = Some(cursor.raw());
                }
            }
            token => return Err(no_row(token)),
        }
        let table = self.table.table();
        if let Some(column) = table.key.iter().find(|at| values[**at].is_none()).map(|at| &table.columns[*at].name) {
            return Err(Bad::new(Tag::Envelope, format!("an update names its row by the key, '{column}' is missing"))
                .of_field(&column.name));
        }
        let columns: Vec<usize> = (0..values.len()).filter(|at| values[*at].is_some()).collect();
        self.reading.spend(columns.len())?;
        let run = self.sink.run(table, ChangeKind::Update, &columns);
        for ((builder, at), value) in run.builders.iter_mut().zip(&columns).zip(values.into_iter().flatten()) {
            let read = self.reading.read(&mut Cursor::new(value), builder);
            read.map_err(|bad| bad.of_field(&table.columns[*at].name.name))?;
        }
        Ok(())
    }
}

/// Reads one row into the columns of a run.
struct Named<'a> {
    table: &'a InputTable,
    names: &'a Names,
    plan: &'a Plan,
    reading: &'a mut Reading,
    builders: &'a mut [Column],
    /// How many rows the builders have without this one.
    rows: usize,
    given: &'a mut [u64],
    row: u64,
}

impl Named<'_> {
    fn object(&mut self, cursor: &mut Cursor<'_>, scratch: &mut String) -> Result<(), Bad> {
        cursor.open();
        let mut guess = 0;
        while cursor.next() {
            let found = self.names.find(cursor.key(scratch)?, guess);
            match found.and_then(|at| Some((at, self.plan.slots[at]?))) {
                Some((at, slot)) => self.cell(cursor, at, slot)?,
                None => drop(cursor.raw()),
            }
            guess = found.map_or(guess, |at| at + 1);
        }
        Ok(())
    }

    fn array(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Bad> {
        cursor.open();
        let mut at = 0;
        while cursor.next() {
            match self.plan.slots.get(at) {
                None => return Err(too_many(self.plan.slots.len())),
                Some(None) => drop(cursor.raw()),
                Some(Some(slot)) => self.cell(cursor, at, *slot)?,
            }
            at += 1;
        }
        Ok(())
    }

    fn cell(&mut self, cursor: &mut Cursor<'_>, at: usize, slot: usize) -> Result<(), Bad> {
        let builder = &mut self.builders[slot];
        if self.given[at] == self.row {
            // A name that comes again counts as it is last.
            builder.truncate(self.rows);
        }
        self.given[at] = self.row;
        let default = self.table.default_of(at).filter(|_| !builder.is_nullable && cursor.peek() == Token::Null);
        if let Some(default) = default {
            cursor.raw();
            self.reading.spend(1 + default.get_array_memory_size() / 8)?;
            builder.push_arrow(default, 0);
            return Ok(());
        }
        let read = self.reading.read(cursor, builder);
        read.map_err(|bad| bad.of_field(&self.names.all()[at]))
    }

    /// Gives the columns that were not named their values.
    fn fill(&mut self, has_defaults: bool) -> Result<(), Bad> {
        for (builder, at) in self.builders.iter_mut().zip(&self.plan.columns) {
            if self.given[*at] == self.row {
                continue;
            }
            match self.table.default_of(*at).filter(|_| has_defaults) {
                Some(default) => {
                    self.reading.spend(1 + default.get_array_memory_size() / 8)?;
                    builder.push_arrow(default, 0);
                }
                None if builder.is_nullable => {
                    self.reading.spend(builder.width())?;
                    builder.push_null();
                }
                None => {
                    let name = &self.names.all()[*at];
                    return Err(Bad::new(Tag::Null, format!("the column '{name}' is missing")).of_field(name));
                }
            }
        }
        Ok(())
    }
}

fn no_row(token: Token) -> Bad {
    Bad::new(Tag::Envelope, format!("a row is an object or an array, not {}", token.name()))
}

fn too_many(columns: usize) -> Bad {
    Bad::new(Tag::Envelope, format!("a row as an array has more values than the table has columns, {columns}"))
}
