//! The configuration: one typed struct, laid together from defaults < file < environment < flags.
//!
//! `settings.rs` lists every setting once (path, environment names, kind); loading, checking, showing and the known
//! environment names all follow that list.

mod check;
mod duration;
mod load;
mod pgwire;
mod pipelines;
mod registry;
mod secret;
mod settings;
mod show;

use std::path::PathBuf;

use alluvium_projection::Pace;
use alluvium_storage::UndropWindow;
use serde::{Deserialize, Serialize};

pub use check::{check, unknown_names};
pub use duration::Seconds;
pub use load::{Loaded, Overrides, load};
pub use pgwire::{PGWIRE_INTERNAL_LISTEN, PGWIRE_PORT, Pgwire, SslMode};
pub use pipelines::Pipelines;
pub use registry::{Dialect, REGISTRY_PORT, Registry, SchemaText};
pub use secret::Secret;
pub use settings::SETTINGS;
pub use show::shown;

/// Everything that can be set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to listen on.
    pub host: String,
    /// Port to listen on.
    pub port: u16,
    /// Where table files, blobs and secrets live.
    pub data_dir: PathBuf,
    /// Where the content of files lives; one directory that all nodes see. `blobs` below the data directory when not set.
    pub blobs_dir: Option<PathBuf>,
    /// The parts of the platform this process runs.
    pub roles: Vec<Role>,
    /// The installation's admin key; created in the data directory when not set.
    pub admin_key: Option<Secret>,
    /// 64 hex digits: signs messages and peppers token digests; created in the data directory when not set.
    pub signing_key: Option<Secret>,
    /// How long running requests may take to finish when the process is told to stop, in seconds.
    pub drain_seconds: u64,
    /// How long NATS and Postgres may take to appear at start, in seconds.
    pub start_wait_seconds: u64,
    /// The event log.
    pub nats: Nats,
    /// The read models.
    pub postgres: Postgres,
    /// The other nodes.
    pub peers: Peers,
    /// The tables.
    pub duckdb: DuckDb,
    /// How long rows stay on the log.
    pub retention: Retention,
    /// Uploaded and exported files.
    pub files: Files,
    /// Files as objects.
    pub s3: S3,
    /// Whether a bucket must be shared with a project before that can link it.
    pub share_enforcement: ShareEnforcement,
    /// Places for scratch work.
    pub workspaces: Workspaces,
    /// Sessions in them.
    pub pgwire: Pgwire,
    /// Connectors of pipelines.
    pub pipelines: Pipelines,
    /// How fast folds are rebuilt.
    pub rebuild: Rebuild,
    /// The schema registry.
    pub registry: Registry,
    /// What is logged.
    pub log: Log,
    /// Where traces go.
    pub traces: Traces,
}

/// The event log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// `nats://host:port`, several separated by commas.
    pub url: Option<String>,
    /// User name.
    pub user: Option<String>,
    /// Password of the user.
    pub password: Option<Secret>,
    /// A shared token, instead of user and password.
    pub token: Option<Secret>,
    /// A `.creds` file, instead of either.
    pub creds_file: Option<PathBuf>,
    /// Refuse to speak without TLS.
    pub tls: bool,
    /// Certificate authority to trust, besides the system's.
    pub tls_ca: Option<PathBuf>,
    /// Client certificate, with `tls_key`.
    pub tls_certificate: Option<PathBuf>,
    /// Client key, with `tls_certificate`.
    pub tls_key: Option<PathBuf>,
    /// Copies of each stream that the cluster keeps.
    pub replicas: usize,
    /// Store commits that wait at the same moment together: for one server that syncs each message (`sync_interval: always`).
    pub group_commit: bool,
}

/// The read models.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// `postgres://user:password@host:port/database`
    pub url: Option<Secret>,
    /// Connections of this process.
    pub connections_max: u32,
}

/// The other nodes that share the tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peers {
    /// `host:port` to listen on for other nodes. Setting it is what shares the tables among the nodes that do.
    pub listen: Option<String>,
    /// `host:port` by which other nodes reach this one; `listen` when not set.
    pub address: Option<String>,
}

/// The tables.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuckDb {
    /// Memory the engine may take, as DuckDB writes it, e.g. `4GB`.
    pub memory_limit: String,
    /// Threads the engine may take.
    pub threads: u32,
}

/// How long rows stay on the log once a checkpoint holds them: for ever unless told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// How far back tables stay readable as they were, e.g. `7d`; nothing goes by itself when not set.
    pub keep: Option<String>,
    /// Messages of a table since its last checkpoint before another one is made.
    pub messages_min: u64,
    /// How often it runs, in seconds.
    pub every_seconds: u64,
    /// How long what was dropped can be had back, e.g. `7d`.
    pub undrop: String,
}

