//! What a fold cannot apply is parked; operators try it again or give it up, by commands that leave their trace on the log.

use std::time::Duration;

use alluvium_blackbox::World;
use async_nats::jetstream;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Pauses between asking for a remedy and the kill, in milliseconds.
const KILLS_AFTER_MS: [u64; 6] = [0, 3, 8, 15, 30, 60];

/// A world with tables `t` and `u` in project `p`.
struct Bench {
    world: World,
    js: jetstream::Context,
    /// The subject of the events of `t`.
    subject: String,
}

impl Bench {
    async fn new() -> Self {
        let world = World::start().await;
        world.project("p").await;
        world.table("p", "u", &[("n", "BIGINT")], &[]).await;
        let table = json!({
            "project": "p", "bucket": "b", "table": "t", "columns": [{ "name": "n", "type": "BIGINT" }], "primary_key": [],
        });
        let created = world.command("storage", "CreateTable", &table).await;
        let uid = created["result"]["uid"].as_str().expect("a uid").to_owned();
        let js = jetstream::new(world.nats.connect().await);
        let stream = js.get_stream("STORAGE").await.expect("STORAGE");
        let subject = format!("ev.default.storage.*.table.{uid}");
        let opened = stream.get_last_raw_message_by_subject(&subject).await.expect("its opening");
        Self { world, js, subject: opened.subject.to_string() }
    }

    /// Somebody who may write to NATS puts something on a table's subject that nobody can read.
    async fn junk(&self) -> u64 {
        let published = self.js.publish(self.subject.clone(), "junk".into()).await.expect("sent");
        published.await.expect("kept").sequence
    }

    async fn rows(&self, table: &str, numbers: std::ops::Range<u64>) {
        for n in numbers {
            let sent = self.js.publish(format!("rows.default.p.b.{table}"), json!({ "n": n }).to_string().into()).await;
            sent.expect("sent").await.expect("kept");
        }
    }

    async fn parked(&self, projection: &str) -> Vec<Value> {
        let body = self.world.get(&format!("/projections/{projection}/parked")).await;
        body["parked"].as_array().expect("a list").clone()
    }

    async fn parks(&self, projection: &str) -> Value {
        self.world.eventually("parked", || async { !self.parked(projection).await.is_empty() }).await;
        self.parked(projection).await.remove(0)
    }

    async fn sums(&self, table: &str) -> Value {
        let (status, answer) = self
            .world
            .http(
                Method::POST,
                "/projects/p/query",
                Some(&json!({ "query": format!("SELECT count(*) AS rows, sum(n)::BIGINT AS n FROM b.{table}") })),
            )
            .await;
        if status.is_success() { answer["data"]["rows"][0].clone() } else { Value::Null }
    }

    async fn reaches(&self, table: &str, rows: u64, sum: u64) {
        let wanted = json!([rows, sum]);
        self.world.eventually("the rows are there", || async { self.sums(table).await == wanted }).await;
    }

    /// The metric of a fold.
    async fn gauge(&self, name: &str, projection: &str) -> f64 {
        let text = reqwest::get(format!("{}/metrics", self.world.alluvium.url())).await.expect("metrics");
        let text = text.text().await.expect("text");
        let sample = format!("{name}{{projection=\"{projection}\"}} ");
        let line =
            text.lines().find_map(|line| line.strip_prefix(&sample)).unwrap_or_else(|| panic!("{sample}\n{text}"));
        line.parse().expect("a number")
    }
}

