//! Ad-hoc queries over a WebSocket, as browsers and command lines ask them.

use alluvium_blackbox::{ADMIN, World};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

/// `feldera-bearer.<the admin key of the tests>`, and the protocol that is spoken.
const OFFERED: &str = "feldera-bearer.YWRtaW4ta2V5LW9mLXRoZS10ZXN0cw, feldera-ws-v1";

/// What was answered: the frames before the last one, how it was closed, and the protocol that was chosen.
struct Answer {
    frames: Vec<Message>,
    code: CloseCode,
    protocol: Option<String>,
}

impl Answer {
    fn text(&self) -> String {
        self.frames.iter().map(|frame| frame.to_text().expect("text")).collect()
    }
}

/// Asks a pipeline; `header` is who asks.
async fn ask(world: &World, pipeline: &str, header: (&'static str, &str), first: Message) -> Result<Answer, Error> {
    let url = format!("{}/v0/pipelines/{pipeline}/query", world.alluvium.url().replacen("http", "ws", 1));
    let mut request = url.into_client_request()?;
    request.headers_mut().insert(header.0, HeaderValue::from_str(header.1)?);
    let (mut socket, response) = connect_async(request).await?;
    let protocol = response.headers().get("sec-websocket-protocol").and_then(|it| it.to_str().ok()).map(str::to_owned);
    socket.send(first).await?;
    let mut frames = Vec::new();
    while let Some(message) = socket.next().await {
        match message? {
            Message::Close(frame) => {
                let frame = frame.expect("a code");
                assert_eq!(frame.reason.as_str(), "", "reasons stand in the frame before");
                return Ok(Answer { frames, code: frame.code, protocol });
            }
            other => frames.push(other),
        }
    }
    panic!("it ended without a word: {frames:?}");
}

fn question(sql: &str, format: &str) -> Message {
    Message::text(json!({ "sql": sql, "format": format }).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_in_frames_and_then_the_socket_closes() {
    let world = World::start().await;
    let program = "CREATE TABLE t (a INT NOT NULL PRIMARY KEY, b VARCHAR);";
    world.post("/v0/pipelines", &json!({ "name": "p", "program_code": program })).await;
    world.post("/v0/pipelines/p/start", &json!(null)).await;
    let runs = || async { world.get("/v0/pipelines/p?selector=status").await["deployment_status"] == "Running" };
    world.eventually("the pipeline runs", runs).await;
    let bearer = format!("Bearer {ADMIN}");
    let key = ("authorization", bearer.as_str());

    let inserted =
        ask(&world, "p", key, question("INSERT INTO t VALUES (1, 'x'), (2, 'y')", "json")).await.expect("it");
    assert_eq!((inserted.text().as_str(), inserted.code), ("{\"count\":2}\n", CloseCode::Normal));
    let browser = ("sec-websocket-protocol", OFFERED);
    let rows = ask(&world, "p", browser, question("SELECT * FROM t ORDER BY a", "json")).await.expect("it");
    assert_eq!(rows.text(), "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n");
    assert_eq!((rows.code, rows.protocol.as_deref()), (CloseCode::Normal, Some("feldera-ws-v1")));
    let arrow = ask(&world, "p", key, question("SELECT a FROM t", "arrow_ipc")).await.expect("it");
    assert!(arrow.frames.iter().all(Message::is_binary) && arrow.code == CloseCode::Normal, "{:?}", arrow.frames);
    // More than one frame takes: two megabytes each.
    let long = "SELECT repeat('x', 50000) AS x FROM generate_series(1, 100)";
    let long = ask(&world, "p", key, question(long, "json")).await.expect("it");
    assert!(long.frames.len() >= 3 && long.frames.iter().all(|frame| frame.len() <= 2 << 20), "{}", long.frames.len());
    assert_eq!((long.text().lines().count(), long.code), (100, CloseCode::Normal));

    for (first, reason) in [
        (question("SELECT nope FROM t", "text"), "nope"),
        (question("SELECT 1 / 0", "json"), "zero"),
        (question("SELECT 1", "xml"), "xml"),
        (Message::text("{"), "sql"),
        (Message::binary(vec![1, 2, 3]), "a text"),
    ] {
        let answer = ask(&world, "p", key, first.clone()).await.expect("it");
        let last = answer.frames.last().expect("a frame").to_text().expect("text").to_owned();
        let error: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        assert!(error["error"].as_str().expect("a reason").contains(reason), "{first:?}: {last}");
        assert_eq!(answer.code, CloseCode::Error, "{first:?}");
    }

    for (pipeline, header, status) in [("no", key, 404), ("p", ("authorization", "Bearer no"), 401)] {
        match ask(&world, pipeline, header, question("SELECT 1", "text")).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status),
            other => panic!("{pipeline}: {:?}", other.map(|answer| answer.frames)),
        }
    }
    world.verify();
}
