//! What an earlier release wrote opens: its backup on an empty machine, and its data directory in place. `scripts/fixture` made
//! the data with the release of that name; what that release answered is what has to be answered now.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use alluvium_blackbox::{binary, repository};
use alluvium_testing::{Alluvium, NatsServer, Postgres};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

/// How long the folds may take to show what is on the log.
const SHOWN_MAX: Duration = Duration::from_mins(1);

/// Data of a release.
struct Release {
    directory: PathBuf,
}

/// The releases of which there is data.
fn releases() -> Vec<Release> {
    let all = std::fs::read_dir(repository().join("tests/fixtures")).expect("tests/fixtures");
    let all: Vec<_> = all.map(|entry| Release { directory: entry.expect("an entry").path() }).collect();
    assert!(!all.is_empty(), "there is data of no release");
    all
}

impl Release {
    fn unpack(&self, name: &str, to: &Path) -> PathBuf {
        let archive = self.directory.join(format!("{name}.tar.gz"));
        let tar = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(to).output().expect("tar runs");
        assert!(tar.status.success(), "{}: {}", archive.display(), String::from_utf8_lossy(&tar.stderr));
        to.join(name)
    }

    fn text(&self, name: &str) -> String {
        let path = self.directory.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(&format!("answers/{name}"))).expect("JSON")
    }
}

/// Today's binary on data of an earlier release.
struct Opened {
    alluvium: Alluvium,
    nats: NatsServer,
    data: PathBuf,
    admin: String,
}

impl Opened {
    async fn on(nats: NatsServer, database: &str, data: PathBuf) -> Self {
        let alluvium = Alluvium::builder(binary())
            .args(["serve"])
            .env("ALLUVIUM_NATS_URL", nats.url())
            .env("ALLUVIUM_POSTGRES_URL", database)
            .env("ALLUVIUM_DATA_DIR", &data)
            .start()
            .await;
        let admin = std::fs::read_to_string(data.join("admin.key")).expect("the admin key").trim().to_owned();
        Self { alluvium, nats, data, admin }
    }

    fn cli(&self, args: &[&str]) -> Output {
        Command::new(binary())
            .args(["--server", &self.alluvium.url(), "--nats", &self.nats.url(), "--key", &self.admin])
            .args(["--project", "demo"])
            .args(args)
            .env("ALLUVIUM_DATA_DIR", &self.data)
            .env("NO_COLOR", "1")
            .output()
            .expect("the binary runs")
    }

