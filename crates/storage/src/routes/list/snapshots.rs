//! Snapshots.

use alluvium_http::Op;
use axum::http::Method;

use super::{LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, Routes, both, lists, works};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{paths, snapshots};
use crate::wire;

const NO_SNAPSHOT: &str = "storage.snapshot_not_found";

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "snapshots", what).errors(&[NO_PROJECT, NO_BRANCH]);
    vec![
        both(
            Method::POST,
            &paths::SNAPSHOTS,
            works,
            snapshots::take,
            op("createSnapshot", "Give the content a table has now a name, by which it can be had again")
                .body::<wire::SnapshotCreate>()
                .json::<wire::Snapshot>(201, "The snapshot")
                .errors(&[
                    NO_BUCKET,
                    NO_TABLE,
                    "storage.invalid_request",
                    "storage.snapshots_disabled",
                    "storage.quota_exceeded",
                ])
                .errors(LINKED),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::GET,
            &paths::SNAPSHOTS,
            lists,
            snapshots::list,
            op("listSnapshots", "List a branch's snapshots, newest first")
                .query::<wire::SnapshotQuery>()
                .json::<wire::Snapshots>(200, "One page of snapshots"),
        ),
        both(
            Method::GET,
            &paths::SNAPSHOT,
            lists,
            snapshots::get,
            op("getSnapshot", "Show a snapshot with the columns and key of its content")
                .json::<wire::SnapshotDetail>(200, "The snapshot")
                .errors(&[NO_SNAPSHOT]),
        ),
        both(
            Method::DELETE,
            &paths::SNAPSHOT,
            works,
            snapshots::delete,
            op("deleteSnapshot", "Delete a snapshot").empty(204, "Gone").errors(&[NO_SNAPSHOT]),
        )
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::RESTORE,
            works,
            snapshots::restore,
            op("restoreSnapshot", "Make a snapshot's content that of the table it was taken of, or of a new one")
                .description("Rows, columns, constraints and key become what they were; what is replaced stays readable by `as_of`.")
                .body::<wire::SnapshotRestore>()
                .json::<wire::SnapshotRestored>(200, "Where it went")
                .errors(&[
                    NO_SNAPSHOT,
                    NO_BUCKET,
                    "storage.invalid_name",
                    "storage.bucket_readonly",
                    "storage.table_exists",
                    "storage.version_expired",
                    "storage.quota_exceeded",
                    super::TOO_MUCH,
                ]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
