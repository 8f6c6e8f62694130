//! Reading pipelines as people are shown them.

use alluvium_eventlog::seals::Seals;
use alluvium_kernel::{Problem, Token};
use alluvium_messaging::{SealedBy, SealedField};
use alluvium_projection::ActiveSchema;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};

use crate::error;
use crate::model::Pipeline;
use crate::projection::Kept;
use crate::wire::{ClusterRow, Moment};

/// Pipelines that one list shows at most.
const LISTED_MAX: i64 = 10_000;

const LIST: &str = "SELECT state FROM {schema}.pipeline WHERE tenant = $1 ORDER BY id LIMIT $2";
const COUNT: &str = "SELECT count(*) FROM {schema}.pipeline WHERE tenant = $1";
const BY_NAME: &str = "SELECT state FROM {schema}.pipeline WHERE tenant = $1 AND name = $2";
const BY_ID: &str = "SELECT state FROM {schema}.pipeline WHERE tenant = $1 AND id = $2";
const EVENTS: &str = "SELECT id, recorded_at, body FROM {schema}.pipeline_event WHERE tenant = $1 AND pipeline = $2
     ORDER BY recorded_at DESC, id DESC";
const CLUSTER_EVENTS: &str =
    "SELECT id, recorded_at, body FROM {schema}.cluster_event ORDER BY recorded_at DESC, id DESC";
const CLUSTER_EVENT: &str = "SELECT id, recorded_at, body FROM {schema}.cluster_event WHERE id = $1";
const ALIVE: &str = "SELECT 1";

/// How a pipeline was after a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventRow {
    /// Its id.
    pub id: String,
    /// When, in microseconds since 1970.
    pub recorded_at: i64,
    /// How it was.
    pub moment: Moment,
}

/// Reads the projection. Cheap to clone.
#[derive(Clone)]
pub struct PipelineQueries {
    pool: PgPool,
    schema: ActiveSchema,
    seals: Seals,
}

/// Whether sealed texts are opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// They are not looked at.
    Sealed,
    /// They are read.
    Open,
}

impl PipelineQueries {
    /// Over the projection's active generation; what is sealed there is opened for who asks.
    pub fn new(pool: PgPool, schema: ActiveSchema, seals: Seals) -> Self {
        Self { pool, schema, seals }
    }

    /// All pipelines of a tenant, in the order of their creation.
    pub(crate) async fn list(&self, tenant: &Token, texts: Texts) -> Result<Vec<Pipeline>, Problem> {
        let schema = self.schema.current();
        let rows = sqlx::query(schema.sql(LIST)).bind(tenant.decode()).bind(LISTED_MAX).fetch_all(&self.pool).await;
        let rows = rows.map_err(|cause| error::database(&cause))?;
        let mut pipelines = rows.iter().map(pipeline).collect::<Result<Vec<_>, _>>()?;
        self.open(tenant, &mut pipelines, texts).await?;
        Ok(pipelines)
    }

    /// How many pipelines a tenant has.
    pub async fn count(&self, tenant: &Token) -> Result<i64, Problem> {
        let schema = self.schema.current();
        let row = sqlx::query(schema.sql(COUNT)).bind(tenant.decode()).fetch_one(&self.pool).await;
        row.and_then(|row| row.try_get(0)).map_err(|cause| error::database(&cause))
    }

    /// A pipeline by its name.
    pub(crate) async fn by_name(&self, tenant: &Token, name: &str, texts: Texts) -> Result<Pipeline, Problem> {
        self.one(BY_NAME, tenant, name, texts).await
    }

    /// A pipeline by its id.
    pub(crate) async fn by_id(&self, tenant: &Token, id: &str, texts: Texts) -> Result<Pipeline, Problem> {
        self.one(BY_ID, tenant, id, texts).await
    }

    async fn one(&self, sql: &'static str, tenant: &Token, of: &str, texts: Texts) -> Result<Pipeline, Problem> {
        let schema = self.schema.current();
        let row = sqlx::query(schema.sql(sql)).bind(tenant.decode()).bind(of).fetch_optional(&self.pool).await;
        let row = row.map_err(|cause| error::database(&cause))?.ok_or_else(|| error::unknown_pipeline(of))?;
        let mut found = [pipeline(&row)?];
        self.open(tenant, &mut found, texts).await?;
        let [found] = found;
        Ok(found)
    }

