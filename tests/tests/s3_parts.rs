//! Objects that are uploaded in parts, and many at once: by the client everybody has, over kills, and in little memory.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use alluvium_blackbox::{ADMIN, World, repository};
use alluvium_testing::{NatsServer, Postgres};
use async_nats::jetstream;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "secret-of-the-tests";
/// The smallest part that is not the last.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Rounds of killing.
const ROUNDS: u32 = 8;

async fn world() -> World {
    let data = tempfile::tempdir().expect("a directory");
    let envs = [("S3_SECRET_ACCESS_KEY", SECRET), ("ALLUVIUM_FILES_EXPIRY_EVERY_SECONDS", "1")];
    let world = World::start_on(NatsServer::start().await, Postgres::shared().await, data, &envs).await;
    world.project("shop").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_uploads_in_parts_and_deletes_many() {
    let world = world().await;
    world.project("other").await;
    let clients = Command::new(repository().join("scripts/clients")).arg("s3").output().expect("scripts/clients runs");
    assert!(clients.status.success(), "{}", String::from_utf8_lossy(&clients.stderr));
    let pair = world.post("/projects/shop/s3-credentials", &json!({})).await;
    let own = ["access_key_id", "secret_access_key"].map(|name| pair[name].as_str().expect("a text").to_owned());
    let mut command = Command::new("python3");
    command
        .arg(repository().join("tests/clients/s3/parts.py"))
        .arg(world.alluvium.url())
        .args(["duckdb", SECRET])
        .args(&own)
        .env("PYTHONPATH", String::from_utf8_lossy(&clients.stdout).trim())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}\n{}", world.alluvium.output());
    age(&world.data.path().join("blobs"));
    let (_, swept) = world.http(Method::POST, "/blobs/sweep", Some(&json!({ "keep_seconds": 0 }))).await;
    assert!(swept["swept"].as_u64() > Some(0), "parts do not stay for ever: {swept}");
    assert_eq!(object(&world, "big/file.bin").await.len(), 20 * 1024 * 1024, "what they became does");
    let text = metrics(&world).await;
    for operation in
        ["UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload", "DeleteObjects"]
    {
        let line = format!("duckdb_s3_operations_total{{operation=\"{operation}\",status=\"success\"}}");
        assert!(text.contains(&line), "{operation} is counted");
    }
    world.verify();
}

/// Makes blobs look as if they had been stored long ago: young ones are not swept.
fn age(directory: &Path) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            age(&path);
        } else if path.file_name().is_some_and(|name| name.len() == 64) {
            let file = std::fs::File::options().write(true).open(&path).expect("a blob");
            file.set_modified(std::time::SystemTime::now() - Duration::from_hours(48)).expect("its time");
        }
    }
}

async fn metrics(world: &World) -> String {
    let url = format!("{}/metrics", world.alluvium.url());
    Client::new().get(url).send().await.expect("an answer").text().await.expect("text")
}

/// A request with the admin's key; status and body, or none when the server was gone.
async fn ask(url: String, method: Method, body: Vec<u8>) -> Option<(StatusCode, String)> {
    let request = Client::new().request(method, url).bearer_auth(ADMIN).body(body);
    let answer = request.send().await.ok()?;
    Some((answer.status(), answer.text().await.ok()?))
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}"));
    rest.split_once(to).expect("an end").0
}

/// An upload to a key.
struct Upload {
    url: String,
    id: String,
}

impl Upload {
    async fn start(world: &World, key: &str) -> Self {
        let url = format!("{}/s3/project_shop/{key}", world.alluvium.url());
        let (status, body) = ask(format!("{url}?uploads"), Method::POST, Vec::new()).await.unwrap();
        assert_eq!(status, 200, "{body}");
        Self { url, id: between(&body, "<UploadId>", "<").to_owned() }
    }

    fn about(&self, more: &str) -> String {
        format!("{}?uploadId={}{more}", self.url, self.id)
    }

    async fn part(&self, number: u32, content: Vec<u8>) {
        let (status, body) = ask(self.about(&format!("&partNumber={number}")), Method::PUT, content).await.unwrap();
        assert_eq!(status, 200, "{body}");
    }

