//! The end of a workspace: somebody deletes it, or its time is over.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Workspace, WorkspaceStage};
use crate::contract::{DeleteWorkspace, ExpireWorkspace, WorkspaceDeleted, WorkspaceEvent, WorkspaceExpired};

impl Decide<Workspace> for DeleteWorkspace {
    type Event = WorkspaceEvent;

    /// Also one that is over.
    fn decide(self, state: &Workspace, _: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        state.there(&self.workspace)?.of_branch(&self.branch, &self.holder)?;
        Ok(vec![WorkspaceDeleted { project: self.project, workspace: self.workspace }.into()])
    }
}

impl Evolve<Workspace> for WorkspaceDeleted {
    fn evolve(self, state: &mut Workspace) {
        state.stage = WorkspaceStage::Deleted;
    }
}

impl Decide<Workspace> for ExpireWorkspace {
    type Event = WorkspaceEvent;

    /// Whoever asks looked at a read model: what is not over, or gone already, is no mistake.
    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        if state.stage != WorkspaceStage::Open || !state.is_over(at.time) {
            return Ok(Vec::new());
        }
        Ok(vec![WorkspaceExpired { project: self.project, workspace: self.workspace }.into()])
    }
}

impl Evolve<Workspace> for WorkspaceExpired {
    fn evolve(self, state: &mut Workspace) {
        state.stage = WorkspaceStage::Expired;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn delete(branch: &str) -> DeleteWorkspace {
        DeleteWorkspace {
            project: "Shop".into(),
            branch: branch.into(),
            workspace: "ws_1".into(),
            holder: String::new(),
        }
    }

    fn expire() -> ExpireWorkspace {
        ExpireWorkspace { project: "Shop".into(), workspace: "ws_1".into() }
    }

    fn deleted() -> WorkspaceEvent {
        WorkspaceDeleted { project: "Shop".into(), workspace: "ws_1".into() }.into()
    }

    fn expired() -> WorkspaceEvent {
        WorkspaceExpired { project: "Shop".into(), workspace: "ws_1".into() }.into()
    }

    #[test]
    fn a_workspace_is_deleted_once_also_when_it_is_over() {
        for before in [vec![created(None)], vec![created(Some(NOW))], vec![created(Some(NOW)), expired()]] {
            given::<Workspace>(before).when(delete("b1").into()).then_expect_events(vec![deleted()]);
        }
        let when = |before, command: DeleteWorkspace| given::<Workspace>(before).when(command.into()).inspect_result();
        refused(when(nothing(), delete("b1")), 404, "storage.workspace_not_found");
        refused(when(vec![created(None), deleted()], delete("b1")), 404, "storage.workspace_not_found");
        refused(when(vec![created(None)], delete("default")), 404, "storage.workspace_not_found");
    }

    #[test]
    fn what_is_over_is_let_go_once() {
        given::<Workspace>(vec![created(Some(NOW))]).when(expire().into()).then_expect_events(vec![expired()]);
        for before in [
            nothing(),
            vec![created(None)],
            vec![created(Some(NOW + 1))],
            vec![created(Some(NOW)), expired()],
            vec![created(Some(NOW)), deleted()],
        ] {
            given::<Workspace>(before).when(expire().into()).then_expect_events(nothing());
        }
    }
}
