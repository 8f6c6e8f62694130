//! Disks are full.

use std::time::Duration;

use alluvium_blackbox::World;
use alluvium_testing::{NatsServer, Postgres};
use reqwest::Method;
use serde_json::json;

use crate::support::*;

const DISK_MIB: u64 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_data_disk_is_507_nothing_is_half_written_and_it_recovers() {
    let data = tempfile::tempdir().expect("a directory");
    let Some(disk) = SmallDisk::mount(data.path(), DISK_MIB) else { return };
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &[]).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    publish_rows(world.nats.url(), "t", 0..10, Duration::ZERO).await;
    counts(&world, "SELECT count(*) FROM b.t", 10).await;
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    let last = || async {
        let stream = jetstream.get_stream("STORAGE").await.expect("the log");
        stream.cached_info().state.last_sequence
    };
    let before = last().await;
    disk.fill(0);

    let bucket = json!({ "name": "more" });
    let write = ask(&world, BUCKETS, Some(&bucket), None).await;
    assert_eq!((write.status, write.code()), (507, "storage_full"), "{write:?}");
    let command = json!({ "project": "p", "bucket": "more" });
    let command = ask(&world, "/commands/storage/CreateBucket", Some(&command), None).await;
    assert_eq!((command.status, command.code()), (507, "platform.storage_full"), "{command:?}");
    assert_eq!(last().await, before, "nothing was written");
    assert_eq!(ask(&world, &format!("{TABLES}/t/preview"), None, None).await.status, 200, "reads go on");

    // Rows that come by NATS are on the log; the table cannot take them in, says so, and takes them when it can.
    let rows: Vec<_> = (0..50_000).map(|n| json!({ "n": 1_000 + n })).collect();
    jetstream
        .publish("rows.default.p.b.t", json!(rows).to_string().into())
        .await
        .expect("a publish")
        .await
        .expect("an ack");
    let why = not_ready(&world, "tables").await;
    assert!(why.contains("full"), "{why}");
    assert_eq!(number(&world, "SELECT count(*) FROM b.t").await, Some(10), "all of a message or nothing");

    disk.free();
    becomes_ready(&world).await;
    counts(&world, "SELECT count(*) FROM b.t", 50_010).await;
    let (again, answer) = world.http(Method::POST, BUCKETS, Some(&bucket)).await;
    assert!(again.is_success(), "the same request succeeds: {again} {answer}");
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_fills_the_disk_is_507_and_leaves_nothing_behind() {
    let data = tempfile::tempdir().expect("a directory");
    let Some(disk) = SmallDisk::mount(data.path(), DISK_MIB) else { return };
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &[]).await;
    world.project("p").await;
    disk.fill(6 << 10);
    let prepared = world.post("/projects/p/files/prepare", &json!({ "filename": "big" })).await;
    let url = format!("{}{}", world.alluvium.url(), prepared["upload_url"].as_str().expect("a url"));
    // Told in advance, and found out on the way: without a declared length nobody knows before the disk does.
    for streamed in [false, true] {
        let content = vec![b'x'; 8 << 20];
        let part = if streamed {
            let chunks =
                content.chunks(1 << 20).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
            reqwest::multipart::Part::stream(reqwest::Body::wrap_stream(futures::stream::iter(chunks)))
        } else {
            reqwest::multipart::Part::bytes(content)
        };
        let form = reqwest::multipart::Form::new().part("file", part.file_name("big"));
        let client = reqwest::Client::new().post(&url).bearer_auth(alluvium_blackbox::ADMIN).multipart(form);
        let answer = client.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 507, "streamed: {streamed}");
        let left = std::fs::read_dir(world.data.path().join("blobs/incoming")).expect("the directory").count();
        assert_eq!(left, 0, "nothing is left half written");
    }
    disk.free();
    let id = world.upload("p", "big", vec![b'x'; 8 << 20]).await;
    assert_eq!(world.get(&format!("/projects/p/files/{id}")).await["size_bytes"], 8 << 20);
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_at_its_limit_is_507_and_recovers_when_space_returns() {
    let mut disk = None;
    let nats = NatsServer::start_with(|options| {
        std::fs::create_dir_all(&options.directory).expect("its directory");
        disk = SmallDisk::mount(&options.directory, DISK_MIB);
    })
    .await;
    if disk.is_none() {
        return;
    }
    let data = tempfile::tempdir().expect("a directory");
    let world = World::start_on(nats, Postgres::shared().await, data, &[]).await;
    world.project("p").await;
    let jetstream = async_nats::jetstream::new(world.nats.connect().await);
    let config = async_nats::jetstream::stream::Config {
        name: "HOG".into(),
        subjects: vec!["hog".into()],
        ..Default::default()
    };
    jetstream.create_stream(config).await.expect("a stream that takes all the space");
    let block = vec![b'x'; 512 << 10];
    while jetstream.publish("hog", block.clone().into()).await.expect("a publish").await.is_ok() {}

    let bucket = json!({ "project": "p", "bucket": "more" });
    let command = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), Some("more")).await;
    assert_eq!((command.status, command.code()), (507, "platform.storage_full"), "{command:?}");
    assert!(command.took < ANSWER_MAX);
    assert_eq!(ask(&world, BUCKETS, None, None).await.status, 200, "reads go on");
    jetstream.delete_stream("HOG").await.expect("it goes");
    becomes_ready(&world).await;
    let again = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), Some("more")).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("accepted")), "{again:?}");
    world.verify();
    drop(world);
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_nats_is_503_and_loses_nothing_acknowledged() {
    let mut disk = None;
    let nats = NatsServer::start_with(|options| {
        std::fs::create_dir_all(&options.directory).expect("its directory");
        disk = SmallDisk::mount(&options.directory, DISK_MIB);
    })
    .await;
    let Some(disk) = disk else { return };
    let data = tempfile::tempdir().expect("a directory");
    let mut world = World::start_on(nats, Postgres::shared().await, data, &[]).await;
    world.project("p").await;
    world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    publish_rows(world.nats.url(), "t", 0..100, Duration::ZERO).await;
    let rows = tokio::spawn(publish_rows(world.nats.url(), "t", 100..400, Duration::from_millis(3)));
    disk.fill(0);
    // The server does not say that its disk is full: it does not answer.
    let bucket = json!({ "project": "p", "bucket": "more" });
    let began = std::time::Instant::now();
    let mut refused = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), Some("more")).await;
    while refused.status == 200 && began.elapsed() < RECOVERY_MAX {
        // A write may still fit the last block that the server has.
        let body = json!({ "project": "p", "bucket": format!("fits-{}", uuid::Uuid::new_v4()) });
        refused = ask(&world, "/commands/storage/CreateBucket", Some(&body), None).await;
    }
    assert!([503, 507].contains(&refused.status) && refused.took < ANSWER_MAX, "{refused:?}");
    assert!(!refused.code().is_empty());
    let why = not_ready(&world, "commands.storage").await;
    assert!(why.contains("lease"), "{why}");
    assert_eq!(ask(&world, BUCKETS, None, None).await.status, 200, "reads go on");
    disk.free();
    world.nats.restart().await;
    becomes_ready(&world).await;
    rows.await.expect("publishers resume");
    let again = ask(&world, "/commands/storage/CreateBucket", Some(&bucket), Some("more")).await;
    assert_eq!((again.status, &again.body["status"]), (200, &json!("accepted")), "{again:?}");
    counts(&world, "SELECT count(*) FROM b.t", 400).await;
    counts(&world, "SELECT count(DISTINCT n) FROM b.t", 400).await;
    world.verify();
    drop(world);
    drop(disk);
}
