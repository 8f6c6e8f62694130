//! Storage: projects, buckets, tables (one DuckDB file each) and files, in Keboola Storage's language.
//!
//! Glossary: a *project* holds *buckets*, a bucket holds *tables*; their names are labels, their *uids* the things
//! themselves (a name created again is a new incarnation). A *file* is an uploaded or exported blob of a project. A
//! *request* is an accepted command whose verdict needs the rows; the fold of the table *settles* it.

mod aliases;
mod branches;
pub mod context;
pub mod contract;
mod digest;
mod driver;
mod errors;
pub mod fold;
mod jobs;
mod links;
mod metadata;
pub mod model;
mod multiparts;
mod past;
pub mod pgwire;
mod pipelines;
pub mod projection;
pub mod queries;
mod recall;
pub mod retention;
mod rights;
pub mod routes;
mod s3;
mod snapshots;
mod undrop;
pub mod wire;
mod workspaces;

pub use context::Storage;
pub use driver::{DriverRoutes, driver_routes};
pub use errors::ERRORS;
pub use jobs::{JobParts, Jobs};
pub use links::ShareEnforcement;
pub use past::CatalogueThen;
pub use pipelines::{NoPipelines, OfPipeline, PIPELINES, PipelineRelation, PipelineShown, PipelineTables};
pub use projection::CatalogueProjection;
pub use queries::{Queries, TableStats};
pub use routes::{ProjectKeys, RemoteSizes, StorageRoutes, WorkspacePlace, pgwire_routes, routes};
pub use s3::{S3Links, S3Pair, s3_routes};
pub use undrop::{UndropWindow, is_still_deleted};
