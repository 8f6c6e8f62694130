//! What was done in a workspace, noted by the part of the platform that did it.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Workspace;
use crate::contract::{RecordWorkspaceClear, RecordWorkspaceLoad, WorkspaceCleared, WorkspaceEvent, WorkspaceLoaded};

impl Decide<Workspace> for RecordWorkspaceLoad {
    type Event = WorkspaceEvent;

    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        state.open(&self.workspace, at.time)?;
        let Self { project, workspace, destination, bucket, table, uid, version, columns, .. } = self;
        let (where_filter, row_count, size_bytes, by) = (self.where_filter, self.row_count, self.size_bytes, self.by);
        Ok(vec![
            WorkspaceLoaded {
                project,
                workspace,
                destination,
                bucket,
                table,
                uid,
                version,
                columns,
                where_filter,
                row_count,
                size_bytes,
                by,
            }
            .into(),
        ])
    }
}

impl Evolve<Workspace> for WorkspaceLoaded {
    /// What lies in it is scratch: no rule depends on it.
    fn evolve(self, _: &mut Workspace) {}
}

impl Decide<Workspace> for RecordWorkspaceClear {
    type Event = WorkspaceEvent;

    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        state.open(&self.workspace, at.time)?;
        let Self { project, workspace, by } = self;
        Ok(vec![WorkspaceCleared { project, workspace, by }.into()])
    }
}

impl Evolve<Workspace> for WorkspaceCleared {
    /// As for what was brought in.
    fn evolve(self, _: &mut Workspace) {}
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn load() -> RecordWorkspaceLoad {
        RecordWorkspaceLoad {
            project: "Shop".into(),
            workspace: "ws_1".into(),
            destination: "orders".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            version: 7,
            columns: Some(vec!["id".into()]),
            where_filter: Some("id > 1".into()),
            row_count: 3,
            size_bytes: 4_096,
            by: "admin".into(),
        }
    }

    fn clear() -> RecordWorkspaceClear {
        RecordWorkspaceClear { project: "Shop".into(), workspace: "ws_1".into(), by: "admin".into() }
    }

    #[test]
    fn what_was_done_is_noted_of_an_open_workspace() {
        let loaded = WorkspaceLoaded {
            project: "Shop".into(),
            workspace: "ws_1".into(),
            destination: "orders".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            uid: "t1".into(),
            version: 7,
            columns: Some(vec!["id".into()]),
            where_filter: Some("id > 1".into()),
            row_count: 3,
            size_bytes: 4_096,
            by: "admin".into(),
        };
        let open = || vec![created(Some(NOW + 1))];
        given::<Workspace>(open()).when(load().into()).then_expect_events(vec![loaded.into()]);
        let cleared = WorkspaceCleared { project: "Shop".into(), workspace: "ws_1".into(), by: "admin".into() };
        given::<Workspace>(open()).when(clear().into()).then_expect_events(vec![cleared.into()]);
        for (before, status, code) in [
            (nothing(), 404, "storage.workspace_not_found"),
            (vec![created(Some(NOW))], 410, "storage.workspace_expired"),
        ] {
            refused(given::<Workspace>(before.clone()).when(load().into()).inspect_result(), status, code);
            refused(given::<Workspace>(before).when(clear().into()).inspect_result(), status, code);
        }
    }
}
