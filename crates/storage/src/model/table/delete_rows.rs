//! Deleting the rows a condition picks.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{DeleteRows, RowsDeleteRequested, TableEvent};
use crate::model::problem;
use crate::model::table::Table;

/// The longest condition, in bytes.
pub const WHERE_CLAUSE_BYTES_MAX: usize = 64 * 1024;

impl Decide<Table> for DeleteRows {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready_to_queue()?;
        if self.where_clause.trim().is_empty() {
            let detail = "The condition is empty; to delete every row say `TRUE`.";
            return Err(problem::invalid("invalid_where_clause", detail));
        }
        if self.where_clause.len() > WHERE_CLAUSE_BYTES_MAX {
            let detail = format!("A condition takes at most {WHERE_CLAUSE_BYTES_MAX} bytes.");
            return Err(problem::invalid("invalid_where_clause", detail));
        }
        Ok(vec![RowsDeleteRequested { request: at.command_id.clone(), where_clause: self.where_clause }.into()])
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
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            where_clause: where_clause.into(),
        }
    }

    #[test]
    fn a_condition_is_requested() {
        let events = given::<Table>(vec![opened()]).when(delete("id > 5").into()).inspect_result().unwrap();
        assert!(matches!(&events[..], [TableEvent::RowsDeleteRequested(e)] if e.request == "cmd"));
    }

    #[test]
    fn no_condition_is_refused() {
        for text in ["", "  "] {
            let result = given::<Table>(vec![opened()]).when(delete(text).into()).inspect_result();
            refused(result, 400, "storage.invalid_where_clause");
        }
    }
}
