//! The same queries on PyFlink, which reads the same files.

use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use super::data::{Data, LEAD};
use super::queries::{QUERIES, TABLES, Tables};
use crate::failure::Failure;

/// Where PyFlink is, as `scripts/clients flink` prints it.
const PACKAGES: &str = "ALLUVIUM_FLINK";
/// Tasks that work side by side.
const PARALLELISM: usize = 2;
/// By how much events may come late.
const LATE: &str = "INTERVAL '4' SECOND";

/// What a query took.
#[derive(Clone, Debug, Deserialize)]
pub struct Took {
    /// The query.
    pub name: String,
    /// From its text to its end, without the start of the process.
    pub seconds: Option<f64>,
    /// Of the processors, meanwhile.
    pub cpu_seconds: Option<f64>,
    /// The most memory of the Java process, in megabytes.
    pub peak_mb: Option<f64>,
    /// Why it did not run.
    pub error: Option<String>,
}

/// Runs the named queries.
///
/// # Errors
/// PyFlink is not there or does not start; what a query does not like is told of that query.
pub async fn run(data: &Data, names: &[&str]) -> Result<Vec<Took>, Failure> {
    let packages = std::env::var_os(PACKAGES).ok_or_else(|| {
        Failure::unavailable("cli.bench_peer", format!("{PACKAGES} does not name the packages of PyFlink"))
            .help("`scripts/bench` brings them; they need a Java runtime")
    })?;
    let queries = QUERIES.iter().filter(|query| names.contains(&query.name));
    let queries: Vec<_> = queries.map(|query| json!({ "name": query.name, "sql": query.for_flink() })).collect();
    let job = json!({
        "parallelism": PARALLELISM,
        "setup": setup(&data.dir),
        "warm_up": "SELECT COUNT(*) FROM person",
        "queries": queries,
    });
    let mut child = tokio::process::Command::new("python3")
        .args(["-c", include_str!("flink.py")])
        .env("PYTHONPATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or_else(|| Failure::bug("the process has no input"))?;
    stdin.write_all(job.to_string().as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        return Err(Failure::unavailable("cli.bench_peer", format!("PyFlink did not run: {last}")));
    }
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{"));
    lines.map(|line| serde_json::from_slice(line).map_err(Failure::bug)).collect()
}

/// The tables over the files.
fn setup(dir: &Path) -> Vec<String> {
    let Tables { person, auction, bid, side_input } = TABLES;
    let lead = LEAD.map(|name| format!("{name} BIGINT")).join(", ");
    let watermark = format!("WATERMARK FOR date_time AS date_time - {LATE}");
    let table = |name: &str, columns: String, files: &str| {
        // TEXTs and TIMEs need their sizes there.
        let columns = columns.replace("VARCHAR", "STRING").replace("TIMESTAMP", "TIMESTAMP(3)");
        let path = dir.display();
        format!(
            "CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = '{path}', \
             'source.path.regex-pattern' = '{path}/{files}', 'format' = 'csv')"
        )
    };
    vec![
        table("person", format!("{lead}, {person}, {watermark}"), "person.csv"),
        table("auction", format!("{lead}, {auction}, {watermark}"), "auction.csv"),
        table("bid", format!("{lead}, {bid}, arrived AS PROCTIME(), {watermark}"), "bid-[01].csv"),
        table("side_input", side_input.to_owned(), "side_input.csv"),
    ]
}
