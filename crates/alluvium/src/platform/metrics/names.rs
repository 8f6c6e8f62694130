//! Every metric family this binary exposes: name, type, help.

/// The engine that is linked.
pub const DUCKDB_VERSION: &str = "1.5.6";

type Family = (&'static str, &'static str, &'static str);

/// All families.
pub const ALL: &[Family] = &[
    ("alluvium_info", "gauge", "1, with the version as label"),
    ("alluvium_ready", "gauge", "1 when every check of /ready passes"),
    ("alluvium_disk_free_bytes", "gauge", "Room on the disk of the data directory"),
    ("alluvium_stream_messages", "gauge", "Messages a stream holds"),
    ("alluvium_stream_bytes", "gauge", "Bytes a stream holds"),
    ("alluvium_stream_last_seq", "gauge", "Last sequence of a stream"),
    ("alluvium_trace_spans_total", "counter", "Spans sent to the collector, or dropped"),
    ("alluvium_http_requests_total", "counter", "Requests answered, by method, route and status"),
    ("alluvium_http_request_duration_seconds", "histogram", "Time to answer, by method and route"),
    ("alluvium_projection_watermark", "gauge", "Sequence up to which a projection has applied its stream"),
    ("alluvium_projection_lag_events", "gauge", "Sequences between a projection and the end of its stream"),
    ("alluvium_projection_lag_seconds", "gauge", "How long the oldest message that is to be applied has waited"),
    ("alluvium_projection_parked_events", "gauge", "Events that could not be applied, and those behind them"),
    ("alluvium_projection_parked_keys", "gauge", "Keys out of service"),
    ("alluvium_projection_heartbeat_age_seconds", "gauge", "Time since the poller last gave a sign of life"),
    ("alluvium_projection_quarantined", "gauge", "1 when the stream is not the one that was folded so far"),
    ("alluvium_projection_events_total", "counter", "Messages applied"),
    ("alluvium_projection_parked_total", "counter", "Events parked since the start"),
    ("alluvium_projection_batch_seconds", "histogram", "Time of one transaction of a projection"),
    ("alluvium_commands_total", "counter", "Commands with an outcome, by context and status"),
    ("alluvium_decider_active", "gauge", "1 where the commands of a context are decided"),
    ("alluvium_decider_silent_seconds", "gauge", "Time since an active decider last heard the log"),
    ("alluvium_retention_purged_messages_total", "counter", "Messages of rows taken off the log below checkpoints"),
    ("alluvium_retention_failed_tables", "gauge", "Tables that the last run of retention left for the next one"),
    ("alluvium_retention_swept_bytes_total", "counter", "Bytes of blobs that nothing needed and that were removed"),
    ("alluvium_table_engine_fatal_total", "counter", "Times the table engine had to be opened anew"),
    ("duckdb_api_up", "gauge", "1 while the service runs"),
    ("duckdb_api_start_time_seconds", "gauge", "When the service started, in seconds since 1970"),
    ("duckdb_api_service_info", "gauge", "1, with versions as labels"),
    ("duckdb_api_errors_total", "counter", "Errors answered, by type and endpoint"),
    ("duckdb_api_requests_total", "counter", "Requests answered, by method, endpoint and status"),
    ("duckdb_api_request_duration_seconds", "histogram", "Time to answer, by method and endpoint"),
    ("duckdb_api_requests_in_flight", "gauge", "Requests being answered, by method"),
    ("duckdb_projects_total", "gauge", "Projects"),
    ("duckdb_buckets_total", "gauge", "Buckets"),
    ("duckdb_tables_total", "gauge", "Tables"),
    ("duckdb_files_total", "gauge", "Registered files"),
    ("duckdb_storage_size_bytes", "gauge", "Bytes stored, by type"),
    ("duckdb_idempotency_cache_hits_total", "counter", "Requests answered from an earlier one with the same key"),
    ("duckdb_idempotency_cache_misses_total", "counter", "Requests with a key seen for the first time"),
    ("duckdb_idempotency_conflicts_total", "counter", "Requests with a key of another request"),
    ("duckdb_metadata_connections_active", "gauge", "Postgres connections in use"),
    ("duckdb_import_operations_total", "counter", "Loads, by format, mode and status"),
    ("duckdb_import_duration_seconds", "histogram", "Time of a load, by format"),
    ("duckdb_import_rows_total", "counter", "Rows loaded"),
    ("duckdb_import_bytes_total", "counter", "Bytes loaded, by format"),
    ("duckdb_export_operations_total", "counter", "Exports, by format and status"),
    ("duckdb_export_duration_seconds", "histogram", "Time of an export, by format"),
    ("duckdb_export_rows_total", "counter", "Rows exported"),
    ("duckdb_files_uploads_total", "counter", "Uploads, by status"),
    ("duckdb_files_downloads_total", "counter", "Downloads, by status"),
    ("duckdb_files_upload_bytes_total", "counter", "Bytes uploaded"),
    ("duckdb_files_download_bytes_total", "counter", "Bytes downloaded"),
    ("duckdb_schema_operations_total", "counter", "Changes of columns and keys, by operation and status"),
];

/// Tells the recorder what each family is.
pub fn describe() {
    for (name, kind, help) in ALL {
        match *kind {
            "counter" => metrics::describe_counter!(*name, *help),
            "histogram" => metrics::describe_histogram!(*name, *help),
            _ => metrics::describe_gauge!(*name, *help),
        }
    }
}
