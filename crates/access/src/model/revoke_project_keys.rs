//! `RevokeProjectKeys`: no key outlives its project.

use alluvium_kernel::{Decide, DecisionContext, Problem, Timestamp};

use super::Keyring;
use crate::contract::{KeyRevoked, KeyringEvent, RevokeProjectKeys};

impl Decide<Keyring> for RevokeProjectKeys {
    type Event = KeyringEvent;

    fn decide(self, keyring: &Keyring, _: &DecisionContext) -> Result<Vec<KeyringEvent>, Problem> {
        let doomed = keyring.belonging_before(Timestamp::from_micros(self.issued_before));
        Ok(doomed.into_iter().map(|key| KeyRevoked { project: self.project.clone(), key }.into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::contract::KeyRotated;
    use alluvium_kernel::Actor;

    fn revoke_before(issued_before: i64) -> RevokeProjectKeys {
        RevokeProjectKeys { project: "p".into(), issued_before }
    }

    #[test]
    fn every_key_of_the_deleted_project_dies_and_those_of_its_successor_live() {
        keyring(vec![issued("p", 1, 10).into(), issued("p", 2, 20).into(), issued("p", 3, 21).into()])
            .at(30, Actor::System("access".into()))
            .when(revoke_before(20).into())
            .then_expect_events(vec![revoked("p", 1).into(), revoked("p", 2).into()]);
    }

    #[test]
    fn keys_that_a_dead_projects_keys_issued_die_with_them() {
        let by = |n: usize, at: i64, issuer: usize| {
            let mut key = issued("p", n, at);
            key.issued_by = format!("key:{}", key_id(issuer));
            key
        };
        keyring(vec![issued("p", 9, 10).into(), by(2, 21, 9).into(), by(1, 22, 2).into(), issued("p", 4, 23).into()])
            .at(30, Actor::System("access".into()))
            .when(revoke_before(20).into())
            .then_expect_events(vec![revoked("p", 1).into(), revoked("p", 2).into(), revoked("p", 9).into()]);
    }

    #[test]
    fn a_key_in_a_dead_projects_keys_place_dies_with_it() {
        let rotated = KeyRotated { project: "p".into(), key: key_id(1), successor: key_id(2), works_until: Some(90) };
        keyring(vec![issued("p", 1, 10).into(), issued("p", 2, 21).into(), rotated.into(), issued("p", 3, 22).into()])
            .at(30, Actor::System("access".into()))
            .when(revoke_before(20).into())
            .then_expect_events(vec![revoked("p", 1).into(), revoked("p", 2).into()]);
    }

    #[test]
    fn doing_it_again_changes_nothing() {
        keyring(vec![issued("p", 1, 10).into(), revoked("p", 1).into()])
            .at(30, Actor::System("access".into()))
            .when(revoke_before(20).into())
            .then_expect_events(vec![]);
    }
}
