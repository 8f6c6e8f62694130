//! `IssueKey`: a key of a project begins to work.

use alluvium_kernel::sealed::chars_of;
use alluvium_kernel::{
    Decide, DecisionContext, Problem, SCHEMA_RIGHTS_MAX, SchemaRight, TOKEN_BYTES_MAX, Timestamp, Token,
};

use super::{
    DAY_MICROS, DESCRIPTION_CHARS_MAX, KEYS_PER_PROJECT_MAX, Keyring, LIFETIME_DAYS_MAX, PERSON_CHARS_MAX,
    PIPELINES_KEYRING, Permissions, Scope,
};
use crate::contract::{IssueKey, KeyIssued, KeyringEvent};
use crate::error;
use crate::keys;

/// Length of a branch's id, in hex digits.
const BRANCH_HEX_CHARS: usize = 8;

impl Decide<Keyring> for IssueKey {
    type Event = KeyringEvent;

    fn decide(self, keyring: &Keyring, at: &DecisionContext) -> Result<Vec<KeyringEvent>, Problem> {
        let scope = self.check(at)?;
        keyring.may_give(&scope, at)?;
        if let Some(known) = keyring.get(&self.key) {
            let same = known.digest == self.digest && !known.revoked;
            return if same { Ok(vec![]) } else { Err(error::key_exists(&self.key)) };
        }
        // A key of pipelines is known by its name.
        let is_named = matches!(scope, Scope::Pipelines { .. });
        if is_named && keyring.is_taken(&self.description, at.time) {
            return Err(error::name_taken());
        }
        if keyring.live(at.time).count() >= KEYS_PER_PROJECT_MAX {
            return Err(error::too_many_keys(&self.project));
        }
        let issued = KeyIssued {
            project: self.project,
            key: self.key,
            digest: self.digest,
            prefix: self.prefix,
            scope: self.scope,
            branch: self.branch,
            description: self.description,
            expires_at: self.expires_at,
            issued_at: at.time.micros(),
            issued_by: at.actor.to_string(),
            rights: self.rights,
            permissions: self.permissions,
            person: self.person,
        };
        Ok(vec![issued.into()])
    }
}

impl IssueKey {
    fn check(&self, at: &DecisionContext) -> Result<Scope, Problem> {
        if Token::encode(&self.project).is_err() {
            return Err(error::invalid_key(format!(
                "`project` must be 1 to {TOKEN_BYTES_MAX} bytes long once percent-encoded."
            )));
        }
        let permissions = self.permissions.as_ref().map(Permissions::checked).transpose()?;
        let scope = Scope::of(&self.scope, self.branch.as_deref(), permissions)
            .ok_or_else(|| error::unsupported_scope(&self.scope, self.branch.as_deref()))?;
        if matches!(scope, Scope::Pipelines { .. }) != (self.project == PIPELINES_KEYRING) {
            return Err(error::unsupported_scope(&self.scope, self.branch.as_deref()));
        }
        if scope.branch().is_some_and(|branch| !keys::is_hex(branch, BRANCH_HEX_CHARS)) {
            return Err(error::invalid_key(format!("`branch` must be {BRANCH_HEX_CHARS} lower-case hex digits.")));
        }
        if self.rights.len() > SCHEMA_RIGHTS_MAX {
            return Err(error::invalid_key(format!("`rights` may be {SCHEMA_RIGHTS_MAX}.")));
        }
        if let Some(wrong) = self.rights.iter().find(|right| right.parse::<SchemaRight>().is_err()) {
            return Err(error::unknown_right(wrong));
        }
        check_minted(&self.project, &scope, &self.key, &self.digest, &self.prefix)?;
        check_description(&self.description)?;
        if self.person.as_deref().is_some_and(|person| !(1..=PERSON_CHARS_MAX).contains(&chars_of(person))) {
            return Err(error::invalid_key(format!("`person` takes 1 to {PERSON_CHARS_MAX} characters.")));
        }
        let latest = at.time.micros().saturating_add(LIFETIME_DAYS_MAX * DAY_MICROS);
        match self.expires_at {
            Some(expires_at) if expires_at <= at.time.micros() || expires_at > latest => {
                Err(error::invalid_key(format!(
                    "`expires_at` is {}; it must be after {} and at most {LIFETIME_DAYS_MAX} days later.",
                    Timestamp::from_micros(expires_at),
                    at.time
                )))
            }
            _ => Ok(scope),
        }
    }
}

