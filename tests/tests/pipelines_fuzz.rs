//! Requests for pipelines that nobody would send on purpose.

use std::process::Command;

use alluvium_blackbox::{ADMIN, World, repository};
use serde_json::json;

const PROGRAM: &str = "CREATE TABLE t (id INT NOT NULL PRIMARY KEY, name VARCHAR, at TIMESTAMP);
CREATE MATERIALIZED VIEW v AS SELECT name, COUNT(*) AS n FROM t GROUP BY name;
CREATE MATERIALIZED VIEW late AS SELECT id FROM t WHERE at <= NOW();";
/// How long made-up requests are sent, in seconds, where nobody says otherwise in `PIPELINES_FUZZ_SECONDS`.
const FUZZ_SECONDS: u32 = 60;
/// The same made-up requests each time.
const FUZZ_SEED: u32 = 5;
/// What they are about.
const SURFACE: &str = "^/(v0|api|config|healthz)";
/// Answers without an end.
const ENDLESS: &str = "/egress/|/logs$|/time_series_stream$";

/// Requests made from what `/openapi.json` says, wrong ones too: none makes a mistake of ours, and every answer is one that is
/// written there.
#[tokio::test(flavor = "multi_thread")]
async fn made_up_requests_get_documented_answers() {
    let world = World::start().await;
    world.post("/v0/pipelines", &json!({ "name": "fuzz", "program_code": PROGRAM })).await;
    world.post("/v0/pipelines/fuzz/start", &json!(null)).await;
    let runs = || async { world.get("/v0/pipelines/fuzz?selector=status").await["deployment_status"] == "Running" };
    world.eventually("the pipeline runs", runs).await;

    let clients = Command::new(repository().join("scripts/clients")).arg("storage").output();
    let clients = clients.expect("scripts/clients runs");
    assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
    let hooks = repository().join("tests/clients/pipelines/fuzz");
    let packages = format!("{}:{}", String::from_utf8_lossy(&clients.stdout).trim(), hooks.display());
    let scratch = tempfile::tempdir().expect("a directory");
    let seconds = std::env::var("PIPELINES_FUZZ_SECONDS").unwrap_or_else(|_| FUZZ_SECONDS.to_string());
    let mut command = Command::new("python3");
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(hooks.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/openapi.json", world.alluvium.url()))
        .args(["--seed", &FUZZ_SEED.to_string(), "--max-time", &seconds])
        .args(["--header", &format!("Authorization: Bearer {ADMIN}")])
        .args(["--include-path-regex", SURFACE, "--exclude-path-regex", ENDLESS])
        .env("SCHEMATHESIS_HOOKS", "fuzz_hooks")
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .env("NO_COLOR", "1")
        .current_dir(scratch.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}\n{}", world.alluvium.output());
    assert!(runs().await, "the pipeline still runs\n{out}");
    world.verify();
}
