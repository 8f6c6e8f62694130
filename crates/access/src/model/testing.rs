//! Given/when/then for this context's aggregates.

use alluvium_kernel::{Actor, DecisionContext, Problem, Timestamp, Token};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateResultValidator, AggregateTestExecutor, TestFramework};

use super::{Keyring, PROJECT_ADMIN, Scope, Tenant};
use crate::contract::{IssueKey, KeyIssued, KeyRevoked, KeyringEvent, TenantEvent};
use crate::keys;

pub(crate) struct Given(Vec<KeyringEvent>);

pub(crate) fn keyring(given: Vec<KeyringEvent>) -> Given {
    Given(given)
}

impl Given {
    pub(crate) fn at(self, micros: i64, actor: Actor) -> AggregateTestExecutor<Keyring> {
        TestFramework::with(context(micros, actor)).given(self.0)
    }
}

pub(crate) fn tenant(given: Vec<TenantEvent>) -> AggregateTestExecutor<Tenant> {
    TestFramework::with(context(0, Actor::Admin)).given(given)
}

pub(crate) fn context(micros: i64, actor: Actor) -> DecisionContext {
    let tenant = Token::encode("default").unwrap();
    DecisionContext { tenant, command_id: "c1".into(), actor, time: Timestamp::from_micros(micros) }
}

pub(crate) fn rejected<A>(result: AggregateResultValidator<A>, code: &str)
where
    A: Aggregate<Error = Problem>,
    A::Event: std::fmt::Debug,
{
    assert_eq!(result.inspect_result().unwrap_err().code, code);
}

pub(crate) fn key_id(n: usize) -> String {
    format!("key_{n:032x}")
}

pub(crate) fn digest(n: usize) -> String {
    format!("{n:064x}")
}

pub(crate) fn issue(project: &str, n: usize) -> IssueKey {
    IssueKey {
        project: project.into(),
        key: key_id(n),
        digest: digest(n),
        prefix: keys::prefix(project, &Scope::Project),
        scope: PROJECT_ADMIN.into(),
        branch: None,
        description: format!("key {n}"),
        expires_at: None,
        rights: vec![],
        permissions: None,
        person: None,
    }
}

pub(crate) fn issued(project: &str, n: usize, at: i64) -> KeyIssued {
    KeyIssued {
        project: project.into(),
        key: key_id(n),
        digest: digest(n),
        prefix: keys::prefix(project, &Scope::Project),
        scope: PROJECT_ADMIN.into(),
        branch: None,
        description: format!("key {n}"),
        expires_at: None,
        issued_at: at,
        issued_by: "admin".into(),
        rights: vec![],
        permissions: None,
        person: None,
    }
}

pub(crate) fn revoked(project: &str, n: usize) -> KeyRevoked {
    KeyRevoked { project: project.into(), key: key_id(n) }
}
