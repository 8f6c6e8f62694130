//! The HTTP surface of storage, as clients of Keboola's storage on DuckDB know it. Handlers are thin: read the request, send
//! the command or ask the read models, write the answer.

mod aliases;
mod branches;
mod buckets;
mod changes;
mod columns;
mod counts;
mod download;
mod files;
mod from_file;
mod import_table;
mod jobs;
mod levels;
mod list;
mod merge;
mod metadata;
mod parcels;
mod past;
mod paths;
mod pgwire;
mod pinned;
mod profile;
mod projects;
mod pull;
mod query;
mod rebase;
mod rows;
mod scratch;
mod search;
mod sharing;
mod sliced;
mod snapshot_settings;
mod snapshots;
mod state;
mod tables;
mod transfer;
mod upload;
mod versions;
mod workspace_credentials;
mod workspace_query;
mod workspace_unload;
mod workspaces;

use alluvium_http::{DetailRenderer, RouteGroup};

pub(crate) use download::{Opened, http_date, open};
pub use state::{ProjectKeys, RemoteSizes, StorageRoutes, WorkspacePlace};
pub(crate) use state::{WRITE_TIMEOUT, now, tenant_text};
pub(crate) use workspace_query::{Meant, copied, meant};

pub use pgwire::pgwire_routes;

/// The routes, with their shape of errors.
pub fn routes(state: StorageRoutes) -> RouteGroup {
    let renderer = DetailRenderer { admin_configured: state.admin_configured };
    RouteGroup::new("storage", state, list::all())
        .keyed()
        .errors_as(renderer, &["/projects"])
        .error_codes(crate::ERRORS)
}
