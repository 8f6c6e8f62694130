//! The fold on a real nats-server: rows and requests become files, verdicts go back on the log, a restart goes on where it
//! was, and a rebuild is equal.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::{Log, LogOptions, OutcomePublisher, blob::BlobStore};
use alluvium_kernel::{
    Actor, Authorizer, DecisionContext, Position, Problem, Requirement, SigningKey, Timestamp, Token, Verdict,
};
use alluvium_messaging::streams;
use alluvium_projection::Pace;
use alluvium_storage::contract::{
    ColumnSpec, CreateBucket, CreateProject, CreateTable, LoadTable, OpenTable, ProjectEvent, TableCreated,
};
use alluvium_storage::fold::{Live, STREAM, Tables};
use alluvium_storage::model::{Project, Table};
use alluvium_tablestore::{Hub, HubConfig, PreviewSpec};
use alluvium_testing::NatsServer;
use async_nats::jetstream;
use tokio_util::sync::CancellationToken;

/// Unsigned publishers of project `closed` may not write; everybody else may.
struct Doors;

impl Authorizer for Doors {
    fn check<'a>(
        &'a self,
        _: &'a Token,
        _: &'a Actor,
        requirement: &'a Requirement,
    ) -> alluvium_kernel::BoxFuture<'a, Result<(), Problem>> {
        let closed = matches!(requirement, Requirement::BucketWrite(project, ..) if project == "closed");
        Box::pin(async move { if closed { Err(Problem::new("access.denied", 403, "not you")) } else { Ok(()) } })
    }
}

/// Memory enough for everything here.
const MEMORY_BYTES: u64 = 1 << 30;

struct Bench {
    nats: NatsServer,
    js: jetstream::Context,
    log: Log,
    directory: tempfile::TempDir,
    /// What the engine may take when it starts.
    memory_bytes: u64,
    tables: Option<(Arc<Tables>, CancellationToken)>,
}

fn at(id: &str) -> DecisionContext {
    let tenant = Token::encode("default").unwrap();
    DecisionContext { tenant, command_id: id.into(), actor: Actor::Admin, time: Timestamp::from_micros(1) }
}

impl Bench {
    async fn new() -> Self {
        let nats = NatsServer::start().await;
        let js = jetstream::new(nats.connect().await);
        streams::apply(&js, None).await.unwrap();
        let log = Log::new(js.clone(), STREAM, "storage", LogOptions::default());
        let mut bench =
            Self { nats, js, log, directory: tempfile::tempdir().unwrap(), memory_bytes: MEMORY_BYTES, tables: None };
        bench.start().await;
        bench
    }

    async fn start(&mut self) {
        let path = |name: &str| self.directory.path().join(name);
        let hub = Hub::open(HubConfig {
            data_dir: path("tables"),
            blob_dir: path("blobs"),
            export_dir: path("exports"),
            memory_limit_bytes: self.memory_bytes,
            threads: 2,
            attached_max: 8,
            probe_command: None,
        });
        let live = Live {
            log: self.log.clone(),
            outcomes: OutcomePublisher::new(self.js.clone()),
            authorizer: Arc::new(Doors),
            signing: SigningKey::new([7; 32]),
            given_up: std::sync::RwLock::default(),
        };
        let stop = CancellationToken::new();
        let tables =
            Tables::start(hub.unwrap(), self.js.clone(), self.blobs().await, live, stop.clone()).await.unwrap();
        self.tables = Some((tables, stop));
    }

    async fn restart(&mut self) {
        let (tables, _) = self.tables.take().unwrap();
        tables.finish().await;
        drop(tables);
        self.start().await;
    }

    async fn blobs(&self) -> BlobStore {
        BlobStore::open(self.directory.path().join("blobs")).await.unwrap()
    }

    fn tables(&self) -> &Arc<Tables> {
        &self.tables.as_ref().unwrap().0
    }

