//! Adding and dropping columns.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{AddColumn, ColumnAddRequested, ColumnDropped, DropColumn, TableEvent};
use crate::model::problem;
use crate::model::table::{Change, Pending, Table, canonical};

impl Decide<Table> for AddColumn {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        if let Some(there) = state.column(&self.column.name) {
            return Err(problem::column_exists(&there.name));
        }
        let column = canonical(&self.column)?;
        // With `backfill` and without a default only an empty table will do: that is for the fold to see.
        if !column.nullable && !self.backfill {
            return Err(problem::add_column_not_null());
        }
        if state.columns.len() >= alluvium_tablestore::column::COLUMNS_MAX {
            let detail = format!("A table has at most {} columns.", alluvium_tablestore::column::COLUMNS_MAX);
            return Err(problem::invalid("too_many_columns", detail));
        }
        Ok(vec![ColumnAddRequested { request: at.command_id.clone(), column }.into()])
    }
}

impl Decide<Table> for DropColumn {
    type Event = TableEvent;

    fn decide(self, state: &Table, _: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        let column =
            state.column(&self.column).ok_or_else(|| problem::column_not_found(404, &self.column))?.name.clone();
        if state.columns.len() == 1 {
            let detail = format!("Column {column} is the table's last one; drop the table instead.");
            return Err(problem::invalid("cannot_drop_last_column", detail));
        }
        if state.in_primary_key(&column) {
            let detail = format!("Column {column} is part of the primary key; drop the key first.");
            return Err(problem::invalid("column_in_primary_key", detail));
        }
        Ok(vec![ColumnDropped { column }.into()])
    }
}

impl Evolve<Table> for ColumnAddRequested {
    fn evolve(self, state: &mut Table) {
        state.pending = Some(Pending { request: self.request, change: Change::AddColumn(self.column) });
    }
}

impl Evolve<Table> for ColumnDropped {
    fn evolve(self, state: &mut Table) {
        state.columns.retain(|column| column.name != self.column);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, opened};
    use super::*;
    use crate::contract::{ColumnSpec, TableClosed};
    use crate::model::spec::{given, nothing, refused};

    fn add(column: ColumnSpec, backfill: bool) -> AddColumn {
        AddColumn {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            column,
            backfill,
        }
    }

    fn drop(column: &str) -> DropColumn {
        DropColumn {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            column: column.into(),
        }
    }

    #[test]
    fn a_column_is_requested_in_canonical_form() {
        let event = ColumnAddRequested { request: "cmd".into(), column: column("flag", "BOOLEAN") };
        given::<Table>(vec![opened()])
            .when(add(column("flag", "bool"), false).into())
            .then_expect_events(vec![event.into()]);
        let required = ColumnSpec { nullable: false, ..column("flag", "BOOLEAN") };
        let event = ColumnAddRequested { request: "cmd".into(), column: required.clone() };
        given::<Table>(vec![opened()]).when(add(required, true).into()).then_expect_events(vec![event.into()]);
    }

    #[test]
    fn an_impossible_column_is_refused() {
        let when = |before: Vec<TableEvent>, column, backfill| {
            given::<Table>(before).when(add(column, backfill).into()).inspect_result()
        };
        refused(when(vec![opened()], column("ID", "NOPE"), false), 409, "storage.column_exists");
        refused(when(vec![opened()], column("x", "NOPE"), false), 400, "storage.invalid_column_type");
        refused(when(vec![opened()], column("x\n", "DATE"), false), 400, "storage.invalid_name");
        let required = || ColumnSpec { nullable: false, ..column("x", "DATE") };
        let pinned = refused(when(vec![opened()], required(), false), 500, "storage.add_column_failed");
        assert!(pinned.detail.contains("not yet supported") && !pinned.is_transient());
        let closed = TableClosed { uid: "t1".into() }.into();
        refused(when(vec![opened(), closed], column("x", "DATE"), false), 404, "storage.table_not_found");
        refused(when(nothing(), column("x", "DATE"), false), 404, "storage.table_not_found");
    }

    #[test]
    fn while_the_rows_are_asked_everything_else_waits() {
        let asked = ColumnAddRequested { request: "r".into(), column: column("x", "DATE") };
        let before = || vec![opened(), asked.clone().into()];
        let add = given::<Table>(before()).when(add(column("y", "DATE"), false).into()).inspect_result();
        assert!(refused(add, 503, "storage.table_busy").is_transient());
        refused(given::<Table>(before()).when(drop("note").into()).inspect_result(), 503, "storage.table_busy");
    }

    #[test]
    fn a_column_is_dropped_unless_the_table_needs_it() {
        let when = |before, column: &str| given::<Table>(before).when(drop(column).into()).inspect_result();
        let dropped = ColumnDropped { column: "note".into() };
        given::<Table>(vec![opened()]).when(drop("NOTE").into()).then_expect_events(vec![dropped.clone().into()]);
        refused(when(vec![opened()], "x"), 404, "storage.column_not_found");
        refused(when(vec![opened()], "id"), 400, "storage.column_in_primary_key");
        refused(when(vec![opened(), dropped.into()], "id"), 400, "storage.cannot_drop_last_column");
    }
}
