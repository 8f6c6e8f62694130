//! Serving until told to stop, then finishing what was begun, within a bound.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

/// Serves until `stop` resolves; then takes no new connection and gives running requests `drain` to finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
    drain: Duration,
) -> std::io::Result<()> {
    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let signal = async move {
        stop.await;
        // Nobody listens only when serving has ended already.
        let _ = stopping.send(true);
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(signal).into_future();
    let overdue = async move {
        if stopped.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        result = serving => result,
        () = overdue => {
            tracing::warn!(drain_ms = drain.as_millis() as u64, "stopped with requests still running");
            Ok(())
        }
    }
}
