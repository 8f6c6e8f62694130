//! Settings of sessions in workspaces over PostgreSQL's protocol.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Secret;

/// The port that clients of workspaces connect to, unless told.
pub const PGWIRE_PORT: u16 = 5433;
/// Where its control routes are served without a key, unless told.
pub const PGWIRE_INTERNAL_LISTEN: &str = "127.0.0.1:5434";

/// Sessions in workspaces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pgwire {
    /// Whether anybody can log in to workspaces.
    pub enabled: bool,
    /// Address to listen on; `host` when not set.
    pub host: Option<String>,
    /// Port to listen on, 0 for any; 5433 when not set, if nobody has it.
    pub port: Option<u16>,
    /// `host:port` of the control routes, or `off`; 127.0.0.1:5434 when not set, if nobody has it. A loopback address asks for no key.
    pub internal_listen: Option<String>,
    /// Opens the control routes, as the admin key does.
    pub internal_secret: Option<Secret>,
    /// Sessions at once.
    pub connections_max: u32,
    /// Sessions of one workspace at once.
    pub connections_per_workspace: u32,
    /// How long a session may say nothing, in seconds.
    pub idle_timeout_seconds: u64,
    /// How long one statement may take, with its answer, in seconds.
    pub query_timeout_seconds: u64,
    /// Which connections are encrypted.
    pub ssl_mode: SslMode,
    /// Certificates for that, the server's own first, as PEM; with `tls_key`.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, as PEM, with `tls_certificate`.
    pub tls_key: Option<PathBuf>,
}

/// Which connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SslMode {
    /// None.
    Disable,
    /// Those whose clients ask for it, when there is a certificate.
    Prefer,
    /// All; nobody gets in without.
    Require,
}

impl Default for Pgwire {
    fn default() -> Self {
        Self {
            enabled: true,
            host: None,
            port: None,
            internal_listen: None,
            internal_secret: None,
            connections_max: 100,
            connections_per_workspace: 5,
            idle_timeout_seconds: 3_600,
            query_timeout_seconds: 300,
            ssl_mode: SslMode::Prefer,
            tls_certificate: None,
            tls_key: None,
        }
    }
}
