//! `UpdateKey`: a key is described otherwise, or may something else.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::issue_key::check_description;
use super::{Keyring, Permissions, Scope};
use crate::contract::{KeyPermissions, KeyUpdated, KeyringEvent, UpdateKey};
use crate::error;

impl Decide<Keyring> for UpdateKey {
    type Event = KeyringEvent;

    fn decide(self, keyring: &Keyring, at: &DecisionContext) -> Result<Vec<KeyringEvent>, Problem> {
        let key = keyring.get(&self.key).ok_or_else(|| error::key_not_found(&self.project, &self.key))?;
        keyring.may_give(&key.scope, at)?;
        if key.revoked {
            return Err(error::cannot_update(&self.key));
        }
        let description = self.description.unwrap_or_else(|| key.description.clone());
        check_description(&description)?;
        let is_of_permissions =
            self.buckets.is_some() || [self.manage_buckets, self.manage_tokens, self.read_all_files] != [None; 3];
        let scope = match &key.scope {
            // What is not named stays as it is here and now, whatever else was changed since the caller looked.
            Scope::Custom(may) => {
                let was = may.contract();
                Scope::Custom(Permissions::checked(&KeyPermissions {
                    buckets: self.buckets.unwrap_or(was.buckets),
                    manage_buckets: self.manage_buckets.unwrap_or(was.manage_buckets),
                    manage_tokens: self.manage_tokens.unwrap_or(was.manage_tokens),
                    read_all_files: self.read_all_files.unwrap_or(was.read_all_files),
                })?)
            }
            _ if is_of_permissions => return Err(error::without_permissions(key.scope.name())),
            scope => scope.clone(),
        };
        keyring.may_give(&scope, at)?;
        if description == key.description && scope == key.scope {
            return Ok(vec![]);
        }
        let permissions = scope.permissions().map(Permissions::contract);
        Ok(vec![KeyUpdated { project: self.project, key: self.key, description, permissions }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::permissions::tests::of;
    use super::super::testing::*;
    use super::super::{CUSTOM, DESCRIPTION_CHARS_MAX};
    use super::*;
    use crate::contract::{IssueKey, KeyIssued, RevokeKey, RotateKey};
    use crate::keys;
    use alluvium_kernel::Actor;

    fn custom(n: usize, may: &Permissions) -> KeyIssued {
        let prefix = keys::prefix("p", &Scope::Custom(may.clone()));
        KeyIssued { scope: CUSTOM.into(), permissions: Some(may.contract()), prefix, ..issued("p", n, 0) }
    }

    fn update(n: usize, description: Option<&str>, may: Option<&Permissions>) -> UpdateKey {
        let may = may.map(Permissions::contract);
        UpdateKey {
            project: "p".into(),
            key: key_id(n),
            description: description.map(str::to_owned),
            buckets: may.as_ref().map(|may| may.buckets.clone()),
            manage_buckets: may.as_ref().map(|may| may.manage_buckets),
            manage_tokens: may.as_ref().map(|may| may.manage_tokens),
            read_all_files: may.as_ref().map(|may| may.read_all_files),
        }
    }

    fn updated(n: usize, description: &str, may: Option<&Permissions>) -> KeyringEvent {
        let (key, description) = (key_id(n), description.to_owned());
        KeyUpdated { project: "p".into(), key, description, permissions: may.map(Permissions::contract) }.into()
    }

    #[test]
    fn what_is_not_named_stays_and_nothing_happens_where_nothing_changes() {
        let (less, more) = (of(&["a:read"]), of(&["a:write"]));
        let given = || keyring(vec![issued("p", 1, 0).into(), custom(2, &less).into()]);
        let described = update(2, Some("d"), None);
        given().at(5, Actor::Admin).when(described.into()).then_expect_events(vec![updated(2, "d", Some(&less))]);
        let wider = update(2, None, Some(&more));
        given().at(5, Actor::Admin).when(wider.into()).then_expect_events(vec![updated(2, "key 2", Some(&more))]);
        let of_project = update(1, Some("d"), None);
        given().at(5, Actor::Admin).when(of_project.into()).then_expect_events(vec![updated(1, "d", None)]);
        let flag = UpdateKey { read_all_files: Some(true), ..update(2, None, None) };
        let all_files = Permissions { read_all_files: true, ..less.clone() };
        let expected = vec![updated(2, "key 2", Some(&all_files))];
        given().at(5, Actor::Admin).when(flag.into()).then_expect_events(expected);
        let same = update(2, Some("key 2"), Some(&less));
        given().at(5, Actor::Admin).when(same.into()).then_expect_events(vec![]);
        let twice = keyring(vec![custom(2, &less).into(), updated(2, "d", Some(&more))]);
        twice.at(5, Actor::Admin).when(update(2, Some("d"), Some(&more)).into()).then_expect_events(vec![]);
    }

    #[test]
    fn what_cannot_be_changed_is_refused() {
        let may = of(&["a:read"]);
        let long = "x".repeat(DESCRIPTION_CHARS_MAX + 1);
        for (code, command) in [
            ("access.api_key_not_found", update(9, None, None)),
            ("access.cannot_update_revoked_key", update(3, Some("d"), None)),
            ("access.invalid_request", update(1, None, Some(&may))),
            ("access.invalid_key", update(2, Some(&long), None)),
        ] {
            let given = vec![issued("p", 1, 0).into(), custom(2, &may).into(), issued("p", 3, 0).into()];
            let given = keyring([given, vec![revoked("p", 3).into()]].concat());
            rejected(given.at(5, Actor::Admin).when(command.into()), code);
        }
    }

    /// Whatever way a key comes to be, or comes to open more.
    #[test]
    fn no_key_makes_rotates_changes_or_ends_one_that_is_wider() {
        let own = Permissions { manage_tokens: true, ..of(&["a:write", "b:read"]) };
        let (narrow, wide) = (of(&["a:read"]), of(&["b:write"]));
        let given = || {
            let keys = [custom(2, &own), custom(3, &narrow), custom(4, &wide)].map(KeyringEvent::from);
            keyring([vec![issued("p", 1, 0).into()], keys.to_vec()].concat())
        };
        let by = |n| Actor::Key(key_id(n));
        let issue = |may: &Permissions| IssueKey {
            scope: CUSTOM.into(),
            permissions: Some(may.contract()),
            prefix: keys::prefix("p", &Scope::Custom(may.clone())),
            ..issue("p", 5)
        };
        let rotate = |n| RotateKey {
            project: "p".into(),
            key: key_id(n),
            successor: key_id(5),
            digest: digest(5),
            prefix: keys::prefix("p", &if n == 1 { Scope::Project } else { Scope::Custom(own.clone()) }),
            rights: vec![],
            grace_seconds: 0,
        };
        let revoke = |n| RevokeKey { project: "p".into(), key: key_id(n) };
        let refused = |result| rejected(result, "access.forbidden");
        for (may, fits) in [(&narrow, true), (&own, true), (&wide, false)] {
            let made = given().at(5, by(2)).when(issue(may).into()).inspect_result();
            assert_eq!(made.err().map(|problem| problem.code), (!fits).then(|| "access.forbidden".to_owned()));
        }
        refused(given().at(5, by(2)).when(super::super::testing::issue("p", 5).into()));
        for n in [1, 4] {
            refused(given().at(5, by(2)).when(rotate(n).into()));
            refused(given().at(5, by(2)).when(update(n, Some("d"), None).into()));
            refused(given().at(5, by(2)).when(revoke(n).into()));
        }
        refused(given().at(5, by(2)).when(update(3, None, Some(&wide)).into()));
        refused(given().at(5, by(2)).when(update(2, None, Some(&wide)).into()));
        for n in [2, 3] {
            assert!(given().at(5, by(2)).when(rotate(n).into()).inspect_result().is_ok());
            assert!(given().at(5, by(2)).when(update(n, Some("d"), Some(&narrow)).into()).inspect_result().is_ok());
            assert!(given().at(5, by(2)).when(revoke(n).into()).inspect_result().is_ok());
        }
        assert!(given().at(5, by(1)).when(rotate(4).into()).inspect_result().is_ok());
        // Whom nobody here knows has nothing to give.
        refused(given().at(5, by(9)).when(issue(&narrow).into()));
    }

    #[test]
    fn a_rotated_key_may_what_it_could() {
        let may = Permissions { read_all_files: true, ..of(&["a:write"]) };
        let rotate = RotateKey {
            project: "p".into(),
            key: key_id(2),
            successor: key_id(3),
            digest: digest(3),
            prefix: "proj_p_token_...".into(),
            rights: vec![],
            grace_seconds: 0,
        };
        let events = keyring(vec![custom(2, &may).into()]).at(5, Actor::Admin).when(rotate.into()).inspect_result();
        let events = events.unwrap();
        let KeyringEvent::KeyIssued(issued) = &events[0] else { panic!("{events:?}") };
        assert_eq!((issued.scope.as_str(), &issued.permissions), (CUSTOM, &Some(may.contract())));
    }
}
