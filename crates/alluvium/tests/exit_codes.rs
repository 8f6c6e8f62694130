//! What scripts rely on: exit codes, data on stdout, talk on stderr.

use std::process::{Command, Output};

/// Runs the binary in an empty directory with an environment of its own.
fn alluvium(args: &[&str], env: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_alluvium"));
    command.current_dir(directory.path()).args(args).env_clear().env("NO_COLOR", "1");
    // The table engine is a shared library, found by this in development.
    if let Some(path) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", path);
    }
    command.envs(env.iter().copied()).output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("not killed")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

#[test]
fn usage_is_2_and_help_is_0() {
    assert_eq!(code(&alluvium(&["frobnicate"], &[])), 2);
    assert_eq!(code(&alluvium(&["tables", "preview", "b/t", "--limit", "0"], &[])), 2);
    assert_eq!(code(&alluvium(&["--help"], &[])), 0);
    assert_eq!(code(&alluvium(&["--version"], &[])), 0);
    let missing = alluvium(&["tables", "preview", "b/t"], &[]);
    assert_eq!(code(&missing), 2);
    assert!(err(&missing).contains("error[cli.usage]") && err(&missing).contains("--project"), "{}", err(&missing));
    assert!(out(&missing).is_empty());
}

#[test]
fn what_is_not_there_is_5_and_explained_is_0() {
    let known = alluvium(&["explain", "cli.server_unreachable"], &[]);
    assert_eq!(code(&known), 0);
    assert!(out(&known).contains("What to do") && err(&known).is_empty());
    let similar = alluvium(&["explain", "storage.tables_exists"], &[]);
    assert_eq!(code(&similar), 5);
    let all = alluvium(&["explain", "-o", "json"], &[]);
    let all: serde_json::Value = serde_json::from_str(&out(&all)).unwrap();
    assert!(all.as_array().unwrap().len() > 50);
}

#[test]
fn findings_are_10_with_their_fix() {
    let output = alluvium(&["config", "check", "-o", "json"], &[("ALLUVIUM_PROT", "1"), ("PORT", "1")]);
    assert_eq!(code(&output), 10, "{}", err(&output));
    let findings: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(findings[0]["about"], "ALLUVIUM_PROT");
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["fix"].is_string()));
    let unreadable = alluvium(&["config", "check"], &[("PORT", "many")]);
    assert_eq!(code(&unreadable), 10);
}

#[test]
fn servers_that_are_away_are_7_within_their_bound() {
    let nobody = alluvium(&["tables", "list", "--project", "p", "--server", "http://127.0.0.1:1"], &[]);
    assert_eq!(code(&nobody), 7);
    assert!(err(&nobody).contains("error[cli.server_unreachable]"), "{}", err(&nobody));
    let env = [
        ("ALLUVIUM_NATS_URL", "nats://127.0.0.1:1"),
        ("ALLUVIUM_POSTGRES_URL", "postgres://nobody@127.0.0.1:1/nothing"),
        ("ALLUVIUM_START_WAIT_SECONDS", "1"),
        ("PORT", "0"),
    ];
    let began = std::time::Instant::now();
    let serve = alluvium(&["serve"], &env);
    assert_eq!(code(&serve), 7, "{}", err(&serve));
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
    assert!(err(&serve).contains("help:"), "{}", err(&serve));
}

#[test]
fn serve_without_its_settings_is_2_and_says_which() {
    let output = alluvium(&["serve"], &[]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("nats.url") && err(&output).contains("postgres.url"), "{}", err(&output));
}

#[test]
fn a_dry_run_starts_nothing() {
    let output = alluvium(&["dev", "--dry-run", "-o", "json"], &[("PORT", "4711")]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let would: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    assert!(would["http"].as_str().unwrap().ends_with(":4711"));
    assert_eq!(code(&alluvium(&["bench", "--dry-run"], &[])), 0);
}

#[test]
fn completion_scripts_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let output = alluvium(&["completion", shell], &[]);
        assert_eq!(code(&output), 0);
        assert!(out(&output).contains("alluvium"));
    }
}

#[test]
fn whatever_ends_it_is_said_by_a_code() {
    // A server that never answers, and somebody who has had enough.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("http://{}", silent.local_addr().expect("its address"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_alluvium"));
    command.args(["projections", "list", "--server", &server, "--key", "k"]).env("NO_COLOR", "1");
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    let child = child.expect("the binary runs");
    // Once it has connected it is waiting.
    let (_connection, _) = silent.accept().expect("it asks");
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert!(ended.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(code(&output), 7, "{}", err(&output));
    assert!(err(&output).contains("error[cli.interrupted]"), "{}", err(&output));

    // Data that nobody gets is no success.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let mut command = Command::new(env!("CARGO_BIN_EXE_alluvium"));
    let output = command.args(["explain", "-o", "json"]).env("NO_COLOR", "1").stdout(full).output().expect("it runs");
    assert_eq!(code(&output), 7, "{}", err(&output));
    assert!(err(&output).contains("error[cli.io]"), "{}", err(&output));
}
