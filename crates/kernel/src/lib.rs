//! What every part of Alluvium speaks: tokens, subjects, time, actors, problems, positions, chain hashes.
//!
//! This crate never does IO, never reads a clock and never draws a random number: those come in from the edge, so that
//! everything built on it can be replayed.
//!
//! ```
//! use alluvium_kernel::{Token, subject};
//! let tenant = Token::encode("default").unwrap();
//! let project = Token::encode("my project").unwrap();
//! assert_eq!(project.as_str(), "my%20project");
//! assert_eq!(subject::command(&tenant, "storage", "CreateBucket"), "cmd.default.storage.CreateBucket");
//! ```

mod actor;
mod authorizer;
mod bucket_reach;
mod catalogue;
mod chain;
mod decide;
pub mod header;
mod outcome;
mod position;
mod problem;
mod requirement;
mod reservations;
mod schema_right;
pub mod sealed;
mod sign;
pub mod subject;
mod time;
mod token;
pub mod trace;

pub use actor::Actor;
pub use authorizer::{Authorizer, BoxFuture};
pub use bucket_reach::BucketReach;
pub use catalogue::ErrorInfo;
pub use chain::Chain;
pub use decide::{Decide, DecisionContext, Evolve};
pub use outcome::{Outcome, Verdict};
pub use position::{Position, PositionError};
pub use problem::{FieldError, Problem};
pub use requirement::Requirement;
pub use reservations::{Reservations, Reserved};
pub use schema_right::{Access, SCHEMA_RIGHT_BYTES_MAX, SCHEMA_RIGHTS_MAX, SchemaRight, SchemaRights};
pub use sign::{SIGNATURE_SKEW_MAX_SECONDS, SigningKey, body_hash};
pub use time::Timestamp;
pub use token::{TOKEN_BYTES_MAX, Token, TokenError};

/// The tenant of an installation that has not been divided.
pub const DEFAULT_TENANT: &str = "default";