    /// What happened to a pipeline, newest first.
    pub(crate) async fn events(&self, tenant: &Token, id: &str) -> Result<Vec<EventRow>, Problem> {
        let schema = self.schema.current();
        let rows = sqlx::query(schema.sql(EVENTS)).bind(tenant.decode()).bind(id).fetch_all(&self.pool).await;
        rows.map_err(|cause| error::database(&cause))?.iter().map(event).collect()
    }

    /// What happened to the installation, newest first.
    pub(crate) async fn cluster_events(&self) -> Result<Vec<ClusterRow>, Problem> {
        let rows = sqlx::query(self.schema.current().sql(CLUSTER_EVENTS)).fetch_all(&self.pool).await;
        rows.map_err(|cause| error::database(&cause))?.iter().map(cluster_event).collect()
    }

    /// One of these.
    pub(crate) async fn cluster_event(&self, wanted: &str) -> Result<Option<ClusterRow>, Problem> {
        let schema = self.schema.current();
        let row = sqlx::query(schema.sql(CLUSTER_EVENT)).bind(wanted).fetch_optional(&self.pool).await;
        row.map_err(|cause| error::database(&cause))?.as_ref().map(cluster_event).transpose()
    }

    /// Whether the database answers.
    pub(crate) async fn alive(&self) -> Result<(), Problem> {
        let asked = sqlx::query(ALIVE).execute(&self.pool).await;
        asked.map(drop).map_err(|cause| error::database(&cause))
    }

    async fn open(&self, tenant: &Token, pipelines: &mut [Pipeline], texts: Texts) -> Result<(), Problem> {
        match texts {
            Texts::Sealed => Ok(()),
            Texts::Open => self.seals.open(tenant, pipelines.iter_mut().flat_map(sealed_fields).collect()).await,
        }
    }
}

/// The fields of a pipeline that are sealed on the log, as its events name them.
pub(crate) fn sealed_fields(pipeline: &mut Pipeline) -> Vec<SealedField<'_>> {
    let (settings, program) = (&mut pipeline.settings, &mut pipeline.program);
    let texts = [
        ("pipeline.program_code", Some(&mut settings.program_code)),
        ("pipeline.runtime_secrets", Some(&mut settings.runtime_secrets)),
        ("pipeline.program_info", program.info.as_mut()),
        ("pipeline.sql_compilation", program.sql_compilation.as_mut()),
    ];
    let field = |(place, text): (&'static str, Option<_>)| {
        Some(SealedField { place, by: SealedBy::Tenant, project: String::new(), text: text? })
    };
    texts.into_iter().filter_map(field).collect()
}

fn pipeline(row: &PgRow) -> Result<Pipeline, Problem> {
    let state: String = row.try_get("state").map_err(|cause| error::database(&cause))?;
    let kept: Kept = serde_json::from_str(&state).map_err(|_| error::mistake("a row of a pipeline cannot be read"))?;
    Ok(kept.pipeline)
}

fn event(row: &PgRow) -> Result<EventRow, Problem> {
    let (id, recorded_at, moment) = moment(row)?;
    Ok(EventRow { id, recorded_at, moment })
}

fn cluster_event(row: &PgRow) -> Result<ClusterRow, Problem> {
    let (id, recorded_at, moment) = moment(row)?;
    Ok(ClusterRow { id, recorded_at, moment })
}

/// Id, time and content of an event.
fn moment<T: DeserializeOwned>(row: &PgRow) -> Result<(String, i64, T), Problem> {
    let read = || -> Result<(String, i64, String), sqlx::Error> {
        Ok((row.try_get("id")?, row.try_get("recorded_at")?, row.try_get("body")?))
    };
    let (id, recorded_at, body) = read().map_err(|cause| error::database(&cause))?;
    let moment = serde_json::from_str(&body).map_err(|_| error::mistake("an event cannot be read"))?;
    Ok((id, recorded_at, moment))
}
