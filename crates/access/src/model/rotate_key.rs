//! `RotateKey`: a key gives its place to another one.

use alluvium_kernel::sealed::{SealedText, chars_of};
use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::issue_key::check_minted;
use super::{DESCRIPTION_CHARS_MAX, GRACE_SECONDS_MAX, KEYS_PER_PROJECT_MAX, Keyring, Permissions};
use crate::contract::{KeyIssued, KeyRotated, KeyringEvent, RotateKey};
use crate::error;

/// What is added to the description of the key that follows.
const ROTATED: &str = " (rotated)";
const SECOND_MICROS: i64 = 1_000_000;

impl Decide<Keyring> for RotateKey {
    type Event = KeyringEvent;

    fn decide(self, keyring: &Keyring, at: &DecisionContext) -> Result<Vec<KeyringEvent>, Problem> {
        let old = keyring.get(&self.key).ok_or_else(|| error::key_not_found(&self.project, &self.key))?;
        keyring.may_give(&old.scope, at)?;
        check_minted(&self.project, &old.scope, &self.successor, &self.digest, &self.prefix)?;
        if let Some(known) = keyring.get(&self.successor) {
            let same = old.successor.as_ref() == Some(&self.successor) && known.digest == self.digest && !known.revoked;
            return if same { Ok(vec![]) } else { Err(error::key_exists(&self.successor)) };
        }
        if old.revoked || old.successor.is_some() {
            return Err(error::cannot_rotate(&self.key));
        }
        // The right to rotate was asked for these: a project's key must not come by rights that only the admin gives.
        if self.rights != old.rights {
            return Err(error::invalid_key("`rights` must be those of the key that is rotated."));
        }
        if !(0..=GRACE_SECONDS_MAX).contains(&self.grace_seconds) {
            return Err(error::invalid_key(format!("`grace_seconds` must be 0 to {GRACE_SECONDS_MAX}.")));
        }
        let stays = self.grace_seconds > 0;
        let others = keyring.live(at.time).filter(|id| *id != self.key).count();
        if others + usize::from(stays) + 1 > KEYS_PER_PROJECT_MAX {
            return Err(error::too_many_keys(&self.project));
        }
        let now = at.time.micros();
        let lifetime = old.expires_at.map(|expires_at| expires_at.micros().saturating_sub(old.issued_at.micros()));
        let issued = KeyIssued {
            project: self.project.clone(),
            key: self.successor.clone(),
            digest: self.digest,
            prefix: self.prefix,
            scope: old.scope.name().to_owned(),
            branch: old.scope.branch().map(str::to_owned),
            description: following(&old.description),
            expires_at: lifetime.map(|lifetime| now.saturating_add(lifetime)),
            issued_at: now,
            issued_by: at.actor.to_string(),
            rights: self.rights,
            permissions: old.scope.permissions().map(Permissions::contract),
            person: old.person.clone(),
        };
        let works_until = stays.then(|| now.saturating_add(self.grace_seconds * SECOND_MICROS));
        let rotated = KeyRotated { project: self.project, key: self.key, successor: self.successor, works_until };
        Ok(vec![issued.into(), rotated.into()])
    }
}

