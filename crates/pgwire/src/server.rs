//! Taking connections, and ending them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::io::Wire;
use crate::messages;
use crate::session::Client;
use crate::startup::{self, Wanted};
use crate::{Backend, Encryption, Failure, Login, Session};

/// How long a login may take, in seconds.
const LOGIN_SECONDS_MAX: u64 = 30;
/// Connections beyond those of sessions: logins under way, and requests to cancel.
const SPARE_CONNECTIONS: usize = 32;
/// How long connections may take to say that they end, in seconds.
const FAREWELL_SECONDS_MAX: u64 = 5;
/// Pause after a connection could not be taken, in milliseconds.
const RETRY_MS: u64 = 100;

/// What sessions may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions at once.
    pub sessions_max: usize,
    /// How long one may say nothing.
    pub idle: Duration,
    /// How long one statement may take, with its answer.
    pub query: Duration,
}

/// What is needed to end a statement: the secret of its connection, and whom to wake.
type Cancels = Arc<Mutex<HashMap<u32, (u32, Arc<Notify>)>>>;

/// What listens. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    backend: Arc<dyn Backend>,
    pub(crate) limits: Limits,
    encryption: Encryption,
    cancels: Cancels,
    connections: Arc<Semaphore>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Server")
            .field("limits", &self.limits)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server for whom the backend lets in.
    pub fn new(backend: Arc<dyn Backend>, limits: Limits, encryption: Encryption) -> Self {
        let connections = Arc::new(Semaphore::new(limits.sessions_max.saturating_add(SPARE_CONNECTIONS)));
        Self { backend, limits, encryption, cancels: Cancels::default(), connections }
    }

    /// Takes connections until told to stop; then ends them.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let (socket, peer) = match stop.run_until_cancelled(listener.accept()).await {
                None => break,
                Some(Ok(accepted)) => accepted,
                Some(Err(error)) => {
                    tracing::warn!(error = %error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
                    continue;
                }
            };
            let (server, stop) = (self.clone(), stop.clone());
            match self.connections.clone().try_acquire_owned() {
                Ok(place) => drop(connections.spawn(async move {
                    server.converse(socket, peer.ip(), stop).await;
                    drop(place);
                })),
                Err(_) => drop(connections.spawn(refuse(socket))),
            }
        }
        drop(listener);
        connections.close();
        if tokio::time::timeout(Duration::from_secs(FAREWELL_SECONDS_MAX), connections.wait()).await.is_err() {
            tracing::warn!("stopped with sessions that did not end");
        }
    }

    async fn converse(self, socket: TcpStream, client: IpAddr, stop: CancellationToken) {
        // Answers are written at once as a whole.
        let _ = socket.set_nodelay(true);
        let mut wire = Wire::new(socket);
        let limit = Duration::from_secs(LOGIN_SECONDS_MAX);
        let greeted = tokio::time::timeout(limit, startup::greet(&mut wire, &self.encryption)).await;
        let wanted = match greeted {
            Ok(Ok(Wanted::Login { username, password })) => Login { username, password, client },
            Ok(Ok(Wanted::Cancel { process, secret })) => return self.cancel(process, secret),
            Ok(Err(failure)) => return wire.farewell(&failure).await,
            Err(_) => return wire.farewell(&Failure::fatal("08P01", "the login took too long")).await,
        };
        let began = Instant::now();
        let session = self.backend.login(wanted).await;
        histogram!("pgwire_auth_duration_seconds").record(began.elapsed());
        let status = match &session {
            Ok(_) => Some("success"),
            Err(failure) => match failure.code {
                "28P01" => Some("auth_failed"),
                "28000" => Some("expired"),
                "53300" => Some("limit_reached"),
                _ => None,
            },
        };
        if let Some(status) = status {
            counter!("pgwire_connections_total", "status" => status).increment(1);
        }
        match session {
            Ok(session) => self.attend(wire, session, stop).await,
            Err(failure) => wire.farewell(&failure).await,
        }
    }

    async fn attend(self, mut wire: Wire, session: Box<dyn Session>, stop: CancellationToken) {
        let label = session.label();
        gauge!("pgwire_sessions_total").increment(1.0);
        gauge!("pgwire_connections_active", "workspace_id" => label.clone()).increment(1.0);
        let (process, secret, cancel) = self.remember();
        wire.trusted();
        startup::welcome(&mut wire.out, process, secret);
        let limits = self.limits;
        let ended = Client::new(wire, session, limits, cancel).run(stop).await;
        self.cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&process);
        ended.await;
        gauge!("pgwire_connections_active", "workspace_id" => label).decrement(1.0);
        gauge!("pgwire_sessions_total").decrement(1.0);
    }

    /// A number and a secret that end what a connection does.
    fn remember(&self) -> (u32, u32, Arc<Notify>) {
        let cancel = Arc::new(Notify::new());
        let mut cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut bytes = [0; 8];
            // Without randomness no secret is made that could be guessed: the slot stays as it is and is never woken.
            if getrandom::fill(&mut bytes).is_err() {
                return (0, 0, cancel);
            }
            let both = u64::from_be_bytes(bytes);
            let (process, secret) = ((both >> 33) as u32, (both & 0xffff_ffff) as u32);
            if process != 0 && !cancels.contains_key(&process) {
                cancels.insert(process, (secret, cancel.clone()));
                return (process, secret, cancel);
            }
        }
    }

    fn cancel(&self, process: u32, secret: u32) {
        let cancels = self.cancels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cancel)) = cancels.get(&process).filter(|(own, _)| *own == secret) {
            cancel.notify_waiters();
        }
    }
}

/// Too many are here to even ask who this is.
async fn refuse(socket: TcpStream) {
    let wire = Wire::new(socket);
    let full = Failure::fatal("53300", "Too many connections");
    // Whoever does not read this is not told.
    let _ = tokio::time::timeout(Duration::from_secs(1), wire.farewell(&full)).await;
    counter!("pgwire_connections_total", "status" => "limit_reached").increment(1);
}

/// The end of the login, and what clients may count on.
pub(crate) fn put_welcome(out: &mut bytes::BytesMut, process: u32, secret: u32, parameters: &[(&str, &str)]) {
    messages::put_authentication(out, 0);
    for (name, value) in parameters {
        messages::put_parameter(out, name, value);
    }
    messages::put_key(out, process, secret);
    messages::put_ready(out, b'I');
}
