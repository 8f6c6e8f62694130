//! Requests that are answered later: 202 and a job, whose answer is what the request would have been answered with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alluvium_blackbox::{ADMIN, World};
use alluvium_kernel::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const P: &str = "/projects/p";
const T: &str = "/projects/p/branches/default/buckets/b/tables/t";
/// Jobs that are begun before the process is killed.
const JOBS: usize = 12;
/// Longer than what a job may hold, in bytes.
const LONG: usize = 300_000;

async fn filled() -> World {
    let world = World::start().await;
    world.project("p").await;
    world.table("p", "t", &[("id", "BIGINT")], &[]).await;
    world
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    applied: Option<String>,
    body: Value,
}

/// A request with headers of its own.
async fn ask(world: &World, key: &str, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut request =
        reqwest::Client::new().request(method, format!("{}{path}", world.alluvium.url())).bearer_auth(key).json(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
    let (status, location, applied) = (response.status(), header("location"), header("preference-applied"));
    Answer { status, location, applied, body: response.json().await.unwrap_or(Value::Null) }
}

async fn later(world: &World, method: Method, path: &str, body: &Value) -> Value {
    let answer = ask(world, ADMIN, method, path, &[("prefer", "respond-async")], body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    assert_eq!(answer.location.as_deref(), answer.body["url"].as_str());
    assert_eq!(answer.applied.as_deref(), Some("respond-async"));
    answer.body
}

/// The job when it is answered.
async fn ended(world: &World, job: &Value) -> Value {
    let path = job["url"].as_str().expect("a place");
    for _ in 0..6 {
        let answer = ask(world, ADMIN, Method::GET, path, &[("prefer", "wait=20")], &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        if !answer.body["end_time"].is_null() {
            return answer.body;
        }
    }
    panic!("{path} is never answered\n{}", world.alluvium.output());
}

fn appending(file: &str) -> Value {
    json!({ "file_id": file, "import_options": { "incremental": true } })
}

#[tokio::test]
async fn a_job_ends_with_the_answer_that_the_request_would_have_had() {
    let world = filled().await;
    let file = world.upload("p", "rows.csv", b"id\n1\n2\n3\n".to_vec()).await;
    let headers = [("prefer", "respond-async, wait=30"), ("x-kbc-runid", "run-7")];
    let begun = ask(&world, ADMIN, Method::POST, &format!("{T}/import/file"), &headers, &appending(&file)).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    let job = begun.body;
    assert_eq!((&job["status"], &job["results"]["imported_rows"]), (&json!("success"), &json!(3)), "{job}");
    assert_eq!((&job["operation_name"], &job["table_id"]), (&json!("tableImport"), &json!("b.t")));
    assert_eq!(job["operation_params"], appending(&file));
    assert_eq!((&job["run_id"], &job["creator_token"]["id"]), (&json!("run-7"), &json!("admin")));
    assert!(job["created_time"].as_str() <= job["start_time"].as_str(), "{job}");
    assert!(job["start_time"].as_str() <= job["end_time"].as_str(), "{job}");
    assert_eq!(job["error"], Value::Null);
    assert_eq!(world.get(job["url"].as_str().expect("a place")).await, job, "it stays as it is");
    assert_eq!(world.get(T).await["row_count"], 3);

    // Of the rest, only what is particular: a file that came of it, and a refusal.
    let export = ended(&world, &later(&world, Method::POST, &format!("{T}/export?x=1"), &json!({})).await).await;
    assert_eq!(export["results"]["rows_exported"], 3, "{export}");
    assert_eq!(export["metrics"]["out_bytes"], export["results"]["file_size_bytes"]);
    let missing = later(&world, Method::POST, &format!("{T}/import/file"), &appending("nowhere")).await;
    let refused = ended(&world, &missing).await;
    assert_eq!((&refused["status"], &refused["error"]["error"]), (&json!("error"), &json!("file_not_found")));
    assert_eq!(refused["results"], Value::Null);
    let by_query = ask(
        &world,
        ADMIN,
        Method::POST,
        "/projects/p/snapshots?async=true",
        &[],
        &json!({"bucket": "b", "table": "t"}),
    )
    .await;
    assert_eq!(by_query.status, StatusCode::ACCEPTED);
    assert_eq!(ended(&world, &by_query.body).await["results"]["row_count"], 3);

    let listed = world.get(&format!("{P}/jobs?limit=2")).await;
    assert_eq!((&listed["total"], listed["jobs"].as_array().map(Vec::len)), (&json!(4), Some(2)));
    assert_eq!(listed["jobs"][0]["id"], by_query.body["id"], "the newest first");
    let failed = world.get(&format!("{P}/jobs?status=error")).await;
    assert_eq!((&failed["total"], &failed["jobs"][0]["id"]), (&json!(1), &refused["id"]));
    assert_eq!(world.get(&format!("{P}/jobs?excluded_status=error")).await["total"], 3);
    let since = job["created_time"].as_str().expect("a time").replace('+', "%2B");
    assert_eq!(world.get(&format!("{P}/jobs?created_time_to={since}")).await["total"], 1);
    world.verify();
}

#[tokio::test]
async fn what_cannot_be_a_job_is_refused_at_once() {
    let world = filled().await;
    let import = format!("{T}/import/file");
    let odd = world.http(Method::POST, &format!("{import}?async=perhaps"), Some(&json!({}))).await;
    assert_eq!(odd.0, StatusCode::UNPROCESSABLE_ENTITY, "{}", odd.1);
    let long = json!({ "file_id": "x".repeat(LONG) });
    let answer = ask(&world, ADMIN, Method::POST, &import, &[("prefer", "respond-async")], &long).await;
    assert_eq!((answer.status, &answer.body["detail"]["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    let nobody = ask(&world, "nobody", Method::POST, &import, &[("prefer", "respond-async")], &json!({})).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN, "{}", nobody.body);
    // A route that is not answered later does not mind the wish.
    let bucket = json!({ "name": "c" });
    let made = ask(&world, ADMIN, Method::POST, "/projects/p/buckets", &[("prefer", "respond-async")], &bucket).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(world.get(&format!("{P}/jobs")).await["total"], 0);
    assert_eq!(world.http(Method::GET, &format!("{P}/jobs/job_x"), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        world.http(Method::GET, &format!("{P}/jobs?status=odd"), None).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn a_job_sent_again_is_the_same_job_and_others_of_the_table_wait_for_it() {
    let world = filled().await;
    let file = world.upload("p", "rows.csv", b"id\n1\n".to_vec()).await;
    let headers = [("prefer", "respond-async"), ("x-idempotency-key", "once")];
    let path = format!("{T}/import/file");
    let first = ask(&world, ADMIN, Method::POST, &path, &headers, &appending(&file)).await;
    let again = ask(&world, ADMIN, Method::POST, &path, &headers, &appending(&file)).await;
    assert_eq!((first.status, again.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(first.body["id"], again.body["id"]);
    let mut jobs = vec![first.body];
    for _ in 0..5 {
        jobs.push(later(&world, Method::POST, &path, &appending(&file)).await);
    }
    let mut before = 0;
    for job in &jobs {
        let job = ended(&world, job).await;
        let rows = job["results"]["table_rows_after"].as_u64().expect("a count");
        assert_eq!(rows, before + 1, "in the order in which they were begun: {job}");
        before = rows;
    }
    assert_eq!(world.get(T).await["row_count"], 6);
}

#[tokio::test]
async fn a_job_has_the_rights_of_who_asked_as_they_are_when_it_runs() {
    let world = filled().await;
    let branch = world.post(&format!("{P}/branches"), &json!({ "name": "dev" })).await["id"].clone();
    let id = branch.as_str().expect("an id");
    let body = json!({ "description": "d", "scope": "branch_admin", "branch_id": id });
    let key = world.post(&format!("{P}/api-keys"), &body).await["api_key"].clone();
    let key = key.as_str().expect("a key");
    let wish = [("prefer", "respond-async")];
    let take = json!({ "bucket": "b", "table": "t" });
    let foreign = ask(&world, key, Method::POST, "/projects/p/snapshots", &wish, &take).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{}", foreign.body);
    let own = ask(&world, key, Method::POST, &format!("{P}/branches/{id}/snapshots"), &wish, &take).await;
    assert_eq!(own.status, StatusCode::ACCEPTED, "{}", own.body);
    let mains = later(&world, Method::POST, "/projects/p/snapshots", &take).await;
    assert_eq!(ended(&world, &own.body).await["status"], "success");
    // The key sees its own, and nothing of the main line.
    let listed = ask(&world, key, Method::GET, &format!("{P}/jobs"), &[], &Value::Null).await;
    assert_eq!((&listed.body["total"], &listed.body["jobs"][0]["id"]), (&json!(1), &own.body["id"]));
    let hidden = ask(&world, key, Method::GET, mains["url"].as_str().expect("a place"), &[], &Value::Null).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&format!("{P}/jobs")).await["total"], 2);
}

#[tokio::test]
async fn killed_with_jobs_under_way_each_of_them_is_done_once() {
    let mut world = filled().await;
    let file = world.upload("p", "rows.csv", b"id\n1\n2\n".to_vec()).await;
    let mut cut_off = 0;
    for round in 1..=3_u64 {
        let mut jobs = Vec::new();
        for _ in 0..JOBS {
            jobs.push(later(&world, Method::POST, &format!("{T}/import/file"), &appending(&file)).await);
        }
        let first = jobs[0]["url"].as_str().expect("a place").to_owned();
        world.eventually("the first job runs", async || !world.get(&first).await["start_time"].is_null()).await;
        tokio::time::sleep(Duration::from_millis(40 * round)).await;
        world.alluvium.kill();
        let killed = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_micros() as i64;
        world.alluvium.restart().await;
        let mut rows = Vec::new();
        for job in &jobs {
            let job = ended(&world, job).await;
            assert_eq!(job["status"], "success", "{job}");
            rows.push(job["results"]["table_rows_after"].as_u64().expect("a count"));
            let end = job["end_time"].as_str().and_then(Timestamp::parse).expect("a time");
            cut_off += u64::from(end.micros() > killed);
        }
        assert!(rows.is_sorted(), "in order: {rows:?}");
        assert_eq!(world.get(T).await["row_count"], round * JOBS as u64 * 2);
    }
    assert!(cut_off > 0, "no kill fell between the first and the last job");
    world.verify();
}

#[tokio::test]
async fn the_jobs_of_a_project_go_with_it() {
    let world = filled().await;
    let job = later(&world, Method::POST, "/projects/p/snapshots", &json!({ "bucket": "b", "table": "t" })).await;
    ended(&world, &job).await;
    assert_eq!(world.http(Method::DELETE, P, None).await.0, StatusCode::NO_CONTENT);
    world.project("p").await;
    assert_eq!(world.get(&format!("{P}/jobs")).await, json!({ "jobs": [], "total": 0 }));
}