/// The description of the key that follows one of this description; what does not fit goes from its end.
fn following(description: &str) -> String {
    // A sealed one stays as it is, and says the rest in clear; where there is no room for that, it says no more than before.
    if SealedText::parse(description).is_some() {
        let longer = chars_of(description) + ROTATED.len() <= DESCRIPTION_CHARS_MAX;
        return format!("{description}{}", if longer { ROTATED } else { "" });
    }
    let kept = description.chars().take(DESCRIPTION_CHARS_MAX - ROTATED.len());
    kept.chain(ROTATED.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::{BRANCH_READ, DAY_MICROS, Scope};
    use super::*;
    use crate::keys;
    use alluvium_kernel::Actor;

    fn rotate(key: usize, successor: usize, grace_seconds: i64) -> RotateKey {
        RotateKey {
            project: "p".into(),
            key: key_id(key),
            successor: key_id(successor),
            digest: digest(successor),
            prefix: keys::prefix("p", &Scope::Project),
            rights: vec![],
            grace_seconds,
        }
    }

    fn rotated(key: usize, successor: usize, works_until: Option<i64>) -> KeyringEvent {
        KeyRotated { project: "p".into(), key: key_id(key), successor: key_id(successor), works_until }.into()
    }

    #[test]
    fn the_next_key_has_the_same_scope_and_lifetime_and_the_old_one_dies_at_once() {
        let branch = Some("0123abcd".to_owned());
        let of_branch = |n, at| KeyIssued {
            scope: BRANCH_READ.into(),
            branch: branch.clone(),
            prefix: "proj_p_branch_0123abcd_read_...".into(),
            ..issued("p", n, at)
        };
        let old = KeyIssued { expires_at: Some(10 + DAY_MICROS), ..of_branch(1, 10) };
        let command = RotateKey { prefix: old.prefix.clone(), ..rotate(1, 2, 0) };
        let next = KeyIssued {
            description: "key 1 (rotated)".into(),
            expires_at: Some(50 + DAY_MICROS),
            issued_by: format!("key:{}", key_id(7)),
            ..of_branch(2, 50)
        };
        keyring(vec![old.into(), issued("p", 7, 0).into()])
            .at(50, Actor::Key(key_id(7)))
            .when(command.into())
            .then_expect_events(vec![next.into(), rotated(1, 2, None)]);
    }

    #[test]
    fn with_grace_the_old_key_works_a_while_and_is_no_last_admin_key() {
        let next = KeyIssued { description: "key 1 (rotated)".into(), ..issued("p", 2, 50) };
        let expected = vec![next.clone().into(), rotated(1, 2, Some(50 + 60 * SECOND_MICROS))];
        let given = || vec![issued("p", 1, 10).into()];
        keyring(given()).at(50, Actor::Admin).when(rotate(1, 2, 60).into()).then_expect_events(expected.clone());

        let after = [given(), expected].concat();
        let again = keyring(after.clone()).at(60, Actor::Admin).when(rotate(1, 2, 60).into());
        again.then_expect_events(vec![]);
        let twice = keyring(after.clone()).at(60, Actor::Admin).when(rotate(1, 3, 60).into());
        rejected(twice, "access.cannot_rotate_revoked_key");
        let last = crate::contract::RevokeKey { project: "p".into(), key: key_id(2) };
        rejected(keyring(after).at(60, Actor::Admin).when(last.into()), "access.cannot_revoke_last_admin_key");
    }

    #[test]
    fn what_cannot_be_rotated_is_refused() {
        let rights = vec!["config:read".to_owned()];
        let given = || {
            let greedy = KeyIssued { rights: rights.clone(), ..issued("p", 3, 0) };
            vec![issued("p", 1, 0).into(), issued("p", 2, 0).into(), revoked("p", 2).into(), greedy.into()]
        };
        let prefix = "proj_p_admin_0123456789abcdef".to_owned();
        for (code, command) in [
            ("access.api_key_not_found", rotate(9, 4, 0)),
            ("access.cannot_rotate_revoked_key", rotate(2, 4, 0)),
            ("access.key_exists", rotate(1, 3, 0)),
            ("access.invalid_key", rotate(1, 4, -1)),
            ("access.invalid_key", rotate(1, 4, GRACE_SECONDS_MAX + 1)),
            ("access.invalid_key", RotateKey { prefix, ..rotate(1, 4, 0) }),
            ("access.invalid_key", RotateKey { digest: "secret".into(), ..rotate(1, 4, 0) }),
            // A key with rights keeps them, and asking for that says so.
            ("access.invalid_key", rotate(3, 4, 0)),
        ] {
            rejected(keyring(given()).at(5, Actor::Admin).when(command.into()), code);
        }
        let same = RotateKey { rights: rights.clone(), ..rotate(3, 4, 0) };
        let events = keyring(given()).at(5, Actor::Admin).when(same.into()).inspect_result().unwrap();
        assert!(matches!(&events[0], KeyringEvent::KeyIssued(issued) if issued.rights == rights));
    }

    #[test]
    fn a_description_stays_within_its_limit() {
        let long = following(&"é".repeat(DESCRIPTION_CHARS_MAX));
        assert_eq!(long.chars().count(), DESCRIPTION_CHARS_MAX);
        assert!(long.ends_with("é (rotated)"));
        let sealed = "sealed:v1:project.p.1:1020:AAAA.";
        assert_eq!(following(sealed), sealed);
        let short = sealed.replace("1020", "20");
        assert_eq!(following(&following(&short)), format!("{short} (rotated) (rotated)"));
    }
}
