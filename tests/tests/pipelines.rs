//! Pipelines on the whole platform: who opens them, how commands reach them, and that a person's look at the log shows no secret.

use alluvium_blackbox::World;
use reqwest::Method;
use serde_json::{Value, json};

async fn ask(world: &World, key: Option<&str>, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(key, method, path, body.as_ref()).await;
    (status.as_u16(), answer)
}

fn new_key(name: &str, role: &str) -> Value {
    json!({ "name": name, "role": role })
}

#[tokio::test]
async fn keys_of_pipelines_open_pipelines_and_nothing_of_a_project() {
    let world = World::start().await;
    world.project("p").await;
    let of_project = world.post("/projects/p/api-keys", &json!({ "description": "d" })).await;
    let of_project = of_project["api_key"].as_str().expect("a key").to_owned();
    let issue = async |by: Option<&str>, name: &str, role: &str| {
        ask(&world, by, Method::POST, "/v0/api_keys", Some(new_key(name, role))).await
    };
    let made = world.post("/v0/api_keys", &new_key("writes", "write")).await;
    let writer = made["api_key"].as_str().expect("a key").to_owned();
    assert!(writer.starts_with("apikey:") && writer.len() == "apikey:".len() + 128, "{writer}");
    let (status, made) = issue(Some(&writer), "reads", "read").await;
    assert_eq!(status, 201, "{made}");
    let reader = made["api_key"].as_str().expect("a key").to_owned();

    let body = || Some(json!({ "name": "one", "program_code": "CREATE TABLE t (a INT);" }));
    for (key, may) in [(&reader, 403), (&of_project, 403), (&writer, 201)] {
        let (status, answer) = ask(&world, Some(key), Method::POST, "/v0/pipelines", body()).await;
        assert_eq!(status, may, "{answer}");
    }
    for (key, may) in [(&reader, 200), (&of_project, 403), (&writer, 200)] {
        assert_eq!(ask(&world, Some(key), Method::GET, "/v0/pipelines", None).await.0, may);
        assert_eq!(
            ask(&world, Some(key), Method::GET, "/projects/p", None).await.0,
            if may == 200 { 403 } else { 200 }
        );
    }
    let (_, session) = ask(&world, Some(&reader), Method::GET, "/v0/config/session", None).await;
    assert_eq!((&session["role"], &session["tenant_name"]), (&json!("read"), &json!("default")));
    assert_eq!(issue(Some(&reader), "more", "read").await.0, 403);
    assert_eq!(issue(Some(&writer), "reads", "read").await.1["error_code"], "DuplicateName");
    let (_, listed) = ask(&world, Some(&writer), Method::GET, "/v0/api_keys", None).await;
    assert_eq!(listed.as_array().expect("a list").len(), 2, "{listed}");
    assert_eq!(ask(&world, Some(&writer), Method::DELETE, "/v0/api_keys/reads", None).await.0, 200);
    assert_eq!(ask(&world, Some(&reader), Method::GET, "/v0/pipelines", None).await.0, 401);
}

#[tokio::test]
async fn a_command_on_nats_does_what_a_request_does() {
    let world = World::start().await;
    let create = json!({ "name": "p", "program_code": "CREATE TABLE t (a INT); -- hunter2" });
    let created = world.command("pipelines", "CreatePipeline", &create).await;
    let shown = world.get_after("/v0/pipelines/p", &created).await;
    assert_eq!((&shown["program_code"], &shown["version"]), (&create["program_code"], &json!(1)));
    let events = world.get("/events?stream=EV_PIPELINES&limit=100").await;
    assert!(events.to_string().contains("PipelineCreated") && !events.to_string().contains("hunter2"), "{events}");
    let deleted = world.command("pipelines", "DeletePipeline", &json!({ "pipeline": "p" })).await;
    assert_eq!(world.get_after("/v0/pipelines", &deleted).await, json!([]));
    world.verify();
}
