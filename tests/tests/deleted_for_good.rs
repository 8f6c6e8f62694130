//! A deleted project comes back with everything readable for as long as its window lasts; after that the key of what was sealed for it
//! is destroyed, by itself and on the log.

use alluvium_blackbox::{ADMIN, World, binary};
use alluvium_testing::Alluvium;
use async_nats::jetstream;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ABOUT: &str = "marker of the deleted project";

/// The same world with another window, which is looked at each second.
async fn with_window(world: &mut World, window: &str) {
    world.alluvium.stop().await;
    world.alluvium = Alluvium::builder(binary())
        .args(["serve"])
        .env("ALLUVIUM_NATS_URL", world.nats.url())
        .env("ALLUVIUM_POSTGRES_URL", &world.database)
        .env("ALLUVIUM_DATA_DIR", world.data.path())
        .env("ALLUVIUM_ADMIN_KEY", ADMIN)
        .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
        .env("ALLUVIUM_FILES_EXPIRY_EVERY_SECONDS", "1")
        .env("ALLUVIUM_RETENTION_UNDROP", window)
        .start()
        .await;
}

async fn project(world: &World, id: &str) -> String {
    world.project(id).await;
    let body = json!({ "description": ABOUT });
    let made = world.post(&format!("/projects/{id}/api-keys"), &body).await;
    made["id"].as_str().expect("an id").to_owned()
}

async fn delete(world: &World, id: &str) {
    let (status, answer) = world.http(Method::DELETE, &format!("/projects/{id}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

async fn shown(world: &World, project: &str, key: &str) -> String {
    let key = world.get(&format!("/projects/{project}/api-keys/{key}")).await;
    key["description"].as_str().unwrap_or_else(|| panic!("{key}")).to_owned()
}

/// Whether there is a key of what is sealed for a project.
async fn has_key(world: &World, project: &str) -> bool {
    let js = jetstream::new(world.nats.connect().await);
    let seals = js.get_stream("KV_SEALS").await.expect("the keys");
    seals.get_last_raw_message_by_subject(&format!("$KV.SEALS.default.project.{project}")).await.is_ok()
}

/// What the log says of forgotten projects: which, and by whom.
async fn forgotten(world: &World) -> Vec<(String, String)> {
    let listed = world.get("/events?stream=EV_ACCESS&subject=%3E&type=ProjectForgotten&limit=1000").await;
    let events = listed["events"].as_array().expect("events").iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    events.map(|event| (text(&event["event"]["project"]), text(&event["actor"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_is_readable_until_nobody_can_bring_it_back() {
    let mut world = World::start().await;
    with_window(&mut world, "1h").await;
    let key = project(&world, "p").await;
    let again = project(&world, "again").await;
    let lives = project(&world, "lives").await;
    delete(&world, "p").await;
    // As long as the window lasts, it comes back as it was.
    let (status, back) = world.http(Method::POST, "/projects/p/undelete", None).await;
    assert_eq!(status, StatusCode::OK, "{back}");
    assert_eq!(shown(&world, "p", &key).await, ABOUT);
    delete(&world, "p").await;
    delete(&world, "again").await;
    // This id stands for another project by the time that the window of the former one is over.
    world.project("again").await;
    assert!(has_key(&world, "p").await && forgotten(&world).await.is_empty());

    with_window(&mut world, "1s").await;
    world.eventually("the key is destroyed", async || !has_key(&world, "p").await).await;
    let told = [("p".to_owned(), "system:retention".to_owned())];
    assert_eq!(forgotten(&world).await, told);
    let (status, answer) = world.http(Method::POST, "/projects/p/undelete", None).await;
    assert_eq!((status.as_u16(), &answer["detail"]["error"]), (410, &json!("version_expired")), "{answer}");
    assert!(has_key(&world, "again").await && has_key(&world, "lives").await);
    // Killed and started again, it says nothing anew: there is nothing left to destroy.
    world.alluvium.kill();
    world.alluvium.restart().await;
    let other = project(&world, "other").await;
    delete(&world, "other").await;
    world.eventually("the next one is forgotten", async || !has_key(&world, "other").await).await;
    assert_eq!(forgotten(&world).await.len(), 2, "{:?}", forgotten(&world).await);

    // With a longer window again they come back, but what was sealed for them does not.
    with_window(&mut world, "1h").await;
    for (id, key) in [("p", &key), ("other", &other)] {
        let (status, back) = world.http(Method::POST, &format!("/projects/{id}/undelete"), None).await;
        assert_eq!(status, StatusCode::OK, "{back}");
        assert_eq!(shown(&world, id, key).await, "[forgotten]");
    }
    assert_eq!(shown(&world, "lives", &lives).await, ABOUT);
    // The project that has the id now kept the key of the former one, which had made it.
    let (status, _) = world.http(Method::GET, &format!("/projects/again/api-keys/{again}"), None).await;
    assert_eq!(status, StatusCode::OK);
    world.verify();
}
