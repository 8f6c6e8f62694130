use std::time::Duration;

use alluvium_testing::NatsServer;
use async_nats::jetstream::{self, stream};
use serde_json::{Value, json};

use super::*;
use crate::output::{Item, Output, Reached};
use crate::testing::{LONG, connector, ended, limits};
use crate::{Chunks, Error, Handle, Input, Payload, input, output, start};

async fn server() -> (NatsServer, jetstream::Context) {
    let server = NatsServer::start().await;
    let context = jetstream::new(server.connect().await);
    (server, context)
}

async fn stream(context: &jetstream::Context, name: &str) -> stream::Stream {
    let config = stream::Config { name: name.into(), subjects: vec![format!("{name}.>")], ..stream::Config::default() };
    context.create_stream(config).await.unwrap()
}

async fn publish(context: &jetstream::Context, subject: &str, texts: &[&str]) {
    for text in texts {
        let sent = context.publish(subject.to_owned(), (*text).to_owned().into()).await.unwrap();
        sent.await.unwrap();
    }
}

fn reader(url: &str, policy: Value, more: Value) -> Box<dyn Input> {
    let mut consumer = json!({"deliver_policy": policy, "max_expires": "1s"});
    more.as_object().unwrap().iter().for_each(|(name, value)| consumer[name] = value.clone());
    let config = json!({"connection_config": {"server_url": url}, "stream_name": "s", "retry_interval_secs": 1,
        "inactivity_timeout_secs": 1, "consumer_config": consumer});
    input(&connector("nats_input", config).unwrap(), &crate::testing::table(&[]), &Context::default()).unwrap()
}

/// Texts until there are so many, and the last position.
async fn read(chunks: &mut Chunks, count: usize) -> (Vec<String>, Value) {
    let (mut texts, mut position) = (Vec::new(), Value::Null);
    while texts.len() < count {
        let chunk =
            tokio::time::timeout(LONG, chunks.next()).await.unwrap_or_else(|_| panic!("{texts:?}")).expect("a chunk");
        let Payload::Messages(all) = &chunk.payload else { panic!("{chunk:?}") };
        texts.extend(all.iter().map(|message| String::from_utf8_lossy(&message.payload).into_owned()));
        position = chunk.position.clone();
    }
    (texts, position)
}

fn begin(input: Box<dyn Input>, position: Option<Value>) -> (Handle, Chunks) {
    start(input, position, limits(), false)
}

#[tokio::test]
async fn a_stream_is_read_and_read_on_at_a_position() {
    let (server, context) = server().await;
    let mut made = stream(&context, "s").await;
    publish(&context, "s.a", &["1", "2", "3"]).await;
    let (handle, mut chunks) = begin(reader(&server.url(), json!("All"), json!({})), None);
    let (texts, position) = read(&mut chunks, 3).await;
    assert_eq!(texts, ["1", "2", "3"]);
    let created = made.info().await.unwrap().created.unix_timestamp_nanos().to_string();
    assert_eq!(position, json!({"next": 4, "created": created}));
    publish(&context, "s.a", &["4"]).await;
    assert_eq!(read(&mut chunks, 1).await.0, ["4"]);
    assert_eq!(handle.status().num_transport_errors, 0);
    handle.stop().await;
    for (next, expected) in [(1, &["1", "2", "3", "4"][..]), (3, &["3", "4"]), (4, &["4"])] {
        let at = json!({"next": next, "created": created});
        let (_handle, mut chunks) = begin(reader(&server.url(), json!("New"), json!({})), Some(at));
        assert_eq!(read(&mut chunks, expected.len()).await.0, expected);
    }
}

