//! Messages that cannot be applied.

use std::time::Duration;

use alluvium_blackbox::World;
use serde_json::json;

use crate::support::*;

async fn two_tables() -> World {
    let world = World::start().await;
    world.project("p").await;
    for table in ["t", "u"] {
        world.table("p", table, &[("n", "BIGINT")], &[]).await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_rows_become_dead_letters_and_everything_else_goes_on() {
    let mut world = two_tables().await;
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    let bad: [&[u8]; 4] =
        [b"{\"n\": \"no number\"}", b"{\"n\": ", b"\xc3\x01\x00\x00\x00\x00\x00\x00\x00\x00junk", b"ARROW1 no"];
    for (n, payload) in bad.iter().enumerate() {
        let sent = jetstream.publish("rows.default.p.b.t", payload.to_vec().into()).await.expect("a publish");
        sent.await.expect("an ack");
        let from = n as u64 * 10;
        publish_rows(world.nats.url(), "t", from..from + 10, Duration::ZERO).await;
    }
    publish_rows(world.nats.url(), "u", 0..10, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 40).await;
    counts(&world, "SELECT count(*) FROM b.u", 10).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    publish_rows(world.nats.url(), "t", 40..50, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 50).await;
    let letters = jetstream.get_stream("DLQ").await.expect("the stream of dead letters");
    assert_eq!(letters.cached_info().state.messages, 4, "each bad message once");
    let letter = letters.get_raw_message(1).await.expect("a letter");
    let reason = letter.headers.get("Alv-Reason-Code").map(|code| code.as_str().to_owned());
    assert!(reason.is_some_and(|code| code.starts_with("storage.")), "{:?}", letter.headers);
    assert!(ready(&world, "tables").await.0, "nothing stands still");
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_parks_one_key_and_everything_else_goes_on() {
    let mut world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    publish_rows(world.nats.url(), "t", 0..10, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 10).await;
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    let stream = jetstream.get_stream("STORAGE").await.expect("the log");
    let subjects = stream.info_with_subjects("ev.default.storage.*.table.*").await.expect("its subjects");
    let subject =
        futures::StreamExt::next(&mut std::pin::pin!(subjects)).await.expect("the table's").expect("a name").0;
    jetstream.publish(subject, "not what anybody can read".into()).await.expect("a publish").await.expect("an ack");
    world.table("p", "u", &[("n", "BIGINT")], &[]).await;

    let stands = || async {
        let (ready, _, detail) = ready(&world, "tables").await;
        ready && detail.contains("1 stand still")
    };
    world.eventually("the table stands still", stands).await;
    let tables = projection(&world, "tables").await;
    assert_eq!(tables["parked_keys"], json!(1), "{tables}");
    let parked = world.get("/projections/tables/parked").await;
    assert_eq!(parked["parked"][0]["key"], "rows.default.p.b.t", "{parked}");
    let catalogue = projection(&world, "storage").await;
    assert_eq!((&catalogue["parked"], &catalogue["parked_keys"]), (&json!(1), &json!(1)), "{catalogue}");

    publish_rows(world.nats.url(), "t", 10..20, Duration::ZERO).await;
    publish_rows(world.nats.url(), "u", 0..10, Duration::ZERO).await;
    world.post(BUCKETS, &json!({ "name": "after" })).await;
    counts(&world, "SELECT count(*) FROM b.u", 10).await;
    assert_eq!(number(&world, "SELECT count(*) FROM b.t").await, Some(10), "what was there stays readable");
    let add = json!({ "project": "p", "bucket": "b", "table": "t", "column": { "name": "m", "type": "BIGINT", "nullable": true } });
    let command = ask(&world, "/commands/storage/AddColumn", Some(&add), None).await;
    assert!(command.status >= 400 && !command.code().is_empty(), "the table takes no command: {command:?}");
    assert!(command.took < ANSWER_MAX, "{command:?}");
    let add = json!({ "project": "p", "bucket": "b", "table": "u", "column": { "name": "m", "type": "BIGINT", "nullable": true } });
    assert_eq!(ask(&world, "/commands/storage/AddColumn", Some(&add), None).await.status, 200);

    world.alluvium.kill();
    world.alluvium.restart().await;
    publish_rows(world.nats.url(), "u", 10..20, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.u", 20).await;
    assert_eq!(number(&world, "SELECT count(*) FROM b.t").await, Some(10));
}
