//! Reads, turns and writes, many messages at once, and settles each when the other side has it.

use std::{future::Future, pin::Pin, time::Duration};

use alluvium_kernel::BoxFuture;
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{Bridge, BridgeError};
use crate::transport::{Incoming, Outgoing, PublishError, Receipt, Room, Settle, SettleToken, Source, SubscribeSpec};

/// First and longest pause before a bridge that failed begins again, in milliseconds.
const PAUSE_MS: (u64, u64) = (100, 10_000);
/// How long the end of a bridge may take, in milliseconds.
const CLOSE_MS: u64 = 10_000;

/// What a bridge has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages written to the other side.
    pub forwarded: u64,
    /// Messages the other side had already.
    pub duplicates: u64,
    /// Messages that came from this bridge and were dropped.
    pub own: u64,
    /// Messages that could not be decoded.
    pub undecodable: u64,
    /// How often it began again after a failure.
    pub restarts: u64,
}

/// What becomes of one message.
pub enum Turned {
    Forward(Box<Outgoing>),
    /// The same, with a note that its schema could not be named.
    Undecodable(Box<Outgoing>),
    Duplicate,
    Own,
}

/// Turns messages of one side into those of the other.
pub trait Turn: Send + Sync {
    /// Called at every start, before the first message.
    fn begin(&mut self) -> BoxFuture<'_, Result<(), BridgeError>>;

    fn turn(&self, message: Incoming) -> BoxFuture<'_, Result<Turned, BridgeError>>;
}

type Flight = Pin<Box<dyn Future<Output = (SettleToken, Result<Receipt, PublishError>)> + Send>>;

/// Runs until `stop`; begins again after failures that may pass.
pub async fn run(
    bridge: &Bridge,
    spec: SubscribeSpec,
    mut turn: impl Turn,
    stop: impl Future<Output = ()>,
) -> Result<Report, BridgeError> {
    let mut stop = std::pin::pin!(stop);
    let mut report = Report::default();
    let mut failures = 0_u32;
    loop {
        let before = report.forwarded;
        let failed = match pass(bridge, spec.clone(), &mut turn, &mut report, stop.as_mut()).await {
            Ok(()) => return Ok(report),
            Err(error) if !error.retryable() => return Err(error),
            Err(error) => error,
        };
        failures = if report.forwarded > before { 1 } else { failures + 1 };
        report.restarts += 1;
        tokio::select! {
            () = stop.as_mut() => return Ok(report),
            () = failed_again(bridge, &failed, failures) => {}
        }
    }
}

/// Tells that a bridge begins again, and waits until it may.
pub async fn failed_again(bridge: &Bridge, error: &BridgeError, failures: u32) {
    let pause = Duration::from_millis((PAUSE_MS.0 << failures.min(10)).min(PAUSE_MS.1));
    let pause_ms = pause.as_millis() as u64;
    tracing::warn!(bridge.name = %bridge.name, error = %error, pause_ms, "the bridge begins again");
    metrics::counter!("messaging_bridge_restarts_total", "bridge" => bridge.name.clone()).increment(1);
    tokio::time::sleep(pause).await;
}

/// One life of a subscription.
async fn pass(
    bridge: &Bridge,
    spec: SubscribeSpec,
    turn: &mut impl Turn,
    report: &mut Report,
    mut stop: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), BridgeError> {
    tokio::select! {
        () = stop.as_mut() => return Ok(()),
        begun = turn.begin() => begun?,
    }
    let in_flight_max = spec.settings.max_in_flight.max(1);
    let mut source = bridge.from.subscribe(spec).await?;
    let settler = source.settler();
    let mut flights: FuturesUnordered<Flight> = FuturesUnordered::new();
    let mut failure = None;
    let mut stopping = false;
    loop {
        if (stopping || failure.is_some()) && flights.is_empty() {
            break;
        }
        let room = if stopping || failure.is_some() { 0 } else { in_flight_max - flights.len().min(in_flight_max) };
        source.room(Room { messages: room, bytes: usize::MAX, idle: flights.is_empty() });
        tokio::select! {
            () = stop.as_mut(), if !stopping => stopping = true,
            Some((token, result)) = flights.next(), if !flights.is_empty() => match result {
                Ok(receipt) => {
                    if receipt.duplicate { report.duplicates += 1 } else { report.forwarded += 1 }
                    settler.settle(&token, Settle::Done).await?;
                }
                Err(error) => {
                    // What was not taken is read again; what comes behind it is known by its id.
                    settler.settle(&token, Settle::Retry(Duration::ZERO)).await.ok();
                    failure.get_or_insert(BridgeError::Publish(error));
                }
            },
            next = source.next(), if room > 0 => match next {
                None => stopping = true,
                Some(Err(error)) => drop(failure.get_or_insert(error.into())),
                Some(Ok(message)) => match take(bridge, turn, message, report).await {
                    Ok((token, None)) => settler.settle(&token, Settle::Done).await?,
                    Ok((token, Some(pending))) => flights.push(Box::pin(async move { (token, pending.await) })),
                    Err(error) => drop(failure.get_or_insert(error)),
                },
            },
        }
    }
    let closed = close(&mut source).await;
    match failure {
        Some(error) => Err(error),
        None => closed,
    }
}

async fn take(
    bridge: &Bridge,
    turn: &impl Turn,
    message: Incoming,
    report: &mut Report,
) -> Result<(SettleToken, Option<crate::transport::Pending>), BridgeError> {
    let token = message.token.clone();
    let outgoing = match turn.turn(message).await? {
        Turned::Forward(outgoing) => outgoing,
        Turned::Undecodable(outgoing) => {
            report.undecodable += 1;
            outgoing
        }
        Turned::Duplicate => {
            report.duplicates += 1;
            return Ok((token, None));
        }
        Turned::Own => {
            report.own += 1;
            return Ok((token, None));
        }
    };
    Ok((token, Some(bridge.to.publish(*outgoing).await?)))
}

pub async fn close(source: &mut Box<dyn Source>) -> Result<(), BridgeError> {
    source.settler().commit().await.ok();
    Ok(source.close(Instant::now() + Duration::from_millis(CLOSE_MS)).await?)
}
