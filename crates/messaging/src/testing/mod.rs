//! For tests: of programs on the kit, and of transports.
//!
//! [`MemoryBroker`] stands in for a broker, [`MemoryRegistry`] for a schema registry, and [`Harness`] says in three
//! steps what handlers should do. [`transport_conformance!`](crate::transport_conformance) runs the scenarios that any
//! transport must pass.

pub mod conformance;
mod harness;
mod registry;
mod timeline;

pub use crate::transport::memory::MemoryBroker;
pub use harness::{Committed, Given, Harness, Then, When, given};
pub use registry::MemoryRegistry;
