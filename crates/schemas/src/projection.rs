//! The registry in Postgres: for people and their queries. The API answers from memory, and nothing is decided here.

use std::sync::LazyLock;

use alluvium_kernel::{BoxFuture, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _};
use alluvium_projection::{ApplyError, LogMessage, PgProjection, migrations};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use crate::content::unpack;
use crate::contract::{Event, RegistryEvent, SchemaRegistered};
use crate::index::STREAM;
use crate::subject::context_of_id;

/// The projection's name, and the base name of its schema.
pub const PROJECTION: &str = "schemas";

static MIGRATOR: LazyLock<Migrator> =
    LazyLock::new(|| migrations(&[(1, "registry", include_str!("../migrations/0001_registry.sql"))]));

const INSERT_SCHEMAS: &str = include_str!("sql/insert_schemas.sql");
const INSERT_VERSIONS: &str = include_str!("sql/insert_versions.sql");
const INSERT_REFERENCES: &str = include_str!("sql/insert_references.sql");
const HIDE_VERSIONS: &str = include_str!("sql/hide_versions.sql");
const PURGE_VERSIONS: &str = include_str!("sql/purge_versions.sql");
const BEGIN_SETTING: &str = include_str!("sql/begin_setting.sql");
const END_SETTINGS: &str = include_str!("sql/end_settings.sql");
const END_EMPTY_SUBJECT: &str = include_str!("sql/end_empty_subject.sql");

/// Folds `EV_SCHEMAS` into the tables of `migrations/`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SchemasProjection;

impl PgProjection for SchemasProjection {
    fn name(&self) -> &'static str {
        PROJECTION
    }

    fn stream(&self) -> &'static str {
        STREAM
    }

    fn subjects(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self) -> &'static str {
        PROJECTION
    }

    fn migrator(&self) -> &'static Migrator {
        &MIGRATOR
    }

    fn apply<'a>(&'a self, tx: &'a mut PgConnection, batch: &'a [LogMessage]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let mut registered = Vec::new();
            for message in batch {
                for (place, event) in read(message)? {
                    match event {
                        RegistryEvent::SchemaRegistered(event) => {
                            let text = unpack(&event.text, &event.packed).map_err(|cause| {
                                ApplyError::poison(message, "schemas.event_malformed", cause.detail)
                            })?;
                            registered.push((place, text, event));
                        }
                        event => {
                            insert(tx, std::mem::take(&mut registered)).await?;
                            change(tx, &place, event).await?;
                        }
                    }
                }
            }
            insert(tx, registered).await.map_err(ApplyError::from)
        })
    }
}

/// Where an event stands, and who led to it.
struct Place {
    tenant: String,
    context: String,
    seq: i64,
    actor: String,
    time: i64,
}

