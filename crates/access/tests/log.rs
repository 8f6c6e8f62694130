//! What this context promises about the log: no secrets on it, nobody acts without a right, nothing is forgotten.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use std::time::Duration;

use alluvium_access::Follower;
use alluvium_http::Authenticator as _;
use alluvium_kernel::{Outcome, Position, Timestamp, Token, Verdict, header, subject};
use alluvium_messaging::{Commit, Contract as _, Entry, direct, stream_created};
use alluvium_projection::Freshness;
use async_nats::HeaderMap;
use axum::http::Method;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use world::{ADMIN, World, admin, tenant};

/// Sends an unsigned command, as somebody with the nats CLI would, and waits for its outcome.
async fn unsigned(world: &World, id: &str, command: &str, body: serde_json::Value, extra: &[(&str, &str)]) -> Outcome {
    let mut headers = HeaderMap::new();
    headers.insert(header::MESSAGE_ID, id);
    extra.iter().for_each(|(name, value)| headers.insert(*name, *value));
    let subject = subject::command(&tenant(), "access", command);
    world.js.publish_with_headers(subject, headers, body.to_string().into()).await.unwrap().await.unwrap();
    let outcome = subject::outcome(&tenant(), &Token::encode(id).unwrap());
    for _ in 0..200 {
        if let Some(message) = direct::leader_last(&world.js, "OUT", &outcome).await.unwrap() {
            return serde_json::from_slice(&message.payload).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no outcome of {id} within 5 s");
}

fn code(outcome: &Outcome) -> &str {
    match &outcome.verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Rejected { problem } => &problem.code,
    }
}

fn issue(n: u8) -> serde_json::Value {
    json!({
        "project": "p", "key": format!("key_{n:032x}"), "digest": format!("{n:064x}"), "prefix": "proj_p_admin_...",
        "description": "by hand",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_commands_need_a_grant() {
    let world = World::start().await;
    assert_eq!(code(&unsigned(&world, "u1", "IssueKey", issue(1), &[]).await), "access.forbidden");
    let all = json!({"rights": "all"});
    assert_eq!(code(&unsigned(&world, "u2", "GrantPublishers", all.clone(), &[]).await), "access.forbidden");
    // Claiming to be the admin without a signature is claiming nothing.
    let claim = [(header::ACTOR, "admin")];
    assert_eq!(code(&unsigned(&world, "u3", "GrantPublishers", all.clone(), &claim).await), "access.forbidden");
    let forged = [(header::ACTOR, "admin"), (header::SIGNATURE, "00"), (header::TIME, "0")];
    assert_eq!(code(&unsigned(&world, "u4", "GrantPublishers", all, &forged).await), "command.bad_signature");

    world.desk.grant_publishers(&admin(), alluvium_access::model::Rights::All).await.unwrap();
    assert_eq!(code(&unsigned(&world, "u5", "IssueKey", issue(1), &[]).await), "accepted");
    assert_eq!(code(&unsigned(&world, "u1", "IssueKey", issue(1), &[]).await), "access.forbidden", "stays a rejection");
    let system = json!({"project": "p", "issued_before": 0});
    assert_eq!(code(&unsigned(&world, "u6", "RevokeProjectKeys", system, &[]).await), "access.forbidden");

    world.desk.grant_publishers(&admin(), alluvium_access::model::Rights::None).await.unwrap();
    assert_eq!(code(&unsigned(&world, "u7", "IssueKey", issue(2), &[]).await), "access.forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_nowhere_but_in_its_answer() {
    let world = World::start().await;
    let first = world.project("p").await;
    let body = json!({"description": "d"});
    let (_, made) = world.call(Method::POST, "/projects/p/api-keys", Some(&first), Some(body)).await;
    let second = made["api_key"].as_str().unwrap().to_owned();
    assert_eq!(world.get("/projects/p/api-keys", &second).await.0, 200);
    let (_, outcomes) = stream_created(&world.js, "OUT").await.unwrap();
    assert!(outcomes >= 2);

    let randoms: Vec<&str> = [&first, &second].map(|key| key.rsplit('_').next().unwrap()).to_vec();
    let mut seen = 0;
    for stream in ["CMD", "EV_ACCESS", "OUT", "DLQ", "STORAGE"] {
        let (_, last) = stream_created(&world.js, stream).await.unwrap();
        for seq in 1..=last {
            let Some(message) = direct::leader_at(&world.js, stream, seq).await.unwrap() else { continue };
            seen += 1;
            let whole =
                format!("{} {:?} {}", message.subject, message.headers, String::from_utf8_lossy(&message.payload));
            for random in &randoms {
                assert!(!whole.contains(random), "a secret stands on {stream} at {seq}");
            }
        }
    }
    assert!(seen >= 4, "two events and two outcomes at least, saw {seen}");
    // Acknowledged commands have left their stream; the server's files still hold what was ever written.
    let mut files = 0;
    let mut directories = vec![world.nats.directory()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            files += 1;
            for random in &randoms {
                assert!(!bytes.windows(random.len()).any(|part| part == random.as_bytes()), "{}", path.display());
            }
        }
    }
    assert!(files > 0);
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT key::text FROM access_g1.key").fetch_all(&world.pool).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| randoms.iter().all(|random| !row.contains(random))));
}

/// What storage writes when a project is deleted.
async fn delete_project(world: &World, project: &str, at: Timestamp) -> Position {
    let entry = Entry {
        command_id: "d".into(),
        body_hash: "h".into(),
        actor: "admin".into(),
        time: at.micros(),
        r#type: "ProjectDeleted".into(),
        // Magic, some fingerprint, the project as Avro text.
        event: [&[0xC3, 0x01], &[0; 8][..], &[u8::try_from(project.len() * 2).unwrap()], project.as_bytes()].concat(),
    };
    let id = Token::encode(&project.to_ascii_lowercase()).unwrap();
    let subject = subject::event(&tenant(), "storage", "project", &id);
    let payload = Commit { entries: vec![entry] }.to_avro();
    let ack = world.js.publish(subject, payload.into()).await.unwrap().await.unwrap();
    Position::of("STORAGE", ack.sequence)
}

fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_die_with_their_project_and_the_next_one_starts_with_its_own() {
    let world = World::start().await;
    let (old, other) = (world.project("p.x").await, world.project("q").await);
    let path = "/projects/p.x/api-keys";
    assert_eq!(world.get(path, &old).await.0, 200);

    // The handler's way: it waits, and the key is dead in the next request.
    let at = delete_project(&world, "p.x", now()).await;
    world.desk.follow_deletion(&world.js, &at).await.unwrap();
    assert_eq!(world.get(path, &old).await.0, 403);
    let new = world.project("p.x").await;
    world.desk.follow_deletion(&world.js, &at).await.unwrap();
    assert_eq!(world.get(path, &new).await.0, 200, "following the same deletion again spares the successor's key");

    // The policy's way: nobody calls anything.
    delete_project(&world, "p.x", now()).await;
    world.until("the policy has revoked", async |world| world.get(path, &new).await.0 == 403).await;
    assert_eq!(world.get("/projects/q/api-keys", &other).await.0, 200);
    let (_, listed) = world.get(path, ADMIN).await;
    assert_eq!(listed["count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_work_through_the_logs_absence_and_a_new_process_knows_them_all() {
    let mut world = World::start().await;
    let (first, second) = (world.project("p").await, world.project("p").await);
    assert!(world.access.authenticate(&first).await.unwrap().is_some());
    world.nats.kill();
    assert!(world.access.authenticate(&first).await.unwrap().is_some(), "known keys need no log");
    world.nats.restart().await;
    let (status, listed) = world.get("/projects/p/api-keys", &second).await;
    assert_eq!(status, 200);
    let newest = listed["api_keys"][0]["id"].as_str().unwrap();
    let path = format!("/projects/p/api-keys/{newest}");
    let (status, body) = world.call(Method::DELETE, &path, Some(&first), None).await;
    assert_eq!(status, 204, "{body}");
    assert!(world.access.authenticate(&second).await.unwrap().is_none(), "revoked after the restart");

    let other = world.project("q").await;
    delete_project(&world, "q", now()).await;
    world
        .until("the policy goes on after the restart", async |world| {
            world.access.authenticate(&other).await.unwrap().is_none()
        })
        .await;

    let (freshness, stop) = (Freshness::default(), CancellationToken::new());
    let follower = Follower::new(world.js.clone(), freshness);
    let access = alluvium_access::Access::new(world::secret(), Some(ADMIN), follower.clone());
    let problem = access.authenticate(&first).await.unwrap_err();
    assert_eq!(problem.code, "access.not_ready", "nothing opens before the log is read");
    tokio::spawn(follower.clone().run(stop.clone()));
    world.until("the new process is ready", async |_| follower.is_ready()).await;
    assert!(access.authenticate(&first).await.unwrap().is_some());
    assert!(access.authenticate(&second).await.unwrap().is_none());
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_access_log_opens_nothing_that_it_does_not_hold() {
    let mut world = World::start().await;
    let key = world.project("p").await;
    world.js.delete_stream("EV_ACCESS").await.unwrap();
    alluvium_messaging::streams::apply(&world.js, None).await.unwrap();
    // A reader notices at the latest when it connects again.
    world.nats.kill();
    world.nats.restart().await;
    world.until("the key is dead", async |world| matches!(world.access.authenticate(&key).await, Ok(None))).await;
}
