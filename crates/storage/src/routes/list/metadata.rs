//! Metadata of five kinds of objects, and search.

use alluvium_http::{Op, Route};
use axum::http::Method;

use super::{
    LINKED, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, READ_ONLY, Routes, both, lists, reads, reads_bucket, sees,
    writes_branch, writes_bucket, writes_project,
};
use crate::routes::metadata::{delete, list, set};
use crate::routes::paths::{self, Both};
use crate::routes::search;
use crate::routes::state::WRITE_TIMEOUT;
use crate::wire;

const INVALID: &str = "storage.invalid_metadata";
const FULL: &str = "storage.quota_exceeded";
const NOT_SAID: &str = "storage.metadata_not_found";
const NO_COLUMN: &str = "storage.column_not_found";

/// The operations of a kind of object: what each is called.
struct Object {
    ids: [&'static str; 3],
    says: [&'static str; 3],
    missing: &'static [&'static str],
}

const PROJECT: Object = Object {
    ids: ["listProjectMetadata", "setProjectMetadata", "deleteProjectMetadata"],
    says: ["List the metadata of a project", "Say something of a project", "Delete an entry of a project's metadata"],
    missing: &[NO_PROJECT],
};
const BRANCH: Object = Object {
    ids: ["listBranchMetadata", "setBranchMetadata", "deleteBranchMetadata"],
    says: [
        "List the metadata of a branch, over that of the main line",
        "Say something of a branch",
        "Delete an entry of a branch's metadata; a dev branch hides what the main line says",
    ],
    missing: &[NO_PROJECT, NO_BRANCH],
};
const BUCKET: Object = Object {
    ids: ["listBucketMetadata", "setBucketMetadata", "deleteBucketMetadata"],
    says: [
        "List the metadata of a bucket",
        "Say something of a bucket; through a dev branch, only there",
        "Delete an entry of a bucket's metadata; a dev branch hides what the main line says",
    ],
    missing: &[NO_PROJECT, NO_BRANCH, NO_BUCKET],
};
const TABLE: Object = Object {
    ids: ["listTableMetadata", "setTableMetadata", "deleteTableMetadata"],
    says: [
        "List the metadata of a table",
        "Say something of a table and its columns; through a dev branch, only there",
        "Delete an entry of a table's metadata; a dev branch hides what the main line says",
    ],
    missing: &[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE],
};
const COLUMN: Object = Object {
    ids: ["listColumnMetadata", "setColumnMetadata", "deleteColumnMetadata"],
    says: [
        "List the metadata of a column",
        "Say something of a column; through a dev branch, only there",
        "Delete an entry of a column's metadata; a dev branch hides what the main line says",
    ],
    missing: &[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE, NO_COLUMN],
};

impl Object {
    fn op(&self, nth: usize) -> Op {
        Op::new(self.ids[nth], "metadata", self.says[nth]).errors(self.missing)
    }

    fn lists(&self) -> Op {
        self.op(0).json_list::<wire::Metadata>(200, "All entries, by provider and key")
    }

    fn sets(&self) -> Op {
        says(self.op(1).body::<wire::MetadataBody>())
    }

    fn deletes(&self) -> Op {
        self.op(2).empty(204, "Gone").errors(&[NOT_SAID, FULL])
    }
}

fn says(op: Op) -> Op {
    op.json_list::<wire::Metadata>(201, "All entries that are there now").errors(&[INVALID, FULL])
}

pub(super) fn all() -> Routes {
    let project = [
        Route::get(paths::METADATA, sees, list, PROJECT.lists()),
        Route::post(paths::METADATA, writes_project, set, PROJECT.sets()).timeout(WRITE_TIMEOUT),
        Route::delete(paths::METADATUM, writes_project, delete, PROJECT.deletes()).timeout(WRITE_TIMEOUT),
    ];
    let branch = [
        Route::get(paths::BRANCH_METADATA, reads, list, BRANCH.lists()),
        Route::post(paths::BRANCH_METADATA, writes_branch, set, BRANCH.sets()).timeout(WRITE_TIMEOUT),
        Route::delete(paths::BRANCH_METADATUM, writes_branch, delete, BRANCH.deletes()).timeout(WRITE_TIMEOUT),
    ];
    let bucket = below([&paths::BUCKET_METADATA, &paths::BUCKET_METADATUM], &BUCKET, BUCKET.sets());
    let sets = says(TABLE.op(1).body::<wire::TableMetadataBody>()).errors(&[NO_COLUMN]);
    let table = below([&paths::TABLE_METADATA, &paths::TABLE_METADATUM], &TABLE, sets);
    let column = below([&paths::COLUMN_METADATA, &paths::COLUMN_METADATUM], &COLUMN, COLUMN.sets());
    project.into_iter().chain(branch).chain(bucket).chain(table).chain(column).chain([search()]).collect()
}

fn below(at: [&Both; 2], object: &Object, sets: Op) -> [Route<super::StorageRoutes>; 3] {
    // A table may be another project's, shown by a link.
    let (reads, writes) = if object.missing.contains(&NO_TABLE) { (LINKED, READ_ONLY) } else { (&[][..], &[][..]) };
    [
        both(Method::GET, at[0], reads_bucket, list, object.lists().errors(reads)),
        both(Method::POST, at[0], writes_bucket, set, sets.errors(writes)).timeout(WRITE_TIMEOUT),
        both(Method::DELETE, at[1], writes_bucket, delete, object.deletes().errors(writes)).timeout(WRITE_TIMEOUT),
    ]
}

fn search() -> Route<super::StorageRoutes> {
    both(
        Method::GET,
        &paths::SEARCH,
        lists,
        search::search,
        Op::new("searchProject", "metadata", "Find buckets, tables and columns by name or metadata")
            .description("A key of chosen buckets finds what is in them.")
            .query::<wire::SearchQuery>()
            .query::<wire::PageQuery>()
            .json::<wire::SearchResults>(200, "One page of what was found, by bucket, table and column")
            .errors(&[NO_PROJECT, NO_BRANCH]),
    )
}
