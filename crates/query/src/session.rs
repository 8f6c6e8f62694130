//! One request: its text is planned as a whole before anything of it happens.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::catalog::Catalog;
use crate::drive::{on_large_stack, unwound};
use crate::engine::Engine;
use crate::error::{QueryError, QueryErrorKind};
use crate::plan::{Planned, Planner};
use crate::relations::{Relations, Sink};
use crate::text::statements;

/// One request, with the relations as they are for all of it. [`Engine::session`] makes it.
pub struct Session {
    engine: Engine,
    relations: Arc<dyn Relations>,
    sink: Arc<dyn Sink>,
}

/// A request of which every statement is planned and nothing was done yet.
pub struct Prepared {
    pub(crate) planned: Planned,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) rows_max: Option<u64>,
    pub(crate) deadline: Option<Instant>,
    /// Its place among the queries that may run at once.
    pub(crate) permit: Arc<OwnedSemaphorePermit>,
}

impl Session {
    pub(crate) fn new(engine: Engine, relations: Arc<dyn Relations>, sink: Arc<dyn Sink>) -> Self {
        Self { engine, relations, sink }
    }

    /// Reads and plans the text: statements with `;` between them, of which only the last may give rows. Errors if a
    /// statement is wrong or not offered, names what is not there or not materialized, or if too many queries are
    /// running.
    pub async fn plan(self, sql: &str) -> Result<Prepared, QueryError> {
        let permit = self.engine.running.clone().try_acquire_owned().map_err(|_| {
            let most = self.engine.limits.queries_max;
            QueryError::new(QueryErrorKind::Busy, format!("{most} ad-hoc queries are running already"))
        })?;
        let permit = Arc::new(permit);
        let deadline = self.engine.limits.time_max.and_then(|time| Instant::now().checked_add(time));
        let rows_max = self.engine.limits.rows_max;
        let (text, kept) = (sql.to_owned(), permit.clone());
        let Self { engine, relations, sink } = self;
        let work = tokio::task::spawn_blocking(move || {
            // Planning goes on for a little when nobody waits for it any more; until then it counts.
            let _kept = kept;
            unwound(|| on_large_stack(|| plan_text(&engine, &relations, &text)))
        });
        let done = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, work).await.map_err(|_| timed_out())?,
            None => work.await,
        };
        let planned = done.map_err(|failure| QueryError::internal(format!("planning failed: {failure}")))??;
        Ok(Prepared { planned, sink, rows_max, deadline, permit })
    }
}

fn plan_text(engine: &Engine, relations: &Arc<dyn Relations>, text: &str) -> Result<Planned, QueryError> {
    let statements = statements(text)?;
    let mut state = engine.base.as_ref().clone();
    state.register_catalog_list(Catalog::new(relations).into_list());
    // All that asks for the time is given the same.
    state.mark_start_execution();
    Planner::new(state).plan(statements)
}

/// The error of a query that was stopped because of its time.
pub(crate) fn timed_out() -> QueryError {
    QueryError::too_large("the query took longer than it may")
}
