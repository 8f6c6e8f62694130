//! The parts of this context that a process holds: who is known, and how a credential is told.

use std::sync::Arc;

use alluvium_kernel::{DEFAULT_TENANT, SigningKey, Timestamp, Token};

use crate::live::Follower;
use crate::usage::UsageNotes;

/// What digests of the admin key are told apart by.
const ADMIN_PURPOSE: &str = "admin key";

/// Answers who somebody is and what they may do: `http`'s `Authenticator` and `kernel`'s `Authorizer`.
pub struct Access {
    pepper: SigningKey,
    admin_digest: Option<String>,
    tenant: Token,
    follower: Arc<Follower>,
    usage: Option<UsageNotes>,
}

impl Access {
    /// Over a fold of the log. `pepper` is the installation's secret; an empty admin key counts as none.
    pub fn new(pepper: SigningKey, admin_key: Option<&str>, follower: Arc<Follower>) -> Self {
        let admin_digest = admin_key.filter(|key| !key.is_empty()).map(|key| pepper.digest(ADMIN_PURPOSE, key));
        let tenant = Token::encode(DEFAULT_TENANT).expect("the default tenant is a plain word");
        Self { pepper, admin_digest, tenant, follower, usage: None }
    }

    /// Notes when keys are used, at most once a minute for each.
    #[must_use]
    pub fn noting_usage(mut self, usage: UsageNotes) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Whether the installation has an admin key.
    pub fn has_admin_key(&self) -> bool {
        self.admin_digest.is_some()
    }

    /// The installation's secret.
    pub(crate) fn pepper(&self) -> &SigningKey {
        &self.pepper
    }

    /// The digest to compare an admin key's digest with, if there is one.
    pub(crate) fn admin_digest(&self) -> Option<&str> {
        self.admin_digest.as_deref()
    }

    pub(crate) fn admin_digest_of(&self, key: &str) -> String {
        self.pepper.digest(ADMIN_PURPOSE, key)
    }

    /// The tenant that the admin key belongs to.
    pub fn tenant(&self) -> &Token {
        &self.tenant
    }

    /// The fold of the log.
    pub(crate) fn follower(&self) -> &Arc<Follower> {
        &self.follower
    }

    pub(crate) fn usage(&self) -> Option<&UsageNotes> {
        self.usage.as_ref()
    }

    /// The clock of the edge: expiry is checked against it.
    #[expect(clippy::unused_self, reason = "the one place where this context looks at the clock")]
    pub(crate) fn now(&self) -> Timestamp {
        now()
    }
}

/// The clock of the edge.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
