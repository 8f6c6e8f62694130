//! From a bearer credential to who it is.

use alluvium_http::{Authenticator, Principal};
use alluvium_kernel::{Actor, BoxFuture, Problem};
use subtle::ConstantTimeEq as _;

use crate::access::Access;
use crate::keys;
use crate::live::LiveKey;

/// Longest credential that is looked at, in bytes: a project id of the longest kind, and room.
const CREDENTIAL_BYTES_MAX: usize = 2_048;

impl Authenticator for Access {
    fn authenticate<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async move {
            if bearer.len() > CREDENTIAL_BYTES_MAX {
                return Ok(None);
            }
            if self.is_admin(bearer) {
                let tenant = self.tenant().clone();
                return Ok(Some(Principal::new(Actor::Admin, tenant, "admin")));
            }
            let digest = keys::digest(self.pepper(), bearer);
            let known = self.follower().get()?;
            let mut key = known.by_digest(&digest);
            if key.is_none() {
                // Perhaps another process issued it a moment ago.
                self.follower().catch_up().await?;
                key = known.by_digest(&digest);
            }
            let now = self.now();
            let Some(key) = key.filter(|key| key.is_live(now)) else { return Ok(None) };
            if let Some(usage) = self.usage() {
                usage.note(&key, now);
            }
            Ok(Some(owner(&key)))
        })
    }

    fn former<'a>(&'a self, bearer: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async move {
            if bearer.len() > CREDENTIAL_BYTES_MAX {
                return Ok(None);
            }
            let digest = keys::digest(self.pepper(), bearer);
            Ok(self.follower().get()?.by_digest(&digest).map(|key| owner(&key)))
        })
    }
}

fn owner(key: &LiveKey) -> Principal {
    Principal::new(Actor::Key(key.id.clone()), key.tenant.clone(), key.id.clone())
}

impl Access {
    /// Compares digests in constant time: neither the length nor a common beginning of the admin key shows.
    fn is_admin(&self, bearer: &str) -> bool {
        let given = self.admin_digest_of(bearer);
        self.admin_digest().is_some_and(|expected| expected.as_bytes().ct_eq(given.as_bytes()).into())
    }
}
