//! What may happen to keys and grants. Pure: time, ids and the actor come in through `DecisionContext`.
//!
//! A keyring holds all keys of one project, because "the last live key cannot be revoked" needs all of them at once.

mod grant_publishers;
mod issue_key;
mod keyring;
mod revoke_key;
mod revoke_project_keys;
mod tenant;
#[cfg(test)]
pub(crate) mod testing;

pub use keyring::{KeyState, Keyring};
pub use tenant::{Rights, Tenant};

/// Live keys of one project at once.
pub const KEYS_PER_PROJECT_MAX: usize = 1_000;
/// Length of a key's description, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// How far in the future a key may expire, in days: the surface offers 365, one more is for clocks that differ.
pub const LIFETIME_DAYS_MAX: i64 = 366;
/// The scope of keys that open their project; narrower ones come with branches.
pub const PROJECT_ADMIN: &str = "project_admin";
/// The scope of keys that open nothing of their project, and the schema registry as far as their rights go.
pub const REGISTRY: &str = "registry";

/// Microseconds in a day.
pub(crate) const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
