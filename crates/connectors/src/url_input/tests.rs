use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::testing::{LONG, bytes, connector, limits, run};
use crate::testing_http::{Asked, Server};
use crate::{Context, input, start};

const BODY: &str = "one\ntwo\nthree\nfour";

fn made(url: &str) -> Box<dyn Input> {
    let config = json!({"transport": {"name": "url_input", "config": {"path": url}},
        "format": {"name": "raw", "config": {"mode": "lines"}}});
    let config = crate::ConnectorConfig::parse("c", &config, &Context::default()).unwrap();
    input(&config, &crate::testing::table(&[]), &Context::default()).unwrap()
}

/// An answer with everything from where the range begins.
fn ranged(asked: &Asked, tag: &str) -> String {
    match asked.range() {
        None => format!("HTTP/1.1 200 OK\r\nETag: \"{tag}\"\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len()),
        Some(from) if from >= BODY.len() => {
            format!(
                "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n\r\n",
                BODY.len()
            )
        }
        Some(from) => format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"{tag}\"\r\nContent-Range: bytes {from}-{}/{}\r\nContent-Length: {}\r\n\r\n{}",
            BODY.len() - 1,
            BODY.len(),
            BODY.len() - from,
            &BODY[from..]
        ),
    }
}

#[tokio::test]
async fn something_is_got_to_its_end_and_from_a_position() {
    let server = Server::start(|asked| ranged(asked, "a")).await;
    let all = run(made(&server.url("/x")), None).await;
    assert_eq!(all.text(), BODY);
    assert!(all.status.end_of_input);
    assert_eq!(all.last_position(), json!({"offset": BODY.len(), "version": "\"a\""}));
    for (payload, position, _) in &all.chunks {
        let Payload::Stream { bytes, offset, object, .. } = payload else { panic!("{payload:?}") };
        assert!(object.ends_with("/x"));
        let rest = run(made(&server.url("/x")), Some(position.clone())).await;
        assert_eq!(rest.text(), BODY[*offset as usize + bytes.len()..]);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_taken_up_again_where_it_broke() {
    let tries = AtomicUsize::new(0);
    let server = Server::start(move |asked| match tries.fetch_add(1, Ordering::SeqCst) {
        0 => "HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy".to_owned(),
        // It says more than it gives.
        1 => format!("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: {}\r\n\r\n{}", BODY.len(), &BODY[..6]),
        _ => ranged(asked, "a"),
    })
    .await;
    let seen = run(made(&server.url("/")), None).await;
    assert_eq!(seen.text(), BODY);
    assert_eq!(seen.status.num_transport_errors, 2);
    assert!(seen.status.transport_errors[0].message.contains("busy"));
    assert_eq!(server.asked().last().unwrap().range(), Some(6));
}

#[tokio::test]
async fn a_server_without_ranges_is_read_from_the_beginning_and_what_is_known_skipped() {
    let server = Server::start(|_| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{BODY}", BODY.len())).await;
    let seen = run(made(&server.url("/")), Some(json!({"offset": 4, "version": null}))).await;
    assert_eq!(seen.text(), &BODY[4..]);
    let beyond = run(made(&server.url("/")), Some(json!({"offset": 100, "version": null}))).await;
    assert!(beyond.status.fatal_error.is_some());
}

#[tokio::test]
async fn what_changed_meanwhile_or_is_refused_is_fatal() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/changed" => ranged(asked, "b"),
        "/loop" => "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "/file" => "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned(),
    })
    .await;
    for (path, position, reason) in [
        ("/changed", Some(json!({"offset": 4, "version": "\"a\""})), "is not what it was"),
        ("/no?token=sesame", None, "403 Forbidden: no"),
        ("/no", Some(json!("x")), "no position"),
    ] {
        let seen = run(made(&server.url(path)), position).await;
        let fatal = seen.status.fatal_error.unwrap();
        assert!(fatal.contains(reason) && !fatal.contains("sesame"), "{path}: {fatal}");
    }
}

#[tokio::test]
async fn redirects_are_followed() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/a" => "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => ranged(asked, "a"),
    })
    .await;
    assert_eq!(run(made(&server.url("/a")), None).await.text(), BODY);
}

#[tokio::test]
async fn a_pause_holds_what_comes() {
    let server = Server::start(|asked| ranged(asked, "a")).await;
    let (handle, mut chunks) = start(made(&server.url("/")), None, limits(), true);
    assert!(server.asked().is_empty());
    handle.resume();
    let mut text = Vec::new();
    while let Some(chunk) = tokio::time::timeout(LONG, chunks.next()).await.unwrap() {
        text.extend(bytes(&chunk.payload));
    }
    assert_eq!(text, BODY.as_bytes());
}

#[test]
fn only_http_is_spoken() {
    for wrong in ["file:///etc/passwd", "ftp://h/x", "x", "", "http://"] {
        assert!(connector("url_input", json!({"path": wrong})).is_err(), "{wrong}");
    }
    assert!(connector("url_input", json!({"path": "https://h/x", "pause_timeout": 1})).is_ok());
}
