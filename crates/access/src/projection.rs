//! Keys and grants in Postgres: for lists and for people. Nothing is authenticated from here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use alluvium_kernel::BoxFuture;
use alluvium_projection::{ApplyError, LogMessage, PgProjection, migrations};
use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use crate::contract::{Event, KeyIssued, KeyPermissions, KeyRotated, KeyUpdated, KeyringEvent, TenantEvent};
use crate::{STREAM, live};

/// The projection's name, and the base name of its schema.
pub const PROJECTION: &str = "access";

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    migrations(&[
        (1, "keys", include_str!("../migrations/0001_keys.sql")),
        (2, "rights", include_str!("../migrations/0002_rights.sql")),
        (3, "branches", include_str!("../migrations/0003_branches.sql")),
        (4, "permissions", include_str!("../migrations/0004_permissions.sql")),
        (6, "persons", include_str!("../migrations/0006_persons.sql")),
    ])
});

const INSERT_KEYS: &str = include_str!("sql/insert_keys.sql");
const REVOKE_KEYS: &str = include_str!("sql/revoke_keys.sql");
const UPDATE_KEYS: &str = include_str!("sql/update_keys.sql");
const RETIRE_KEYS: &str = include_str!("sql/retire_keys.sql");
const UPSERT_TENANTS: &str = include_str!("sql/upsert_tenants.sql");

/// Folds `EV_ACCESS` into the tables of `migrations/`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessProjection;

impl PgProjection for AccessProjection {
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
            let changes = Changes::of(batch)?;
            changes.write(tx).await.map_err(ApplyError::from)
        })
    }
}

/// What a batch comes to. Keys are never revived and ids never used again, so all issues may go before all ends.
#[derive(Default)]
struct Changes {
    issued: Vec<(String, KeyIssued)>,
    revoked: Vec<(String, String, String)>,
    /// With the moment until which the key works on.
    retired: Vec<(String, String, String, i64)>,
    /// By tenant, project and key: what was said last.
    updated: BTreeMap<(String, String, String), KeyUpdated>,
    publishers: BTreeMap<String, String>,
}

impl Changes {
    fn of(batch: &[LogMessage]) -> Result<Self, ApplyError> {
        let mut changes = Self::default();
        for message in batch {
            let (tenant, events) = live::decode(message)
                .map_err(|reason| ApplyError::poison(message, "access.event_malformed", reason))?;
            for event in events {
                changes.add(tenant.as_str(), event);
            }
        }
        Ok(changes)
    }

    fn add(&mut self, tenant: &str, event: Event) {
        let tenant = tenant.to_owned();
        match event {
            Event::Keyring(KeyringEvent::KeyIssued(issued)) => self.issued.push((tenant, issued)),
            Event::Keyring(KeyringEvent::KeyRevoked(revoked)) => {
                self.revoked.push((tenant, revoked.project, revoked.key));
            }
            Event::Keyring(KeyringEvent::KeyRotated(KeyRotated { project, key, works_until, .. })) => match works_until
            {
                Some(until) => self.retired.push((tenant, project, key, until)),
                None => self.revoked.push((tenant, project, key)),
            },
            Event::Keyring(KeyringEvent::KeyUpdated(updated)) => {
                self.updated.insert((tenant, updated.project.clone(), updated.key.clone()), updated);
            }
            Event::Tenant(TenantEvent::PublishersGranted(granted)) => {
                self.publishers.insert(tenant, granted.rights);
            }
            // Rows keep what is sealed; without its key it reads as forgotten. Of tenants and members the fold in memory knows all.
            Event::Tenant(
                TenantEvent::PersonForgotten(_) | TenantEvent::ProjectForgotten(_) | TenantEvent::TenantForgotten(_),
            )
            | Event::Installation(_)
            | Event::Membership(_) => {}
        }
    }

