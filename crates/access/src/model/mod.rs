//! What may happen to keys and grants. Pure: time, ids and the actor come in through `DecisionContext`.
//!
//! A keyring holds all keys of one project, because "the last live key cannot be revoked" needs all of them at once.

mod forget;
mod grant_publishers;
mod installation;
mod issue_key;
mod keyring;
mod membership;
mod permissions;
mod revoke_branch_keys;
mod revoke_key;
mod revoke_project_keys;
mod role;
mod rotate_key;
mod scope;
mod tenant;
#[cfg(test)]
pub(crate) mod testing;
mod update_key;

pub(crate) use installation::is_id;
pub use installation::{DEFAULT_TENANT_ID, Installation, TENANT_NAME_CHARS_MAX, TENANTS_MAX, TenantEntry};
pub use keyring::{KeyState, Keyring};
pub use membership::{BY_OTHERS, MEMBERS_MAX, Membership, TEXT_CHARS_MAX, TRUST_NAME_CHARS_MAX, TRUSTS_MAX};
pub use permissions::{BUCKET_NAME_BYTES_MAX, BUCKETS_PER_KEY_MAX, Permissions};
pub use role::{OWNER, Role};
pub use scope::{
    BRANCH_ADMIN, BRANCH_READ, CUSTOM, PIPELINES_KEYRING, PIPELINES_READ, PIPELINES_WRITE, PROJECT_ADMIN, REGISTRY,
    Scope,
};
pub use tenant::{Rights, Tenant};

/// Live keys of one project at once.
pub const KEYS_PER_PROJECT_MAX: usize = 1_000;
/// Length of a key's description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// Length of the name of who holds a key, in characters.
pub const PERSON_CHARS_MAX: usize = 320;
/// How far in the future a key may expire, in days: the surface offers 365, one more is for clocks that differ.
pub const LIFETIME_DAYS_MAX: i64 = 366;
/// How long a rotated key may work on, in seconds.
pub const GRACE_SECONDS_MAX: i64 = 86_400;

/// Microseconds in a day.
pub(crate) const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
