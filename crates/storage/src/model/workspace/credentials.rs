//! Who may log in to a workspace: another password for the user that it was made with, and further users.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Workspace;
use crate::contract::{
    AddWorkspaceCredentials, RemoveWorkspaceCredentials, ResetWorkspaceCredentials, WorkspaceCredentialsAdded,
    WorkspaceCredentialsRemoved, WorkspaceCredentialsReset, WorkspaceEvent,
};
use crate::model::limits::{CREDENTIALS_PER_WORKSPACE_MAX, WORKSPACE_TEXT_BYTES_MAX};
use crate::model::{names, problem};

/// Refuses what is no user name or no verifier.
pub(super) fn check_login(username: &str, password_hash: &str) -> Result<(), Problem> {
    let is_word = |text: &str| {
        (1..=WORKSPACE_TEXT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if !is_word(username) || !is_word(password_hash) {
        return Err(problem::invalid_request("`username` and `password_hash` are short texts of visible ASCII."));
    }
    if !password_hash.starts_with("$argon2id$") {
        return Err(problem::invalid_request("`password_hash` is an Argon2id PHC string."));
    }
    Ok(())
}

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

impl Decide<Workspace> for AddWorkspaceCredentials {
    type Event = WorkspaceEvent;

    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        state.open(&self.workspace, at.time)?.of_branch(&self.branch, &self.holder)?;
        names::valid_workspace_id(&self.credential)?;
        if !self.name.is_empty() {
            names::valid_workspace(&self.name)?;
        }
        check_login(&self.username, &self.password_hash)?;
        if state.credentials.contains(&self.credential) {
            return Err(problem::invalid_request("The workspace has credentials with this id already."));
        }
        if state.credentials.len() >= CREDENTIALS_PER_WORKSPACE_MAX {
            return Err(problem::credentials_full(CREDENTIALS_PER_WORKSPACE_MAX));
        }
        let Self { project, workspace, credential, name, username, password_hash, .. } = self;
        Ok(vec![WorkspaceCredentialsAdded { project, workspace, credential, name, username, password_hash }.into()])
    }
}

impl Evolve<Workspace> for WorkspaceCredentialsAdded {
    fn evolve(self, state: &mut Workspace) {
        state.credentials.insert(self.credential);
    }
}

impl Decide<Workspace> for RemoveWorkspaceCredentials {
    type Event = WorkspaceEvent;

    fn decide(self, state: &Workspace, at: &DecisionContext) -> Result<Vec<WorkspaceEvent>, Problem> {
        state.open(&self.workspace, at.time)?.of_branch(&self.branch, &self.holder)?;
        if !state.credentials.contains(&self.credential) {
            return Err(problem::credentials_not_found(&self.credential));
        }
        let Self { project, workspace, credential, .. } = self;
        Ok(vec![WorkspaceCredentialsRemoved { project, workspace, credential }.into()])
    }
}

impl Evolve<Workspace> for WorkspaceCredentialsRemoved {
    fn evolve(self, state: &mut Workspace) {
        state.credentials.remove(&self.credential);
    }
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

    fn add(credential: &str) -> AddWorkspaceCredentials {
        AddWorkspaceCredentials {
            project: "Shop".into(),
            branch: "b1".into(),
            workspace: "ws_1".into(),
            credential: credential.into(),
            name: "dashboards".into(),
            username: "ws_ws_1_0badcafe".into(),
            password_hash: "$argon2id$z".into(),
            holder: String::new(),
        }
    }

    fn added(credential: &str) -> WorkspaceEvent {
        let AddWorkspaceCredentials { project, workspace, credential, name, username, password_hash, .. } =
            add(credential);
        WorkspaceCredentialsAdded { project, workspace, credential, name, username, password_hash }.into()
    }

    fn remove(credential: &str) -> RemoveWorkspaceCredentials {
        RemoveWorkspaceCredentials {
            project: "Shop".into(),
            branch: "b1".into(),
            workspace: "ws_1".into(),
            credential: credential.into(),
            holder: String::new(),
        }
    }

    fn removed(credential: &str) -> WorkspaceEvent {
        let (project, workspace, credential) = ("Shop".into(), "ws_1".into(), credential.into());
        WorkspaceCredentialsRemoved { project, workspace, credential }.into()
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

    #[test]
    fn further_users_come_and_go() {
        let when = |before, command: WorkspaceCommand| given::<Workspace>(before).when(command).inspect_result();
        given::<Workspace>(vec![created(None)]).when(add("c1").into()).then_expect_events(vec![added("c1")]);
        let one = || vec![created(None), added("c1")];
        given::<Workspace>(one()).when(add("c2").into()).then_expect_events(vec![added("c2")]);
        given::<Workspace>(one()).when(remove("c1").into()).then_expect_events(vec![removed("c1")]);
        refused(when(one(), add("c1").into()), 400, "storage.invalid_request");
        refused(when(one(), remove("c2").into()), 404, "storage.credentials_not_found");
        let gone = vec![created(None), added("c1"), removed("c1")];
        refused(when(gone, remove("c1").into()), 404, "storage.credentials_not_found");
        let full = (0..CREDENTIALS_PER_WORKSPACE_MAX).map(|n| added(&format!("c{n}")));
        let full = std::iter::once(created(None)).chain(full).collect();
        refused(when(full, add("more").into()), 403, "storage.quota_exceeded");
    }

    #[test]
    fn impossible_credentials_are_refused() {
        let when =
            |before, command: AddWorkspaceCredentials| given::<Workspace>(before).when(command.into()).inspect_result();
        let open = || vec![created(None)];
        assert!(when(open(), AddWorkspaceCredentials { name: String::new(), ..add("c1") }).is_ok());
        refused(when(open(), add("../x")), 400, "storage.invalid_name");
        let named = AddWorkspaceCredentials { name: "a\nb".into(), ..add("c1") };
        refused(when(open(), named), 400, "storage.invalid_name");
        let plain = AddWorkspaceCredentials { password_hash: "secret".into(), ..add("c1") };
        refused(when(open(), plain), 400, "storage.invalid_request");
        let user = AddWorkspaceCredentials { username: "a b".into(), ..add("c1") };
        refused(when(open(), user), 400, "storage.invalid_request");
        refused(when(vec![created(Some(NOW))], add("c1")), 410, "storage.workspace_expired");
        refused(when(nothing(), add("c1")), 404, "storage.workspace_not_found");
        let foreign = AddWorkspaceCredentials { branch: "default".into(), ..add("c1") };
        refused(when(open(), foreign), 404, "storage.workspace_not_found");
    }
}
