//! Another password for a workspace.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Workspace;
use crate::contract::{ResetWorkspaceCredentials, WorkspaceCredentialsReset, WorkspaceEvent};
use crate::model::problem;

impl Decide<Workspace> for ResetWorkspaceCredentials {
    type Event = WorkspaceEvent;

    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        state.open(&self.workspace, at.time)?.of_branch(&self.branch, &self.holder)?;
        if !self.password_hash.starts_with("$argon2id$") {
            return Err(problem::invalid_request("`password_hash` is an Argon2id PHC string."));
        }
        let Self { project, workspace, password_hash, .. } = self;
        Ok(vec![WorkspaceCredentialsReset { project, workspace, password_hash }.into()])
    }
}

impl Evolve<Workspace> for WorkspaceCredentialsReset {
    /// Whoever logs in asks the catalogue; no rule here depends on the password.
    fn evolve(self, _: &mut Workspace) {}
}

#[cfg(test)]
mod tests {
    use super::super::tests::created;
    use super::*;
    use crate::contract::WorkspaceCommand;
    use crate::model::spec::{NOW, given, nothing, refused};

    fn reset(branch: &str, hash: &str) -> WorkspaceCommand {
        ResetWorkspaceCredentials {
            project: "Shop".into(),
            branch: branch.into(),
            workspace: "ws_1".into(),
            password_hash: hash.into(),
            holder: String::new(),
        }
        .into()
    }

    #[test]
    fn a_password_is_replaced_while_the_workspace_is_open() {
        let expected = WorkspaceCredentialsReset {
            project: "Shop".into(),
            workspace: "ws_1".into(),
            password_hash: "$argon2id$y".into(),
        };
        given::<Workspace>(vec![created(Some(NOW + 1))])
            .when(reset("b1", "$argon2id$y"))
            .then_expect_events(vec![expected.into()]);
        let when = |before, command| given::<Workspace>(before).when(command).inspect_result();
        refused(when(nothing(), reset("b1", "$argon2id$y")), 404, "storage.workspace_not_found");
        let ended = vec![created(Some(NOW))];
        refused(when(ended, reset("b1", "$argon2id$y")), 410, "storage.workspace_expired");
        let foreign = reset("default", "$argon2id$y");
        refused(when(vec![created(None)], foreign), 404, "storage.workspace_not_found");
        refused(when(vec![created(None)], reset("b1", "plain")), 400, "storage.invalid_request");
    }
}
