//! Who may do what: keys of projects, the admin key, and the rights of unsigned NATS messages.
//!
//! * **Key**: opens one project, or one branch of it. Minted at the edge, shown once; the log and every store know only its HMAC.
//! * **Keyring**: all keys of a project; the aggregate that keeps the last live key from being revoked.
//! * **Grant**: what messages without a signature may do on a tenant's subjects; nothing by default.
//!
//! It never sees a project: it hears of a project's end from the log, by the event's name.
//!
//! ```
//! use alluvium_access::{keys, model};
//! use alluvium_http::Seed;
//! use alluvium_kernel::SigningKey;
//! let key = keys::mint(&SigningKey::new([7; 32]), "flights", &model::Scope::Project, &Seed::fresh());
//! assert!(key.secret.reveal().starts_with("proj_flights_admin_"));
//! ```

mod access;
mod authenticator;
mod authorizer;
mod context;
pub mod contract;
mod desk;
mod error;
pub mod forgetting;
pub mod keys;
mod live;
pub mod login;
pub mod model;
pub mod project_keys;
mod projection;
mod queries;
mod routes;
mod tenancy;
mod usage;

pub use access::Access;
pub use context::AccessContext;
pub use desk::{Belongings, Forget, IssuedKey, KeyDesk, NewKey};
pub use error::ERRORS;
pub use live::{Follower, LIVE, LiveKey, LiveKeys, STREAM};
pub use projection::{AccessProjection, PROJECTION};
pub use queries::{KeyQueries, KeyRecord};
pub use routes::tenancy::{Holdings, TenancyRoutes, routes as tenancy_routes};
pub use routes::{
    ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyRotate, ApiKeyUpdate, ApiKeys, ForgetAnswer, ForgetRequest, KeyRoutes,
    Projects, forgetting as forgetting_routes, routes,
};
pub use usage::{UsageNotes, UsageWriter, usage};
