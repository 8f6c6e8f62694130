//! Serving until told to stop, then finishing what was begun, within a bound.

use std::{pin::pin, time::Duration};

use axum::{Router, serve::Listener};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::Peer;

/// How long a client may take to send a request's headers; an idle connection ends after it, too.
const HEADERS_READ_MAX: Duration = Duration::from_secs(75);

/// Serves until `stop` resolves; then takes no new connection and gives running requests `drain` to finish.
pub async fn serve(mut listener: TcpListener, router: Router, stop: impl Future<Output = ()> + Send, drain: Duration) {
    let (connections, stopping) = (TaskTracker::new(), CancellationToken::new());
    // Makes the layers of all routes now instead of with each request.
    let router = router.with_state(());
    let mut stop = pin!(stop);
    loop {
        let (stream, _) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        connections.spawn(converse(stream, router.clone(), stopping.clone()));
    }
    drop(listener);
    stopping.cancel();
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::warn!(drain_ms = drain.as_millis() as u64, "stopped with requests still running");
    }
}

/// Answers one client until either side ends it; once `stopping`, after the request that runs.
async fn converse(stream: TcpStream, router: Router, stopping: CancellationToken) {
    let (peer, router) = (stream.peer_addr().ok().map(Peer), TowerToHyperService::new(router));
    let answer = service_fn(move |mut request: hyper::Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        router.call(request)
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_READ_MAX)
            .serve_connection(TokioIo::new(stream), answer)
            // A WebSocket goes on by itself where its request ended.
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}
