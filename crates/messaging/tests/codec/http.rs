//! The registry client against a server that misbehaves on demand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alluvium_messaging::registry::{NewSchema, RegistryClient, RegistryConfig, RegistryError, SchemaVersions, Version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

/// Answers each request by `answer`, given its number from 1 and its head; `None` never answers.
async fn server(answer: impl Fn(usize, &str) -> Option<(u16, String)> + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (count, heads, answer) = (Arc::clone(&asked), Arc::clone(&seen), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, heads, answer) = (Arc::clone(&count), Arc::clone(&heads), Arc::clone(&answer));
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                heads.lock().unwrap().push(head.clone());
                match answer(number, &head) {
                    Some((status, body)) => {
                        let text = format!(
                            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                            body.len()
                        );
                        let _ = stream.write_all(text.as_bytes()).await;
                    }
                    None => std::future::pending().await,
                }
            });
        }
    });
    Server { url, asked, seen }
}

fn client(urls: &str) -> RegistryClient {
    RegistryClient::new(RegistryConfig::new(urls).unwrap()).unwrap()
}

#[tokio::test]
async fn a_failing_server_is_asked_again_and_the_next_one_takes_over() {
    let broken = server(|_, _| Some((503, "{}".to_owned()))).await;
    let good = server(|_, _| Some((200, r#"["a"]"#.to_owned()))).await;
    let both = client(&format!("http://127.0.0.1:1,{},{}", broken.url, good.url));
    assert_eq!(both.subjects(None, SchemaVersions::Live).await.unwrap(), ["a"]);
    assert_eq!(both.subjects(None, SchemaVersions::Live).await.unwrap(), ["a"]);
    assert_eq!(broken.asked.load(Ordering::SeqCst), 1, "what answered last is asked first");
    let alone = client(&broken.url);
    let error = alone.subjects(None, SchemaVersions::Live).await.unwrap_err();
    assert_eq!((error.status(), broken.asked.load(Ordering::SeqCst)), (Some(503), 1 + 3));
    assert!(error.retryable());
}

#[tokio::test]
async fn refusals_are_not_repeated() {
    let text = r#"{"error_code": 42201, "message": "Invalid schema: no"}"#;
    let server = server(move |_, _| Some((422, text.to_owned()))).await;
    let error = client(&server.url).register("s", &NewSchema::avro("{"), false).await.unwrap_err();
    assert_eq!((error.registry_code(), error.retryable()), (Some(42201), false));
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn too_many_requests_wait_and_go_on() {
    let server =
        server(|number, _| Some(if number < 3 { (429, String::new()) } else { (200, "[1]".to_owned()) })).await;
    assert_eq!(client(&server.url).versions("s", SchemaVersions::Live).await.unwrap(), [1]);
}

#[tokio::test]
async fn silence_ends_after_the_whole_time() {
    let server = server(|_, _| None).await;
    let mut config = RegistryConfig::new(&server.url).unwrap();
    config.total_timeout = Duration::from_millis(300);
    let began = Instant::now();
    let error = RegistryClient::new(config).unwrap().ping().await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn names_are_whole_segments_and_secrets_stay_hidden() {
    let server = server(|_, _| Some((404, r#"{"error_code": 40401, "message": "no"}"#.to_owned()))).await;
    let with_secret = server.url.replace("http://", "http://key:hidden@");
    let client = client(&format!("{with_secret}/sr/"));
    let error = client.version("a/b +ü", Version::Latest, true).await.unwrap_err();
    assert!(error.is_not_found());
    assert!(!format!("{error} {error:?} {client:?}").contains("hidden"));
    let inside = client.in_context(".ctx");
    inside.version("s", 1, false).await.unwrap_err();
    let heads = server.seen.lock().unwrap().clone();
    assert!(heads[0].starts_with("GET /sr/subjects/a%2Fb%20%2B%C3%BC/versions/latest?deleted=true "), "{}", heads[0]);
    assert!(heads[0].to_lowercase().contains("authorization: basic a2v5omhpzgrlbg=="), "{}", heads[0]);
    assert!(heads[1].starts_with("GET /sr/contexts/.ctx/subjects/s/versions/1?"), "{}", heads[1]);
}

#[tokio::test]
async fn references_come_before_what_uses_them() {
    let server = server(|_, head| {
        let version = |schema: &str, references: &str| {
            Some((
                200,
                format!(
                    r#"{{"subject": "s", "version": 1, "id": 1, "schema": {schema:?}, "references": {references}}}"#
                ),
            ))
        };
        let record = |name: &str, of: &str| {
            format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"x","type":"{of}"}}]}}"#)
        };
        if head.contains("/subjects/top/") {
            version(&record("Top", "Middle"), r#"[{"name": "Middle", "subject": "middle", "version": 1}]"#)
        } else if head.contains("/subjects/middle/") {
            version(&record("Middle", "Leaf"), r#"[{"name": "Leaf", "subject": "leaf", "version": -1}]"#)
        } else {
            version(&record("Leaf", "int"), "[]")
        }
    })
    .await;
    let schema = client(&server.url).load("top", Version::Latest).await.unwrap();
    assert!(schema.canonical_form().contains(r#""name":"Leaf""#), "{}", schema.canonical_form());
}
