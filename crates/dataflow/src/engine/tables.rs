//! What tables hold, and what changes of them come to.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, SchemaRef};
use std::sync::Arc;

use super::changes::{Change, RejectedRows};
use super::gate::{Gate, Marks};
use super::zset::{Codec, RowBytes, Zset};
use crate::functions::{Outcome, failure};
use crate::program::TableRules;
use alluvium_formats::Table;

/// Bytes that an entry of a map costs beside its key and value, roughly.
pub(super) const ENTRY_BYTES: usize = 48;

/// What becomes of rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// They are kept.
    All,
    /// The last one is kept: it is the time.
    Last,
    /// They are passed on and not kept.
    None,
}

/// The rows of a table.
pub(super) struct TableState {
    pub(super) table: Table,
    pub(super) keeping: Keeping,
    pub(super) is_append_only: bool,
    pub(super) gate: Option<Gate>,
    pub(super) schema: SchemaRef,
    pub(super) codec: Codec,
    pub(super) key_codec: Codec,
    /// With a key: the row of each key. Without: empty.
    pub(super) by_key: BTreeMap<RowBytes, RowBytes>,
    /// Without a key: how often each row is there.
    pub(super) counts: BTreeMap<RowBytes, i64>,
    bytes: usize,
    pub(super) pending: Vec<Change>,
}

/// What pending changes come to.
pub(super) struct Resolved {
    /// How the table's rows change, consolidated.
    pub(super) delta: Zset,
    pub(super) rejected: Vec<RejectedRows>,
    /// Rows that came too late.
    pub(super) late: Vec<RejectedRows>,
    pub(super) marks: Option<Marks>,
    pub(super) keys: BTreeMap<RowBytes, Option<RowBytes>>,
    pub(super) counts: BTreeMap<RowBytes, i64>,
}

impl Resolved {
    pub(super) fn new(delta: Zset) -> Self {
        let (keys, counts) = (BTreeMap::new(), BTreeMap::new());
        Self { delta, rejected: Vec::new(), late: Vec::new(), marks: None, keys, counts }
    }
}

impl TableState {
    pub(super) fn new(table: Table, rules: TableRules, keeping: Keeping, schema: SchemaRef) -> Outcome<Self> {
        let key_fields: Vec<_> = table.key.iter().map(|at| schema.field(*at).clone()).collect();
        Ok(Self {
            codec: Codec::new(&schema)?,
            key_codec: Codec::new(&Arc::new(Schema::new(key_fields)))?,
            schema,
            table,
            keeping,
            is_append_only: rules.is_append_only,
            gate: (!rules.lateness.is_empty()).then(|| Gate::new(rules.lateness)),
            by_key: BTreeMap::new(),
            counts: BTreeMap::new(),
            bytes: 0,
            pending: Vec::new(),
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn snapshot(&self) -> Outcome<Zset> {
        if self.table.key.is_empty() {
            return self.codec.decode(self.counts.iter().map(|(row, count)| (row, *count)));
        }
        let zset = self.codec.decode(self.by_key.values().map(|row| (row, 1)))?;
        self.codec.consolidate(&zset)
    }

    /// What it comes to if these are all rows of the table; there are none so far.
    pub(super) fn loaded(&self, rows: Zset) -> Outcome<Resolved> {
        if let Some(weight) = rows.weights.iter().find(|weight| **weight < 1) {
            return Err(failure!("a row is there {weight} times"));
        }
        let own = self.codec.encode(rows.batch.columns(), rows.len())?;
        let (mut keys, mut counts) = (BTreeMap::new(), BTreeMap::new());
        if self.table.key.is_empty() {
            for (row, weight) in own.into_iter().zip(&rows.weights) {
                let count: &mut i64 = counts.entry(row).or_default();
                *count = count.checked_add(*weight).ok_or_else(|| failure!("a row is there too often"))?;
            }
        } else {
            let columns: Vec<ArrayRef> = self.table.key.iter().map(|at| Arc::clone(rows.batch.column(*at))).collect();
            let found = self.key_codec.encode(&columns, rows.len())?;
            for ((key, row), weight) in found.into_iter().zip(own).zip(&rows.weights) {
                if *weight != 1 || keys.insert(key, Some(row)).is_some() {
                    return Err(failure!("a key is there more than once"));
                }
            }
        }
        if self.keeping == Keeping::None
            || (self.keeping == Keeping::Last && (counts.len() > 1 || counts.values().any(|count| *count > 1)))
        {
            return Err(failure!("more rows are there than the table keeps"));
        }
        let delta = Zset::new(&self.schema, rows.batch.columns().to_vec(), rows.weights)?;
        let marks = self.gate.as_ref().map(|gate| gate.marks_after(&delta)).transpose()?;
        Ok(Resolved { marks, keys, counts, ..Resolved::new(delta) })
    }

    /// How many bytes more it keeps once what was resolved is made so.
    pub(super) fn growth(&self, resolved: &Resolved) -> isize {
        let mut growth = 0_isize;
        for (row, net) in &resolved.counts {
            let length = (row.len() + ENTRY_BYTES) as isize;
            let before = self.counts.get(row).copied().unwrap_or(0);
            growth += length * (isize::from(before + net != 0) - isize::from(before != 0));
        }
        for (key, after) in &resolved.keys {
            let key_length = (key.len() + ENTRY_BYTES) as isize;
            let bytes = |row: Option<&RowBytes>| row.map_or(0, |row| row.len() as isize + key_length);
            growth += bytes(after.as_ref()) - bytes(self.by_key.get(key));
        }
        growth
    }

    /// Makes what was resolved so.
    pub(super) fn commit(&mut self, resolved: Resolved) {
        self.pending.clear();
        if let (Some(gate), Some(marks)) = (&mut self.gate, resolved.marks) {
            gate.marks = marks;
        }
        for (row, net) in resolved.counts {
            let length = row.len() + ENTRY_BYTES;
            let count = self.counts.entry(row.clone()).or_insert_with(|| {
                self.bytes += length;
                0
            });
            *count += net;
            if *count == 0 {
                self.counts.remove(&row);
                self.bytes -= length;
            }
        }
        for (key, after) in resolved.keys {
            let key_length = key.len() + ENTRY_BYTES;
            let before = match after {
                Some(row) => {
                    self.bytes += row.len() + key_length;
                    self.by_key.insert(key, row)
                }
                None => self.by_key.remove(&key),
            };
            if let Some(before) = before {
                self.bytes -= before.len() + key_length;
            }
        }
    }
}
