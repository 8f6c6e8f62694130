//! Who else may in a tenant: its members, and the workloads that it trusts.

use std::collections::BTreeMap;

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use super::role::{OWNER, Role};
use crate::contract::{
    AddMember, AddTrust, MemberAdded, MemberRemoved, MemberRoleSet, MembershipEvent, RemoveMember, RemoveTrust,
    SetMemberRole, TrustAdded, TrustRemoved,
};
use crate::error;

/// Members of one tenant.
pub const MEMBERS_MAX: usize = 10_000;
/// Trusts of one tenant.
pub const TRUSTS_MAX: usize = 1_000;
/// Length of what an issuer calls somebody, of a pattern and of a description, in characters.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// Length of a trust's name, in characters.
pub const TRUST_NAME_CHARS_MAX: usize = 100;
const NAME_PATTERN: &str = "^[a-zA-Z0-9_-]+$";
/// The origin of a membership that somebody else made.
pub const BY_OTHERS: &str = "api";

/// Members and trusts of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    members: BTreeMap<String, Role>,
    /// Ids by names.
    trusts: BTreeMap<String, String>,
}

fn role(text: &str) -> Result<Role, Problem> {
    match Role::parse(text) {
        Some(role) => Ok(role),
        None if text == OWNER => Err(error::owner_role_not_assignable()),
        None => Err(error::invalid_param("`role` is read, write or admin.")),
    }
}

fn check_text(name: &str, text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(error::empty_trust_field(name));
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(error::invalid_param(&format!("`{name}` takes {TEXT_CHARS_MAX} characters.")));
    }
    Ok(())
}

fn check_trust_name(name: &str) -> Result<(), Problem> {
    let chars = name.chars().count();
    if name.is_empty() {
        return Err(error::empty_name());
    }
    if chars > TRUST_NAME_CHARS_MAX {
        return Err(error::too_long_name(chars, TRUST_NAME_CHARS_MAX));
    }
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if fits { Ok(()) } else { Err(error::name_pattern(NAME_PATTERN)) }
}

impl Decide<Membership> for AddMember {
    type Event = MembershipEvent;

    fn decide(self, state: &Membership, at: &DecisionContext) -> Result<Vec<MembershipEvent>, Problem> {
        let (role, at) = (role(&self.role)?, at.time.micros());
        if let Some(has) = state.members.get(&self.user) {
            // A login finds what it has; somebody else who adds a member means the role.
            if self.origin != BY_OTHERS || *has == role {
                return Ok(vec![]);
            }
            return Ok(vec![MemberRoleSet { user: self.user, role: self.role, at }.into()]);
        }
        if state.members.len() >= MEMBERS_MAX {
            return Err(error::too_many("members", MEMBERS_MAX));
        }
        let added = MemberAdded {
            user: self.user,
            issuer: self.issuer,
            subject: self.subject,
            email: self.email,
            email_verified: self.email_verified,
            role: self.role,
            origin: self.origin,
            at,
        };
        Ok(vec![added.into()])
    }
}

impl Evolve<Membership> for MemberAdded {
    fn evolve(self, state: &mut Membership) {
        state.members.insert(self.user, Role::parse(&self.role).unwrap_or_default());
    }
}

impl Decide<Membership> for SetMemberRole {
    type Event = MembershipEvent;

    fn decide(self, state: &Membership, at: &DecisionContext) -> Result<Vec<MembershipEvent>, Problem> {
        let role = role(&self.role)?;
        let has = state.members.get(&self.user).ok_or_else(|| error::unknown_user(&self.user))?;
        if *has == role {
            return Ok(vec![]);
        }
        Ok(vec![MemberRoleSet { user: self.user, role: self.role, at: at.time.micros() }.into()])
    }
}

impl Evolve<Membership> for MemberRoleSet {
    fn evolve(self, state: &mut Membership) {
        state.members.insert(self.user, Role::parse(&self.role).unwrap_or_default());
    }
}

impl Decide<Membership> for RemoveMember {
    type Event = MembershipEvent;

    fn decide(self, state: &Membership, at: &DecisionContext) -> Result<Vec<MembershipEvent>, Problem> {
        if !state.members.contains_key(&self.user) {
            return Err(error::unknown_user(&self.user));
        }
        Ok(vec![MemberRemoved { user: self.user, at: at.time.micros() }.into()])
    }
}

impl Evolve<Membership> for MemberRemoved {
    fn evolve(self, state: &mut Membership) {
        state.members.remove(&self.user);
    }
}

impl Decide<Membership> for AddTrust {
    type Event = MembershipEvent;

    fn decide(self, state: &Membership, at: &DecisionContext) -> Result<Vec<MembershipEvent>, Problem> {
        check_trust_name(&self.name)?;
        role(&self.role)?;
        check_text("issuer", &self.issuer)?;
        check_text("subject", &self.subject)?;
        self.audience.as_deref().map_or(Ok(()), |text| check_text("audience", text))?;
        if self.description.as_deref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            return Err(error::invalid_param(&format!("`description` takes {TEXT_CHARS_MAX} characters.")));
        }
        if state.trusts.contains_key(&self.name) {
            return Err(error::duplicate_name(&self.name));
        }
        if state.trusts.len() >= TRUSTS_MAX {
            return Err(error::too_many("trusts", TRUSTS_MAX));
        }
        let Self { name, issuer, subject, audience, role, description } = self;
        let (id, at) = (at.new_uid(0), at.time.micros());
        Ok(vec![TrustAdded { id, name, issuer, subject, audience, role, description, at }.into()])
    }
}