    /// Parts as they are listed: each number with its ETag.
    async fn parts(&self) -> Vec<(u32, String)> {
        let (status, body) = ask(self.about(""), Method::GET, Vec::new()).await.unwrap();
        assert_eq!(status, 200, "{body}");
        let part = |part: &str| {
            (between(part, "<PartNumber>", "<").parse().unwrap(), between(part, "<ETag>&quot;", "&quot;").to_owned())
        };
        body.split("<Part>").skip(1).map(part).collect()
    }

    /// The request that completes it with all parts that are there.
    async fn completion(&self) -> (String, Vec<u8>) {
        let part = |(number, etag): &(u32, String)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        };
        let parts: String = self.parts().await.iter().map(part).collect();
        (self.about(""), format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into())
    }
}

fn content(digit: u8, bytes: usize) -> Vec<u8> {
    vec![digit; bytes]
}

async fn object(world: &World, key: &str) -> Vec<u8> {
    let url = format!("{}/s3/project_shop/{key}", world.alluvium.url());
    let answer = Client::new().get(url).bearer_auth(ADMIN).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("content").into()
}

/// Announces a part and sends half of it.
async fn half_a_part(world: &World, url: &str) -> TcpStream {
    let address = world.alluvium.url().trim_start_matches("http://").to_owned();
    let path = &url[url.find("/s3/").expect("a path")..];
    let mut stream = TcpStream::connect(&address).await.expect("connected");
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {ADMIN}\r\nContent-Length: {PART_BYTES}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(&content(9, PART_BYTES / 2)).await.expect("sent");
    stream
}

#[tokio::test]
async fn parts_survive_kills_between_them() {
    let mut world = world().await;
    let upload = Upload::start(&world, "between").await;
    world.alluvium.kill();
    world.alluvium.restart().await;
    for number in 1..=3_u8 {
        upload.part(number.into(), content(number, PART_BYTES)).await;
        // In the middle of the next part, of which nothing stays.
        let mut sending = half_a_part(&world, &upload.about("&partNumber=9")).await;
        world.alluvium.kill();
        let mut answer = String::new();
        let _ = sending.read_to_string(&mut answer).await;
        assert_eq!(answer, "", "nothing was answered");
        world.alluvium.restart().await;
        assert_eq!(upload.parts().await.len(), usize::from(number), "what was answered is there, and nothing else");
    }
    let (url, body) = upload.completion().await;
    let (status, answer) = ask(url, Method::POST, body).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let expected = [1, 2, 3].map(|digit| content(digit, PART_BYTES)).concat();
    assert!(object(&world, "between").await == expected, "the parts, in their order");
    world.verify();
}

#[tokio::test]
async fn an_upload_killed_while_it_is_completed_is_completed_once() {
    let mut world = world().await;
    let stream = jetstream::new(world.nats.connect().await).get_stream("STORAGE").await.expect("the stream");
    let (mut usual, mut cut) = (Duration::ZERO, 0);
    for round in 0..ROUNDS {
        let key = format!("round{round}");
        let upload = Upload::start(&world, &key).await;
        for number in 1..=3 {
            upload.part(number, content(u8::try_from(number + round).unwrap(), PART_BYTES)).await;
        }
        let (url, body) = upload.completion().await;
        let began = Instant::now();
        let completing = tokio::spawn(ask(url.clone(), Method::POST, body.clone()));
        if round == 0 {
            // One in peace tells how long it takes, so that the kills fall anywhere in one.
            assert_eq!(completing.await.unwrap().unwrap().0, 200);
            usual = began.elapsed();
        } else {
            if round == ROUNDS - 1 {
                // Decided and on the log, whatever has been heard of it.
                let subject = format!("ev.default.storage.*.multipart.{}", upload.id);
                let is_done = async || {
                    let last = stream.get_last_raw_message_by_subject(&subject).await;
                    last.is_ok_and(|last| {
                        last.headers.get("Alv-Types").is_some_and(|t| t.as_str() == "MultipartCompleted")
                    })
                };
                world.eventually("it is decided", is_done).await;
            } else {
                tokio::time::sleep(usual * round / ROUNDS).await;
            }
            world.alluvium.kill();
            let heard = completing.await.unwrap();
            cut += u32::from(heard.is_none());
            world.alluvium.restart().await;
        }
        let (status, answer) = ask(url, Method::POST, body).await.unwrap();
        assert_eq!(status, 200, "round {round}: {answer}");
        assert!(between(&answer, "<ETag>&quot;", "&quot;").ends_with("-3"), "{answer}");
        let expected: Vec<u8> = (1..=3).flat_map(|n| content(u8::try_from(n + round).unwrap(), PART_BYTES)).collect();
        assert!(object(&world, &key).await == expected, "round {round}: the parts, in their order");
    }
    assert!(cut > 0, "no kill fell into a completion of {usual:?}");
    let files = world.get("/projects/shop/files").await;
    assert_eq!(files["total"], ROUNDS, "each is one file: {files}");
    for file in files["files"].as_array().unwrap() {
        let subject = format!("ev.default.storage.*.file.{}", file["id"].as_str().unwrap());
        let mut told = stream.info_with_subjects(&subject).await.expect("subjects");
        let mut count = 0;
        while let Some(subject) = futures::TryStreamExt::try_next(&mut told).await.expect("a subject") {
            count += subject.1;
        }
        assert_eq!(count, 1, "registered once, however often it was asked for");
    }
    world.verify();
}

