//! Creating a workspace.

use std::collections::BTreeSet;

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::credentials::check_login;
use super::{Workspace, WorkspaceStage};
use crate::contract::{CreateWorkspace, WorkspaceCreated, WorkspaceEvent};
use crate::model::limits::{WORKSPACE_BYTES_MAX, WORKSPACE_SECONDS_MAX};
use crate::model::{names, problem};

impl Decide<Workspace> for CreateWorkspace {
    type Event = WorkspaceEvent;

    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        if state.stage != WorkspaceStage::Absent {
            return Err(problem::workspace_exists(&self.workspace));
        }
        names::valid_workspace_id(&self.workspace)?;
        names::valid_workspace(&self.name)?;
        // An hour more than the longest life, for clocks that differ.
        let latest = at.time.micros().saturating_add((WORKSPACE_SECONDS_MAX + 3_600) * 1_000_000);
        if self.expires_at.is_some_and(|end| end <= at.time.micros() || end > latest) {
            return Err(problem::invalid_request("`expires_at` lies within the next 168 hours."));
        }
        if !(1..=WORKSPACE_BYTES_MAX).contains(&self.size_limit_bytes) {
            let detail = format!("`size_limit_bytes` is between 1 and {WORKSPACE_BYTES_MAX}.");
            return Err(problem::invalid_request(detail));
        }
        check_login(&self.username, &self.password_hash)?;
        let Self { project, branch, workspace, name, expires_at, size_limit_bytes, .. } = self;
        let (username, password_hash, project_uid) = (self.username, self.password_hash, self.project_uid);
        let holder = self.holder;
        Ok(vec![
            WorkspaceCreated {
                project,
                branch,
                workspace,
                name,
                expires_at,
                size_limit_bytes,
                username,
                password_hash,
                project_uid,
                holder,
            }
            .into(),
        ])
    }
}

impl Evolve<Workspace> for WorkspaceCreated {
    fn evolve(self, state: &mut Workspace) {
        let Self { project, branch, workspace: id, expires_at, project_uid, holder, .. } = self;
        let (stage, credentials) = (WorkspaceStage::Open, BTreeSet::new());
        *state = Workspace { project, project_uid, branch, id, holder, expires_at, credentials, stage };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn create() -> CreateWorkspace {
        let WorkspaceEvent::WorkspaceCreated(event) = created(None) else { unreachable!() };
        CreateWorkspace {
            project: event.project,
            branch: event.branch,
            workspace: event.workspace,
            name: event.name,
            expires_at: event.expires_at,
            size_limit_bytes: event.size_limit_bytes,
            username: event.username,
            password_hash: event.password_hash,
            project_uid: event.project_uid,
            holder: event.holder,
        }
    }

    #[test]
    fn a_workspace_is_created_once() {
        given::<Workspace>(nothing()).when(create().into()).then_expect_events(vec![created(None)]);
        let again = given::<Workspace>(vec![created(None)]).when(create().into()).inspect_result();
        refused(again, 409, "storage.workspace_exists");
    }

    #[test]
    fn an_impossible_workspace_is_refused() {
        let when = |command: CreateWorkspace| given::<Workspace>(nothing()).when(command.into()).inspect_result();
        refused(when(CreateWorkspace { workspace: "../x".into(), ..create() }), 400, "storage.invalid_name");
        refused(when(CreateWorkspace { name: String::new(), ..create() }), 400, "storage.invalid_name");
        for expires_at in [NOW, NOW + (WORKSPACE_SECONDS_MAX + 3_601) * 1_000_000] {
            let expires_at = Some(expires_at);
            refused(when(CreateWorkspace { expires_at, ..create() }), 400, "storage.invalid_request");
        }
        for size_limit_bytes in [0, WORKSPACE_BYTES_MAX + 1] {
            refused(when(CreateWorkspace { size_limit_bytes, ..create() }), 400, "storage.invalid_request");
        }
        let plain = CreateWorkspace { password_hash: "secret".into(), ..create() };
        refused(when(plain), 400, "storage.invalid_request");
        refused(when(CreateWorkspace { username: "a b".into(), ..create() }), 400, "storage.invalid_request");
    }
}
