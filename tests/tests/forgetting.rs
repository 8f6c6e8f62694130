//! Forgetting: what is sealed stands nowhere in clear, and what is forgotten is unreadable everywhere, backups included.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alluvium_access::contract::Event;
use alluvium_blackbox::machine::{Machine, cli, expect, text};
use alluvium_kernel::sealed::{FORGOTTEN, SealedText};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _};
use async_nats::jetstream;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

/// Texts that must stand nowhere but in answers.
const ANNA: &str = "anna.marker.91@example.com";
const BOB: &str = "bob.marker.55@example.com";
const ABOUT: &str = "marker description 7f3a";
const CHANGED: &str = "marker changed 1b2c";
/// The bucket of keys.
const SEALS: &str = "KV_SEALS";

/// A key of a project, by its id.
async fn issue(machine: &Machine, project: &str, description: &str, person: &str) -> String {
    let body = json!({ "description": description, "person": person });
    let made = machine.post(&format!("/projects/{project}/api-keys"), body).await;
    assert_eq!((&made["description"], &made["person"]), (&json!(description), &json!(person)));
    made["id"].as_str().expect("an id").to_owned()
}

/// What a reader learns of a key: its description and who holds it.
async fn shown(machine: &Machine, project: &str, key: &str) -> (String, String) {
    let key = machine.get(&format!("/projects/{project}/api-keys/{key}")).await;
    let text = |field: &str| key[field].as_str().unwrap_or_default().to_owned();
    (text("description"), text("person"))
}

async fn js(machine: &Machine) -> jetstream::Context {
    jetstream::new(machine.nats.connect().await)
}

/// Every message of every stream: its stream, subject, headers and payload.
async fn messages(machine: &Machine) -> Vec<(String, String, String, Vec<u8>)> {
    let js = js(machine).await;
    let names: Vec<String> = js.stream_names().try_collect().await.expect("streams");
    let mut all = Vec::new();
    for name in names {
        let stream = js.get_stream(&name).await.expect("a stream");
        let state = stream.cached_info().state.clone();
        for seq in state.first_sequence..=state.last_sequence {
            // Some are gone.
            let Ok(message) = stream.get_raw_message(seq).await else { continue };
            let headers = format!("{:?}", message.headers);
            all.push((name.clone(), message.subject.to_string(), headers, message.payload.to_vec()));
        }
    }
    all
}

/// The wrapped key at a place, as it lies on the disk.
async fn wrapped(machine: &Machine, subject: &str) -> Option<String> {
    let found = messages(machine).await.into_iter().find(|(stream, at, ..)| stream == SEALS && at == subject);
    let kept: Value = serde_json::from_slice(&found?.3).expect("JSON");
    Some(kept["key"]["wrapped"].as_str()?.to_owned())
}

/// Every row of every table, as text.
async fn rows(machine: &Machine) -> String {
    let mut connection = sqlx::PgConnection::connect(&machine.database).await.expect("Postgres");
    let tables = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables \
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let names = sqlx::query(tables).fetch_all(&mut connection).await.expect("tables");
    let mut text = String::new();
    for name in names {
        let name: String = name.get("name");
        let all = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') AS rows FROM {name} AS t");
        let row = sqlx::query(sqlx::AssertSqlSafe(all)).fetch_one(&mut connection).await.expect("rows");
        text.push_str(&row.get::<String, _>("rows"));
    }
    text
}

/// The files below the data directory, the logs of the process among them, and those of NATS that hold a text.
fn files_of(machine: &Machine, text: &str) -> Vec<PathBuf> {
    let mut found = files_with(&machine.data, text);
    found.extend(files_with(&machine.nats.directory(), text));
    found
}

fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if let Ok(bytes) = std::fs::read(&path)
            && bytes.windows(text.len()).any(|window| window == text.as_bytes())
        {
            found.push(path);
        }
    }
    found
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_mins(1), "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that is published, also what no stream keeps for long: commands among it.
struct Wire {
    client: async_nats::Client,
    heard: async_nats::Subscriber,
}

impl Wire {
    async fn listen(machine: &Machine) -> Self {
        let client = machine.nats.connect().await;
        let heard = client.subscribe(">").await.expect("a subscription");
        client.flush().await.expect("the server has it");
        Self { client, heard }
    }

    /// Nothing of what was published until now holds a text; commands were among it.
    async fn carried_none_of(mut self, markers: &[&str]) {
        self.client.publish("end.of.the.test", "".into()).await.expect("a publish");
        let mut commands = 0;
        while let Some(message) =
            self.heard.next().await.filter(|message| message.subject.as_str() != "end.of.the.test")
        {
            commands += usize::from(message.subject.starts_with("cmd."));
            for marker in markers {
                let holds = message.payload.windows(marker.len()).any(|window| window == marker.as_bytes());
                assert!(!holds, "{} carried `{marker}`", message.subject);
            }
        }
        assert!(commands >= 5, "{commands}");
    }
}

