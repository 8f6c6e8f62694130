//! Dev branches of a project: views of the main line under an id of their own, with tables of their own where they were written to.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Branch, Catalogue, Project};
use crate::contract::{BranchCreated, BranchDeleted, CreateBranch, DeleteBranch, ProjectEvent, TableDropped};
use crate::model::limits::{BRANCHES_PER_PROJECT_MAX, DESCRIPTION_BYTES_MAX};
use crate::model::names::{LIVE, PINNED};
use crate::model::{names, problem};

/// Length of a branch's id, in hex digits.
const ID_HEX_CHARS: usize = 8;

impl Decide<Project> for CreateBranch {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, at: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        names::valid_branch(&self.name)?;
        if live.branches.values().any(|there| names::fold(&there.name) == names::fold(&self.name)) {
            return Err(problem::branch_name_exists(&self.name));
        }
        if self.description.as_ref().is_some_and(|text| text.len() > DESCRIPTION_BYTES_MAX || text.contains('\0')) {
            let detail = format!("A description takes at most {DESCRIPTION_BYTES_MAX} bytes, none of them NUL.");
            return Err(problem::invalid_request(detail));
        }
        if live.branches.len() >= BRANCHES_PER_PROJECT_MAX {
            return Err(problem::quota_exceeded("branches", BRANCHES_PER_PROJECT_MAX));
        }
        let is_pinned = match self.mode.as_str() {
            LIVE => false,
            PINNED => true,
            other => return Err(problem::invalid_branch_mode(other)),
        };
        let Self { project, name, description, mode, tables } = self;
        let branch = free_id(live, at);
        let begins = if is_pinned { live.begins(&branch, tables, at)? } else { Vec::new() };
        let created_by = at.actor.to_string();
        let created = BranchCreated { project, branch, name, description, created_by, mode };
        let mut events = vec![ProjectEvent::from(created)];
        events.extend(begins);
        Ok(events)
    }
}

/// The first eight digits of the first uid that no branch has; of a handful, as a project has far fewer than there are ids.
fn free_id(live: &Catalogue, at: &DecisionContext) -> String {
    let mut n = 0;
    loop {
        let id: String = at.new_uid(n).chars().take(ID_HEX_CHARS).collect();
        if !live.branches.contains_key(&id) {
            return id;
        }
        n += 1;
    }
}

impl Decide<Project> for DeleteBranch {
    type Event = ProjectEvent;

    fn decide(self, state: &Project, _: &DecisionContext) -> Result<Vec<ProjectEvent>, Problem> {
        let live = state.live(&self.project)?;
        let branch = live.branches.get(&self.branch).ok_or_else(|| problem::branch_not_found(&self.branch))?;
        let dropped = live.buckets.values().flat_map(|bucket| {
            branch.overlay.tables_of(&bucket.name).map(|table| TableDropped {
                project: self.project.clone(),
                branch: self.branch.clone(),
                bucket: bucket.name.clone(),
                table: table.name.clone(),
                uid: table.uid.clone(),
                snapshot: None,
                abandoned: false,
            })
        });
        let deleted = BranchDeleted { project: self.project.clone(), branch: self.branch.clone() };
        Ok(dropped.map(ProjectEvent::from).chain([deleted.into()]).collect())
    }
}

impl Evolve<Project> for BranchCreated {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            let pinned = (self.mode == PINNED).then(|| live.buckets_to_pin());
            live.branches.insert(self.branch, Branch { name: self.name, pinned, ..Branch::default() });
        }
    }
}

impl Evolve<Project> for BranchDeleted {
    fn evolve(self, state: &mut Project) {
        if let Some(live) = &mut state.live {
            live.branches.remove(&self.branch);
            live.aliases.forget_branch(&self.branch);
            live.snapshots.retain(|_, taken| taken.branch != self.branch);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::life::tests::created;
    use super::*;
    use crate::model::spec::{at, given, nothing, refused};

    pub(crate) const BRANCH: &str = "00c0ffee";

    pub(crate) fn branch_created(branch: &str, name: &str) -> ProjectEvent {
        let (project, branch, name) = ("Shop".into(), branch.into(), name.into());
        let (created_by, mode) = ("admin".into(), LIVE.into());
        BranchCreated { project, branch, name, description: None, created_by, mode }.into()
    }

    fn create(name: &str) -> CreateBranch {
        let (description, mode) = (Some("d".into()), LIVE.into());
        CreateBranch { project: "Shop".into(), name: name.into(), description, mode, tables: Vec::new() }
    }

    fn delete(branch: &str) -> DeleteBranch {
        DeleteBranch { project: "Shop".into(), branch: branch.into() }
    }

    fn id(n: u32) -> String {
        at().new_uid(n)[..8].to_owned()
    }

    #[test]
    fn a_branch_has_an_id_of_eight_digits_that_no_other_has() {
        for (before, n) in [(vec![created()], 0), (vec![created(), branch_created(&id(0), "a")], 1)] {
            let expected = BranchCreated {
                project: "Shop".into(),
                branch: id(n),
                name: "feature/x 1".into(),
                description: Some("d".into()),
                created_by: at().actor.to_string(),
                mode: LIVE.into(),
            };
            given::<Project>(before).when(create("feature/x 1").into()).then_expect_events(vec![expected.into()]);
        }
    }

    #[test]
    fn a_branch_needs_a_project_a_name_and_room() {
        let when = |before: Vec<ProjectEvent>, command: CreateBranch| {
            given::<Project>(before).when(command.into()).inspect_result()
        };
        refused(when(nothing(), create("x")), 404, "storage.project_not_found");
        for name in ["", "a\nb", "a\0", &"x".repeat(129)] {
            refused(when(vec![created()], create(name)), 400, "storage.invalid_name");
        }
        let odd = CreateBranch { mode: "frozen".into(), ..create("x") };
        refused(when(vec![created()], odd), 400, "storage.invalid_branch_mode");
        let there = || vec![created(), branch_created(BRANCH, "Feature")];
        refused(when(there(), create("fEATURE")), 409, "storage.branch_name_exists");
        let full = (0..BRANCHES_PER_PROJECT_MAX).map(|n| branch_created(&format!("{n:08x}"), &n.to_string()));
        refused(when([created()].into_iter().chain(full).collect(), create("x")), 403, "storage.quota_exceeded");
    }

    #[test]
    fn a_branch_is_deleted_once_and_the_main_line_never() {
        let before = || vec![created(), branch_created(BRANCH, "a")];
        let gone = BranchDeleted { project: "Shop".into(), branch: BRANCH.into() };
        given::<Project>(before()).when(delete(BRANCH).into()).then_expect_events(vec![gone.clone().into()]);
        let after = [before(), vec![gone.into()]].concat();
        for branch in [BRANCH, names::MAIN_BRANCH, ""] {
            let result = given::<Project>(after.clone()).when(delete(branch).into()).inspect_result();
            refused(result, 404, "storage.branch_not_found");
        }
        assert!(given::<Project>(after).when(create("a").into()).inspect_result().is_ok(), "its name is free");
    }
}
