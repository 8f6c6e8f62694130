//! What is allowed now: a small fold of this context's events in memory, one per process, so that authentication costs no
//! query and a revocation holds from the next request on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use alluvium_kernel::{Problem, SchemaRights, Timestamp, Token, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage};
use alluvium_projection::{Live, LiveFold};

use crate::context::{INSTALLATION, MEMBERSHIP};
use crate::contract::{Event, KeyIssued, KeyRevoked, KeyRotated, KeyUpdated, KeyringEvent, TenantEvent};
use crate::error;
use crate::model::{Permissions, Rights, Scope};
use crate::tenancy::Tenancy;

/// The stream of this context's events.
pub const STREAM: &str = "EV_ACCESS";
/// The fold's name where reads wait for it.
pub const LIVE: &str = "access.live";

/// The fold with its reader. Until the log has been read to its end it opens nothing.
pub type Follower = Live<LiveKeys>;

/// A key as authentication needs it.
#[derive(Debug)]
pub struct LiveKey {
    /// Whose.
    pub tenant: Token,
    /// The project it is of.
    pub project: String,
    /// How much of that it opens.
    pub scope: Scope,
    /// What it may in the schema registry.
    pub rights: SchemaRights,
    /// Its id.
    pub id: String,
    /// The key whose files and workspaces it has: itself, or the first of those in whose place it came.
    pub holder: String,
    /// What it is known by.
    digest: String,
    /// From when on it is dead, in microseconds since 1970; the least number there is when it was revoked.
    dead_at: AtomicI64,
    /// When its use was last noted, in microseconds since 1970.
    pub(crate) noted_at: AtomicI64,
}

impl LiveKey {
    /// Whether it opens anything at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.micros() < self.dead_at.load(Ordering::Acquire)
    }
}

/// All keys and grants. Ids and digests belong to who had them first, for ever: nobody can take over another's key by
/// issuing one that looks like it.
#[derive(Debug, Default)]
pub struct LiveKeys(RwLock<Fold>);

#[derive(Debug, Default)]
struct Fold {
    by_digest: HashMap<String, Arc<LiveKey>>,
    by_id: HashMap<(Token, String), Arc<LiveKey>>,
    publishers: HashMap<Token, Rights>,
    tenancy: Tenancy,
}

impl LiveKeys {
    /// The key of this digest, live or dead.
    pub fn by_digest(&self, digest: &str) -> Option<Arc<LiveKey>> {
        self.read(|fold| fold.by_digest.get(digest).cloned())
    }

    /// A tenant's key by its id, live or dead.
    pub fn by_id(&self, tenant: &Token, id: &str) -> Option<Arc<LiveKey>> {
        self.read(|fold| fold.by_id.get(&(tenant.clone(), id.to_owned())).cloned())
    }

    /// A tenant's live key that has what `holder` made: itself, or the one that came in its place.
    pub fn of_holder(&self, tenant: &Token, holder: &str, now: Timestamp) -> Option<Arc<LiveKey>> {
        let has = |key: &&Arc<LiveKey>| key.holder == holder && key.tenant == *tenant && key.is_live(now);
        self.read(|fold| fold.by_id.values().find(has).cloned())
    }

    /// What unsigned messages of a tenant may do.
    pub fn publishers(&self, tenant: &Token) -> Rights {
        self.read(|fold| fold.publishers.get(tenant).copied().unwrap_or_default())
    }

    /// Looks at tenants, members and trusts.
    pub(crate) fn tenancy<T>(&self, look: impl FnOnce(&Tenancy) -> T) -> T {
        self.read(|fold| look(&fold.tenancy))
    }

    /// Whether a tenant has a key that works at `now`.
    pub(crate) fn has_keys(&self, tenant: &Token, now: Timestamp) -> bool {
        self.read(|fold| fold.by_id.iter().any(|((of, _), key)| of == tenant && key.is_live(now)))
    }

