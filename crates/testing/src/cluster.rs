//! A private cluster of three nats-servers, whose nodes can be killed, paused and brought back one by one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use alluvium_servers::{ClusterOptions, NatsOptions, pick_port};
use async_nats::jetstream;

use crate::{Scratch, must};

/// How long the nodes may take to find each other and agree on a leader.
const READY_BUDGET: Duration = Duration::from_mins(1);
const READY_POLL: Duration = Duration::from_millis(50);
/// How long a stream may be without a leader before a test gives up.
const LEADER_BUDGET: Duration = Duration::from_secs(30);
/// Attempts to find ports that nobody takes between looking and listening.
const PORT_TRIES_MAX: usize = 5;

/// Three nats-servers with JetStream that hold streams together (R3), each syncing before it acknowledges, as the
/// `cluster` profile of the compose file says. Nodes are numbered from 0.
#[derive(Debug)]
pub struct NatsCluster {
    // Before the directory: fields are dropped in order, and the servers must be gone before their files are.
    nodes: Vec<alluvium_servers::NatsServer>,
    scratch: Scratch,
}

impl NatsCluster {
    /// Nodes of a cluster: the fewest that go on when one is lost.
    pub const NODES: usize = 3;

    /// Starts three nodes and waits until a stream can be made on all of them.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with changed options, the same change for each node: a login, another `sync_interval`.
    pub async fn start_with(change: impl Fn(&mut NatsOptions)) -> Self {
        let scratch = Scratch::new();
        let mut tries = 0;
        let nodes = loop {
            tries += 1;
            match launch(&scratch, &change).await {
                Ok(nodes) => break nodes,
                // A port was taken between looking and listening.
                Err(_) if tries < PORT_TRIES_MAX => {}
                Err(error) => panic!("starting a cluster of nats-servers: {error}"),
            }
        };
        let cluster = Self { nodes, scratch };
        cluster.wait_ready().await;
        cluster
    }

    /// Where clients connect: all nodes, separated by commas.
    pub fn url(&self) -> String {
        self.nodes.iter().map(alluvium_servers::NatsServer::url).collect::<Vec<_>>().join(",")
    }

    /// Where clients connect to one node.
    pub fn node_url(&self, node: usize) -> String {
        self.nodes[node].url()
    }

    /// A client that knows all nodes and changes over when its own is gone.
    pub async fn connect(&self) -> async_nats::Client {
        let urls: Vec<async_nats::ServerAddr> =
            self.nodes.iter().map(|node| must("reading an address", node.url().parse())).collect();
        must("connecting to the cluster", async_nats::connect(urls).await)
    }

    /// A client of one node only.
    pub async fn connect_to(&self, node: usize) -> async_nats::Client {
        must("connecting to a node", async_nats::connect(self.node_url(node)).await)
    }

    /// Its directory; the store of a node is below `<node>/jetstream/`.
    pub fn directory(&self) -> PathBuf {
        self.scratch.path().to_owned()
    }

    /// The node that leads a stream. Waits while an election runs.
    pub async fn leader_of(&self, stream: &str) -> usize {
        let began = Instant::now();
        let js = jetstream::new(self.connect().await);
        loop {
            let leader = match js.get_stream(stream).await {
                Ok(found) => found.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()),
                Err(_) => None,
            };
            if let Some(node) = leader.and_then(|name| self.nodes.iter().position(|node| node.name() == name)) {
                return node;
            }
            assert!(began.elapsed() < LEADER_BUDGET, "stream {stream} has no leader");
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        must("killing a node", self.nodes[node].kill());
    }

    /// Starts a node again on the same ports and store.
    pub async fn restart(&mut self, node: usize) {
        must("restarting a node", self.nodes[node].restart().await);
    }

    /// Stops a node in its tracks (SIGSTOP): its connections stay open and it answers nobody, as if it were cut off.
    pub fn pause(&mut self, node: usize) {
        must("pausing a node", self.nodes[node].pause());
    }

    /// Lets a node go on after [`pause`](Self::pause).
    pub fn resume(&mut self, node: usize) {
        must("resuming a node", self.nodes[node].resume());
    }

    /// Waits until the streams that exist have a leader and all copies are current again.
    pub async fn wait_current(&self, streams: &[&str]) {
        let began = Instant::now();
        let js = jetstream::new(self.connect().await);
        for stream in streams {
            loop {
                let info = js.get_stream(*stream).await.ok().and_then(|found| found.cached_info().cluster.clone());
                let current = info.is_some_and(|cluster| {
                    cluster.leader.is_some()
                        && cluster.replicas.iter().all(|replica| replica.current && !replica.offline)
                });
                if current {
                    break;
                }
                assert!(began.elapsed() < READY_BUDGET, "the copies of {stream} did not catch up");
                tokio::time::sleep(READY_POLL).await;
            }
        }
    }

    /// A stream on all nodes can be made: they have found each other and elected who leads.
    async fn wait_ready(&self) {
        let began = Instant::now();
        let js = jetstream::new(self.connect().await);
        let probe = jetstream::stream::Config {
            name: "PROBE".into(),
            subjects: vec!["probe".into()],
            num_replicas: Self::NODES,
            storage: jetstream::stream::StorageType::Memory,
            ..Default::default()
        };
        loop {
            let made = js.create_stream(probe.clone()).await;
            if made.is_ok() && js.delete_stream("PROBE").await.is_ok() {
                return;
            }
            assert!(began.elapsed() < READY_BUDGET, "the cluster is not ready: {made:?}");
            tokio::time::sleep(READY_POLL).await;
        }
    }
}

async fn launch(
    scratch: &Scratch,
    change: &impl Fn(&mut NatsOptions),
) -> Result<Vec<alluvium_servers::NatsServer>, alluvium_servers::Error> {
    let mut ports = Vec::with_capacity(NatsCluster::NODES);
    while ports.len() < NatsCluster::NODES {
        let port = pick_port()?;
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    let mut nodes = Vec::with_capacity(NatsCluster::NODES);
    for (number, port) in ports.iter().enumerate() {
        let mut options = NatsOptions::scratch(scratch.path().join(number.to_string()));
        options.name = format!("node-{number}");
        options.sync_interval = Some("always".into());
        options.cluster = Some(ClusterOptions { name: "alluvium".into(), port: *port, peers: ports.clone() });
        change(&mut options);
        nodes.push(alluvium_servers::NatsServer::start(options).await?);
    }
    Ok(nodes)
}
