//! What operators do to the platform itself, as audited commands: remedies for parked events.
//!
//! * **Parked**: an event that a projection cannot apply, and those of its key behind it. They wait; all others go on.
//! * **Remedy**: `RetryParked` tries a key's events again, `SkipParked` gives the first one up, for ever and in every replay.
//! * **Verdict**: whoever folds the projection carries the remedy out and says on the log what became of it.
//!
//! It never folds anything: it knows projections by their names and talks to them through [`Remediable`].
//!
//! ```
//! use alluvium_eventlog::BoundedContext as _;
//! use alluvium_platform::PlatformContext;
//! assert_eq!((PlatformContext::NAME, PlatformContext::STREAM), ("platform", "EV_PLATFORM"));
//! ```

mod context;
pub mod contract;
mod error;
mod journal;
pub mod model;
mod remedies;

pub use context::PlatformContext;
pub use error::ERRORS;
pub use journal::{GivenUp, Journal, Request, Wanted};
pub use remedies::{Remediable, Remedies};

/// The stream of this context's events.
pub const STREAM: &str = "EV_PLATFORM";
