//! The platform as processes with split roles on a log of three nodes: they answer as one, and any of them may go.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use alluvium_blackbox::ADMIN;
use alluvium_blackbox::cluster::Cluster;
use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Projects, enough that both keepers of tables have some (all but once in 128 times, which the test then says).
const PROJECTS: usize = 8;

fn names() -> Vec<String> {
    (0..PROJECTS).map(|n| format!("p{n}")).collect()
}

/// Waits until every project has a keeper, and gives them.
async fn settled(cluster: &Cluster, projects: &[String]) -> Vec<usize> {
    cluster
        .eventually("every project has a keeper", || async {
            cluster.keepers(projects).await.iter().all(Option::is_some)
        })
        .await;
    cluster.keepers(projects).await.into_iter().flatten().collect()
}

/// Publishes rows `from..to` to a table, each until it is acknowledged, under an id of its own.
async fn publish(cluster: &Cluster, project: &str, from: u64, to: u64) {
    let js = async_nats::jetstream::new(cluster.nats.connect().await);
    for n in from..to {
        let began = Instant::now();
        loop {
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{project}-{n}"));
            let (subject, body) = (format!("rows.default.{project}.b.t"), json!({ "n": n }).to_string());
            let sent = js.publish_with_headers(subject, headers, body.into()).await;
            if let Ok(ack) = sent
                && ack.await.is_ok()
            {
                break;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "row {n} of {project} is never acknowledged");
        }
    }
}

/// Rows, loads and commands while something else happens; gives how many loads and buckets each project has got.
struct Load {
    loads: usize,
    buckets: usize,
}

async fn load(
    cluster: &Cluster,
    file: &HashMap<String, String>,
    projects: &[String],
    rounds: usize,
    tag: &str,
) -> Load {
    for round in 0..rounds {
        let work = projects.iter().map(|project| async move {
            let bucket = format!("/projects/{project}/branches/default/buckets");
            // A retry of a request whose answer was lost may find its own work done.
            let body = json!({ "name": format!("{tag}-{round}") });
            let (status, answer) = served(cluster, &bucket, &body).await;
            assert!(status.is_success() || status == StatusCode::CONFLICT, "{answer}");
        });
        futures::future::join_all(work).await;
        let work = projects.iter().map(|project| async move {
            let command = json!({
                "project": project, "bucket": "b", "table": "loaded", "blob": file[project], "size_bytes": 8,
                "incremental": true,
            });
            send(cluster, &format!("load-{tag}-{project}-{round}"), &command).await;
        });
        futures::future::join_all(work).await;
    }
    Load { loads: rounds, buckets: rounds }
}