#[tokio::test]
async fn policies_say_where_reading_begins() {
    let (server, context) = server().await;
    let made = stream(&context, "s").await;
    publish(&context, "s.a", &["1", "2"]).await;
    publish(&context, "s.b", &["3"]).await;
    publish(&context, "s.a", &["4"]).await;
    let third = made.get_raw_message(3).await.unwrap().time;
    let third = jiff::Timestamp::from_nanosecond(third.unix_timestamp_nanos()).unwrap().to_string();
    for (policy, more, expected) in [
        (json!("All"), json!({}), &["1", "2", "3", "4"][..]),
        (json!("Last"), json!({}), &["4"]),
        (json!("LastPerSubject"), json!({"filter_subjects": ["s.>"]}), &["3", "4"]),
        (json!({"ByStartSequence": {"start_sequence": 2}}), json!({}), &["2", "3", "4"]),
        (json!({"ByStartTime": {"start_time": third}}), json!({}), &["3", "4"]),
        (json!("All"), json!({"filter_subjects": ["s.a"], "max_batch": 1, "name": "mine"}), &["1", "2", "4"]),
    ] {
        let (handle, mut chunks) = begin(reader(&server.url(), policy.clone(), more), None);
        assert_eq!(read(&mut chunks, expected.len()).await.0, expected, "{policy}");
        handle.stop().await;
    }
}

#[tokio::test]
async fn what_is_new_is_read_also_when_nothing_came_before_a_restart() {
    let (server, context) = server().await;
    stream(&context, "s").await;
    publish(&context, "s.a", &["old"]).await;
    let (handle, mut chunks) = begin(reader(&server.url(), json!("New"), json!({})), None);
    let first = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
    assert_eq!((first.payload.records(), &first.position["next"]), (0, &json!(2)));
    handle.stop().await;
    publish(&context, "s.a", &["while away"]).await;
    let (_handle, mut chunks) = begin(reader(&server.url(), json!("New"), json!({})), Some(first.position.clone()));
    assert_eq!(read(&mut chunks, 1).await.0, ["while away"]);
}

#[tokio::test]
async fn messages_carry_what_is_known_of_them() {
    let (server, context) = server().await;
    stream(&context, "s").await;
    let mut headers = async_nats::HeaderMap::new();
    headers.append("Kind", "a");
    headers.append("Kind", "b");
    context.publish_with_headers("s.x", headers, "1".into()).await.unwrap().await.unwrap();
    let (_handle, mut chunks) = begin(reader(&server.url(), json!("All"), json!({})), None);
    let chunk = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
    let Payload::Messages(all) = &chunk.payload else { panic!("{chunk:?}") };
    let metadata = &all[0].metadata;
    assert_eq!((&metadata["nats_subject"], &metadata["nats_sequence"]), (&json!("s.x"), &json!(1)));
    assert_eq!(metadata["nats_headers"], json!({"Kind": ["a", "b"]}));
    assert!(metadata["nats_timestamp"].as_i64().is_some_and(|time| time > 1_600_000_000_000_000));
}

#[tokio::test]
async fn a_stream_that_is_missing_and_a_server_that_is_away_are_waited_for() {
    let (mut server, context) = server().await;
    let (handle, mut chunks) = begin(reader(&server.url(), json!("All"), json!({})), None);
    let trouble = async |count| {
        let wait = async {
            while handle.status().num_transport_errors < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG, wait).await.unwrap();
    };
    trouble(1).await;
    stream(&context, "s").await;
    publish(&context, "s.a", &["1"]).await;
    assert_eq!(read(&mut chunks, 1).await.0, ["1"]);
    let before = handle.status().num_transport_errors;
    server.kill();
    trouble(before + 1).await;
    server.restart().await;
    publish(&jetstream::new(server.connect().await), "s.a", &["2", "3"]).await;
    assert_eq!(read(&mut chunks, 2).await.0, ["2", "3"]);
    assert!(handle.status().fatal_error.is_none());
}

