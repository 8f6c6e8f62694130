//! Writing one table at a time, counted under the names that clients of the storage surface scrape.

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use metrics::{counter, gauge, histogram};

use crate::instance::lock;

/// The right to change a file, until it is dropped.
pub(crate) struct Writing<'a>(#[expect(dead_code, reason = "held, not read")] MutexGuard<'a, ()>);

impl<'a> Writing<'a> {
    /// Waits for whoever changes the file now.
    pub fn begin(writer: &'a Mutex<()>) -> Self {
        let began = Instant::now();
        let held = lock(writer);
        histogram!("duckdb_table_lock_wait_seconds").record(began.elapsed());
        counter!("duckdb_table_lock_acquisitions_total").increment(1);
        gauge!("duckdb_table_locks_active").increment(1.0);
        Self(held)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        gauge!("duckdb_table_locks_active").decrement(1.0);
    }
}
