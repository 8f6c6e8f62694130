//! What is counted about objects, under the names that clients scrape.

use std::time::Instant;

use metrics::{counter, histogram};

/// An operation that began at `began`.
pub(super) fn operation<T, E>(operation: &'static str, began: Instant, result: &Result<T, E>) {
    let status = if result.is_ok() { "success" } else { "error" };
    counter!("duckdb_s3_operations_total", "operation" => operation, "status" => status).increment(1);
    histogram!("duckdb_s3_operation_duration_seconds", "operation" => operation).record(began.elapsed());
}

pub(super) fn bytes_in(bytes: u64) {
    counter!("duckdb_s3_bytes_in_total").increment(bytes);
}

pub(super) fn bytes_out(bytes: u64) {
    counter!("duckdb_s3_bytes_out_total").increment(bytes);
}
