//! Tenants, members and trusts, as the fold in memory knows them. What is sealed on the log is sealed here.

use std::collections::{BTreeMap, HashMap};

use alluvium_kernel::{DEFAULT_TENANT, Token};

use crate::contract::{InstallationEvent, MemberAdded, MembershipEvent, TrustAdded};
use crate::model::{DEFAULT_TENANT_ID, Role, TenantEntry, is_id};

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Tenancy {
    /// By their ids; the default tenant only once it has another name.
    tenants: BTreeMap<String, TenantEntry>,
    members: HashMap<Token, BTreeMap<String, Member>>,
    trusts: HashMap<Token, BTreeMap<String, Trust>>,
}

/// A member of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// How it came to be.
    pub added: MemberAdded,
    /// What they may now.
    pub role: Role,
}

/// A trust.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trust {
    /// How it came to be.
    pub added: TrustAdded,
    /// What those may whom it lets in.
    pub role: Role,
}

/// A tenant as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Issuer of the login that it was first wanted for.
    pub provider: String,
    /// What its subjects begin with.
    pub token: Token,
}

/// The token of the tenant of an id.
pub(crate) fn token_of(id: &str) -> Option<Token> {
    Token::encode(if id == DEFAULT_TENANT_ID { DEFAULT_TENANT } else { id }).ok()
}

impl Tenancy {
    pub fn installed(&mut self, tenant: &Token, event: InstallationEvent) {
        if tenant.as_str() != DEFAULT_TENANT {
            return;
        }
        match event {
            InstallationEvent::TenantCreated(created) => {
                let entry = TenantEntry { name: created.name, provider: created.provider };
                self.tenants.insert(created.id, entry);
            }
            InstallationEvent::TenantRenamed(renamed) => {
                self.tenants.entry(renamed.id).or_default().name = renamed.name;
            }
            InstallationEvent::TenantDeleted(deleted) => {
                self.tenants.remove(&deleted.id);
                if let Some(token) = token_of(&deleted.id) {
                    self.members.remove(&token);
                    self.trusts.remove(&token);
                }
            }
        }
    }

    pub fn joined(&mut self, tenant: &Token, event: MembershipEvent) {
        let members = self.members.entry(tenant.clone()).or_default();
        let trusts = self.trusts.entry(tenant.clone()).or_default();
        match event {
            MembershipEvent::MemberAdded(added) => {
                let role = Role::parse(&added.role).unwrap_or_default();
                members.insert(added.user.clone(), Member { added, role });
            }
            MembershipEvent::MemberRoleSet(set) => {
                if let Some(member) = members.get_mut(&set.user) {
                    member.role = Role::parse(&set.role).unwrap_or_default();
                }
            }
            MembershipEvent::MemberRemoved(removed) => {
                members.remove(&removed.user);
            }
            MembershipEvent::TrustAdded(added) => {
                let role = Role::parse(&added.role).unwrap_or_default();
                trusts.insert(added.id.clone(), Trust { added, role });
            }
            MembershipEvent::TrustRemoved(removed) => {
                trusts.remove(&removed.id);
            }
        }
    }

    /// What a member may in a tenant, or those whom a trust of it lets in.
    pub fn role(&self, tenant: &Token, id: &str) -> Option<Role> {
        let member = self.members.get(tenant).and_then(|members| members.get(id)).map(|member| member.role);
        member.or_else(|| Some(self.trusts.get(tenant)?.get(id)?.role))
    }