#[tokio::test]
async fn a_stream_that_lost_what_comes_next_is_fatal() {
    let (server, context) = server().await;
    let mut made = stream(&context, "s").await;
    publish(&context, "s.a", &["1", "2", "3"]).await;
    let created = made.info().await.unwrap().created.unix_timestamp_nanos().to_string();
    made.purge().sequence(3).await.unwrap();
    for (at, reason) in [
        (json!({"next": 2, "created": created}), "begins with 3"),
        (json!({"next": 5, "created": created}), "no more than 3"),
        (json!({"next": 3, "created": "1"}), "made anew"),
        (json!({"offset": 3}), "no position"),
    ] {
        let (handle, _chunks) = begin(reader(&server.url(), json!("All"), json!({})), Some(at.clone()));
        let fatal = ended(&handle).await.fatal_error.unwrap();
        assert!(fatal.contains(reason), "{at}: {fatal}");
    }
    // And while it is read: made anew, the stream has other messages.
    let (handle, mut chunks) = begin(reader(&server.url(), json!("All"), json!({})), None);
    read(&mut chunks, 1).await;
    context.delete_stream("s").await.unwrap();
    stream(&context, "s").await;
    publish(&context, "s.a", &["x"; 5]).await;
    let fatal = ended(&handle).await.fatal_error.unwrap();
    assert!(fatal.contains("made anew"), "{fatal}");
}

#[tokio::test]
async fn what_is_filtered_away_is_not_looked_through_again() {
    let (server, context) = server().await;
    stream(&context, "s").await;
    publish(&context, "s.a", &["1"]).await;
    publish(&context, "s.b", &["2", "3"]).await;
    let (_handle, mut chunks) = begin(reader(&server.url(), json!("All"), json!({"filter_subjects": ["s.a"]})), None);
    read(&mut chunks, 1).await;
    let next = tokio::time::timeout(LONG, chunks.next()).await.unwrap().unwrap();
    assert_eq!((next.payload.records(), &next.position["next"]), (0, &json!(4)));
}

fn auth(auth: Value) -> Result<(), Error> {
    let config = json!({"connection_config": {"server_url": "nats://h", "auth": auth}, "stream_name": "s",
        "consumer_config": {"deliver_policy": "All"}});
    input(&connector("nats_input", config)?, &crate::testing::table(&[]), &Context::default()).map(drop)
}

