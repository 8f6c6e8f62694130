//! What changes of a table come to: its rows' differences, and the rows that it does not take.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;

use super::changes::{Change, ChangeKind, RejectedRows};
use super::tables::{Keeping, Resolved, TableState};
use super::zset::{RowBytes, Zset};
use crate::functions::{Outcome, failure};

/// The rows of touched keys after the changes so far.
type Touched = BTreeMap<RowBytes, Option<RowBytes>>;

/// Rows that are not taken.
#[derive(Default)]
struct Refused {
    rejected: Vec<RejectedRows>,
    late: Vec<RejectedRows>,
}

impl TableState {
    /// What the pending changes come to, nothing changed yet.
    pub(super) fn resolve(&self) -> Outcome<Resolved> {
        let mut refused = Refused::default();
        let resolved = match self.keeping {
            Keeping::Last => self.resolve_last(&mut refused),
            Keeping::None => self.resolve_passing(&mut refused),
            Keeping::All if self.table.key.is_empty() => self.resolve_counts(&mut refused),
            Keeping::All => self.resolve_keys(&mut refused),
        }?;
        let marks = self.gate.as_ref().map(|gate| gate.marks_after(&resolved.delta)).transpose()?;
        Ok(Resolved { rejected: refused.rejected, late: refused.late, marks, ..resolved })
    }

    fn reject(&self, refused: &mut Refused, rows: Zset, reason: &str) {
        if !rows.is_empty() {
            refused.rejected.push(RejectedRows { table: self.table.name.clone(), reason: reason.to_owned(), rows });
        }
    }

    /// The time: the last one that was pushed takes the place of the one before.
    fn resolve_last(&self, refused: &mut Refused) -> Outcome<Resolved> {
        let before = self.counts.keys().next().cloned();
        let mut after = before.clone();
        for change in self.pending.iter().filter(|change| change.kind == ChangeKind::Insert) {
            let rows = self.ordered(change)?;
            for (at, row) in self.codec.encode(&rows, change.batch.num_rows())?.into_iter().enumerate() {
                if after.as_ref().is_some_and(|after| row < *after) {
                    let back = Zset { batch: change.batch.slice(at, 1), weights: vec![1] };
                    self.reject(refused, back, "the time does not go back");
                } else {
                    after = Some(row);
                }
            }
        }
        let mut counts = BTreeMap::new();
        if before != after {
            counts.extend(before.map(|row| (row, -1)));
            counts.extend(after.map(|row| (row, 1)));
        }
        let delta = self.codec.decode(counts.iter().map(|(row, weight)| (row, *weight)))?;
        Ok(Resolved { counts, ..Resolved::new(delta) })
    }

    /// Rows that are not kept cannot be taken out again.
    fn resolve_passing(&self, refused: &mut Refused) -> Outcome<Resolved> {
        let mut parts = Vec::with_capacity(self.pending.len());
        for change in &self.pending {
            let rows = Zset { batch: change.batch.clone(), weights: vec![1; change.batch.num_rows()] };
            if change.kind == ChangeKind::Insert {
                parts.push(Zset::new(&self.schema, self.ordered(change)?, rows.weights)?);
            } else {
                self.reject(refused, rows, "rows of this relation are not kept, so none can be deleted");
            }
        }
        Ok(Resolved::new(self.codec.consolidate(&Zset::concat(&self.schema, &parts)?)?))
    }

