//! Requests with an idempotency key are done once, however often, at once or after whatever they are sent.

use std::time::Duration;

use alluvium_blackbox::{ADMIN, World};
use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, Row as _};

/// An answer with what matters of its headers.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    /// The key it names, when it is one of before.
    replayed: Option<String>,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    fn is_conflict(&self, said: &str) {
        let body = self.json();
        assert_eq!((self.status, &body["error"]), (StatusCode::CONFLICT, &json!("idempotency_conflict")), "{self:?}");
        assert!(body["message"].as_str().expect("a message").contains(said), "{self:?}");
    }
}

/// A caller with a credential and an idempotency key.
#[derive(Clone)]
struct Caller {
    url: String,
    credential: String,
    key: String,
}

fn caller(world: &World, credential: &str, key: &str) -> Caller {
    Caller { url: world.alluvium.url(), credential: credential.to_owned(), key: key.to_owned() }
}

impl Caller {
    /// Sends a request; none when the connection breaks.
    async fn try_send(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        let request =
            reqwest::Client::new().request(method, format!("{}{path}", self.url)).bearer_auth(&self.credential);
        let mut request = request.header("X-Idempotency-Key", &self.key).timeout(Duration::from_mins(2));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let header = |name: &str| Some(response.headers().get(name)?.to_str().expect("text").to_owned());
        let replayed = header("x-idempotency-replay");
        assert_eq!(replayed.is_some(), header("x-idempotency-key").is_some(), "both headers or none");
        let (status, replayed) = (response.status(), replayed.and_then(|_| header("x-idempotency-key")));
        Some(Answer { status, replayed, body: response.text().await.ok()? })
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.try_send(method, path, Some(body)).await.expect("an answer")
    }

    async fn delete(&self, path: &str) -> Answer {
        self.try_send(Method::DELETE, path, None).await.expect("an answer")
    }
}

async fn issue(world: &World, project: &str) -> Value {
    world.post(&format!("/projects/{project}/api-keys"), &json!({ "description": "another" })).await
}

#[tokio::test]
async fn what_comes_again_is_answered_again_and_what_is_another_is_told() {
    let world = World::start().await;
    world.project("p").await;
    let (one, buckets) = (caller(&world, ADMIN, "one"), "/projects/p/branches/default/buckets");
    let first = one.send(Method::POST, buckets, &json!({ "name": "a" })).await;
    assert_eq!((first.status, &first.replayed), (StatusCode::CREATED, &None));
    let again = one.send(Method::POST, buckets, &json!({ "name": "a" })).await;
    assert_eq!(again, Answer { replayed: Some("one".to_owned()), ..first.clone() });
    let older_form = one.send(Method::POST, "/projects/p/buckets", &json!({ "name": "a" })).await;
    assert_eq!(older_form, again);

    one.delete("/projects/p/buckets/a").await.is_conflict("used with POST, not DELETE");
    one.send(Method::POST, "/projects/p/files/prepare", &json!({ "name": "a" }))
        .await
        .is_conflict("different endpoint");
    let with_query = format!("{buckets}?x=1");
    one.send(Method::POST, &with_query, &json!({ "name": "a" })).await.is_conflict("different endpoint");
    one.send(Method::POST, buckets, &json!({ "name": "b" })).await.is_conflict("different request body");
    let key = issue(&world, "p").await["api_key"].as_str().expect("a key").to_owned();
    let other = caller(&world, &key, "one").send(Method::POST, buckets, &json!({ "name": "a" })).await;
    other.is_conflict("another caller");
    assert!(!other.body.contains("in_use"), "{other:?}");

    // Refusals that stay what they are, too; and a read is none of it.
    let two = caller(&world, ADMIN, "two");
    let taken = two.send(Method::POST, buckets, &json!({ "name": "a" })).await;
    assert_eq!((taken.status, &taken.replayed), (StatusCode::CONFLICT, &None));
    world.http(Method::DELETE, "/projects/p/buckets/a", None).await;
    let taken_again = two.send(Method::POST, buckets, &json!({ "name": "a" })).await;
    assert_eq!(taken_again, Answer { replayed: Some("two".to_owned()), ..taken });
    let read = two.try_send(Method::GET, "/projects/p/buckets/a", None).await.expect("an answer");
    assert_eq!((read.status, read.replayed), (StatusCode::NOT_FOUND, None));
    // Whoever may not is refused before anything is looked up; and may, once it may.
    assert_eq!(caller(&world, "nobody", "two").send(Method::POST, buckets, &json!({})).await.status, 403);
    let long = caller(&world, ADMIN, &"k".repeat(256)).send(Method::POST, buckets, &json!({ "name": "c" })).await;
    assert_eq!(
        (long.status, &long.json()["detail"]["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_idempotency_key"))
    );

    let metrics =
        reqwest::get(format!("{}/metrics", world.alluvium.url())).await.expect("metrics").text().await.expect("text");
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} is not fed"));
        line.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")
    };
    assert!(value("duckdb_idempotency_cache_hits_total ") >= 3.0);
    assert!(value("duckdb_idempotency_cache_misses_total ") >= 2.0);
    assert!(value("duckdb_idempotency_conflicts_total ") >= 5.0);
    assert!(value("duckdb_idempotency_cache_size ") >= 2.0);
}