impl Evolve<Membership> for TrustAdded {
    fn evolve(self, state: &mut Membership) {
        state.trusts.insert(self.name, self.id);
    }
}

impl Decide<Membership> for RemoveTrust {
    type Event = MembershipEvent;

    fn decide(self, state: &Membership, at: &DecisionContext) -> Result<Vec<MembershipEvent>, Problem> {
        let id = state.trusts.get(&self.name).ok_or_else(|| error::unknown_trust(&self.name))?.clone();
        Ok(vec![TrustRemoved { id, name: self.name, at: at.time.micros() }.into()])
    }
}

impl Evolve<Membership> for TrustRemoved {
    fn evolve(self, state: &mut Membership) {
        state.trusts.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::Actor;
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};

    use super::*;
    use crate::model::testing::{context, rejected};

    fn given(events: Vec<MembershipEvent>) -> AggregateTestExecutor<Membership> {
        TestFramework::with(context(7, Actor::Admin)).given(events)
    }

    fn add(user: &str, role: &str, origin: &str) -> AddMember {
        AddMember {
            user: user.into(),
            issuer: "https://issuer".into(),
            subject: "s".into(),
            email: None,
            email_verified: false,
            role: role.into(),
            origin: origin.into(),
        }
    }

    fn added(user: &str, role: &str, origin: &str, at: i64) -> MembershipEvent {
        let AddMember { user, issuer, subject, email, email_verified, role, origin } = add(user, role, origin);
        MemberAdded { user, issuer, subject, email, email_verified, role, origin, at }.into()
    }

    fn trust(name: &str) -> AddTrust {
        AddTrust {
            name: name.into(),
            issuer: "https://issuer".into(),
            subject: "repo:*".into(),
            audience: None,
            role: "read".into(),
            description: None,
        }
    }

    #[test]
    fn members_are_added_changed_and_removed() {
        let one = || vec![added("u", "read", "claim", 0)];
        given(vec![]).when(add("u", "admin", "api").into()).then_expect_events(vec![added("u", "admin", "api", 7)]);
        given(one()).when(add("u", "admin", "claim").into()).then_expect_events(vec![]);
        given(one()).when(add("u", "read", "api").into()).then_expect_events(vec![]);
        let set: MembershipEvent = MemberRoleSet { user: "u".into(), role: "admin".into(), at: 7 }.into();
        given(one()).when(add("u", "admin", "api").into()).then_expect_events(vec![set.clone()]);
        let set_role = |user: &str, role: &str| SetMemberRole { user: user.into(), role: role.into() }.into();
        given(one()).when(set_role("u", "admin")).then_expect_events(vec![set]);
        given(one()).when(set_role("u", "read")).then_expect_events(vec![]);
        rejected(given(one()).when(set_role("x", "read")), "access.unknown_user");
        let remove = |user: &str| RemoveMember { user: user.into() }.into();
        given(one()).when(remove("u")).then_expect_events(vec![MemberRemoved { user: "u".into(), at: 7 }.into()]);
        rejected(given(one()).when(remove("x")), "access.unknown_user");
        for (role, code) in [("owner", "access.owner_role_not_assignable"), ("some", "access.invalid_param")] {
            rejected(given(one()).when(add("v", role, "api").into()), code);
            rejected(given(one()).when(set_role("u", role)), code);
        }
    }

    #[test]
    fn trusts_are_added_and_removed_by_name() {
        let id = context(7, Actor::Admin).new_uid(0);
        let AddTrust { name, issuer, subject, audience, role, description } = trust("t");
        let event: MembershipEvent =
            TrustAdded { id: id.clone(), name, issuer, subject, audience, role, description, at: 7 }.into();
        given(vec![]).when(trust("t").into()).then_expect_events(vec![event.clone()]);
        rejected(given(vec![event.clone()]).when(trust("t").into()), "access.duplicate_name");
        let remove = |name: &str| RemoveTrust { name: name.into() }.into();
        let removed = TrustRemoved { id, name: "t".into(), at: 7 };
        given(vec![event]).when(remove("t")).then_expect_events(vec![removed.into()]);
        rejected(given(vec![]).when(remove("t")), "access.unknown_oidc_trust");
        for (wrong, code) in [
            (trust(""), "access.empty_name"),
            (trust(&"a".repeat(101)), "access.too_long_name"),
            (trust("a b"), "access.name_does_not_match_pattern"),
            (AddTrust { issuer: " ".into(), ..trust("t") }, "access.empty_oidc_trust_field"),
            (AddTrust { subject: String::new(), ..trust("t") }, "access.empty_oidc_trust_field"),
            (AddTrust { audience: Some(String::new()), ..trust("t") }, "access.empty_oidc_trust_field"),
            (AddTrust { subject: "s".repeat(1_001), ..trust("t") }, "access.invalid_param"),
            (AddTrust { description: Some("s".repeat(1_001)), ..trust("t") }, "access.invalid_param"),
            (AddTrust { role: "owner".into(), ..trust("t") }, "access.owner_role_not_assignable"),
        ] {
            rejected(given(vec![]).when(wrong.into()), code);
        }
    }
}
