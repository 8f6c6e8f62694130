//! `RevokeKey`: a key stops working.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::Keyring;
use crate::contract::{KeyRevoked, KeyringEvent, RevokeKey};
use crate::error;

impl Decide<Keyring> for RevokeKey {
    type Event = KeyringEvent;

    fn decide(self, keyring: &Keyring, at: &DecisionContext) -> Result<Vec<KeyringEvent>, Problem> {
        let key = keyring.get(&self.key).ok_or_else(|| error::key_not_found(&self.project, &self.key))?;
        keyring.may_give(&key.scope, at)?;
        if key.revoked {
            return Ok(vec![]);
        }
        if keyring.live_admins(at.time).eq([self.key.as_str()]) {
            return Err(error::last_admin_key(&self.key));
        }
        Ok(vec![KeyRevoked { project: self.project, key: self.key }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::contract::KeyIssued;
    use alluvium_kernel::Actor;

    fn revoke(n: usize) -> RevokeKey {
        RevokeKey { project: "p".into(), key: key_id(n) }
    }

    #[test]
    fn a_key_beside_another_is_revoked() {
        keyring(vec![issued("p", 1, 0).into(), issued("p", 2, 0).into()])
            .at(5, Actor::Admin)
            .when(revoke(1).into())
            .then_expect_events(vec![revoked("p", 1).into()]);
    }

    #[test]
    fn revoking_twice_changes_nothing() {
        keyring(vec![issued("p", 1, 0).into(), issued("p", 2, 0).into(), revoked("p", 1).into()])
            .at(5, Actor::Admin)
            .when(revoke(1).into())
            .then_expect_events(vec![]);
    }

    #[test]
    fn the_last_live_key_stays() {
        let alone = vec![issued("p", 1, 0).into()];
        rejected(keyring(alone).at(5, Actor::Admin).when(revoke(1).into()), "access.cannot_revoke_last_admin_key");
        let mut other = issued("p", 2, 0);
        other.expires_at = Some(4);
        let beside_expired = vec![issued("p", 1, 0).into(), other.into()];
        rejected(
            keyring(beside_expired).at(5, Actor::Admin).when(revoke(1).into()),
            "access.cannot_revoke_last_admin_key",
        );
    }

    #[test]
    fn a_key_of_the_registry_does_not_stand_in_for_the_last_one() {
        let of_registry = KeyIssued { scope: super::super::REGISTRY.into(), ..issued("p", 2, 0) };
        let given = || vec![issued("p", 1, 0).into(), of_registry.clone().into()];
        let at = |given| keyring(given).at(5, Actor::Admin);
        rejected(at(given()).when(revoke(1).into()), "access.cannot_revoke_last_admin_key");
        at(given()).when(revoke(2).into()).then_expect_events(vec![revoked("p", 2).into()]);
    }

    #[test]
    fn an_expired_key_can_be_revoked_beside_the_last_live_one() {
        let mut expired = issued("p", 1, 0);
        expired.expires_at = Some(4);
        keyring(vec![expired.into(), issued("p", 2, 0).into()])
            .at(5, Actor::Admin)
            .when(revoke(1).into())
            .then_expect_events(vec![revoked("p", 1).into()]);
    }

    #[test]
    fn an_unknown_key_is_not_found() {
        rejected(keyring(vec![]).at(5, Actor::Admin).when(revoke(1).into()), "access.api_key_not_found");
    }
}
