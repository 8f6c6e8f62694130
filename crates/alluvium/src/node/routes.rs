//! The routes of the contexts, with what each needs from the others.

use std::sync::Arc;

use alluvium_access::{KeyDesk, KeyRoutes, Projects};
use alluvium_http::RouteGroup;
use alluvium_kernel::{Actor, BoxFuture, Position, Problem, Timestamp, Token};
use alluvium_storage::{ProjectKeys, Queries, StorageRoutes};

use super::Parts;

/// The route groups of all contexts.
pub fn route_groups(parts: &Parts) -> Result<Vec<RouteGroup>, Problem> {
    let catalogue = parts.catalogue().ok_or_else(Problem::internal)?;
    let queries = parts.key_queries().ok_or_else(Problem::internal)?;
    let projects = Arc::new(Catalogue(catalogue.clone()));
    let keys = KeyRoutes { desk: parts.desk.clone(), queries, projects };
    let mut groups = vec![alluvium_access::routes(keys)];
    if let Some(tables) = &parts.tables {
        groups.push(alluvium_storage::routes(StorageRoutes {
            client: parts.client.clone(),
            queries: catalogue,
            projections: parts.projections.clone(),
            tables: tables.clone(),
            blobs: parts.blobs.clone(),
            freshness: parts.freshness.clone(),
            keys: Arc::new(Keys(parts.desk.clone())),
            admin_configured: parts.access.has_admin_key(),
        }));
    }
    Ok(groups)
}

/// Which projects there are, for routes that stand below one.
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
}

/// Keys for projects that begin and end.
struct Keys(KeyDesk);

impl ProjectKeys for Keys {
    fn issue_first_key<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
        project: &'a str,
    ) -> BoxFuture<'a, Result<(String, Position), Problem>> {
        Box::pin(async move {
            let issued = self.0.issue_first_key(tenant, actor, project).await?;
            Ok((issued.secret.reveal().to_owned(), issued.position))
        })
    }

    fn revoke_all<'a>(
        &'a self,
        tenant: &'a Token,
        project: &'a str,
        before: Timestamp,
    ) -> BoxFuture<'a, Result<Position, Problem>> {
        Box::pin(self.0.revoke_all(tenant, project, before))
    }
}
