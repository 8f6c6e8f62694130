//! JetStream to Kafka, exactly once for whoever reads committed records: the records and how far the bridge has come are
//! written in one transaction, and at the start it goes on from there.

use std::future::Future;

use super::{
    Bridge, BridgeError, Report,
    pump::{self, Turn as _, Turned},
    to_kafka::{Outward, ToKafka, spec_from},
};
use crate::transport::{Admin, Browse, Incoming, Outgoing, Room, Source, SourceError, TopicSpec};

/// Records of one transaction.
const TRANSACTION_MESSAGES_MAX: usize = 500;
/// Bytes of one transaction; one message may be bigger.
const TRANSACTION_BYTES_MAX: usize = 8 << 20;
/// Records of progress looked at first: the last one is among them, unless transactions were aborted again and again.
const PROGRESS_RECORDS: u64 = 1_000;

/// Runs a bridge from JetStream to Kafka with transactions until `stop`. One of a name at a time: a second one fences the
/// first, which ends with an error.
pub async fn run_to_kafka_transactional(
    bridge: &Bridge,
    way: &ToKafka,
    stop: impl Future<Output = ()>,
) -> Result<Report, BridgeError> {
    if !bridge.to.capabilities().atomic_batch {
        return Err(BridgeError::Settings("transactions need the Kafka property transactional.id".to_owned()));
    }
    let mut stop = std::pin::pin!(stop);
    let outward = Outward::new(bridge, way)?;
    let mut report = Report::default();
    let mut failures = 0_u32;
    loop {
        let before = report.forwarded;
        let passed = tokio::select! {
            () = stop.as_mut() => return Ok(report),
            passed = pass(bridge, way, &outward, &mut report) => passed,
        };
        let failed = match passed {
            Ok(()) => return Ok(report),
            Err(error) if !error.retryable() => return Err(error),
            Err(error) => error,
        };
        failures = if report.forwarded > before { 1 } else { failures + 1 };
        report.restarts += 1;
        tokio::select! {
            () = stop.as_mut() => return Ok(report),
            () = pump::failed_again(bridge, &failed, failures) => {}
        }
    }
}

/// Reads from where the last transaction ended. Dropping it between two awaits is safe: a transaction is done or it is not,
/// and its progress says which.
async fn pass(bridge: &Bridge, way: &ToKafka, outward: &Outward, report: &mut Report) -> Result<(), BridgeError> {
    // Fences whoever was here before and ends what it left open; only then progress stands still.
    bridge.to.publish_atomic(Vec::new()).await?;
    let progress = format!("{}.bridge", bridge.name);
    let topic = TopicSpec { topic: progress.clone(), compact: true, ..TopicSpec::default() };
    bridge.to.admin().create(topic).await?;
    let last = last_sequence(bridge.to.admin(), &progress, &way.stream).await?;
    let mut source = bridge.from.subscribe(spec_from(bridge, way, last + 1)).await?;
    loop {
        source.room(Room { messages: TRANSACTION_MESSAGES_MAX, bytes: TRANSACTION_BYTES_MAX, idle: true });
        let Some(first) = source.next().await else { return pump::close(&mut source).await };
        let (mut batch, done) = turn_ready(outward, source.as_mut(), first).await?;
        batch.push(Outgoing::new(progress.clone(), done.last.to_string()).with_key(way.stream.clone()));
        bridge.to.publish_atomic(batch).await?;
        report.forwarded += done.forwarded;
        report.own += done.own;
        report.undecodable += done.undecodable;
    }
}

/// What a transaction does.
#[derive(Default)]
struct Batch {
    last: u64,
    forwarded: u64,
    own: u64,
    undecodable: u64,
}

/// Turns the first message and those that have arrived behind it, as many as the room allows.
async fn turn_ready(
    outward: &Outward,
    source: &mut dyn Source,
    first: Result<Incoming, SourceError>,
) -> Result<(Vec<Outgoing>, Batch), BridgeError> {
    let (mut records, mut done) = (Vec::new(), Batch::default());
    let mut next = Some(first);
    while let Some(message) = next {
        let message = message?;
        done.last = message.position.number();
        match outward.turn(message).await? {
            Turned::Forward(outgoing) => records.push(*outgoing),
            Turned::Undecodable(outgoing) => {
                done.undecodable += 1;
                records.push(*outgoing);
            }
            Turned::Own | Turned::Duplicate => done.own += 1,
        }
        next = if records.len() < TRANSACTION_MESSAGES_MAX { source.ready() } else { None };
    }
    done.forwarded = records.len() as u64;
    Ok((records, done))
}

/// The sequence that the last committed transaction ended with; 0 before the first.
async fn last_sequence(admin: &dyn Admin, progress: &str, stream: &str) -> Result<u64, BridgeError> {
    let held = admin.describe(progress.to_owned()).await?.messages.unwrap_or(0);
    let mut from = held.saturating_sub(PROGRESS_RECORDS);
    loop {
        let what = Browse {
            name: progress.to_owned(),
            filter: ">".to_owned(),
            from,
            messages_max: usize::MAX,
            partition: None,
        };
        let records = admin.browse(what).await?;
        if let Some(record) = records.iter().rev().find(|record| record.key.as_deref() == Some(stream.as_bytes())) {
            let text = record.payload.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            return text
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| BridgeError::Settings(format!("{progress} holds something that is no sequence")));
        }
        if from == 0 {
            return Ok(0);
        }
        from = 0;
    }
}
