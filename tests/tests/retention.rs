//! Rows below a checkpoint go from the log, and everything that can still be asked is answered as before: by readers, rebuilds,
//! backups, after crashes. What goes without a word is found.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use alluvium_blackbox::cluster::Cluster;
use alluvium_blackbox::{ADMIN, World, binary};
use alluvium_testing::{Alluvium, NatsServer, Postgres};
use async_nats::jetstream;
use futures::TryStreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";
const ROWS_OF_T: &str = "rows.default.p.b.t";
const ROWS_OF_OTHER: &str = "rows.default.p.b.other";
const T: &str = "SELECT count(*) AS n, sum(id) AS ids, sum(size) AS sizes, max(note) AS note FROM b.t";
const OTHER: &str = "SELECT count(*) AS n, sum(n) AS total FROM b.other";
/// A run without a window that leaves the table of few rows alone.
const RUN: [&str; 7] = ["--yes", "retention", "run", "--keep", "0s", "--messages-min", "20"];

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command prints as JSON; it must end with this exit code.
fn json_of(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|cause| panic!("{cause}: {}", text(output)))
}

fn cli(world: &World, args: &[&str]) -> Value {
    json_of(&world.cli(&[&["--output", "json"][..], args].concat()), 0)
}

fn succeeds(world: &World, args: &[&str]) {
    let output = world.cli(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
}

async fn log(world: &World) -> jetstream::Context {
    jetstream::new(world.nats.connect().await)
}

async fn publish(world: &World, subject: &str, rows: impl Iterator<Item = Value>) {
    let js = log(world).await;
    for row in rows {
        js.publish(subject.to_owned(), row.to_string().into()).await.expect("sent").await.expect("stored");
    }
}

async fn rows_of_t(world: &World, ids: std::ops::Range<u64>) {
    publish(world, ROWS_OF_T, ids.map(|id| json!({ "id": id, "size": id * 10 }))).await;
}

/// Messages of a subject that the stream has.
async fn messages(world: &World, subject: &str) -> usize {
    let stream = log(world).await.get_stream("STORAGE").await.expect("the stream");
    let info = stream.info_with_subjects(subject).await.expect("its subjects");
    let counts: Vec<(String, usize)> = info.try_collect().await.expect("counts");
    counts.into_iter().map(|(_, count)| count).sum()
}

async fn position(world: &World) -> String {
    let streams = world.get("/streams").await;
    let storage = streams["streams"].as_array().expect("streams").iter().find(|stream| stream["name"] == "STORAGE");
    format!("STORAGE:{}", storage.expect("STORAGE")["last_seq"])
}

async fn reads(world: &World, sql: &str, n: u64) -> Value {
    world.eventually("the rows are there", async || world.query("p", sql).await[0]["n"] == json!(n)).await;
    world.query("p", sql).await
}

/// Two tables whose messages stand between each other: `t` with rows, a load, a delete by a column that is dropped later, and a
/// column more; `other` with a few rows.
async fn filled(world: &World) -> Value {
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT"), ("size", "BIGINT"), ("kind", "VARCHAR")], &["id"]).await;
    world.table("p", "other", &[("n", "BIGINT")], &[]).await;
    rows_of_t(world, 0..20).await;
    publish(world, ROWS_OF_OTHER, (0..5).map(|n| json!({ "n": n }))).await;
    let file = world.upload("p", "more.csv", b"id,size,kind\n100,1,a\n101,2,b\n102,3,b\n".to_vec()).await;
    let load = json!({ "file_id": file, "import_options": { "incremental": true } });
    world.post(&format!("{TABLES}/t/import/file"), &load).await;
    let gone = json!({ "where_clause": "kind = 'b'" });
    let (status, answer) = world.http(Method::DELETE, &format!("{TABLES}/t/rows"), Some(&gone)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (status, answer) = world.http(Method::DELETE, &format!("{TABLES}/t/columns/kind"), None).await;
    assert!(status.is_success(), "{answer}");
    let note = json!({ "name": "note", "type": "VARCHAR", "nullable": true });
    world.post(&format!("{TABLES}/t/columns"), &note).await;
    rows_of_t(world, 20..40).await;
    publish(world, ROWS_OF_T, std::iter::once(json!({ "id": 5, "size": 7, "note": "changed" }))).await;
    reads(world, OTHER, 5).await;
    world.eventually("the last row", async || world.query("p", T).await[0]["note"] == json!("changed")).await;
    reads(world, T, 41).await
}

/// The table's file in the data directory.
fn file_of(world: &World, table: &str) -> PathBuf {
    let tables = world.data.path().join("tables");
    let mut generations: Vec<PathBuf> =
        std::fs::read_dir(&tables).expect("tables").map(|entry| entry.expect("an entry").path()).collect();
    generations.sort();
    let live: Value = std::fs::read(tables.join("active.json"))
        .map_or(json!({ "generation": 1 }), |text| serde_json::from_slice(&text).expect("JSON"));
    let bucket = tables.join(format!("g{}/default/p/b", live["generation"]));
    let files = std::fs::read_dir(&bucket).expect("a bucket").map(|entry| entry.expect("an entry").path());
    let is_it = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{table}.")))
            && path.extension().is_some_and(|kind| kind == "duckdb")
    };
    files.into_iter().find(is_it).expect("the table's file")
}

/// The blobs of checkpoints, as the log names them.
async fn checkpoints(world: &World) -> Vec<(String, u64)> {
    let events = world.get("/events?subject=ev.default.storage.>&type=TableCheckpointed&limit=1000").await;
    let named = |event: &Value| {
        (event["event"]["blob"].as_str().expect("a blob").to_owned(), event["event"]["seq"].as_u64().expect("a seq"))
    };
    events["events"].as_array().expect("events").iter().map(named).collect()
}

fn blob(data: &Path, id: &str) -> PathBuf {
    data.join("blobs").join(&id[..2]).join(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_below_a_checkpoint_go_and_everything_is_read_as_before() {
    let mut world = World::start().await;
    let before = filled(&world).await;
    // Before the last message of the table, which the checkpoint will hold.
    let last: u64 = position(&world).await.trim_start_matches("STORAGE:").parse().expect("a sequence");
    let early = format!("STORAGE:{}", last - 1);
    assert_eq!(messages(&world, ROWS_OF_T).await, 41);
    let plan = cli(&world, &["retention", "plan", "--keep", "0s", "--messages-min", "20"]);
    let planned = plan.as_array().expect("tables").iter().find(|table| table["table"] == ROWS_OF_T).expect("t");
    assert_eq!((&planned["would_checkpoint"], &planned["would_purge_messages"]), (&json!(true), &json!(41)));
    assert!(planned["would_purge_bytes_about"].as_u64() > Some(400), "{planned}");
    assert_eq!(messages(&world, ROWS_OF_T).await, 41, "a plan changes nothing");

    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(41)), "{report}");
    assert_eq!((messages(&world, ROWS_OF_T).await, messages(&world, ROWS_OF_OTHER).await), (0, 5));
    assert_eq!(world.query("p", T).await, before);
    let shown = world.get("/retention").await;
    let kept = shown["tables"].as_array().expect("tables").iter().find(|table| table["table"] == ROWS_OF_T);
    assert_eq!(kept.expect("t")["checkpoints"], 1, "{shown}");
    // A second run finds nothing to do.
    assert_eq!(cli(&world, &RUN)["tables"], json!([]));

    rows_of_t(&world, 200..210).await;
    let after = reads(&world, T, 51).await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(reads(&world, T, 51).await, after);
    world.verify();
    succeeds(&world, &["log", "verify"]);
    succeeds(&world, &["projections", "rebuild", "--all", "--yes"]);
    world.verify();
    assert_eq!(world.query("p", T).await, after);

    // Earlier points: of this table from the floor on, of the others all.
    let (status, answer) = world.http(Method::GET, &format!("{TABLES}/t/preview?as_of={early}"), None).await;
    assert_eq!(status, StatusCode::GONE, "{answer}");
    let asked = json!({ "query": T, "as_of": early });
    let (_, answer) = world.http(Method::POST, "/projects/p/query", Some(&asked)).await;
    assert_eq!(answer["error"], "version_expired", "{answer}");
    let at = answer["details"]["oldest"].as_str().expect("the oldest point").to_owned();
    assert_eq!(at, format!("STORAGE:{last}"));
    let query = |sql: &'static str, at: &str| cli(&world, &["--project", "p", "tables", "query", sql, "--at", at]);
    assert_eq!(query(T, &at), before);
    assert_eq!(query(T, &position(&world).await), after);
    assert_eq!(query(OTHER, &early)[0]["n"], 5, "another table is not concerned");
    let expired = world.cli(&["--project", "p", "tables", "query", T, "--at", &early]);
    assert!(text(&expired).contains("storage.version_expired"), "{}", text(&expired));

    // The file is lost: it is folded again, from the checkpoint on.
    std::fs::remove_file(file_of(&world, "t")).expect("the file goes");
    world.alluvium.kill();
    world.alluvium.restart().await;
    rows_of_t(&world, 300..301).await;
    world
        .eventually("the table is back", async || {
            let asked = json!({ "query": T });
            let (_, answer) = world.http(Method::POST, "/projects/p/query", Some(&asked)).await;
            answer["data"]["rows"][0][0] == json!(52)
        })
        .await;
    world.verify();
    // And once more: a second checkpoint takes the place of the first.
    rows_of_t(&world, 400..430).await;
    let last = reads(&world, T, 82).await;
    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(41)), "{report}");
    succeeds(&world, &["projections", "rebuild", "tables", "--yes"]);
    world.verify();
    succeeds(&world, &["log", "verify"]);
    assert_eq!(world.query("p", T).await, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_as_long_as_the_window_says() {
    let world =
        World::closed_with(&[("ALLUVIUM_RETENTION_KEEP", "1h"), ("ALLUVIUM_RETENTION_MESSAGES_MIN", "20")]).await;
    world.command("access", "GrantPublishers", &json!({ "rights": "all" })).await;
    let early = position(&world).await;
    let before = filled(&world).await;
    let report = cli(&world, &["--yes", "retention", "run"]);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(cli(&world, &["--yes", "retention", "run"])["tables"], json!([]), "one checkpoint is enough for now");
    assert_eq!(messages(&world, ROWS_OF_T).await, 41);
    assert!(early.starts_with("STORAGE:"));
    assert_eq!(cli(&world, &["--project", "p", "tables", "query", T, "--at", "now"]), before);
    // A shorter window, for once: now the checkpoint is older than it.
    let report = cli(&world, &["--yes", "retention", "run", "--keep", "0s"]);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(0), &json!(41)), "{report}");
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_somebody_else_took_are_found_and_the_remedy_works() {
    let world = World::start().await;
    let before = filled(&world).await;
    cli(&world, &RUN);
    let js = log(&world).await;
    let stream = js.get_stream("STORAGE").await.expect("the stream");
    let first = stream.get_first_raw_message_by_subject(ROWS_OF_OTHER, 1).await.expect("a row").sequence;
    assert!(stream.delete_message(first).await.is_err(), "single messages cannot be deleted");
    stream.purge().filter(ROWS_OF_OTHER).sequence(first + 1).await.expect("a purge behind our back");
    let state = async || {
        let all = world.get("/projections").await;
        let found =
            all["projections"].as_array().expect("projections").iter().find(|one| one["name"] == "tables").cloned();
        found.expect("tables")
    };
    world.eventually("it is found", async || state().await["state"] == "quarantined").await;
    let error = state().await["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("1 messages are missing") && error.contains("rebuild"), "{error}");
    let verified = world.cli(&["log", "verify"]);
    assert_eq!(verified.status.code(), Some(10), "{}", text(&verified));
    let refused = world.cli(&RUN);
    assert_ne!(refused.status.code(), Some(0), "nothing more is purged now: {}", text(&refused));
    succeeds(&world, &["projections", "rebuild", "tables", "--accept-differences", "--yes"]);
    world.eventually("it goes on", async || state().await["state"] == "running").await;
    assert_eq!(world.query("p", T).await, before);
    assert_eq!(world.query("p", OTHER).await[0]["n"], 4, "what is lost is lost");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(state().await["state"], "running", "and accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_its_checkpoint_is_parked_and_comes_back_with_it() {
    let mut world = World::start().await;
    let before = filled(&world).await;
    cli(&world, &RUN);
    let (id, _) = checkpoints(&world).await.remove(0);
    let (there, away) = (blob(world.data.path(), &id), world.data.path().join("away"));
    for damage in ["gone", "altered"] {
        if damage == "gone" {
            std::fs::rename(&there, &away).expect("the blob goes");
        } else {
            std::fs::write(&there, "something else").expect("the blob is overwritten");
        }
        world.alluvium.kill();
        std::fs::remove_file(file_of(&world, "t")).expect("the file goes");
        world.alluvium.restart_until("/health").await;
        let asked = json!({ "query": T });
        let code = async || {
            let (_, answer) = world.http(Method::POST, "/projects/p/query", Some(&asked)).await;
            answer.to_string()
        };
        world.eventually("it is said", async || code().await.contains("checkpoint")).await;
        let parked = world.get("/projections/tables/parked").await;
        assert_eq!(parked["parked"][0]["code"], "storage.checkpoint_lost", "{damage}: {parked}");
        assert_eq!(reads(&world, OTHER, 5).await[0]["n"], 5, "the others go on");
        if damage == "gone" {
            std::fs::rename(&away, &there).expect("the blob is back");
            std::fs::copy(&there, &away).expect("a copy");
        } else {
            std::fs::copy(&away, &there).expect("the blob is back");
        }
        succeeds(&world, &["projections", "retry", "tables", ROWS_OF_T]);
        assert_eq!(reads(&world, T, 41).await, before);
    }
    rows_of_t(&world, 500..501).await;
    reads(&world, T, 42).await;
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_note_and_the_purge_leaves_something_to_finish() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let postgres = std::sync::Arc::new(Postgres::start().await);
    let mut world = World::start_on(NatsServer::start().await, postgres, data, &[]).await;
    let before = filled(&world).await;
    let js = log(&world).await;
    let terminal = world.terminal();
    std::sync::Arc::get_mut(&mut world.postgres).expect("it is ours alone").pause();
    let running = tokio::task::spawn_blocking(move || terminal.run(&RUN));
    let stream = js.get_stream("STORAGE").await.expect("the stream");
    let noted = async || {
        let told = stream.get_last_raw_message_by_subject("ev.default.storage.*.retention.*").await;
        told.is_ok_and(|message| message.headers.get("Alv-Types").is_some_and(|types| types.as_str() == "RowsPurged"))
    };
    world.eventually("the purge is noted", noted).await;
    assert_eq!(messages(&world, ROWS_OF_T).await, 41, "the catalogue is not past the note: nothing goes yet");
    world.alluvium.kill();
    std::sync::Arc::get_mut(&mut world.postgres).expect("it is ours alone").resume();
    let output = running.await.expect("the command ends");
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
    world.alluvium.restart().await;
    assert_eq!(reads(&world, T, 41).await, before);
    succeeds(&world, &["log", "verify"]);
    world.verify();
    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(0), &json!(41)), "{report}");
    assert_eq!(messages(&world, ROWS_OF_T).await, 0);
    succeeds(&world, &["log", "verify"]);
    world.verify();
}

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
async fn rows_of_dropped_tables_go_and_a_new_table_of_the_name_is_itself() {
    let mut world = World::start().await;
    filled(&world).await;
    // A snapshot of what is dropped would need its rows.
    let none = json!({ "auto_snapshot_triggers": { "drop_table": false } });
    let (status, _) = world.http(Method::PUT, "/projects/p/settings/snapshots", Some(&none)).await;
    assert!(status.is_success());
    let (status, _) = world.http(Method::DELETE, &format!("{TABLES}/t"), None).await;
    assert!(status.is_success());
    let (status, _) = world.http(Method::DELETE, &format!("{TABLES}/other"), None).await;
    assert!(status.is_success());
    world.table("p", "t", &[("id", "BIGINT"), ("size", "BIGINT"), ("note", "VARCHAR")], &["id"]).await;
    rows_of_t(&world, 0..30).await;
    let before = reads(&world, T, 30).await;
    let report = cli(&world, &RUN);
    assert_eq!((&report["checkpoints"], &report["purged_messages"]), (&json!(1), &json!(41 + 5 + 30)), "{report}");
    assert_eq!((messages(&world, ROWS_OF_T).await, messages(&world, ROWS_OF_OTHER).await), (0, 0));
    assert_eq!(world.query("p", T).await, before);
    succeeds(&world, &["projections", "rebuild", "--all", "--yes"]);
    world.verify();
    succeeds(&world, &["log", "verify"]);
    world.alluvium.kill();
    world.alluvium.restart().await;
    assert_eq!(reads(&world, T, 30).await, before);
    assert_eq!(cli(&world, &RUN)["tables"], json!([]));
    world.verify();
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

#[tokio::test(flavor = "multi_thread")]
async fn files_of_an_earlier_time_do_not_go_on_over_what_is_gone() {
    let mut world = World::start().await;
    filled(&world).await;
    let (tables, earlier) = (world.data.path().join("tables"), world.data.path().join("earlier"));
    assert!(world.alluvium.stop().await.success());
    let copied = Command::new("cp").arg("-a").args([&tables, &earlier]).status().expect("cp runs");
    assert!(copied.success());
    world.alluvium.restart().await;
    rows_of_t(&world, 200..240).await;
    let before = reads(&world, T, 81).await;
    cli(&world, &RUN);
    assert_eq!(messages(&world, ROWS_OF_T).await, 0);
    assert!(world.alluvium.stop().await.success());
    std::fs::remove_dir_all(&tables).expect("the files go");
    std::fs::rename(&earlier, &tables).expect("earlier ones are put in their place");
    world.alluvium.restart().await;
    // Nobody writes to the table: it must come to where it was by itself.
    assert_eq!(reads(&world, T, 81).await, before);
    world.verify();
    succeeds(&world, &["log", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_runs_by_itself_when_it_is_configured() {
    let envs = [
        ("ALLUVIUM_RETENTION_KEEP", "0s"),
        ("ALLUVIUM_RETENTION_MESSAGES_MIN", "20"),
        ("ALLUVIUM_RETENTION_EVERY_SECONDS", "1"),
    ];
    let world = World::closed_with(&envs).await;
    world.command("access", "GrantPublishers", &json!({ "rights": "all" })).await;
    let before = filled(&world).await;
    world.eventually("rows go", async || messages(&world, ROWS_OF_T).await < 20).await;
    assert_eq!(world.query("p", T).await, before);
    let noted = world.get("/events?subject=ev.default.storage.>&type=RowsPurged&limit=10").await;
    assert!(noted["events"][0]["actor"].to_string().contains("retention"), "{noted}");
    // A run under way meanwhile would be in the way of a comparison.
    world.eventually("all is equal", async || world.cli(&["projections", "verify", "--all"]).status.success()).await;
    succeeds(&world, &["log", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branchs_copy_keeps_what_it_was_made_of_and_takes_nothing_of_the_main_line() {
    let world = World::start().await;
    filled(&world).await;
    let made = world.post("/projects/p/branches", &json!({ "name": "dev" })).await;
    let branch = format!("/projects/p/branches/{}", made["id"].as_str().expect("an id"));
    let table = format!("{branch}/buckets/b/tables/t");
    let gone = json!({ "where_clause": "id < 10" });
    let (status, answer) = world.http(Method::DELETE, &format!("{table}/rows"), Some(&gone)).await;
    assert_eq!((status, &answer["deleted_rows"]), (StatusCode::OK, &json!(10)), "{answer}");
    rows_of_t(&world, 40..60).await;
    let main = reads(&world, T, 61).await;
    for _ in 0..2 {
        succeeds(&world, &RUN);
        assert_eq!(messages(&world, ROWS_OF_T).await, 61, "the copy is folded from them");
    }
    assert_eq!(world.get(&table).await["row_count"], 31);
    world.verify();

    // Nobody can ask for the copy any more; then the main line's rows are its own matter.
    assert_eq!(world.http(Method::DELETE, &branch, None).await.0, StatusCode::NO_CONTENT);
    world
        .eventually("the rows go", async || {
            succeeds(&world, &RUN);
            messages(&world, ROWS_OF_T).await == 0
        })
        .await;
    assert_eq!(world.query("p", T).await, main);
    world.verify();
}