    async fn write(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        if !self.issued.is_empty() {
            let texts = |field: fn(&KeyIssued) -> &String| -> Vec<&str> {
                self.issued.iter().map(|(_, issued)| field(issued).as_str()).collect()
            };
            let tenants: Vec<&str> = self.issued.iter().map(|(tenant, _)| tenant.as_str()).collect();
            let issued_at: Vec<i64> = self.issued.iter().map(|(_, issued)| issued.issued_at).collect();
            let expires_at: Vec<Option<i64>> = self.issued.iter().map(|(_, issued)| issued.expires_at).collect();
            let branches: Vec<Option<&str>> = self.issued.iter().map(|(_, issued)| issued.branch.as_deref()).collect();
            let permissions: Vec<Option<String>> =
                self.issued.iter().map(|(_, issued)| text(issued.permissions.as_ref())).collect();
            let persons: Vec<Option<&str>> = self.issued.iter().map(|(_, issued)| issued.person.as_deref()).collect();
            let rights: Vec<String> = self.issued.iter().map(|(_, issued)| issued.rights.join("\n")).collect();
            sqlx::query(INSERT_KEYS)
                .bind(tenants)
                .bind(texts(|issued| &issued.key))
                .bind(texts(|issued| &issued.project))
                .bind(texts(|issued| &issued.digest))
                .bind(texts(|issued| &issued.prefix))
                .bind(texts(|issued| &issued.scope))
                .bind(texts(|issued| &issued.description))
                .bind(issued_at)
                .bind(texts(|issued| &issued.issued_by))
                .bind(expires_at)
                .bind(rights)
                .bind(branches)
                .bind(permissions)
                .bind(persons)
                .execute(&mut *tx)
                .await?;
        }
        self.write_updates(tx).await?;
        if !self.revoked.is_empty() {
            let tenants: Vec<&str> = self.revoked.iter().map(|(tenant, _, _)| tenant.as_str()).collect();
            let projects: Vec<&str> = self.revoked.iter().map(|(_, project, _)| project.as_str()).collect();
            let keys: Vec<&str> = self.revoked.iter().map(|(_, _, key)| key.as_str()).collect();
            sqlx::query(REVOKE_KEYS).bind(tenants).bind(projects).bind(keys).execute(&mut *tx).await?;
        }
        if !self.retired.is_empty() {
            let tenants: Vec<&str> = self.retired.iter().map(|(tenant, ..)| tenant.as_str()).collect();
            let projects: Vec<&str> = self.retired.iter().map(|(_, project, ..)| project.as_str()).collect();
            let keys: Vec<&str> = self.retired.iter().map(|(_, _, key, _)| key.as_str()).collect();
            let until: Vec<i64> = self.retired.iter().map(|(.., until)| *until).collect();
            sqlx::query(RETIRE_KEYS).bind(tenants).bind(projects).bind(keys).bind(until).execute(&mut *tx).await?;
        }
        if !self.publishers.is_empty() {
            let tenants: Vec<&str> = self.publishers.keys().map(String::as_str).collect();
            let rights: Vec<&str> = self.publishers.values().map(String::as_str).collect();
            sqlx::query(UPSERT_TENANTS).bind(tenants).bind(rights).execute(&mut *tx).await?;
        }
        Ok(())
    }

    async fn write_updates(&self, tx: &mut PgConnection) -> Result<(), sqlx::Error> {
        if self.updated.is_empty() {
            return Ok(());
        }
        let tenants: Vec<&str> = self.updated.keys().map(|(tenant, ..)| tenant.as_str()).collect();
        let projects: Vec<&str> = self.updated.keys().map(|(_, project, _)| project.as_str()).collect();
        let keys: Vec<&str> = self.updated.keys().map(|(.., key)| key.as_str()).collect();
        let descriptions: Vec<&str> = self.updated.values().map(|updated| updated.description.as_str()).collect();
        let permissions: Vec<Option<String>> =
            self.updated.values().map(|updated| text(updated.permissions.as_ref())).collect();
        let query = sqlx::query(UPDATE_KEYS).bind(tenants).bind(projects).bind(keys).bind(descriptions);
        query.bind(permissions).execute(&mut *tx).await.map(drop)
    }
}

/// Permissions as the column has them: JSON.
fn text(permissions: Option<&KeyPermissions>) -> Option<String> {
    permissions.map(|permissions| serde_json::to_string(permissions).expect("a record of texts and flags is JSON"))
}
