//! The storage surface as clients know it: every operation it has to have, the flows they go through, and requests that nobody
//! would send on purpose.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use alluvium_blackbox::{ADMIN, World, repository};
use serde_json::{Value, json};

/// What clients of the surface call, with the statuses they know; one operation a line.
const OPERATIONS: &str = include_str!("../clients/storage/operations.txt");
/// What of it is not served yet. This list only gets shorter.
const NOT_SERVED: &str = include_str!("../clients/storage/not_served.txt");
/// How long made-up requests are sent, in seconds, where nobody says otherwise in `STORAGE_FUZZ_SECONDS`.
const FUZZ_SECONDS: u32 = 300;
/// The same made-up requests each time.
const FUZZ_SEED: u32 = 5;

/// A program of Python with the packages of the clients.
fn python(packages: &str) -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1").env("NO_PROXY", "*").env("NO_COLOR", "1");
    command
}

fn packages() -> String {
    let clients =
        Command::new(repository().join("scripts/clients")).arg("storage").output().expect("scripts/clients runs");
    assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
    String::from_utf8_lossy(&clients.stdout).trim().to_owned()
}

async fn passes(world: &World, mut command: Command) {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}\n{}", world.alluvium.output());
}

fn clients() -> std::path::PathBuf {
    repository().join("tests/clients/storage")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flows_of_clients_go_through() {
    let world = World::start().await;
    let mut command = python(&packages());
    command
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider", "-p", "no:schemathesis"])
        .arg(clients().join("flows"))
        .env("STORAGE_URL", world.alluvium.url())
        .env("STORAGE_ADMIN_KEY", ADMIN);
    passes(&world, command).await;
}

#[tokio::test]
async fn every_operation_of_the_surface_is_served_or_known_to_be_missing() {
    let world = World::start().await;
    let document = world.get("/openapi.json").await;
    let missing: BTreeSet<&str> = NOT_SERVED.lines().collect();
    let mut named = BTreeSet::new();
    for line in OPERATIONS.lines() {
        let (method, rest) = line.split_once(' ').expect("a method");
        let (path, statuses) = rest.split_once(' ').expect("a path");
        let operation = &document["paths"][path][method.to_lowercase()];
        let name = format!("{method} {path}");
        if operation.is_null() {
            assert!(missing.contains(name.as_str()), "{name} is not served, and was until now");
            named.insert(name);
            continue;
        }
        assert!(!missing.contains(name.as_str()), "{name} is served: take it off not_served.txt");
        for status in statuses.split(' ') {
            assert!(operation["responses"][status].is_object(), "{name} does not document {status}");
        }
    }
    assert_eq!(named.len(), missing.len(), "not_served.txt names what the surface does not have");
}

/// Requests made from what `/openapi.json` says, wrong ones too: none makes a mistake of ours, and every answer is one that is
/// written there.
#[tokio::test(flavor = "multi_thread")]
async fn made_up_requests_get_documented_answers() {
    let world = World::start().await;
    world.project("fuzz").await;
    world.table("fuzz", "t", &[("c", "INTEGER"), ("d", "VARCHAR"), ("e", "DOUBLE")], &["c"]).await;
    let workspace = json!({
        "project": "fuzz", "branch": "default", "workspace": "w", "name": "w", "expires_at": null,
        "size_limit_bytes": 1_000_000_000, "username": "w", "password_hash": "$argon2id$none", "project_uid": "",
    });
    world.command("storage", "CreateWorkspace", &workspace).await;
    let scratch = tempfile::tempdir().expect("a directory");
    let seconds = std::env::var("STORAGE_FUZZ_SECONDS").unwrap_or_else(|_| FUZZ_SECONDS.to_string());
    let mut command = python(&packages());
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(clients().join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", world.alluvium.url()))
        .args(["--seed", &FUZZ_SEED.to_string(), "--max-time", &seconds])
        .args(["--header", &format!("Authorization: Bearer {ADMIN}")])
        // The registry and pipelines have tests with clients, and made-up requests, of their own.
        .args(["--exclude-path-regex", "^/(sr|v0|api|config)/|^/healthz$"])
        .env("SCHEMATHESIS_HOOKS", "fuzz_hooks")
        .env("PYTHONPATH", python_path(&clients()))
        .current_dir(scratch.path());
    passes(&world, command).await;
    world.verify();
}

fn python_path(more: &Path) -> String {
    format!("{}:{}", packages(), more.display())
}

/// Clients find every refusal in the document as they get it, whoever refuses.
#[tokio::test]
async fn errors_of_the_surface_are_documented_in_its_own_shape() {
    let world = World::start().await;
    let document = world.get("/openapi.json").await;
    let paths = document["paths"].as_object().expect("paths");
    let of_surface = paths.iter().filter(|(path, _)| path.starts_with("/projects"));
    for (path, operations) in of_surface {
        for (method, operation) in operations.as_object().expect("operations") {
            let answers = operation["responses"].as_object().expect("answers");
            for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                let types: Vec<&String> =
                    answer["content"].as_object().into_iter().flat_map(|all| all.keys()).collect();
                let name = format!("{method} {path} {status}");
                assert!(types.is_empty() || types == ["application/json"], "{name}: {types:?}");
            }
            let stated = answers.contains_key("401") || operation["security"] == Value::Array(vec![]);
            assert!(stated, "{method} {path} says nothing about who may call it");
        }
    }
}
