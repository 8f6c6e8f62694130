//! Private servers in a temporary directory, and a node on them.

use std::net::SocketAddr;
use std::time::Duration;

use alluvium_eventlog::CommandRequest;
use alluvium_kernel::{Actor, DEFAULT_TENANT, Token, Verdict};
use alluvium_servers::{NatsOptions, NatsServer, Postgres, PostgresOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Client, Session};
use crate::config::{Config, Role, Secret};
use crate::failure::Failure;
use crate::node::Node;
use crate::secrets::Secrets;

/// How long one command may take.
const OUTCOME_WAIT: Duration = Duration::from_mins(1);

/// Servers of one measurement.
pub struct World {
    /// The log.
    pub nats: NatsServer,
    /// The read models.
    pub postgres: Postgres,
    /// The configuration of nodes.
    pub config: Config,
    /// Their secrets.
    pub secrets: Secrets,
    /// The directory of it all; goes last.
    pub dir: TempDir,
}

/// A running node and a client of it.
pub struct Running {
    /// The node.
    pub node: Node,
    /// A client with the admin key.
    pub client: Client,
    /// Where it listens.
    pub address: SocketAddr,
}

impl World {
    /// Starts the servers, as `alluvium dev` does.
    pub async fn start() -> Result<Self, Failure> {
        Self::with(|options| options).await
    }

    /// Starts the servers, as `alluvium dev --durable` does.
    pub async fn start_synced() -> Result<Self, Failure> {
        Self::with(|options| NatsOptions { sync_interval: Some("always".to_owned()), ..options }).await
    }

    async fn with(change: impl FnOnce(NatsOptions) -> NatsOptions) -> Result<Self, Failure> {
        let dir = tempfile::tempdir()?;
        let failed =
            |error: alluvium_servers::Error| Failure::unavailable("platform.servers_failed", error.to_string());
        let nats = NatsServer::start(change(NatsOptions::durable(dir.path().join("nats"))));
        let postgres = Postgres::start(PostgresOptions::durable(dir.path().join("postgres")));
        let (nats, postgres) = tokio::try_join!(nats, postgres).map_err(failed)?;
        let mut config = Config { data_dir: dir.path().join("data"), port: 0, ..Config::default() };
        config.roles = Role::ALL.to_vec();
        config.nats.url = Some(nats.url());
        config.postgres.url = Some(Secret::new(postgres.url()));
        let secrets = crate::secrets::open(&config)?;
        Ok(Self { nats, postgres, config, secrets, dir })
    }

    /// Starts a node in this process, with all rights for unsigned publishers.
    pub async fn node(&self) -> Result<Running, Failure> {
        let node = Node::start(&self.config, &self.secrets).await?;
        let address = node.address().ok_or_else(|| Failure::bug("the node does not listen"))?;
        let client = self.client(&format!("http://{address}"))?;
        let running = Running { node, client, address };
        running.command("access", "GrantPublishers", json!({ "rights": "all" })).await?;
        Ok(running)
    }

    /// A client with the admin key.
    pub fn client(&self, server: &str) -> Result<Client, Failure> {
        Client::new(&Session {
            server: server.to_owned(),
            key: Some(self.secrets.admin_key.expose().to_owned()),
            project: None,
            nats: None,
            config: self.config.clone(),
        })
    }

    /// Stops the servers.
    pub async fn stop(self) -> Result<(), Failure> {
        let stopped = (self.postgres.stop().await, self.nats.stop().await);
        let result = stopped.0.and(stopped.1);
        result.map_err(|error| Failure::unavailable("platform.servers_failed", error.to_string()))
    }
}

impl Running {
    /// Sends a command and waits for its acceptance.
    pub async fn command(&self, context: &str, command: &str, body: Value) -> Result<Value, Failure> {
        let request = CommandRequest {
            tenant: tenant()?,
            context: context.to_owned(),
            command: command.to_owned(),
            command_id: uuid::Uuid::now_v7().to_string(),
            actor: Actor::Admin,
            payload: body.to_string().into(),
            trace_parent: None,
        };
        match self.node.parts().client.send(&request, OUTCOME_WAIT).await?.verdict {
            Verdict::Accepted { result, .. } => Ok(result),
            Verdict::Rejected { problem } => Err(problem.into()),
        }
    }

    /// A project `bench`, a bucket `b`.
    pub async fn bucket(&self) -> Result<(), Failure> {
        self.command("storage", "CreateProject", json!({ "project": "bench" })).await?;
        self.command("storage", "CreateBucket", json!({ "project": "bench", "bucket": "b" })).await?;
        Ok(())
    }

    /// A table in it.
    pub async fn table(&self, name: &str, columns: &[(&str, &str)], key: &[&str]) -> Result<(), Failure> {
        let columns: Vec<Value> = columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
        let body = json!({ "project": "bench", "bucket": "b", "table": name, "columns": columns, "primary_key": key });
        self.command("storage", "CreateTable", body).await?;
        Ok(())
    }
}

/// The default tenant.
pub fn tenant() -> Result<Token, Failure> {
    Token::encode(DEFAULT_TENANT).map_err(Failure::bug)
}