#[tokio::test]
async fn six_at_once_have_one_effect_and_one_answer_that_nobody_else_can_read() {
    let world = World::start().await;
    world.project("p").await;
    let keys = "/projects/p/api-keys";
    let before = world.get(keys).await["count"].as_u64().expect("a count");
    let six = caller(&world, ADMIN, "six");
    let body = json!({ "description": "once" });
    let answers = futures::future::join_all((0..6).map(|_| six.send(Method::POST, keys, &body))).await;
    let secret = answers[0].json()["api_key"].as_str().expect("a key").to_owned();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED && answer.body == answers[0].body));
    assert_eq!(answers.iter().filter(|answer| answer.replayed.is_none()).count(), 1);
    assert_eq!(world.get(keys).await["count"], before + 1);
    let other = issue(&world, "p").await["api_key"].as_str().expect("a key").to_owned();
    let theirs = caller(&world, &other, "six").send(Method::POST, keys, &body).await;
    theirs.is_conflict("another caller");
    // Neither the key nor what it is made of lies about in the store.
    let js = async_nats::jetstream::new(world.nats.connect().await);
    let stream = js.get_stream("KV_IDEMPOTENCY").await.expect("the bucket");
    let last = stream.cached_info().state.last_sequence;
    let mut seen = 0;
    for seq in 1..=last {
        let Ok(message) = stream.get_raw_message(seq).await else { continue };
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let random = secret.rsplit('_').next().expect("a random part");
        assert!(!text.contains(random) && !text.contains(ADMIN), "{text}");
        seen += 1;
    }
    assert!(seen > 0);
}

/// Holds back the fold of a table of the read models, so that a write to it is on the log and not answered.
struct HeldBack(sqlx::PgConnection);

impl HeldBack {
    async fn table(world: &World, name: &str) -> Self {
        let mut connection = sqlx::PgConnection::connect(&world.database).await.expect("Postgres");
        let schemas =
            sqlx::query("SELECT table_schema FROM information_schema.tables WHERE table_name = $1").bind(name);
        let schemas = schemas.fetch_all(&mut connection).await.expect("schemas");
        connection.execute("BEGIN").await.expect("a transaction");
        for row in &schemas {
            let schema: String = row.get(0);
            let lock = format!("LOCK TABLE \"{schema}\".\"{name}\" IN EXCLUSIVE MODE");
            connection.execute(sqlx::AssertSqlSafe(lock)).await.expect("a lock");
        }
        assert!(!schemas.is_empty());
        Self(connection)
    }

    async fn let_go(mut self) {
        self.0.execute("ROLLBACK").await.expect("the end");
    }
}

/// Kills the binary between the append of what a request asks for and its answer, and starts it again.
async fn kill_before_the_answer(world: &mut World, caller: &Caller, at: (Method, &str), body: &Value, table: &str) {
    let held_back = HeldBack::table(world, table).await;
    let mut told = world.nats.connect().await.subscribe("told.>").await.expect("a subscription");
    let (caller, method, path, body) = (caller.clone(), at.0, at.1.to_owned(), body.clone());
    let asking = tokio::spawn(async move { caller.try_send(method, &path, Some(&body)).await });
    told.next().await.expect("the outcome");
    assert!(!asking.is_finished(), "it is answered although nothing shows");
    world.alluvium.kill();
    assert_eq!(asking.await.expect("a request"), None);
    held_back.let_go().await;
    world.alluvium.restart().await;
}

#[tokio::test]
async fn killed_between_append_and_answer_it_is_still_done_once() {
    let mut world = World::start().await;
    world.project("p").await;
    let (caller, buckets) = (caller(&world, ADMIN, "killed"), "/projects/p/buckets");
    let body = json!({ "name": "a", "description": "of before" });
    kill_before_the_answer(&mut world, &caller, (Method::POST, buckets), &body, "buckets").await;
    let caller = Caller { url: world.alluvium.url(), ..caller };
    let again = caller.send(Method::POST, buckets, &body).await;
    // Not 409: the bucket that is there is the one of this request.
    assert_eq!((again.status, &again.replayed), (StatusCode::CREATED, &None), "{again:?}");
    assert_eq!(again.json()["description"], "of before");
    let third = caller.send(Method::POST, buckets, &body).await;
    assert_eq!(third, Answer { replayed: Some("killed".to_owned()), ..again });
    world.verify();
}

