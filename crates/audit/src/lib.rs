//! Account of calls: every one that changed something or was refused to, and every one that was denied.
//!
//! * **Call**: a request over HTTP or a command over NATS, with who asked, what for, and what came of it.
//! * **Denial**: a call whose caller had no right to it; also noted where only something was to be read.
//! * **Stranger**: a caller whose credential is not known here. So many denials of strangers are noted in a time, and no more.
//!
//! Calls are noted in memory on the way of the answer and published behind it, so that nobody waits for the account. It is no part of
//! the log: accepted changes are there with their actors for ever. It never holds anything of a body, of a query or of a credential.
//!
//! ```
//! use alluvium_audit::names::{event_of, Outcome};
//! assert_eq!(event_of("createTable", Outcome::Done), "storage.tableCreated");
//! assert_eq!(event_of("createTable", Outcome::Refused), "storage.createTable");
//! ```

mod budget;
pub mod contract;
mod counts;
mod error;
pub mod names;
mod projection;
mod publish;
mod queries;
mod queue;
mod record;
mod routes;

pub use error::ERRORS;
pub use projection::{AuditProjection, PROJECTION, STREAM};
pub use publish::Publisher;
pub use queries::{Asked, AuditQueries};
pub use queue::{Auditor, Ledger, ledger};
pub use record::{CommandParts, Naming};
pub use routes::{
    AuditRoutes, Event, EventContext, Events, NewEvent, Operation, OperationStats, Operations, Places, routes,
};
