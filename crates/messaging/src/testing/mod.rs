//! For tests: of programs on the kit, and of transports.
//!
//! [`MemoryBroker`] stands in for a broker. [`transport_conformance!`](crate::transport_conformance) runs the scenarios that any
//! transport must pass.

pub mod conformance;

pub use crate::transport::memory::MemoryBroker;
