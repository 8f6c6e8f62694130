//! `fda`, the command line that people of Feldera use, against our server: every command, and what it prints.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use alluvium_blackbox::certificates::{certificates, tls_in_front_of};
use alluvium_blackbox::{ADMIN, World, repository};
use serde_json::json;

const PROGRAM: &str = "CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b VARCHAR);
CREATE MATERIALIZED VIEW v AS SELECT b, COUNT(*) AS c FROM t GROUP BY b;
CREATE MATERIALIZED VIEW since AS SELECT a FROM t WHERE NOW() > TIMESTAMP '2020-01-01 00:00:00';";
const CONNECTED: &str = r#"CREATE TABLE t (a INT NOT NULL PRIMARY KEY) WITH ('connectors' = '[{
    "name": "made", "paused": true,
    "transport": {"name": "datagen", "config": {"plan": [{"limit": 1000, "fields": {"a": {"strategy": "increment"}}}]}}
}]');
CREATE MATERIALIZED VIEW v AS SELECT COUNT(*) AS n FROM t;"#;
/// The one that asks no server.
const HELP: &str = "help";

/// The command line, the commands of it that were called, and where it works.
struct Fda {
    program: PathBuf,
    host: String,
    at: PathBuf,
    called: BTreeSet<String>,
}

impl Fda {
    /// Credentials go over TLS only.
    async fn new(world: &World, at: &Path) -> Self {
        let clients = Command::new(repository().join("scripts/clients")).arg("fda").output();
        let clients = clients.expect("scripts/clients runs");
        assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
        certificates(at);
        let port = tls_in_front_of(at, &world.alluvium.url()).await;
        Self {
            program: PathBuf::from(String::from_utf8_lossy(&clients.stdout).trim()).join("bin/fda"),
            host: format!("https://localhost:{port}"),
            at: at.to_owned(),
            called: BTreeSet::new(),
        }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.at)
            .env("FELDERA_HOST", &self.host)
            .env("FELDERA_API_KEY", ADMIN)
            .env("FELDERA_HTTPS_TLS_CERT", self.at.join("ca.pem"))
            .env("FELDERA_RETRIES", "0")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    fn run(&mut self, args: &[&str]) -> Output {
        let named = args.iter().skip_while(|arg| arg.starts_with("--")).find(|arg| !FORMATS.contains(arg));
        self.called.extend(named.map(|name| (*name).to_owned()));
        self.command(&self.program).args(args).output().expect("fda runs")
    }

