//! Giving a table a primary key, and taking it away.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{DropPrimaryKey, PrimaryKeyDropped, PrimaryKeyRequested, SetPrimaryKey, TableEvent};
use crate::model::problem;
use crate::model::table::{Change, Pending, Table};

impl Decide<Table> for SetPrimaryKey {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        let mut columns: Vec<String> = Vec::with_capacity(self.columns.len());
        for name in &self.columns {
            let column = state.column(name).ok_or_else(|| problem::column_not_found(400, name))?;
            if columns.contains(&column.name) {
                return Err(problem::invalid("invalid_primary_key", format!("Column {name} is named twice.")));
            }
            columns.push(column.name.clone());
        }
        if columns.is_empty() {
            return Err(problem::invalid("invalid_primary_key", "A primary key has at least one column."));
        }
        if !state.primary_key.is_empty() {
            return Err(problem::primary_key_exists(&state.primary_key));
        }
        Ok(vec![PrimaryKeyRequested { request: at.command_id.clone(), columns }.into()])
    }
}

impl Decide<Table> for DropPrimaryKey {
    type Event = TableEvent;

    fn decide(self, state: &Table, _: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        if state.primary_key.is_empty() {
            return Err(problem::invalid("no_primary_key", "The table has no primary key."));
        }
        Ok(vec![PrimaryKeyDropped { columns: state.primary_key.clone() }.into()])
    }
}

impl Evolve<Table> for PrimaryKeyRequested {
    fn evolve(self, state: &mut Table) {
        state.pending = Some(Pending { request: self.request, change: Change::PrimaryKey(self.columns) });
    }
}

impl Evolve<Table> for PrimaryKeyDropped {
    fn evolve(self, state: &mut Table) {
        state.primary_key.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::opened;
    use super::*;
    use crate::model::spec::{given, refused};

    fn set(columns: &[&str]) -> SetPrimaryKey {
        let columns = columns.iter().map(|&name| name.into()).collect();
        SetPrimaryKey {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            columns,
        }
    }

    fn drop() -> DropPrimaryKey {
        DropPrimaryKey {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
        }
    }

    fn dropped() -> TableEvent {
        PrimaryKeyDropped { columns: vec!["id".into()] }.into()
    }

    #[test]
    fn a_key_is_requested_in_the_columns_spelling() {
        let event = PrimaryKeyRequested { request: "cmd".into(), columns: vec!["note".into(), "id".into()] };
        given::<Table>(vec![opened(), dropped()])
            .when(set(&["NOTE", "id"]).into())
            .then_expect_events(vec![event.into()]);
    }

    #[test]
    fn a_key_needs_known_columns_and_no_other_key() {
        let when = |before, columns: &[&str]| given::<Table>(before).when(set(columns).into()).inspect_result();
        refused(when(vec![opened()], &["x"]), 400, "storage.column_not_found");
        refused(when(vec![opened()], &["id", "ID"]), 400, "storage.invalid_primary_key");
        refused(when(vec![opened()], &[]), 400, "storage.invalid_primary_key");
        refused(when(vec![opened()], &["note"]), 409, "storage.primary_key_exists");
    }

    #[test]
    fn a_key_is_dropped_once_and_its_columns_stay_not_null() {
        given::<Table>(vec![opened()]).when(drop().into()).then_expect_events(vec![dropped()]);
        let again = given::<Table>(vec![opened(), dropped()]).when(drop().into()).inspect_result();
        refused(again, 400, "storage.no_primary_key");
        let mut table = Table::default();
        cqrs_es::Aggregate::apply(&mut table, opened());
        cqrs_es::Aggregate::apply(&mut table, dropped());
        assert!(table.primary_key.is_empty() && !table.columns[0].nullable);
    }
}
