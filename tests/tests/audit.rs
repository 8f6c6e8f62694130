//! The account of calls: what was changed, refused and denied is there, with who asked; and nothing that opens anything.

use std::time::Duration;

use alluvium_blackbox::{ADMIN, World};
use async_nats::jetstream;
use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const BUCKETS: &str = "/projects/p/branches/default/buckets";
const AGENT: &str = "the-tests/1";

/// The events of a path, newest first.
async fn events(world: &World, key: &str, path: &str) -> Vec<Value> {
    let (status, answer) = world.http_as(Some(key), Method::GET, path, None).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer["events"].as_array().expect("events").clone()
}

/// Waits until the admin's list has an event that is as wanted.
async fn seen(world: &World, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = std::time::Instant::now();
    loop {
        let all = events(world, ADMIN, "/audit?limit=1000").await;
        if let Some(event) = all.iter().find(|event| wanted(event)) {
            return event.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{what} never came: {all:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A project with a key of its own.
async fn project(world: &World, id: &str) -> String {
    world.project(id).await;
    let body = json!({ "description": "tests", "scope": "project_admin" });
    let issued = world.post(&format!("/projects/{id}/api-keys"), &body).await;
    issued["api_key"].as_str().expect("a key").to_owned()
}

/// Every message of the account, as it lies on the stream.
async fn stream(world: &World) -> Vec<Vec<u8>> {
    let js = jetstream::new(async_nats::connect(world.nats.url()).await.expect("NATS"));
    let stream = js.get_stream("AUDIT").await.expect("the stream");
    let last = stream.cached_info().state.last_sequence;
    let config = jetstream::consumer::pull::OrderedConfig::default();
    let messages = stream.create_consumer(config).await.expect("a consumer").messages().await.expect("messages");
    let bytes = |message: jetstream::Message| {
        let headers = format!("{:?}", message.headers).into_bytes();
        [message.subject.as_bytes(), &headers, &message.payload].concat()
    };
    messages.take(last as usize).map(|message| bytes(message.expect("a message"))).collect().await
}

#[tokio::test]
async fn changes_refusals_and_denials_are_on_the_account() {
    let world = World::start().await;
    let key = project(&world, "p").await;
    let own = world.http_as(Some(&key), Method::GET, "/projects/p/api-keys/self", None).await.1;
    let key_id = own["id"].as_str().expect("an id").to_owned();
    let actor = format!("key:{key_id}");

    // A change, with all its fields.
    let client = reqwest::Client::new();
    let request =
        client.post(format!("{}{BUCKETS}", world.alluvium.url())).bearer_auth(&key).json(&json!({"name": "in.c-made"}));
    let request =
        request.header("User-Agent", AGENT).header("X-KBC-RunId", "run-7").header("X-Request-ID", "request-1");
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::CREATED);
    let made = seen(&world, "the bucket", |event| event["context"]["request_id"] == "request-1").await;
    let expected = json!({
        "event": "storage.bucketCreated", "type": "success", "message": "Done: Create a bucket", "object_type": "bucket",
        "object_id": "in_c_made", "object_name": "in_c_made", "actor": actor, "branch_id": "default", "run_id": "run-7",
    });
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(&made[field], value, "{field} of {made:#}");
    }
    assert_eq!((&made["results"]["status"], &made["params"]["project_id"]), (&json!(201), &json!("p")), "{made:#}");
    assert_eq!((&made["context"]["user_agent"], &made["context"]["remote_addr"]), (&json!(AGENT), &json!("127.0.0.1")));
    assert!(made["performance"]["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{made:#}");
    assert!(uuid::Uuid::parse_str(made["uuid"].as_str().expect("text")).is_ok_and(|id| id.get_version_num() == 7));

    // Refusals: of what cannot be, and of what makes no sense.
    for (body, status, code) in [
        (json!({"name": "in.c-made"}), 409, "storage.bucket_exists"),
        (json!({"name": "no/name"}), 400, "storage.invalid_name"),
    ] {
        let (answered, answer) = world.http_as(Some(&key), Method::POST, BUCKETS, Some(&body)).await;
        assert_eq!(answered.as_u16(), status, "{answer}");
        let refused = seen(&world, code, |event| event["results"]["error"] == code).await;
        assert_eq!(
            (&refused["type"], &refused["event"]),
            (&json!("error"), &json!("storage.createBucket")),
            "{refused:#}"
        );
        assert_eq!((&refused["actor"], &refused["results"]["status"]), (&json!(actor), &json!(status)));
        assert!(!refused["message"].as_str().expect("text").contains("no/name"), "{refused:#}");
    }

    // Denials, also of what is only read: of nobody, of a stranger, of a key of another project.
    let other = project(&world, "q").await;
    let wrong = key.replace("_admin_", "_admin_0");
    for (credential, method, code) in [
        (None, Method::GET, "http.not_authenticated"),
        (Some(wrong.as_str()), Method::POST, "http.unknown_credential"),
        (Some(other.as_str()), Method::GET, "access.forbidden"),
    ] {
        let body = (method == Method::POST).then(|| json!({"name": "x"}));
        let (status, answer) = world.http_as(credential, method, BUCKETS, body.as_ref()).await;
        assert!(matches!(status.as_u16(), 401 | 403), "{status} {answer}");
        let denied = seen(&world, code, |event| event["results"]["error"] == code).await;
        assert_eq!(
            (&denied["type"], &denied["results"]["status"]),
            (&json!("warn"), &json!(status.as_u16())),
            "{denied:#}"
        );
        assert_eq!(denied["actor"].is_null(), code != "access.forbidden", "{denied:#}");
        assert_eq!(denied["context"]["project_id"], "p");
    }
    // A read that is answered is not there.
    assert_eq!(world.http_as(Some(&key), Method::GET, BUCKETS, None).await.0, StatusCode::OK);
    world.http_as(Some(&key), Method::POST, BUCKETS, Some(&json!({"name": "behind"}))).await;
    seen(&world, "what comes behind", |event| event["object_name"] == "behind").await;
    let all = events(&world, ADMIN, "/audit?limit=1000").await;
    assert!(!all.iter().any(|event| event["context"]["operation"] == "listBuckets" && event["type"] != "warn"));

    no_secret(&world, &[&key, &other, &wrong]).await;
    world.verify();
}

/// Nothing on the account opens anything.
async fn no_secret(world: &World, secrets: &[&str]) {
    let messages = stream(world).await;
    assert!(messages.len() > 5, "{}", messages.len());
    for secret in secrets.iter().copied().chain([ADMIN]) {
        let found = messages.iter().find(|bytes| bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
        assert!(found.is_none(), "{}", String::from_utf8_lossy(found.map_or(&[], Vec::as_slice)));
    }
}

#[tokio::test]
async fn commands_over_nats_are_on_the_account() {
    let world = World::start().await;
    world.project("p").await;
    let nats = async_nats::connect(world.nats.url()).await.expect("NATS");
    let send = async |bucket: &str| {
        let body = json!({ "project": "p", "bucket": bucket, "description": null }).to_string();
        nats.publish("cmd.default.storage.CreateBucket", body.into()).await.expect("published");
        nats.flush().await.expect("sent");
    };
    let of = |kind: &'static str| {
        move |event: &Value| {
            event["context"]["channel"] == "nats" && event["type"] == kind && event["params"]["project_id"] == "p"
        }
    };
    send("sent").await;
    let accepted = seen(&world, "the command", of("success")).await;
    assert_eq!((&accepted["event"], &accepted["actor"]), (&json!("storage.CreateBucket"), &json!("nats:default")));
    assert_eq!(
        (&accepted["object_type"], &accepted["object_name"]),
        (&json!("bucket"), &json!("sent")),
        "{accepted:#}"
    );
    send("sent").await;
    let refused = seen(&world, "the refusal", of("error")).await;
    assert_eq!(refused["results"]["error"], "storage.bucket_exists");
    world.command("access", "GrantPublishers", &json!({ "rights": "none" })).await;
    send("other").await;
    let denied = seen(&world, "the denial", of("warn")).await;
    assert_eq!((&denied["results"]["error"], &denied["results"]["status"]), (&json!("access.forbidden"), &json!(403)));

    // What somebody else publishes there is not believed.
    let js = jetstream::new(nats.clone());
    let forged = stream(&world).await.len() as u64 + 1;
    js.publish("audit.default.p.forged", "forged".into()).await.expect("sent").await.expect("stored");
    world.command("storage", "CreateBucket", &json!({ "project": "p", "bucket": "last", "description": null })).await;
    seen(&world, "what comes behind", |event| event["object_name"] == "last").await;
    assert!(stream(&world).await.len() as u64 > forged);
    assert!(!events(&world, ADMIN, "/audit?limit=1000").await.iter().any(|event| event["event"] == "forged"));
    world.verify();
}

#[tokio::test]
async fn each_key_is_shown_the_events_it_may_see() {
    let world = World::start().await;
    let key = project(&world, "p").await;
    world.table("p", "t", &[("a", "VARCHAR")], &[]).await;
    world.post(BUCKETS, &json!({ "name": "c" })).await;
    let (bucket, table) = (format!("{BUCKETS}/b/events"), format!("{BUCKETS}/b/tables/t/events"));
    let created = |event: &Value| event["event"] == "storage.tableCreated";
    seen(&world, "the table", created).await;
    assert!(events(&world, &key, &table).await.iter().any(created));
    let older = table.replace("/branches/default", "");
    assert_eq!(events(&world, &key, &older).await, events(&world, &key, &table).await);
    assert!(events(&world, &key, &bucket).await.iter().all(|event| event["params"]["bucket_name"] == "b"));

    // A key of one bucket sees what happens there, and what it does itself; another bucket is not there for it.
    let body = json!({ "description": "one", "scope": "custom", "bucket_permissions": { "b": "read" } });
    let issued = world.post("/projects/p/api-keys", &body).await;
    let (custom, id) = (issued["api_key"].as_str().expect("a key"), issued["id"].as_str().expect("an id"));
    assert!(events(&world, custom, &bucket).await.iter().any(created));
    let asked = async |path: &str| world.http_as(Some(custom), Method::GET, path, None).await.0.as_u16();
    assert_eq!(asked(&format!("{BUCKETS}/c/events")).await, 404);
    assert_eq!(asked("/projects/p/events").await, 403);
    seen(&world, "its denial", |event| event["actor"] == format!("key:{id}") && event["results"]["status"] == 403)
        .await;
    seen(&world, "the other one", |event| event["actor"] == format!("key:{id}") && event["results"]["status"] == 404)
        .await;
    let own = events(&world, custom, &format!("/projects/p/api-keys/{id}/events")).await;
    assert!(own.iter().any(|event| event["event"] == "storage.tokenCreated") && own.len() >= 3, "{own:#?}");
    assert_eq!(asked("/projects/p/api-keys/key_0000/events").await, 403);
    assert_eq!(asked("/audit").await, 401);

    // What is gone keeps its events; what never was has none.
    let path = format!("{BUCKETS}/b/tables/t");
    assert_eq!(world.http(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    seen(&world, "the drop", |event| event["event"] == "storage.tableDeleted").await;
    assert!(events(&world, &key, &table).await.iter().any(created));
    assert_eq!(
        world.http(Method::GET, &format!("{BUCKETS}/b/tables/never/events"), None).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(world.http(Method::GET, "/projects/never/events", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_follow_each_other_and_clients_report_events_of_their_own() {
    let world = World::start().await;
    let key = project(&world, "p").await;
    let mut sent = Vec::new();
    for n in 0..7 {
        let body = json!({
            "component": "acme.loader", "event": "loaded", "type": "success", "message": format!("load {n}"),
            "params": {"n": n}, "results": {"rows": n * 10}, "run_id": "run-1",
        });
        let (status, event) = world.http_as(Some(&key), Method::POST, "/projects/p/events", Some(&body)).await;
        assert_eq!(status, StatusCode::CREATED, "{event}");
        assert_eq!((&event["event"], &event["results"]["rows"]), (&json!("ext.acme.loader.loaded"), &json!(n * 10)));
        sent.push(event);
    }
    let list = "/projects/p/events?component=acme.loader&run_id=run-1";
    world.eventually("all are there", async || events(&world, &key, list).await.len() == 7).await;
    let uuid = |n: usize| sent[n]["uuid"].as_str().expect("an id").to_owned();
    let newest_first: Vec<Value> = sent.iter().rev().cloned().collect();
    assert_eq!(events(&world, &key, list).await, newest_first);
    assert_eq!(events(&world, &key, &format!("{list}&since_id={}", uuid(3))).await, newest_first[..3]);
    assert_eq!(events(&world, &key, &format!("{list}&max_id={}&limit=2", uuid(3))).await, newest_first[4..6]);
    let between = format!("{list}&since_id={}&max_id={}", uuid(1), uuid(4));
    assert_eq!(events(&world, &key, &between).await, newest_first[3..5]);
    assert_eq!(events(&world, &key, &format!("{list}&q=LOAD%205")).await, newest_first[1..2]);
    for wrong in ["since_id=x", "limit=0", "limit=10001"] {
        let (status, _) = world.http_as(Some(&key), Method::GET, &format!("/projects/p/events?{wrong}"), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    for (body, status) in [
        (json!({ "component": "c", "message": "m", "type": "loud" }), 422),
        (json!({ "component": "c" }), 422),
        (json!({ "component": "c", "message": "m", "params": { "a": "x".repeat(200 * 1024) } }), 413),
    ] {
        let answered = world.http_as(Some(&key), Method::POST, "/projects/p/events", Some(&body)).await;
        assert_eq!(answered.0.as_u16(), status, "{}", answered.1);
    }

    // Live: what is reported now arrives, and what lies behind the last one that was seen.
    let request = reqwest::Client::new().get(format!("{}{list}", world.alluvium.url())).bearer_auth(&key);
    let request = request.header("Accept", "text/event-stream").header("Last-Event-ID", uuid(5));
    let mut live = request.send().await.expect("an answer").bytes_stream();
    let (mut text, wanted) = (String::new(), [uuid(6), "load now".to_owned()]);
    let body = json!({ "component": "acme.loader", "message": "load now", "run_id": "run-1" });
    world.http_as(Some(&key), Method::POST, "/projects/p/events", Some(&body)).await;
    let reading = async {
        while !wanted.iter().all(|part| text.contains(part)) {
            text.push_str(&String::from_utf8_lossy(&live.next().await.expect("more").expect("bytes")));
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("both arrive");
    assert!(!text.contains(&uuid(5)), "{text}");
}

#[tokio::test]
async fn operations_are_listed_with_what_became_of_them_and_counted() {
    let world = World::start().await;
    let client = reqwest::Client::new();
    let key = project(&world, "p").await;
    world.table("p", "t", &[("a", "VARCHAR")], &[]).await;
    let asked = async |query: &str| {
        let (status, answer) =
            world.http_as(Some(&key), Method::GET, &format!("/projects/p/operations{query}"), None).await;
        assert_eq!(status, StatusCode::OK, "{query}: {answer}");
        answer
    };
    let listed = async |query: &str| asked(query).await["operations"].as_array().expect("operations").clone();
    let names = |operations: &[Value]| -> Vec<String> {
        operations.iter().map(|one| one["operation"].as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(
        world.http_as(Some(&key), Method::POST, BUCKETS, Some(&json!({"name": "b"}))).await.0,
        StatusCode::CONFLICT
    );
    assert_eq!(world.http_as(None, Method::GET, BUCKETS, None).await.0, StatusCode::UNAUTHORIZED);
    let reported = json!({ "component": "acme", "message": "not an operation" });
    world.http_as(Some(&key), Method::POST, "/projects/p/events", Some(&reported)).await;
    let row = json!({ "where_clause": "a = 'x'" });
    assert_eq!(world.http(Method::DELETE, &format!("{BUCKETS}/b/tables/t/rows"), Some(&row)).await.0, StatusCode::OK);
    world.eventually("all are there", async || listed("?operation=deleteRows").await.len() == 1).await;

    let all = listed("").await;
    let expected =
        ["deleteRows", "listBuckets", "createBucket", "createTable", "createApiKey", "createBucket", "createProject"];
    let shown: Vec<String> = names(&all).into_iter().filter(|name| name != "createEvent").collect();
    assert_eq!(shown, expected, "{all:#?}");
    let statuses: Vec<&str> = all.iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(statuses[..4], ["success", "denied", "error", "success"], "{all:#?}");
    let (refused, table) = (&all[2], &all[3]);
    assert_eq!((&refused["error"], &refused["status_code"]), (&json!("storage.bucket_exists"), &json!(409)));
    assert_eq!(
        (&table["object_type"], &table["object_id"], &table["actor"]),
        (&json!("table"), &json!("b.t"), &json!("admin"))
    );
    assert!(table["duration_ms"].as_f64().is_some_and(|took| took > 0.0), "{table:#}");

    assert_eq!(names(&listed("?operation=createBucket").await), ["createBucket"; 2]);
    assert_eq!(names(&listed("?operation=createBucket&status=error").await), ["createBucket"]);
    assert_eq!(names(&listed("?object_type=table&objectId=b.t").await), ["deleteRows", "createTable"]);
    assert_eq!(names(&listed("?status=denied").await), ["listBuckets"]);
    let [newest, oldest] = [&all[0], &all[all.len() - 1]].map(|one| one["id"].as_str().expect("an id"));
    assert_eq!(names(&listed(&format!("?max_id={newest}&limit=1")).await), names(&all[1..2]));
    assert_eq!(listed(&format!("?since_id={oldest}")).await.len(), all.len() - 1);
    let time = table["created_time"].as_str().expect("a time").replace('+', "%2B");
    assert_eq!(listed(&format!("?created_time_from={time}")).await, all[..4]);
    assert_eq!(listed(&format!("?created_time_to={time}")).await, all[4..]);

    let stats = asked("/stats").await;
    let of = |name: &str| {
        let one = stats["operations"].as_array().expect("operations").iter().find(|one| one["operation"] == name);
        one.unwrap_or_else(|| panic!("{name}: {stats:#}")).clone()
    };
    let buckets = of("createBucket");
    assert_eq!((&buckets["calls"], &buckets["errors"], &buckets["denied"]), (&json!(2), &json!(1), &json!(0)));
    assert_eq!(of("listBuckets")["denied"], 1);
    assert_eq!((&stats["errors"], &stats["denied"]), (&json!(1), &json!(1)));
    assert_eq!(stats["calls"].as_u64(), Some(all.len() as u64), "{stats:#}");
    let took = ["median", "p95", "max"].map(|name| buckets["duration_ms"][name].as_f64().expect("a time"));
    assert!(took.is_sorted() && took[0] > 0.0, "{buckets:#}");
    // What a client reports is no operation, whatever it says of itself.
    assert!(all.iter().all(|one| one["channel"] != "event"), "{all:#?}");
    // What is done later is there when it is taken on, with its run, and when it is done.
    let later = client.delete(format!("{}{BUCKETS}/b/tables/t/rows?async=true", world.alluvium.url()));
    let later = later.bearer_auth(&key).header("X-KBC-RunId", "run-7").json(&json!({ "allow_truncate": true }));
    assert_eq!(later.send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    world.eventually("both are there", async || listed("?operation=deleteRows").await.len() == 3).await;
    assert_eq!(listed("?status=processing&runId=run-7").await.len(), 1);
    assert_eq!(listed("?operation=deleteRows&status=success").await.len(), 2);
    for (path, status) in [
        ("/projects/p/operations?status=done", 422),
        ("/projects/p/operations?limit=0", 422),
        ("/projects/p/operations?created_time_from=soon", 422),
        ("/projects/p/operations/stats?hours=9999", 422),
        ("/projects/never/operations", 404),
        ("/projects/never/operations/stats", 404),
    ] {
        assert_eq!(world.http(Method::GET, path, None).await.0.as_u16(), status, "{path}");
    }
    world.verify();
}

/// A process that is killed loses at most what waited: nothing of what was answered a moment before, and nothing breaks.
#[tokio::test]
async fn a_killed_process_loses_what_waited_at_the_most() {
    let mut world = World::start().await;
    let key = project(&world, "p").await;
    for n in 0..50 {
        let body = json!({ "name": format!("k{n}") });
        let (status, _) = world.http_as(Some(&key), Method::POST, BUCKETS, Some(&body)).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    world.alluvium.kill();
    world.alluvium.restart().await;
    seen(&world, "the first", |event| event["object_name"] == "k0").await;
    world.http_as(Some(&key), Method::POST, BUCKETS, Some(&json!({ "name": "after" }))).await;
    seen(&world, "what comes after", |event| event["object_name"] == "after").await;
    let all = events(&world, ADMIN, "/audit?limit=1000").await;
    let kept =
        all.iter().filter(|event| event["object_name"].as_str().is_some_and(|name| name.starts_with('k'))).count();
    // Together they took many times as long as calls are gathered: what was lost is the last of them.
    assert!((10..=50).contains(&kept), "{kept}");
    world.verify();
}

/// Every operation that has a name of its own is one of the interface.
#[tokio::test]
async fn what_has_a_name_is_served() {
    let world = World::closed().await;
    let document = world.get("/openapi.json").await;
    let items = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("an item").values());
    let served: Vec<&str> = items.filter_map(|operation| operation["operationId"].as_str()).collect();
    for operation in alluvium_audit::names::operations() {
        assert!(served.contains(&operation), "{operation} is not served");
    }
}

/// The stream keeps so much and so long; the list shows what the stream has, and a replay equals it also when nothing is left.
#[tokio::test]
async fn what_the_stream_lets_go_of_goes_from_the_list() {
    let mut world = World::start().await;
    let key = project(&world, "p").await;
    for n in 0..9 {
        world.http_as(Some(&key), Method::POST, BUCKETS, Some(&json!({ "name": format!("k{n}") }))).await;
    }
    seen(&world, "the last", |event| event["object_name"] == "k8").await;
    let js = jetstream::new(async_nats::connect(world.nats.url()).await.expect("NATS"));
    let mut config = js.get_stream("AUDIT").await.expect("the stream").cached_info().config.clone();
    config.max_messages = 3;
    js.update_stream(&config).await.expect("fewer messages");
    // The comparison may be one of the three by now.
    let left = left_by_a_comparison(&world).await;
    assert!(left.len() >= 2 && ["k8", "k7", "k6"].map(str::to_owned).starts_with(&left), "{left:?}");

    (config.max_age, config.duplicate_window) = (Duration::from_secs(1), Duration::from_secs(1));
    js.update_stream(&config).await.expect("a shorter time");
    let held = async || js.get_stream("AUDIT").await.expect("the stream").cached_info().state.messages;
    world.eventually("everything is gone", async || held().await == 0).await;
    assert_eq!(left_by_a_comparison(&world).await, [""; 0]);
    world.alluvium.kill();
    world.alluvium.restart().await;
    world.http_as(Some(&key), Method::POST, BUCKETS, Some(&json!({ "name": "after" }))).await;
    seen(&world, "what comes after", |event| event["object_name"] == "after").await;
    world.verify();
}

/// Compares the list with a replay, and gives the names in what is left. The comparison itself is a call that names nothing.
async fn left_by_a_comparison(world: &World) -> Vec<String> {
    let verified = world.cli(&["projections", "verify", "audit"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let left = events(world, ADMIN, "/audit?limit=1000").await;
    left.iter().filter_map(|event| Some(event["object_name"].as_str()?.to_owned())).collect()
}

/// A flood of strangers is counted and does not fill the account.
#[tokio::test]
async fn a_flood_of_strangers_leaves_the_account_to_others() {
    let world = World::start().await;
    let key = project(&world, "p").await;
    for _ in 0..200 {
        assert_eq!(world.http_as(None, Method::GET, BUCKETS, None).await.0, StatusCode::UNAUTHORIZED);
    }
    world.http_as(Some(&key), Method::POST, BUCKETS, Some(&json!({ "name": "heard" }))).await;
    seen(&world, "the change", |event| event["object_name"] == "heard").await;
    let all = events(&world, ADMIN, "/audit?limit=1000").await;
    let denied = all.iter().filter(|event| event["results"]["error"] == "http.not_authenticated").count();
    assert!((60..100).contains(&denied), "{denied}");
    let metrics = reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics").text().await;
    let metrics = metrics.expect("text");
    let dropped = metrics.lines().find(|line| line.starts_with("alluvium_audit_dropped_total{reason=\"strangers\"}"));
    let dropped: f64 = dropped.and_then(|line| line.rsplit(' ').next()?.parse().ok()).expect("a count");
    assert!(dropped >= 100.0, "{dropped}");
}
