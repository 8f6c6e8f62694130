//! Who may: one question, asked by the command executor and by the HTTP gateway, answered by `access`.

use std::pin::Pin;

use crate::{Actor, BucketReach, Problem, Requirement, SchemaRights, Token};

/// A boxed future, so that traits with waiting in them can be used as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers whether an actor meets a requirement. Deny by default: only `Ok(())` lets anything happen.
pub trait Authorizer: Send + Sync + 'static {
    /// `Ok` when `actor` has in `tenant` what `requirement` asks for; else the problem to answer with.
    fn check<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
        requirement: &'a Requirement,
    ) -> BoxFuture<'a, Result<(), Problem>>;

    /// All that `actor` may in the schema registry of `tenant`, for lists, which ask of many subjects at once. Nothing unless
    /// the authorizer says otherwise.
    fn schema_rights<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
    ) -> BoxFuture<'a, Result<SchemaRights, Problem>> {
        let _ = (tenant, actor);
        Box::pin(async { Ok(SchemaRights::default()) })
    }

    /// Whose tables `actor` may read of the buckets of a project of `tenant`, in those of its branches that are open to it. None
    /// unless the authorizer says otherwise.
    fn readable_buckets<'a>(
        &'a self,
        tenant: &'a Token,
        actor: &'a Actor,
        project: &'a str,
    ) -> BoxFuture<'a, Result<BucketReach, Problem>> {
        let _ = (tenant, actor, project);
        Box::pin(async { Ok(BucketReach::default()) })
    }
}
