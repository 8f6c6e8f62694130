//! Settings of snapshots, at three levels.

use alluvium_http::{Op, Route};
use axum::http::Method;

use super::{
    IS_ALIAS, NO_BRANCH, NO_BUCKET, NO_PROJECT, NO_TABLE, NOT_ON_BRANCH, Routes, administers, both, reads_bucket,
    reads_project,
};
use crate::routes::paths::{self, Both};
use crate::routes::snapshot_settings::{delete, get, patch, put};
use crate::routes::state::WRITE_TIMEOUT;
use crate::wire::{SnapshotSettingsAnswer, SnapshotSettingsBody};

/// The operations of a level: what each is called.
struct Level {
    ids: [&'static str; 4],
    says: [&'static str; 4],
    missing: &'static [&'static str],
}

const PROJECT: Level = Level {
    ids: [
        "getProjectSnapshotSettings",
        "setProjectSnapshotSettings",
        "patchProjectSnapshotSettings",
        "clearProjectSnapshotSettings",
    ],
    says: [
        "Show what counts for snapshots of a project, and who says so",
        "Set what a project says about its snapshots",
        "Change some of what a project says about its snapshots; null takes a setting away",
        "Let a project say nothing of its own about its snapshots",
    ],
    missing: &[NO_PROJECT],
};
const BUCKET: Level = Level {
    ids: [
        "getBucketSnapshotSettings",
        "setBucketSnapshotSettings",
        "patchBucketSnapshotSettings",
        "clearBucketSnapshotSettings",
    ],
    says: [
        "Show what counts for snapshots of a bucket, and who says so",
        "Set what a bucket says about its snapshots",
        "Change some of what a bucket says about its snapshots; null takes a setting away",
        "Let a bucket say nothing of its own about its snapshots",
    ],
    missing: &[NO_PROJECT, NO_BRANCH, NO_BUCKET],
};
const TABLE: Level = Level {
    ids: [
        "getTableSnapshotSettings",
        "setTableSnapshotSettings",
        "patchTableSnapshotSettings",
        "clearTableSnapshotSettings",
    ],
    says: [
        "Show what counts for snapshots of a table, and who says so",
        "Set what a table says about its snapshots",
        "Change some of what a table says about its snapshots; null takes a setting away",
        "Let a table say nothing of its own about its snapshots",
    ],
    missing: &[NO_PROJECT, NO_BRANCH, NO_BUCKET, NO_TABLE, IS_ALIAS],
};

impl Level {
    fn op(&self, nth: usize) -> Op {
        Op::new(self.ids[nth], "snapshots", self.says[nth]).errors(self.missing)
    }

    fn shows(&self) -> Op {
        self.op(0).json::<SnapshotSettingsAnswer>(200, "What counts")
    }

    fn sets(&self, nth: usize) -> Op {
        let op = self.op(nth).body::<SnapshotSettingsBody>().json::<SnapshotSettingsAnswer>(200, "What counts now");
        op.errors(&["storage.invalid_config"])
    }

    fn clears(&self) -> Op {
        self.op(3).empty(204, "It says nothing of its own")
    }
}

pub(super) fn all() -> Routes {
    let project = vec![
        Route::new(Method::GET, paths::SETTINGS, reads_project, get, PROJECT.shows()),
        Route::new(Method::PUT, paths::SETTINGS, administers, put, PROJECT.sets(1)).timeout(WRITE_TIMEOUT),
        Route::new(Method::PATCH, paths::SETTINGS, administers, patch, PROJECT.sets(2)).timeout(WRITE_TIMEOUT),
        Route::new(Method::DELETE, paths::SETTINGS, administers, delete, PROJECT.clears()).timeout(WRITE_TIMEOUT),
    ];
    let bucket = below(&paths::BUCKET_SETTINGS, &BUCKET);
    project.into_iter().chain(bucket).chain(below(&paths::TABLE_SETTINGS, &TABLE)).collect()
}

fn below(at: &Both, level: &Level) -> Routes {
    let on_main = |op: Op| op.errors(&[NOT_ON_BRANCH]);
    vec![
        both(Method::GET, at, reads_bucket, get, level.shows()),
        both(Method::PUT, at, administers, put, on_main(level.sets(1))).timeout(WRITE_TIMEOUT),
        both(Method::PATCH, at, administers, patch, on_main(level.sets(2))).timeout(WRITE_TIMEOUT),
        both(Method::DELETE, at, administers, delete, on_main(level.clears())).timeout(WRITE_TIMEOUT),
    ]
}