    fn resolve_counts(&self, refused: &mut Refused) -> Outcome<Resolved> {
        let mut net: BTreeMap<RowBytes, i64> = BTreeMap::new();
        for change in &self.pending {
            let Some(change) = self.admitted(change, refused)? else { continue };
            let sign = if change.kind == ChangeKind::Insert { 1 } else { -1 };
            for row in self.codec.encode(&self.ordered(&change)?, change.batch.num_rows())? {
                *net.entry(row).or_default() += sign;
            }
        }
        // Deletes of rows that are not there are refused; inside the step they may have been there for a while.
        let mut missing: BTreeMap<RowBytes, i64> = BTreeMap::new();
        for (row, net) in &mut net {
            let after = self.counts.get(row).copied().unwrap_or(0) + *net;
            if after < 0 {
                missing.insert(row.clone(), -after);
                *net -= after;
            }
        }
        net.retain(|_, net| *net != 0);
        let rows = self.codec.decode(missing.iter().map(|(row, count)| (row, *count)))?;
        self.reject(refused, rows, "a row that is not there cannot be deleted");
        let delta = self.codec.decode(net.iter().map(|(row, net)| (row, *net)))?;
        Ok(Resolved { counts: net, ..Resolved::new(delta) })
    }

    /// The columns of a change in the table's order; all of them are there.
    fn ordered(&self, change: &Change) -> Outcome<Vec<ArrayRef>> {
        (0..self.table.columns.len()).map(|at| column(change, at)).collect()
    }

    /// The rows of a change that the table's promises let in.
    fn admitted(&self, change: &Change, refused: &mut Refused) -> Outcome<Option<Change>> {
        let rows = change.batch.num_rows();
        if self.is_append_only && change.kind != ChangeKind::Insert {
            let rows = Zset { batch: change.batch.clone(), weights: vec![1; rows] };
            self.reject(refused, rows, "rows of an append-only table stay as they are");
            return Ok(None);
        }
        let is_whole = change.kind == ChangeKind::Insert || self.table.key.is_empty();
        let Some(gate) = self.gate.as_ref().filter(|_| is_whole) else { return Ok(Some(change.clone())) };
        let all = Zset::new(&self.schema, self.ordered(change)?, vec![1; rows])?;
        let (kept, late) = gate.parted(&self.table.name, &all)?;
        refused.late.extend(late);
        let columns = (0..self.table.columns.len()).collect();
        Ok((!kept.is_empty()).then_some(Change { kind: change.kind, batch: kept.batch, columns }))
    }

    fn resolve_keys(&self, refused: &mut Refused) -> Outcome<Resolved> {
        let mut touched = Touched::new();
        for change in &self.pending {
            let Some(change) = self.admitted(change, refused)? else { continue };
            let rows = change.batch.num_rows();
            let key_columns = self.table.key.iter().map(|at| column(&change, *at)).collect::<Outcome<Vec<_>>>()?;
            let keys = self.key_codec.encode(&key_columns, rows)?;
            let (change, keys) = self.unsettled(change, keys, &touched, refused)?;
            match change.kind {
                ChangeKind::Insert => {
                    let values = self.codec.encode(&self.ordered(&change)?, change.batch.num_rows())?;
                    touched.extend(keys.into_iter().zip(values.into_iter().map(Some)));
                }
                ChangeKind::Delete => touched.extend(keys.into_iter().map(|key| (key, None))),
                ChangeKind::Update => self.update(&change, keys, &mut touched, refused)?,
            }
        }
        let mut parts: Vec<(RowBytes, i64)> = Vec::new();
        for (key, after) in &touched {
            let before = self.by_key.get(key);
            if before == after.as_ref() {
                continue;
            }
            parts.extend(before.map(|row| (row.clone(), -1)));
            parts.extend(after.clone().map(|row| (row, 1)));
        }
        let delta = self.codec.decode(parts.iter().map(|(row, weight)| (row, *weight)))?;
        Ok(Resolved { keys: touched, ..Resolved::new(self.codec.consolidate(&delta)?) })
    }

