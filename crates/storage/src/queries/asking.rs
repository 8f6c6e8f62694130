//! What is asked of the read models and written to them, counted and timed.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use alluvium_projection::Schema;
use metrics::{counter, histogram};

/// The schema that a question is asked of. Let go when it is answered, which ends the time it took.
pub(super) struct Asking {
    schema: Arc<Schema>,
    began: Instant,
}

impl Asking {
    pub fn of(schema: Arc<Schema>) -> Self {
        Self { schema, began: Instant::now() }
    }
}

impl Deref for Asking {
    type Target = Schema;

    fn deref(&self) -> &Schema {
        &self.schema
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        count("read", self.began);
    }
}

/// Counts a statement, a `read` or a `write`.
pub(crate) fn count(operation: &'static str, began: Instant) {
    counter!("duckdb_metadata_queries_total", "operation" => operation).increment(1);
    histogram!("duckdb_metadata_query_duration_seconds", "operation" => operation).record(began.elapsed());
}
