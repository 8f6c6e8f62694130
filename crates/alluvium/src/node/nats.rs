//! Connecting to NATS as the configuration says.

use std::time::Duration;

use alluvium_messaging::connect::{ConnectConfig, Credentials, connect, jetstream};
use async_nats::Client;
use async_nats::jetstream::Context;

use crate::client::Session;
use crate::config::{Config, Nats};
use crate::failure::Failure;

/// How long the command line waits for NATS.
const COMMAND_WAIT: Duration = Duration::from_secs(5);
/// Pause between two attempts at start.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A connection and JetStream over it, for a command of the command line.
pub async fn for_command(session: &Session) -> Result<Context, Failure> {
    Ok(jetstream(client_for_command(session).await?))
}

/// A connection for a command of the command line.
pub async fn client_for_command(session: &Session) -> Result<Client, Failure> {
    let mut settings = session.config.nats.clone();
    settings.url = Some(session.nats_url()?.to_owned());
    open(&settings, "alluvium-cli", COMMAND_WAIT).await
}

/// A connection for a serving process: waits for NATS to appear, within the configured bound.
pub async fn for_node(config: &Config) -> Result<Client, Failure> {
    open(&config.nats, "alluvium", Duration::from_secs(config.start_wait_seconds)).await
}

async fn open(settings: &Nats, name: &str, wait: Duration) -> Result<Client, Failure> {
    let config = ConnectConfig {
        url: settings.url.clone().unwrap_or_default(),
        name: name.to_owned(),
        credentials: credentials(settings),
        tls_required: settings.tls,
        tls_ca: settings.tls_ca.clone(),
        tls_certificate: settings.tls_certificate.clone().zip(settings.tls_key.clone()),
        ..ConnectConfig::default()
    };
    let began = tokio::time::Instant::now();
    loop {
        let attempt = tokio::time::timeout(wait, connect(&config)).await;
        let error = match attempt {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => error,
            Err(_) => return Err(unreachable(settings, wait)),
        };
        if began.elapsed() + RETRY_PAUSE > wait {
            return Err(unreachable(settings, wait).because(&error));
        }
        tracing::info!(nats.error = %error, "waiting for NATS");
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

fn credentials(settings: &Nats) -> Credentials {
    match (&settings.creds_file, &settings.token, &settings.user) {
        (Some(file), _, _) => Credentials::File(file.clone()),
        (None, Some(token), _) => Credentials::Token(token.expose().to_owned()),
        (None, None, Some(user)) => {
            let password = settings.password.as_ref().map(|password| password.expose().to_owned());
            Credentials::UserPassword(user.clone(), password.unwrap_or_default())
        }
        (None, None, None) => Credentials::None,
    }
}

fn unreachable(settings: &Nats, wait: Duration) -> Failure {
    // Only the host: the address may carry a password.
    let url = settings.url.as_deref().unwrap_or_default();
    let host = url.rsplit_once('@').map_or(url, |(_, host)| host);
    Failure::unavailable(
        "platform.nats_unreachable",
        format!("NATS at {host} did not answer within {} s.", wait.as_secs()),
    )
    .help("check `nats.url`, and that nats-server 2.12 or newer with JetStream runs there")
}