    /// All tenants, by name.
    pub fn tenants(&self) -> Vec<Known> {
        let mut all: Vec<Known> = self.tenants.iter().filter_map(|(id, entry)| known(id, entry)).collect();
        if !self.tenants.contains_key(DEFAULT_TENANT_ID) {
            let own = TenantEntry { name: DEFAULT_TENANT.to_owned(), provider: String::new() };
            all.extend(known(DEFAULT_TENANT_ID, &own));
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// A tenant by its id, or else by its name.
    pub fn find(&self, tenant: &str) -> Option<Known> {
        let id = tenant.to_ascii_lowercase();
        let by_id = || self.tenants().into_iter().find(|known| known.id == id);
        is_id(tenant).then(by_id).flatten().or_else(|| self.named(tenant))
    }

    /// A tenant by its name. Providers name people by UUIDs, so a name may look like an id.
    pub fn named(&self, name: &str) -> Option<Known> {
        self.tenants().into_iter().find(|known| known.name == name)
    }

    /// The tenant of a token.
    pub fn of(&self, token: &Token) -> Option<Known> {
        self.tenants().into_iter().find(|known| known.token == *token)
    }

    /// Members of a tenant.
    pub fn members(&self, tenant: &Token) -> Vec<Member> {
        self.members.get(tenant).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// The tenants that somebody is a member of, by name, with what they may there.
    pub fn memberships(&self, user: &str) -> Vec<(Known, Role)> {
        let role = |known: &Known| self.members.get(&known.token)?.get(user).map(|member| member.role);
        self.tenants().into_iter().filter_map(|known| role(&known).map(|role| (known, role))).collect()
    }

    /// Trusts of a tenant.
    pub fn trusts(&self, tenant: &Token) -> Vec<Trust> {
        self.trusts.get(tenant).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Trusts of all tenants in an issuer.
    pub fn trusts_in(&self, issuer: &str) -> Vec<(Token, Trust)> {
        let all = self.trusts.iter().flat_map(|(tenant, trusts)| trusts.values().map(move |trust| (tenant, trust)));
        let of = all.filter(|(_, trust)| trust.added.issuer == issuer);
        of.map(|(tenant, trust)| (tenant.clone(), trust.clone())).collect()
    }
}

fn known(id: &str, entry: &TenantEntry) -> Option<Known> {
    let token = token_of(id)?;
    Some(Known { id: id.to_owned(), name: entry.name.clone(), provider: entry.provider.clone(), token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{MemberRemoved, TenantCreated, TenantDeleted, TenantRenamed};

    const A: &str = "aaaaaaaa-0000-8000-8000-000000000000";

    fn own() -> Token {
        Token::encode(DEFAULT_TENANT).unwrap()
    }

    fn member(user: &str, role: &str) -> MembershipEvent {
        MemberAdded {
            user: user.into(),
            issuer: "i".into(),
            subject: "s".into(),
            email: None,
            email_verified: false,
            role: role.into(),
            origin: "api".into(),
            at: 0,
        }
        .into()
    }

    #[test]
    fn tenants_come_are_renamed_and_go_with_their_members() {
        let mut all = Tenancy::default();
        assert_eq!(all.tenants().len(), 1);
        let a = token_of(A).unwrap();
        all.installed(&a, TenantCreated { id: A.into(), name: "thief".into(), provider: String::new(), at: 0 }.into());
        assert_eq!(all.tenants().len(), 1, "only the default tenant's subject tells of tenants");
        all.installed(&own(), TenantCreated { id: A.into(), name: "a".into(), provider: String::new(), at: 0 }.into());
        all.joined(&a, member("u", "write"));
        all.joined(&own(), member("u", "read"));
        assert_eq!(
            (all.role(&a, "u"), all.role(&own(), "u"), all.role(&a, "x")),
            (Some(Role::Write), Some(Role::Read), None)
        );
        let names: Vec<String> = all.memberships("u").into_iter().map(|(known, _)| known.name).collect();
        assert_eq!(names, ["a", "default"]);
        assert_eq!(all.find(A), all.find("a"));
        assert_eq!(all.find("default").unwrap().id, DEFAULT_TENANT_ID);
        let named = TenantCreated { id: "b".into(), name: A.into(), provider: String::new(), at: 0 };
        all.installed(&own(), named.into());
        assert_eq!((all.find(A).unwrap().id.as_str(), all.named(A).unwrap().id.as_str()), (A, "b"));
        all.installed(&own(), TenantDeleted { id: "b".into(), at: 0 }.into());
        all.installed(&own(), TenantRenamed { id: DEFAULT_TENANT_ID.into(), name: "z".into(), at: 0 }.into());
        assert_eq!((all.find("default"), all.of(&own()).unwrap().name.as_str()), (None, "z"));
        all.joined(&own(), MemberRemoved { user: "u".into(), at: 0 }.into());
        assert_eq!(all.memberships("u").len(), 1);
        all.installed(&own(), TenantDeleted { id: A.into(), at: 0 }.into());
        assert_eq!((all.memberships("u").len(), all.role(&a, "u"), all.tenants().len()), (0, None, 1));
    }
}
