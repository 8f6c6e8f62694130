//! `ForgetPerson`, `ForgetProject`, `ForgetTenant`: what is sealed under their keys is to be unreadable. The keys themselves lie
//! outside the log; who follows it destroys them.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem, Token};

use super::Tenant;
use crate::contract::{
    ForgetDeletedProject, ForgetPerson, ForgetProject, ForgetTenant, PersonForgotten, ProjectForgotten, TenantEvent,
    TenantForgotten,
};
use crate::{error, keys};

impl Decide<Tenant> for ForgetPerson {
    type Event = TenantEvent;

    fn decide(self, tenant: &Tenant, _: &DecisionContext) -> Result<Vec<TenantEvent>, Problem> {
        if !keys::is_hex(&self.person, keys::DIGEST_HEX_CHARS) {
            return Err(error::cannot_forget("`person` must be 64 lower-case hex digits"));
        }
        if tenant.persons_forgotten.contains(&self.person) {
            return Ok(vec![]);
        }
        Ok(vec![PersonForgotten { person: self.person }.into()])
    }
}

impl Decide<Tenant> for ForgetProject {
    type Event = TenantEvent;

    /// Each time anew: what was sealed since the last time has another key.
    fn decide(self, _: &Tenant, _: &DecisionContext) -> Result<Vec<TenantEvent>, Problem> {
        if Token::encode(&self.project).is_err() {
            return Err(error::cannot_forget("`project` cannot be the id of a project"));
        }
        Ok(vec![ProjectForgotten { project: self.project, until: None }.into()])
    }
}

impl Decide<Tenant> for ForgetDeletedProject {
    type Event = TenantEvent;

    /// Said again it means the same: keys that were made since are of another project of the id.
    fn decide(self, _: &Tenant, _: &DecisionContext) -> Result<Vec<TenantEvent>, Problem> {
        if Token::encode(&self.project).is_err() {
            return Err(error::cannot_forget("`project` cannot be the id of a project"));
        }
        Ok(vec![ProjectForgotten { project: self.project, until: Some(self.until) }.into()])
    }
}

impl Decide<Tenant> for ForgetTenant {
    type Event = TenantEvent;

    fn decide(self, tenant: &Tenant, at: &DecisionContext) -> Result<Vec<TenantEvent>, Problem> {
        if self.tenant != at.tenant.decode() {
            return Err(error::cannot_forget("`tenant` must name the tenant that the command is sent to"));
        }
        if tenant.is_forgotten {
            return Ok(vec![]);
        }
        Ok(vec![TenantForgotten { tenant: self.tenant }.into()])
    }
}

impl Evolve<Tenant> for PersonForgotten {
    fn evolve(self, tenant: &mut Tenant) {
        tenant.persons_forgotten.insert(self.person);
    }
}

impl Evolve<Tenant> for ProjectForgotten {
    fn evolve(self, _: &mut Tenant) {}
}

impl Evolve<Tenant> for TenantForgotten {
    fn evolve(self, tenant: &mut Tenant) {
        tenant.is_forgotten = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_person_and_a_tenant_are_forgotten_once_and_a_project_each_time() {
        let person = || ForgetPerson { person: digest(1) };
        let forgotten = || PersonForgotten { person: digest(1) };
        tenant(vec![]).when(person().into()).then_expect_events(vec![forgotten().into()]);
        tenant(vec![forgotten().into()]).when(person().into()).then_expect_events(vec![]);
        let project = || ProjectForgotten { project: "p".into(), until: None };
        let again = tenant(vec![project().into()]).when(ForgetProject { project: "p".into() }.into());
        again.then_expect_events(vec![project().into()]);
        let ended = ForgetDeletedProject { project: "p".into(), until: 7 };
        let told = ProjectForgotten { project: "p".into(), until: Some(7) };
        tenant(vec![project().into()]).when(ended.into()).then_expect_events(vec![told.into()]);
        let all = || TenantForgotten { tenant: "default".into() };
        let command = || ForgetTenant { tenant: "default".into() };
        tenant(vec![]).when(command().into()).then_expect_events(vec![all().into()]);
        tenant(vec![all().into()]).when(command().into()).then_expect_events(vec![]);
    }

    #[test]
    fn nothing_is_forgotten_by_mistake() {
        let named = ForgetPerson { person: "anna@example.com".into() };
        rejected(tenant(vec![]).when(named.into()), "access.cannot_forget");
        rejected(tenant(vec![]).when(ForgetTenant { tenant: "other".into() }.into()), "access.cannot_forget");
        rejected(tenant(vec![]).when(ForgetProject { project: String::new() }.into()), "access.cannot_forget");
    }
}
