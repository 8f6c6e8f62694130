//! The rows that a new table is made with.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use crate::contract::{FillTable, LoadRequested, LoadTable, TableEvent};
use crate::model::table::Table;

impl Decide<Table> for FillTable {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        let identity = state.steady()?.clone();
        let Self { blob, size_bytes, format, csv, dedup_mode, extra_columns, more, .. } = self;
        let load = LoadTable {
            project: identity.project,
            branch: identity.branch,
            bucket: identity.bucket,
            table: identity.table,
            blob,
            size_bytes,
            format,
            csv,
            incremental: false,
            dedup_mode,
            columns: None,
            extra_columns,
            delete_missing: false,
            more,
        };
        Ok(vec![LoadRequested { fills: true, ..load.requested(state, at)? }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::opened;
    use super::*;
    use crate::contract::{DropColumn, SettleRequest, TableClosed};
    use crate::model::spec::{given, refused};

    fn fill() -> FillTable {
        FillTable {
            uid: "t1".into(),
            blob: "0a".repeat(32),
            size_bytes: 10,
            format: "csv".into(),
            csv: None,
            dedup_mode: "update_duplicates".into(),
            extra_columns: "error".into(),
            more: Vec::new(),
        }
    }

    fn settle(accepted: bool) -> SettleRequest {
        SettleRequest {
            uid: "t1".into(),
            request: "cmd".into(),
            accepted,
            problem: (!accepted).then(|| "{}".into()),
            result: "{}".into(),
            columns: None,
        }
    }

    fn filling() -> Vec<TableEvent> {
        let asked = given::<Table>(vec![opened()]).when(fill().into()).inspect_result().unwrap();
        let [TableEvent::LoadRequested(load)] = &asked[..] else { panic!("{asked:?}") };
        assert!(load.fills && !load.incremental && load.extra_columns == "error");
        std::iter::once(opened()).chain(asked).collect()
    }

    #[test]
    fn the_verdict_on_what_fills_a_table_says_so_once() {
        for accepted in [true, false] {
            let events = given::<Table>(filling()).when(settle(accepted).into()).inspect_result().unwrap();
            let [TableEvent::Settled(settled)] = &events[..] else { panic!("{events:?}") };
            assert!(settled.fills && settled.accepted == accepted);
        }
        let closed = TableClosed { uid: "t1".into() }.into();
        let gone = filling().into_iter().chain([closed]).collect();
        let events = given::<Table>(gone).when(settle(false).into()).inspect_result().unwrap();
        assert!(matches!(&events[..], [TableEvent::Settled(_)]), "answered all the same");
    }

    #[test]
    fn nothing_changes_the_columns_of_what_may_not_come_to_be() {
        let drop = || DropColumn {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            column: "note".into(),
        };
        refused(given::<Table>(filling()).when(drop().into()).inspect_result(), 503, "storage.table_busy");
        let mut settled = filling();
        settled.extend(given::<Table>(filling()).when(settle(true).into()).inspect_result().unwrap());
        assert!(given::<Table>(settled).when(drop().into()).inspect_result().is_ok());
    }

    #[test]
    fn a_load_that_makes_no_sense_makes_no_table() {
        let wrong = FillTable { format: "xls".into(), ..fill() };
        refused(given::<Table>(vec![opened()]).when(wrong.into()).inspect_result(), 400, "storage.invalid_format");
    }
}
