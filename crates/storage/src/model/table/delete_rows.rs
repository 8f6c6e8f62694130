//! Deleting the rows a condition picks.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use alluvium_tablestore::sql::Predicate;

use crate::contract::{DeleteRows, RowsDeleteRequested, TableEvent};
use crate::model::problem;
use crate::model::table::{Table, schema_of};

/// The longest condition, in bytes.
pub const WHERE_CLAUSE_BYTES_MAX: usize = 64 * 1024;

impl Decide<Table> for DeleteRows {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready_to_queue()?;
        if self.where_clause.len() > WHERE_CLAUSE_BYTES_MAX {
            let detail = format!("A condition takes at most {WHERE_CLAUSE_BYTES_MAX} bytes.");
            return Err(problem::invalid("invalid_where_clause", detail));
        }
        let schema = schema_of(&state.columns, &state.primary_key)?;
        let predicate = Predicate::parse(&self.where_clause, &schema)
            .map_err(|error| problem::invalid("invalid_where_clause", error.message))?;
        let (request, where_clause) = (at.command_id.clone(), predicate.to_string());
        let Self { changed_since, changed_until, .. } = self;
        Ok(vec![RowsDeleteRequested { request, where_clause, changed_since, changed_until }.into()])
    }
}

impl Table {
    /// Whether a condition picks every row whatever the rows hold.
    pub(crate) fn picks_all(&self, where_clause: &str) -> bool {
        where_clause.len() <= WHERE_CLAUSE_BYTES_MAX
            && schema_of(&self.columns, &self.primary_key)
                .is_ok_and(|schema| Predicate::parse(where_clause, &schema).is_ok_and(|it| it.is_constant_true()))
    }
}

impl Evolve<Table> for RowsDeleteRequested {
    fn evolve(self, state: &mut Table) {
        state.open.insert(self.request);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::opened;
    use super::*;
    use crate::model::spec::{given, refused};

    fn delete(where_clause: &str) -> DeleteRows {
        DeleteRows {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            where_clause: where_clause.into(),
            changed_since: None,
            changed_until: None,
        }
    }

    #[test]
    fn when_rows_changed_is_requested_as_it_was_said() {
        let command = DeleteRows { changed_since: Some(5), changed_until: Some(7), ..delete("TRUE") };
        let events = given::<Table>(vec![opened()]).when(command.into()).inspect_result().unwrap();
        let [TableEvent::RowsDeleteRequested(event)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((event.changed_since, event.changed_until), (Some(5), Some(7)));
    }

    #[test]
    fn a_condition_is_requested_as_it_was_understood() {
        let events = given::<Table>(vec![opened()]).when(delete("ID>5 and note = 'alter ego'").into());
        let events = events.inspect_result().unwrap();
        let [TableEvent::RowsDeleteRequested(event)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(event.request, "cmd");
        assert!(event.where_clause.contains("\"id\" > 5") && event.where_clause.contains("'alter ego'"));
        for all in ["1=1", "TRUE"] {
            assert!(given::<Table>(vec![opened()]).when(delete(all).into()).inspect_result().is_ok());
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in ["", "  ", "1=1; DROP TABLE x;", "1=1 -- c", "nope = 1", "id IN (SELECT 1)", "read_csv('x')"] {
            let result = given::<Table>(vec![opened()]).when(delete(text).into()).inspect_result();
            refused(result, 400, "storage.invalid_where_clause");
        }
    }
}