fn text(output: &std::process::Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn a_parked_event_is_listed_retried_and_given_up_by_commands() {
    let mut bench = Bench::new().await;
    bench.rows("t", 1..4).await;
    bench.reaches("t", 3, 6).await;
    let junk = bench.junk().await;
    let (in_files, in_postgres) = (bench.parks("tables").await, bench.parks("storage").await);
    assert_eq!((&in_files["key"], &in_files["seq"]), (&json!("rows.default.p.b.t"), &json!(junk)));
    assert_eq!((&in_files["code"], &in_postgres["seq"]), (&json!("storage.poison_event"), &json!(junk)));
    bench.rows("t", 4..6).await;
    bench.rows("u", 1..3).await;
    bench.reaches("u", 2, 3).await;
    assert_eq!(bench.sums("t").await, json!([3, 6]), "nothing gets past what is parked");

    // Told everywhere.
    let health = bench.world.get("/health").await;
    let folds = health["projections"].as_array().expect("folds").clone();
    let tables = folds.iter().find(|fold| fold["name"] == "tables").expect("tables");
    assert_eq!((&tables["parked_keys"], &tables["ready"]), (&json!(1), &json!(true)), "the others go on");
    assert!(tables["lag_seconds"].is_number() && tables["heartbeat_age_ms"].as_u64().expect("a beat") < 15_000);
    assert!(bench.gauge("alluvium_projection_parked_keys", "tables").await > 0.5);
    assert!(bench.gauge("alluvium_projection_parked_keys", "storage").await > 0.5);
    let key = in_postgres["key"].as_str().expect("a key").to_owned();
    let (code, listed, _) = text(&bench.world.cli(&["projections", "parked", "--output", "json"]));
    let listed: Value = serde_json::from_str(&listed).expect("json");
    assert_eq!((code, listed.as_array().map(Vec::len)), (Some(0), Some(2)), "{listed}");

    // Only an admin sees and does any of it.
    let secret = bench.world.post("/projects", &json!({ "id": "q" })).await["api_key"].clone();
    let secret = secret.as_str();
    let list = bench.world.http_as(secret, Method::GET, "/projections/tables/parked", None).await;
    let retry = json!({ "projection": "tables", "key": "rows.default.p.b.t" });
    let command = bench.world.http_as(secret, Method::POST, "/commands/platform/RetryParked", Some(&retry)).await;
    assert_eq!((list.0, command.0), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));

    // Nothing is better yet.
    let again = ["projections", "retry", "tables", "rows.default.p.b.t"];
    let (code, _, error) = text(&bench.world.cli(&again));
    assert!(code == Some(4) && error.contains("projection.still_poison"), "{code:?} {error}");
    let (code, _, error) = text(&bench.world.cli(&["projections", "retry", "storage", &key]));
    assert!(code == Some(4) && error.contains("projection.still_poison"), "{code:?} {error}");
    let (code, _, error) = text(&bench.world.cli(&["projections", "retry", "tables", "rows.default.p.b.u"]));
    assert!(code == Some(5) && error.contains("projection.not_parked"), "{code:?} {error}");
    let (code, _, error) = text(&bench.world.cli(&["projections", "retry", "nowhere", "k"]));
    assert!(code == Some(5) && error.contains("platform.unknown_projection"), "{code:?} {error}");

    // Trying it out changes nothing.
    let skip =
        ["projections", "skip", "tables", "rows.default.p.b.t", "--reason", "a test wrote it", "--output", "json"];
    let (code, out, _) = text(&bench.world.cli(&[&skip[..], &["--dry-run"]].concat()));
    assert!(code == Some(0) && out.contains("SkipRequested"), "{out}");
    let (code, _, _) = text(&bench.world.cli(&skip));
    assert_eq!(code, Some(2), "nobody is there to ask");
    assert_eq!(bench.parked("tables").await.len(), 1);

    // Another event of the key cannot be given up before it.
    let other = json!({ "projection": "tables", "key": "rows.default.p.b.t", "seq": junk + 1, "reason": "x" });
    let (status, refused) = bench.world.http(Method::POST, "/commands/platform/SkipParked", Some(&other)).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("projection.not_first")));

    let (code, out, error) = text(&bench.world.cli(&[&skip[..], &["--yes"]].concat()));
    assert!(code == Some(0) && out.contains("\"skipped\": 1"), "{out} {error}");
    bench.reaches("t", 5, 15).await;
    let (code, _, error) = text(&bench.world.cli(&["projections", "skip", "storage", &key, "--reason", "x", "--yes"]));
    assert_eq!(code, Some(0), "{error}");
    assert_eq!((bench.parked("tables").await.len(), bench.parked("storage").await.len()), (0, 0));

    // Who did it, why, and what became of it is on the log.
    let (_, events, _) = text(&bench.world.cli(&["events", "replay", "ev.*.platform.>", "--output", "json"]));
    for part in ["SkipRequested", "a test wrote it", "RemedySettled", "admin"] {
        assert!(events.contains(part), "{part} in {events}");
    }

    // A replay leaves it out too, and so does the next start.
    bench.world.verify();
    let (code, _, error) = text(&bench.world.cli(&["projections", "rebuild", "--all", "--yes"]));
    assert_eq!(code, Some(0), "{error}");
    bench.world.alluvium.kill();
    bench.world.alluvium.restart().await;
    bench.rows("t", 6..7).await;
    bench.reaches("t", 6, 21).await;
    assert_eq!((bench.parked("tables").await.len(), bench.parked("storage").await.len()), (0, 0));
}

