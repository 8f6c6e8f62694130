//! Where clients log in to workspaces, and where those sessions are controlled.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{About, Principal, Surface, Vouched};
use alluvium_kernel::{Actor, Problem, Token};
use alluvium_pgwire::{Encryption, Limits, Server};
use alluvium_storage::pgwire::{SessionLimits, WorkspaceLogins};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::net::TcpListener;

use super::{Parts, at_start, listen, routes, tasks::Tasks};
use crate::config::{Config, PGWIRE_INTERNAL_LISTEN, PGWIRE_PORT, Pgwire, Role, SslMode};
use crate::failure::{Exit, Failure};

/// What turns the listener of the control routes off.
const OFF: &str = "off";

/// The open ports.
#[derive(Default)]
pub struct Opened {
    sessions: Option<TcpListener>,
    control: Option<TcpListener>,
    encryption: Encryption,
}

impl Opened {
    /// Where clients log in.
    pub fn address(&self) -> Option<SocketAddr> {
        self.sessions.as_ref()?.local_addr().ok()
    }
}

/// Opens the ports where workspaces are.
pub async fn open(config: &Config) -> Result<Opened, Failure> {
    let pgwire = &config.pgwire;
    if !pgwire.enabled || !config.roles.contains(&Role::Tables) || !config.roles.contains(&Role::Api) {
        return Ok(Opened::default());
    }
    let encryption = encryption(pgwire)?;
    let host = pgwire.host.as_ref().unwrap_or(&config.host);
    let sessions = match pgwire.port {
        Some(port) => Some(listen(&format!("{host}:{port}")).await?),
        None => unasked(&format!("{host}:{PGWIRE_PORT}"), "pgwire.port").await,
    };
    let control = match pgwire.internal_listen.as_deref() {
        Some(OFF) => None,
        Some(address) => Some(listen(address).await?),
        None => unasked(PGWIRE_INTERNAL_LISTEN, "pgwire.internal_listen").await,
    };
    let is_open =
        sessions.as_ref().and_then(|socket| socket.local_addr().ok()).is_some_and(|at| !at.ip().is_loopback());
    if is_open && pgwire.tls_certificate.is_none() {
        let advice = "set pgwire.tls_certificate and pgwire.tls_key, or encrypt in front of it";
        tracing::warn!(advice, "workspaces can be reached from other machines, and passwords go there in clear");
    }
    Ok(Opened { sessions, control, encryption })
}

/// How sessions are encrypted.
fn encryption(pgwire: &Pgwire) -> Result<Encryption, Failure> {
    let (Some(certificate), Some(key)) = (&pgwire.tls_certificate, &pgwire.tls_key) else {
        return Ok(Encryption::none());
    };
    if pgwire.ssl_mode == SslMode::Disable {
        return Ok(Encryption::none());
    }
    Encryption::of_files(certificate, key, pgwire.ssl_mode == SslMode::Require)
        .map_err(|problem| Failure::new(Exit::Usage, "config.invalid", problem))
}

/// A port that nobody has asked for: another process on the machine may well have it.
async fn unasked(address: &str, setting: &'static str) -> Option<TcpListener> {
    match listen(address).await {
        Ok(socket) => Some(socket),
        Err(failure) => {
            tracing::warn!(reason = failure.message, setting, "a port of workspaces cannot be had; set another");
            None
        }
    }
}

/// What sessions may take.
pub fn limits(config: &Config) -> SessionLimits {
    SessionLimits {
        per_workspace_max: config.pgwire.connections_per_workspace.into(),
        total_max: config.pgwire.connections_max.into(),
        idle_seconds: config.pgwire.idle_timeout_seconds,
        query_seconds: config.pgwire.query_timeout_seconds,
        memory_limit: config.workspaces.memory_limit.clone(),
    }
}

/// Serves what is open, and ends sessions that say nothing.
pub fn serve(parts: &Parts, tasks: &mut Tasks, opened: Opened) -> Result<(), Failure> {
    let stop = tasks.token();
    tasks.spawn("pgwire.cleanup", parts.sessions.clone().run(stop));
    if let Some(listener) = opened.control {
        let is_local = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let router = control(parts, is_local).map_err(at_start)?;
        let (stop, drain) = (tasks.token(), Duration::from_secs(parts.config.drain_seconds));
        tasks.spawn("pgwire.control", alluvium_http::serve(listener, router, stop.cancelled_owned(), drain));
    }
    if let Some(listener) = opened.sessions {
        let pgwire = &parts.config.pgwire;
        let state = routes::storage_state(parts).ok_or_else(|| at_start(Problem::internal()))?;
        let logins = Arc::new(WorkspaceLogins::new(state, parts.access.tenant().clone()));
        let limits = Limits {
            sessions_max: pgwire.connections_max as usize,
            idle: Duration::from_secs(pgwire.idle_timeout_seconds),
            query: Duration::from_secs(pgwire.query_timeout_seconds),
        };
        let stop = tasks.token();
        tasks.spawn("pgwire", Server::new(logins, limits, opened.encryption).serve(listener, stop));
    }
    Ok(())
}

/// The control routes on a listener of their own; whoever reaches a local one is trusted.
fn control(parts: &Parts, is_local: bool) -> Result<Router, Problem> {
    let about = About { title: "Alluvium".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let group = routes::pgwire(parts).ok_or_else(Problem::internal)?.error_codes(alluvium_storage::ERRORS);
    let surface = Surface::assemble(&about, vec![group], &crate::errors::besides_storage()).map_err(|mistake| {
        tracing::error!(mistake, "the control routes of sessions do not fit together");
        Problem::internal()
    })?;
    let router = surface.into_router(parts.access.clone(), parts.access.clone());
    let tenant = parts.access.tenant().clone();
    Ok(if is_local { router.layer(from_fn_with_state(tenant, trust)) } else { router })
}

/// Lets in who is on this machine. Not what a page in a browser sends from there, nor by a name that somebody else has given this
/// machine: that comes from who knows where.
async fn trust(State(tenant): State<Token>, mut request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    let is_local = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_local && !request.headers().contains_key(ORIGIN) {
        let caller = Principal::new(Actor::System("pgwire".to_owned()), tenant, "loopback");
        request.extensions_mut().insert(Vouched(caller));
    }
    next.run(request).await
}
