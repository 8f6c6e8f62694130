//! The schema registry of this process: what its listeners work with, and where they listen.

use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_schemas::model::Level;
use alluvium_schemas::server::{Dialect, Listener, Server};
use alluvium_schemas::{PastViews, Settings};
use tokio::net::TcpListener;

use super::{Parts, listen};
use crate::config::{self, Config, REGISTRY_PORT, Role, SchemaText};
use crate::failure::Failure;
use crate::platform;

/// What turns the registry's own listener off.
const OFF: &str = "off";

/// An open port, and how it answers.
pub struct Opened {
    pub socket: TcpListener,
    pub listener: Listener,
}

/// What the installation decides by.
pub fn settings(config: &Config) -> Settings {
    let default_level: Option<Level> = config.registry.default_level.parse().ok();
    Settings {
        default_level: default_level.unwrap_or_default(),
        mode_changes: config.registry.mode_changes,
        open: config.registry.open,
    }
}

/// Opens the ports of the registry where the HTTP surface runs.
pub async fn open(config: &Config) -> Result<Vec<Opened>, Failure> {
    let mut opened = Vec::new();
    if !config.roles.contains(&Role::Api) {
        return Ok(opened);
    }
    match config.registry.listen.as_deref() {
        Some(OFF) => {}
        Some(address) => opened.push(Opened { socket: listen(address).await?, listener: own(config) }),
        None => match listen(&format!("{}:{REGISTRY_PORT}", config.host)).await {
            Ok(socket) => opened.push(Opened { socket, listener: own(config) }),
            // Nobody has asked for this port: another process on the machine may well have it.
            Err(failure) => tracing::warn!(
                reason = failure.message,
                "the schema registry has no port of its own; set `registry.listen`. It is served under /sr as well"
            ),
        },
    }
    for further in &config.registry.listeners {
        let listener =
            Listener { dialect: dialect(further.dialect), incompatible_code: further.incompatible_code, ..own(config) };
        opened.push(Opened { socket: listen(&further.listen).await?, listener });
    }
    Ok(opened)
}

/// How the first listener answers, and the platform's own.
fn own(config: &Config) -> Listener {
    Listener {
        dialect: dialect(config.registry.dialect),
        incompatible_code: config.registry.incompatible_code,
        java_text: config.registry.schema_text == SchemaText::Java,
    }
}

fn dialect(named: config::Dialect) -> Dialect {
    match named {
        config::Dialect::Confluent => Dialect::Confluent,
        config::Dialect::Karapace => Dialect::Karapace,
    }
}

/// What the platform's own listener serves under `/sr`.
pub fn server(parts: &Parts) -> Result<Server, Problem> {
    let metrics = platform::scrape()?;
    Ok(Server {
        client: parts.client.clone(),
        js: parts.js.clone(),
        follower: parts.schemas.clone(),
        library: parts.library.clone(),
        past: PastViews::new(parts.js.clone(), parts.schemas.clone()),
        authenticator: parts.access.clone(),
        authorizer: parts.access.clone(),
        settings: settings(&parts.config),
        listener: own(&parts.config),
        metrics: Arc::new(move || metrics.render()),
        version: (env!("CARGO_PKG_VERSION"), option_env!("ALLUVIUM_COMMIT").unwrap_or("unknown")),
    })
}
