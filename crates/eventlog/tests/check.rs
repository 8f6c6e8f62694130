//! Checking a log on a real server: what somebody took away shows, what a purge recorded does not.

use alluvium_eventlog::check::{BreakKind, Checked, Recorded, Seen, check};
use alluvium_kernel::{Chain, header};
use alluvium_messaging::{Commit, Contract as _, chain_after};
use alluvium_testing::NatsServer;
use async_nats::HeaderMap;
use async_nats::jetstream::{self, stream::Config};

/// A stream like `STORAGE`, without the protection that keeps tests from damaging it.
fn config() -> Config {
    Config {
        name: "LOG".into(),
        subjects: vec!["ev.>".into(), "rows.>".into()],
        allow_direct: true,
        ..Config::default()
    }
}

/// Commits of one subject with rows between them: 1 and 4 and 7 are commits, 2, 3, 5, 6 are rows.
async fn filled(nats: &NatsServer) -> jetstream::Context {
    let js = jetstream::new(nats.connect().await);
    js.create_stream(config()).await.expect("a stream");
    let (mut chain, mut before) = (Chain::start(), 0);
    for _ in 0..3 {
        let payload = Commit { entries: vec![] }.to_avro();
        let mut headers = HeaderMap::new();
        headers.insert(header::TYPES, "Nothing");
        chain = chain_after(&chain, &payload, &headers);
        headers.insert(header::CHAIN, chain.as_str());
        headers.insert("Nats-Expected-Last-Subject-Sequence", before.to_string());
        let subject = "ev.default.storage.000.table.t";
        let ack = js.publish_with_headers(subject, headers, payload.into()).await.expect("a publish");
        before = ack.await.expect("an acknowledgement").sequence;
        for _ in 0..2 {
            js.publish("rows.default.p.b.t", "{}".into()).await.expect("a publish").await.expect("an acknowledgement");
        }
    }
    js
}

async fn found(js: &jetstream::Context, filter: Option<&str>) -> Vec<(u64, BreakKind)> {
    found_with(js, filter, Recorded::default()).await
}

async fn found_with(js: &jetstream::Context, filter: Option<&str>, recorded: Recorded) -> Vec<(u64, BreakKind)> {
    let what = Checked { stream: "LOG".into(), filter: filter.map(str::to_owned), to: None, recorded };
    let mut found = Vec::new();
    let summary = check(js, &what, |seen| {
        if let Seen::Break(one) = seen {
            found.push((one.seq, one.kind));
        }
    });
    assert!(summary.await.expect("the server answers").is_some(), "there is such a stream");
    found
}

#[tokio::test]
async fn what_was_taken_away_shows_unless_its_purge_was_recorded() {
    let nats = NatsServer::start().await;
    let js = filled(&nats).await;
    assert_eq!(found(&js, None).await, []);
    let stream = js.get_stream("LOG").await.expect("the stream");
    stream.delete_message(3).await.expect("a deletion");
    assert_eq!(found(&js, None).await, [(4, BreakKind::Missing)], "rows have no chain, but leave a hole");
    assert_eq!(found(&js, Some("ev.>")).await, []);
    let floors = [("rows.default.p.b.t".to_owned(), 3)];
    let recorded = |messages| Recorded { messages, up_to: 3, floors: floors.clone().into() };
    assert_eq!(
        found_with(&js, None, recorded(2)).await,
        [],
        "a recorded purge took it, or will take the other one too"
    );
    assert_eq!(found_with(&js, None, recorded(1)).await, [(3, BreakKind::Missing)], "the other one was all there was");
    stream.delete_message(4).await.expect("a deletion");
    assert_eq!(found(&js, None).await, [(5, BreakKind::Missing), (7, BreakKind::Missing)]);
    assert_eq!(found(&js, Some("ev.default.storage.000.table.t")).await, [(7, BreakKind::Missing)]);
    stream.delete_message(9).await.expect("a deletion");
    assert_eq!(found(&js, None).await.last(), Some(&(9, BreakKind::Missing)), "the end is looked at too");
    let what = Checked { stream: "NOPE".into(), filter: None, to: None, recorded: Recorded::default() };
    assert!(check(&js, &what, |_| {}).await.expect("the server answers").is_none());
}
