//! A table's part in snapshots: the moment one is of, and the content of one that the table is to get.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{ReplaceContent, RequestSnapshot, RestoreRequested, SnapshotRequested, TableEvent};
use crate::model::table::{Change, Pending, Table};

impl Decide<Table> for RequestSnapshot {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        // Not while columns change: then nobody could say yet which ones the content has.
        state.ready_to_queue()?;
        let (columns, primary_key) = (state.columns.clone(), state.primary_key.clone());
        let Self { snapshot, kind, request, .. } = self;
        let request = request.unwrap_or_else(|| at.command_id.clone());
        Ok(vec![SnapshotRequested { request, snapshot, columns, primary_key, kind }.into()])
    }
}

impl Decide<Table> for ReplaceContent {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        state.ready()?;
        let Self { snapshot, source, position, columns, primary_key, unchanged_since, request, .. } = self;
        let request = request.unwrap_or_else(|| at.command_id.clone());
        let asked = RestoreRequested { request, snapshot, source, position, columns, primary_key, unchanged_since };
        Ok(vec![asked.into()])
    }
}

impl Evolve<Table> for SnapshotRequested {
    fn evolve(self, state: &mut Table) {
        state.open.insert(self.request);
    }
}

impl Evolve<Table> for RestoreRequested {
    fn evolve(self, state: &mut Table) {
        let change = Change::Restore(self.columns, self.primary_key);
        state.pending = Some(Pending { request: self.request, change });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, opened};
    use super::*;
    use crate::contract::{ColumnAddRequested, ColumnDropped, SettleRequest, Settled};
    use crate::model::spec::{given, refused};

    fn replace() -> ReplaceContent {
        ReplaceContent {
            uid: "t1".into(),
            snapshot: "s".into(),
            source: "t0".into(),
            position: 7,
            columns: vec![column("then", "DATE")],
            primary_key: vec![],
            unchanged_since: None,
            request: None,
        }
    }

    #[test]
    fn a_snapshot_says_which_columns_its_content_has() {
        let before = vec![opened(), ColumnDropped { column: "note".into() }.into()];
        let request =
            || RequestSnapshot { uid: "t1".into(), snapshot: "s".into(), kind: "manual".into(), request: None };
        let events = given::<Table>(before).when(request().into()).inspect_result().unwrap();
        let [TableEvent::SnapshotRequested(event)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((event.columns.len(), event.primary_key.as_slice()), (1, &["id".to_owned()][..]));
        assert_eq!(event.request, "cmd");
        let implied = RequestSnapshot { request: Some("other".into()), ..request() };
        let events = given::<Table>(vec![opened()]).when(implied.into()).inspect_result().unwrap();
        assert!(matches!(&events[..], [TableEvent::SnapshotRequested(event)] if event.request == "other"));
        let changing = ColumnAddRequested { request: "r".into(), column: column("x", "DATE") }.into();
        let busy = given::<Table>(vec![opened(), changing]).when(request().into()).inspect_result();
        refused(busy, 503, "storage.table_busy");
    }

    #[test]
    fn a_restored_table_has_the_columns_of_then_once_the_fold_agrees() {
        let events = given::<Table>(vec![opened()]).when(replace().into()).inspect_result().unwrap();
        let [TableEvent::RestoreRequested(event)] = &events[..] else { panic!("{events:?}") };
        assert_eq!((event.source.as_str(), event.position), ("t0", 7));
        let asked = || vec![opened(), events[0].clone()];
        refused(given::<Table>(asked()).when(replace().into()).inspect_result(), 503, "storage.table_busy");
        let settle = SettleRequest {
            uid: "t1".into(),
            request: event.request.clone(),
            accepted: true,
            problem: None,
            result: "{}".into(),
            columns: None,
        };
        let settled = Settled {
            request: event.request.clone(),
            accepted: true,
            problem: None,
            result: "{}".into(),
            columns: Some(vec![column("then", "DATE")]),
            primary_key: Some(vec![]),
            fills: false,
        };
        given::<Table>(asked()).when(settle.into()).then_expect_events(vec![settled.into()]);
    }
}
