//! Projections on real servers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod fixture;
mod generations;
mod past;
