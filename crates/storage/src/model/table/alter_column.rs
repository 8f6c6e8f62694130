//! Changing a column: name, type, nullability, default; one change for the rows to accept or refuse as a whole.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use alluvium_tablestore::column::{ColumnType, DefaultExpr, valid_column_name};

use crate::contract::{AlterColumn, ColumnAlterRequested, ColumnSpec, TableEvent};
use crate::model::problem;
use crate::model::table::{Change, Pending, Table};

impl Decide<Table> for AlterColumn {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        let now = state.column(&self.column).ok_or_else(|| problem::column_not_found(404, &self.column))?;
        let asks = self.new_name.is_some()
            || self.new_type.is_some()
            || self.set_not_null.is_some()
            || self.set_default.is_some();
        if !asks {
            return Err(problem::invalid("no_changes_specified", "Say what is to change about the column."));
        }
        let wanted = ColumnAlterRequested {
            request: at.command_id.clone(),
            column: now.name.clone(),
            new_name: new_name(self.new_name, now, state)?,
            new_type: new_type(self.new_type.as_deref(), now)?,
            set_not_null: set_not_null(self.set_not_null, now, state)?,
            set_default: set_default(self.set_default.as_deref(), now)?,
        };
        let changes = wanted.new_name.is_some()
            || wanted.new_type.is_some()
            || wanted.set_not_null.is_some()
            || wanted.set_default.is_some();
        Ok(if changes { vec![wanted.into()] } else { Vec::new() })
    }
}

/// Each of these gives `None` for what is so already.
fn new_name(wanted: Option<String>, now: &ColumnSpec, state: &Table) -> Result<Option<String>, Problem> {
    let Some(name) = wanted.filter(|name| name != &now.name) else { return Ok(None) };
    if let Some(there) = state.column(&name).filter(|there| there.name != now.name) {
        return Err(problem::column_exists(&there.name));
    }
    valid_column_name(&name).map_err(|error| problem::column(&error))?;
    Ok(Some(name))
}

fn new_type(wanted: Option<&str>, now: &ColumnSpec) -> Result<Option<String>, Problem> {
    let parsed = wanted.map(ColumnType::parse).transpose().map_err(|error| problem::column(&error))?;
    Ok(parsed.map(|parsed| parsed.to_string()).filter(|canonical| canonical != &now.r#type))
}

fn set_not_null(wanted: Option<bool>, now: &ColumnSpec, state: &Table) -> Result<Option<bool>, Problem> {
    if wanted == Some(false) && state.in_primary_key(&now.name) {
        let detail = format!("Column {} is part of the primary key, which takes no NULL.", now.name);
        return Err(problem::invalid("column_in_primary_key", detail));
    }
    Ok(wanted.filter(|&not_null| not_null == now.nullable))
}

fn set_default(wanted: Option<&str>, now: &ColumnSpec) -> Result<Option<String>, Problem> {
    let canonical = match wanted {
        None => return Ok(None),
        Some("") => String::new(),
        Some(text) => DefaultExpr::parse(text).map_err(|error| problem::column(&error))?.to_string(),
    };
    let already = now.default.as_deref().unwrap_or_default() == canonical;
    Ok((!already).then_some(canonical))
}

/// Applies an accepted change to columns and key.
pub(super) fn apply(alter: &ColumnAlterRequested, columns: &mut [ColumnSpec], primary_key: &mut [String]) {
    let Some(column) = columns.iter_mut().find(|column| column.name == alter.column) else { return };
    if let Some(name) = &alter.new_name {
        for key in primary_key.iter_mut().filter(|key| **key == alter.column) {
            key.clone_from(name);
        }
        column.name.clone_from(name);
    }
    if let Some(new_type) = &alter.new_type {
        column.r#type.clone_from(new_type);
    }
    if let Some(not_null) = alter.set_not_null {
        column.nullable = !not_null;
    }
    if let Some(default) = &alter.set_default {
        column.default = Some(default.clone()).filter(|text| !text.is_empty());
    }
}

impl Evolve<Table> for ColumnAlterRequested {
    fn evolve(self, state: &mut Table) {
        state.pending = Some(Pending { request: self.request.clone(), change: Change::AlterColumn(self) });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::opened;
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn alter(column: &str) -> AlterColumn {
        AlterColumn {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            column: column.into(),
            new_name: None,
            new_type: None,
            set_not_null: None,
            set_default: None,
        }
    }

    #[test]
    fn what_changes_is_requested_and_what_does_not_is_left_out() {
        let command = AlterColumn {
            new_name: Some("Remark".into()),
            new_type: Some("text".into()),
            set_not_null: Some(true),
            set_default: Some(String::new()),
            ..alter("NOTE")
        };
        let event = ColumnAlterRequested {
            request: "cmd".into(),
            column: "note".into(),
            new_name: Some("Remark".into()),
            new_type: None,
            set_not_null: Some(true),
            set_default: None,
        };
        given::<Table>(vec![opened()]).when(command.into()).then_expect_events(vec![event.into()]);
        let same = AlterColumn { new_name: Some("note".into()), set_not_null: Some(false), ..alter("note") };
        given::<Table>(vec![opened()]).when(same.into()).then_expect_events(nothing());
        let case_only = AlterColumn { new_name: Some("Note".into()), ..alter("note") };
        let events = given::<Table>(vec![opened()]).when(case_only.into()).inspect_result().unwrap();
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn an_impossible_change_is_refused() {
        let when = |command: AlterColumn| given::<Table>(vec![opened()]).when(command.into()).inspect_result();
        refused(when(alter("x")), 404, "storage.column_not_found");
        refused(when(alter("note")), 400, "storage.no_changes_specified");
        refused(when(AlterColumn { new_name: Some("ID".into()), ..alter("note") }), 409, "storage.column_exists");
        refused(when(AlterColumn { new_name: Some(String::new()), ..alter("note") }), 400, "storage.invalid_name");
        refused(when(AlterColumn { new_type: Some("x".into()), ..alter("note") }), 400, "storage.invalid_column_type");
        refused(
            when(AlterColumn { set_default: Some("f(1)".into()), ..alter("note") }),
            400,
            "storage.invalid_default",
        );
        refused(when(AlterColumn { set_not_null: Some(false), ..alter("id") }), 400, "storage.column_in_primary_key");
    }

    #[test]
    fn a_renamed_key_column_stays_the_key() {
        let mut table = Table::default();
        cqrs_es::Aggregate::apply(&mut table, opened());
        let alter = ColumnAlterRequested {
            request: "r".into(),
            column: "id".into(),
            new_name: Some("order_id".into()),
            new_type: Some("HUGEINT".into()),
            set_not_null: None,
            set_default: Some("0".into()),
        };
        let (columns, key) = table.after(&Change::AlterColumn(alter));
        assert_eq!(key, ["order_id"]);
        assert_eq!((columns[0].name.as_str(), columns[0].r#type.as_str()), ("order_id", "HUGEINT"));
        assert_eq!(columns[0].default.as_deref(), Some("0"));
        assert!(!columns[0].nullable);
    }
}
