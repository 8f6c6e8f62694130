//! Pipelines of this process: what their routes need of the other contexts, and how the installation is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alluvium_access::model::{PIPELINES_KEYRING, PIPELINES_WRITE, Scope};
use alluvium_access::{KeyDesk, KeyQueries, NewKey};
use alluvium_http::{Principal, RouteGroup};
use alluvium_kernel::{BoxFuture, Position, Problem, Token};
use alluvium_messaging::stream_created;
use alluvium_pipelines::{
    ApiKeys, Driver, DriverParts, Health, IssuedApiKey, KeyRole, NamedKey, PipelineQueries, PipelineRoutes, Pipelines,
    RouteParts, Service, Telemetry,
};
use alluvium_projection::Live;
use alluvium_runner::{DataRoutes, ProgramRunner, RunnerParts, SqlCompiler};
use alluvium_tablestore::Hub;
use async_nats::jetstream;
use sqlx::PgPool;

use super::Parts;
use super::tasks::Tasks;

/// What clients are told that this is: everything that they ask for by this word is there.
const EDITION: &str = "Enterprise";
/// Live keys of a tenant's pipelines that one list shows; more are never issued.
const KEYS_LISTED_MAX: i64 = 10_000;
/// How long a part may take to answer before it counts as away.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// The stream of commands.
const COMMANDS: &str = "CMD";

/// What pipelines are read with.
pub fn queries(parts: &Parts) -> Option<PipelineQueries> {
    let schema = parts.projections.active(alluvium_pipelines::PROJECTION)?;
    Some(PipelineQueries::new(parts.pool.clone(), schema, parts.client.seals().clone()))
}

/// Begins to do what the log says is due with pipelines, whenever no other process does.
pub fn start(parts: &Parts, hub: Hub, tasks: &mut Tasks) -> ProgramRunner {
    let runner = ProgramRunner::new(RunnerParts {
        js: parts.js.clone(),
        hub,
        connectors: machine(&parts.config.pipelines),
        key: parts.secrets.signing_key.clone(),
        stop: tasks.token(),
    });
    let pipelines = Live::<Pipelines>::new(parts.js.clone(), parts.freshness.clone());
    tasks.spawn("pipelines.live", pipelines.clone().run(tasks.token()));
    let driver = Driver::new(DriverParts {
        pipelines,
        client: parts.client.clone(),
        compiler: Arc::new(SqlCompiler),
        runner: Arc::new(runner.clone()),
        js: parts.js.clone(),
        owner: parts.identity.name().to_owned(),
        replicas: parts.config.nats.replicas,
    });
    let every = Duration::from_secs(number("SUPPORT_DATA_COLLECTION_FREQUENCY").unwrap_or(COLLECT_SECONDS).max(1));
    let kept = number("SUPPORT_DATA_RETENTION").and_then(|kept| usize::try_from(kept).ok()).unwrap_or(COLLECTIONS_KEPT);
    tasks.spawn("pipelines.collections", runner.clone().collect_by_itself(every, kept, tasks.token()));
    let (stop, running) = (tasks.token(), runner.clone());
    tasks.spawn("pipelines.driver", async move {
        driver.run(stop).await;
        // The files are closed after this.
        running.finish().await;
    });
    runner
}

/// How often something is collected of running pipelines by itself, in seconds, when nobody says.
const COLLECT_SECONDS: u64 = 600;
/// Collections of a pipeline that are kept, when nobody says.
const COLLECTIONS_KEPT: usize = 3;

/// A whole number of the environment, under our name or the one that clients of Feldera know.
fn number(name: &str) -> Option<u64> {
    let read = |prefix: &str| std::env::var(format!("{prefix}_{name}")).ok()?.trim().parse().ok();
    read("ALLUVIUM").or_else(|| read("FELDERA"))
}

/// What connectors may use of the machine.
fn machine(config: &crate::config::Pipelines) -> alluvium_connectors::Context {
    alluvium_connectors::Context {
        file_directories: config.file_dirs.clone(),
        secret_directories: config.secret_dirs.clone(),
        kubernetes_secrets: config.kubernetes_secrets_dir.clone(),
        ..alluvium_connectors::Context::default()
    }
}

/// What pipelines that run here are sent and asked.
pub fn data_routes(parts: &Parts) -> Option<RouteGroup> {
    let state = DataRoutes::new(queries(parts)?, parts.runner.clone()?);
    Some(alluvium_runner::routes(state))
}

