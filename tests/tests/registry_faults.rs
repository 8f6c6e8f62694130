//! Several processes serve the registry, and its log goes away.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alluvium_blackbox::registry::{Registry, record};
use alluvium_blackbox::{ADMIN, binary};
use alluvium_kernel::{Token, subject};
use alluvium_testing::{Alluvium, pick_port};
use reqwest::Method;
use serde_json::{Value, json};

/// Tries of one registration while a process is away.
const TRIES_MAX: usize = 200;

/// Starts a second process on the same log, of its own port and directory.
async fn second(registry: &Registry, roles: &[&str], listen: &str, data: &Path) -> Alluvium {
    let world = &registry.world;
    Alluvium::builder(binary())
        .args(["serve"])
        .args(roles.iter().flat_map(|role| ["--role", *role]))
        .env("ALLUVIUM_NATS_URL", world.nats.url())
        .env("ALLUVIUM_POSTGRES_URL", &world.database)
        .env("ALLUVIUM_DATA_DIR", data)
        .env("ALLUVIUM_BLOBS_DIR", world.data.path().join("blobs"))
        .env("ALLUVIUM_ADMIN_KEY", ADMIN)
        .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        .env("ALLUVIUM_REGISTRY_OPEN", "true")
        .env("ALLUVIUM_REGISTRY_LISTEN", listen)
        .start()
        .await
}

/// Registers at the first address that answers with an id, as clients of several addresses do.
async fn register_anywhere(http: &reqwest::Client, urls: [&str; 2], subject: &str, schema: &str) -> u64 {
    let body = json!({"schema": schema}).to_string();
    for url in urls.iter().cycle().take(TRIES_MAX) {
        let sent = http.post(format!("{url}/subjects/{subject}/versions")).body(body.clone()).send().await;
        let Ok(answer) = sent else { continue };
        let (status, answer) = (answer.status(), answer.json::<Value>().await);
        match answer {
            Ok(answer) if status.is_success() => return answer["id"].as_u64().unwrap(),
            // What broke off may be asked again; nothing else may come of it.
            Ok(answer) => assert!(status.is_server_error(), "{status} {answer}"),
            Err(_) => {}
        }
    }
    panic!("{subject} was never registered")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once_get_one_id_from_two_processes_of_which_one_is_killed() {
    let mut registry = Registry::start().await;
    let listen = format!("127.0.0.1:{}", pick_port().unwrap());
    let data = tempfile::tempdir().unwrap();
    let _second = second(&registry, &["commands", "api"], &listen, data.path()).await;
    let (here, there) = (registry.url.clone(), format!("http://{listen}"));
    let (http, done) = (reqwest::Client::new(), Arc::new(AtomicUsize::new(0)));
    let ask = |n: usize| {
        let (http, here, there, done) = (http.clone(), here.clone(), there.clone(), done.clone());
        tokio::spawn(async move {
            let urls = if n.is_multiple_of(2) { [here.as_str(), &there] } else { [there.as_str(), &here] };
            let one = register_anywhere(&http, urls, &format!("s{}", n % 4), &record(&["a"])).await;
            done.fetch_add(1, Ordering::Relaxed);
            let own = record(&[&format!("f{}", n / 2)]);
            (one, register_anywhere(&http, urls, &format!("own{}", n / 2), &own).await)
        })
    };
    let all: Vec<_> = (0..200).map(ask).collect();
    let begun = || async { done.load(Ordering::Relaxed) >= 20 };
    registry.world.eventually("some have their id", begun).await;
    registry.world.alluvium.kill();
    let (mut shared, mut own) = (BTreeSet::new(), BTreeSet::new());
    for each in all {
        let (one, other) = each.await.unwrap();
        shared.insert(one);
        own.insert(other);
    }
    assert_eq!(shared.len(), 1, "one content, one id: {shared:?}");
    let ids: BTreeSet<u64> = own.union(&shared).copied().collect();
    assert_eq!(ids, (1..=101).collect(), "no id twice, none left out");
    registry.world.alluvium.restart().await;
    // The process that was away knows the same as the one that stayed.
    let known = async |url: &str| -> Value {
        let all = http.get(format!("{url}/schemas")).send().await.unwrap();
        all.json().await.unwrap()
    };
    let expected = known(&there).await;
    assert!(expected.as_array().unwrap().iter().all(|item| item["version"] == 1), "{expected}");
    assert_eq!(expected.as_array().unwrap().len(), 104);
    let same = || async { known(&here).await == expected };
    registry.world.eventually("both know the same", same).await;
}

#[tokio::test]
async fn what_does_not_belong_on_the_log_stops_writes_and_no_reads() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let (tenant, id) = (Token::encode("default").unwrap(), Token::encode("default").unwrap());
    let subject = subject::event(&tenant, "schemas", "registry", &id);
    let nats = registry.world.nats.connect().await;
    nats.publish(subject, "nonsense".into()).await.unwrap();
    nats.flush().await.unwrap();
    let body = Some(json!({"schema": record(&["a", "b"])}));
    let message = registry.refused("POST", "/subjects/s/versions", body, 500, 50001).await;
    assert!(message.contains("Message 2 of stream EV_SCHEMAS"), "{message}");
    registry.expect("GET", "/subjects/s/versions", None, 200, json!([1])).await;
}

