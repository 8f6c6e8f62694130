//! The organisation that a project belongs to. Whoever is in one may link what its projects share with it, so only the admin says
//! who is, and nobody leaves while that is used.

use alluvium_kernel::{Actor, DecisionContext, Problem};

use super::Catalogue;
use crate::model::{names, problem};

/// An organisation as it is given: an empty text is none.
pub(super) fn given(organization: Option<String>) -> Result<Option<String>, Problem> {
    let organization = organization.filter(|id| !id.is_empty());
    organization.as_deref().map_or(Ok(()), names::organization_id)?;
    Ok(organization)
}

impl Catalogue {
    /// Whether what was given for its organisation is another one than it has; refused to who may not say so.
    pub(crate) fn leaves_for(&self, given: Option<&str>, at: &DecisionContext) -> Result<bool, Problem> {
        let leaves = given.is_some_and(|given| given != self.organization.as_deref().unwrap_or_default());
        if leaves && matches!(at.actor, Actor::Key(_)) {
            return Err(problem::organization_by_admin());
        }
        Ok(leaves)
    }

    /// The organisation it belongs to after one was given; the one it has, where none was.
    pub(super) fn moved(&self, to: Option<String>, at: &DecisionContext) -> Result<Option<String>, Problem> {
        if !self.leaves_for(to.as_deref(), at)? {
            return Ok(self.organization.clone());
        }
        let shared = self.buckets.values().filter(|bucket| bucket.sharing.level.is_some());
        let shared: Vec<String> = shared.map(|bucket| bucket.name.clone()).collect();
        if !shared.is_empty() {
            return Err(problem::organization_in_use(&self.id, &shared));
        }
        given(to)
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::test::TestFramework;

    use super::super::Project;
    use super::super::bucket::tests::bucket_created;
    use super::super::life::tests::created;
    use crate::contract::{
        BucketSharingSet, CreateProject, ProjectCommand, ProjectCreated, ProjectEvent, ProjectUpdated, UpdateProject,
    };
    use crate::model::spec::{at, given, nothing, refused};
    use alluvium_kernel::{Actor, DecisionContext, Problem};

    fn update(organization: Option<&str>) -> ProjectCommand {
        let organization = organization.map(Into::into);
        UpdateProject { project: "Shop".into(), name: None, settings: None, organization }.into()
    }

    fn updated(organization: Option<&str>) -> ProjectEvent {
        let (settings, organization) = ("{}".into(), organization.map(Into::into));
        ProjectUpdated { project: "Shop".into(), name: None, settings, organization }.into()
    }

    fn when(before: Vec<ProjectEvent>, command: ProjectCommand) -> Result<Vec<ProjectEvent>, Problem> {
        given::<Project>(before).when(command).inspect_result()
    }

    #[test]
    fn a_project_comes_into_an_organisation_and_out_of_it() {
        let create = |organization: &str| CreateProject {
            project: "Shop".into(),
            name: None,
            settings: "{}".into(),
            organization: Some(organization.into()),
        };
        let made = when(nothing(), create("acme").into()).unwrap();
        let (uid, settings, organization) = (at().new_uid(0), "{}".into(), Some("acme".into()));
        let expected = ProjectCreated { project: "Shop".into(), uid, name: None, settings, organization };
        assert_eq!(made, vec![expected.into()]);
        assert_eq!(when(made.clone(), update(None)).unwrap(), nothing());
        assert_eq!(when(made.clone(), update(Some("acme"))).unwrap(), nothing());
        assert_eq!(when(made.clone(), update(Some("other"))).unwrap(), vec![updated(Some("other"))]);
        assert_eq!(when(made, update(Some(""))).unwrap(), vec![updated(None)]);
        for name in ["a b", "..", "-", "ä"] {
            refused(when(nothing(), create(name).into()), 400, "storage.invalid_name");
            refused(when(vec![created()], update(Some(name))), 400, "storage.invalid_name");
        }
    }

    #[test]
    fn no_key_puts_its_project_into_an_organisation() {
        let by_key = DecisionContext { actor: Actor::Key("key_1".into()), ..at() };
        let ask = |before: Vec<ProjectEvent>, organization| {
            TestFramework::<Project>::with(by_key.clone()).given(before).when(update(organization)).inspect_result()
        };
        refused(ask(vec![created()], Some("acme")), 403, "storage.organization_by_admin");
        let member = vec![created(), updated(Some("acme"))];
        refused(ask(member.clone(), Some("")), 403, "storage.organization_by_admin");
        assert_eq!(ask(member, Some("acme")).unwrap(), nothing(), "what it is already may be said again");
        assert_eq!(ask(vec![created()], Some("")).unwrap(), nothing());
    }

    #[test]
    fn nobody_leaves_who_shares_with_the_organisation() {
        let set = |sharing: &str| {
            let (bucket, uid, sharing) = ("sales".into(), "b-sales".into(), sharing.into());
            BucketSharingSet { project: "Shop".into(), bucket, uid, sharing }.into()
        };
        let before = vec![created(), updated(Some("acme")), bucket_created("sales"), set("organization")];
        for organization in ["", "other"] {
            let kept = refused(when(before.clone(), update(Some(organization))), 409, "storage.organization_in_use");
            assert_eq!(kept.details.unwrap()["buckets"], serde_json::json!(["sales"]));
        }
        let after = [before, vec![set("selected-projects")]].concat();
        assert_eq!(when(after, update(Some("other"))).unwrap(), vec![updated(Some("other"))]);
    }
}
