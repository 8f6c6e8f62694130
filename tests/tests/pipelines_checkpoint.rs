//! What pipelines keep, set aside and taken back.

use alluvium_blackbox::World;
use alluvium_blackbox::pipelines::{Bag, PipelineClient, bag};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PROGRAM: &str = "
CREATE TABLE t (id BIGINT NOT NULL PRIMARY KEY, n BIGINT);
CREATE TABLE bag (n BIGINT) WITH ('materialized' = 'true');
CREATE MATERIALIZED VIEW sums AS SELECT SUM(n) AS n FROM t;
";

fn numbers(numbers: &[i64]) -> Bag {
    bag(numbers.iter().map(|number| vec![number.to_string()]))
}

/// Takes a checkpoint and waits for it.
async fn set_aside(client: &PipelineClient) {
    let asked = client.must(Method::POST, "/checkpoint", None).await;
    let (number, incarnation) = (asked["checkpoint_sequence_number"].clone(), asked["incarnation_uuid"].as_str());
    let path = format!("/checkpoint_status?incarnation_uuid={}", incarnation.expect("an incarnation"));
    loop {
        let status = client.must(Method::GET, &path, None).await;
        assert_eq!(status["failure"], Value::Null);
        if status["success"].as_u64() >= number.as_u64() {
            return;
        }
    }
}

async fn refused(client: &PipelineClient, method: Method, path: &str) -> (StatusCode, Value) {
    let (status, answer) = client.ask(method, path, None).await.expect("an answer");
    (status, answer["error_code"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_promises_nothing_goes_back_to_its_last_checkpoint_when_forced() {
    let mut world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    client.create(PROGRAM, json!({})).await;
    client.start().await;
    assert_eq!(client.must(Method::GET, "/checkpoints", None).await, json!([]));
    let row = |id: i64| format!("{{\"insert\":{{\"id\":{id},\"n\":{id}}}}}");
    client.push("bag", "bag", r#"{"insert":{"n":7}} {"insert":{"n":7}}"#).await;
    client.complete(&client.push("t", "one", &row(1)).await).await;
    set_aside(&client).await;
    client.complete(&client.push("t", "two", &row(2)).await).await;
    set_aside(&client).await;
    let lost = client.push("t", "three", &row(3)).await;
    client.complete(&lost).await;
    let all = client.must(Method::GET, "/checkpoints", None).await;
    let steps: Vec<u64> = all.as_array().expect("a list").iter().filter_map(|each| each["steps"].as_u64()).collect();
    assert!(steps.len() == 2 && steps[0] < steps[1], "{all}");

    client.stop(true).await;
    client.start().await;
    assert_eq!(client.query("SELECT n FROM t").await, numbers(&[1, 2]));
    assert_eq!(client.query("SELECT n FROM sums").await, numbers(&[3]));
    assert_eq!(client.query("SELECT n FROM bag").await, numbers(&[7, 7]));
    let gone = (StatusCode::GONE, json!("UnknownEndpointInCompletionToken"));
    assert_eq!(refused(&client, Method::GET, &format!("/completion_status?token={lost}")).await, gone);
    let token = client.push("t", "four", &row(4)).await;
    client.complete(&token).await;

    // What came after is kept by a crash, and set aside by a stop that is not forced.
    world.alluvium.kill();
    world.alluvium.restart().await;
    client.becomes("Running").await;
    client.complete(&token).await;
    client.stop(false).await;
    client.start().await;
    assert_eq!(client.query("SELECT n FROM sums").await, numbers(&[7]));
    client.complete(&client.push("t", "five", &row(5)).await).await;
    client.stop(true).await;
    client.start().await;
    assert_eq!(client.query("SELECT n FROM sums").await, numbers(&[7]));
    assert_eq!(client.must(Method::GET, "/checkpoints", None).await.as_array().map(Vec::len), Some(2));

    let other = format!("/checkpoint_status?incarnation_uuid={}", uuid::Uuid::new_v4());
    let mismatch = (StatusCode::BAD_REQUEST, json!("IncarnationUuidMismatch"));
    assert_eq!(refused(&client, Method::GET, &other).await, mismatch);
    let unsupported = (StatusCode::BAD_REQUEST, json!("NotSupported"));
    assert_eq!(refused(&client, Method::POST, "/checkpoint/sync").await, unsupported);
    assert_eq!(client.must(Method::GET, "/checkpoints/remote", None).await, json!([]));

    client.stop(false).await;
    client.must(Method::POST, "/clear", None).await;
    client.until(|pipeline| pipeline["storage_status"] == "Cleared").await;
    client.start().await;
    assert_eq!(client.must(Method::GET, "/checkpoints", None).await, json!([]));
    assert_eq!(client.query("SELECT n FROM t").await, numbers(&[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_promises_to_keep_everything_does_so_when_forced_and_sets_it_aside_by_itself() {
    let world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    let config = json!({ "fault_tolerance": { "model": "exactly_once", "checkpoint_interval_secs": 1 } });
    client.create(PROGRAM, config).await;
    client.start().await;
    client.complete(&client.push("t", "one", r#"{"insert":{"id":1,"n":1}}"#).await).await;
    while client.must(Method::GET, "/checkpoints", None).await == json!([]) {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    client.complete(&client.push("t", "two", r#"{"insert":{"id":2,"n":2}}"#).await).await;
    client.stop(true).await;
    client.start().await;
    assert_eq!(client.query("SELECT n FROM sums").await, numbers(&[3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_without_storage_is_not_suspended() {
    let world = World::start().await;
    let client = PipelineClient::new(&world, "p");
    client.create(PROGRAM, json!({ "storage": false })).await;
    client.start().await;
    client.must(Method::POST, "/stop?force=false", None).await;
    let failed = |pipeline: &Value| {
        pipeline["deployment_status"] == "Stopped" && pipeline["deployment_error"]["error_code"] == "StorageRequired"
    };
    client.until(failed).await;
}
