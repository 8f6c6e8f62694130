//! Versions, time travel, undrop.

use alluvium_http::{Afterwards, Op, Route};
use axum::http::Method;

use super::{
    BAD_NAME, BUSY, IS_ALIAS, LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, NOT_ON_BRANCH, Routes, admin,
    administers_buckets, both, reads_bucket, writes_bucket,
};
use crate::routes::state::WRITE_TIMEOUT;
use crate::routes::{changes, paths, versions};
use crate::wire;

const EXPIRED: &str = "storage.version_expired";

pub(super) fn all() -> Routes {
    let op = |id, what| Op::new(id, "tables", what).errors(&[NO_PROJECT, NO_BRANCH, NO_BUCKET]);
    vec![
        Route::post(
            paths::UNDELETE,
            admin,
            versions::undelete,
            Op::new("undeleteProject", "projects", "Bring back the project of this id that was deleted last")
                .description(
                    "Its buckets and tables are what they were. Its keys stay dead: the answer holds a new one.",
                )
                .json::<wire::ProjectCreated>(200, "The project with a key, shown this once")
                .errors(&[NO_PROJECT, BUSY, EXPIRED, "storage.project_exists"]),
        )
        .afterwards(Afterwards::BeginsProject)
        .timeout(WRITE_TIMEOUT),
        both(
            Method::GET,
            &paths::VERSIONS,
            reads_bucket,
            versions::list,
            op("listTableVersions", "List the versions that accepted changes made of a table, newest first")
                .description("Rows that were published over NATS stand between them: `as_of` reads any moment.")
                .query::<wire::PageQuery>()
                .json::<wire::TableVersions>(200, "One page of versions")
                .errors(&[NO_TABLE, IS_ALIAS]),
        ),
        both(
            Method::GET,
            &paths::CHANGES,
            reads_bucket,
            changes::changes,
            op("listTableChanges", "Show what became of a table's rows between two of its versions")
                .description(
                    "The net changes, in the columns that the table has in the later version. Rows are matched by the primary key \
                     that both versions have, and come in its order; an update is the row before and the row after. Without one, \
                     rows come and go whole, each as often as there are more or less of it. `Alv-Position` says where the range \
                     ends: the next one begins there.",
                )
                .query::<wire::ChangesQuery>()
                .binary(200, wire::JSON_LINES, "One object a line: `kind` (`insert`, `update_before`, `update_after` or \
                     `delete`) and `row`; an Arrow stream has the same as its two columns")
                .or_binary(200, wire::ARROW_STREAM)
                .errors(&[NO_TABLE])
                .errors(LINKED)
                .errors(&[
                    "storage.invalid_version_range",
                    "platform.invalid_point",
                    "platform.point_in_future",
                    EXPIRED,
                    "storage.version_over_budget",
                    "storage.result_too_large",
                    "storage.disk_full",
                ]),
        )
        .placed()
        .timeout(changes::CHANGES_TIMEOUT),
        both(
            Method::POST,
            &paths::TIME_TRAVEL,
            writes_bucket,
            versions::copy,
            op("createTableFromTimeTravel", "Make a table of what a table of the project held at an earlier moment")
                .body::<wire::TimeTravel>()
                .json::<wire::Table>(201, "The table")
                .errors(&[
                    NO_TABLE,
                    IS_ALIAS,
                    NOT_ON_BRANCH,
                    BAD_NAME,
                    BUSY,
                    EXPIRED,
                    "platform.invalid_point",
                    "platform.point_in_future",
                    "storage.invalid_request",
                    "storage.table_exists",
                    "storage.quota_exceeded",
                ]),
        )
        .placed()
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::UNDROP_TABLE,
            writes_bucket,
            versions::undrop_table,
            op("undropTable", "Bring back the table of this name that was dropped last, as it was")
                .json::<wire::Table>(200, "The table")
                .errors(&[NO_TABLE, NOT_ON_BRANCH, BUSY, EXPIRED, "storage.table_exists", "storage.quota_exceeded"]),
        )
        .placed()
        .timeout(WRITE_TIMEOUT),
        both(
            Method::POST,
            &paths::UNDROP_BUCKET,
            administers_buckets,
            versions::undrop_bucket,
            op(
                "undropBucket",
                "Bring back the bucket of this name that was deleted last, with the tables that went with it",
            )
            .json::<wire::Bucket>(200, "The bucket")
            .errors(&[NOT_ON_BRANCH, BUSY, EXPIRED, "storage.bucket_exists", "storage.quota_exceeded"]),
        )
        .timeout(WRITE_TIMEOUT),
    ]
}
