//! What the roles of a process share.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use alluvium_access::{Access, AccessProjection, Follower, KeyDesk, KeyQueries, PROJECTION, UsageWriter, usage};
use alluvium_audit::{AuditProjection, AuditQueries, Auditor, Publisher};
use alluvium_eventlog::blob::BlobStore;
use alluvium_eventlog::registry::{NodeInfo, Registry};
use alluvium_eventlog::{CommandClient, ExecutorHealth};
use alluvium_kernel::SigningKey;
use alluvium_messaging::{connect, streams};
use alluvium_pipelines::PipelinesProjection;
use alluvium_projection::{Freshness, PgProjection, Projections, Settings};
use alluvium_runner::ProgramRunner;
use alluvium_schemas::{Follower as SchemaFollower, Library, SchemasProjection};
use alluvium_storage::fold::Tables;
use alluvium_storage::pgwire::Sessions;
use alluvium_storage::{CatalogueProjection, Queries, TableStats, projection as catalogue};
use alluvium_workspaces::Workspaces;
use async_nats::jetstream;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::identity::Identity;
use super::peers::PeerSizes;
use super::{at_start, nats, postgres, token};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::platform::Retained;
use crate::secrets::Secrets;

/// The oldest nats-server that will do.
const NATS_VERSION_MIN: (i64, i64, i64) = (2, 12, 0);

/// Everything more than one role needs.
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The installation's secrets.
    pub secrets: Secrets,
    /// Names this process as the holder of leases.
    pub identity: Identity,
    /// The log.
    pub js: jetstream::Context,
    /// The read models.
    pub pool: PgPool,
    /// Where reads wait.
    pub freshness: Freshness,
    /// Who is known.
    pub follower: Arc<Follower>,
    /// The schemas of the registry.
    pub schemas: Arc<SchemaFollower>,
    /// Their texts, parsed.
    pub library: Arc<Library>,
    /// Who may.
    pub access: Arc<Access>,
    /// Where keys are issued.
    pub desk: KeyDesk,
    /// What writes when keys are used; taken by the role that runs it.
    pub usage: std::sync::Mutex<Option<UsageWriter>>,
    /// Sends commands.
    pub client: CommandClient,
    /// Who keeps account of calls.
    pub auditor: Arc<Auditor>,
    /// What publishes the account; taken by the role that runs it.
    pub account: std::sync::Mutex<Option<Publisher>>,
    /// The folds into Postgres.
    pub projections: Projections,
    /// Uploaded and exported content.
    pub blobs: BlobStore,
    /// The processes that share the log, when tables are shared or kept elsewhere.
    pub registry: Option<Arc<Registry>>,
    /// The fold into table files, when it runs here.
    pub tables: Option<Arc<Tables>>,
    /// What lies in workspaces, where tables are kept.
    pub workspaces: Option<Workspaces>,
    /// What runs pipelines, where tables are kept.
    pub runner: Option<ProgramRunner>,
    /// Who is logged in to them.
    pub sessions: Sessions,
    /// Where clients log in to them, where they can.
    pub pgwire: Option<SocketAddr>,
    /// What becomes of their rows on the log, where they are kept.
    pub retention: Option<Retained>,
    sizes: OnceLock<Arc<PeerSizes>>,
    /// How the deciders of this process are doing.
    pub executors: Arc<std::sync::Mutex<Vec<(&'static str, ExecutorHealth)>>>,
    /// Cancelled first when the process is told to stop: long answers end then.
    pub stopping: CancellationToken,
}

