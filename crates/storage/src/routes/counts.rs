//! What the storage surface counts, under the names that its clients scrape. Failures count too.

use std::time::Instant;

use alluvium_http::ProblemResponse;
use metrics::{counter, gauge, histogram};

fn status<T>(result: &Result<T, ProblemResponse>) -> &'static str {
    if result.is_ok() { "success" } else { "error" }
}

/// A load that was asked for at `began`.
pub(super) fn import<T>(
    format: &'static str,
    incremental: bool,
    began: Instant,
    result: &Result<T, ProblemResponse>,
    done: impl FnOnce(&T) -> (u64, u64),
) {
    let mode = if incremental { "incremental" } else { "full" };
    counter!("duckdb_import_operations_total", "format" => format, "mode" => mode, "status" => status(result))
        .increment(1);
    histogram!("duckdb_import_duration_seconds", "format" => format).record(began.elapsed());
    if let Ok(answer) = result {
        let (rows, bytes) = done(answer);
        counter!("duckdb_import_rows_total").increment(rows);
        counter!("duckdb_import_bytes_total", "format" => format).increment(bytes);
    }
}

/// An export that was asked for at `began`.
pub(super) fn export<T>(
    format: &'static str,
    began: Instant,
    result: &Result<T, ProblemResponse>,
    rows: impl FnOnce(&T) -> u64,
) {
    counter!("duckdb_export_operations_total", "format" => format, "status" => status(result)).increment(1);
    histogram!("duckdb_export_duration_seconds", "format" => format).record(began.elapsed());
    if let Ok(answer) = result {
        counter!("duckdb_export_rows_total").increment(rows(answer));
    }
}

/// An upload of so many bytes that began at `began`.
pub(super) fn upload<T>(began: Instant, result: &Result<T, ProblemResponse>, bytes: impl FnOnce(&T) -> u64) {
    histogram!("duckdb_files_upload_duration_seconds").record(began.elapsed());
    counter!("duckdb_files_uploads_total", "status" => status(result)).increment(1);
    if let Ok(answer) = result {
        counter!("duckdb_files_upload_bytes_total").increment(bytes(answer));
    }
}

/// A download of so many bytes, as far as is known when it begins.
pub(super) fn download<T>(result: &Result<T, ProblemResponse>, bytes: impl FnOnce(&T) -> u64) {
    counter!("duckdb_files_downloads_total", "status" => status(result)).increment(1);
    if let Ok(answer) = result {
        counter!("duckdb_files_download_bytes_total").increment(bytes(answer));
    }
}

/// A write that waits behind the others of its project, until it is decided or nobody waits any more.
pub(super) struct Queued {
    project: String,
    began: Instant,
}

impl Queued {
    pub fn begin(project: &str) -> Self {
        gauge!("duckdb_write_queue_depth", "project_id" => project.to_owned()).increment(1.0);
        Self { project: project.to_owned(), began: Instant::now() }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        gauge!("duckdb_write_queue_depth", "project_id" => self.project.clone()).decrement(1.0);
        histogram!("duckdb_write_queue_wait_seconds", "project_id" => self.project.clone())
            .record(self.began.elapsed());
    }
}

/// A change of columns or of the key that was asked for at `began`.
pub(super) fn schema<T>(operation: &'static str, began: Instant, result: &Result<T, ProblemResponse>) {
    histogram!("duckdb_schema_operation_duration_seconds", "operation" => operation).record(began.elapsed());
    counter!("duckdb_schema_operations_total", "operation" => operation, "status" => status(result)).increment(1);
}

/// What was asked about shares and links, with its answer.
pub(super) fn sharing<T>(operation: &'static str, result: Result<T, ProblemResponse>) -> Result<T, ProblemResponse> {
    counter!("duckdb_bucket_sharing_operations_total", "operation" => operation, "status" => status(&result))
        .increment(1);
    result
}

/// A label out of what a client sent: only the known words, everything else is one.
pub(super) fn format_label(text: &str) -> &'static str {
    match text {
        "csv" => "csv",
        "parquet" => "parquet",
        _ => "other",
    }
}
