//! Bringing what the main line has become under the changes of a dev branch: a load of both together, which somebody has made of the
//! two tables as they were with certain messages.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Identity, Table, is_sha256};
use crate::contract::{LoadRequested, RebaseTable, TableEvent};
use crate::model::{names, problem};

impl RebaseTable {
    /// Whether the names, which the right was asked for, are those of the table that the id names.
    fn is_of(&self, table: &Identity) -> bool {
        self.uid == table.uid
            && self.branch == table.branch
            && self.table == table.table
            && names::fold(&self.project) == names::fold(&table.project)
            && names::fold(&names::bucket_name(&self.bucket)) == names::fold(&table.bucket)
    }
}

impl Decide<Table> for RebaseTable {
    type Event = TableEvent;

    fn decide(self, state: &Table, at: &DecisionContext) -> Result<Vec<TableEvent>, Problem> {
        let identity = state.ready()?;
        if !self.is_of(identity) || self.branch == names::MAIN_BRANCH {
            return Err(problem::table_not_found(&self.bucket, &self.table));
        }
        // Whatever they bring, the file has not taken it in.
        if !state.open.is_empty() {
            return Err(problem::table_busy(&identity.table));
        }
        if state.primary_key.is_empty() {
            return Err(problem::rebase_needs_key(&identity.table));
        }
        if !is_sha256(&self.blob) || self.size_bytes < 0 {
            return Err(problem::invalid_request("`blob` is the hex SHA-256 of a stored file, with its size."));
        }
        if self.rebased_on < 0 || self.unchanged_since < 0 {
            return Err(problem::invalid_request("`rebased_on` and `unchanged_since` are sequences of messages."));
        }
        let Self { blob, size_bytes, rebased_on, unchanged_since, .. } = self;
        Ok(vec![
            LoadRequested {
                request: at.command_id.clone(),
                blob,
                size_bytes,
                format: "parquet".to_owned(),
                csv: None,
                // A merge by key: what stays as it is keeps the time of its last change.
                incremental: true,
                dedup_mode: "update_duplicates".to_owned(),
                columns: None,
                extra_columns: "error".to_owned(),
                delete_missing: true,
                more: Vec::new(),
                fills: false,
                rebased_on: Some(rebased_on),
                unchanged_since: Some(unchanged_since),
            }
            .into(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::Evolve as _;

    use super::super::tests::opened;
    use super::*;
    use crate::contract::{PrimaryKeyDropped, Settled, TableOpened};
    use crate::model::spec::{given, refused};

    fn own() -> TableEvent {
        let TableEvent::TableOpened(table) = opened() else { unreachable!() };
        TableOpened { branch: "b1".into(), ..table }.into()
    }

    fn rebase() -> RebaseTable {
        RebaseTable {
            project: "shop".into(),
            branch: "b1".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            blob: "0a".repeat(32),
            size_bytes: 10,
            rebased_on: 70,
            unchanged_since: 60,
        }
    }

    fn asked() -> LoadRequested {
        let events = given::<Table>(vec![own()]).when(rebase().into()).inspect_result().unwrap();
        let [TableEvent::LoadRequested(asked)] = &events[..] else { panic!("{events:?}") };
        asked.clone()
    }

    fn settled(accepted: bool) -> Settled {
        let (problem, result) = ((!accepted).then(|| "{}".into()), "{}".into());
        Settled { request: "cmd".into(), accepted, problem, result, columns: None, primary_key: None, fills: false }
    }

    #[test]
    fn a_rebase_is_a_merge_by_key_into_what_the_table_was() {
        let asked = asked();
        assert_eq!((asked.rebased_on, asked.unchanged_since), (Some(70), Some(60)));
        assert!(asked.incremental && asked.delete_missing);
    }

    #[test]
    fn what_it_stands_on_counts_once_it_is_done() {
        let after = |accepted| {
            let mut state = Table::default();
            let TableEvent::TableOpened(table) = own() else { unreachable!() };
            table.evolve(&mut state);
            asked().evolve(&mut state);
            settled(accepted).evolve(&mut state);
            (state.rebased_on, state.rebasing.len())
        };
        assert_eq!((after(true), after(false)), ((Some(70), 0), (None, 0)));
    }

    #[test]
    fn only_the_branchs_own_table_that_it_was_made_from_is_rebased() {
        let when = |before: Vec<TableEvent>, command: RebaseTable| {
            given::<Table>(before).when(command.into()).inspect_result()
        };
        for wrong in [
            RebaseTable { bucket: "other".into(), ..rebase() },
            RebaseTable { table: "Orders".into(), ..rebase() },
            RebaseTable { project: "other".into(), ..rebase() },
            RebaseTable { branch: "b2".into(), ..rebase() },
            RebaseTable { uid: "t2".into(), ..rebase() },
        ] {
            refused(when(vec![own()], wrong), 404, "storage.table_not_found");
        }
        refused(
            when(vec![opened()], RebaseTable { branch: "default".into(), ..rebase() }),
            404,
            "storage.table_not_found",
        );
        refused(when(vec![own(), asked().into()], rebase()), 503, "storage.table_busy");
        let keyless = vec![own(), PrimaryKeyDropped { columns: vec!["id".into()] }.into()];
        refused(when(keyless, rebase()), 400, "storage.rebase_needs_key");
        refused(when(vec![own()], RebaseTable { blob: "x".into(), ..rebase() }), 400, "storage.invalid_request");
        refused(when(vec![own()], RebaseTable { rebased_on: -1, ..rebase() }), 400, "storage.invalid_request");
    }
}
