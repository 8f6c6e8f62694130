//! The account of calls: what it needs to know of the contexts.

use std::sync::Arc;

use alluvium_audit::{AuditRoutes, Naming, Places};
use alluvium_http::RouteGroup;
use alluvium_kernel::{BoxFuture, Problem, Requirement, Token};
use alluvium_storage::Queries;
use alluvium_storage::model::names;
use serde_json::Value;

use super::Parts;
use super::contexts::context;

/// The branch that is none.
const MAIN: &str = "default";

/// Names as the contexts know them.
pub const NAMING: Naming = Naming { bucket: names::bucket_name, command: read_command };

fn read_command(name: &str, payload: &[u8]) -> Option<Value> {
    let (of, command) = name.split_once('.')?;
    (context(of)?.command)(command, payload).ok()
}

/// The routes of the account.
pub fn routes(parts: &Parts) -> Option<RouteGroup> {
    let state = AuditRoutes {
        queries: parts.audit_queries()?,
        freshness: parts.freshness.clone(),
        js: parts.js.clone(),
        key: parts.secrets.signing_key.clone(),
        places: Arc::new(Catalogue(parts.catalogue()?)),
        authorizer: parts.access.clone(),
        admin_configured: parts.access.has_admin_key(),
        stopping: parts.stopping.clone(),
    };
    Some(alluvium_audit::routes(state, |params| {
        let bucket = names::bucket_name(params.get("bucket_name"));
        Requirement::BucketRead(params.owned("project_id"), params.owned("branch_id"), bucket)
    }))
}

/// What there is.
struct Catalogue(Queries);

impl Places for Catalogue {
    fn exist<'a>(
        &'a self,
        tenant: &'a Token,
        project: &'a str,
        branch: Option<&'a str>,
        bucket: Option<&'a str>,
        table: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            let tenant = tenant.as_str();
            self.0.require_project(tenant, project).await?;
            if let Some(branch) = branch.filter(|branch| *branch != MAIN) {
                self.0.branch(tenant, project, branch).await?;
            }
            let Some(bucket) = bucket else { return Ok(()) };
            self.0.bucket(tenant, project, bucket).await?;
            match table {
                Some(table) => match self.0.table(tenant, project, branch.unwrap_or(MAIN), bucket, table).await {
                    // What is linked and cannot be read now has its events all the same.
                    Err(problem) if problem.code != "storage.table_not_found" && problem.status < 500 => Ok(()),
                    found => found.map(drop),
                },
                None => Ok(()),
            }
        })
    }

    fn bucket_name(&self, name: &str) -> String {
        names::bucket_name(name)
    }
}
