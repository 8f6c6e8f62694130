//! All keys of one project.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{Actor, Evolve, Timestamp};
use serde::{Deserialize, Serialize};

use super::PROJECT_ADMIN;
use crate::contract::{KeyIssued, KeyRevoked};

/// The keys that a project, or an earlier project of the same id, has ever had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keyring {
    keys: BTreeMap<String, KeyState>,
}

/// What the rules need to know of a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyState {
    /// HMAC of the whole key.
    pub digest: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Who issued it, in an actor's printed form.
    pub issued_by: String,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Whether it opens nothing of its project.
    // Absent from snapshots of releases that had no such keys.
    #[serde(default)]
    pub outside: bool,
}

impl KeyState {
    /// Whether it opens anything at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl Keyring {
    /// A key by its id.
    pub fn get(&self, key: &str) -> Option<&KeyState> {
        self.keys.get(key)
    }

    /// Ids of the keys that open the project at `now`.
    pub fn live_admins(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let admins = self.keys.iter().filter(move |(_, state)| state.is_live(now) && !state.outside);
        admins.map(|(id, _)| id.as_str())
    }

    /// Ids of the keys that work at `now`.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |(_, state)| state.is_live(now)).map(|(id, _)| id.as_str())
    }

    /// Ids of unrevoked keys that belong to the time up to `before`: issued then, or issued by such a key later. The second
    /// kind exists because a deleted project's key may still act in the moment before its revocation.
    pub fn belonging_before(&self, before: Timestamp) -> Vec<String> {
        let mut doomed: BTreeSet<&str> =
            self.keys.iter().filter(|(_, state)| state.issued_at <= before).map(|(id, _)| id.as_str()).collect();
        let mut later: Vec<_> = self.keys.iter().filter(|(_, state)| state.issued_at > before).collect();
        // A key is issued after its issuer, so one pass in order of time reaches every generation.
        later.sort_by_key(|(_, state)| state.issued_at);
        for (id, state) in later {
            let issuer = Actor::try_from(state.issued_by.clone());
            if matches!(issuer, Ok(Actor::Key(issuer)) if doomed.contains(issuer.as_str())) {
                doomed.insert(id);
            }
        }
        let unrevoked = |id: &&str| self.keys.get(*id).is_some_and(|state| !state.revoked);
        doomed.into_iter().filter(unrevoked).map(str::to_owned).collect()
    }
}

impl Evolve<Keyring> for KeyIssued {
    fn evolve(self, keyring: &mut Keyring) {
        let state = KeyState {
            digest: self.digest,
            issued_at: Timestamp::from_micros(self.issued_at),
            issued_by: self.issued_by,
            expires_at: self.expires_at.map(Timestamp::from_micros),
            revoked: false,
            outside: self.scope != PROJECT_ADMIN,
        };
        keyring.keys.insert(self.key, state);
    }
}

impl Evolve<Keyring> for KeyRevoked {
    fn evolve(self, keyring: &mut Keyring) {
        if let Some(state) = keyring.keys.get_mut(&self.key) {
            state.revoked = true;
        }
    }
}