#[tokio::test]
async fn a_remedy_that_a_kill_interrupts_is_carried_out_once() {
    let mut bench = Bench::new().await;
    let mut sent = 0;
    for pause in KILLS_AFTER_MS {
        bench.rows("t", sent..sent + 2).await;
        bench.junk().await;
        bench.rows("t", sent + 2..sent + 4).await;
        sent += 4;
        let mut ids = Vec::new();
        for projection in ["tables", "storage"] {
            let parked = bench.parks(projection).await;
            let body =
                json!({ "projection": projection, "key": parked["key"], "seq": parked["seq"], "reason": "a test" });
            let id = Uuid::new_v4().to_string();
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", id.as_str());
            let subject = "cmd.default.platform.SkipParked";
            let kept = bench.js.publish_with_headers(subject, headers, body.to_string().into()).await;
            kept.expect("sent").await.expect("kept");
            ids.push(id);
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        bench.world.alluvium.kill();
        bench.world.alluvium.restart().await;
        for id in ids {
            let outcomes = bench.js.get_stream("OUT").await.expect("OUT");
            let subject = format!("out.default.{id}");
            let told = || async { outcomes.get_last_raw_message_by_subject(&subject).await.is_ok() };
            bench.world.eventually("the outcome is told", told).await;
            let message = outcomes.get_last_raw_message_by_subject(&subject).await.expect("told");
            let outcome: Value = serde_json::from_slice(&message.payload).expect("json");
            assert_eq!(outcome["status"], "accepted", "killed after {pause} ms: {outcome}");
        }
        bench.reaches("t", sent, sent * (sent - 1) / 2).await;
        let free = || async { bench.parked("tables").await.is_empty() && bench.parked("storage").await.is_empty() };
        bench.world.eventually("nothing is parked", free).await;
    }
    // Each was decided, carried out and settled once.
    let events = bench.world.get("/events?subject=ev.*.platform.%3E&limit=100").await;
    let count = |kind: &str| events.to_string().matches(&format!("\"{kind}\"")).count();
    assert_eq!((count("SkipRequested"), count("RemedySettled")), (12, 12), "{events}");
    bench.world.verify();
}

#[tokio::test]
async fn what_was_given_up_of_a_stream_is_not_left_out_of_the_next_one() {
    let mut bench = Bench::new().await;
    bench.rows("t", 0..5).await;
    let junk = bench.junk().await;
    for projection in ["tables", "storage"] {
        let key = bench.parks(projection).await["key"].as_str().expect("a key").to_owned();
        let skip = ["projections", "skip", projection, &key, "--reason", "a test", "--yes"];
        let (code, _, error) = text(&bench.world.cli(&skip));
        assert_eq!(code, Some(0), "{error}");
    }
    bench.js.delete_stream("STORAGE").await.expect("it is deleted");
    let (code, _, error) = text(&bench.world.cli(&["streams", "apply", "--yes"]));
    assert_eq!(code, Some(0), "{error}");
    let quarantined = || async {
        let folds = bench.world.get("/projections").await["projections"].clone();
        folds.as_array().expect("folds").iter().filter(|fold| fold["state"] == "quarantined").count() == 2
    };
    bench.world.eventually("a quarantine", quarantined).await;
    let (code, _, error) =
        text(&bench.world.cli(&["projections", "rebuild", "--all", "--accept-differences", "--yes"]));
    assert_eq!(code, Some(0), "{error}");
    bench.world.command("storage", "CreateProject", &json!({ "project": "p" })).await;
    bench.world.post("/projects/p/branches/default/buckets", &json!({ "name": "b" })).await;
    bench.world.table("p", "t", &[("n", "BIGINT")], &[]).await;
    // At the sequence that was given up there is a row now.
    bench.rows("t", 0..junk + 5).await;
    bench.reaches("t", junk + 5, (junk + 5) * (junk + 4) / 2).await;
    bench.world.alluvium.kill();
    bench.world.alluvium.restart().await;
    bench.world.verify();
    bench.reaches("t", junk + 5, (junk + 5) * (junk + 4) / 2).await;
}
