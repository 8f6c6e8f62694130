//! Reservations on a real server: compare-and-set, forgetting, clearing.

use std::time::Duration;

use alluvium_eventlog::KvReservations;
use alluvium_kernel::{Reservations as _, Reserved};
use alluvium_messaging::{connect, streams};
use alluvium_testing::NatsServer;

const LONG: Duration = Duration::from_mins(10);

#[tokio::test]
async fn a_place_is_written_once_a_revision_and_cleared_below_one() {
    let nats = NatsServer::start().await;
    let config = connect::ConnectConfig { url: nats.url(), name: "test".into(), ..Default::default() };
    let js = connect::jetstream(connect::connect(&config).await.unwrap());
    streams::apply(&js, Some(1)).await.unwrap();
    let kept = KvReservations::new(js);

    assert_eq!(kept.read("t.a.1").await.unwrap(), None);
    let first = kept.write("t.a.1", 0, b"one".to_vec(), LONG).await.unwrap().unwrap();
    assert_eq!(kept.write("t.a.1", 0, b"two".to_vec(), LONG).await.unwrap(), None, "something is there");
    assert_eq!(kept.write("t.a.1", 0, b"one".to_vec(), LONG).await.unwrap(), Some(first), "it is the same");
    let second = kept.write("t.a.1", first, b"two".to_vec(), LONG).await.unwrap().unwrap();
    assert_eq!(kept.write("t.a.1", first, b"three".to_vec(), LONG).await.unwrap(), None);
    assert_eq!(kept.read("t.a.1").await.unwrap(), Some(Reserved { revision: second, value: b"two".to_vec() }));

    kept.write("t.a.2", 0, b"x".to_vec(), LONG).await.unwrap().unwrap();
    kept.write("t.b.1", 0, b"x".to_vec(), LONG).await.unwrap().unwrap();
    let own = kept.write("t.a.3", 0, b"x".to_vec(), LONG).await.unwrap().unwrap();
    kept.clear("t.a.*", own).await.unwrap();
    for (at, there) in [("t.a.1", false), ("t.a.2", false), ("t.a.3", true), ("t.b.1", true)] {
        assert_eq!(kept.read(at).await.unwrap().is_some(), there, "{at}");
    }
    assert!(kept.write("t.a.1", 0, b"anew".to_vec(), LONG).await.unwrap().is_some());

    kept.write("t.c.1", 0, b"brief".to_vec(), Duration::from_secs(1)).await.unwrap().unwrap();
    while kept.read("t.c.1").await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(kept.write("t.c.1", 0, b"after".to_vec(), LONG).await.unwrap().is_some());
}
