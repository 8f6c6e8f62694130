//! For tests: of programs on the kit, and of transports.
//!
//! [`MemoryBroker`] stands in for a broker, [`MemoryRegistry`] for a schema registry. [`transport_conformance!`](crate::transport_conformance) runs the scenarios that any
//! transport must pass.

pub mod conformance;
mod registry;

pub use crate::transport::memory::MemoryBroker;
pub use registry::MemoryRegistry;
