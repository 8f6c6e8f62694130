use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;

/// A server that notes commands and answers `OK`, or what the test says.
async fn server(answer: fn(&[String]) -> &'static str) -> (u16, Arc<Mutex<Vec<Vec<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let noted: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let notes = noted.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                    break;
                }
                let count: usize = line.trim().trim_start_matches('*').parse().unwrap();
                let mut command = Vec::new();
                for _ in 0..count {
                    let mut length = String::new();
                    stream.read_line(&mut length).await.unwrap();
                    let mut part = vec![0; length.trim().trim_start_matches('$').parse::<usize>().unwrap() + 2];
                    stream.read_exact(&mut part).await.unwrap();
                    part.truncate(part.len() - 2);
                    command.push(String::from_utf8(part).unwrap());
                }
                let reply = answer(&command);
                notes.lock().unwrap().push(command);
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    (port, noted)
}

fn made(url: &str) -> RedisOutput {
    let config: Config = serde_json::from_value(json!({"connection_string": url})).unwrap();
    config.check().unwrap();
    RedisOutput::new("c", &config, Some(&json!({"name": "json", "config": {"key_fields": ["b", "a"]}}))).unwrap()
}

fn change(kind: ChangeKind, row: Value) -> Item {
    Item::Change { kind, key: Map::new(), row: row.as_object().unwrap().clone() }
}

#[tokio::test]
async fn rows_become_keys() {
    let (port, noted) = server(|_| "+OK\r\n").await;
    let mut output = made(&format!("redis://u%20:p@127.0.0.1:{port}/3"));
    output.open().await.unwrap();
    let items = [
        change(ChangeKind::Insert, json!({"a": "x", "b": 1, "c": null})),
        change(ChangeKind::Update, json!({"a": "é\r\n", "b": 2})),
        change(ChangeKind::Delete, json!({"a": "z", "b": true})),
    ];
    output.write(1, 0, &items).await.unwrap();
    output.finish(1).await.unwrap();
    let expected: [&[&str]; 5] = [
        &["AUTH", "u ", "p"],
        &["SELECT", "3"],
        &["SET", "1:x", "{\"a\":\"x\",\"b\":1,\"c\":null}\n"],
        &["SET", "2:é\r\n", "{\"a\":\"é\\r\\n\",\"b\":2}\n"],
        &["DEL", "true:z"],
    ];
    assert_eq!(*noted.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_is_refused_is_told_without_the_password() {
    let (port, _) = server(|command| match command[0].as_str() {
        "AUTH" => "-WRONGPASS invalid\r\n",
        _ => "-LOADING wait\r\n",
    })
    .await;
    let refused = made(&format!("redis://:sesame@127.0.0.1:{port}")).open().await.unwrap_err();
    assert_eq!(refused, Fault::Fatal("Redis refuses: WRONGPASS invalid".into()));
    let mut output = made(&format!("redis://127.0.0.1:{port}"));
    output.open().await.unwrap();
    let item = [change(ChangeKind::Insert, json!({"a": 1, "b": 2}))];
    assert_eq!(output.write(1, 0, &item).await, Err(Fault::Passing("Redis refuses: LOADING wait".into())));
    let without = [change(ChangeKind::Insert, json!({"a": 1}))];
    assert!(output.write(1, 0, &without).await.unwrap_err().is_fatal());
    assert!(!made("redis://127.0.0.1:1").open().await.unwrap_err().is_fatal());
}

#[tokio::test]
async fn answers_that_are_none_are_refused() {
    for (bytes, is_good) in [
        ("+OK\r\n", true),
        (":1\r\n", true),
        ("-E x\r\n", true),
        ("$3\r\n", false),
        ("+OK", false),
        ("", false),
        ("\r\n", false),
    ] {
        assert_eq!(wire::reply(&mut bytes.as_bytes()).await.is_ok(), is_good, "{bytes:?}");
    }
}

#[test]
fn configurations_are_checked() {
    let check = |url: &str| serde_json::from_value::<Config>(json!({"connection_string": url})).unwrap().check();
    assert!(check("redis://h").is_ok() && check("redis://h/0?protocol=resp2").is_ok());
    for wrong in ["", "h", "rediss://h", "http://h", "redis://h/x", "redis://h?protocol=resp3", "redis:///1"] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
    let config: Config = serde_json::from_value(json!({"connection_string": "redis://h"})).unwrap();
    for format in [
        json!(null),
        json!({"name": "csv"}),
        json!({"name": "json"}),
        json!({"name": "json", "config": {"key_fields": []}}),
    ] {
        assert!(RedisOutput::new("c", &config, Some(&format)).is_err(), "{format}");
    }
}
