//! What lives from the same content: backups, blobs, streams of earlier releases, other nodes.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use alluvium_blackbox::cluster::Cluster;
use alluvium_blackbox::{ADMIN, World, binary};
use alluvium_testing::{Alluvium, NatsServer, Postgres};
use async_nats::jetstream;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_purged_log_restores_onto_an_empty_machine() {
    let world = World::start().await;
    let before = filled(&world).await;
    cli(&world, &RUN);
    rows_of_t(&world, 200..210).await;
    let after = reads(&world, T, 51).await;
    assert_ne!(before, after);
    let place = tempfile::tempdir().expect("a temporary directory");
    let (backup, data) = (place.path().join("backup"), tempfile::tempdir().expect("a temporary directory"));
    let data_dir = data.path().join("data");
    let command = |nats: &str, data: &Path, args: &[&str]| {
        let output = Command::new(binary())
            .args(["--nats", nats])
            .args(args)
            .env("ALLUVIUM_DATA_DIR", data)
            .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
            .env("NO_COLOR", "1")
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{args:?}: {}", text(&output));
    };
    let target = backup.to_str().expect("UTF-8");
    command(&world.nats.url(), world.data.path(), &["backup", "create", target]);
    command(&world.nats.url(), world.data.path(), &["backup", "verify", target]);
    let nats = NatsServer::start().await;
    command(&nats.url(), &data_dir, &["backup", "restore", target]);
    let postgres = Postgres::shared().await;
    let alluvium = Alluvium::builder(binary())
        .args(["serve"])
        .env("ALLUVIUM_NATS_URL", nats.url())
        .env("ALLUVIUM_POSTGRES_URL", postgres.database().await)
        .env("ALLUVIUM_DATA_DIR", &data_dir)
        .env("ALLUVIUM_ADMIN_KEY", ADMIN)
        .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        .start()
        .await;
    let restored = alluvium_blackbox::Cli::at(alluvium.url(), nats.url());
    let began = std::time::Instant::now();
    let query = || restored.run(&["--output", "json", "--project", "p", "tables", "query", T]);
    while serde_json::from_slice::<Value>(&query().stdout).ok().as_ref() != Some(&after) {
        assert!(began.elapsed().as_secs() < 60, "{}\n{}", text(&query()), alluvium.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for args in [&["projections", "verify", "--all"][..], &["log", "verify"]] {
        let output = restored.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output));
    }
    // The restored log goes on being purged.
    let report = json_of(&restored.run(&[&["--output", "json"][..], &RUN[..6], &["5"]].concat()), 0);
    assert_eq!(report["failed"], 0, "{report}");
    assert!(report["purged_messages"].as_u64() >= Some(10), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_nothing_needs_and_nothing_else() {
    let world = World::start().await;
    let before = filled(&world).await;
    let files = world.get("/projects/p/files").await;
    let file = files["files"][0]["id"].as_str().expect("a file").to_owned();
    let content = std::fs::read_dir(world.data.path().join("blobs"))
        .expect("shelves")
        .map(|shelf| shelf.expect("a shelf"))
        .find(|shelf| shelf.file_name().len() == 2)
        .and_then(|shelf| std::fs::read_dir(shelf.path()).expect("a shelf").next())
        .expect("the uploaded blob")
        .expect("the uploaded blob")
        .path();
    let sweep = |dry: bool| {
        let args = if dry { &["blobs", "sweep", "--dry-run"][..] } else { &["--yes", "blobs", "sweep"] };
        let report = cli(&world, args);
        (report["swept"].as_u64().expect("a number"), report["young"].as_u64().expect("a number"))
    };
    old(&content);
    assert_eq!(sweep(false), (0, 0), "the load needs it, and the file");
    let (status, _) = world.http(Method::DELETE, &format!("/projects/p/files/{file}"), None).await;
    assert!(status.is_success());
    assert_eq!(sweep(false), (0, 0), "the load needs it still: a rebuild would come by");
    cli(&world, &RUN);
    young(&content);
    assert_eq!(sweep(false), (0, 1), "it may be named any moment");
    old(&content);
    assert_eq!(sweep(true), (1, 0));
    assert!(content.exists(), "a dry run removes nothing");
    let stray = world.data.path().join("blobs/00").join("00".repeat(32));
    std::fs::create_dir_all(stray.parent().expect("a shelf")).expect("a shelf");
    std::fs::write(&stray, "nobody's").expect("a blob");
    old(&stray);
    let (kept, _) = checkpoints(&world).await.remove(0);
    old(&blob(world.data.path(), &kept));
    assert_eq!(sweep(false), (2, 0));
    assert!(!content.exists() && !stray.exists() && blob(world.data.path(), &kept).exists());
    succeeds(&world, &["projections", "rebuild", "--all", "--yes"]);
    world.verify();
    assert_eq!(world.query("p", T).await, before);

    // Life goes on: a load of the same content, then a checkpoint beyond the first, which is then free.
    let file = world.upload("p", "more.csv", b"id,size,note\n100,1,a\n101,2,b\n".to_vec()).await;
    world.post(&format!("{TABLES}/t/import/file"), &json!({ "file_id": file })).await;
    rows_of_t(&world, 600..630).await;
    let last = reads(&world, T, 32).await;
    cli(&world, &RUN);
    old(&blob(world.data.path(), &kept));
    assert_eq!(sweep(false), (1, 0), "the checkpoint that nobody begins at any more");
    succeeds(&world, &["projections", "rebuild", "tables", "--yes"]);
    world.verify();
    assert_eq!(world.query("p", T).await, last);
    let backup = world.data.path().join("backup");
    let made = Command::new(binary())
        .args(["--nats", &world.nats.url(), "backup", "create", backup.to_str().expect("UTF-8")])
        .env("ALLUVIUM_DATA_DIR", world.data.path())
        .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        .output()
        .expect("it runs");
    assert!(made.status.success(), "blobs that were swept are not missed: {}", text(&made));
}

fn old(path: &Path) {
    touched(path, SystemTime::now() - Duration::from_hours(25));
}

fn young(path: &Path) {
    touched(path, SystemTime::now());
}

fn touched(path: &Path, at: SystemTime) {
    let file = std::fs::File::options().write(true).open(path).expect("the blob");
    file.set_modified(at).expect("its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_an_earlier_release_keeps_its_protection_until_it_is_restored() {
    let nats = NatsServer::start().await;
    let file = std::fs::read(alluvium_blackbox::repository().join("streams/STORAGE.json")).expect("the stream's file");
    let mut config: jetstream::stream::Config = serde_json::from_slice(&file).expect("a stream");
    assert!(!config.deny_purge);
    config.deny_purge = true;
    jetstream::new(nats.connect().await).create_stream(config).await.expect("the stream of an earlier release");
    let data = tempfile::tempdir().expect("a temporary directory");
    let world = World::start_on(nats, Postgres::shared().await, data, &[]).await;
    filled(&world).await;
    let refused = world.cli(&RUN);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
    assert!(text(&refused).contains("storage.purge_denied") && text(&refused).contains("backup"), "{}", text(&refused));
    assert!(checkpoints(&world).await.is_empty(), "nothing is begun that cannot be ended");

    let place = tempfile::tempdir().expect("a temporary directory");
    let backup = place.path().join("backup");
    let run = |nats: &str, data: &Path, args: &[&str]| {
        let output = Command::new(binary())
            .args(["--nats", nats])
            .args(args)
            .env("ALLUVIUM_DATA_DIR", data)
            .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{args:?}: {}", text(&output));
    };
    run(&world.nats.url(), world.data.path(), &["backup", "create", backup.to_str().expect("UTF-8")]);
    let nats = NatsServer::start().await;
    run(&nats.url(), &place.path().join("data"), &["backup", "restore", backup.to_str().expect("UTF-8")]);
    let stream = jetstream::new(nats.connect().await).get_stream("STORAGE").await.expect("the stream");
    assert!(!stream.cached_info().config.deny_purge, "{:?}", stream.cached_info().config);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_begins_at_the_checkpoint() {
    let mut cluster = Cluster::start().await;
    cluster.project("p").await;
    let js = jetstream::new(cluster.nats.connect().await);
    let publish = async |from: u64, to: u64| {
        for n in from..to {
            let row = json!({ "n": n }).to_string();
            js.publish("rows.default.p.b.t", row.into()).await.expect("sent").await.expect("stored");
        }
    };
    publish(0, 40).await;
    let projects = ["p".to_owned()];
    cluster.eventually("the rows are there", || async { cluster.count("p", "t").await == 40 }).await;
    let keeper = cluster.keepers(&projects).await[0].expect("a keeper");
    let url = format!("{}/retention/run", cluster.tables[keeper].url());
    let body = json!({ "keep_seconds": 0, "messages_min": 20 });
    let answer = reqwest::Client::new().post(url).bearer_auth(ADMIN).json(&body).send().await.expect("an answer");
    let report: Value = answer.json().await.expect("JSON");
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(40)), "{report}");
    publish(40, 45).await;
    cluster.tables[keeper].kill();
    cluster.eventually("another keeps it", || async { cluster.count("p", "t").await == 45 }).await;
    let other = &cluster.tables[1 - keeper];
    let told = "the table begins at a checkpoint";
    cluster.eventually("it says where it began", || async { other.output().contains(told) }).await;
    let sum = cluster.query("p", "SELECT sum(n) FROM b.t", None).await;
    assert_eq!(sum[0][0], json!((0..45).sum::<u64>()));
}