/// The routes of pipelines.
pub fn routes(parts: &Parts) -> Option<RouteGroup> {
    let keys = Keys { desk: parts.desk.clone(), queries: parts.key_queries()? };
    let features = std::env::var("ALLUVIUM_UNSTABLE_FEATURES").or_else(|_| std::env::var("FELDERA_UNSTABLE_FEATURES"));
    let features = features.unwrap_or_default();
    let state = PipelineRoutes::new(RouteParts {
        client: parts.client.clone(),
        queries: queries(parts)?,
        freshness: parts.freshness.clone(),
        authorizer: parts.access.clone(),
        keys: Arc::new(keys),
        health: health(parts),
        compiler: Some(Arc::new(SqlCompiler)),
        telemetry: parts.runner.clone().map(|runner| Arc::new(runner) as Arc<dyn Telemetry>),
        edition: EDITION.to_owned(),
        revision: env!("CARGO_PKG_VERSION").to_owned(),
        unstable_features: features.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        demos: Vec::new(),
    });
    Some(alluvium_pipelines::routes(state))
}

/// How the installation is.
pub fn health(parts: &Parts) -> Arc<dyn Health> {
    Arc::new(Parties { js: parts.js.clone(), pool: parts.pool.clone(), data_dir: parts.config.data_dir.clone() })
}

/// Keys of a tenant's pipelines: a keyring that is no project's.
struct Keys {
    desk: KeyDesk,
    queries: KeyQueries,
}

impl ApiKeys for Keys {
    fn issue<'a>(
        &'a self,
        by: &'a Principal,
        name: &'a str,
        role: KeyRole,
    ) -> BoxFuture<'a, Result<IssuedApiKey, Problem>> {
        Box::pin(async move {
            let scope = Scope::Pipelines { writes: role == KeyRole::Write };
            let wanted = NewKey { scope, description: name.to_owned(), ..NewKey::default() };
            let issued = self.desk.issue(by, PIPELINES_KEYRING, wanted).await?;
            Ok(IssuedApiKey {
                id: uuid_of(&issued.record.id)?,
                secret: issued.secret.reveal().to_owned(),
                position: issued.position,
            })
        })
    }

    fn list<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, Result<Vec<NamedKey>, Problem>> {
        Box::pin(async move {
            let (keys, _) = self.queries.list(tenant, PIPELINES_KEYRING, KEYS_LISTED_MAX, 0).await?;
            let named = keys.into_iter().map(|key| {
                let role = if key.scope == PIPELINES_WRITE { KeyRole::Write } else { KeyRole::Read };
                Ok(NamedKey { id: uuid_of(&key.id)?, name: key.description, role })
            });
            named.collect()
        })
    }

    fn revoke<'a>(&'a self, by: &'a Principal, id: &'a str) -> BoxFuture<'a, Result<Position, Problem>> {
        let key = format!("key_{}", id.replace('-', ""));
        Box::pin(async move { self.desk.revoke(by, PIPELINES_KEYRING, &key).await })
    }
}

/// A key's id as clients of pipelines write ids.
fn uuid_of(key: &str) -> Result<String, Problem> {
    let hex = key.strip_prefix("key_").and_then(|hex| uuid::Uuid::try_parse(hex).ok());
    hex.map(|id| id.to_string()).ok_or_else(|| {
        tracing::error!(key.id = key, "the id of a key is none");
        Problem::internal()
    })
}

/// What everything stands on: the database, the log, the disk.
struct Parties {
    js: jetstream::Context,
    pool: PgPool,
    data_dir: PathBuf,
}

impl Health for Parties {
    fn services(&self) -> BoxFuture<'_, [Service; 3]> {
        Box::pin(async move {
            let database = tokio::time::timeout(ANSWER_WAIT, sqlx::query("SELECT 1").execute(&self.pool)).await;
            let log = tokio::time::timeout(ANSWER_WAIT, stream_created(&self.js, COMMANDS)).await;
            let disk = super::room::of(&self.data_dir)(0);
            let service = |healthy, well: &str, ill: &str| Service {
                healthy,
                message: if healthy { well.to_owned() } else { ill.to_owned() },
            };
            [
                service(matches!(database, Ok(Ok(_))), "Postgres answers", "Postgres does not answer"),
                service(matches!(log, Ok(Ok(_))), "NATS answers", "NATS does not answer"),
                service(disk.is_ok(), "The disk has room", "The disk is nearly full"),
            ]
        })
    }
}
