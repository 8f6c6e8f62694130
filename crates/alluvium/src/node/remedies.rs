//! What operators ask for parked events, carried out by the folds of this process.

use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::registry::{Registry, owner};
use alluvium_kernel::{BoxFuture, Position, Problem};
use alluvium_messaging::stream_created;
use alluvium_platform::{GivenUp, Journal, Remediable, Request, Wanted};
use alluvium_projection::{Order, Projections};
use alluvium_storage::fold::{STREAM, TableId, Tables};
use async_nats::jetstream;
use serde_json::{Value, json};

use super::contexts::TABLES;

/// How long a remedy waits for the table files to be where the log is; then it is tried again.
const CAUGHT_UP_WAIT: Duration = Duration::from_secs(10);

/// The folds into Postgres that remedies may be for.
pub fn of_postgres(projections: &Projections) -> Vec<Arc<dyn Remediable>> {
    let fold = |name| Arc::new(InPostgres { name, projections: projections.clone() }) as Arc<dyn Remediable>;
    projections.names().into_iter().map(fold).collect()
}

/// The fold into table files.
pub fn of_tables(
    tables: &Arc<Tables>,
    registry: Option<Arc<Registry>>,
    js: &jetstream::Context,
) -> Arc<dyn Remediable> {
    Arc::new(InFiles { tables: tables.clone(), registry, js: js.clone() })
}

/// Before the folds begin, and before one is rebuilt from another stream: what was ever given up is known to their database, also
/// to one made anew, and what was given up of a stream that is not there any more is forgotten.
pub async fn obey(journal: &Journal, folds: &[Arc<dyn Remediable>]) -> Result<(), Problem> {
    for stale in journal.stale() {
        if let Some(fold) = folds.iter().find(|fold| fold.name() == stale.projection) {
            fold.forget(stale).await?;
        }
    }
    for given_up in journal.all_given_up() {
        if let Some(fold) = folds.iter().find(|fold| fold.name() == given_up.projection) {
            fold.given_up(&given_up).await?;
        }
    }
    Ok(())
}

/// The same for one fold that is about to be rebuilt in a running process, whose stream may be another one since it began.
pub async fn obey_anew(
    js: &jetstream::Context,
    projections: &Projections,
    tables: Option<&Arc<Tables>>,
) -> Result<(), Problem> {
    let mut folds = of_postgres(projections);
    folds.extend(tables.map(|tables| of_tables(tables, None, js)));
    obey(&Journal::read(js).await?, &folds).await
}

struct InPostgres {
    name: &'static str,
    projections: Projections,
}

impl Remediable for InPostgres {
    fn name(&self) -> &'static str {
        self.name
    }

    fn stream(&self) -> &'static str {
        self.projections.stream(self.name).unwrap_or_default()
    }

    // Whichever process comes first: the database lets only one in.
    fn answers(&self, _: &Request) -> bool {
        true
    }

    fn remedy<'a>(&'a self, request: &'a Request, _: bool) -> BoxFuture<'a, Result<Value, Problem>> {
        Box::pin(async move {
            let give_up = match request.wanted {
                Wanted::Retry => None,
                Wanted::Skip(seq) => Some(seq),
            };
            let order = Order { key: request.key.clone(), give_up, position: request.position.clone() };
            let done =
                self.projections.remedy(self.name, &order).await.map_err(|problem| match problem.code.as_str() {
                    // No trying again brings a lost message back; the operator has to hear of it.
                    "projection.quarantined" => Problem::new("projection.quarantined", 409, problem.detail),
                    _ => problem,
                })?;
            Ok(json!({ "applied": done.applied, "skipped": done.skipped, "remaining": done.remaining }))
        })
    }

    fn given_up<'a>(&'a self, given_up: &'a GivenUp) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            let position = format!("given up {}", given_up.seq);
            let order = Order { key: given_up.key.clone(), give_up: Some(given_up.seq), position };
            self.projections.obey(self.name, &order).await
        })
    }

    fn forget<'a>(&'a self, given_up: &'a GivenUp) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(self.projections.take_in_again(self.name, given_up.seq))
    }
}

/// A table's file moves only by the log, so what is given up has to be on the log first: the remedy itself only looks.
struct InFiles {
    tables: Arc<Tables>,
    /// Who else keeps tables, where several processes do.
    registry: Option<Arc<Registry>>,
    js: jetstream::Context,
}

impl InFiles {
    /// A start parks again what was parked, once it has come so far: before that nobody can say what is.
    async fn caught_up(&self, request: &Request) -> Result<(), Problem> {
        let (_, last) = stream_created(&self.js, STREAM).await?;
        let needed = match request.wanted {
            Wanted::Skip(seq) => seq.min(last),
            Wanted::Retry => last,
        };
        self.tables.wait_all(&Position::of(STREAM, needed), CAUGHT_UP_WAIT).await
    }
}

impl Remediable for InFiles {
    fn name(&self) -> &'static str {
        TABLES
    }

    fn stream(&self) -> &'static str {
        STREAM
    }

    fn answers(&self, request: &Request) -> bool {
        let Some(registry) = &self.registry else { return true };
        let fold = self.tables.fold();
        let Some(project) = fold.routing().by_subject(&request.key).map(TableId::project_key) else {
            // No table of that name: whoever is first in line for it says so.
            return owner(&registry.members(), TABLES, &request.key).is_some_and(|first| first.node == registry.node());
        };
        self.tables.owned().serves(&project).is_some()
    }

    fn remedy<'a>(&'a self, request: &'a Request, seen: bool) -> BoxFuture<'a, Result<Value, Problem>> {
        Box::pin(async move {
            self.caught_up(request).await?;
            let parked = self.tables.parked().into_iter().find(|table| table.key == request.key);
            match (&request.wanted, parked) {
                (Wanted::Skip(seq), Some(table)) if table.seq == *seq => Ok(json!({ "skipped": 1 })),
                (Wanted::Skip(seq), Some(table)) => {
                    let detail = format!("`{}` is parked at {}, not at {seq}.", request.key, table.seq);
                    Err(Problem::new("projection.not_first", 409, detail))
                }
                (Wanted::Retry, Some(_)) => {
                    let applied = self.tables.retry(&request.key).await?.unwrap_or_default().messages;
                    Ok(json!({ "applied": applied, "skipped": 0, "remaining": 0 }))
                }
                // The start of this process tried it again, as every start does.
                (Wanted::Retry, None) if seen => Ok(json!({ "applied": 0, "skipped": 0, "remaining": 0 })),
                (_, None) => {
                    let detail = format!("Nothing is parked under `{}`.", request.key);
                    Err(Problem::new("projection.not_parked", 404, detail))
                }
            }
        })
    }

    fn given_up<'a>(&'a self, given_up: &'a GivenUp) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move { self.tables.give_up(&given_up.key, given_up.seq).await.map(drop) })
    }

    fn forget<'a>(&'a self, given_up: &'a GivenUp) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            self.tables.take_in_again(given_up.seq);
            Ok(())
        })
    }
}