#[tokio::test]
async fn what_nobody_decides_is_unknown_until_it_is_asked_again() {
    let mut registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let listen = format!("127.0.0.1:{}", pick_port().unwrap());
    let data = tempfile::tempdir().unwrap();
    let _api = second(&registry, &["api"], &listen, data.path()).await;
    registry.world.alluvium.kill();
    let url = format!("http://{listen}/subjects/s/versions");
    let body = json!({"schema": record(&["a", "b"])}).to_string();
    let answer = reqwest::Client::new().post(&url).body(body.clone()).send().await.unwrap();
    let (status, answer) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
    assert_eq!((status, &answer["error_code"]), (500, &json!(50002)), "{answer}");
    assert_eq!(reqwest::get(&url).await.unwrap().json::<Value>().await.unwrap(), json!([1]), "reads go on");
    // The command waits on the log for whoever decides next; asked again, it is what it became.
    registry.world.alluvium.restart().await;
    let again = reqwest::Client::new().post(&url).body(body).send().await.unwrap();
    assert_eq!(again.json::<Value>().await.unwrap(), json!({"id": 2}));
    assert_eq!(reqwest::get(&url).await.unwrap().json::<Value>().await.unwrap(), json!([1, 2]));
}

#[tokio::test]
async fn what_one_process_took_another_shows() {
    let registry = Registry::start().await;
    let listen = format!("127.0.0.1:{}", pick_port().unwrap());
    let data = tempfile::tempdir().unwrap();
    let _other = second(&registry, &["api"], &listen, data.path()).await;
    let http = reqwest::Client::new();
    for n in 1..=20_u64 {
        // Written on one, read on the other, in turns.
        let urls = [registry.url.clone(), format!("http://{listen}")];
        let (here, there) = (&urls[(n % 2) as usize], &urls[((n + 1) % 2) as usize]);
        let body = json!({"schema": record(&[&format!("f{n}")])}).to_string();
        let written = http.post(format!("{here}/subjects/s{n}/versions")).body(body).send().await.unwrap();
        assert_eq!(written.status(), 200);
        let position = written.headers()["alv-position"].clone();
        let id = written.json::<Value>().await.unwrap()["id"].clone();
        assert_eq!(id, n);
        let read = http.get(format!("{there}/schemas/ids/{n}/subjects")).header("alv-min-position", position);
        let read = read.header("alv-wait-ms", "20000").send().await.unwrap();
        assert_eq!(read.json::<Value>().await.unwrap(), json!([format!("s{n}")]));
    }
}

#[tokio::test]
async fn without_its_log_a_registry_reads_and_says_that_it_cannot_write() {
    let mut registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    registry.expect("GET", "/master_available", None, 200, json!({"master_available": true})).await;
    registry.world.nats.kill();
    registry.expect("GET", "/master_available", None, 200, json!({"master_available": false})).await;
    let (status, health) = registry.call("GET", "/_health", None).await;
    assert_eq!((status, &health["healthy"]), (503, &json!(false)));
    // What is known is still told.
    registry.expect("GET", "/subjects", None, 200, json!(["s"])).await;
    assert_eq!(registry.get("/schemas/ids/1").await["schema"], record(&["a"]));
    let body = json!({"schema": record(&["a", "b"])}).to_string().into_bytes();
    let reply = registry.send(Method::POST, "/subjects/s/versions", &[], Some(body)).await;
    let answer = reply.json();
    assert_eq!((reply.status.as_u16(), &answer["error_code"]), (500, &json!(50004)), "{answer}");
    assert!(reply.headers.contains_key("retry-after"));
    registry.world.nats.restart().await;
    let registry = &registry;
    registry
        .world
        .eventually("the registry writes again", || async move {
            let body = Some(json!({"schema": record(&["a", "b"])}));
            registry.call("POST", "/subjects/s/versions", body).await.0 == 200
        })
        .await;
    assert_eq!(registry.get("/subjects/s/versions").await, json!([1, 2]));
}