    /// What it prints when it does what it should; all of these are in it.
    fn prints(&mut self, args: &[&str], expected: &[&str]) -> String {
        let output = self.run(args);
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "fda {args:?}: {}\n{out}\n{error}", output.status);
        for text in expected {
            assert!(out.contains(text), "fda {args:?}: {text:?} is not in\n{out}\n{error}");
        }
        out.into_owned()
    }

    /// What it complains about when it cannot do what it should.
    fn complains(&mut self, args: &[&str], expected: &str) {
        let output = self.run(args);
        let all = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&all);
        assert!(!output.status.success() && said.contains(expected), "fda {args:?}: {}\n{said}", output.status);
    }

    fn file(&self, name: &str, content: &str) {
        std::fs::write(self.at.join(name), content).expect("a file is written");
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.at.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

const FORMATS: [&str; 6] = ["text", "json", "arrow_ipc", "parquet", "prometheus", "hash"];

#[tokio::test(flavor = "multi_thread")]
async fn fda_does_all_that_it_offers() {
    let world = World::start().await;
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let mut fda = Fda::new(&world, scratch.path()).await;
    fda.file("p.sql", PROGRAM);
    fda.file("other.sql", &PROGRAM.replace("COUNT(*)", "SUM(a)"));
    fda.file("connected.sql", CONNECTED);
    fda.file("wrong.sql", "CREATE VIEW w AS SELECT x FROM nope;");
    tokio::task::block_in_place(|| {
        programs(&mut fda);
        lives(&mut fda);
        asks(&mut fda);
    });
    let taken =
        world.post("/v0/pipelines/p/ingress/t?format=json&update_format=raw", &json!({ "a": 7, "b": "z" })).await;
    let token = taken["token"].as_str().expect("a token");
    tokio::task::block_in_place(|| {
        fda.prints(&["completion-status", "p", token], &[""]);
        looks(&mut fda);
        ends(&mut fda);
        connectors(&mut fda);
        installation(&mut fda);
        every_command_was_called(&fda);
    });
    world.verify();
}

fn programs(fda: &mut Fda) {
    fda.prints(&["create", "p", "p.sql", "--tag", "one"], &["Pipeline created successfully."]);
    fda.complains(&["create", "p", "p.sql"], "already");
    fda.prints(&["pipelines"], &["p", "Stopped"]);
    fda.prints(&["program", "get", "p"], &["CREATE MATERIALIZED VIEW v"]);
    fda.prints(&["program", "status", "p"], &["version 1"]);
    fda.prints(&["program", "set", "p", "p.sql"], &["Program updated successfully."]);
    fda.prints(&["program", "config", "p"], &["optimized"]);
    fda.prints(&["program", "set-config", "p", "-p", "dev"], &["Program config updated successfully."]);
    fda.prints(&["config", "p"], &["clock_resolution_usecs", "1000000"]);
    let driven = r#"{"now_http_driven":true}"#;
    fda.prints(&["set-config", "p", "dev_tweaks", driven], &["Runtime config updated successfully."]);
    fda.prints(&["tags", "p"], &["one"]);
    fda.prints(&["set-tags", "p", "two three"], &["Tags updated successfully."]);
    fda.prints(&["tags", "p"], &["three"]);
    fda.prints(&["update-runtime", "p"], &["Pipeline runtime updated successfully."]);
    fda.prints(&["copy", "p", "q"], &["Pipeline copied successfully."]);
    fda.prints(&["delete", "q"], &["Pipeline deleted successfully."]);
    fda.complains(&["status", "q"], "q");
    fda.prints(&["validate-program", "p.sql"], &["\"Success\"", "\"dataflow\": null"]);
    fda.prints(&["validate-program", "--ir", "p.sql"], &["\"calcite_plan\"", "\"persistent_id\""]);
    fda.prints(&["validate-program", "wrong.sql"], &["\"SqlError\"", "Object 'nope' not found"]);
}

fn lives(fda: &mut Fda) {
    fda.prints(&["start", "p", "--initial", "paused"], &["Pipeline started successfully."]);
    fda.prints(&["resume", "p"], &["Pipeline resumed successfully."]);
    fda.prints(&["pause", "p"], &["Pipeline paused successfully."]);
    fda.prints(&["restart", "p"], &["Pipeline started successfully."]);
    fda.prints(&["status", "p"], &["deployment_status", "Running", "Success"]);
    fda.prints(&["program", "errors", "p"], &["SQL compiler exit code: 0"]);
    fda.prints(&["diff", "p", "other.sql"], &["\"modified_views\": [\n      \"v\"\n    ]"]);
    fda.complains(&["diff", "p", "wrong.sql"], "does not compile");
    fda.complains(&["set-config", "p", "workers", "4"], "stopped");
    fda.prints(&["start-transaction", "p"], &["Transaction started successfully with ID: 1"]);
    fda.prints(&["commit-transaction", "p", "--tid", "1"], &["Transaction committed successfully."]);
    fda.complains(&["commit-transaction", "p"], "ransaction");
    fda.prints(&["clock-advance", "p", "--delta-ms", "5"], &["NOW() = ", ".000Z"]);
    fda.prints(&["rebalance", "p"], &["Initiated rebalancing for pipeline p."]);
    fda.prints(&["start-compaction", "p"], &["Initiated compaction for pipeline p."]);
}

fn asks(fda: &mut Fda) {
    fda.prints(&["query", "p", "INSERT INTO t VALUES (1, 'x'), (2, 'y')"], &["| 2     |"]);
    let grid = "+---+---+\n| b | c |\n+---+---+\n| x | 1 |\n| y | 1 |\n+---+---+\n";
    let sql = "SELECT b, c FROM v ORDER BY b";
    fda.prints(&["query", "p", sql], &[grid]);
    fda.prints(&["--format", "json", "query", "p", sql], &["{\"b\":\"x\",\"c\":1}\n{\"b\":\"y\",\"c\":1}\n"]);
    fda.prints(&["--format", "arrow_ipc", "query", "p", sql], &[grid]);
    let hash = fda.prints(&["--format", "hash", "query", "p", sql], &[]);
    assert!(hash.trim().len() == 64 && hash.trim().chars().all(|digit| digit.is_ascii_hexdigit()), "{hash}");
    fda.prints(&["--format", "parquet", "query", "p", sql], &["Query result saved to 'result.parquet'"]);
    assert_eq!(fda.bytes("result.parquet")[..4], *b"PAR1");
    fda.complains(&["query", "p", "SELECT nope"], "No field named nope");
    fda.complains(&["query", "p", "SELECT 1 / 0"], "Divide by zero");

    // The shell works with a terminal only: `script` is one.
    fda.called.insert("shell".to_owned());
    let line = format!(
        "(printf 'SELECT COUNT(*) AS n FROM t;\\n'; sleep 2) | script -qec '{} shell p' /dev/null",
        fda.program.display()
    );
    let output = fda.command("sh").args(["-c", &line]).output().expect("a shell runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("| n |") && said.contains("| 2 |"), "{said}");
}

fn looks(fda: &mut Fda) {
    let all_are_processed =
        |fda: &mut Fda| fda.prints(&["--format", "json", "stats", "p"], &[]).contains("\"total_processed_records\": 3");
    assert!((0..100).any(|_| all_are_processed(fda)), "the row sent over HTTP is processed");
    fda.prints(&["stats", "p"], &["global_metrics", "total_processed_records"]);
    fda.prints(&["--format", "prometheus", "metrics", "p"], &["# TYPE records_processed_total counter\n"]);
    fda.prints(&["--format", "json", "metrics", "p"], &["\"key\":\"records_processed_total\""]);
    fda.prints(&["logs", "p"], &["the pipeline is Running"]);
    fda.prints(&["circuit-profile", "p", "-o", "circuit.zip"], &["circuit.zip"]);
    assert_eq!(fda.bytes("circuit.zip")[..2], *b"PK");
    fda.run(&["heap-profile", "p", "-o", "heap.pb.gz"]);
    assert_eq!(fda.bytes("heap.pb.gz")[..2], [0x1f, 0x8b]);
    fda.prints(&["support-bundle", "p", "-o", "bundle.zip"], &["Support bundle written to bundle.zip"]);
    fda.prints(&["debug", "unbundle", "--dry-run", "bundle.zip"], &["CREATE MATERIALIZED VIEW since"]);
    fda.prints(&["events", "p"], &["Provisioning", "Paused", "Running"]);
    fda.prints(&["event", "p", "latest", "all"], &["deployment_runtime_status", "Running"]);
}

fn ends(fda: &mut Fda) {
    fda.prints(&["checkpoint", "p"], &["heckpoint"]);
    fda.prints(&["stop", "p", "--checkpoint"], &["Pipeline stopped successfully."]);
    fda.prints(&["program", "set", "p", "other.sql"], &["Program updated successfully."]);
    fda.prints(&["start", "p", "--no-wait"], &[""]);
    let waits = |fda: &mut Fda| fda.prints(&["status", "p"], &[]).contains("AwaitingApproval");
    assert!((0..100).any(|_| waits(fda)), "it waits for approval");
    fda.prints(&["approve", "p"], &["pproved"]);
    let runs = |fda: &mut Fda| fda.prints(&["status", "p"], &[]).contains("| Running");
    assert!((0..100).any(|_| runs(fda)), "it goes on");
    fda.prints(&["query", "p", "SELECT c FROM v WHERE b = 'y'"], &["| 2 |"]);
    fda.prints(&["stop", "p"], &["Pipeline stopped successfully."]);
    fda.complains(&["query", "p", "SELECT 1"], "503");
    fda.complains(&["delete", "p"], "storage");
    fda.prints(&["dismiss-error", "p"], &["Pipeline deployment error dismissed successfully."]);
    fda.prints(&["clear", "p"], &["Pipeline cleared successfully."]);
    fda.prints(&["delete", "p"], &["Pipeline deleted successfully."]);
}

fn connectors(fda: &mut Fda) {
    fda.prints(&["create", "c", "connected.sql"], &["Pipeline created successfully."]);
    fda.prints(&["start", "c"], &["Pipeline started successfully."]);
    fda.prints(&["connector", "c", "t", "made", "start"], &["Table t connector made started successfully."]);
    let has_all = |fda: &mut Fda| fda.prints(&["query", "c", "SELECT n FROM v"], &[]).contains("| 1000 |");
    assert!((0..100).any(|_| has_all(fda)), "all rows come");
    fda.prints(&["connector", "c", "t", "made", "pause"], &["Table t connector made paused successfully."]);
    fda.prints(&["--format", "json", "connector", "c", "t", "made", "stats"], &["\"endpoint_name\": \"t.made\""]);
    let token = fda.prints(&["completion-token", "c", "t", "made"], &[]);
    fda.prints(&["completion-status", "c", token.trim()], &["complete"]);
    fda.complains(&["connector", "c", "t", "other", "start"], "other");
    fda.prints(&["stop", "c"], &["Pipeline stopped successfully."]);
    fda.prints(&["clear", "c"], &["Pipeline cleared successfully."]);
    fda.file("connected.sql", &CONNECTED.replace("\"paused\": true,", ""));
    fda.prints(&["program", "set", "c", "connected.sql"], &["Program updated successfully."]);
    fda.prints(&["bench", "c", "--duration", "2", "--no-recompile"], &["Throughput (records/s)"]);
    fda.prints(&["stop", "c"], &["Pipeline stopped successfully."]);
    fda.prints(&["clear", "c"], &["Pipeline cleared successfully."]);
    fda.prints(&["delete", "c"], &["Pipeline deleted successfully."]);
}

fn installation(fda: &mut Fda) {
    fda.prints(&["apikey", "create", "k", "--role", "write"], &["API key 'k' created: apikey:"]);
    fda.prints(&["apikey", "list"], &["k", "write"]);
    fda.prints(&["apikey", "delete", "k"], &["API key 'k' deleted"]);
    let issuer = "https://issuer.example.com";
    fda.prints(
        &["oidc-trust", "create", "ci", "--issuer", issuer, "--subject", "repo:x"],
        &["OIDC trust 'ci' created"],
    );
    fda.prints(&["oidc-trust", "list"], &["ci", issuer, "read"]);
    fda.prints(&["oidc-trust", "delete", "ci"], &["OIDC trust 'ci' deleted"]);
    let created = fda.prints(&["tenant", "create", "acme"], &["Created tenant 'acme' ("]);
    let id = created.split(['(', ')']).nth(1).expect("an id").to_owned();
    fda.prints(&["tenant", "rename", &id, "acne"], &["acne"]);
    fda.prints(&["tenant", "get", "acne"], &[&id]);
    fda.prints(&["tenant", "list"], &["acne", "default"]);
    fda.prints(&["tenant", "delete", &id], &[""]);
    let added = fda.prints(&["member", "add", "somebody", "--role", "read"], &["Added 'somebody' as read (user id "]);
    let id = added.rsplit(' ').next().expect("an id").trim().trim_end_matches([')', '.']).to_owned();
    fda.prints(&["member", "set-role", &id, "write"], &["write"]);
    fda.prints(&["member", "list"], &["somebody", "write"]);
    fda.prints(&["member", "remove", &id], &[""]);
    fda.prints(&["cluster", "config"], &["edition", "Enterprise"]);
    fda.prints(&["cluster", "health"], &["runner", "true"]);
    fda.prints(&["cluster", "events"], &["Healthy"]);
    fda.prints(&["cluster", "event", "latest"], &["all_healthy"]);
}

/// The commands that it lists are those that were called.
fn every_command_was_called(fda: &Fda) {
    let help = Command::new(&fda.program).arg("--help").output().expect("fda runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: BTreeSet<String> = listed
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect();
    assert!(listed.len() > 40, "{help}");
    let called: BTreeSet<String> = fda.called.iter().cloned().chain([HELP.to_owned()]).collect();
    assert_eq!(called, listed, "commands of fda");
}