#[test]
fn configurations_are_checked() {
    for good in [
        json!({}),
        json!({"token": "t"}),
        json!({"user_and_password": {"user": "u", "password": "p"}}),
        json!({"jwt": "j", "nkey": "n"}),
    ] {
        assert_eq!(auth(good.clone()), Ok(()), "{good}");
    }
    assert!(
        matches!(auth(json!({"jwt": "j"})), Err(Error::Member { member, .. }) if member == "transport.config.connection_config.auth.jwt")
    );
    assert_eq!(
        auth(json!({"credentials": {"FromFile": "/etc/passwd"}})).unwrap_err().code(),
        "ConnectorPathNotAllowed"
    );
    let with = |more: Value| {
        let mut config = json!({"connection_config": {"server_url": "nats://h"}, "stream_name": "s", "consumer_config": {"deliver_policy": "All"}});
        more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        connector("nats_input", config).err()
    };
    assert_eq!(with(json!({})), None);
    for (more, member) in [
        (json!({"stream_name": "a.b"}), "stream_name"),
        (json!({"inactivity_timeout_secs": 0}), "inactivity_timeout_secs"),
        (json!({"retry_interval_secs": 0}), "retry_interval_secs"),
        (json!({"consumer_config": {}}), "consumer_config"),
        (json!({"consumer_config": {"deliver_policy": "Some"}}), "consumer_config.deliver_policy"),
        (json!({"consumer_config": {"deliver_policy": "All", "max_batch": 0}}), "consumer_config.max_batch"),
        (json!({"consumer_config": {"deliver_policy": "All", "max_expires": "soon"}}), "consumer_config.max_expires"),
    ] {
        match with(more.clone()) {
            Some(Error::Member { member: found, .. }) => {
                assert_eq!(found, format!("transport.config.{member}"), "{more}");
            }
            other => panic!("{more}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn users_get_in_by_their_passwords() {
    let server = NatsServer::start_with(|options| {
        options.login = Some(("u".to_owned(), "open sesame".to_owned()));
    })
    .await;
    let address = server.url().rsplit('@').next().unwrap().trim_start_matches("nats://").to_owned();
    let connection = |auth: Value| {
        let connection = json!({"server_url": format!("nats://{address}"), "auth": auth});
        Server::new("c", &serde_json::from_value(connection).unwrap(), &Context::default()).unwrap()
    };
    connection(json!({"user_and_password": {"user": "u", "password": "open sesame"}})).connect().await.unwrap();
    let refused =
        connection(json!({"user_and_password": {"user": "u", "password": "wrong word"}})).connect().await.unwrap_err();
    assert!(!refused.contains("wrong word"), "{refused}");
}

fn writer(url: &str, subject: &str) -> Box<dyn Output> {
    let config = json!({"connection_config": {"server_url": url}, "stream_name": "s", "subject": subject, "headers": {"Own": "x"}});
    let context = Context { pipeline: "p".into(), ..Context::default() };
    output(&connector("nats_output", config).unwrap(), "v", &context).unwrap()
}

fn row(region: &str) -> Item {
    let row = json!({"region": region});
    let row = row.as_object().unwrap().clone();
    Item::Message {
        payload: Some(region.to_owned().into()),
        key: None,
        headers: vec![("op".into(), "insert".into())],
        row: Some(row.into()),
    }
}

#[tokio::test]
async fn rows_are_published_once_with_ids_by_which_they_are_known() {
    let (server, context) = server().await;
    let mut made = stream(&context, "s").await;
    let mut output = writer(&server.url(), "s.{region}");
    assert_eq!(output.open().await.unwrap(), None);
    output.write(3, 0, &[row("north"), row("so.uth")]).await.unwrap();
    output.write(3, 2, &[row("east")]).await.unwrap();
    output.finish(3).await.unwrap();
    assert_eq!(made.info().await.unwrap().state.messages, 3);
    let second = made.get_raw_message(2).await.unwrap();
    assert_eq!((second.subject.as_str(), second.payload.as_ref()), ("s.so_uth", b"so.uth".as_slice()));
    let header = |name: &str| second.headers.get(name).map(|value| value.as_str().to_owned());
    assert_eq!(
        (header("Nats-Msg-Id"), header("Own"), header("op")),
        (Some("p/v.c/3/1".into()), Some("x".into()), Some("insert".into()))
    );
    // After a fault, or by another run: it knows how far the stream is, and the stream what it has.
    let mut again = writer(&server.url(), "s.{region}");
    assert_eq!(again.open().await.unwrap(), Some(Reached { step: 3, items: Some(3) }));
    again.write(3, 0, &[row("north"), row("so.uth"), row("east"), row("west")]).await.unwrap();
    again.finish(3).await.unwrap();
    assert_eq!(made.info().await.unwrap().state.messages, 4);
}

#[tokio::test]
async fn messages_that_no_stream_or_another_would_take_are_not_lost() {
    let (mut server, context) = server().await;
    stream(&context, "s").await;
    stream(&context, "other").await;
    let mut output = writer(&server.url(), "other.x");
    output.open().await.unwrap();
    output.write(1, 0, &[row("a")]).await.unwrap();
    assert!(output.finish(1).await.unwrap_err().is_fatal());
    let mut output = writer(&server.url(), "nowhere.x");
    output.open().await.unwrap();
    output.write(1, 0, &[row("a")]).await.unwrap();
    assert!(!output.finish(1).await.unwrap_err().is_fatal());
    let mut output = writer(&server.url(), "s.{none}");
    output.open().await.unwrap();
    assert!(output.write(1, 0, &[row("a")]).await.unwrap_err().is_fatal());
    server.kill();
    assert!(!writer(&server.url(), "s.x").open().await.unwrap_err().is_fatal());
}
