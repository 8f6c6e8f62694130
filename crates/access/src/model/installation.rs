//! The tenants of an installation. One of them is always there: the one that an undivided installation consists of.

use std::collections::BTreeMap;

use alluvium_kernel::{DEFAULT_TENANT, Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use crate::contract::{
    CreateTenant, DeleteTenant, InstallationEvent, RenameTenant, TenantCreated, TenantDeleted, TenantRenamed,
};
use crate::error;

/// The id that clients know the tenant by which is always there.
pub const DEFAULT_TENANT_ID: &str = "00000000-0000-0000-0000-000000000000";
/// Tenants of one installation.
pub const TENANTS_MAX: usize = 10_000;
/// Length of a tenant's name, in characters.
pub const TENANT_NAME_CHARS_MAX: usize = 256;

/// The tenants, by their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    tenants: BTreeMap<String, TenantEntry>,
}

/// A tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantEntry {
    /// Its name.
    pub name: String,
    /// Issuer of the login that it was first wanted for.
    pub provider: String,
}

impl Default for Installation {
    fn default() -> Self {
        let own = TenantEntry { name: DEFAULT_TENANT.to_owned(), provider: String::new() };
        Self { tenants: [(DEFAULT_TENANT_ID.to_owned(), own)].into() }
    }
}

impl Installation {
    /// A tenant by its id.
    pub fn get(&self, id: &str) -> Option<&TenantEntry> {
        self.tenants.get(id)
    }

    /// Id of the tenant of a name.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.tenants.iter().find(|(_, tenant)| tenant.name == name).map(|(id, _)| id.as_str())
    }
}

fn check_name(name: &str) -> Result<(), Problem> {
    let chars = name.chars().count();
    if name.trim().is_empty() {
        return Err(error::empty_name());
    }
    if chars > TENANT_NAME_CHARS_MAX {
        return Err(error::too_long_name(chars, TENANT_NAME_CHARS_MAX));
    }
    if name.chars().any(char::is_control) || name.trim() != name {
        return Err(error::name_pattern("no control characters, no spaces around it"));
    }
    Ok(())
}

/// Whether a text names a tenant by its id.
pub(crate) fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Decide<Installation> for CreateTenant {
    type Event = InstallationEvent;

    fn decide(self, state: &Installation, at: &DecisionContext) -> Result<Vec<InstallationEvent>, Problem> {
        if state.find(&self.name).is_some() {
            return Ok(vec![]);
        }
        check_name(&self.name)?;
        if state.tenants.len() >= TENANTS_MAX {
            return Err(error::too_many("tenants", TENANTS_MAX));
        }
        let created =
            TenantCreated { id: at.new_uid(0), name: self.name, provider: self.provider, at: at.time.micros() };
        Ok(vec![created.into()])
    }
}

impl Evolve<Installation> for TenantCreated {
    fn evolve(self, state: &mut Installation) {
        state.tenants.insert(self.id, TenantEntry { name: self.name, provider: self.provider });
    }
}

impl Decide<Installation> for RenameTenant {
    type Event = InstallationEvent;

    fn decide(self, state: &Installation, at: &DecisionContext) -> Result<Vec<InstallationEvent>, Problem> {
        let Some(own) = state.get(&self.id) else { return Err(error::unknown_tenant(&self.id)) };
        if own.name == self.name {
            return Ok(vec![]);
        }
        check_name(&self.name)?;
        let at = at.time.micros();
        let mut events = Vec::new();
        if let Some(holder) = state.find(&self.name) {
            if !self.displace_existing {
                return Err(error::duplicate_name(&self.name));
            }
            let id = holder.to_owned();
            events.push(TenantRenamed { name: format!("{} ({id})", self.name), id, at }.into());
        }
        events.push(TenantRenamed { id: self.id, name: self.name, at }.into());
        Ok(events)
    }
}

impl Evolve<Installation> for TenantRenamed {
    fn evolve(self, state: &mut Installation) {
        if let Some(tenant) = state.tenants.get_mut(&self.id) {
            tenant.name = self.name;
        }
    }
}

