use std::time::Duration;

use serde_json::json;

use super::*;
use crate::status::HealthStatus;

/// Gives numbered messages, `count` of them, then ends as it was told.
struct Counter {
    count: u64,
    ends: Result<(), Exit>,
}

impl Input for Counter {
    fn run(self: Box<Self>, position: Option<Value>, mut port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin(async move {
            let from = position.as_ref().and_then(Value::as_u64).unwrap_or(0);
            for at in from..self.count {
                let message = Message { payload: Bytes::from(at.to_string()), key: None, metadata: Map::new() };
                let payload = Payload::Messages(vec![message]);
                port.send(Draft { payload, position: json!(at + 1), transaction: None }).await?;
            }
            self.ends
        })
    }
}

const LIMITS: Limits = Limits { records: 4, bytes: 1000, batch_records: 4 };

fn counter(count: u64) -> Box<dyn Input> {
    Box::new(Counter { count, ends: Ok(()) })
}

#[tokio::test]
async fn chunks_come_in_order_to_the_end_and_from_a_position() {
    for (position, first) in [(None, 0), (Some(json!(17)), 17)] {
        let (handle, mut chunks) = start(counter(20), position, LIMITS, false);
        for at in first..20 {
            let chunk = chunks.next().await.unwrap();
            assert_eq!(chunk.position, json!(at + 1));
            assert!(matches!(&chunk.payload, Payload::Messages(all) if all[0].payload == at.to_string()));
        }
        assert!(chunks.next().await.is_none());
        handle.stop().await;
    }
}

#[tokio::test]
async fn no_more_is_queued_than_there_is_room_for() {
    let (handle, mut chunks) = start(counter(100), None, LIMITS, false);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(chunks.next().await.unwrap());
    }
    // All room is taken: whatever the transport does, it gets none.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(chunks.try_next().is_none());
    assert_eq!((handle.queued().0, handle.status().total_records), (4, 4));
    held.pop();
    assert_eq!(chunks.next().await.unwrap().position, json!(5));
    drop(held);
    assert_eq!(handle.queued(), (0, 0));
}

#[tokio::test]
async fn a_paused_input_gives_nothing_until_it_is_resumed() {
    let (handle, mut chunks) = start(counter(1), None, LIMITS, true);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(handle.is_paused() && chunks.try_next().is_none());
    handle.resume();
    assert!(chunks.next().await.is_some());
    assert!(!handle.is_paused());
}

#[tokio::test]
async fn the_end_a_failure_and_a_stop_are_told_apart() {
    for (ends, end_of_input, fatal) in [
        (Ok(()), true, None),
        (Err(Exit::Stopped), false, None),
        (Err(Exit::fatal("gone")), false, Some("gone".to_owned())),
    ] {
        let (handle, mut chunks) = start(Box::new(Counter { count: 0, ends }), None, LIMITS, false);
        assert!(chunks.next().await.is_none());
        // The channel closes before the end is written down.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let status = handle.status();
        assert_eq!((status.end_of_input, status.fatal_error.clone()), (end_of_input, fatal));
        assert_eq!(status.health.status == HealthStatus::Unhealthy, status.fatal_error.is_some());
    }
}

#[tokio::test]
async fn a_stop_ends_what_waits() {
    let (handle, chunks) = start(counter(100), None, LIMITS, false);
    tokio::time::timeout(Duration::from_secs(10), handle.stop()).await.unwrap();
    drop(chunks);
    let (handle, _chunks) = start(counter(100), None, LIMITS, true);
    tokio::time::timeout(Duration::from_secs(10), handle.stop()).await.unwrap();
}

struct Panics;

impl Input for Panics {
    fn run(self: Box<Self>, _: Option<Value>, _: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin(async { panic!("a fault") })
    }
}

#[tokio::test]
async fn a_transport_that_breaks_off_is_fatal() {
    let (handle, mut chunks) = start(Box::new(Panics), None, LIMITS, false);
    assert!(chunks.next().await.is_none());
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(handle.status().fatal_error.is_some() && !handle.status().end_of_input);
}
