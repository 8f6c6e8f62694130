//! Taking every row out of a table.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{TableEvent, TableTruncated, TruncateTable};
use crate::model::table::Table;

impl Decide<Table> for TruncateTable {
    type Event = TableEvent;

    fn decide(self, state: &Table, _: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        Ok(vec![TableTruncated { reason: self.reason }.into()])
    }
}

impl Evolve<Table> for TableTruncated {
    // Columns and key stay, and the aggregate knows no rows.
    fn evolve(self, _: &mut Table) {}
}

#[cfg(test)]
mod tests {
    use super::super::tests::opened;
    use super::*;
    use crate::contract::TableClosed;
    use crate::model::spec::{given, refused};

    fn truncate() -> TruncateTable {
        let (project, bucket, table) = ("Shop".into(), "sales".into(), "orders".into());
        TruncateTable { project, bucket, table, reason: Some("a new season".into()) }
    }

    #[test]
    fn a_table_is_truncated() {
        let truncated = TableTruncated { reason: Some("a new season".into()) };
        given::<Table>(vec![opened()]).when(truncate().into()).then_expect_events(vec![truncated.into()]);
    }

    #[test]
    fn a_dropped_table_cannot_be_truncated() {
        let closed = TableClosed { uid: "t1".into() }.into();
        let result = given::<Table>(vec![opened(), closed]).when(truncate().into()).inspect_result();
        refused(result, 404, "storage.table_not_found");
    }
}
