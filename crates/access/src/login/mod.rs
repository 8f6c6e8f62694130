//! Logins that somebody else vouches for: tokens (JWT) of the installation's identity provider, and of issuers that tenants trust.
//!
//! Only RS256 is understood, so no token can choose a weaker way to be checked. Nobody is asked for keys but the configured issuer
//! and those that some trust names.

mod claims;
mod jwks;
mod jwt;
mod logins;
mod pattern;
mod person;
mod settings;
mod trusted;

pub use jwks::{ANSWER_BYTES_MAX, Fetch, KeySets};
pub use logins::Logins;
pub use settings::{LoginSettings, OwnerTrust, Provider};

pub(crate) use person::user_id;
pub(crate) use trusted::check_issuer;
pub use trusted::is_public;
