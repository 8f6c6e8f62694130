//! Which server, key, project and NATS a command talks to.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cli::Globals;
use crate::config::{self, Config, Overrides};
use crate::failure::{Exit, Failure};

/// The server of a command line that names none, and finds no `alluvium dev` here.
const SERVER_DEFAULT: &str = "http://127.0.0.1:8080";
/// The project that `alluvium dev` makes.
pub const DEMO_PROJECT: &str = "demo";

/// What `alluvium dev` leaves in its data directory, readable by its owner only, so that commands run beside it need no
/// options, and the key can be printed again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DevFile {
    /// Where HTTP is.
    pub server: String,
    /// Where NATS is.
    pub nats: String,
    /// Where Postgres is.
    pub postgres: String,
    /// The demo project.
    pub project: String,
    /// Its first key.
    pub project_key: String,
}

impl DevFile {
    /// Reads it, if there is one.
    pub fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(data_dir.join("dev.json")).ok()?).ok()
    }

    /// Writes it.
    pub fn write(&self, data_dir: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(Failure::bug)?;
        crate::secrets::write_private(&data_dir.join("dev.json"), &text)
    }
}

/// Whom a command talks to.
#[derive(Clone, Debug)]
pub struct Session {
    /// Base URL of the server.
    pub server: String,
    /// The key to show it.
    pub key: Option<String>,
    /// The project to work in.
    pub project: Option<String>,
    /// NATS.
    pub nats: Option<String>,
    /// The configuration, for what the session does not say.
    pub config: Config,
}

impl Session {
    /// From the options, else the configuration, else the `alluvium dev` whose data directory is here.
    pub fn open(globals: &Globals) -> Result<Self, Failure> {
        let env: BTreeMap<String, String> = std::env::vars().collect();
        let config = config::load(globals.config.as_deref(), &env, &Overrides::default())?.config;
        let dev = DevFile::read(&config.data_dir).unwrap_or_default();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let server = globals.server.clone().or_else(|| some(dev.server.clone()));
        // The keys of a local data directory are for the local server only; another server never sees them.
        let local = globals.server.is_none() || globals.server.as_deref() == Some(dev.server.as_str());
        let owner = || crate::secrets::existing_admin_key(&config).map(|key| key.expose().to_owned());
        Ok(Self {
            server: server.unwrap_or_else(|| SERVER_DEFAULT.to_owned()),
            key: globals.key.clone().or_else(|| if local { owner() } else { None }),
            project: globals.project.clone().or_else(|| some(dev.project)),
            nats: globals.nats.clone().or_else(|| config.nats.url.clone()).or_else(|| some(dev.nats)),
            config,
        })
    }

    /// The project, which the command needs.
    pub fn project(&self) -> Result<&str, Failure> {
        self.project.as_deref().ok_or_else(|| Failure::usage("No project is named.").help("add `--project ID`"))
    }

    /// NATS, which the command needs.
    pub fn nats_url(&self) -> Result<&str, Failure> {
        self.nats.as_deref().ok_or_else(|| {
            Failure::new(Exit::Usage, "cli.usage", "No NATS server is known.").help("add `--nats nats://host:port`")
        })
    }
}

/// `BUCKET/TABLE`, or `PROJECT/BUCKET/TABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The project.
    pub project: String,
    /// The bucket.
    pub bucket: String,
    /// The table.
    pub table: String,
}

impl TableName {
    /// Reads a table's name; the project comes from the session when it is left out.
    pub fn parse(text: &str, session: &Session) -> Result<Self, Failure> {
        let parts: Vec<&str> = text.split('/').collect();
        let owned = str::to_owned;
        let (project, bucket, table) = match parts[..] {
            [project, bucket, table] => (project, bucket, table),
            [bucket, table] => (session.project()?, bucket, table),
            _ => {
                return Err(Failure::usage(format!("`{text}` names no table."))
                    .help("write BUCKET/TABLE or PROJECT/BUCKET/TABLE"));
            }
        };
        if [project, bucket, table].contains(&"") {
            return Err(Failure::usage(format!("`{text}` names no table.")).help("no part may be empty"));
        }
        Ok(Self { project: owned(project), bucket: owned(bucket), table: owned(table) })
    }

    /// Its path on the storage surface, with further parts.
    pub fn path(&self, more: &[&str]) -> String {
        let parts = ["projects", &self.project, "branches", "default", "buckets", &self.bucket, "tables", &self.table];
        super::path(&[&parts[..], more].concat())
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}/{}", self.project, self.bucket, self.table)
    }
}
