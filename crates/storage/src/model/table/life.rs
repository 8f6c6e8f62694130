//! The echoes of the catalogue on the table itself: opened, closed.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{CloseTable, OpenTable, TableClosed, TableEvent, TableOpened};
use crate::model::table::{Identity, Table};

impl Decide<Table> for OpenTable {
    type Event = TableEvent;

    fn decide(self, state: &Table, _: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        if state.identity.is_some() {
            return Ok(Vec::new());
        }
        let Self { project, branch, bucket, table, uid, columns, primary_key, copy_of } = self;
        Ok(vec![TableOpened { project, branch, bucket, table, uid, columns, primary_key, copy_of }.into()])
    }
}

impl Decide<Table> for CloseTable {
    type Event = TableEvent;

    fn decide(self, state: &Table, _: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        // A drop goes through whatever else is under way: the catalogue has decided already.
        if state.identity.is_none() || state.closed {
            Ok(Vec::new())
        } else {
            Ok(vec![TableClosed { uid: self.uid }.into()])
        }
    }
}

impl Evolve<Table> for TableOpened {
    fn evolve(self, state: &mut Table) {
        let Self { project, branch, bucket, table, uid, columns, primary_key, copy_of: _ } = self;
        let identity = Some(Identity { project, branch, bucket, table, uid });
        *state = Table { identity, columns, primary_key, ..Table::default() };
    }
}

impl Evolve<Table> for TableClosed {
    fn evolve(self, state: &mut Table) {
        state.closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::opened;
    use super::*;
    use crate::contract::ColumnAddRequested;
    use crate::model::spec::{given, nothing};

    #[test]
    fn a_table_opens_once_and_closes_once_even_while_it_changes() {
        let TableEvent::TableOpened(TableOpened { project, branch, bucket, table, uid, columns, primary_key, copy_of }) =
            opened()
        else {
            unreachable!()
        };
        let open = OpenTable { project, branch, bucket, table, uid, columns, primary_key, copy_of };
        given::<Table>(nothing()).when(open.clone().into()).then_expect_events(vec![opened()]);
        given::<Table>(vec![opened()]).when(open.into()).then_expect_events(nothing());

        let close = || CloseTable { uid: "t1".into() };
        let closed = || TableClosed { uid: "t1".into() }.into();
        let changing =
            ColumnAddRequested { request: "r".into(), column: super::super::tests::column("x", "INTEGER") }.into();
        given::<Table>(vec![opened(), changing]).when(close().into()).then_expect_events(vec![closed()]);
        given::<Table>(vec![opened(), closed()]).when(close().into()).then_expect_events(nothing());
        given::<Table>(nothing()).when(close().into()).then_expect_events(nothing());
    }
}