#[tokio::test]
async fn killed_before_its_answer_a_key_is_the_same_key_and_a_project_has_one() {
    let mut world = World::start().await;
    world.project("p").await;
    let issue = caller(&world, ADMIN, "issue");
    let (keys, body) = ("/projects/p/api-keys", json!({ "description": "once", "expires_in_days": 3 }));
    let before = world.get(keys).await["count"].as_u64().expect("a count");
    kill_before_the_answer(&mut world, &issue, (Method::POST, keys), &body, "key").await;
    assert_eq!(world.get(keys).await["count"], before + 1, "it was issued");
    let again = Caller { url: world.alluvium.url(), ..issue }.send(Method::POST, keys, &body).await;
    assert_eq!((again.status, again.replayed.as_ref()), (StatusCode::CREATED, None), "{again:?}");
    assert_eq!(world.get(keys).await["count"], before + 1, "and not another one");
    let key = again.json()["api_key"].as_str().expect("a key").to_owned();
    assert_eq!(world.http_as(Some(&key), Method::GET, "/projects/p", None).await.0, StatusCode::OK);

    let create = caller(&world, ADMIN, "create");
    let body = json!({ "id": "q" });
    kill_before_the_answer(&mut world, &create, (Method::POST, "/projects"), &body, "projects").await;
    let again = Caller { url: world.alluvium.url(), ..create }.send(Method::POST, "/projects", &body).await;
    assert_eq!(again.status, StatusCode::CREATED, "{again:?}");
    assert_eq!(world.get("/projects/q/api-keys").await["count"], 1);
    let key = again.json()["api_key"].as_str().expect("a key").to_owned();
    assert_eq!(world.http_as(Some(&key), Method::GET, "/projects/q", None).await.0, StatusCode::OK);
    world.verify();
}

#[tokio::test]
async fn a_project_ends_with_its_keys_and_its_own_key_may_learn_it() {
    let world = World::start().await;
    let begin = caller(&world, ADMIN, "begin");
    let created = begin.send(Method::POST, "/projects", &json!({ "id": "p" })).await;
    assert_eq!(created.status, StatusCode::CREATED);
    begin.send(Method::POST, "/projects/p/buckets", &json!({ "name": "a" })).await.is_conflict("different endpoint");
    let key = created.json()["api_key"].as_str().expect("a key").to_owned();
    let own = caller(&world, &key, "bucket");
    assert_eq!(
        own.send(Method::POST, "/projects/p/buckets", &json!({ "name": "a" })).await.status,
        StatusCode::CREATED
    );

    // A key that revokes itself learns that it did, and nothing else.
    let spare = issue(&world, "p").await;
    let (id, secret) = (spare["id"].as_str().expect("an id"), spare["api_key"].as_str().expect("a key"));
    let itself = caller(&world, secret, "itself");
    let path = format!("/projects/p/api-keys/{id}");
    let (first, second) = (itself.delete(&path).await, itself.delete(&path).await);
    assert_eq!((first.status, second.status), (StatusCode::NO_CONTENT, StatusCode::NO_CONTENT));
    assert_eq!(second.replayed.as_deref(), Some("itself"));
    assert_eq!(caller(&world, secret, "unheard").delete(&path).await.status, StatusCode::FORBIDDEN);
    assert_eq!(itself.delete("/projects/p/buckets/a").await.status, StatusCode::FORBIDDEN);

    // So does a key that puts another in its place, which is then the one in the answer.
    let spare = issue(&world, "p").await;
    let (id, secret) = (spare["id"].as_str().expect("an id"), spare["api_key"].as_str().expect("a key"));
    let (turn, path) = (caller(&world, secret, "turn"), format!("/projects/p/api-keys/{id}/rotate"));
    let (first, second) =
        (turn.send(Method::POST, &path, &json!({})).await, turn.send(Method::POST, &path, &json!({})).await);
    assert_eq!((first.status, &first.body), (StatusCode::CREATED, &second.body));
    assert_eq!((second.status, second.replayed.as_deref()), (StatusCode::CREATED, Some("turn")));
    assert_ne!(first.json()["api_key"], json!(secret));

    let end = caller(&world, &key, "end");
    let (first, second) = (end.delete("/projects/p").await, end.delete("/projects/p").await);
    assert_eq!((first.status, first.replayed), (StatusCode::NO_CONTENT, None));
    assert_eq!(
        (second.status, second.replayed.as_deref(), second.body.as_str()),
        (StatusCode::NO_CONTENT, Some("end"), "")
    );

    // The same id again is another project: nothing of the old one's keys is left.
    let anew = begin.send(Method::POST, "/projects", &json!({ "id": "p" })).await;
    assert_eq!((anew.status, &anew.replayed), (StatusCode::CREATED, &None));
    assert_ne!(anew.json()["api_key"], json!(key));
    let admin = caller(&world, ADMIN, "bucket");
    let bucket = admin.send(Method::POST, "/projects/p/buckets", &json!({ "name": "a" })).await;
    assert_eq!((bucket.status, bucket.replayed), (StatusCode::CREATED, None));
    assert_eq!(end.delete("/projects/p").await.status, StatusCode::NO_CONTENT, "what ended the old one is still known");
}