/// Asks until the answer is not "try again".
async fn served(cluster: &Cluster, path: &str, body: &Value) -> (StatusCode, Value) {
    let began = Instant::now();
    loop {
        let (status, _, answer) = cluster.ask(Method::POST, path, Some(body), None).await;
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return (status, answer);
        }
        assert!(began.elapsed() < Duration::from_mins(2), "{path}: {answer}\n{}", cluster.output());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A load by command under an id of its own, again until its outcome is known.
async fn send(cluster: &Cluster, id: &str, command: &Value) {
    let began = Instant::now();
    loop {
        let (status, answer) = cluster.command(id, "storage/LoadTable", command).await;
        if status.is_success() {
            return assert_eq!(answer["status"], "accepted", "{id}: {answer}");
        }
        assert!(status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT, "{id}: {status} {answer}");
        assert!(began.elapsed() < Duration::from_mins(2), "{id}: {answer}\n{}", cluster.output());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Each request has one verdict on the log, whoever kept its table.
async fn one_verdict_each(cluster: &Cluster) {
    let js = async_nats::jetstream::new(cluster.nats.connect().await);
    let stream = js.get_stream("STORAGE").await.expect("the stream");
    let last = stream.cached_info().state.last_sequence;
    let config = async_nats::jetstream::consumer::pull::OrderedConfig {
        filter_subject: "ev.*.storage.*.table.*".into(),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.expect("a consumer");
    let mut messages = consumer.messages().await.expect("messages");
    let (mut asked, mut settled) = (0, 0);
    loop {
        let message = messages.next().await.expect("a message").expect("a message");
        let info = message.info().expect("its place");
        let types =
            message.headers.as_ref().and_then(|headers| headers.get("Alv-Types")).map_or("", |types| types.as_str());
        asked += types.split(',').filter(|kind| *kind == "LoadRequested").count();
        settled += types.split(',').filter(|kind| *kind == "Settled").count();
        if info.pending == 0 || info.stream_sequence >= last {
            break;
        }
    }
    assert!(asked > 0);
    assert_eq!(asked, settled, "one verdict for each request");
}

async fn with_loads(cluster: &Cluster, projects: &[String]) -> HashMap<String, String> {
    let mut blobs = HashMap::new();
    for project in projects {
        cluster.project(project).await;
        let table = json!({ "name": "loaded", "columns": [{ "name": "n", "type": "BIGINT" }], "primary_key": [] });
        cluster.post(&format!("/projects/{project}/branches/default/buckets/b/tables"), &table).await;
        let file = cluster.upload(project, "part.csv", "n\n1\n2\n3\n").await;
        let blob = cluster.get(&format!("/projects/{project}/files/{file}")).await["checksum_sha256"].clone();
        blobs.insert(project.clone(), blob.as_str().expect("a checksum").to_owned());
    }
    blobs
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_with_split_roles_answer_as_one() {
    let cluster = Cluster::start().await;
    let projects = names();
    with_loads(&cluster, &projects).await;
    let keepers = settled(&cluster, &projects).await;
    for project in &projects {
        publish(&cluster, project, 0, 20).await;
    }
    for project in &projects {
        cluster.eventually("all rows", || async { cluster.count(project, "t").await == 20 }).await;
        // A write and the read of it, by position.
        let body = json!({ "where_clause": "n < 5" });
        let path = format!("/projects/{project}/branches/default/buckets/b/tables/t/rows");
        let (position, answer) = cluster.until_served(Method::DELETE, &path, Some(&body), None).await;
        assert_eq!(answer["deleted_rows"], 5, "{answer}");
        let rows = cluster.query(project, "SELECT count(*) FROM b.t", position.as_deref()).await;
        assert_eq!(rows[0][0], 15);
        let both = cluster.query(project, "SELECT count(*) FROM b.t, b.loaded", None).await;
        assert_eq!(both[0][0], 0, "a query may name several tables");
    }
    // An import and an export go through the content that all nodes see.
    let file = cluster.upload("p0", "rows.csv", "n\n7\n8\n").await;
    let imported = cluster
        .post(
            "/projects/p0/branches/default/buckets/b/tables/loaded/import/file",
            &json!({ "file_id": file, "format": "csv" }),
        )
        .await;
    assert_eq!(imported["imported_rows"], 2, "{imported}");
    let exported =
        cluster.post("/projects/p0/branches/default/buckets/b/tables/loaded/export", &json!({ "format": "csv" })).await;
    assert_eq!(exported["rows_exported"], 2, "{exported}");
    // A branch gets its table where the project is kept, and gives it back.
    let branch = cluster.post("/projects/p0/branches", &json!({ "name": "dev" })).await;
    let below = format!("/projects/p0/branches/{}", branch["id"].as_str().expect("an id"));
    let (rows, some) = (format!("{below}/buckets/b/tables/t/rows"), json!({ "where_clause": "n < 10" }));
    let (_, answer) = cluster.until_served(Method::DELETE, &rows, Some(&some), None).await;
    assert_eq!((&answer["deleted_rows"], cluster.count("p0", "t").await), (&json!(5), 15), "{answer}");
    let diff = cluster.get(&format!("{below}/diff")).await;
    assert_eq!(
        (&diff["tables"][0]["rows_removed"], &diff["tables"][0]["main_changed"]),
        (&json!(5), &json!(false)),
        "{diff}"
    );
    assert!(cluster.get(&below).await["size_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    let merged = cluster.post(&format!("{below}/merge"), &json!({})).await;
    assert_eq!((&merged["tables"][0]["result"], cluster.count("p0", "t").await), (&json!("merged"), 10), "{merged}");
    let listed = cluster.get("/projects").await;
    for project in listed["projects"].as_array().expect("projects") {
        assert!(project["size_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{project}");
    }
    // The address for other processes opens to nobody who is none.
    let http = reqwest::Client::new();
    for peer in &cluster.peers {
        for path in ["/projects/p0/query", "/projects", "/peer/sizes", "/ready"] {
            let answer = http
                .post(format!("http://{peer}{path}"))
                .bearer_auth(ADMIN)
                .body("{}")
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    assert!(keepers.contains(&0) && keepers.contains(&1), "both keep some: {keepers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_of_tables_and_a_decider_are_killed_and_nothing_is_lost_or_doubled() {
    let mut cluster = Cluster::start().await;
    let projects = names();
    let blobs = with_loads(&cluster, &projects).await;
    settled(&cluster, &projects).await;
    for project in &projects {
        publish(&cluster, project, 0, 50).await;
    }
    let before = load(&cluster, &blobs, &projects, 1, "before").await;

    // The keeper of some of the tables goes: the other one has them within the time that it takes to notice.
    cluster.tables[0].kill();
    let killed = Instant::now();
    for project in &projects {
        publish(&cluster, project, 50, 100).await;
        cluster.eventually("all rows", || async { cluster.count(project, "t").await == 100 }).await;
    }
    println!("all tables are answered by one keeper {:?} after the other was killed", killed.elapsed());
    let during = load(&cluster, &blobs, &projects, 1, "during").await;
    assert!(settled(&cluster, &projects).await.iter().all(|keeper| *keeper == 1));

    // It comes back and takes over what belongs to it, with the files it has, while its projects go on being asked.
    cluster.tables[0].restart().await;
    // The decider that leads goes at the same time.
    let leads = usize::from(!cluster.commands[0].output().contains("this process decides commands"));
    cluster.commands[leads].kill();
    let killed = Instant::now();
    let after = load(&cluster, &blobs, &projects, 1, "after").await;
    println!("commands are decided again {:?} after the decider was killed", killed.elapsed());
    cluster.commands[leads].restart().await;
    cluster
        .eventually("tables are shared again", || async {
            let keepers = cluster.keepers(&projects).await;
            keepers.iter().all(Option::is_some)
        })
        .await;
    let (loads, buckets) = (before.loads + during.loads + after.loads, before.buckets + during.buckets + after.buckets);
    for project in &projects {
        assert_eq!(cluster.count(project, "t").await, 100, "{project}");
        assert_eq!(cluster.count(project, "loaded").await, 3 * loads as u64, "{project}");
        let listed = cluster.get(&format!("/projects/{project}/branches/default/buckets")).await;
        assert_eq!(listed["total"], 1 + buckets, "{project}");
    }
    one_verdict_each(&cluster).await;
    cluster.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_of_the_log_are_killed_and_a_keeper_is_stopped_for_a_while() {
    let mut cluster = Cluster::start().await;
    let projects = names();
    let blobs = with_loads(&cluster, &projects).await;
    settled(&cluster, &projects).await;
    let mut loads = 0;
    for stream in ["STORAGE", "CMD"] {
        let leader = cluster.nats.leader_of(stream).await;
        cluster.nats.kill(leader);
        let killed = Instant::now();
        loads += load(&cluster, &blobs, &projects, 1, stream).await.loads;
        println!("writes went on {:?} after the leader of {stream} was killed", killed.elapsed());
        cluster.nats.restart(leader).await;
        cluster.nats.wait_current(&["STORAGE", "CMD", "OUT"]).await;
    }
    // Stopped in its tracks for longer than others wait for it: its tables move, and it finds out when it goes on.
    cluster.tables[1].pause();
    for project in &projects {
        publish(&cluster, project, 0, 30).await;
    }
    loads += load(&cluster, &blobs, &projects, 1, "paused").await.loads;
    for project in &projects {
        cluster.eventually("all rows", || async { cluster.count(project, "t").await == 30 }).await;
    }
    cluster.tables[1].resume();
    loads += load(&cluster, &blobs, &projects, 2, "resumed").await.loads;
    for project in &projects {
        assert_eq!(cluster.count(project, "t").await, 30, "{project}");
        assert_eq!(cluster.count(project, "loaded").await, 3 * loads as u64, "{project}");
    }
    one_verdict_each(&cluster).await;
    cluster.verify().await;
}