impl Parts {
    /// Connects, and makes streams and tables that are missing.
    pub async fn open(config: &Config, secrets: &Secrets) -> Result<Self, Failure> {
        let (connection, pool) = tokio::try_join!(nats::for_node(config), postgres::open(config))?;
        new_enough(&connection)?;
        let js = connect::jetstream(connection);
        for change in streams::apply(&js, Some(config.nats.replicas)).await.map_err(at_start)? {
            tracing::info!(
                stream.name = change.stream,
                stream.field = change.field,
                "stream made as its file wants it"
            );
        }
        let freshness = Freshness::default();
        let follower = Follower::new(js.clone(), freshness.clone());
        let schemas = SchemaFollower::new(js.clone(), freshness.clone());
        let library = Arc::new(Library::new(schemas.clone()));
        let (notes, writer) = usage(pool.clone()).await.map_err(|error| no_postgres(&error))?;
        let admin_key = Some(secrets.admin_key.expose());
        let access =
            Arc::new(Access::new(secrets.signing_key.clone(), admin_key, follower.clone()).noting_usage(notes));
        let client = CommandClient::new(js.clone(), secrets.signing_key.clone());
        let client = client
            .with_room(super::room::of(&config.data_dir))
            .with_streams(super::contexts::stream_of)
            .with_sealer(super::contexts::sealed);
        let desk = KeyDesk::new(access.clone(), client.clone(), freshness.clone());
        let blobs = BlobStore::open(config.blobs_dir()).await.map_err(|error| {
            Failure::unavailable("cli.io", "The directory of uploaded files cannot be used.").because(&error)
        })?;
        let identity = Identity::of(&config.data_dir)
            .map_err(|error| Failure::unavailable("cli.io", "The data directory cannot be used.").because(&error))?;
        let sessions = Sessions::open(pool.clone(), identity.name().to_owned(), super::pgwire::limits(config)).await;
        let sessions = sessions.map_err(|error| no_postgres(&error))?;
        let registry = config.is_shared().then(|| registry(config, &identity, &js));
        let settings = Settings { pool: pool.clone(), js: js.clone(), freshness: freshness.clone() };
        let (auditor, account) = alluvium_audit::ledger(
            js.clone(),
            secrets.signing_key.clone(),
            access.tenant().clone(),
            super::audit::NAMING,
        );
        let folds = projections(&secrets.signing_key);
        let projections = Projections::open(settings, folds).await.map_err(|error| at_start(error.into()))?;
        Ok(Self {
            config: config.clone(),
            secrets: secrets.clone(),
            identity,
            js,
            pool,
            freshness,
            follower,
            schemas,
            library,
            access,
            desk,
            usage: std::sync::Mutex::new(Some(writer)),
            client,
            auditor: Arc::new(auditor),
            account: std::sync::Mutex::new(Some(account)),
            projections,
            blobs,
            registry,
            tables: None,
            workspaces: None,
            runner: None,
            sessions,
            pgwire: None,
            retention: None,
            sizes: OnceLock::new(),
            executors: Arc::default(),
            stopping: token(),
        })
    }

    /// Keys as they are listed.
    pub fn key_queries(&self) -> Option<KeyQueries> {
        let seals = self.client.seals().clone();
        Some(KeyQueries::new(self.pool.clone(), self.projections.active(PROJECTION)?, seals))
    }

    /// The account of calls.
    pub fn audit_queries(&self) -> Option<AuditQueries> {
        Some(AuditQueries::new(self.pool.clone(), self.projections.active(alluvium_audit::PROJECTION)?))
    }

    /// Sizes of tables wherever they are kept; none when all are kept here.
    pub fn peer_sizes(&self) -> Option<Arc<PeerSizes>> {
        let registry = self.registry.clone()?;
        let made = || Arc::new(PeerSizes::new(registry, self.secrets.signing_key.clone(), self.tables.clone()));
        Some(self.sizes.get_or_init(made).clone())
    }

    /// The catalogue as it is read.
    pub fn catalogue(&self) -> Option<Queries> {
        let sizes: Arc<dyn TableStats> = match (self.peer_sizes(), &self.tables) {
            (Some(sizes), _) => sizes,
            (None, Some(tables)) => tables.clone(),
            (None, None) => Arc::new(super::tables::NoSizes),
        };
        let catalogue = Queries::new(self.pool.clone(), self.projections.active(catalogue::NAME)?, sizes);
        let catalogue = catalogue.undrop(self.config.retention.undrop());
        Some(match super::shown::of(self) {
            Some(pipelines) => catalogue.pipelines(pipelines),
            None => catalogue,
        })
    }
}

/// This process among the others.
fn registry(config: &Config, identity: &Identity, js: &jetstream::Context) -> Arc<Registry> {
    let info = NodeInfo {
        node: identity.name().to_owned(),
        address: config.peers.listen.as_ref().map(|listen| config.peers.address.as_ref().unwrap_or(listen).clone()),
        roles: config.roles.iter().map(|role| role.name().to_owned()).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Registry::new(js.clone(), info, config.nats.replicas)
}

/// The folds into Postgres of all contexts.
fn projections(key: &SigningKey) -> Vec<Arc<dyn PgProjection>> {
    let audit = AuditProjection { key: key.clone() };
    vec![
        Arc::new(AccessProjection),
        Arc::new(audit),
        Arc::new(PipelinesProjection),
        Arc::new(SchemasProjection),
        Arc::new(CatalogueProjection),
    ]
}

fn new_enough(connection: &async_nats::Client) -> Result<(), Failure> {
    let (major, minor, patch) = NATS_VERSION_MIN;
    if connection.is_server_compatible(major, minor, patch) {
        return Ok(());
    }
    let version = connection.server_info().version;
    Err(Failure::new(Exit::Unavailable, "platform.nats_unreachable", format!("nats-server {version} is too old."))
        .help(format!("use nats-server {major}.{minor} or newer")))
}

fn no_postgres(error: &sqlx::Error) -> Failure {
    Failure::unavailable("platform.postgres_unreachable", "Postgres does not answer.").because(error)
}