/// What a process has at most had in memory, in bytes.
fn peak(world: &World) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", world.alluvium.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test]
async fn parts_go_to_disk_and_not_to_memory() {
    /// A part, in bytes.
    const LARGE: usize = 64 * 1024 * 1024;
    /// What may be added while they come and are put together, in bytes.
    const MORE_MAX: u64 = 48 * 1024 * 1024;
    let world = world().await;
    let first = Upload::start(&world, "first").await;
    first.part(1, content(1, PART_BYTES)).await;
    let (url, body) = first.completion().await;
    assert_eq!(ask(url, Method::POST, body).await.unwrap().0, 200);
    let before = peak(&world);
    let upload = Upload::start(&world, "large").await;
    for number in 1..=3 {
        upload.part(number.into(), content(number, LARGE)).await;
    }
    let (url, body) = upload.completion().await;
    let (status, answer) = ask(url, Method::POST, body).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    // The kernel counts roughly: a peak that did not grow may look a little lower.
    let more = peak(&world).saturating_sub(before);
    assert!(more < MORE_MAX, "{more} bytes more for an object of {} in parts of {LARGE}", 3 * LARGE);
    let url = format!("{}/s3/project_shop/large", world.alluvium.url());
    let head = Client::new().head(url).bearer_auth(ADMIN).send().await.expect("an answer");
    assert_eq!(head.headers()["content-length"], (3 * LARGE).to_string().as_str());
}

#[tokio::test]
async fn an_upload_left_lying_is_let_go() {
    let world = world().await;
    let gauge = async || {
        let text = metrics(&world).await;
        between(&text, "\nduckdb_s3_multipart_uploads_active ", "\n").to_owned()
    };
    let kept = Upload::start(&world, "kept").await;
    let upload = "11111111-1111-4111-8111-111111111111";
    let end = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap() + Duration::from_secs(3);
    let start = json!({ "project": "shop", "upload": upload, "key": "left", "content_type": null, "expires_at": end.as_micros() as u64,
        "project_uid": "", "branch": "default" });
    world.command("storage", "StartMultipart", &start).await;
    let left = Upload { url: format!("{}/s3/project_shop/left", world.alluvium.url()), id: upload.to_owned() };
    left.part(1, content(1, 10)).await;
    world.eventually("both are counted", async || gauge().await == "2").await;
    let (url, body) = left.completion().await;
    world
        .eventually("its time is over", async || {
            ask(left.about(""), Method::GET, Vec::new()).await.unwrap().1.contains("<Code>NoSuchUpload")
        })
        .await;
    let (status, answer) = ask(url, Method::POST, body).await.unwrap();
    assert!(status == 404 && answer.contains("<Code>NoSuchUpload"), "{answer}");
    world.eventually("somebody lets it go", async || gauge().await == "1").await;
    assert_eq!(kept.parts().await, [], "the other is open");
    // Nor does one outlive its project.
    assert_eq!(world.http(Method::DELETE, "/projects/shop", None).await.0, 204);
    world.project("shop").await;
    let (status, answer) = ask(kept.about(""), Method::GET, Vec::new()).await.unwrap();
    assert!(status == 404 && answer.contains("<Code>NoSuchUpload"), "{answer}");
    world.verify();
}