fn read(message: &LogMessage) -> Result<Vec<(Place, RegistryEvent)>, ApplyError> {
    let poison = |reason: String| ApplyError::poison(message, "schemas.event_malformed", reason);
    let Some(subject::Parsed::Event { tenant, id, .. }) = subject::parse(&message.subject) else {
        return Err(poison("this is no subject of an aggregate".to_owned()));
    };
    let context = context_of_id(&id);
    let commit = Commit::from_avro(&message.payload).map_err(|error| poison(error.to_string()))?;
    let mut events = Vec::with_capacity(commit.entries.len());
    for entry in commit.entries {
        let Event::Registry(event) =
            Event::decode(&entry.r#type, &entry.event).map_err(|error| poison(error.to_string()))?;
        let place = Place {
            tenant: tenant.as_str().to_owned(),
            context: context.clone(),
            seq: message.seq.cast_signed(),
            actor: entry.actor,
            time: entry.time,
        };
        events.push((place, event));
    }
    Ok(events)
}

async fn insert(tx: &mut PgConnection, all: Vec<(Place, String, SchemaRegistered)>) -> Result<(), sqlx::Error> {
    if all.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&(Place, String, SchemaRegistered)) -> &str| -> Vec<&str> { all.iter().map(of).collect() };
    let optional = |of: fn(&SchemaRegistered) -> Option<&str>| -> Vec<Option<&str>> {
        all.iter().map(|(_, _, event)| of(event)).collect()
    };
    let tenants = texts(|(place, _, _)| &place.tenant);
    let contexts = texts(|(place, _, _)| &place.context);
    let ids: Vec<i64> = all.iter().map(|(_, _, event)| event.id.into()).collect();
    let seqs: Vec<i64> = all.iter().map(|(place, _, _)| place.seq).collect();
    sqlx::query(INSERT_SCHEMAS)
        .bind(&tenants)
        .bind(&contexts)
        .bind(&ids)
        .bind(texts(|(_, _, event)| &event.r#type))
        .bind(texts(|(_, text, _)| text))
        .bind(optional(|event| event.metadata.as_deref()))
        .bind(optional(|event| event.rule_set.as_deref()))
        .bind(texts(|(_, _, event)| &event.identity_sha256))
        .bind(texts(|(_, _, event)| &event.guid))
        .bind(all.iter().map(|(_, _, event)| event.fp64).collect::<Vec<_>>())
        .bind(&seqs)
        .execute(&mut *tx)
        .await?;
    sqlx::query(INSERT_VERSIONS)
        .bind(&tenants)
        .bind(&contexts)
        .bind(texts(|(_, _, event)| &event.subject))
        .bind(all.iter().map(|(_, _, event)| i64::from(event.version)).collect::<Vec<_>>())
        .bind(&ids)
        .bind(texts(|(place, _, _)| &place.actor))
        .bind(all.iter().map(|(place, _, _)| place.time).collect::<Vec<_>>())
        .bind(&seqs)
        .execute(&mut *tx)
        .await?;
    let references: Vec<_> = all
        .iter()
        .flat_map(|(place, _, event)| event.references.iter().map(move |one| (place, event.id, one)))
        .collect();
    if references.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT_REFERENCES)
        .bind(references.iter().map(|(place, _, _)| place.tenant.as_str()).collect::<Vec<_>>())
        .bind(references.iter().map(|(place, _, _)| place.context.as_str()).collect::<Vec<_>>())
        .bind(references.iter().map(|(_, id, _)| i64::from(*id)).collect::<Vec<_>>())
        .bind(references.iter().map(|(_, _, one)| one.name.as_str()).collect::<Vec<_>>())
        .bind(references.iter().map(|(_, _, one)| one.subject.as_str()).collect::<Vec<_>>())
        .bind(references.iter().map(|(_, _, one)| i64::from(one.version)).collect::<Vec<_>>())
        .execute(&mut *tx)
        .await?;
    Ok(())
}

async fn change(tx: &mut PgConnection, place: &Place, event: RegistryEvent) -> Result<(), sqlx::Error> {
    match event {
        // Gathered by the caller; and what is of another context follows from the rows of `reference`.
        RegistryEvent::SchemaRegistered(_) | RegistryEvent::ReferenceNoted(_) | RegistryEvent::ReferenceReleased(_) => {
            Ok(())
        }
        RegistryEvent::VersionSoftDeleted(event) => {
            end(tx, place, HIDE_VERSIONS, &event.subject, &[event.version]).await
        }
        RegistryEvent::SubjectSoftDeleted(event) => {
            end(tx, place, HIDE_VERSIONS, &event.subject, &event.versions).await
        }
        RegistryEvent::VersionPurged(event) => purge(tx, place, &event.subject, &[event.version]).await,
        RegistryEvent::SubjectPurged(event) => purge(tx, place, &event.subject, &event.versions).await,
        RegistryEvent::ConfigSet(event) => begin(tx, place, "config", &event.scope, &event.config).await,
        RegistryEvent::ConfigCleared(event) => settle(tx, place, &["config"], Some(&event.scope)).await,
        RegistryEvent::ModeSet(event) => begin(tx, place, "mode", &event.scope, &event.mode).await,
        RegistryEvent::ModeCleared(event) => settle(tx, place, &["mode"], Some(&event.scope)).await,
        RegistryEvent::ContextDeleted(_) => settle(tx, place, &["config", "mode"], None).await,
    }
}

async fn end(
    tx: &mut PgConnection,
    place: &Place,
    sql: &'static str,
    subject: &str,
    versions: &[i32],
) -> Result<(), sqlx::Error> {
    let versions: Vec<i64> = versions.iter().map(|version| i64::from(*version)).collect();
    let query = sqlx::query(sql).bind(&place.tenant).bind(&place.context).bind(subject).bind(versions).bind(place.seq);
    query.execute(tx).await.map(|_| ())
}

async fn purge(tx: &mut PgConnection, place: &Place, subject: &str, versions: &[i32]) -> Result<(), sqlx::Error> {
    end(&mut *tx, place, PURGE_VERSIONS, subject, versions).await?;
    let query = sqlx::query(END_EMPTY_SUBJECT).bind(&place.tenant).bind(&place.context).bind(subject).bind(place.seq);
    query.execute(tx).await.map(|_| ())
}

async fn settle(tx: &mut PgConnection, place: &Place, what: &[&str], scope: Option<&str>) -> Result<(), sqlx::Error> {
    let query = sqlx::query(END_SETTINGS).bind(&place.tenant).bind(&place.context).bind(what);
    query.bind(scope).bind(place.seq).execute(tx).await.map(|_| ())
}

async fn begin(tx: &mut PgConnection, place: &Place, what: &str, scope: &str, value: &str) -> Result<(), sqlx::Error> {
    settle(&mut *tx, place, &[what], Some(scope)).await?;
    let query = sqlx::query(BEGIN_SETTING).bind(&place.tenant).bind(&place.context).bind(what).bind(scope);
    query.bind(value).bind(&place.actor).bind(place.seq).execute(tx).await.map(|_| ())
}
