//! A backup taken from a platform that works, onto a machine that has nothing: every read answers as before, and a damaged
//! backup is refused.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use alluvium_blackbox::binary;
use alluvium_blackbox::machine::{Machine, cli, expect, text};
use alluvium_testing::{Alluvium, NatsServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Rows published one message a row.
const ROWS: u64 = 3_000;

/// The event by which a bucket was created, which may take a moment.
async fn waiting(machine: &Machine, bucket: &str) -> Value {
    let began = std::time::Instant::now();
    loop {
        let events = machine.get("/events?subject=ev.default.storage.>&type=BucketCreated&limit=1000").await;
        let mut events = events["events"].as_array().expect("events").iter();
        if let Some(event) = events.find(|event| event["event"]["bucket"] == bucket) {
            return event.clone();
        }
        assert!(began.elapsed().as_secs() < 60, "{bucket} never came\n{}", machine.alluvium.output());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Everything that this test's input shows in.
async fn reads(machine: &Machine) -> Vec<Value> {
    let table = "/projects/p/branches/default/buckets/b/tables";
    let mut reads = Vec::new();
    for path in [
        "/projects".to_owned(),
        "/projects/p/branches/default/buckets".to_owned(),
        table.to_owned(),
        format!("{table}/rows"),
        format!("{table}/loaded"),
        "/projects/p/files".to_owned(),
    ] {
        reads.push(without_sizes(machine.get(&path).await));
    }
    for sql in [
        "SELECT count(*) AS n, sum(n) AS s, min(t) AS low, max(t) AS high FROM b.rows",
        "SELECT * FROM b.loaded ORDER BY k",
    ] {
        reads.push(machine.post("/projects/p/query", json!({ "query": sql })).await["data"]["rows"].clone());
    }
    reads
}

/// The size of a table file is the engine's affair: the same rows may take another number of bytes.
fn without_sizes(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            let sized = |name: &str| name.contains("bytes") || name.contains("execution");
            fields.retain(|name, value| !sized(name) || value.is_null());
            fields.values_mut().for_each(|field| *field = without_sizes(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_sizes(item.take())),
        _ => {}
    }
    value
}

/// Real input of every kind: a key, a table of rows published one by one, a table loaded from an uploaded file.
async fn fill(machine: &Machine) -> String {
    machine.post("/commands/access/GrantPublishers", json!({ "rights": "all" })).await;
    let made = machine.post("/projects", json!({ "id": "p", "name": "P" })).await;
    let key = made["api_key"].as_str().expect("the project's first key").to_owned();
    machine.post("/projects/p/branches/default/buckets", json!({ "name": "b" })).await;
    let tables = "/projects/p/branches/default/buckets/b/tables";
    let columns = json!([{ "name": "n", "type": "BIGINT" }, { "name": "t", "type": "VARCHAR" }]);
    machine.post(tables, json!({ "name": "rows", "columns": columns, "primary_key": [] })).await;
    let columns = json!([{ "name": "k", "type": "INTEGER" }, { "name": "v", "type": "VARCHAR" }]);
    machine.post(tables, json!({ "name": "loaded", "columns": columns, "primary_key": ["k"] })).await;
    let jetstream = async_nats::jetstream::new(machine.nats.connect().await);
    let mut acks = Vec::new();
    for n in 0..ROWS {
        let row = json!({ "n": n, "t": format!("row {n}") }).to_string();
        acks.push(jetstream.publish("rows.default.p.b.rows", row.into()).await.expect("a publish"));
    }
    for ack in acks {
        ack.await.expect("an acknowledgement");
    }
    let file = machine.data.join("../loaded.csv");
    std::fs::write(&file, "k,v\n1,one\n2,two\n3,three\n").expect("a file");
    let file = file.display().to_string();
    expect(&machine.cli(&["--project", "p", "tables", "load", "b/loaded", &file]), 0, "");
    until_rows(machine).await;
    key
}

async fn until_rows(machine: &Machine) {
    let began = std::time::Instant::now();
    loop {
        let count = json!({ "query": "SELECT count(*) AS n FROM b.rows" });
        let (status, answer) = machine.ask(&machine.admin(), Method::POST, "/projects/p/query", Some(&count)).await;
        if status.is_success() && answer["data"]["rows"] == json!([[ROWS]]) {
            return;
        }
        assert!(began.elapsed().as_secs() < 60, "the rows never came: {answer}\n{}", machine.alluvium.output());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A part, what happens to it, and the code that it is refused with.
type Damage<'a> = (&'a Path, &'a dyn Fn(&Path), &'a str);

/// Flips one byte in the middle of a file.
fn flip(path: &Path) {
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path).expect("a part");
    let middle = file.metadata().expect("a part").len() / 2;
    let mut byte = [0];
    file.seek(SeekFrom::Start(middle)).expect("a seek");
    file.read_exact(&mut byte).expect("a byte");
    file.seek(SeekFrom::Start(middle)).expect("a seek");
    file.write_all(&[byte[0] ^ 1]).expect("a byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_on_an_empty_machine() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let backup = directory.path().join("backup");
    let backup = backup.to_str().expect("UTF-8");
    let archive = format!("{backup}.tar");
    let mut before = Machine::start(async |_, _| {}).await;
    let key = fill(&before).await;
    let seen = reads(&before).await;
    expect(&before.cli(&["log", "verify"]), 0, "STORAGE");
    expect(&before.cli(&["log", "verify", "rows.>", "-o", "json"]), 0, "\"rows\": 3000");
    expect(&before.cli(&["backup", "create", backup, "--dry-run"]), 0, "stream STORAGE");
    assert!(!Path::new(backup).exists());
    // Somebody goes on writing while the backup is made.
    let jetstream = async_nats::jetstream::new(before.nats.connect().await);
    let writer = tokio::spawn(async move {
        for n in 0..200 {
            let body = json!({ "project": "p", "bucket": format!("late{n}") }).to_string();
            let ack = jetstream.publish("cmd.default.storage.CreateBucket", body.into()).await.expect("a publish");
            ack.await.expect("an acknowledgement");
        }
    });
    let created = tokio::task::block_in_place(|| before.cli(&["backup", "create", backup]));
    expect(&created, 0, "backup");
    writer.await.expect("writing goes on");
    expect(&before.cli(&["backup", "create", backup]), 4, "backup.exists");
    // The other one while the platform is down, with commands that wait for it.
    let admin = before.admin();
    before.alluvium.kill();
    let jetstream = async_nats::jetstream::new(before.nats.connect().await);
    for (name, id) in [("waits", None), ("waits_too", Some("an-id-of-its-own"))] {
        let mut headers = async_nats::HeaderMap::new();
        if let Some(id) = id {
            headers.insert("Nats-Msg-Id", id);
        }
        let body = json!({ "project": "p", "bucket": name }).to_string();
        let subject = "cmd.default.storage.CreateBucket";
        let ack = jetstream.publish_with_headers(subject, headers, body.into()).await.expect("a publish");
        ack.await.expect("an acknowledgement");
    }
    let created = before.cli(&["backup", "create", &archive]);
    expect(&created, 0, "backup");
    assert!(!text(&created).contains(&admin), "a key was printed");
    expect(&cli(&["backup", "verify", backup], directory.path()), 0, "whole");
    expect(&cli(&["backup", "verify", &archive], directory.path()), 0, "whole");
    expect(&before.cli(&["backup", "restore", backup]), 4, "backup.target_not_empty");
    let old = before.data.clone();
    drop(before);
    assert!(!old.exists(), "the machine is gone");

    for backup in [backup, archive.as_str()] {
        let after = Machine::start(async |nats, data| {
            let args = ["--nats", &nats.url(), "backup", "restore", backup];
            expect(&cli(&[&args[..], &["--dry-run"]].concat(), data), 0, "would_restore");
            assert!(!data.exists());
            expect(&cli(&args, data), 0, "restored");
            expect(&cli(&args, data), 4, "backup.target_not_empty");
        })
        .await;
        assert_eq!(after.admin(), admin);
        until_rows(&after).await;
        let late = |read: &Value| {
            read["name"].as_str().is_some_and(|name| name.starts_with("late") || name.starts_with("waits"))
        };
        let mut found = reads(&after).await;
        // What came meanwhile may be in it; what was there before has to be.
        found[1] = buckets_but(&found[1], late);
        let mut reads = seen.clone();
        reads[1] = buckets_but(&reads[1], late);
        for (found, wanted) in found.iter().zip(&reads) {
            assert_eq!(without_counts(found), without_counts(wanted));
        }
        let (status, answer) = after.ask(&key, Method::GET, "/projects/p/branches/default/buckets", None).await;
        assert_eq!(status, StatusCode::OK, "the project's key still opens it: {answer}");
        expect(&after.cli(&["projections", "verify", "--all"]), 0, "");
        expect(&after.cli(&["log", "verify"]), 0, "STORAGE");
        if backup == archive {
            let made = waiting(&after, "waits_too").await;
            assert_eq!(made["command_id"], "an-id-of-its-own");
            let made = waiting(&after, "waits").await["command_id"].as_str().unwrap_or_default().to_owned();
            assert!(made.starts_with("CMD:"), "the id that it always had: {made}");
        }
        // And it works on: a new command on an old aggregate, rows into an old table.
        after.post("/projects/p/branches/default/buckets", json!({ "name": "new" })).await;
        let again = after.get("/projects/p/branches/default/buckets?limit=1000").await;
        assert!(again.to_string().contains("\"new\""), "{again}");
    }
}

fn buckets_but(list: &Value, leave: impl Fn(&Value) -> bool) -> Value {
    let buckets = list["buckets"].as_array().expect("buckets").iter().filter(|bucket| !leave(bucket));
    buckets.cloned().collect()
}

/// Numbers of buckets, which grow while the backup is made.
fn without_counts(value: &Value) -> Value {
    let mut value = value.clone();
    match &mut value {
        Value::Object(fields) => {
            fields.retain(|name, _| !matches!(name.as_str(), "bucket_count" | "updated_at"));
            fields.values_mut().for_each(|field| *field = without_counts(field));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = without_counts(item)),
        _ => {}
    }
    value
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_a_damaged_log_is_told() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let whole = directory.path().join("whole");
    let machine = Machine::start(async |_, _| {}).await;
    fill(&machine).await;
    expect(&machine.cli(&["backup", "create", whole.to_str().expect("UTF-8")]), 0, "");
    let blob = std::fs::read_dir(whole.join("blobs")).expect("blobs").next().expect("a shelf").expect("a shelf").path();
    let blob = std::fs::read_dir(blob).expect("a shelf").next().expect("a blob").expect("a blob").path();
    let snapshot = whole.join("streams/STORAGE.snapshot");
    let cut = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("a part");
        file.set_len(file.metadata().expect("a part").len() / 2).expect("a shorter part");
    };
    let gone = |path: &Path| std::fs::remove_file(path).expect("a part");
    let damages: [Damage<'_>; 6] = [
        (&snapshot, &flip, "backup.damaged"),
        (&snapshot, &cut, "backup.damaged"),
        (&blob, &flip, "backup.damaged"),
        (&blob, &gone, "backup.damaged"),
        (&whole.join("manifest.json"), &flip, "backup.damaged"),
        (&whole.join("manifest.json"), &gone, "backup.not_found"),
    ];
    for (part, damage, code) in damages {
        let kept = std::fs::read(part).expect("a part");
        damage(part);
        let verified = cli(&["backup", "verify", whole.to_str().expect("UTF-8")], directory.path());
        assert!(
            !verified.status.success() && text(&verified).contains(code),
            "{}\n{}",
            part.display(),
            text(&verified)
        );
        let target = directory.path().join("target");
        let args = ["backup", "restore", whole.to_str().expect("UTF-8"), "--embedded"];
        let restored = cli(&args, &target);
        assert!(
            !restored.status.success() && text(&restored).contains(code),
            "{}\n{}",
            part.display(),
            text(&restored)
        );
        assert!(!target.exists(), "nothing is half restored");
        std::fs::write(part, kept).expect("the part as it was");
    }
    let target = directory.path().join("target");
    let args = ["backup", "restore", whole.to_str().expect("UTF-8"), "--embedded"];
    expect(&cli(&args, &target), 0, "restored");
    assert!(target.join("nats").is_dir() && target.join("signing.key").is_file());
    let dev = Alluvium::builder(binary()).args(["dev".as_ref(), "--data".as_ref(), target.as_os_str()]).start().await;
    // Ready is before everything is folded.
    let server = dev.url();
    let query = ["--server", &server, "--project", "p", "tables", "query", "SELECT count(*) AS n FROM b.rows"];
    let began = std::time::Instant::now();
    while !text(&cli(&query, &target)).contains(&ROWS.to_string()) {
        assert!(began.elapsed().as_secs() < 60, "the rows never came: {}", text(&cli(&query, &target)));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    drop(dev);

    // A target that has something, or is to have another key.
    let (nats, other) = (NatsServer::start().await, directory.path().join("other"));
    let nats = nats.url();
    let restore = |name: &str, value: &str| {
        let args = ["--nats", &nats, "backup", "restore", whole.to_str().expect("UTF-8"), "--data"];
        Command::new(binary()).args(args).arg(&other).env(name, value).env("NO_COLOR", "1").output().expect("it runs")
    };
    expect(&restore("ALLUVIUM_POSTGRES_URL", &machine.database), 4, "backup.target_not_empty");
    expect(&restore("ALLUVIUM_SIGNING_KEY", &"07".repeat(32)), 4, "backup.other_signing_key");
    assert!(!other.exists());

    // A log that somebody got into: the message in the middle of a subject is taken out, another is put in.
    let jetstream = async_nats::jetstream::new(machine.nats.connect().await);
    let mut stream = jetstream.get_stream("STORAGE").await.expect("the stream");
    let mut config = stream.info().await.expect("the stream").config.clone();
    config.deny_delete = false;
    // The server does not take off its protection, so the damage is one that needs none of it: a forged commit.
    assert!(jetstream.update_stream(config).await.is_err(), "deny_delete cannot be taken off");
    let events = machine.get("/events?subject=ev.default.storage.*.project.*&limit=1").await;
    let subject = events["events"][0]["subject"].as_str().expect("a subject").to_owned();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Alv-Chain", "00");
    let ack = jetstream.publish_with_headers(subject.clone(), headers, "forged".into()).await.expect("a publish");
    let seq = ack.await.expect("an acknowledgement").sequence;
    let found = machine.cli(&["log", "verify", "-o", "json"]);
    expect(&found, 10, &format!("\"place\": \"STORAGE:{seq}\""));
    expect(&machine.cli(&["log", "verify", &subject]), 10, "altered");
    expect(&machine.cli(&["log", "verify", "EV_ACCESS"]), 0, "");
    let damaged = directory.path().join("damaged");
    expect(&machine.cli(&["backup", "create", damaged.to_str().expect("UTF-8")]), 10, "altered");
    expect(&cli(&["backup", "verify", damaged.to_str().expect("UTF-8")], directory.path()), 10, "altered");
}
