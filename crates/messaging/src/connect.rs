//! Connecting to NATS: for ever, with bounds.

use std::{path::PathBuf, time::Duration};

use async_nats::{Client, ConnectOptions, jetstream};

/// How long a request or a publish ack may take, in milliseconds, before its result counts as unknown.
pub const ACK_TIMEOUT_MS: u64 = 5_000;
/// Publishes that may wait for their ack at once; more wait for a free place.
pub const PUBLISHES_IN_FLIGHT_MAX: usize = 4_096;
/// Messages that one subscription may hold before the client drops some.
const SUBSCRIPTION_MESSAGES_MAX: usize = 65_536;
/// Commands that may wait for the connection's writer.
const WRITES_WAITING_MAX: usize = 8_192;
/// The longest pause between two attempts to reconnect, in milliseconds.
const RECONNECT_PAUSE_MS_MAX: u64 = 1_000;
/// How much longer each further attempt waits, in milliseconds.
const RECONNECT_PAUSE_MS_STEP: u64 = 50;

/// How to prove who we are.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Not at all, or as the URL says.
    #[default]
    None,
    /// User and password.
    UserPassword(String, String),
    /// A shared token.
    Token(String),
    /// A `.creds` file (JWT and nkey seed).
    File(PathBuf),
    /// The seed of an nkey.
    Nkey(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::None => "None",
            Self::UserPassword(..) => "UserPassword(…)",
            Self::Token(_) => "Token(…)",
            Self::File(_) => "File(…)",
            Self::Nkey(_) => "Nkey(…)",
        })
    }
}

/// Where NATS is and how to speak to it. The URL is not printed, because it may carry a password.
#[derive(Clone, Default)]
pub struct ConnectConfig {
    /// `nats://host:port`, several separated by commas.
    pub url: String,
    /// The connection's name, for people who look at the server.
    pub name: String,
    /// How to prove who we are.
    pub credentials: Credentials,
    /// Refuse to speak without TLS.
    pub tls_required: bool,
    /// A file with the certificate authority to trust, besides the system's.
    pub tls_ca: Option<PathBuf>,
    /// Certificate and key files to show.
    pub tls_certificate: Option<(PathBuf, PathBuf)>,
    /// What the subjects begin with on which answers come; `_INBOX` when absent. Users whose rights end at their own inboxes need it.
    pub inbox_prefix: Option<String>,
    /// Keep trying when the first attempt fails, instead of saying so.
    pub retry_first: bool,
}

impl std::fmt::Debug for ConnectConfig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ConnectConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

/// NATS could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials file cannot be read.
    #[error("the NATS credentials file cannot be read")]
    Credentials(#[source] std::io::Error),
    /// An address is not one.
    #[error("the NATS address cannot be read")]
    Address(#[source] std::io::Error),
    /// The server refuses, or is not there.
    #[error("NATS cannot be reached")]
    Connect(#[source] async_nats::ConnectError),
}

/// Connects, and reconnects for ever after.
pub async fn connect(config: &ConnectConfig) -> Result<Client, ConnectError> {
    let mut options = ConnectOptions::new()
        .name(&config.name)
        .max_reconnects(None)
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis((attempt as u64).saturating_mul(RECONNECT_PAUSE_MS_STEP).min(RECONNECT_PAUSE_MS_MAX))
        })
        .request_timeout(Some(Duration::from_millis(ACK_TIMEOUT_MS)))
        .subscription_capacity(SUBSCRIPTION_MESSAGES_MAX)
        .client_capacity(WRITES_WAITING_MAX)
        .ping_interval(Duration::from_secs(10))
        .require_tls(config.tls_required);
    if let Some(ca) = &config.tls_ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some((certificate, key)) = &config.tls_certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    if let Some(prefix) = &config.inbox_prefix {
        options = options.custom_inbox_prefix(prefix);
    }
    if config.retry_first {
        options = options.retry_on_initial_connect();
    }
    options = match &config.credentials {
        Credentials::None => options,
        Credentials::UserPassword(user, password) => options.user_and_password(user.clone(), password.clone()),
        Credentials::Token(token) => options.token(token.clone()),
        Credentials::Nkey(seed) => options.nkey(seed.clone()),
        Credentials::File(path) => options.credentials_file(path).await.map_err(ConnectError::Credentials)?,
    };
    let servers = config
        .url
        .split(',')
        .map(|url| url.trim().parse::<async_nats::ServerAddr>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(ConnectError::Address)?;
    options.connect(servers).await.map_err(ConnectError::Connect)
}

/// JetStream over a connection, with our bounds.
pub fn jetstream(client: Client) -> jetstream::Context {
    jetstream::context::ContextBuilder::new()
        .timeout(Duration::from_millis(ACK_TIMEOUT_MS))
        .ack_timeout(Duration::from_millis(ACK_TIMEOUT_MS))
        .max_ack_inflight(PUBLISHES_IN_FLIGHT_MAX)
        .backpressure_on_inflight(true)
        .build(client)
}