impl Decide<Installation> for DeleteTenant {
    type Event = InstallationEvent;

    /// Whether it holds something is looked at before this is asked.
    fn decide(self, state: &Installation, at: &DecisionContext) -> Result<Vec<InstallationEvent>, Problem> {
        if state.get(&self.id).is_none() {
            return Err(error::unknown_tenant(&self.id));
        }
        if self.id == DEFAULT_TENANT_ID {
            return Err(error::tenant_not_empty("it is the installation's own"));
        }
        Ok(vec![TenantDeleted { id: self.id, at: at.time.micros() }.into()])
    }
}

impl Evolve<Installation> for TenantDeleted {
    fn evolve(self, state: &mut Installation) {
        state.tenants.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::Actor;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};

    use super::*;
    use crate::model::testing::{context, rejected};

    const A: &str = "aaaaaaaa-0000-8000-8000-000000000000";
    const B: &str = "bbbbbbbb-0000-8000-8000-000000000000";

    fn given(events: Vec<InstallationEvent>) -> AggregateTestExecutor<Installation> {
        TestFramework::with(context(7, Actor::Admin)).given(events)
    }

    fn two() -> Vec<InstallationEvent> {
        let created =
            |id: &str, name: &str| TenantCreated { id: id.into(), name: name.into(), provider: String::new(), at: 0 };
        vec![created(A, "a").into(), created(B, "b").into()]
    }

    fn create(name: &str) -> CreateTenant {
        CreateTenant { name: name.into(), provider: "https://issuer".into() }
    }

    #[test]
    fn a_name_is_one_tenants() {
        let id = context(7, Actor::Admin).new_uid(0);
        let created = TenantCreated { id, name: "c".into(), provider: "https://issuer".into(), at: 7 };
        given(two()).when(create("c").into()).then_expect_events(vec![created.into()]);
        for there in ["a", "default"] {
            given(two()).when(create(there).into()).then_expect_events(vec![]);
        }
        for (name, code) in [
            ("", "access.empty_name"),
            (" ", "access.empty_name"),
            (&"x".repeat(257), "access.too_long_name"),
            ("a\nb", "access.name_does_not_match_pattern"),
            (" x", "access.name_does_not_match_pattern"),
        ] {
            rejected(given(two()).when(create(name).into()), code);
        }
    }

    #[test]
    fn a_name_is_taken_from_who_has_it_only_when_that_is_asked_for() {
        let rename = |id: &str, name: &str, displace_existing| {
            RenameTenant { id: id.into(), name: name.into(), displace_existing }.into()
        };
        let renamed = |id: &str, name: &str| TenantRenamed { id: id.into(), name: name.into(), at: 7 }.into();
        given(two()).when(rename(A, "c", false)).then_expect_events(vec![renamed(A, "c")]);
        given(two()).when(rename(A, "a", true)).then_expect_events(vec![]);
        rejected(given(two()).when(rename(A, "b", false)), "access.duplicate_name");
        let both = vec![renamed(B, &format!("b ({B})")), renamed(A, "b")];
        given(two()).when(rename(A, "b", true)).then_expect_events(both);
        rejected(given(two()).when(rename("x", "c", false)), "access.unknown_tenant");
    }

    #[test]
    fn every_tenant_but_the_own_one_can_end() {
        let delete = |id: &str| DeleteTenant { id: id.into() }.into();
        given(two()).when(delete(A)).then_expect_events(vec![TenantDeleted { id: A.into(), at: 7 }.into()]);
        rejected(given(two()).when(delete(DEFAULT_TENANT_ID)), "access.tenant_not_empty");
        rejected(given(vec![]).when(delete(A)), "access.unknown_tenant");
        let mut gone = two();
        gone.push(TenantDeleted { id: A.into(), at: 1 }.into());
        rejected(given(gone).when(delete(A)), "access.unknown_tenant");
    }
}
