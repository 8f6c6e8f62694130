//! Which tables a fold keeps: all of them, or those of the projects that were claimed for this process.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use alluvium_kernel::Token;

use super::claims::DecidedBefore;

/// What projects are claimed by: tenant and project, both as tokens. All tables of a project are kept together, because a
/// query may name any of them.
pub fn project_key(tenant: &Token, project: &Token) -> String {
    format!("{tenant}.{project}")
}

/// The projects whose tables are kept here.
#[derive(Debug)]
pub struct Owned {
    everything: bool,
    /// With everything kept here: up to where it was decided before, by whom ever.
    before: RwLock<DecidedBefore>,
    claims: RwLock<HashMap<String, Claim>>,
    changes: AtomicU64,
    /// The joining of this process under which the claims were last compared with the log.
    compared: AtomicU64,
}

#[derive(Debug)]
struct Claim {
    epoch: u64,
    decided: u64,
    /// Tables whose files are still being brought up to where the claim began.
    behind: HashSet<String>,
}

impl Owned {
    /// Everything: this process is the only one that keeps tables.
    pub fn everything() -> Self {
        Self {
            everything: true,
            before: RwLock::default(),
            claims: RwLock::default(),
            compared: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    /// Nothing until it is claimed.
    pub fn claimed() -> Self {
        Self { everything: false, ..Self::everything() }
    }

    /// Whether others keep tables too.
    pub fn is_shared(&self) -> bool {
        !self.everything
    }

    /// Whether a project's tables are kept here.
    pub fn holds(&self, project: &str) -> bool {
        self.everything || self.read().contains_key(project)
    }

    /// Which claim of a project this is, once its tables can be read; a later claim, of whomever, is higher.
    pub fn serves(&self, project: &str) -> Option<u64> {
        if self.everything {
            return Some(0);
        }
        self.read().get(project).filter(|claim| claim.behind.is_empty()).map(|claim| claim.epoch)
    }

    /// The joining of this process, by its epoch, for which the claims count. Somebody who was out of the list and is in it
    /// again may have lost some of them meanwhile.
    pub fn counts_for(&self) -> u64 {
        self.compared.load(Ordering::Acquire)
    }

    pub(super) fn compared_for(&self, epoch: u64) {
        self.compared.store(epoch, Ordering::Release);
    }

    /// Which claim of a project is held.
    pub fn epoch(&self, project: &str) -> Option<u64> {
        self.read().get(project).map(|claim| claim.epoch)
    }

    /// The projects that are claimed.
    pub fn projects(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// Changes whenever what is held does.
    pub fn version(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Up to where a project's log was decided on before; obeyed, not decided again.
    pub(super) fn decided(&self, project: &str) -> u64 {
        if self.everything {
            let before = self.before.read().unwrap_or_else(PoisonError::into_inner);
            return before.projects.get(project).copied().unwrap_or(before.all);
        }
        self.read().get(project).map_or(0, |claim| claim.decided)
    }

    /// Everything is kept here from now on.
    pub(super) fn alone_after(&self, before: DecidedBefore) {
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = before;
    }

    pub(super) fn claim(&self, project: &str, epoch: u64, decided: u64, behind: HashSet<String>) {
        self.write().insert(project.to_owned(), Claim { epoch, decided, behind });
        self.changes.fetch_add(1, Ordering::Release);
    }

    pub(super) fn caught_up(&self, project: &str, uid: &str) {
        if let Some(claim) = self.write().get_mut(project) {
            claim.behind.remove(uid);
        }
    }

    pub(super) fn give_up(&self, project: &str) {
        self.write().remove(project);
        self.changes.fetch_add(1, Ordering::Release);
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Claim>> {
        self.claims.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Claim>> {
        self.claims.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_serves_once_its_tables_are_there() {
        let owned = Owned::claimed();
        assert_eq!((owned.holds("t.p"), owned.serves("t.p")), (false, None));
        owned.claim("t.p", 3, 90, HashSet::from(["one".to_owned()]));
        assert_eq!((owned.holds("t.p"), owned.serves("t.p"), owned.decided("t.p")), (true, None, 90));
        owned.caught_up("t.p", "one");
        assert_eq!(owned.serves("t.p"), Some(3));
        let version = owned.version();
        owned.give_up("t.p");
        assert!(owned.version() > version && owned.serves("t.p").is_none());
        assert_eq!(Owned::everything().serves("t.p"), Some(0));
    }
}
