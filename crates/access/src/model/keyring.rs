//! All keys of one project.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::{Actor, DecisionContext, Evolve, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Permissions, Scope};
use crate::contract::{KeyIssued, KeyRevoked, KeyRotated, KeyUpdated};
use crate::error;

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
    /// How much of its project it opens.
    pub scope: Scope,
    /// What it may in the schema registry, in printed form.
    pub rights: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Who holds it, if anybody was named.
    #[serde(default)]
    pub person: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Who issued it, in an actor's printed form.
    pub issued_by: String,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The key that took its place, if it was rotated.
    pub successor: Option<String>,
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

    /// Ids of the keys that open the project at `now`, without those that only work on until their successors are in use.
    pub fn live_admins(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let is_admin = |state: &KeyState| state.scope == Scope::Project && state.successor.is_none();
        let admins = self.keys.iter().filter(move |(_, state)| state.is_live(now) && is_admin(state));
        admins.map(|(id, _)| id.as_str())
    }

    /// Ids of the keys that work at `now`.
    pub fn live(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |(_, state)| state.is_live(now)).map(|(id, _)| id.as_str())
    }

    /// Whether a key that works at `now` is described so.
    pub(super) fn is_taken(&self, description: &str, now: Timestamp) -> bool {
        self.keys.values().any(|state| state.is_live(now) && state.description == description)
    }

    /// Refuses a key to whoever has less than a key of this scope opens. Who has no key, was asked for more than that before.
    pub(super) fn may_give(&self, scope: &Scope, at: &DecisionContext) -> Result<(), Problem> {
        let Actor::Key(own) = &at.actor else { return Ok(()) };
        match self.get(own) {
            Some(own) if own.scope.covers(scope) => Ok(()),
            _ => Err(error::too_wide(scope.name())),
        }
    }

    /// Ids of the unrevoked keys of one branch.
    pub fn of_branch<'a>(&'a self, branch: &'a str) -> impl Iterator<Item = &'a str> {
        let is_of = move |state: &KeyState| !state.revoked && state.scope.branch() == Some(branch);
        self.keys.iter().filter(move |(_, state)| is_of(state)).map(|(id, _)| id.as_str())
    }

    /// Ids of unrevoked keys that belong to the time up to `before`: issued then, or issued by such a key or in such a key's
    /// place later. The second kind exists because a deleted project's key may still act in the moment before its revocation.
    pub fn belonging_before(&self, before: Timestamp) -> Vec<String> {
        let mut doomed: BTreeSet<&str> =
            self.keys.iter().filter(|(_, state)| state.issued_at <= before).map(|(id, _)| id.as_str()).collect();
        let mut later: Vec<_> = self.keys.iter().filter(|(_, state)| state.issued_at > before).collect();
        // A key is issued after its issuer, so one pass in order of time reaches every generation.
        later.sort_by_key(|(_, state)| state.issued_at);
        let rotated = self.keys.iter().filter_map(|(id, state)| Some((state.successor.as_deref()?, id.as_str())));
        let predecessors: BTreeMap<&str, &str> = rotated.collect();
        for (id, state) in later {
            let issuer = Actor::try_from(state.issued_by.clone());
            let in_place = predecessors.get(id.as_str()).is_some_and(|old| doomed.contains(old));
            if in_place || matches!(issuer, Ok(Actor::Key(issuer)) if doomed.contains(issuer.as_str())) {
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
            scope: Scope::logged(&self.scope, self.branch.as_deref(), self.permissions.as_ref()),
            digest: self.digest,
            rights: self.rights,
            description: self.description,
            person: self.person,
            issued_at: Timestamp::from_micros(self.issued_at),
            issued_by: self.issued_by,
            expires_at: self.expires_at.map(Timestamp::from_micros),
            revoked: false,
            successor: None,
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

impl Evolve<Keyring> for KeyUpdated {
    fn evolve(self, keyring: &mut Keyring) {
        let Some(state) = keyring.keys.get_mut(&self.key) else { return };
        state.description = self.description;
        if let (Scope::Custom(may), Some(given)) = (&mut state.scope, &self.permissions) {
            *may = Permissions::logged(given);
        }
    }
}

impl Evolve<Keyring> for KeyRotated {
    fn evolve(self, keyring: &mut Keyring) {
        let Some(state) = keyring.keys.get_mut(&self.key) else { return };
        state.successor = Some(self.successor);
        match self.works_until.map(Timestamp::from_micros) {
            Some(until) => state.expires_at = Some(state.expires_at.map_or(until, |expires_at| expires_at.min(until))),
            None => state.revoked = true,
        }
    }
}
