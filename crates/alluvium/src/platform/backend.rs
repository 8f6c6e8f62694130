//! The backend as clients of the storage surface know it: `/health`, which tells whether this process can work at all, and the two
//! calls with which such clients set a backend up and take it down.

use std::path::Path;

use alluvium_http::{DetailRenderer, Json, Op, ProblemResponse, Route, RouteGroup};
use alluvium_kernel::Problem;
use axum::extract::State;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::folds::Fold;
use super::{Platform, admin, health, public};

const UNAVAILABLE: &str = "storage.storage_unavailable";
const INIT_FAILED: &str = "storage.init_failed";

/// The directories, in the data directory.
const DIRECTORIES: [&str; 4] = ["", "tables", "blobs", "snapshots"];
/// What they are called to others: where the data directory is, is nobody's business.
const CALLED: [&str; 4] = ["data", "data/tables", "data/blobs", "data/snapshots"];

/// Something about each directory.
#[expect(clippy::struct_field_names, reason = "the wire fixes them")]
#[derive(Clone, Copy, Serialize, ToSchema)]
struct Directories<T> {
    /// The data directory.
    data_dir: T,
    /// Table files.
    duckdb_dir: T,
    /// Uploaded and exported files.
    files_dir: T,
    /// Snapshots.
    snapshots_dir: T,
}

impl<T> From<[T; 4]> for Directories<T> {
    fn from([data_dir, duckdb_dir, files_dir, snapshots_dir]: [T; 4]) -> Self {
        Self { data_dir, duckdb_dir, files_dir, snapshots_dir }
    }
}

/// The body of `/health`.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `healthy`
    status: &'static str,
    /// Version of the binary.
    version: &'static str,
    /// Whether all directories are there.
    storage_available: bool,
    /// Which are.
    details: Directories<bool>,
    /// `connected` or not.
    nats: &'static str,
    /// The folds that run here: how far behind, what is parked, whether their pollers live.
    projections: Vec<Fold>,
    /// How long ago they were looked at, in milliseconds: under load a second or two.
    projections_age_ms: u64,
}

/// What became of the backend.
#[derive(Serialize, ToSchema)]
struct Backend {
    /// Whether it is as it was asked to be.
    success: bool,
    /// What was done for it.
    message: String,
    /// What its directories are called; null when there was nothing to do with them.
    storage_paths: Option<Directories<String>>,
}

/// The routes, with the storage surface's shape of errors.
pub fn group(platform: Platform, admin_configured: bool) -> RouteGroup {
    let health = Op::new("health", "backend", "Whether this process can work")
        .json::<Health>(200, "It can")
        .errors(&[UNAVAILABLE]);
    let init = Op::new("initBackend", "backend", "Makes what directories are missing")
        .json::<Backend>(200, "All are there")
        .errors(&[INIT_FAILED]);
    let remove = Op::new("removeBackend", "backend", "Does nothing: projects are deleted one by one")
        .json::<Backend>(200, "Nothing was deleted");
    let routes = vec![
        Route::get("/health", public, self::health, health),
        Route::post("/backend/init", admin, self::init, init),
        Route::post("/backend/remove", admin, self::remove, remove),
    ];
    let renderer = DetailRenderer { admin_configured };
    RouteGroup::new("backend", platform, routes).keyed().errors_as(renderer, &["/backend"])
}

/// Makes the directories that are missing, and tells how many were.
pub fn make_directories(data_dir: &Path) -> std::io::Result<usize> {
    let missing = there(data_dir).into_iter().filter(|there| !there).count();
    DIRECTORIES.iter().try_for_each(|directory| std::fs::create_dir_all(data_dir.join(directory)))?;
    Ok(missing)
}

fn there(data_dir: &Path) -> [bool; 4] {
    DIRECTORIES.map(|directory| data_dir.join(directory).is_dir())
}

async fn health(State(platform): State<Platform>) -> Result<Json<Health>, ProblemResponse> {
    let there = there(&platform.data_dir);
    if there.contains(&false) {
        let missing = Problem::unavailable(UNAVAILABLE, "A directory of the data directory is missing.");
        return Err(missing.with_details(json!(Directories::from(there))).into());
    }
    let seen = platform.lately.seen(&platform).await;
    Ok(Json(Health {
        status: "healthy",
        version: env!("CARGO_PKG_VERSION"),
        storage_available: true,
        details: there.into(),
        nats: if health::connected(&platform) { "connected" } else { "disconnected" },
        projections: seen.folds.as_ref().clone(),
        projections_age_ms: seen.age_ms(),
    }))
}

async fn init(State(platform): State<Platform>) -> Result<Json<Backend>, ProblemResponse> {
    let made = make_directories(&platform.data_dir).map_err(|error| {
        tracing::error!(error = %error, "a directory of the data directory cannot be made");
        Problem::new(INIT_FAILED, 500, "A directory cannot be made; the server's log has the reason.")
    })?;
    let message = match made {
        0 => "Storage backend is ready: nothing was missing".to_owned(),
        made => format!("Storage backend is ready: created {made} directories"),
    };
    Ok(Json(Backend { success: true, message, storage_paths: Some(CALLED.map(str::to_owned).into()) }))
}

async fn remove() -> Json<Backend> {
    let message = "Removing the backend is a no-op: delete its projects instead".to_owned();
    Json(Backend { success: true, message, storage_paths: None })
}