    fn read<T>(&self, look: impl FnOnce(&Fold) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LiveFold for LiveKeys {
    const STREAM: &'static str = STREAM;
    const NAME: &'static str = LIVE;

    fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Fold::default();
    }

    /// What does not decode opens nothing; it is told to people and passed over.
    fn apply(&self, message: &LogMessage) {
        match decode(message) {
            Ok((tenant, events)) => {
                let mut fold = self.0.write().unwrap_or_else(PoisonError::into_inner);
                events.into_iter().for_each(|event| fold.apply(&tenant, event));
            }
            Err(reason) => tracing::error!(
                stream.name = %message.stream, stream.seq = message.seq, reason,
                "a message of the access log cannot be used and opens nothing"
            ),
        }
    }

    fn not_ready() -> Problem {
        error::not_ready()
    }
}

/// The events of a message on `ev.<tenant>.access.…`, checked against the aggregate that its subject names.
pub(crate) fn decode(message: &LogMessage) -> Result<(Token, Vec<Event>), String> {
    let Some(subject::Parsed::Event { tenant, id, .. }) = subject::parse(&message.subject) else {
        return Err(format!("`{}` is no subject of an aggregate", message.subject));
    };
    let commit = Commit::from_avro(&message.payload).map_err(|error| error.to_string())?;
    let mut events = Vec::with_capacity(commit.entries.len());
    for entry in &commit.entries {
        let event = Event::decode(&entry.r#type, &entry.event).map_err(|error| error.to_string())?;
        let owner = match &event {
            Event::Keyring(KeyringEvent::KeyIssued(issued)) => &issued.project,
            Event::Keyring(KeyringEvent::KeyRevoked(revoked)) => &revoked.project,
            Event::Keyring(KeyringEvent::KeyRotated(rotated)) => &rotated.project,
            Event::Keyring(KeyringEvent::KeyUpdated(updated)) => &updated.project,
            Event::Tenant(
                TenantEvent::PublishersGranted(_)
                | TenantEvent::PersonForgotten(_)
                | TenantEvent::ProjectForgotten(_)
                | TenantEvent::TenantForgotten(_),
            ) => &tenant.decode(),
            Event::Installation(_) => &INSTALLATION.to_owned(),
            Event::Membership(_) => &MEMBERSHIP.to_owned(),
        };
        if *owner != id.decode() {
            return Err(format!("an event of `{owner}` stands on the subject of `{}`", id.decode()));
        }
        events.push(event);
    }
    Ok((tenant, events))
}

impl Fold {
    fn apply(&mut self, tenant: &Token, event: Event) {
        match event {
            Event::Keyring(KeyringEvent::KeyIssued(issued)) => self.issued(tenant, issued),
            Event::Keyring(KeyringEvent::KeyRevoked(KeyRevoked { project, key })) => {
                self.ends(tenant, &project, key, i64::MIN);
            }
            Event::Keyring(KeyringEvent::KeyRotated(rotated)) => self.rotated(tenant, rotated),
            Event::Keyring(KeyringEvent::KeyUpdated(updated)) => self.updated(tenant, &updated),
            Event::Tenant(TenantEvent::PublishersGranted(granted)) => {
                let rights = Rights::parse(&granted.rights).unwrap_or_default();
                self.publishers.insert(tenant.clone(), rights);
            }
            Event::Installation(event) => self.tenancy.installed(tenant, event),
            Event::Membership(event) => self.tenancy.joined(tenant, event),
            // Of keys that fields are sealed under: nobody may more or less for it.
            Event::Tenant(
                TenantEvent::PersonForgotten(_) | TenantEvent::ProjectForgotten(_) | TenantEvent::TenantForgotten(_),
            ) => {}
        }
    }

    fn issued(&mut self, tenant: &Token, issued: KeyIssued) {
        let id = (tenant.clone(), issued.key.clone());
        if self.by_id.contains_key(&id) || self.by_digest.contains_key(&issued.digest) {
            tracing::warn!(tenant = %tenant, project = issued.project, key = issued.key, "a key repeats another one; ignored");
            return;
        }
        let key = Arc::new(LiveKey {
            tenant: tenant.clone(),
            project: issued.project,
            scope: Scope::logged(&issued.scope, issued.branch.as_deref(), issued.permissions.as_ref()),
            // What is no right of this release gives nothing.
            rights: SchemaRights::of(issued.rights.iter().filter_map(|right| right.parse().ok()).collect()),
            holder: issued.key.clone(),
            id: issued.key,
            digest: issued.digest.clone(),
            dead_at: AtomicI64::new(issued.expires_at.unwrap_or(i64::MAX)),
            noted_at: AtomicI64::new(0),
        });
        self.by_digest.insert(issued.digest, key.clone());
        self.by_id.insert(id, key);
    }

    fn rotated(&mut self, tenant: &Token, rotated: KeyRotated) {
        let KeyRotated { project, key, successor, works_until } = rotated;
        let old = self.by_id.get(&(tenant.clone(), key.clone())).filter(|old| old.project == project);
        if let Some(holder) = old.map(|old| old.holder.clone()) {
            self.change(tenant, &project, &successor, |next| next.holder = holder);
        }
        self.ends(tenant, &project, key, works_until.unwrap_or(i64::MIN));
    }

    fn updated(&mut self, tenant: &Token, updated: &KeyUpdated) {
        let Some(may) = updated.permissions.as_ref().map(Permissions::logged) else { return };
        self.change(tenant, &updated.project, &updated.key, |key| {
            if let Scope::Custom(own) = &mut key.scope {
                *own = may;
            }
        });
    }

    /// Puts a changed key in a key's place; whoever holds the former one goes on with that until its request is over.
    fn change(&mut self, tenant: &Token, project: &str, key: &str, change: impl FnOnce(&mut LiveKey)) {
        let Some(old) = self.by_id.get_mut(&(tenant.clone(), key.to_owned())).filter(|old| old.project == project)
        else {
            return;
        };
        let mut new = LiveKey {
            tenant: old.tenant.clone(),
            project: old.project.clone(),
            scope: old.scope.clone(),
            rights: old.rights.clone(),
            id: old.id.clone(),
            holder: old.holder.clone(),
            digest: old.digest.clone(),
            dead_at: AtomicI64::new(old.dead_at.load(Ordering::Acquire)),
            noted_at: AtomicI64::new(old.noted_at.load(Ordering::Acquire)),
        };
        change(&mut new);
        let new = Arc::new(new);
        self.by_digest.insert(new.digest.clone(), new.clone());
        *old = new;
    }

    /// A key is dead from `at` on, or from earlier if that was said before.
    fn ends(&mut self, tenant: &Token, project: &str, key: String, at: i64) {
        let key = self.by_id.get(&(tenant.clone(), key));
        if let Some(key) = key.filter(|key| key.project == project) {
            key.dead_at.fetch_min(at, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::KeyPermissions;
    use crate::model::CUSTOM;
    use crate::model::testing::{digest, issued, key_id, revoked};
    use alluvium_kernel::Access;

    fn tenant() -> Token {
        Token::encode("default").unwrap()
    }

    fn fold(events: Vec<KeyringEvent>) -> Fold {
        let mut fold = Fold::default();
        events.into_iter().for_each(|event| fold.apply(&tenant(), Event::Keyring(event)));
        fold
    }

    #[test]
    fn a_key_lives_until_revoked_or_expired() {
        let mut short = issued("p", 2, 0);
        short.expires_at = Some(10);
        let fold = fold(vec![issued("p", 1, 0).into(), short.into(), issued("p", 3, 0).into(), revoked("p", 3).into()]);
        let live = |n, at| fold.by_digest[&digest(n)].is_live(Timestamp::from_micros(at));
        assert!(live(1, 0) && live(1, i64::MAX - 1));
        assert!(live(2, 9) && !live(2, 10));
        assert!(!live(3, 0));
    }

    #[test]
    fn a_rotated_key_dies_at_once_or_after_its_grace_and_never_later_than_it_would_have() {
        let rotated = |n, works_until| {
            KeyRotated { project: "p".into(), key: key_id(n), successor: key_id(9), works_until }.into()
        };
        let mut short = issued("p", 3, 0);
        short.expires_at = Some(10);
        let events = vec![issued("p", 1, 0).into(), issued("p", 2, 0).into(), short.into()];
        let fold = fold([events, vec![rotated(1, None), rotated(2, Some(20)), rotated(3, Some(20))]].concat());
        let live = |n, at| fold.by_digest[&digest(n)].is_live(Timestamp::from_micros(at));
        assert!(!live(1, 0));
        assert!(live(2, 19) && !live(2, 20));
        assert!(live(3, 9) && !live(3, 10));
    }

    #[test]
    fn what_a_newer_release_calls_a_scope_opens_nothing() {
        let mut newer = issued("p", 1, 0);
        newer.scope = "custom".into();
        let mut cut = issued("p", 2, 0);
        cut.branch = Some("00c0ffee".into());
        let fold = fold(vec![newer.into(), cut.into()]);
        assert!((1..=2).all(|n| fold.by_digest[&digest(n)].scope == Scope::Registry));
    }

    #[test]
    fn a_key_may_what_was_said_last_and_has_what_was_its_predecessors() {
        let may = |right: &str| KeyPermissions {
            buckets: [("a".to_owned(), right.to_owned())].into(),
            ..Permissions::default().contract()
        };
        let custom = |n| KeyIssued { scope: CUSTOM.into(), permissions: Some(may("read")), ..issued("p", n, 0) };
        let updated = |project: &str, n, permissions| {
            KeyUpdated { project: project.into(), key: key_id(n), description: String::new(), permissions }.into()
        };
        let rotated = KeyRotated { project: "p".into(), key: key_id(1), successor: key_id(2), works_until: Some(20) };
        let fold = fold(vec![
            custom(1).into(),
            issued("p", 3, 0).into(),
            custom(2).into(),
            rotated.into(),
            updated("p", 1, Some(may("write"))),
            updated("p", 1, None),
            updated("thief", 2, Some(may("write"))),
            updated("p", 3, Some(may("write"))),
        ]);
        let key = |n| &fold.by_digest[&digest(n)];
        let writes = |n| key(n).scope.bucket("default", "a", Access::Write);
        assert!(writes(1) && !writes(2) && key(3).scope == Scope::Project);
        assert!(!key(1).is_live(Timestamp::from_micros(20)) && key(1).is_live(Timestamp::from_micros(19)));
        assert_eq!([1, 2, 3].map(|n| key(n).holder.clone()), [key_id(1), key_id(1), key_id(3)]);
        assert!((1..=3).all(|n| Arc::ptr_eq(key(n), &fold.by_id[&(tenant(), key_id(n))])));
    }

    #[test]
    fn a_repeated_id_or_digest_stays_with_its_first_project() {
        let mut same_digest = issued("thief", 2, 1);
        same_digest.digest = digest(1);
        let fold = fold(vec![issued("p", 1, 0).into(), issued("thief", 1, 1).into(), same_digest.into()]);
        assert_eq!(fold.by_digest[&digest(1)].project, "p");
        assert_eq!(fold.by_id[&(tenant(), key_id(1))].project, "p");
        assert_eq!(fold.by_id.len(), 1);
    }

    #[test]
    fn a_foreign_keyring_cannot_revoke() {
        let fold = fold(vec![issued("p", 1, 0).into(), revoked("thief", 1).into()]);
        assert!(fold.by_digest[&digest(1)].is_live(Timestamp::from_micros(1)));
    }
}
