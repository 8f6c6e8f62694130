//! What running pipelines are sent and asked: rows in, changes out, how far they are.

mod checkpoints;
mod completion;
mod connectors;
mod egress;
mod ingress;
mod inside;
mod list;
mod logs;
mod metrics;
mod profiles;
mod query;
mod series;
mod socket;
mod state;
mod stats;
mod transactions;
mod upkeep;

pub use list::{ERRORS, routes};
pub use state::DataRoutes;
pub(crate) use stats::shown as stats_of;

#[cfg(test)]
mod tests;