    /// The part of a change that does not touch rows that may not change any more: old ones that are late themselves, and all of a
    /// table to which rows are only added.
    fn unsettled(
        &self,
        change: Change,
        keys: Vec<RowBytes>,
        touched: &Touched,
        refused: &mut Refused,
    ) -> Outcome<(Change, Vec<RowBytes>)> {
        if self.gate.is_none() && !self.is_append_only {
            return Ok((change, keys));
        }
        let found: Vec<(u32, &RowBytes)> = keys
            .iter()
            .enumerate()
            .filter(|(_, key)| !touched.contains_key(*key))
            .filter_map(|(at, key)| self.by_key.get(key).map(|row| (at as u32, row)))
            .collect();
        let mut is_settled = vec![false; keys.len()];
        if self.is_append_only {
            let new = self.codec.encode(&self.ordered(&change)?, keys.len())?;
            let other: Vec<u32> =
                found.iter().filter(|(at, row)| new[*at as usize] != **row).map(|(at, _)| *at).collect();
            other.iter().for_each(|at| is_settled[*at as usize] = true);
            let batch = crate::circuit::taken(&change.batch, &other)?;
            let reason = "rows of an append-only table stay as they are";
            self.reject(refused, Zset { weights: vec![1; other.len()], batch }, reason);
        }
        if let Some(gate) = &self.gate {
            let old = self.codec.decode(found.iter().map(|(_, row)| (*row, 1)))?;
            for ((at, _), late) in found.iter().zip(gate.late(&old)?) {
                is_settled[*at as usize] |= late.is_some();
            }
            refused.late.extend(gate.parted(&self.table.name, &old)?.1);
        }
        let kept: Vec<u32> = (0..keys.len() as u32).filter(|at| !is_settled[*at as usize]).collect();
        let batch = crate::circuit::taken(&change.batch, &kept)?;
        let keys = keys.into_iter().zip(is_settled).filter(|(_, is_settled)| !is_settled).map(|(key, _)| key).collect();
        Ok((Change { batch, ..change }, keys))
    }

    /// Sets some columns of the rows that are there.
    fn update(
        &self,
        change: &Change,
        keys: Vec<RowBytes>,
        touched: &mut Touched,
        refused: &mut Refused,
    ) -> Outcome<()> {
        // Two updates of one key in a batch count one after the other, so each row is taken on its own then.
        let distinct = keys.iter().collect::<std::collections::BTreeSet<_>>().len() == keys.len();
        if !distinct {
            for (at, key) in keys.into_iter().enumerate() {
                let one = Change { batch: change.batch.slice(at, 1), ..change.clone() };
                self.update(&one, vec![key], touched, refused)?;
            }
            return Ok(());
        }
        let current = |key: &RowBytes| touched.get(key).cloned().unwrap_or_else(|| self.by_key.get(key).cloned());
        let found: Vec<(u32, RowBytes, RowBytes)> = keys
            .into_iter()
            .enumerate()
            .filter_map(|(at, key)| current(&key).map(|row| (at as u32, key, row)))
            .collect();
        let old = self.codec.decode(found.iter().map(|(_, _, row)| (row, 1)))?;
        let rows: Vec<u32> = found.iter().map(|(at, ..)| *at).collect();
        let new = crate::circuit::taken(&change.batch, &rows)?;
        let columns: Vec<ArrayRef> = (0..self.table.columns.len())
            .map(|at| match change.columns.iter().position(|column| *column == at) {
                Some(given) => ArrayRef::clone(new.column(given)),
                None => ArrayRef::clone(old.batch.column(at)),
            })
            .collect();
        let changed = Zset::new(&self.schema, columns, vec![1; found.len()])?;
        let values = self.codec.encode(changed.batch.columns(), found.len())?;
        let mut late = vec![None; found.len()];
        if let Some(gate) = &self.gate {
            late = gate.late(&changed)?;
            refused.late.extend(gate.parted(&self.table.name, &changed)?.1);
        }
        let taken = found.into_iter().zip(values).zip(late).filter(|(_, late)| late.is_none());
        touched.extend(taken.map(|(((_, key, _), value), _)| (key, Some(value))));
        Ok(())
    }
}

fn column(change: &Change, at: usize) -> Outcome<ArrayRef> {
    let given = change.columns.iter().position(|column| *column == at);
    given.map(|given| ArrayRef::clone(change.batch.column(given))).ok_or_else(|| failure!("column {at} is missing"))
}
