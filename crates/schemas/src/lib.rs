//! The schema registry: subjects with versions, ids that never change, and rules for what may follow what.
//!
//! It speaks the REST API that Kafka clients know, and is event-sourced like every context: one aggregate for each context of
//! a tenant, an index in memory on every node that is a fold of the log, and tables for people.
//!
//! It never fetches anything over the network, and never executes the rules that clients attach to schemas.

pub mod kinds;