    /// A project with a bucket `b` and a table `t(n BIGINT)`; gives the table's uid.
    async fn table(&self, project: &str) -> String {
        let id = Token::encode(project).unwrap();
        let create = CreateProject { project: project.into(), name: None, settings: "{}".into(), organization: None };
        self.log.decide::<Project>(&id, create.into(), &at(&format!("p-{project}"))).await.unwrap();
        let bucket = CreateBucket { project: project.into(), bucket: "b".into(), description: None };
        self.log.decide::<Project>(&id, bucket.into(), &at(&format!("b-{project}"))).await.unwrap();
        let columns = vec![ColumnSpec { name: "n".into(), r#type: "BIGINT".into(), nullable: true, default: None }];
        let (bucket, table, project) = ("b".to_owned(), "t".to_owned(), project.to_owned());
        let create = CreateTable { branch: "default".into(), project, bucket, table, columns, primary_key: vec![] };
        let context = at(&format!("t-{id}"));
        self.log.decide::<Project>(&id, create.into(), &context).await.unwrap();
        let created = self.last_created(&id).await;
        let TableCreated { project, branch, bucket, table, uid, columns, primary_key, copy_of, .. } = created;
        let open = OpenTable { project, branch, bucket, table, uid: uid.clone(), columns, primary_key, copy_of };
        self.log.decide::<Table>(&Token::encode(&uid).unwrap(), open.into(), &context).await.unwrap();
        uid
    }

    async fn last_created(&self, project: &Token) -> TableCreated {
        use alluvium_messaging::{Commit, Contract, ContractSet, direct};
        let subject = self.log.subject::<Project>(&Token::encode("default").unwrap(), project);
        let last = direct::leader_last(&self.js, STREAM, &subject).await.unwrap().unwrap();
        let commit = Commit::from_avro(&last.payload).unwrap();
        let entry = commit.entries.last().unwrap();
        match ProjectEvent::decode(&entry.r#type, &entry.event).unwrap() {
            ProjectEvent::TableCreated(created) => created,
            other => panic!("{other:?}"),
        }
    }

    async fn rows(&self, project: &str, payload: &str) -> u64 {
        let publish = self.js.publish(format!("rows.default.{project}.b.t"), payload.to_owned().into()).await.unwrap();
        publish.await.unwrap().sequence
    }

    async fn wait(&self, seq: u64) {
        self.tables().wait_all(&Position::of(STREAM, seq), Duration::from_secs(20)).await.unwrap();
    }

    /// The column `n`, as JSON text, in insertion order.
    async fn content(&self, uid: &str) -> Vec<String> {
        let lane = self.tables().fold().lane(uid).unwrap();
        let spec = PreviewSpec { limit: 1_000, ..PreviewSpec::default() };
        let preview = self.tables().preview(&*lane, spec).await.unwrap();
        preview.rows.iter().map(|row| row.get().to_owned()).collect()
    }

    async fn load(&self, uid: &str, content: &str, id: &str) -> (u64, String) {
        let blob = self.blobs().await.put(content.as_bytes(), 1 << 30).await.unwrap();
        let load = load_of(blob.id.to_string(), blob.bytes as i64);
        let seq = self.log.decide::<Table>(&Token::encode(uid).unwrap(), load.into(), &at(id)).await.unwrap();
        (seq, id.to_owned())
    }

    async fn outcome(&self, id: &str) -> Verdict {
        let outcomes = OutcomePublisher::new(self.js.clone());
        let tenant = Token::encode("default").unwrap();
        outcomes.find(&tenant, id).await.unwrap().expect("an outcome").verdict
    }
}

fn load_of(blob: String, size_bytes: i64) -> LoadTable {
    LoadTable {
        branch: "default".into(),
        project: "p".into(),
        bucket: "b".into(),
        table: "t".into(),
        blob,
        size_bytes,
        format: "csv".into(),
        csv: None,
        incremental: true,
        dedup_mode: "update_duplicates".into(),
        columns: None,
        extra_columns: "error".into(),
        delete_missing: false,
        more: Vec::new(),
    }
}

#[tokio::test]
async fn rows_and_loads_become_a_file_that_a_restart_goes_on_with_and_a_rebuild_equals() {
    let mut bench = Bench::new().await;
    let uid = bench.table("p").await;
    bench.rows("p", "{\"n\": 1}").await;
    bench.rows("p", "[{\"n\": 2}, {\"n\": 3}]").await;
    bench.rows("p", "{\"n\": \"not a number\"}").await;
    let (seq, id) = bench.load(&uid, "n\n4\n5\n", "load-1").await;
    bench.wait(seq).await;
    let Verdict::Accepted { result, position, .. } = bench.outcome(&id).await else { panic!("refused") };
    assert_eq!((&result["imported_rows"], &result["table_rows_after"]), (&2.into(), &5.into()));
    assert!(position.seq(STREAM) > seq, "the position is the verdict's, on the log");
    let (seq, id) = bench.load(&uid, "n\nsix\n", "load-2").await;
    bench.wait(seq).await;
    let Verdict::Rejected { problem } = bench.outcome(&id).await else { panic!("accepted") };
    assert_eq!(problem.code, "storage.import_failed");
    let missing = load_of("0".repeat(64), 1);
    let seq = bench.log.decide::<Table>(&Token::encode(&uid).unwrap(), missing.into(), &at("load-3")).await.unwrap();
    bench.wait(seq).await;
    let Verdict::Rejected { problem } = bench.outcome("load-3").await else { panic!("accepted") };
    assert_eq!(problem.code, "storage.file_content_not_found");
    let before = bench.content(&uid).await;
    assert_eq!(before, [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#, r#"{"n":5}"#]);
    bench.restart().await;
    let seq = bench.rows("p", "{\"n\": 6}").await;
    bench.wait(seq).await;
    assert_eq!(bench.content(&uid).await.len(), 6);
    let verified = bench.tables().verify(Pace::default(), |_| {}).await.unwrap();
    assert_eq!((verified.tables, verified.difference, verified.flipped), (1, None, false));
    let rebuilt = bench.tables().rebuild(false, Pace::default(), |_| {}).await.unwrap();
    assert_eq!((rebuilt.difference, rebuilt.flipped, bench.tables().fold().generation), (None, true, 2));
    assert_eq!(bench.content(&uid).await.len(), 6);
    let seq = bench.rows("p", "{\"n\": 7}").await;
    bench.wait(seq).await;
    bench.restart().await;
    assert_eq!((bench.content(&uid).await.len(), bench.tables().fold().generation), (7, 2));
    let dlq = bench.js.get_stream("DLQ").await.unwrap();
    assert_eq!(dlq.cached_info().state.messages, 1, "the row that was no number, once");
}

#[tokio::test]
async fn rows_of_a_publisher_without_rights_never_count_in_any_generation() {
    let bench = Bench::new().await;
    let uid = bench.table("closed").await;
    let seq = bench.rows("closed", "{\"n\": 1}").await;
    bench.wait(seq).await;
    assert_eq!(bench.content(&uid).await, Vec::<String>::new());
    let verified = bench.tables().verify(Pace::default(), |_| {}).await.unwrap();
    assert_eq!(verified.difference, None, "the refusal is on the log, so a replay obeys it");
    let refusals = alluvium_messaging::direct::history(&bench.js, STREAM, "ev.*.storage.*.refusal.*", 1).await.unwrap();
    assert_eq!(refusals.len(), 1);
}

#[tokio::test]
async fn a_lost_file_is_folded_again_and_the_others_go_on() {
    let mut bench = Bench::new().await;
    let (uid, other) = (bench.table("p").await, bench.table("q").await);
    bench.rows("p", "{\"n\": 1}").await;
    let seq = bench.rows("q", "{\"n\": 9}").await;
    bench.wait(seq).await;
    let file = bench.tables().fold().lane(&uid).unwrap().file.clone();
    let path = bench.tables().hub().path(&file).unwrap();
    bench.tables.take().unwrap().0.finish().await;
    std::fs::write(&path, b"this is no database").unwrap();
    bench.start().await;
    let seq = bench.rows("p", "{\"n\": 2}").await;
    bench.rows("q", "{\"n\": 10}").await;
    bench.wait(seq).await;
    assert_eq!(bench.content(&uid).await, [r#"{"n":1}"#, r#"{"n":2}"#]);
    assert_eq!(bench.content(&other).await.len(), 2);
}

#[tokio::test]
async fn a_stream_made_anew_quarantines_the_tables() {
    let mut bench = Bench::new().await;
    bench.table("p").await;
    let seq = bench.rows("p", "{\"n\": 1}").await;
    bench.wait(seq).await;
    bench.tables.take().unwrap().0.finish().await;
    bench.js.delete_stream(STREAM).await.unwrap();
    streams::apply(&bench.js, None).await.unwrap();
    bench.start().await;
    let problem = bench.tables().health().quarantine.expect("a quarantine");
    assert_eq!(problem.code, "storage.tables_quarantined");
    assert!(bench.nats.url().starts_with("nats://"));
}

#[tokio::test]
async fn a_load_that_the_engine_has_no_memory_for_is_refused_once_and_for_all() {
    let mut bench = Bench::new().await;
    let (uid, other) = (bench.table("p").await, bench.table("q").await);
    let seq = bench.rows("p", "{\"n\": 1}").await;
    bench.wait(seq).await;
    bench.memory_bytes = 40 << 20;
    bench.restart().await;
    // The engine reads files in pieces, of which it has room for one.
    let large: String = std::iter::once("n\n".to_owned()).chain((0..4_000_000).map(|n| format!("{n:09}\n"))).collect();
    let (seq, id) = bench.load(&uid, &large, "load-1").await;
    let behind = bench.rows("p", "{\"n\": 2}").await;
    let elsewhere = bench.rows("q", "{\"n\": 9}").await;
    let position = Position::of(STREAM, elsewhere);
    bench.tables().wait_table(&other, &position, Duration::from_secs(20)).await.unwrap();
    bench.wait(behind).await;
    assert!(seq < behind);
    let Verdict::Rejected { problem } = bench.outcome(&id).await else { panic!("accepted") };
    assert_eq!((problem.code.as_str(), problem.status), ("storage.import_failed", 400));
    assert_eq!(problem.details.unwrap()["reason"], "out_of_memory");
    assert!(problem.detail.contains("duckdb.memory_limit"), "{}", problem.detail);
    assert_eq!(bench.content(&uid).await, [r#"{"n":1}"#, r#"{"n":2}"#]);

    // With memory enough it is still refused, because the log says so: in a file made anew too.
    bench.memory_bytes = MEMORY_BYTES;
    bench.restart().await;
    let verified = bench.tables().verify(Pace::default(), |_| {}).await.unwrap();
    assert_eq!((verified.tables, verified.difference), (2, None));
    assert_eq!(bench.content(&uid).await, [r#"{"n":1}"#, r#"{"n":2}"#]);
    let (seq, id) = bench.load(&uid, &large, "load-2").await;
    bench.wait(seq).await;
    let Verdict::Accepted { result, .. } = bench.outcome(&id).await else { panic!("refused") };
    assert_eq!(result["imported_rows"], 4_000_000);

    // What others took in is not for a smaller process to refuse: it tries until it can.
    let file = bench.tables().fold().lane(&uid).unwrap().file.clone();
    let path = bench.tables().hub().path(&file).unwrap();
    bench.tables.take().unwrap().0.finish().await;
    std::fs::remove_file(&path).unwrap();
    bench.memory_bytes = 40 << 20;
    bench.start().await;
    let seq = bench.rows("p", "{\"n\": 3}").await;
    let position = Position::of(STREAM, seq);
    assert!(bench.tables().wait_table(&uid, &position, Duration::from_secs(6)).await.is_err());
    bench.memory_bytes = MEMORY_BYTES;
    bench.restart().await;
    bench.wait(seq).await;
    assert_eq!(bench.tables().size(&uid).unwrap().0, 4_000_003);
}
