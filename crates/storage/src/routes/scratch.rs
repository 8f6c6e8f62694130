//! What the handlers of workspaces share: secrets, bringing in a table, noting what was done.

use std::time::Duration;

use alluvium_eventlog::CommandRequest;
use alluvium_http::{MinPosition, Principal, Seed};
use alluvium_kernel::{Actor, Position, Problem, Verdict};
use alluvium_messaging::ContractSet as _;
use alluvium_tablestore::sql::{Predicate, filters_text};
use alluvium_workspaces::{Error, Rule};
use argon2::Argon2;
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use super::rows::lane;
use super::state::{Place, Scratch, StorageRoutes, now};
use crate::contract::{Command, RecordWorkspaceLoad, WorkspaceCommand};
use crate::fold::{TableExtract, sql_problem};
use crate::model::{names, problem, schema_of};
use crate::queries::WorkspaceView;
use crate::wire::{WorkspaceLoadError, WorkspaceLoadTable, WorkspaceLoadedTable};

/// How long the log may take to note what was done, in seconds.
const NOTE_WAIT_SECONDS: u64 = 30;
/// Random bytes of a password: 32 characters.
const PASSWORD_BYTES: usize = 24;
/// Random bytes that a password is hashed with.
const SALT_BYTES: usize = 16;

/// A password and its verifier.
pub(super) struct Password {
    pub clear: String,
    pub hash: String,
}

/// What a new workspace, or new credentials of one, is called, and who logs in.
pub(super) struct Minted {
    pub id: String,
    pub username: String,
    pub password: Password,
}

/// The same for the same request.
pub(super) async fn minted(seed: &Seed) -> Result<Minted, Problem> {
    let id = format!("ws_{}", short(seed, "workspace"));
    let username = username(seed, &id);
    Ok(Minted { id, username, password: password(seed).await? })
}

/// Further credentials of a workspace, the same for the same request.
pub(super) async fn minted_for(seed: &Seed, workspace: &str) -> Result<Minted, Problem> {
    let id = format!("cred_{}", short(seed, "credentials"));
    Ok(Minted { id, username: username(seed, workspace), password: password(seed).await? })
}

fn short(seed: &Seed, purpose: &str) -> String {
    hex::encode(&seed.secret(purpose)[..4])
}

fn username(seed: &Seed, workspace: &str) -> String {
    format!("ws_{workspace}_{}", short(seed, "username"))
}

/// The password that a request makes, with its Argon2id verifier as a PHC string.
pub(super) async fn password(seed: &Seed) -> Result<Password, Problem> {
    let clear = BASE64_URL_SAFE_NO_PAD.encode(&seed.secret("password")[..PASSWORD_BYTES]);
    let salt = seed.secret("salt");
    let text = clear.clone();
    let hashed = tokio::task::spawn_blocking(move || verifier(&text, &salt[..SALT_BYTES])).await;
    let hash = hashed.map_err(|_| Problem::internal())?.ok_or_else(Problem::internal)?;
    Ok(Password { clear, hash })
}

fn verifier(password: &str, salt: &[u8]) -> Option<String> {
    let (argon2, mut out) = (Argon2::default(), [0; 32]);
    argon2.hash_password_into(password.as_bytes(), salt, &mut out).ok()?;
    let params = argon2.params();
    let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
    let (salt, hash) = (BASE64_STANDARD_NO_PAD.encode(salt), BASE64_STANDARD_NO_PAD.encode(out));
    Some(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}"))
}

/// Brings in one table. What is wrong with one must not stand in the way of the others, so it is said in its answer.
pub(super) async fn load(
    state: &StorageRoutes,
    principal: &Principal,
    view: &WorkspaceView,
    item: WorkspaceLoadTable,
    wanted: &MinPosition,
    position: &mut Position,
) -> WorkspaceLoadedTable {
    let source = item.source.clone();
    let named = source.rsplit_once('.').map_or(source.as_str(), |(_, table)| table);
    let destination = item.destination.clone().unwrap_or_else(|| named.to_owned());
    match load_now(state, principal, view, item, &destination, wanted).await {
        Ok((noted, rows, size_bytes)) => {
            *position = position.clone().join(&noted);
            WorkspaceLoadedTable { source, destination, rows, size_bytes, error: None }
        }
        Err(problem) => {
            let error = Some(WorkspaceLoadError::from(problem));
            WorkspaceLoadedTable { source, destination, rows: 0, size_bytes: 0, error }
        }
    }
}

