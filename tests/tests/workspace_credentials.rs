//! Further users of a workspace: each logs in with a password of its own, until it is taken back.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::sessions::{WORKSPACES, code, connection, filled, login, rejected, workspace};
use alluvium_blackbox::{ADMIN, World};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;

/// More than a workspace may have.
const TOO_MANY: usize = 21;

async fn ask(world: &World, key: &str, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let (status, answer) = world.http_as(Some(key), method, path, body).await;
    (status.as_u16(), answer)
}

fn refusal(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["detail"]["error"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn each_user_has_a_password_of_its_own() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let below = format!("{WORKSPACES}/{}/credentials", made["id"].as_str().unwrap());
    let first = world.post(&below, &json!({ "name": "dashboards" })).await;
    let (status, second) = ask(&world, ADMIN, Method::POST, &below, None).await;
    assert_eq!((status, &second["name"]), (201, &json!(null)), "{second}");
    let field = |of: &'static str| [&made, &first, &second].map(|one| connection(one, of).to_owned());
    for of in ["username", "password"] {
        let [a, b, c] = field(of);
        assert!(a != b && b != c && a != c, "{of}: {a}, {b}, {c}");
    }
    assert_eq!(first["username"], first["connection"]["username"]);
    assert_eq!(connection(&first, "database"), connection(&made, "database"));

    let listed = world.get(&below).await;
    assert_eq!(
        (&listed["count"], &listed["credentials"][0]["id"], &listed["credentials"][1]["username"]),
        (&json!(2), &first["id"], &second["username"]),
        "{listed}"
    );
    let events = world.get("/events?subject=ev.default.storage.*.workspace.*&limit=100").await.to_string();
    assert!(events.contains("WorkspaceCredentialsAdded"), "{events}");
    for password in field("password") {
        assert!(!listed.to_string().contains(&password) && !events.contains(&password), "no password is shown again");
    }

    // All work in the same place, and a user is who it logged in as.
    let (mut own, mut one, mut other) = (login(&made).await, login(&first).await, login(&second).await);
    own.execute("CREATE TABLE mine AS SELECT * FROM b.t").await.unwrap();
    let (user, rows): (String, i64) =
        sqlx::query_as("SELECT current_user::VARCHAR, (SELECT count(*) FROM mine)").fetch_one(&mut one).await.unwrap();
    assert_eq!((user.as_str(), rows), (connection(&first, "username"), 3));
    let mut mixed = first.clone();
    mixed["connection"]["password"] = second["connection"]["password"].clone();
    assert_eq!(rejected(&mixed).await, "28P01", "a password is of one user");

    // What is taken back ends that user's sessions, and no other's; so does another password for the first.
    let gone = format!("{below}/{}", first["id"].as_str().unwrap());
    assert_eq!(ask(&world, ADMIN, Method::DELETE, &gone, None).await.0, 204);
    assert_eq!(code(one.execute("SELECT 1").await), "57P01");
    assert_eq!(rejected(&first).await, "28P01");
    assert_eq!(refusal(&ask(&world, ADMIN, Method::DELETE, &gone, None).await), (404, "credentials_not_found"));
    own.execute("SELECT 1").await.unwrap();
    world.post(&format!("{below}/reset"), &json!({})).await;
    assert_eq!(code(own.execute("SELECT 1").await), "57P01");
    assert_eq!(rejected(&made).await, "28P01");
    other.execute("SELECT * FROM mine").await.unwrap();
    world.verify();

    // They go with the workspace.
    let path = format!("{WORKSPACES}/{}", made["id"].as_str().unwrap());
    assert_eq!(ask(&world, ADMIN, Method::DELETE, &path, None).await.0, 204);
    assert_eq!(rejected(&second).await, "28P01");
    assert_eq!(refusal(&ask(&world, ADMIN, Method::GET, &below, None).await), (404, "workspace_not_found"));
    world.verify();
}

#[tokio::test]
async fn credentials_have_a_limit_and_are_the_workspaces_users_own() {
    let world = filled(&[]).await;
    let made = workspace(&world).await;
    let below = format!("{WORKSPACES}/{}/credentials", made["id"].as_str().unwrap());
    let long = "x".repeat(129);
    for (body, expected) in
        [(json!({ "name": long }), (400, "invalid_name")), (json!({ "name": "a\nb" }), (400, "invalid_name"))]
    {
        assert_eq!(refusal(&ask(&world, ADMIN, Method::POST, &below, Some(&body)).await), expected, "{body}");
    }
    let mut refused = 0;
    for _ in 0..TOO_MANY {
        let answer = ask(&world, ADMIN, Method::POST, &below, None).await;
        refused += usize::from(refusal(&answer) == (403, "quota_exceeded"));
    }
    assert_eq!((refused, &world.get(&below).await["count"]), (1, &json!(20)));

    // A key of another branch reaches none of it.
    let branch = world.post("/projects/p/branches", &json!({ "name": "try" })).await;
    let body = json!({ "description": "d", "scope": "branch_admin", "branch_id": branch["id"] });
    let key = world.post("/projects/p/api-keys", &body).await;
    let key = key["api_key"].as_str().unwrap();
    let one = world.get(&below).await["credentials"][0]["id"].as_str().unwrap().to_owned();
    for (method, path) in
        [(Method::GET, below.clone()), (Method::POST, below.clone()), (Method::DELETE, format!("{below}/{one}"))]
    {
        assert_eq!(refusal(&ask(&world, key, method, &path, None).await), (403, "forbidden"), "{path}");
    }
}
