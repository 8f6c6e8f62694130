//! Bringing what the main line has become under the changes that a dev branch has made to a table.

use std::time::Duration;

use alluvium_http::{BodyBytes, Json, MinPosition, PathParams, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem};
use alluvium_tablestore::Rebased;
use axum::extract::State;

use super::merge::{Sides, sides};
use super::state::{Accepted, Place, Scratch, StorageRoutes, VISIBLE_WAIT_SECONDS, tenant_text};
use crate::contract::{Command, RebaseTable, TableCommand};
use crate::model::limits::FILE_BYTES_MAX;
use crate::model::problem;
use crate::queries::TableView;
use crate::wire::{Imported, RebasedTable, Strategy, TableRebase};

type Answer<T> = Result<T, ProblemResponse>;

/// How long it may take: three tables are read whole, and one is written.
pub(super) const REBASE_TIMEOUT: Duration = Duration::from_mins(9);
/// How often it is begun anew when the branch's table was changed meanwhile.
const TRIES_MAX: u32 = 3;

/// The branch's own table, and the one that it was taken from.
struct Pair {
    own: TableView,
    main: TableView,
}

pub(super) async fn rebase(
    State(state): State<StorageRoutes>,
    principal: Principal,
    params: PathParams,
    wanted: MinPosition,
    BodyBytes(body): BodyBytes,
) -> Answer<WithPosition<Json<RebasedTable>>> {
    let TableRebase { strategy } = TableRebase::parse(&body)?;
    state.fresh_tables(&wanted).await?;
    let place = state.place(&principal, &params).await?;
    // The main line is no branch that could be rebased.
    let branch = state.queries.branch(&tenant_text(&place.tenant), &place.project, &place.branch).await?;
    if branch.is_pinned() {
        return Err(problem::branch_pinned("Rebasing a table", &branch.id).into());
    }
    state.table(&place).await?;
    let Some(pair) = pair(&state, &principal, &place).await? else {
        return Ok(WithPosition(Position::start(), Json(up_to_date(&place))));
    };
    for attempt in 0..TRIES_MAX {
        match once(&state, &principal, &place, &pair, strategy, attempt).await {
            Err(outdated) if outdated.code == "storage.rebase_outdated" && attempt + 1 < TRIES_MAX => {}
            done => {
                let (accepted, conflicts) = done?;
                let answer = answer(&place, &accepted, conflicts)?;
                return Ok(WithPosition(accepted.position, Json(answer)));
            }
        }
    }
    Err(problem::rebase_outdated(&place.table).into())
}

/// What is to be brought together; `None` where the branch shows all that the main line has.
async fn pair(state: &StorageRoutes, principal: &Principal, place: &Place) -> Answer<Option<Pair>> {
    let (tenant, branch) = (tenant_text(&place.tenant), &place.branch);
    let all = state.queries.own_tables(&tenant, &place.project, branch).await?;
    let Some(table) = all.into_iter().find(|own| own.bucket == place.bucket && own.name == place.table) else {
        return Ok(None);
    };
    let Sides { own, main, main_changed } = sides(state, &tenant, &place.project, branch, &table).await?;
    let Some(main) = main else { return Err(problem::table_not_found(&place.bucket, &place.table).into()) };
    if table.copy_of.as_deref() != Some(main.uid.as_str()) {
        return Err(problem::merge_conflict(&place.table).into());
    }
    // What was done by this very request, when it came before, is told again.
    let mut is_wanted = main_changed;
    for attempt in 0..TRIES_MAX {
        is_wanted = is_wanted || state.was_accepted(principal, &named(attempt), Duration::ZERO).await?;
    }
    Ok(is_wanted.then_some(Pair { own, main }))
}

fn named(attempt: u32) -> String {
    format!("RebaseTable:{attempt}")
}

/// Makes the content of the tables as they are now, and has the branch's own one get it unless it has gone on meanwhile.
async fn once(
    state: &StorageRoutes,
    principal: &Principal,
    place: &Place,
    Pair { own, main }: &Pair,
    strategy: Strategy,
    attempt: u32,
) -> Result<(Accepted, u64), Problem> {
    let tables = state.tables()?;
    state.client.room(own.size_bytes + main.size_bytes)?;
    let own_wins = match strategy {
        Strategy::Fail => None,
        Strategy::Branch => Some(true),
        Strategy::Main => Some(false),
    };
    let file = Scratch(tables.hub().config().export_dir.join(uuid::Uuid::new_v4().to_string()));
    let (conflicts, onto, taken) = match tables.rebase(&main.uid, &own.uid, own_wins, file.0.clone()).await? {
        Rebased::NoKey => return Err(problem::rebase_needs_key(&place.table)),
        Rebased::OtherColumns => return Err(problem::rebase_columns(&place.table)),
        Rebased::Conflicts { count, keys } => return Err(problem::rebase_conflict(&place.table, count, &keys)),
        Rebased::Written { conflicts, onto, own } => (conflicts, onto, own),
    };
    // A commit of several events that was taken in by a part.
    if onto.hash.contains('#') || taken.hash.contains('#') {
        return Err(problem::table_busy(&place.table));
    }
    let content = tokio::fs::File::open(&file.0).await.map_err(|error| {
        tracing::error!(path = %file.0.display(), error = %error, "what two tables were brought together in cannot be read back");
        Problem::internal()
    })?;
    let blob = state.blobs.put(content, FILE_BYTES_MAX.unsigned_abs()).await.map_err(Problem::from)?;
    let rebase = RebaseTable {
        project: place.project.clone(),
        branch: place.branch.clone(),
        bucket: place.bucket.clone(),
        table: place.table.clone(),
        uid: own.uid.clone(),
        blob: blob.id.into(),
        size_bytes: blob.bytes.cast_signed(),
        rebased_on: onto.seq.cast_signed(),
        unchanged_since: taken.seq.cast_signed(),
    };
    let command = Command::Table(TableCommand::RebaseTable(rebase));
    let accepted = state.write_as(principal, &named(attempt), command).await?;
    tables.wait_table(&own.uid, &accepted.position, Duration::from_secs(VISIBLE_WAIT_SECONDS)).await?;
    Ok((accepted, conflicts))
}

fn up_to_date(place: &Place) -> RebasedTable {
    RebasedTable {
        bucket_name: place.bucket.clone(),
        table_name: place.table.clone(),
        result: "up_to_date",
        conflicts: 0,
        inserted_rows: 0,
        updated_rows: 0,
        deleted_rows: 0,
    }
}

fn answer(place: &Place, accepted: &Accepted, conflicts: u64) -> Result<RebasedTable, Problem> {
    let done: Imported = serde_json::from_value(accepted.result.clone()).map_err(|error| {
        tracing::error!(error = %error, "the outcome of a rebase does not say what it did");
        Problem::internal()
    })?;
    let Imported { inserted_rows, updated_rows, deleted_rows, .. } = done;
    Ok(RebasedTable { result: "rebased", conflicts, inserted_rows, updated_rows, deleted_rows, ..up_to_date(place) })
}
