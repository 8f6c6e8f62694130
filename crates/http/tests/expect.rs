//! Bodies that a client holds back until it hears `100 Continue`, over a real connection.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{
    About, Authenticator, Authorizer, BodyBytes, BoxFuture, Op, Principal, Route, RouteGroup, Surface,
};
use alluvium_kernel::{Actor, Problem, Requirement, Token};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async { Ok(None) })
    }
}

impl Authorizer for Nobody {
    fn check<'a>(&'a self, _: &'a Token, _: &'a Actor, _: &'a Requirement) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async { Err(Problem::internal()) })
    }
}

async fn connected() -> BufReader<TcpStream> {
    let op = |id: &str| Op::new(id, "g", "").binary_body("application/octet-stream");
    let routes = vec![
        Route::put("/read", |_| Requirement::Nothing, async |body: BodyBytes| body.0.len().to_string(), op("read")),
        Route::put("/unread", |_| Requirement::Nothing, async || "no", op("unread")),
    ];
    let about = About { title: "x".into(), version: "1".into() };
    let surface = Surface::assemble(&about, vec![RouteGroup::new("g", (), routes)], &[]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = surface.into_router(Arc::new(Nobody), Arc::new(Nobody));
    tokio::spawn(alluvium_http::serve(listener, router, std::future::pending(), Duration::from_secs(1)));
    BufReader::new(TcpStream::connect(address).await.unwrap())
}

async fn send(connection: &mut BufReader<TcpStream>, path: &str, more: &str) {
    let request = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n{more}\r\n");
    connection.get_mut().write_all(request.as_bytes()).await.unwrap();
}

/// Head of the next answer and as much of a body as it announces.
async fn answer(connection: &mut BufReader<TcpStream>) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).await.unwrap(), 0, "the connection ended in {head:?}");
    }
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

const HOLD: &str = "expect: 100-continue\r\n";

#[tokio::test]
async fn a_body_that_is_asked_for_keeps_the_connection() {
    let mut connection = connected().await;
    for body in [b"four", b"more"] {
        send(&mut connection, "/read", HOLD).await;
        assert!(answer(&mut connection).await.0.starts_with("HTTP/1.1 100 "));
        connection.get_mut().write_all(body).await.unwrap();
        let (head, read) = answer(&mut connection).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("connection: close"), "{head}");
        assert_eq!(read, "4");
    }
}

#[tokio::test]
async fn a_body_that_nobody_asks_for_ends_the_connection() {
    for path in ["/unread", "/nowhere"] {
        let mut connection = connected().await;
        send(&mut connection, path, HOLD).await;
        let (head, _) = answer(&mut connection).await;
        assert!(head.contains("connection: close"), "{head}");
        // What comes next is never taken for the body: `PUT ` has the length that was announced.
        let _ = connection.get_mut().write_all(b"PUT /read HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
        let mut rest = String::new();
        let _ = connection.read_to_string(&mut rest).await;
        assert!(!rest.contains("HTTP/1.1"), "{rest}");
    }
}

#[tokio::test]
async fn a_body_that_comes_unasked_is_read_past() {
    let mut connection = connected().await;
    for path in ["/unread", "/read"] {
        send(&mut connection, path, "").await;
        connection.get_mut().write_all(b"four").await.unwrap();
        let (head, _) = answer(&mut connection).await;
        assert!(head.starts_with("HTTP/1.1 200 ") && !head.contains("connection: close"), "{head}");
    }
}
