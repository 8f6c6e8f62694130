//! Keys over HTTP, from issue to death.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use std::time::Duration;

use alluvium_access::NewKey;
use alluvium_http::Authenticator as _;
use alluvium_kernel::Timestamp;
use axum::http::Method;
use serde_json::{Value, json};

use world::{ADMIN, BRANCH, World, admin};

fn forbidden(project: &str) -> Value {
    json!({"detail": {"error": "forbidden", "message": format!("Access denied to project {project}")}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_from_its_answer_to_its_revocation() {
    let world = World::start().await;
    let first = world.project("p").await;
    let path = "/projects/p/api-keys";

    let body = json!({"description": "for the nightly load", "expires_in_days": "30"});
    let (status, headers, made) = world.call_whole(Method::POST, path, Some(&first), Some(body)).await;
    assert_eq!(status, 201, "{made}");
    assert!(headers.contains_key("alv-position"));
    let (id, key) = (made["id"].as_str().unwrap(), made["api_key"].as_str().unwrap());
    assert!(id.starts_with("key_") && key.starts_with("proj_p_admin_"));
    let fields: Vec<&String> = made.as_object().unwrap().keys().collect();
    let expected =
        ["api_key", "branch_id", "created_at", "description", "expires_at", "id", "key_prefix", "project_id", "scope"];
    assert_eq!(fields, expected);
    assert_eq!((&made["key_prefix"], &made["branch_id"]), (&json!("proj_p_admin_..."), &Value::Null));
    assert!(made["created_at"].as_str().unwrap().ends_with("+00:00"));

    // The new key reads the list at once, and the list shows it, newest first.
    let (status, list) = world.get(path, key).await;
    assert_eq!((status, &list["count"], &list["total"]), (200, &json!(2), &json!(2)));
    assert_eq!((list["api_keys"][0]["id"].as_str(), &list["api_keys"][0]["is_revoked"]), (Some(id), &json!(false)));
    assert!(list["api_keys"][0].get("api_key").is_none());
    assert_eq!(list["api_keys"][1]["description"], "Project admin key (created with project)");
    let (_, page) = world.get(&format!("{path}?limit=1&offset=1"), key).await;
    assert_eq!((&page["count"], &page["total"]), (&json!(1), &json!(2)));
    // Not the whole entry: when a key was last used is noted behind the requests, so between the two lists too.
    assert_eq!(page["api_keys"][0]["id"], list["api_keys"][1]["id"]);

    let item = format!("{path}/{id}");
    world.until("its use is noted", async |world| !world.get(&item, key).await.1["last_used_at"].is_null()).await;

    assert_eq!(world.call(Method::DELETE, &item, Some(&first), None).await, (204, Value::Null));
    assert_eq!(world.get(path, key).await, (403, forbidden("p")));
    assert_eq!(world.call(Method::DELETE, &item, Some(&first), None).await.0, 204, "again");
    let (status, dead) = world.get(&item, &first).await;
    assert_eq!((status, &dead["is_revoked"]), (200, &json!(true)));
    assert_eq!(world.get(path, &first).await.1["count"], 1);

    let (_, list) = world.get(path, &first).await;
    let last = format!("{path}/{}", list["api_keys"][0]["id"].as_str().unwrap());
    let (status, refused) = world.call(Method::DELETE, &last, Some(ADMIN), None).await;
    assert_eq!((status, &refused["detail"]["error"]), (400, &json!("cannot_revoke_last_admin_key")));
    let (status, refused) = world.call(Method::DELETE, &format!("{path}/key_none"), Some(ADMIN), None).await;
    assert_eq!((status, &refused["detail"]["error"]), (404, &json!("api_key_not_found")));
    assert_eq!(
        world.projections.verify("access", alluvium_projection::Pace::default()).await.unwrap().differences.len(),
        0,
        "a rebuild gives the same rows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_its_own_project_only() {
    let world = World::start().await;
    let mut keys = Vec::new();
    for project in ["a", "a_admin", "a_b", "a_b_admin_c"] {
        keys.push((project, world.project(project).await));
    }
    for (own, key) in &keys {
        for (project, _) in &keys {
            let (status, body) = world.get(&format!("/projects/{project}/api-keys"), key).await;
            if own == project {
                assert_eq!(status, 200, "{own} in {project}");
            } else {
                assert_eq!((status, body), (403, forbidden(project)), "{own} in {project}");
            }
        }
    }
    // What is not there looks to a key like what is not its own; the admin is told.
    assert_eq!(world.get("/projects/none/api-keys", &keys[0].1).await, (403, forbidden("none")));
    let (status, body) = world.get("/projects/none/api-keys", ADMIN).await;
    assert_eq!((status, &body["detail"]["error"]), (404, &json!("project_not_found")));
    let tampered = keys[0].1.replace("proj_a_admin_", "proj_a_b_admin_");
    assert_eq!(world.get("/projects/a_b/api-keys", &tampered).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_is_dead() {
    let world = World::start().await;
    world.project("p").await;
    let soon = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond() + 2_500_000);
    let key = NewKey { description: "short".into(), expires_at: Some(soon), ..NewKey::default() };
    let issued = world.desk.issue(&admin(), "p", key).await.unwrap();
    assert_eq!(world.get("/projects/p/api-keys", issued.secret.reveal()).await.0, 200);
    tokio::time::sleep(Duration::from_millis(2_600)).await;
    assert_eq!(world.get("/projects/p/api-keys", issued.secret.reveal()).await, (403, forbidden("p")));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_have_their_fixed_answers() {
    let world = World::start().await;
    let key = world.project("p").await;
    let error = |error: &str, message: &str| json!({"detail": {"error": error, "message": message}});
    for none in [None, Some("")] {
        let (status, headers, body) = world.call_whole(Method::GET, "/projects/p/api-keys", none, None).await;
        assert_eq!((status, body), (401, json!({"detail": "Not authenticated"})));
        assert_eq!(headers["www-authenticate"], "Bearer");
    }
    for wrong in [key.as_str(), "nonsense"] {
        assert_eq!(world.get("/admins", wrong).await, (401, error("unauthorized", "Invalid admin API key")));
    }
    assert_eq!(world.get("/known", "nonsense").await, (401, error("unauthorized", "Invalid API key")));
    assert_eq!(world.get("/projects/p/api-keys", "nonsense").await, (403, forbidden("p")));
    assert_eq!(world.get("/projects/p/api-keys", ADMIN).await.0, 200);

    let post = async |body: Value| world.call(Method::POST, "/projects/p/api-keys", Some(ADMIN), Some(body)).await;
    let (status, body) = post(json!({})).await;
    assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["body", "description"])));
    let (status, body) = post(json!({"description": "d", "scope": "branch_read"})).await;
    assert_eq!((status, &body["detail"]["error"]), (400, &json!("invalid_request")));
    for none in ["b", "default"] {
        let (status, body) = post(json!({"description": "d", "scope": "branch_read", "branch_id": none})).await;
        assert_eq!((status, &body["detail"]["error"]), (404, &json!("branch_not_found")));
    }
    let (status, body) = world.get("/projects/p/api-keys?limit=0", ADMIN).await;
    assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["query", "limit"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_admin_key_every_admin_route_says_so() {
    for unset in [None, Some("")] {
        let world = World::start_with(unset).await;
        let key = world.project("p").await;
        let message = "Admin API key not configured on server";
        let expected = (401, json!({"detail": {"error": "unauthorized", "message": message}}));
        for given in [key.as_str(), "nonsense"] {
            assert_eq!(world.get("/admins", given).await, expected);
        }
        assert_eq!(world.call(Method::GET, "/admins", None, None).await, expected);
    }
}

async fn works(world: &World, key: &str) -> bool {
    world.access.authenticate(key).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_gives_its_place_to_one_like_it() {
    let world = World::start().await;
    let first = world.project("p").await;
    let path = "/projects/p/api-keys";
    let issue = async |body: Value| {
        let (status, made) = world.call(Method::POST, path, Some(&first), Some(body)).await;
        assert_eq!(status, 201, "{made}");
        (made["id"].as_str().unwrap().to_owned(), made["api_key"].as_str().unwrap().to_owned(), made)
    };
    let rotate = async |id: &str, by: &str, body: Option<Value>| {
        world.call(Method::POST, &format!("{path}/{id}/rotate"), Some(by), body).await
    };

    let body = json!({"description": "ci", "scope": "branch_read", "branch_id": BRANCH, "expires_in_days": 7});
    let (id, old, made) = issue(body).await;
    assert_eq!((&made["branch_id"], &made["scope"]), (&json!(BRANCH), &json!("branch_read")));
    assert_eq!(made["key_prefix"], format!("proj_p_branch_{BRANCH}_read_..."));
    assert!(works(&world, &old).await);
    assert_eq!(world.get(path, &old).await, (403, forbidden("p")), "a key of a branch manages no keys");
    assert_eq!(rotate(&id, &old, None).await, (403, forbidden("p")));

    let (status, next) = rotate(&id, &first, None).await;
    assert_eq!((status, &next["description"], &next["branch_id"]), (201, &json!("ci (rotated)"), &made["branch_id"]));
    assert_ne!((&next["id"], &next["api_key"]), (&made["id"], &made["api_key"]));
    let lifetime = |key: &Value| {
        let at = |field: &str| key[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        at("expires_at").duration_since(at("created_at")).as_micros()
    };
    // The first key's end was counted by the gateway's clock, its issue by the worker's.
    assert!((lifetime(&next) - lifetime(&made)).abs() < 60_000_000);
    assert!(!works(&world, &old).await, "dead at once");
    assert!(works(&world, next["api_key"].as_str().unwrap()).await);
    let (_, shown) = world.get(&format!("{path}/{id}"), &first).await;
    assert_eq!(shown["is_revoked"], true);
    let (status, refused) = rotate(&id, &first, None).await;
    assert_eq!((status, &refused["detail"]["error"]), (400, &json!("cannot_rotate_revoked_key")));
    assert_eq!(rotate("key_none", ADMIN, None).await.1["detail"]["error"], "api_key_not_found");

    // With grace both work, and the list says until when.
    let (id, old, _) = issue(json!({"description": "loader"})).await;
    let (status, next) = rotate(&id, &old, Some(json!({"grace_seconds": 3600}))).await;
    assert_eq!(status, 201, "{next}");
    for key in [old.as_str(), next["api_key"].as_str().unwrap()] {
        assert_eq!(world.get(path, key).await.0, 200);
    }
    let (_, shown) = world.get(&format!("{path}/{id}"), &first).await;
    assert_eq!((&shown["is_revoked"], shown["expires_at"].is_null()), (&json!(false), false));
    assert!(next["expires_at"].is_null());
    let (_, list) = world.get(path, &first).await;
    assert_eq!(list["total"], 4, "{list}");

    // A key of the project comes by no rights that only the admin gives.
    let body = json!({"description": "r", "scope": "registry", "rights": ["subject:*:admin"]});
    let (_, made) = world.call(Method::POST, path, Some(ADMIN), Some(body)).await;
    let id = made["id"].as_str().unwrap();
    assert_eq!(rotate(id, &first, None).await.0, 401);
    let (status, next) = rotate(id, ADMIN, None).await;
    assert_eq!((status, &next["rights"]), (201, &json!(["subject:*:admin"])));
    assert_eq!(
        world.projections.verify("access", alluvium_projection::Pace::default()).await.unwrap().differences.len(),
        0,
        "a rebuild gives the same rows"
    );
}
