//! The routes of the contexts, with what each needs from the others.

use std::sync::{Arc, OnceLock, Weak};

use alluvium_access::model::Scope;
use alluvium_access::{Belongings, KeyDesk, KeyRoutes, NewKey, Projects};
use alluvium_eventlog::{KvReservations, Past};
use alluvium_http::{Idempotency, Placement, Principal, RouteGroup};
use alluvium_kernel::{BoxFuture, Position, Problem, Timestamp, Token};
use alluvium_storage::fold::STREAM;
use alluvium_storage::model::names;
use alluvium_storage::queries::FileReach;
use alluvium_storage::{
    DriverRoutes, JobParts, Jobs, ProjectKeys, Queries, RemoteSizes, S3Links, S3Pair, StorageRoutes, WorkspacePlace,
};

use axum::Router;

use super::Parts;
use super::places::Places;
use crate::config::PGWIRE_PORT;

/// What a key is for that names S3 credentials.
const S3_KEY: &str = "S3 credentials";

/// The surface that a route of it asks, once it is assembled.
pub type WholeSurface = Arc<OnceLock<Weak<Router>>>;

/// The route groups of all contexts.
pub fn route_groups(parts: &Parts, surface: &WholeSurface) -> Result<Vec<RouteGroup>, Problem> {
    let catalogue = parts.catalogue().ok_or_else(Problem::internal)?;
    let queries = parts.key_queries().ok_or_else(Problem::internal)?;
    let projects = Arc::new(Catalogue(catalogue));
    let keys = KeyRoutes { desk: parts.desk.clone(), queries, projects };
    let state = storage_state(parts).ok_or_else(Problem::internal)?;
    let [buckets, objects] = alluvium_storage::s3_routes(state.clone(), s3_pair(parts), s3_links(parts));
    let driver = DriverRoutes { storage: state.clone(), surface: surface.clone() };
    let driver = alluvium_storage::driver_routes(driver);
    let storage = alluvium_storage::routes(state);
    let schemas = alluvium_schemas::server::routes(super::schemas::server(parts)?);
    let sessions = pgwire(parts).ok_or_else(Problem::internal)?;
    let forgetting = alluvium_access::forgetting_routes(keys.clone());
    let audit = super::audit::routes(parts).ok_or_else(Problem::internal)?;
    let access = alluvium_access::routes(keys);
    let logins = super::logins::logins(parts)?;
    let tenancy = super::logins::routes(parts, logins.clone()).ok_or_else(Problem::internal)?;
    let pipelines = super::pipelines::routes(parts).ok_or_else(Problem::internal)?.credentials(logins.clone());
    let mut groups =
        vec![access, forgetting, audit, tenancy, pipelines, schemas, storage, sessions, buckets, objects, driver];
    groups.extend(super::pipelines::data_routes(parts).map(|group| group.credentials(logins)));
    Ok(groups)
}

/// The routes of storage.
pub fn storage(parts: &Parts) -> Option<RouteGroup> {
    Some(alluvium_storage::routes(storage_state(parts)?))
}

/// The control routes of sessions in workspaces.
pub(super) fn pgwire(parts: &Parts) -> Option<RouteGroup> {
    let secret = parts.config.pgwire.internal_secret.as_ref().map(|secret| secret.expose().to_owned());
    Some(alluvium_storage::pgwire_routes(storage_state(parts)?, parts.access.tenant().clone(), secret))
}

/// The pair of names that opens all objects.
fn s3_pair(parts: &Parts) -> S3Pair {
    S3Pair {
        access_key_id: parts.config.s3.access_key_id.clone(),
        secret_access_key: parts.config.s3.secret_access_key.as_ref().map(|secret| secret.expose().to_owned()),
        tenant: parts.access.tenant().clone(),
    }
}

/// Who signs links.
fn s3_links(parts: &Parts) -> S3Links {
    let here = || format!("http://{}:{}", parts.config.host, parts.config.port);
    let base_url = parts.config.s3.base_url.clone().unwrap_or_else(here);
    S3Links { key: parts.secrets.signing_key.clone(), base_url: base_url.trim_end_matches('/').to_owned() }
}

/// What storage's handlers work with.
pub(super) fn storage_state(parts: &Parts) -> Option<StorageRoutes> {
    let sizes = parts.peer_sizes();
    Some(StorageRoutes {
        client: parts.client.clone(),
        queries: parts.catalogue()?,
        projections: parts.projections.clone(),
        past: Past::new(parts.js.clone(), STREAM),
        tables: parts.tables.clone(),
        sizes: sizes.map(|sizes| sizes as Arc<dyn RemoteSizes>),
        blobs: parts.blobs.clone(),
        freshness: parts.freshness.clone(),
        keys: Arc::new(Keys(parts.desk.clone())),
        authorizer: parts.access.clone(),
        workspaces: parts.workspaces.clone().map(|engines| WorkspacePlace {
            engines,
            host: parts.config.workspaces.host.clone(),
            port: parts.config.workspaces.port.or(parts.pgwire.map(|at| at.port())).unwrap_or(PGWIRE_PORT),
        }),
        sessions: Some(parts.sessions.clone()),
        admin_configured: parts.access.has_admin_key(),
    })
}