    /// What a command prints; it must succeed.
    fn printed(&self, args: &[&str]) -> String {
        let output = self.cli(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}\n{error}\n{}", output.status, self.alluvium.output());
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    async fn ask(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request =
            reqwest::Client::new().request(method, format!("{}{path}", self.alluvium.url())).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(&self.admin, Method::GET, path, None).await
    }

    /// Until every fold has what the log has.
    async fn caught_up(&self) {
        let began = std::time::Instant::now();
        loop {
            let folds = self.get("/projections").await["projections"].clone();
            if folds.as_array().expect("folds").iter().all(|fold| fold["lag_events"] == 0) {
                return;
            }
            assert!(began.elapsed() < SHOWN_MAX, "{folds}\n{}", self.alluvium.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything that the release said about its data, asked again.
    async fn answers(&self, release: &Release) {
        let rows = |sql: &str| self.printed(&["-o", "csv", "tables", "query", sql]);
        assert_eq!(rows("SELECT * FROM shop.orders ORDER BY id"), release.text("answers/orders.csv"));
        let clicks = "SELECT n, page, seen, count(*) AS times FROM shop.clicks GROUP BY ALL ORDER BY n";
        assert_eq!(rows(clicks), release.text("answers/clicks.csv"));
        for (name, path) in [
            ("bucket.json", "/projects/demo/branches/default/buckets/shop"),
            ("files.json", "/projects/demo/files"),
            ("projects.json", "/projects"),
        ] {
            holds(&release.json(name), &self.get(path).await, name);
        }
        let state: Value =
            serde_json::from_str(&self.printed(&["-o", "json", "state", "project", "demo"])).expect("JSON");
        holds(&release.json("state.json")["state"], &state["state"], "state.json");
        let events = self.printed(&["-o", "ndjson", "events", "replay", "ev.>"]);
        let mut found = events.lines();
        for line in release.text("answers/events.ndjson").lines() {
            let event: Value = serde_json::from_str(line).expect("JSON");
            let same = found.next().map(|line| serde_json::from_str(line).expect("JSON"));
            holds(&event, &same.unwrap_or(Value::Null), "events.ndjson");
        }
        let key = release.text("project.key");
        self.ask(key.trim(), Method::GET, "/projects/demo/branches/default/buckets", None).await;
    }

    /// It is whole, it equals a rebuild, and one can work with it.
    async fn works(&self) {
        self.printed(&["log", "verify"]);
        self.printed(&["projections", "verify", "--all"]);
        self.printed(&["command", "send", "storage", "CreateBucket", "{\"project\": \"demo\", \"bucket\": \"later\"}"]);
        let path = self.data.join("more.ndjson");
        std::fs::write(&path, "{\"n\": 1000, \"page\": \"/new\", \"seen\": true}\n").expect("a file");
        self.printed(&["rows", "publish", path.to_str().expect("UTF-8"), "--table", "demo/shop/clicks"]);
        let new = self.printed(&["-o", "csv", "tables", "query", "SELECT n, seen FROM shop.clicks WHERE n = 1000"]);
        assert_eq!(new.lines().nth(1), Some("1000,true"), "{new}");
        let body = json!({ "description": "third" });
        self.ask(&self.admin, Method::POST, "/projects/demo/api-keys", Some(&body)).await;
        self.printed(&["--yes", "projections", "rebuild", "--all"]);
        self.printed(&["log", "verify"]);
    }
}

const ORDERS: &str = "/projects/demo/branches/default/buckets/shop/tables/orders";

impl Opened {
    /// Rows of orders, and those whose last change is not known.
    async fn unknown_times(&self) -> (usize, usize) {
        let shown = self.get(&format!("{ORDERS}/preview?include_internal_timestamp=true")).await;
        let rows = shown["rows"].as_array().expect("rows");
        (rows.len(), rows.iter().filter(|row| row["_timestamp"].is_null()).count())
    }

    /// Deletes orders that changed before there were any.
    async fn delete_by_time(&self) -> (u16, Value) {
        let request = reqwest::Client::new().delete(format!("{}{ORDERS}/rows", self.alluvium.url()));
        let request = request.bearer_auth(&self.admin).json(&json!({ "changed_until": 1_000_000_000 }));
        let response = request.send().await.expect("the server answers");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }
}

/// Whether an answer still says what it said; it may say more. Sizes of files are the engine's.
fn holds(before: &Value, now: &Value, place: &str) {
    match (before, now) {
        (Value::Object(before), Value::Object(_)) => {
            for (name, value) in before.iter().filter(|(name, _)| !name.contains("size_bytes")) {
                holds(value, &now[name], &format!("{place}.{name}"));
            }
        }
        (Value::Array(before), Value::Array(items)) => {
            assert_eq!(before.len(), items.len(), "{place}: {now}");
            before.iter().zip(items).enumerate().for_each(|(n, (a, b))| holds(a, b, &format!("{place}[{n}]")));
        }
        _ => assert_eq!(before, now, "{place}"),
    }
}

#[tokio::test]
async fn the_backup_of_an_earlier_release_opens_on_an_empty_machine() {
    for release in releases() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let backup = release.unpack("backup", directory.path());
        let (nats, postgres, data) =
            (NatsServer::start().await, Postgres::shared().await, directory.path().join("restored"));
        for args in [&["backup", "verify"][..], &["--nats", &nats.url(), "backup", "restore"][..]] {
            let mut command = Command::new(binary());
            command.args(args).arg(&backup).env("ALLUVIUM_DATA_DIR", &data).env("NO_COLOR", "1");
            let output = command.output().expect("the binary runs");
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let opened = Opened::on(nats, &postgres.database().await, data).await;
        opened.caught_up().await;
        opened.answers(&release).await;
        opened.works().await;
    }
}

#[tokio::test]
async fn the_data_directory_of_an_earlier_release_opens_in_place() {
    for release in releases() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data = release.unpack("data", directory.path());
        let nats = NatsServer::start_with(|options| options.directory = data.join("nats")).await;
        let postgres = Postgres::shared().await;
        let database = postgres.database().await;
        let mut connection = sqlx::PgConnection::connect(&database).await.expect("a connection");
        connection.execute(sqlx::AssertSqlSafe(release.text("postgres.sql"))).await.expect("its tables");
        connection.close().await.expect("it closes");
        let tables: PathBuf = data.join("tables");
        let live: Value =
            serde_json::from_slice(&std::fs::read(tables.join("active.json")).expect("active.json")).expect("JSON");

        let opened = Opened::on(nats, &database, data).await;
        opened.answers(&release).await;
        // It went on from what is there: nothing was folded again.
        let generations = opened.get("/projections/tables/generations").await["generations"].clone();
        assert_eq!(generations[0]["generation"], live["generation"], "{generations}");
        assert_eq!((&generations[0]["state"], &generations[1]["state"]), (&json!("live"), &json!("kept")));
        let said = opened.alluvium.output();
        assert!(!said.contains("folding it again"), "{said}");
        // Even what was kept is followed up and read. What that release did not fold has nothing kept.
        for name in ["access", "storage", "tables"] {
            opened.printed(&["--yes", "projections", "rollback", name]);
        }
        opened.answers(&release).await;
        if !release.directory.ends_with("0.1.0") {
            opened.works().await;
            continue;
        }
        // When its rows changed that release did not note, and nothing is deleted on a guess.
        let (rows, unknown) = opened.unknown_times().await;
        assert_eq!(unknown, rows);
        let (status, refused) = opened.delete_by_time().await;
        assert_eq!((status, refused["detail"]["error"].as_str()), (409, Some("change_times_unknown")), "{refused}");
        opened.works().await;
        // Folded again from the log, it is known; and a generation from before the upgrade goes on with what was decided by it.
        assert_eq!(opened.unknown_times().await, (rows, 0));
        let (status, deleted) = opened.delete_by_time().await;
        assert_eq!((status, &deleted["deleted_rows"]), (200, &json!(0)), "{deleted}");
        opened.printed(&["--yes", "projections", "rollback", "tables"]);
        assert_eq!(opened.unknown_times().await, (rows, 0), "{}", opened.alluvium.output());
        opened.printed(&["projections", "verify", "--all"]);
    }
}

/// Servers on which processes of both releases run, which share keys.
struct Site {
    nats: NatsServer,
    database: String,
    directory: tempfile::TempDir,
    _postgres: std::sync::Arc<Postgres>,
}

impl Site {
    async fn new() -> Self {
        let (nats, postgres) = (NatsServer::start().await, Postgres::shared().await);
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { nats, database: postgres.database().await, directory, _postgres: postgres }
    }

    /// A process; each data directory is one's own.
    fn serve(&self, program: PathBuf, roles: &str, data: &str) -> alluvium_testing::AlluviumBuilder {
        Alluvium::builder(program)
            .args(["serve", "--role", roles])
            .env("ALLUVIUM_NATS_URL", self.nats.url())
            .env("ALLUVIUM_POSTGRES_URL", &self.database)
            .env("ALLUVIUM_DATA_DIR", self.directory.path().join(data))
            .env("ALLUVIUM_BLOBS_DIR", self.directory.path().join("blobs"))
            .env("ALLUVIUM_ADMIN_KEY", alluvium_blackbox::ADMIN)
            .env("ALLUVIUM_SIGNING_KEY", "07".repeat(32))
    }

    async fn command(&self, url: &str, name: &str, body: Value) {
        let request = reqwest::Client::new().post(format!("{url}/commands/{name}")).json(&body);
        let response = request.bearer_auth(alluvium_blackbox::ADMIN).send().await.expect("an answer");
        let status = response.status();
        assert!(status.is_success(), "{name}: {status} {:?}", response.text().await);
    }

    /// A command that waits on the log for whoever decides next.
    async fn bucket(&self, name: &str) {
        let js = async_nats::jetstream::new(self.nats.connect().await);
        let body = json!({ "project": "p", "bucket": name }).to_string();
        js.publish("cmd.default.storage.CreateBucket", body.into()).await.expect("sent").await.expect("acknowledged");
    }

    async fn buckets(&self, url: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{url}/projects/p/branches/default/buckets?limit=1"));
        let response = request.bearer_auth(alluvium_blackbox::ADMIN).send().await.expect("an answer");
        response.json::<Value>().await.expect("JSON")["total"].clone()
    }

    async fn until_buckets(&self, url: &str, expected: u64, process: &Alluvium) {
        let began = std::time::Instant::now();
        while self.buckets(url).await != expected {
            assert!(began.elapsed() < SHOWN_MAX, "never {expected} buckets\n{}", process.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Somebody who reads events with a release before this one: as the list of nodes shows it.
async fn earlier_reader(js: async_nats::jetstream::Context) {
    let nodes = js.get_key_value("NODES").await.expect("the list of nodes");
    let member = json!({
        "node": "earlier", "address": null, "roles": ["projections"], "version": "0.0.9", "epoch": 1, "since": 1
    });
    loop {
        nodes.put("earlier", member.to_string().into()).await.expect("renewed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_writer_waits_until_every_reader_is_new() {
    let site = Site::new().await;
    let peers = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let both = site.serve(binary(), "commands,projections,tables,api", "reads");
    let mut reads = both.env("ALLUVIUM_PEERS_LISTEN", peers.to_string()).start().await;
    site.command(&reads.url(), "access/GrantPublishers", json!({ "rights": "all" })).await;
    site.command(&reads.url(), "storage/CreateProject", json!({ "project": "p" })).await;
    assert!(reads.stop().await.success());
    let js = async_nats::jetstream::new(site.nats.connect().await);
    let earlier = tokio::spawn(earlier_reader(js));
    // A reader of this release is not held up; a writer is.
    let readers = site.serve(binary(), "projections,tables,api", "reads");
    let reads = readers.env("ALLUVIUM_PEERS_LISTEN", peers.to_string()).start().await;
    let writes = site.serve(binary(), "commands", "writes").ready("/health").start().await;
    site.bucket("waits").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(site.buckets(&reads.url()).await, 0, "nothing is decided that somebody could not read");
    assert!(writes.output().contains("upgrade the processes that read events first"), "{}", writes.output());
    // The last reader is upgraded: its entry runs out.
    earlier.abort();
    site.until_buckets(&reads.url(), 1, &writes).await;
}

/// The same with the real binary of an earlier release, where somebody has one.
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_release_decides_until_it_is_replaced() {
    let Some(earlier) = std::env::var_os("ALLUVIUM_EARLIER_BINARY").map(PathBuf::from) else {
        println!("SKIPPED: ALLUVIUM_EARLIER_BINARY names no binary of an earlier release");
        return;
    };
    let site = Site::new().await;
    let mut all = site.serve(earlier.clone(), "commands,projections,tables,api", "data").start().await;
    site.command(&all.url(), "access/GrantPublishers", json!({ "rights": "all" })).await;
    site.command(&all.url(), "storage/CreateProject", json!({ "project": "p" })).await;
    site.bucket("before").await;
    site.until_buckets(&all.url(), 1, &all).await;
    assert!(all.stop().await.success());
    // Readers first, on the same data; the earlier release goes on deciding.
    let mut decides = site.serve(earlier, "commands,tables,api", "decides").ready("/health").start().await;
    let mut reads = site.serve(binary(), "projections,tables,api", "data").start().await;
    site.bucket("meanwhile").await;
    site.until_buckets(&reads.url(), 2, &reads).await;
    assert!(decides.stop().await.success());
    site.bucket("waits").await;
    let mut writes = site.serve(binary(), "commands", "writes").start().await;
    site.until_buckets(&reads.url(), 3, &writes).await;
    let verified = Command::new(binary())
        .args(["--server", &reads.url(), "--key", alluvium_blackbox::ADMIN, "projections", "verify", "--all"])
        .output()
        .expect("the binary runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(writes.stop().await.success() && reads.stop().await.success());
}
