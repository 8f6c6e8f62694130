//! Reading keys as people and clients see them.

use alluvium_eventlog::seals::Seals;
use alluvium_kernel::{Problem, Timestamp, Token};
use alluvium_messaging::{SealedBy, SealedField};
use alluvium_projection::ActiveSchema;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};

use crate::contract::KeyPermissions;
use crate::error;

const LIST: &str = include_str!("sql/list_keys.sql");
const COUNT: &str = include_str!("sql/count_keys.sql");
const GET: &str = include_str!("sql/get_key.sql");

/// A key without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// Its id.
    pub id: String,
    /// The project it is of.
    pub project: String,
    /// The one branch of it that it opens.
    pub branch: Option<String>,
    /// What may be shown of it.
    pub prefix: String,
    /// `project_admin`, `branch_admin`, `branch_read`, `custom` or `registry`.
    pub scope: String,
    /// What it may in the schema registry, in printed form.
    pub rights: Vec<String>,
    /// What a key of scope `custom` may.
    pub permissions: Option<KeyPermissions>,
    /// What it is for.
    pub description: String,
    /// Who holds it, if anybody was named.
    pub person: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Reads the projection. Cheap to clone.
#[derive(Clone)]
pub struct KeyQueries {
    pool: PgPool,
    schema: ActiveSchema,
    seals: Seals,
}

impl KeyQueries {
    /// Over the projection's active generation; what is sealed there is opened for who asks.
    pub fn new(pool: PgPool, schema: ActiveSchema, seals: Seals) -> Self {
        Self { pool, schema, seals }
    }

    /// One page of a project's unrevoked keys, newest first, and how many there are in all.
    pub async fn list(
        &self,
        tenant: &Token,
        project: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<KeyRecord>, i64), Problem> {
        let (mut keys, total) =
            self.sealed_list(tenant, project, limit, offset).await.map_err(|cause| error::database(&cause))?;
        self.open(tenant, &mut keys).await?;
        Ok((keys, total))
    }

    async fn sealed_list(
        &self,
        tenant: &Token,
        project: &str,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<KeyRecord>, i64), sqlx::Error> {
        let schema = self.schema.current();
        let rows = sqlx::query(schema.sql(LIST))
            .bind(tenant.as_str())
            .bind(project)
            .bind(limit)
            .bind(offset)
            .fetch_all(&self.pool)
            .await?;
        let total =
            sqlx::query_scalar(schema.sql(COUNT)).bind(tenant.as_str()).bind(project).fetch_one(&self.pool).await?;
        Ok((rows.iter().map(record).collect::<Result<_, _>>()?, total))
    }

    /// One key of a project, revoked or not.
    pub async fn get(&self, tenant: &Token, project: &str, id: &str) -> Result<Option<KeyRecord>, Problem> {
        let mut key = self.sealed(tenant, project, id).await.map_err(|cause| error::database(&cause))?;
        self.open(tenant, key.as_mut_slice()).await?;
        Ok(key)
    }

    async fn open(&self, tenant: &Token, keys: &mut [KeyRecord]) -> Result<(), Problem> {
        self.seals.open(tenant, keys.iter_mut().flat_map(sealed_fields).collect()).await
    }

    async fn sealed(&self, tenant: &Token, project: &str, id: &str) -> Result<Option<KeyRecord>, sqlx::Error> {
        let schema = self.schema.current();
        let row = sqlx::query(schema.sql(GET))
            .bind(tenant.as_str())
            .bind(project)
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(record).transpose()
    }
}

/// The fields of a key that are sealed on the log, as its events name them.
pub(crate) fn sealed_fields(key: &mut KeyRecord) -> impl Iterator<Item = SealedField<'_>> {
    let KeyRecord { project, description, person, .. } = key;
    let field = |place, by, text| SealedField { place, by, project: project.clone(), text };
    let description = field("keyring.description", SealedBy::Project, description);
    let person = person.as_mut().map(|person| field("keyring.person", SealedBy::Person, person));
    std::iter::once(description).chain(person)
}

fn record(row: &PgRow) -> Result<KeyRecord, sqlx::Error> {
    let moment =
        |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_micros));
    let permissions = row.try_get::<Option<String>, _>("permissions")?.map(|text| serde_json::from_str(&text));
    Ok(KeyRecord {
        id: row.try_get("id")?,
        project: row.try_get("project")?,
        branch: row.try_get("branch")?,
        prefix: row.try_get("prefix")?,
        scope: row.try_get("scope")?,
        rights: row.try_get("rights")?,
        permissions: permissions.transpose().map_err(|error| sqlx::Error::Decode(error.into()))?,
        description: row.try_get("description")?,
        person: row.try_get("person")?,
        issued_at: Timestamp::from_micros(row.try_get("issued_at")?),
        expires_at: moment("expires_at")?,
        last_used_at: moment("last_used_at")?,
        revoked: row.try_get("revoked")?,
    })
}
