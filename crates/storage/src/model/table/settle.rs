//! The fold's verdict on a request. Given once; every replay obeys it.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use crate::contract::{SettleRequest, Settled, TableEvent};
use crate::model::limits::SETTLED_RING_MAX;
use crate::model::table::{Pending, Table};

impl Decide<Table> for SettleRequest {
    type Event = TableEvent;

    fn decide(self, state: &Table, _: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        let pending = state.pending.as_ref().filter(|pending| pending.request == self.request);
        // Settled already, or never asked: either way there is nothing left to say.
        if pending.is_none() && !state.open.contains(&self.request) {
            return Ok(Vec::new());
        }
        let after = pending.filter(|_| self.accepted).map(|Pending { change, .. }| state.after(change));
        let (columns, primary_key) = after.unzip();
        let Self { request, accepted, problem, result, columns: added, .. } = self;
        let columns = columns.or(added.filter(|_| accepted));
        let fills = state.filling.as_ref() == Some(&request);
        Ok(vec![
            Settled {
                request,
                accepted,
                problem,
                result,
                columns: columns.filter(|columns| columns != &state.columns),
                primary_key: primary_key.filter(|key| key != &state.primary_key),
                fills,
            }
            .into(),
        ])
    }
}

impl Evolve<Table> for Settled {
    fn evolve(self, state: &mut Table) {
        state.open.remove(&self.request);
        state.adding.remove(&self.request);
        state.filling.take_if(|filling| *filling == self.request);
        if let Some(seq) = state.rebasing.remove(&self.request).filter(|_| self.accepted) {
            state.rebased_on = Some(seq);
        }
        if state.pending.as_ref().is_some_and(|pending| pending.request == self.request) {
            state.pending = None;
        }
        if let Some(columns) = self.columns {
            state.columns = columns;
        }
        if let Some(primary_key) = self.primary_key {
            state.primary_key = primary_key;
        }
        state.settled.push_back(self.request);
        if state.settled.len() > SETTLED_RING_MAX {
            state.settled.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, opened};
    use super::*;
    use crate::contract::{AddColumn, ColumnAddRequested, LoadRequested, TableClosed};
    use crate::model::spec::{given, nothing};

    fn settle(request: &str, accepted: bool) -> SettleRequest {
        SettleRequest {
            uid: "t1".into(),
            request: request.into(),
            accepted,
            problem: (!accepted).then(|| "{}".into()),
            result: r#"{"rows":1}"#.into(),
            columns: None,
        }
    }

    fn settled(request: &str, accepted: bool) -> Settled {
        Settled {
            request: request.into(),
            accepted,
            problem: (!accepted).then(|| "{}".into()),
            result: r#"{"rows":1}"#.into(),
            columns: None,
            primary_key: None,
            fills: false,
        }
    }

    fn adding() -> TableEvent {
        ColumnAddRequested { request: "r1".into(), column: column("x", "DATE") }.into()
    }

    fn load(request: &str) -> TableEvent {
        LoadRequested {
            request: request.into(),
            blob: String::new(),
            size_bytes: 0,
            format: "csv".into(),
            csv: None,
            incremental: false,
            dedup_mode: "update_duplicates".into(),
            columns: None,
            extra_columns: "error".into(),
            delete_missing: false,
            more: Vec::new(),
            fills: false,
            rebased_on: None,
            unchanged_since: None,
        }
        .into()
    }

    fn with_x() -> Settled {
        let Some(TableEvent::TableOpened(opened)) = Some(opened()) else { unreachable!() };
        let columns = opened.columns.into_iter().chain([column("x", "DATE")]).collect();
        Settled { columns: Some(columns), ..settled("r1", true) }
    }

    #[test]
    fn an_accepted_change_says_the_columns_from_now_on() {
        given::<Table>(vec![opened(), adding()])
            .when(settle("r1", true).into())
            .then_expect_events(vec![with_x().into()]);
        given::<Table>(vec![opened(), adding()])
            .when(settle("r1", false).into())
            .then_expect_events(vec![settled("r1", false).into()]);
    }

    #[test]
    fn a_load_that_may_add_columns_keeps_changes_of_columns_waiting_and_says_which_it_added() {
        let TableEvent::LoadRequested(asked) = load("r1") else { unreachable!() };
        let adding = || vec![opened(), LoadRequested { extra_columns: "add".into(), ..asked.clone() }.into()];
        let drop = || crate::contract::DropColumn {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            column: "note".into(),
        };
        let busy = given::<Table>(adding()).when(drop().into()).inspect_result();
        assert_eq!(busy.unwrap_err().code, "storage.table_busy");
        let Settled { columns, .. } = with_x();
        let verdict = SettleRequest { columns: columns.clone(), ..settle("r1", true) };
        given::<Table>(adding()).when(verdict.into()).then_expect_events(vec![with_x().into()]);
        let mut after = adding();
        after.push(with_x().into());
        assert!(given::<Table>(after).when(drop().into()).inspect_result().is_ok());
        // A refused load added nothing.
        let verdict = SettleRequest { columns, ..settle("r1", false) };
        given::<Table>(adding()).when(verdict.into()).then_expect_events(vec![settled("r1", false).into()]);
    }

    #[test]
    fn a_settled_change_lets_the_next_one_through() {
        let add = |name: &str| AddColumn {
            branch: "default".into(),
            project: "Shop".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            column: column(name, "DATE"),
            backfill: false,
        };
        let accepted = || vec![opened(), adding(), with_x().into()];
        let requested = ColumnAddRequested { request: "cmd".into(), column: column("y", "DATE") };
        given::<Table>(accepted()).when(add("y").into()).then_expect_events(vec![requested.into()]);
        let twice = given::<Table>(accepted()).when(add("X").into()).inspect_result();
        assert_eq!(twice.unwrap_err().code, "storage.column_exists");
        let refused = vec![opened(), adding(), settled("r1", false).into()];
        assert!(given::<Table>(refused).when(add("x").into()).inspect_result().is_ok());
    }

    #[test]
    fn a_verdict_counts_once_and_only_for_what_was_asked() {
        let before = || vec![opened(), load("r1"), load("r2")];
        given::<Table>(before()).when(settle("r2", true).into()).then_expect_events(vec![settled("r2", true).into()]);
        let mut after = before();
        after.push(settled("r2", true).into());
        given::<Table>(after.clone()).when(settle("r2", false).into()).then_expect_events(nothing());
        given::<Table>(after.clone())
            .when(settle("r1", true).into())
            .then_expect_events(vec![settled("r1", true).into()]);
        given::<Table>(after).when(settle("never", true).into()).then_expect_events(nothing());
    }

    #[test]
    fn what_was_asked_before_the_drop_is_still_answered() {
        let before = vec![opened(), load("r1"), TableClosed { uid: "t1".into() }.into()];
        given::<Table>(before).when(settle("r1", false).into()).then_expect_events(vec![settled("r1", false).into()]);
    }
}