pub(super) fn check_description(description: &str) -> Result<(), Problem> {
    if chars_of(description) > DESCRIPTION_CHARS_MAX {
        return Err(error::invalid_key(format!("`description` may take {DESCRIPTION_CHARS_MAX} characters.")));
    }
    Ok(())
}

/// What the edge says of a key that it has drawn.
pub(super) fn check_minted(project: &str, scope: &Scope, key: &str, digest: &str, prefix: &str) -> Result<(), Problem> {
    if !keys::is_key_id(key) {
        return Err(error::invalid_key("A key's id must be `key_` and 32 lower-case hex digits."));
    }
    if !keys::is_hex(digest, keys::DIGEST_HEX_CHARS) {
        return Err(error::invalid_key("`digest` must be 64 lower-case hex digits."));
    }
    // Not a wish for tidiness: whatever else stood here could be the secret itself, for ever on the log.
    let expected = keys::prefix(project, scope);
    if prefix != expected {
        return Err(error::invalid_key(format!("`prefix` must be `{expected}`.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{BRANCH_ADMIN, BRANCH_READ, REGISTRY};
    use super::*;
    use alluvium_kernel::Actor;

    #[test]
    fn a_key_is_issued_with_its_moment_and_issuer() {
        let expected = KeyIssued { issued_at: 1_000, issued_by: format!("key:{}", key_id(2)), ..issued("p", 1, 0) };
        keyring(vec![issued("p", 2, 0).into()])
            .at(1_000, Actor::Key(key_id(2)))
            .when(issue("p", 1).into())
            .then_expect_events(vec![expected.into()]);
    }

    #[test]
    fn a_key_of_the_registry_has_the_rights_it_was_issued_with() {
        let rights = vec!["subject:orders-*:read".to_owned(), "config:write".to_owned()];
        let of_registry = IssueKey {
            scope: REGISTRY.into(),
            prefix: keys::prefix("p", &Scope::Registry),
            rights: rights.clone(),
            ..issue("p", 1)
        };
        let expected = KeyIssued {
            scope: REGISTRY.into(),
            prefix: "proj_p_registry_...".into(),
            rights,
            issued_by: "admin".into(),
            ..issued("p", 1, 5)
        };
        keyring(vec![]).at(5, Actor::Admin).when(of_registry.into()).then_expect_events(vec![expected.into()]);
    }

    #[test]
    fn a_key_of_pipelines_has_a_name_of_its_own() {
        let of = |n: usize, name: &str| IssueKey {
            scope: "pipelines_write".into(),
            prefix: "apikey:...".into(),
            description: name.into(),
            ..issue(PIPELINES_KEYRING, n)
        };
        let first = keyring(vec![]).at(5, Actor::Admin).when(of(1, "a").into()).inspect_result().unwrap();
        assert_eq!(first.len(), 1);
        rejected(keyring(first.clone()).at(5, Actor::Admin).when(of(2, "a").into()), "access.name_taken");
        let second = keyring(first.clone()).at(5, Actor::Admin).when(of(2, "b").into()).inspect_result();
        assert_eq!(second.unwrap().len(), 1);
        let freed = [first, vec![revoked(PIPELINES_KEYRING, 1).into()]].concat();
        assert!(keyring(freed).at(5, Actor::Admin).when(of(2, "a").into()).inspect_result().is_ok());
        let elsewhere = IssueKey { project: "p".into(), ..of(1, "a") };
        rejected(keyring(vec![]).at(5, Actor::Admin).when(elsewhere.into()), "access.unsupported_scope");
        let wide = issue(PIPELINES_KEYRING, 1);
        rejected(keyring(vec![]).at(5, Actor::Admin).when(wide.into()), "access.unsupported_scope");
    }

    #[test]
    fn a_key_of_a_branch_names_it() {
        for (scope, prefix) in
            [(BRANCH_ADMIN, "proj_p_branch_00c0ffee_admin_..."), (BRANCH_READ, "proj_p_branch_00c0ffee_read_...")]
        {
            let branch = Some("00c0ffee".to_owned());
            let (scope, prefix) = (scope.to_owned(), prefix.to_owned());
            let command =
                IssueKey { scope: scope.clone(), branch: branch.clone(), prefix: prefix.clone(), ..issue("p", 1) };
            let expected = KeyIssued { scope, branch, prefix, ..issued("p", 1, 5) };
            keyring(vec![]).at(5, Actor::Admin).when(command.into()).then_expect_events(vec![expected.into()]);
        }
    }

    #[test]
    fn the_same_key_again_changes_nothing() {
        keyring(vec![issued("p", 1, 0).into()])
            .at(5, Actor::Admin)
            .when(issue("p", 1).into())
            .then_expect_events(vec![]);
    }

    #[test]
    fn another_secret_under_a_known_id_is_refused() {
        let other = IssueKey { digest: digest(2), ..issue("p", 1) };
        let given = vec![issued("p", 1, 0).into()];
        rejected(keyring(given).at(5, Actor::Admin).when(other.into()), "access.key_exists");
    }

    #[test]
    fn a_revoked_key_does_not_come_back() {
        let given = vec![issued("p", 1, 0).into(), revoked("p", 1).into()];
        rejected(keyring(given).at(5, Actor::Admin).when(issue("p", 1).into()), "access.key_exists");
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let now = 10 * DAY_MICROS;
        let wrong = [
            ("access.unsupported_scope", IssueKey { scope: "owner".into(), ..issue("p", 1) }),
            ("access.unsupported_scope", IssueKey { scope: BRANCH_READ.into(), ..issue("p", 1) }),
            ("access.unsupported_scope", IssueKey { branch: Some("00c0ffee".into()), ..issue("p", 1) }),
            (
                "access.invalid_key",
                IssueKey { branch: Some("default".into()), scope: BRANCH_READ.into(), ..issue("p", 1) },
            ),
            (
                "access.invalid_key",
                IssueKey { project: String::new(), prefix: "proj__admin_...".into(), ..issue("p", 1) },
            ),
            ("access.invalid_key", IssueKey { key: "key_X".into(), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { digest: "secret".into(), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { prefix: "proj_p_admin_0123456789abcdef".into(), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { description: "x".repeat(DESCRIPTION_CHARS_MAX + 1), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { person: Some(String::new()), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { person: Some("x".repeat(PERSON_CHARS_MAX + 1)), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { rights: vec!["subject:a:own".into()], ..issue("p", 1) }),
            (
                "access.invalid_key",
                IssueKey { rights: vec!["config:read".into(); SCHEMA_RIGHTS_MAX + 1], ..issue("p", 1) },
            ),
            ("access.invalid_key", IssueKey { expires_at: Some(now), ..issue("p", 1) }),
            ("access.invalid_key", IssueKey { expires_at: Some(i64::MAX), ..issue("p", 1) }),
        ];
        for (code, command) in wrong {
            rejected(keyring(vec![]).at(now, Actor::Admin).when(command.into()), code);
        }
    }

    #[test]
    fn only_live_keys_count_towards_the_limit() {
        let full: Vec<_> = (1..=KEYS_PER_PROJECT_MAX).map(|n| issued("p", n, 0).into()).collect();
        let next = KEYS_PER_PROJECT_MAX + 1;
        rejected(keyring(full.clone()).at(5, Actor::Admin).when(issue("p", next).into()), "access.too_many_keys");
        let freed = [full, vec![revoked("p", 7).into()]].concat();
        let events = keyring(freed).at(5, Actor::Admin).when(issue("p", next).into()).inspect_result().unwrap();
        assert_eq!(events.len(), 1);
    }
}
