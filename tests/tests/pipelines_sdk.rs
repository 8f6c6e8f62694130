//! The Python SDK of pipelines, as people use it: all that it documents.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use alluvium_blackbox::{ADMIN, World, repository};
use alluvium_testing::{NatsServer, Postgres};

/// The flows; each has pipelines of its own, so that all run beside one another.
const FLOWS: [&str; 7] = ["flow", "edit", "transactions", "formats", "listen", "checkpoints", "connectors"];
/// What no flow calls, and why.
const NOT_CALLED: [(&str, &[&str]); 2] = [
    (
        "standing by",
        &[
            "Pipeline.activate",
            "Pipeline.start_standby",
            "FelderaClient.activate_pipeline",
            "FelderaClient.start_pipeline_as_standby",
        ],
    ),
    (
        "asks for members that answers do not have, or for a server at a port of its own",
        &["Pipeline.deployment_config", "Pipeline.deployment_location", "FelderaClient.localhost"],
    ),
];

/// Runs one file of the flows.
fn python(packages: &str, file: &str, args: &[&str]) -> std::io::Result<Output> {
    let at = repository().join("tests/clients/pipelines").join(format!("{file}.py"));
    Command::new("python3").arg(at).args(args).env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1").output()
}

fn lines(of: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(of).expect("a flow says what it called");
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_does_all_that_it_documents() {
    let envs = [("ALLUVIUM_UNSTABLE_FEATURES", "testing"), ("ALLUVIUM_SUPPORT_DATA_COLLECTION_FREQUENCY", "1")];
    let data = tempfile::tempdir().expect("a temporary directory");
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    let clients = Command::new(repository().join("scripts/clients")).arg("pipelines").output();
    let clients = clients.expect("scripts/clients runs");
    assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
    let packages = String::from_utf8_lossy(&clients.stdout).trim().to_owned();

    let notes = tempfile::tempdir().expect("a temporary directory");
    let note = |flow: &str| -> PathBuf { notes.path().join(flow) };
    let flows = FLOWS.map(|flow| {
        let (packages, url, to) = (packages.clone(), world.alluvium.url(), note(flow));
        tokio::task::spawn_blocking(move || python(&packages, flow, &[&url, ADMIN, &to.to_string_lossy()]))
    });
    let mut failed = Vec::new();
    for (flow, running) in FLOWS.into_iter().zip(flows) {
        let output = running.await.expect("no panic").expect("it runs");
        if !output.status.success() {
            let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            failed.push(format!("{flow}: {out}\n{error}"));
        }
    }
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), world.alluvium.output());

    let documented = python(&packages, "methods", &[]).expect("it runs");
    let documented: BTreeSet<String> = String::from_utf8_lossy(&documented.stdout).lines().map(str::to_owned).collect();
    let called: BTreeSet<String> = FLOWS.iter().flat_map(|flow| lines(&note(flow))).collect();
    let excused: BTreeSet<String> =
        NOT_CALLED.iter().flat_map(|(_, methods)| methods.iter().map(|method| (*method).to_owned())).collect();
    let expected: BTreeSet<String> = documented.difference(&excused).cloned().collect();
    assert_eq!(called, expected, "flows call what is documented, and nothing that is excused");
    world.verify();
}
