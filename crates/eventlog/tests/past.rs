//! Points of a real stream: times become positions, what is gone and what has not come say so.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use alluvium_eventlog::{Past, Point};
use alluvium_kernel::Timestamp;
use alluvium_messaging::direct;
use alluvium_testing::NatsServer;
use async_nats::jetstream;

const STREAM: &str = "PAST";

async fn stream(js: &jetstream::Context) {
    let config = jetstream::stream::Config {
        name: STREAM.into(),
        subjects: vec!["past.>".into()],
        allow_direct: true,
        ..jetstream::stream::Config::default()
    };
    js.create_stream(config).await.unwrap();
}

/// Stores messages some time apart; gives when each was stored.
async fn filled(js: &jetstream::Context, count: u64) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for n in 1..=count {
        let subject = if n % 2 == 0 { "past.even" } else { "past.odd" };
        let seq = js.publish(subject, n.to_string().into()).await.unwrap().await.unwrap().sequence;
        times.push(direct::leader_at(js, STREAM, seq).await.unwrap().unwrap().time);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    times
}

#[tokio::test]
async fn a_time_is_the_position_of_all_that_was_stored_by_then() {
    let nats = NatsServer::start().await;
    let js = jetstream::new(nats.connect().await);
    stream(&js).await;
    let past = Past::new(js.clone(), STREAM);
    assert_eq!(past.resolve(&Point::Now).await.unwrap(), 0);
    let times = filled(&js, 5).await;
    let at = async |micros: i64| past.resolve(&Point::Time(Timestamp::from_micros(micros))).await;
    for (index, time) in times.iter().enumerate() {
        let seq = index as u64 + 1;
        // The time that a message is shown with includes it; anything earlier does not.
        assert_eq!(at(time.micros()).await.unwrap(), seq);
        assert_eq!(at(time.micros() - 1).await.unwrap(), seq - 1);
        assert_eq!(at(time.micros() + 1_000).await.unwrap(), seq);
        assert_eq!(past.resolve(&Point::Seq(seq)).await.unwrap(), seq);
    }
    assert_eq!(past.resolve(&Point::Now).await.unwrap(), 5);
    assert_eq!(at(0).await.unwrap(), 0, "before everything");
    let refused = |result: Result<u64, alluvium_kernel::Problem>| {
        let problem = result.unwrap_err();
        (problem.code, problem.status)
    };
    let future = ("platform.point_in_future".to_owned(), 400);
    assert_eq!(refused(past.resolve(&Point::Seq(6)).await), future);
    assert_eq!(refused(at(times[0].micros() + 3_600_000_000).await), future);
}

#[tokio::test]
async fn what_is_gone_from_the_log_is_refused_and_never_guessed() {
    let nats = NatsServer::start().await;
    let js = jetstream::new(nats.connect().await);
    stream(&js).await;
    let times = filled(&js, 6).await;
    let past = Past::new(js.clone(), STREAM);
    assert_eq!(direct::extent(&js, STREAM).await.unwrap().missing(), 0);
    js.get_stream(STREAM).await.unwrap().purge().sequence(4).await.unwrap();
    for point in [Point::Seq(2), Point::Time(times[0]), Point::Time(Timestamp::from_micros(0))] {
        let problem = past.resolve(&point).await.unwrap_err();
        assert_eq!((problem.code.as_str(), problem.status), ("platform.point_expired", 410), "{point:?}");
    }
    assert_eq!(past.resolve(&Point::Seq(5)).await.unwrap(), 5);
    let extent = direct::extent(&js, STREAM).await.unwrap();
    assert_eq!((extent.first, extent.last, extent.missing()), (4, 6, 3));
}

#[tokio::test]
async fn a_walk_gives_every_message_of_a_subject_between_two_points() {
    let nats = NatsServer::start().await;
    let js = jetstream::new(nats.connect().await);
    stream(&js).await;
    filled(&js, 9).await;
    let past = Past::new(js.clone(), STREAM);
    let walked = async |from, up_to| {
        let mut seqs = Vec::new();
        past.walk("past.odd", from, up_to, |message| {
            seqs.push(message.seq);
            Ok(seqs.len() < 3)
        })
        .await
        .unwrap();
        seqs
    };
    assert_eq!(walked(1, 4).await, [1, 3]);
    assert_eq!(walked(2, 7).await, [3, 5, 7]);
    assert_eq!(walked(1, u64::MAX).await, [1, 3, 5], "until it has had enough");
    assert!(walked(10, u64::MAX).await.is_empty());
}
