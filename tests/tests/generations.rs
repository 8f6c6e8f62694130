//! Rebuilding every fold, going back and dropping what is left, while everybody writes and reads: no read fails, none goes
//! back, and what comes out is what the log says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

const BUCKETS: &str = "/projects/p/branches/default/buckets";
/// Rows there are before anything begins.
const ROWS_BEFORE: u64 = 5_000;

/// How far the tables may be behind before the publisher waits for them, in messages.
const LAG_MAX: u64 = 2_000;
/// Between fifty rows and the next, so that a replay in an unoptimized build ends in good time.
const PUBLISH_PAUSE: Duration = Duration::from_millis(20);
/// A project has at most a thousand, and a fast machine makes that many before everything is rebuilt.
const BUCKETS_PER_WRITER: u64 = 400;
/// Between two loads of a file.
const LOAD_PAUSE: Duration = Duration::from_millis(500);
/// How long a read may wait for its position, in milliseconds: a machine with more to do than it can is no fault of a rebuild.
const WAIT_MS: &str = "20000";

/// What all who write and read share.
struct Load {
    url: String,
    stop: AtomicBool,
    /// Rows whose publish is acknowledged.
    rows: AtomicU64,
    buckets: AtomicU64,
    reads: AtomicU64,
    http: reqwest::Client,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// A request that must succeed; its body, and the position it tells.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>, at: Option<&str>) -> (Value, Option<String>) {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(ADMIN);
        if let Some(body) = &body {
            request = request.json(body);
        }
        if let Some(at) = at {
            request = request.header("Alv-Min-Position", at).header("Alv-Wait-Ms", WAIT_MS);
        }
        let response = request.timeout(Duration::from_mins(1)).send().await.expect("an answer");
        let (status, position) = (response.status(), response.headers().get("Alv-Position").cloned());
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{method} {path} at {at:?}: {status} {text}");
        let position = position.map(|position| position.to_str().expect("a token").to_owned());
        (serde_json::from_str(&text).unwrap_or_default(), position)
    }
}

