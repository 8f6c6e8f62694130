//! What the tests of faults share: requests that may fail, publishers that never give up, a small disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use alluvium_blackbox::{ADMIN, World};
use serde_json::{Value, json};

/// How long a caller may wait for an answer while something is broken.
pub const ANSWER_MAX: Duration = Duration::from_secs(25);
/// How long the platform may take to be itself again.
pub const RECOVERY_MAX: Duration = Duration::from_secs(40);
/// The buckets of the project that tests use.
pub const BUCKETS: &str = "/projects/p/branches/default/buckets";
/// The tables of its bucket.
pub const TABLES: &str = "/projects/p/branches/default/buckets/b/tables";

/// What came back, and when.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u64>,
    pub took: Duration,
    pub body: Value,
}

impl Answer {
    /// The code of a problem, in either shape.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().or_else(|| self.body["detail"]["error"].as_str()).unwrap_or_default()
    }

    /// A 503 as promised: soon, with a code and with a time to come back.
    pub fn assert_unavailable(&self) {
        assert_eq!(self.status, 503, "{self:?}");
        assert!(self.took < ANSWER_MAX && self.retry_after.is_some() && !self.code().is_empty(), "{self:?}");
    }
}

/// A request that may fail; the connection may not.
pub async fn ask(world: &World, path: &str, body: Option<&Value>, command_id: Option<&str>) -> Answer {
    ask_at(&world.alluvium.url(), path, body, command_id).await
}

/// The same by the address alone.
pub async fn ask_at(url: &str, path: &str, body: Option<&Value>, command_id: Option<&str>) -> Answer {
    let client = reqwest::Client::new();
    let place = format!("{url}{path}");
    let mut request = match body {
        Some(body) => client.post(place).json(body),
        None => client.get(place),
    };
    if let Some(id) = command_id {
        request = request.header("Alv-Command-Id", id);
    }
    let began = Instant::now();
    let response = request.bearer_auth(ADMIN).timeout(Duration::from_mins(2)).send().await.expect("an answer");
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.bytes().await.expect("a body");
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer { status, retry_after, took: began.elapsed(), body }
}

/// What `/ready` says of one check: whether all is well, whether the check is, and its words.
pub async fn ready(world: &World, check: &str) -> (bool, bool, String) {
    let answer = ask(world, "/ready", None, None).await;
    let checks = answer.body["checks"].as_array().cloned().unwrap_or_default();
    let found = checks.iter().find(|found| found["name"] == check).cloned().unwrap_or_default();
    (answer.status == 200, found["ok"] == true, found["detail"].as_str().unwrap_or_default().to_owned())
}

/// Waits until `/ready` fails because of a check; gives its words.
pub async fn not_ready(world: &World, check: &str) -> String {
    let began = Instant::now();
    loop {
        let (ready, ok, detail) = ready(world, check).await;
        if !ready && !ok && !detail.is_empty() {
            return detail;
        }
        assert!(began.elapsed() < RECOVERY_MAX, "/ready never fails because of {check}: {ready} {ok} {detail}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the platform says that it is ready.
pub async fn becomes_ready(world: &World) {
    let began = Instant::now();
    loop {
        let answer = ask(world, "/ready", None, None).await;
        if answer.status == 200 {
            return;
        }
        assert!(began.elapsed() < RECOVERY_MAX, "never ready again: {:?}\n{}", answer.body, world.alluvium.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One projection as `/projections` has it.
pub async fn projection(world: &World, name: &str) -> Value {
    let answer = ask(world, "/projections", None, None).await;
    let all = answer.body["projections"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|found| found["name"] == name).unwrap_or_default()
}

/// One number that a query over the project's tables gives; `None` while it cannot be asked.
pub async fn number(world: &World, sql: &str) -> Option<u64> {
    let answer = ask(world, "/projects/p/query", Some(&json!({ "query": sql })), None).await;
    answer.body["data"]["rows"][0][0].as_u64()
}

/// Waits until a query gives a number.
pub async fn counts(world: &World, sql: &str, expected: u64) {
    let began = Instant::now();
    loop {
        let found = number(world, sql).await;
        if found == Some(expected) {
            return;
        }
        let late = began.elapsed() > RECOVERY_MAX;
        assert!(!late, "{sql}: {found:?} instead of {expected}\n{}", world.alluvium.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Publishes rows `{"n": …}` one by one, each again under its id until the log has it.
pub async fn publish_rows(nats: String, table: &'static str, numbers: std::ops::Range<u64>, pause: Duration) {
    let options = async_nats::ConnectOptions::new().max_reconnects(None).retry_on_initial_connect();
    let client = options.connect(nats).await.expect("a connection");
    let jetstream = async_nats::jetstream::new(client);
    for n in numbers {
        let body = json!({ "n": n }).to_string();
        loop {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{table}-{n}"));
            let subject = format!("rows.default.p.b.{table}");
            let sent = async { jetstream.publish_with_headers(subject, headers, body.clone().into()).await?.await };
            if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(3), sent).await {
                break;
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Creates buckets `w<n>` over HTTP, each again under its id until it is accepted. Every other answer must be a 503 as promised;
/// gives how many there were.
pub async fn create_buckets(url: String, numbers: std::ops::Range<u64>, pause: Duration) -> u64 {
    let mut refused = 0;
    for n in numbers {
        let body = json!({ "project": "p", "bucket": format!("w{n}") });
        loop {
            let id = format!("writer-{n}");
            let answer = ask_at(&url, "/commands/storage/CreateBucket", Some(&body), Some(&id)).await;
            if answer.status == 200 {
                break;
            }
            answer.assert_unavailable();
            refused += 1;
        }
        tokio::time::sleep(pause).await;
    }
    refused
}

/// The file of a table in the first generation.
pub fn table_file(world: &World, table: &str) -> PathBuf {
    let directory = world.data.path().join("tables/g1/default/p/b");
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&format!("{table}.")) && name.ends_with(".duckdb")
    };
    let entries = std::fs::read_dir(directory).expect("the bucket's directory").flatten();
    entries.map(|entry| entry.path()).find(named).expect("the table's file")
}

/// A small file system in memory, mounted at a directory until this is dropped; declare it before who uses it.
pub struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts one; `None`, and says so, where that is not allowed.
    pub fn mount(at: &Path, mib: u64) -> Option<Self> {
        let size = format!("size={mib}m,mode=0711");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { at: at.to_owned() }),
            Ok(output) => {
                println!(
                    "SKIPPED: mounting a tmpfs is not allowed here: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
                None
            }
            Err(error) => {
                println!("SKIPPED: there is no `mount` here: {error}");
                None
            }
        }
    }

    /// Fills it but for some KiB.
    pub fn fill(&self, but_kib: u64) {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.at.join("ballast")).expect("a file");
        let block = vec![0_u8; 4096];
        while ballast.write_all(&block).is_ok() {}
        let length = ballast.metadata().expect("its length").len();
        ballast.set_len(length.saturating_sub(but_kib << 10)).expect("a shorter file");
    }

    /// Gives the space back.
    pub fn free(&self) {
        std::fs::remove_file(self.at.join("ballast")).expect("the ballast is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is left open goes with its last user.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
        let _ = std::fs::remove_dir(&self.at);
    }
}