/// Two projects, with keys that name two persons.
struct Keys {
    anna: String,
    bob: String,
    other: String,
}

async fn fill(machine: &Machine) -> Keys {
    machine.post("/projects", json!({ "id": "p" })).await;
    machine.post("/projects", json!({ "id": "q" })).await;
    let anna = issue(machine, "p", "soon otherwise", ANNA).await;
    let path = format!("/projects/p/api-keys/{anna}");
    let (status, answer) =
        machine.ask(&machine.admin(), Method::PUT, &path, Some(&json!({ "description": CHANGED }))).await;
    assert!(status == StatusCode::OK && answer["description"] == CHANGED, "{answer}");
    let bob = issue(machine, "p", ABOUT, BOB).await;
    let turned = machine.post(&format!("/projects/p/api-keys/{bob}/rotate"), json!({})).await;
    assert_eq!(turned["description"], format!("{ABOUT} (rotated)"));
    assert_eq!(turned["person"], BOB);
    let other = issue(machine, "q", ABOUT, BOB).await;
    Keys { anna, bob: turned["id"].as_str().expect("an id").to_owned(), other }
}

/// Nothing in clear: streams, files, tables, what the process said, and each field that its schema marks.
async fn nothing_is_in_clear(machine: &Machine) {
    let (messages, rows) = (messages(machine).await, rows(machine).await);
    assert!(rows.contains("sealed:v1:project.p."), "the rows keep what is sealed");
    let mut sealed = 0;
    for (stream, subject, _, payload) in messages.iter().filter(|(stream, ..)| stream == "EV_ACCESS") {
        for entry in Commit::from_avro(payload).expect("a commit").entries {
            let mut event = Event::decode(&entry.r#type, &entry.event).expect("an event");
            for field in event.sealed_fields() {
                let is_sealed = SealedText::parse(field.text).is_some();
                assert!(is_sealed || field.text.is_empty(), "{stream} {subject}: {} is in clear", field.place);
                sealed += usize::from(is_sealed);
            }
        }
    }
    assert!(sealed >= 8, "{sealed}");
    for marker in [ANNA, BOB, ABOUT, CHANGED] {
        for (stream, subject, headers, payload) in &messages {
            let holds = payload.windows(marker.len()).any(|window| window == marker.as_bytes());
            assert!(!holds && !headers.contains(marker), "{stream} {subject} holds `{marker}`");
        }
        assert!(!rows.contains(marker), "Postgres holds `{marker}`");
        assert!(!machine.alluvium.output().contains(marker), "the process told `{marker}`");
        assert_eq!(files_of(machine, marker), Vec::<PathBuf>::new(), "`{marker}` is on the disk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_unreadable_everywhere_backups_included() {
    let machine = Machine::start(async |_, _| {}).await;
    let wire = Wire::listen(&machine).await;
    let keys = fill(&machine).await;
    wire.carried_none_of(&[ANNA, BOB, ABOUT, CHANGED]).await;
    let path = |name: &str| machine.scratch.path().join(name).display().to_string();
    nothing_is_in_clear(&machine).await;
    for look in [machine.get("/aggregates/access/keyring/p").await, machine.get("/events?limit=1000").await] {
        let look = look.to_string();
        assert!(look.contains("sealed:v1:") && !look.contains("marker"), "{look}");
    }
    assert_eq!(shown(&machine, "p", &keys.anna).await, (CHANGED.into(), ANNA.into()));
    assert_eq!(shown(&machine, "p", &keys.bob).await, (format!("{ABOUT} (rotated)"), BOB.into()));
    expect(&machine.cli(&["projections", "verify", "--all"]), 0, "");

    let (backup, before) = (path("backup"), path("before.seals"));
    expect(&machine.cli(&["backup", "create", &backup]), 0, "backup");
    assert!(!Path::new(&backup).join(format!("streams/{SEALS}.snapshot")).exists());
    expect(&machine.cli(&["seals", "export", &before]), 0, "keys");
    expect(&machine.cli(&["seals", "export", &before]), 2, "there already");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&before).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);

    // A person: only what is sealed for them.
    let digest = machine.post("/forget", json!({ "person": "nobody@example.com" })).await["id"].clone();
    assert_eq!(digest.as_str().expect("a digest").len(), 64);
    let kept: Vec<(String, String)> = messages(&machine)
        .await
        .into_iter()
        .filter(|(stream, at, _, payload)| {
            stream == SEALS && at.contains(".person.") && payload.windows(7).any(|w| w == b"wrapped")
        })
        .map(|(_, at, _, payload)| (at, String::from_utf8(payload).expect("JSON")))
        .collect();
    assert_eq!(kept.len(), 2, "one key a person");
    expect(&machine.cli(&["forget", "person", ANNA]), 2, "--yes");
    expect(&machine.cli(&["--yes", "forget", "person", &ANNA.to_uppercase()]), 0, "person");
    assert_eq!(shown(&machine, "p", &keys.anna).await, (CHANGED.into(), FORGOTTEN.into()));
    assert_eq!(shown(&machine, "p", &keys.bob).await, (format!("{ABOUT} (rotated)"), BOB.into()));
    let mut gone = Vec::new();
    for (at, whole) in &kept {
        let kept = serde_json::from_str::<Value>(whole).expect("JSON")["key"]["wrapped"].clone();
        let kept = kept.as_str().expect("a key").to_owned();
        if wrapped(&machine, at).await.is_none() {
            gone.push(kept);
        } else {
            // The same look finds what is still there.
            eventually("a kept key is in the files", async || !files_of(&machine, &kept).is_empty()).await;
        }
    }
    assert_eq!(gone.len(), 1);
    eventually("the destroyed key is in no file", async || {
        let files = files_of(&machine, &gone[0]);
        files.iter().all(|file| file.ends_with("before.seals"))
    })
    .await;
    let again = json!({ "description": "again", "person": ANNA });
    let (status, refused) = machine.ask(&machine.admin(), Method::POST, "/projects/p/api-keys", Some(&again)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{refused}");
    assert!(!refused.to_string().contains(ANNA), "{refused}");

    // A project: what was sealed until now; what comes later has another key.
    machine.post("/forget", json!({ "project": "p" })).await;
    assert_eq!(shown(&machine, "p", &keys.bob).await, (format!("{FORGOTTEN} (rotated)"), BOB.into()));
    assert_eq!(shown(&machine, "q", &keys.other).await, (ABOUT.into(), BOB.into()));
    let later = issue(&machine, "p", "later", BOB).await;
    assert_eq!(shown(&machine, "p", &later).await, ("later".into(), BOB.into()));

    // What was kept apart before gives nothing of it back.
    expect(&machine.cli(&["-o", "json", "seals", "import", &before]), 0, "\"refused_as_forgotten\": 2");
    assert_eq!(shown(&machine, "p", &keys.anna).await, (FORGOTTEN.into(), FORGOTTEN.into()));
    expect(&machine.cli(&["projections", "rebuild", "access"]), 0, "");
    assert_eq!(shown(&machine, "p", &keys.anna).await, (FORGOTTEN.into(), FORGOTTEN.into()));
    let state = text(&machine.cli(&["state", "access.keyring.p"]));
    assert!(state.contains("sealed:v1:") && !state.contains("marker"), "{state}");

    restored(&machine, &keys, &backup, &path("after.seals")).await;

    // The tenant: all of it, for good.
    let (status, refused) =
        machine.ask(&machine.admin(), Method::POST, "/forget", Some(&json!({ "tenant": "other" }))).await;
    assert_eq!((status, &refused["code"]), (StatusCode::BAD_REQUEST, &json!("access.cannot_forget")), "{refused}");
    expect(&machine.cli(&["--yes", "forget", "tenant", "default"]), 0, "tenant");
    for (project, key) in [("p", &keys.anna), ("p", &later), ("q", &keys.other)] {
        let (description, person) = shown(&machine, project, key).await;
        assert_eq!((description.as_str(), person.as_str()), (FORGOTTEN, FORGOTTEN));
    }
    let new = json!({ "description": "more" });
    let (status, _) = machine.ask(&machine.admin(), Method::POST, "/projects/q/api-keys", Some(&new)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let left = messages(&machine).await.into_iter().filter(|(stream, ..)| stream == SEALS);
    assert!(left.into_iter().all(|(.., kept)| kept == b"\"forgotten\""), "a key is left");
    let state = text(&machine.cli(&["state", "access.keyring.p"]));
    assert!(!state.contains("marker"), "{state}");
    expect(&machine.cli(&["log", "verify"]), 0, "EV_ACCESS");
}

/// A backup from before the forgetting, on an empty machine: without keys nothing sealed opens; with those that were kept apart
/// afterwards everything but what was forgotten.
async fn restored(machine: &Machine, keys: &Keys, backup: &str, seals: &str) {
    expect(&machine.cli(&["seals", "export", seals]), 0, "keys");
    expect(&cli(&["backup", "verify", backup], machine.scratch.path()), 0, "whole");
    let without = Machine::start(async |nats, data| {
        expect(&cli(&["--nats", &nats.url(), "backup", "restore", backup], data), 0, "restored");
    })
    .await;
    for (project, key) in [("p", &keys.anna), ("q", &keys.other)] {
        assert_eq!(shown(&without, project, key).await, (FORGOTTEN.into(), FORGOTTEN.into()));
        let (mut then, mut now) = (
            without.get(&format!("/projects/{project}/api-keys/{key}")).await,
            machine.get(&format!("/projects/{project}/api-keys/{key}")).await,
        );
        for key in [&mut then, &mut now] {
            key.as_object_mut().expect("a key").retain(|name, _| !matches!(name.as_str(), "description" | "person"));
        }
        assert_eq!(then, now, "everything else is as it was");
    }
    for marker in [ANNA, BOB, ABOUT, CHANGED] {
        assert_eq!(files_of(&without, marker), Vec::<PathBuf>::new());
    }
    let with = Machine::start(async |nats, data| {
        expect(&cli(&["--nats", &nats.url(), "backup", "restore", backup], data), 0, "restored");
        expect(&cli(&["--nats", &nats.url(), "seals", "import", seals], data), 0, "there");
    })
    .await;
    assert_eq!(shown(&with, "q", &keys.other).await, (ABOUT.into(), BOB.into()));
    assert_eq!(shown(&with, "p", &keys.anna).await, (FORGOTTEN.into(), FORGOTTEN.into()));
    let again = json!({ "description": "again", "person": ANNA });
    let (status, refused) = with.ask(&with.admin(), Method::POST, "/projects/q/api-keys", Some(&again)).await;
    assert_eq!(status, StatusCode::CONFLICT, "who was forgotten stays so: {refused}");
}

/// The process is killed after the event and before the key is destroyed: what it had not done yet is put back by hand.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_outlived_its_forgetting_is_destroyed_at_the_next_start() {
    let mut machine = Machine::start(async |_, _| {}).await;
    let keys = fill(&machine).await;
    let js = js(&machine).await;
    let kept: Vec<(String, Vec<u8>)> = messages(&machine)
        .await
        .into_iter()
        .filter(|(stream, at, ..)| stream == SEALS && at.contains(".person."))
        .map(|(_, at, _, payload)| (at, payload))
        .collect();
    machine.post("/forget", json!({ "person": ANNA })).await;
    machine.alluvium.kill();
    let stream = js.get_stream(SEALS).await.expect("the keys");
    let mut put_back = 0;
    for (at, payload) in kept {
        let found = stream.get_last_raw_message_by_subject(&at).await.expect("what lies there");
        if found.payload.as_ref() == b"\"forgotten\"" {
            stream.delete_message(found.sequence).await.expect("taken away");
            js.publish(at, payload.into()).await.expect("a publish").await.expect("put back");
            put_back += 1;
        }
    }
    assert_eq!(put_back, 1);
    machine.alluvium.restart().await;
    eventually("the key is destroyed again", async || shown(&machine, "p", &keys.anna).await.1 == FORGOTTEN).await;
    assert_eq!(shown(&machine, "p", &keys.anna).await.0, CHANGED);
    assert_eq!(shown(&machine, "p", &keys.bob).await.1, BOB);
}

/// Who publishes commands to the log sends them in clear: the worker seals before it decides, and believes no seal of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_comes_in_clear_is_sealed_before_it_is_decided() {
    let machine = Machine::start(async |_, _| {}).await;
    let keys = fill(&machine).await;
    machine.post("/commands/access/GrantPublishers", json!({ "rights": "all" })).await;
    let js = js(&machine).await;
    let send = async |id: &str, description: &str| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let body = json!({ "project": "p", "key": keys.anna, "description": description }).to_string();
        let sent = js.publish_with_headers("cmd.default.access.UpdateKey", headers, body.into()).await;
        sent.expect("a publish").await.expect("an acknowledgement");
        let out = js.get_stream("OUT").await.expect("outcomes");
        let mut outcome = Value::Null;
        eventually("an outcome", async || {
            let found = out.get_last_raw_message_by_subject(&format!("out.default.{id}")).await;
            outcome = found.ok().map_or(Value::Null, |found| serde_json::from_slice(&found.payload).expect("JSON"));
            !outcome.is_null()
        })
        .await;
        outcome
    };
    assert_eq!(send("plain", "marker over nats").await["status"], "accepted");
    eventually("it is shown", async || shown(&machine, "p", &keys.anna).await.0 == "marker over nats").await;
    for (stream, subject, _, payload) in messages(&machine).await {
        assert!(!payload.windows(16).any(|window| window == b"marker over nats"), "{stream} {subject}");
    }
    // A seal of another project, and one of nobody.
    let state = machine.get("/aggregates/access/keyring/q").await.to_string();
    let from = state.find("sealed:v1:project.q.").expect("a sealed text");
    let foreign = state[from..].split('"').next().expect("its end").to_owned();
    for (id, description) in [("foreign", foreign.as_str()), ("made-up", "sealed:v1:project.p.00:1:AAAA.")] {
        let outcome = send(id, description).await;
        assert!(outcome.to_string().contains("platform.seal_broken"), "{outcome}");
    }
}