/// Who answers requests about tables, when not all tables are kept here.
pub fn placement(parts: &Parts) -> Result<Option<Arc<dyn Placement>>, Problem> {
    let Some(registry) = parts.registry.clone() else { return Ok(None) };
    let (js, key) = (parts.js.clone(), parts.secrets.signing_key.clone());
    let links = parts.catalogue().ok_or_else(Problem::internal)?;
    let places = Places::outward(registry, js, key, parts.tables.clone(), links).map_err(|error| {
        tracing::error!(error = %error, "other processes cannot be asked");
        Problem::internal()
    })?;
    Ok(Some(Arc::new(places)))
}

/// What does requests with a key once.
pub fn idempotency(parts: &Parts) -> Arc<Idempotency> {
    let store = Arc::new(KvReservations::new(parts.js.clone()));
    let (pepper, spool) = (parts.secrets.signing_key.clone(), parts.config.data_dir.clone());
    Arc::new(Idempotency::new(store, pepper, parts.identity.name(), spool))
}

/// What answers requests later that ask for it.
pub fn jobs(parts: &Parts, surface: &WholeSurface) -> Result<Arc<Jobs>, Problem> {
    Ok(Arc::new(Jobs::new(JobParts {
        client: parts.client.clone(),
        queries: parts.catalogue().ok_or_else(Problem::internal)?,
        freshness: parts.freshness.clone(),
        key: parts.secrets.signing_key.clone(),
        node: parts.identity.name().to_owned(),
        registry: parts.registry.clone(),
        surface: surface.clone(),
    })))
}

/// Which projects and branches there are, for routes that stand below one.
struct Catalogue(Queries);

impl Projects for Catalogue {
    fn exists<'a>(&'a self, tenant: &'a Token, project: &'a str) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async move {
            match self.0.require_project(tenant.as_str(), project).await {
                Ok(()) => Ok(true),
                Err(problem) if problem.status == 404 => Ok(false),
                Err(problem) => Err(problem),
            }
        })
    }

    fn bucket_name(&self, name: &str) -> Result<String, Problem> {
        let stored = names::bucket_name(name);
        names::valid_bucket(&stored).map(|()| stored)
    }

    fn has_branch<'a>(
        &'a self,
        tenant: &'a Token,
        project: &'a str,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async move {
            match self.0.branch(tenant.as_str(), project, branch).await {
                Ok(_) => Ok(true),
                Err(problem) if problem.status == 404 => Ok(false),
                Err(problem) => Err(problem),
            }
        })
    }
}

/// Keys for projects that begin and end.
struct Keys(KeyDesk);

impl ProjectKeys for Keys {
    fn issue_first_key<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
    ) -> BoxFuture<'a, Result<(String, Position), Problem>> {
        Box::pin(async move {
            let issued = self.0.issue_first_key(by, project).await?;
            Ok((issued.secret.reveal().to_owned(), issued.position))
        })
    }

    fn issue_s3_key<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
    ) -> BoxFuture<'a, Result<(String, Position), Problem>> {
        Box::pin(async move {
            let wanted = NewKey { scope: Scope::Project, description: S3_KEY.to_owned(), ..NewKey::default() };
            let issued = self.0.issue(by, project, wanted).await?;
            Ok((issued.record.id, issued.position))
        })
    }

    fn project_of(&self, caller: &Principal) -> Result<Option<String>, Problem> {
        self.0.project_of(caller)
    }

    fn files_of(&self, caller: &Principal) -> Result<FileReach, Problem> {
        let Belongings { of, reads_all } = self.0.belongings(caller)?;
        Ok(FileReach::of(of, reads_all))
    }

    fn present(&self, tenant: &Token, key: &str) -> Result<String, Problem> {
        self.0.present(tenant, key)
    }

    fn revoke_all<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
        before: Timestamp,
    ) -> BoxFuture<'a, Result<Position, Problem>> {
        Box::pin(self.0.revoke_all(by, project, before))
    }

    fn revoke_branch<'a>(
        &'a self,
        by: &'a Principal,
        project: &'a str,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Position, Problem>> {
        Box::pin(self.0.revoke_branch(by, project, branch))
    }
}