impl Retention {
    /// How long what was dropped can be had back; as long as usual when what is set is no duration.
    pub fn undrop(&self) -> UndropWindow {
        self.undrop.parse::<Seconds>().map_or_else(|_| UndropWindow::default(), |time| UndropWindow(time.duration()))
    }

    /// How far back tables stay readable, when that is set and a duration.
    pub fn keep(&self) -> Option<std::time::Duration> {
        Some(self.keep.as_ref()?.parse::<Seconds>().ok()?.duration())
    }
}

/// Whether a link needs a share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShareEnforcement {
    /// It does, unless the admin makes it.
    #[default]
    Strict,
    /// Any link shares what it shows: for moving installations that never asked.
    Open,
}

/// Uploaded and exported files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// How often what is past its time is let go, in seconds. It is out of sight at once.
    pub expiry_every_seconds: u64,
}

/// Files as objects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The access key that opens everything.
    pub access_key_id: String,
    /// Its secret; there is no such access key when not set.
    pub secret_access_key: Option<Secret>,
    /// What signed links begin with; where the server listens when not set.
    pub base_url: Option<String>,
}

/// Places for scratch work, each with an engine of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workspaces {
    /// The host that clients are told.
    pub host: String,
    /// The port that clients are told; where they are listened for when not set.
    pub port: Option<u16>,
    /// Memory that one engine may take, as DuckDB writes it, e.g. `4GB`.
    pub memory_limit: String,
    /// Threads that one engine may take.
    pub threads: u32,
}

/// How fast folds are rebuilt and checked, beside those who read and write.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rebuild {
    /// At most so many events a second; 0 is without limit.
    pub events_per_second: u64,
    /// At most so much of the time, in percent.
    pub share_percent: u32,
}

impl Rebuild {
    /// The pace that this means.
    pub fn pace(self) -> Pace {
        Pace { events_per_second: self.events_per_second, share_percent: self.share_percent }
    }
}

/// What is logged, on stderr.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Directives such as `info,alluvium_eventlog=debug`.
    pub filter: String,
    /// How lines are written.
    pub format: LogFormat,
}

/// Where traces go: nowhere unless told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// Base of a collector that takes OTLP over HTTP, e.g. `http://127.0.0.1:4318`.
    pub otlp_url: Option<String>,
    /// How many of a hundred traces that begin here are kept; whoever began one elsewhere has decided for us.
    pub sample_percent: u32,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON document a line.
    Json,
}

/// A part of the platform that a process can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The HTTP surface.
    Api,
    /// Decides on commands.
    Commands,
    /// Folds events into Postgres.
    Projections,
    /// Folds events and rows into table files.
    Tables,
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Commands => "commands",
            Self::Projections => "projections",
            Self::Tables => "tables",
        }
    }

    /// All of them, in the order they start.
    pub const ALL: [Self; 4] = [Self::Commands, Self::Projections, Self::Tables, Self::Api];
}

impl Config {
    /// Where the content of files is.
    pub fn blobs_dir(&self) -> PathBuf {
        self.blobs_dir.clone().unwrap_or_else(|| self.data_dir.join("blobs"))
    }

    /// Whether other processes may keep tables: then this one takes part in finding out who keeps which.
    pub fn is_shared(&self) -> bool {
        self.peers.listen.is_some() || !self.roles.contains(&Role::Tables)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 8080,
            data_dir: PathBuf::from("data"),
            blobs_dir: None,
            roles: Role::ALL.to_vec(),
            admin_key: None,
            signing_key: None,
            drain_seconds: 20,
            start_wait_seconds: 30,
            nats: Nats {
                url: None,
                user: None,
                password: None,
                token: None,
                creds_file: None,
                tls: false,
                tls_ca: None,
                tls_certificate: None,
                tls_key: None,
                replicas: 1,
                group_commit: false,
            },
            postgres: Postgres { url: None, connections_max: 16 },
            peers: Peers::default(),
            duckdb: DuckDb { memory_limit: "4GB".to_owned(), threads: 4 },
            retention: Retention {
                keep: None,
                messages_min: alluvium_storage::retention::MESSAGES_MIN,
                every_seconds: 3_600,
                undrop: "7d".to_owned(),
            },
            files: Files { expiry_every_seconds: 60 },
            s3: S3 { access_key_id: "duckdb".to_owned(), secret_access_key: None, base_url: None },
            share_enforcement: ShareEnforcement::Strict,
            workspaces: Workspaces {
                host: "localhost".to_owned(),
                port: None,
                memory_limit: "4GB".to_owned(),
                threads: 2,
            },
            pgwire: Pgwire::default(),
            pipelines: Pipelines::default(),
            rebuild: Rebuild { events_per_second: 0, share_percent: 100 },
            registry: Registry::default(),
            log: Log { filter: "info".to_owned(), format: LogFormat::Text },
            traces: Traces { otlp_url: None, sample_percent: 100 },
        }
    }
}