impl Load {
    /// Until the tables are nearly where the log is.
    async fn keeps_up(&self) {
        loop {
            let (folds, _) = self.ask(Method::GET, "/projections", None, None).await;
            let folds = folds["projections"].as_array().expect("folds").clone();
            let tables = folds.iter().find(|fold| fold["name"] == "tables").expect("tables");
            if tables["lag_events"].as_u64().is_some_and(|lag| lag < LAG_MAX) || !self.goes_on() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Rows one by one, over NATS, as fast as they are taken in: a fold that is always behind has nothing to promise.
async fn publish(load: Arc<Load>, js: async_nats::jetstream::Context) {
    let mut n = ROWS_BEFORE;
    while load.goes_on() {
        let mut acks = Vec::new();
        for _ in 0..50 {
            acks.push(js.publish("rows.default.p.b.events", json!({ "n": n }).to_string().into()).await.expect("sent"));
            n += 1;
        }
        for ack in acks {
            ack.await.expect("an acknowledgement");
        }
        load.rows.store(n, Ordering::SeqCst);
        tokio::time::sleep(PUBLISH_PAUSE).await;
        if n.is_multiple_of(1_000) {
            load.keeps_up().await;
        }
    }
}

/// Commands over HTTP; each is then read back at its position, and so are the rows that were acknowledged before it.
/// Whoever has made all the buckets that it may says something of the last one instead.
async fn write_and_read_back(load: Arc<Load>, writer: usize) {
    let (mut n, mut name) = (0, String::new());
    while load.goes_on() {
        let rows = load.rows.load(Ordering::SeqCst);
        let (_, position) = if n < BUCKETS_PER_WRITER {
            name = format!("w{writer}-{n}");
            load.buckets.fetch_add(1, Ordering::SeqCst);
            load.ask(Method::POST, BUCKETS, Some(json!({ "name": name })), None).await
        } else {
            let said = json!({ "provider": "load", "metadata": [{ "key": "n", "value": n.to_string() }] });
            load.ask(Method::POST, &format!("{BUCKETS}/{name}/metadata"), Some(said), None).await
        };
        let at = position.expect("a write tells where it is");
        let (bucket, _) = load.ask(Method::GET, &format!("{BUCKETS}/{name}"), None, Some(&at)).await;
        assert_eq!(bucket["name"], name.as_str());
        let count = json!({ "query": "SELECT count(*) AS n FROM b.events" });
        let (answer, _) = load.ask(Method::POST, "/projects/p/query", Some(count), Some(&at)).await;
        let found = answer["data"]["rows"][0][0].as_u64().expect("a number");
        assert!(found >= rows, "{found} rows at {at}, {rows} were acknowledged before");
        load.reads.fetch_add(2, Ordering::Relaxed);
        n += 1;
    }
}

/// Reads that never go back: of the catalogue and of a table.
async fn read(load: Arc<Load>) {
    let (mut buckets, mut rows) = (0, 0);
    while load.goes_on() {
        let (list, _) = load.ask(Method::GET, &format!("{BUCKETS}?limit=1"), None, None).await;
        let found = list["total"].as_u64().expect("a total");
        assert!(found >= buckets, "{found} buckets after {buckets}");
        buckets = found;
        let preview = format!("{BUCKETS}/b/tables/events/preview?limit=1");
        let (page, _) = load.ask(Method::GET, &preview, None, None).await;
        let found = page["total_row_count"].as_u64().unwrap_or_else(|| panic!("a count in {page}"));
        assert!(found >= rows, "{found} rows after {rows}");
        rows = found;
        load.reads.fetch_add(2, Ordering::Relaxed);
    }
}

/// Loads of a file into a table, over NATS.
async fn load_files(load: Arc<Load>, js: async_nats::jetstream::Context, blob: Value) {
    while load.goes_on() {
        let body = json!({
            "project": "p", "bucket": "b", "table": "loaded", "blob": blob, "size_bytes": 8, "incremental": true
        });
        let ack = js.publish("cmd.default.storage.LoadTable", body.to_string().into()).await.expect("sent");
        ack.await.expect("an acknowledgement");
        tokio::time::sleep(LOAD_PAUSE).await;
        load.keeps_up().await;
    }
}

async fn fill(world: &World) -> Value {
    world.project("p").await;
    world.table("p", "events", &[("n", "BIGINT")], &[]).await;
    world.table("p", "loaded", &[("n", "BIGINT")], &["n"]).await;
    let file = world.upload("p", "part.csv", b"n\n1\n2\n3\n".to_vec()).await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let rows: Vec<u64> = (0..ROWS_BEFORE).collect();
    for part in rows.chunks(1_000) {
        let mut acks = Vec::new();
        for n in part {
            acks.push(js.publish("rows.default.p.b.events", json!({ "n": n }).to_string().into()).await.expect("sent"));
        }
        for ack in acks {
            ack.await.expect("an acknowledgement");
        }
    }
    world.get(&format!("/projects/p/files/{file}")).await["checksum_sha256"].clone()
}

/// The command line, off the runtime; its exit code and all it printed.
async fn run(world: &World, args: &'static [&'static str]) -> (Option<i32>, String) {
    let cli = world.terminal();
    let output = tokio::task::spawn_blocking(move || cli.run(args)).await.expect("it ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

/// Number and state of every generation of a fold.
async fn generations(world: &World, name: &str) -> Vec<(u64, String)> {
    let body = world.get(&format!("/projections/{name}/generations")).await;
    let found = body["generations"].as_array().expect("generations").iter();
    let state = |found: &Value| found["state"].as_str().expect("a state").to_owned();
    found.map(|found| (found["generation"].as_u64().expect("a number"), state(found))).collect()
}

fn states(found: &[(u64, String)]) -> Vec<&str> {
    found.iter().map(|(_, state)| state.as_str()).collect()
}

const NAMES: [&str; 3] = ["access", "storage", "tables"];

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_rebuilt_and_rolled_back_under_load_and_no_read_fails() {
    let world = World::start().await;
    let blob = fill(&world).await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let load = Arc::new(Load {
        url: world.alluvium.url(),
        stop: AtomicBool::new(false),
        rows: AtomicU64::new(ROWS_BEFORE),
        buckets: AtomicU64::new(1),
        reads: AtomicU64::new(0),
        http: reqwest::Client::new(),
    });
    let mut all: Vec<JoinHandle<()>> = vec![
        tokio::spawn(publish(load.clone(), js.clone())),
        tokio::spawn(load_files(load.clone(), js.clone(), blob)),
        tokio::spawn(read(load.clone())),
    ];
    all.extend((0..2).map(|writer| tokio::spawn(write_and_read_back(load.clone(), writer))));
    // Whoever fails says so now and not at the end.
    let fine = || assert!(!all.iter().any(JoinHandle::is_finished), "somebody ended early");

    let (code, said) = run(&world, &["projections", "rollback", "--all"]).await;
    assert!(code == Some(2) && said.contains("--yes"), "it asks first: {said}");
    for (args, states_after) in [
        (&["projections", "rebuild", "--all", "--yes"][..], ["live", "kept"]),
        (&["projections", "rollback", "--all", "--yes"][..], ["kept", "live"]),
        (&["projections", "rollback", "--all", "--yes"][..], ["live", "kept"]),
        (&["projections", "rebuild", "--all", "--share", "60", "--yes"][..], ["live", "kept"]),
    ] {
        let (code, said) = run(&world, args).await;
        assert_eq!(code, Some(0), "{args:?}: {said}\n{}", world.alluvium.output());
        fine();
        for name in NAMES {
            assert_eq!(states(&generations(&world, name).await), states_after, "{name} after {args:?}");
        }
    }
    for name in NAMES {
        let kept = generations(&world, name).await[1].0.to_string();
        let (cli, name) = (world.terminal(), name.to_owned());
        let args = move || cli.run(&["projections", "drop", &name, "--generation", &kept, "--yes"]);
        let dropped = tokio::task::spawn_blocking(args).await.expect("it ends");
        assert!(dropped.status.success(), "{}", String::from_utf8_lossy(&dropped.stderr));
        fine();
    }
    load.stop.store(true, Ordering::Relaxed);
    for who in all {
        who.await.unwrap_or_else(|error| panic!("{error}\n{}", world.alluvium.output()));
    }
    for name in NAMES {
        assert_eq!(states(&generations(&world, name).await), ["live"]);
    }
    let (code, said) = run(&world, &["projections", "rollback", "tables", "--yes"]).await;
    assert!(code == Some(4) && said.contains("projection.nothing_kept"), "{code:?} {said}");
    let rows = load.rows.load(Ordering::SeqCst);
    println!(
        "{rows} rows, {} commands and {} reads meanwhile",
        load.buckets.load(Ordering::SeqCst),
        load.reads.load(Ordering::Relaxed)
    );
    let count = || async { world.query("p", "SELECT count(*) AS n, count(DISTINCT n) AS d FROM b.events").await };
    world.eventually("all rows", || async { count().await == json!([{ "n": rows, "d": rows }]) }).await;
    let total = world.get(&format!("{BUCKETS}?limit=1")).await["total"].clone();
    assert_eq!(total, load.buckets.load(Ordering::SeqCst));
    world.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_a_rebuild_and_in_a_rollback_it_starts_clean() {
    let mut world = World::start().await;
    fill(&world).await;
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let mut rows = ROWS_BEFORE;
    let mut more = async || {
        for _ in 0..2_000 {
            let row = json!({ "n": rows }).to_string();
            js.publish("rows.default.p.b.events", row.into()).await.expect("sent").await.expect("acknowledged");
            rows += 1;
        }
        rows
    };
    for pause_ms in [50, 900] {
        let cli = world.terminal();
        let slow = move || cli.run(&["projections", "rebuild", "tables", "--rate", "1000", "--yes"]);
        let rebuilding = tokio::task::spawn_blocking(slow);
        let building = || async { states(&generations(&world, "tables").await) == ["building", "live"] };
        world.eventually("a rebuild", building).await;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        assert!(building().await, "a slow one is still at it");
        world.alluvium.kill();
        assert!(!rebuilding.await.expect("it ends").status.success());
        world.alluvium.restart().await;
        assert_eq!(generations(&world, "tables").await, [(1, "live".to_owned())]);
    }
    assert_eq!(run(&world, &["projections", "rebuild", "--all", "--yes"]).await.0, Some(0));
    for _ in 0..2 {
        let rows = more().await;
        let cli = world.terminal();
        let slow = move || cli.run(&["projections", "rollback", "tables", "--rate", "500", "--yes"]);
        let rolling = tokio::task::spawn_blocking(slow);
        let following = || async { states(&generations(&world, "tables").await).contains(&"building") };
        world.eventually("a rollback", following).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.alluvium.kill();
        assert!(!rolling.await.expect("it ends").status.success());
        world.alluvium.restart().await;
        let found = generations(&world, "tables").await;
        assert_eq!(states(&found), ["live", "kept"], "{found:?}: it was not done, so it is not");
        let count = || async { world.query("p", "SELECT count(*) AS n FROM b.events").await };
        world.eventually("all rows", || async { count().await == json!([{ "n": rows }]) }).await;
    }
    let (code, said) = run(&world, &["projections", "rollback", "--all", "--yes"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(states(&generations(&world, "tables").await), ["kept", "live"]);
    assert_eq!(world.query("p", "SELECT count(*) AS n FROM b.events").await, json!([{ "n": rows }]));
    world.verify();
    // A start keeps both.
    world.alluvium.kill();
    world.alluvium.restart().await;
    for name in NAMES {
        assert_eq!(states(&generations(&world, name).await), ["kept", "live"], "{name}");
    }
}
