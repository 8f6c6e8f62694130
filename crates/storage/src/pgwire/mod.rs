//! Sessions in workspaces over PostgreSQL's protocol: who may have one, and what its statements mean.

mod catalogue;
mod login;
mod problems;
mod reach;
mod session;
mod sessions;
mod statement;

use std::sync::Arc;

use alluvium_kernel::{BoxFuture, Token};
use alluvium_pgwire::{Backend, Failure, Login, Session};

use crate::routes::StorageRoutes;

pub(crate) use login::admit;
pub(crate) use sessions::SessionView;
pub use sessions::Sessions;

/// What one session may take, as clients are told.
#[derive(Clone, Debug)]
pub struct SessionLimits {
    /// Sessions of one workspace.
    pub per_workspace_max: i64,
    /// Sessions of all.
    pub total_max: i64,
    /// How long a session may say nothing, in seconds.
    pub idle_seconds: u64,
    /// How long one statement may take, in seconds.
    pub query_seconds: u64,
    /// Memory of its engine, as it was set.
    pub memory_limit: String,
}

/// Lets clients into workspaces that are kept here.
#[derive(Clone)]
pub struct WorkspaceLogins(Arc<StorageRoutes>, Token);

impl WorkspaceLogins {
    /// For the workspaces of a tenant.
    pub fn new(state: StorageRoutes, tenant: Token) -> Self {
        Self(Arc::new(state), tenant)
    }
}

impl Backend for WorkspaceLogins {
    fn login(&self, login: Login) -> BoxFuture<'_, Result<Box<dyn Session>, Failure>> {
        Box::pin(async move {
            let made = session::login(self.0.clone(), &self.1, login).await;
            made.map(|session| Box::new(session) as Box<dyn Session>).map_err(|problem| problems::at_login(&problem))
        })
    }
}