async fn load_now(
    state: &StorageRoutes,
    principal: &Principal,
    view: &WorkspaceView,
    item: WorkspaceLoadTable,
    destination: &str,
    wanted: &MinPosition,
) -> Result<(Position, u64, u64), Problem> {
    names::valid_workspace_id(destination)?;
    let named = item.source.rsplit_once('.');
    let (bucket, table) = named.ok_or_else(|| problem::invalid_request("`source` is `bucket.table`."))?;
    let place = Place {
        tenant: principal.tenant.clone(),
        project: view.project.clone(),
        branch: view.branch.clone(),
        bucket: names::bucket_name(bucket),
        table: table.to_owned(),
    };
    if !state.readable(principal, &place.project).await?.has(&place.bucket) {
        return Err(problem::bucket_not_found(&place.bucket));
    }
    let table = state.fresh_table(&place, wanted).await?;
    state.client.room(table.size_bytes)?;
    let schema = schema_of(&table.columns, &table.primary_key)?;
    let where_filter = match (item.r#where, item.where_filters.as_slice()) {
        (text, []) => text,
        (None, filters) => Some(filters_text(filters, &schema).map_err(sql_problem)?),
        (Some(_), _) => return Err(problem::invalid_request("`where` and `where_filters` exclude each other.")),
    };
    if let Some(text) = &where_filter {
        Predicate::parse(text, &schema).map_err(sql_problem)?;
    }
    let changed = item.changed.at(principal.seed.at());
    let (columns, lens) = (item.columns.clone(), table.lens().cloned());
    let extract = TableExtract { columns, where_filter: where_filter.clone(), changed, lens };
    let copy = Scratch(state.tables()?.hub().config().export_dir.join(uuid::Uuid::new_v4().to_string()));
    let lane = lane(state, &table, &place)?;
    let taken = state.tables()?.extract(&*lane, extract, copy.0.clone(), now().micros()).await?;
    let limit_bytes = view.size_limit_bytes.unsigned_abs();
    let engines = &state.workspaces()?.engines;
    let loaded = engines.load(&view.uid, &copy.0, destination, limit_bytes).await;
    let loaded = loaded.map_err(|error| workspace_problem(&error))?;
    let record = RecordWorkspaceLoad {
        project: view.project.clone(),
        workspace: view.id.clone(),
        destination: destination.to_owned(),
        bucket: place.bucket,
        table: place.table,
        uid: table.uid,
        version: taken.mark.seq.cast_signed(),
        columns: item.columns,
        where_filter,
        row_count: taken.rows.cast_signed(),
        size_bytes: loaded.size_bytes.cast_signed(),
        by: principal.actor.to_string(),
    };
    let noted = note(state, principal, record).await?;
    Ok((noted, taken.rows, loaded.size_bytes))
}

/// Puts on the log what was done. Not by the caller's name, so that nobody but a part of the platform can claim it; and under a
/// new id each time, since whatever is done again may come out otherwise.
pub(super) async fn note(
    state: &StorageRoutes,
    principal: &Principal,
    command: impl Into<WorkspaceCommand>,
) -> Result<Position, Problem> {
    let command = Command::Workspace(command.into());
    let request = CommandRequest {
        tenant: principal.tenant.clone(),
        context: "storage".to_owned(),
        command: command.name().to_owned(),
        command_id: format!("workspace-{}", uuid::Uuid::now_v7()),
        actor: Actor::System("workspaces".to_owned()),
        payload: command.to_avro().into(),
        trace_parent: None,
    };
    match state.client.send(&request, Duration::from_secs(NOTE_WAIT_SECONDS)).await?.verdict {
        Verdict::Accepted { position, .. } => Ok(position),
        Verdict::Rejected { problem } => Err(problem),
    }
}

/// What went wrong in a workspace, as callers see it; the cause stays in the log.
pub(super) fn workspace_problem(error: &Error) -> Problem {
    match error {
        Error::SizeExceeded { .. } => Problem::new("storage.workspace_size_exceeded", 400, error.to_string()),
        Error::Refused { .. } | Error::TimedOut { .. } | Error::TooLarge { .. } => {
            Problem::new("storage.workspace_failed", 400, error.to_string())
        }
        Error::Unfit { rule, .. } => {
            let code = match rule {
                Rule::ColumnNotFound => "column_not_found",
                Rule::InvalidWhereFilter => "invalid_where_filter",
                Rule::InvalidWhereClause => "invalid_where_clause",
            };
            problem::invalid(code, error.to_string())
        }
        Error::DiskFull => Problem::new("storage.disk_full", 507, error.to_string()),
        Error::Broken { reason } | Error::Unavailable { reason } => {
            tracing::error!(reason, "the engine of a workspace failed");
            Problem::unavailable("storage.workspace_unavailable", error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_and_password_are_those_of_the_surface_and_of_the_seed() {
        let seed = Seed::fresh();
        let minted = minted(&seed).await.unwrap();
        assert!(minted.id.len() == 11 && minted.id.starts_with("ws_"), "{}", minted.id);
        assert!(minted.username.starts_with(&format!("ws_{}_", minted.id)), "{}", minted.username);
        assert_eq!(minted.password.clear.len(), 32);
        let again = password(&seed).await.unwrap();
        assert_eq!((again.clear, again.hash.clone()), (minted.password.clear.clone(), minted.password.hash));
        let [_, kind, version, params, salt, hash] = again.hash.split('$').collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((kind, version, params), ("argon2id", "v=19", "m=19456,t=2,p=1"));
        let salt = BASE64_STANDARD_NO_PAD.decode(salt).unwrap();
        let mut out = [0; 32];
        Argon2::default().hash_password_into(minted.password.clear.as_bytes(), &salt, &mut out).unwrap();
        assert_eq!(BASE64_STANDARD_NO_PAD.encode(out), hash);
    }
}
