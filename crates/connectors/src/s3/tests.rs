use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::testing::{connector, run};
use crate::testing_http::{Asked, Server};
use crate::{Context, input};

/// How many keys a page of the listing has.
const PAGE: usize = 2;

type Objects = Arc<BTreeMap<&'static str, &'static str>>;

/// A bucket `b`, as the protocol has it.
fn answer(objects: &Objects, asked: &Asked) -> String {
    let url = Url::parse(&format!("http://h{}", asked.path)).unwrap();
    let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let key = percent_encoding::percent_decode_str(url.path()).decode_utf8().unwrap().into_owned();
    if !asked.header("authorization").is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 Credential=id/")) {
        return "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned();
    }
    let Some(key) = key.strip_prefix("/b/") else {
        assert_eq!(key, "/b");
        return listing(objects, &pairs);
    };
    match (objects.get(key), asked.range()) {
        (None, _) => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone".to_owned(),
        (Some(body), None) => {
            format!("HTTP/1.1 200 OK\r\nETag: \"{key}\"\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        }
        (Some(body), Some(from)) => format!(
            "HTTP/1.1 206 Partial Content\r\nETag: \"{key}\"\r\nContent-Range: bytes {from}-{}/{}\r\nContent-Length: {}\r\n\r\n{}",
            body.len() - 1,
            body.len(),
            body.len() - from,
            &body[from..]
        ),
    }
}

fn listing(objects: &Objects, pairs: &BTreeMap<String, String>) -> String {
    let prefix = &pairs["prefix"];
    let after = pairs.get("continuation-token").or(pairs.get("start-after")).cloned().unwrap_or_default();
    let left: Vec<_> =
        objects.iter().filter(|(key, _)| key.starts_with(prefix.as_str()) && **key > after.as_str()).collect();
    let mut xml = "<ListBucketResult>".to_owned();
    for (key, body) in left.iter().take(PAGE) {
        write!(xml, "<Contents><Key>{}</Key><Size>{}</Size></Contents>", key.replace('&', "&amp;"), body.len())
            .unwrap();
    }
    if left.len() > PAGE {
        write!(
            xml,
            "<IsTruncated>true</IsTruncated><NextContinuationToken>{}</NextContinuationToken>",
            left[PAGE - 1].0.replace('&', "&amp;")
        )
        .unwrap();
    }
    xml.push_str("</ListBucketResult>");
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{xml}", xml.len())
}

fn objects() -> Objects {
    Arc::new(
        [("a/1", "one\n"), ("a/2 &+", "two\nthree\n"), ("a/3", ""), ("a/dir/", ""), ("a/é", "four\n"), ("b", "not\n")]
            .into(),
    )
}

fn made(server: &Server, more: serde_json::Value) -> Result<Box<dyn Input>, Error> {
    let mut config = json!({"bucket_name": "b", "region": "r-1", "endpoint_url": server.url(""), "max_retries": 2,
        "aws_access_key_id": "id", "aws_secret_access_key": "secret"});
    more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
    let config = json!({"transport": {"name": "s3_input", "config": config},
        "format": {"name": "raw", "config": {"mode": "lines"}}});
    let config = crate::ConnectorConfig::parse("c", &config, &Context::default())?;
    input(&config, &crate::testing::table(&[]), &Context::default())
}

#[tokio::test]
async fn objects_of_a_prefix_come_in_order_and_go_on_where_they_stopped() {
    let of = objects();
    let server = Server::start(move |asked| answer(&of, asked)).await;
    let all = run(made(&server, json!({"prefix": "a/"})).unwrap(), None).await;
    assert_eq!(all.text(), "one\ntwo\nthree\nfour\n", "{:?}", all.status);
    let keys: Vec<String> = all
        .chunks
        .iter()
        .map(|(payload, ..)| match payload {
            Payload::Stream { object, ends_object: true, .. } => object.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(keys, ["a/1", "a/2 &+", "a/3", "a/é"]);
    let mut before = 0;
    for (payload, position, _) in &all.chunks {
        before += payload.bytes() as usize;
        let rest = run(made(&server, json!({"prefix": "a/"})).unwrap(), Some(position.clone())).await;
        assert_eq!(rest.text(), all.text()[before..], "{position}");
    }
    let everything = run(made(&server, json!({"prefix": ""})).unwrap(), None).await;
    assert!(everything.text().ends_with("not\n"));
}

#[tokio::test]
async fn one_object_is_read_and_read_on_inside() {
    let of = objects();
    let server = Server::start(move |asked| answer(&of, asked)).await;
    let all = run(made(&server, json!({"key": "a/2 &+"})).unwrap(), None).await;
    assert_eq!(all.text(), "two\nthree\n");
    let done = run(made(&server, json!({"key": "a/2 &+"})).unwrap(), Some(all.last_position())).await;
    assert!(done.chunks.is_empty() && done.status.end_of_input);
    let inside = json!({"after": null, "key": "a/2 &+", "offset": 4, "version": "\"a/2 &+\""});
    let rest = run(made(&server, json!({"key": "a/2 &+"})).unwrap(), Some(inside)).await;
    assert_eq!(rest.text(), "three\n");
    // It is another by now: the rest is left out, and that is told.
    let other = json!({"after": null, "key": "a/2 &+", "offset": 4, "version": "\"other\""});
    let rest = run(made(&server, json!({"key": "a/2 &+"})).unwrap(), Some(other)).await;
    assert_eq!((rest.text().as_str(), rest.status.num_transport_errors), ("", 1));
}

#[tokio::test]
async fn what_fails_in_passing_is_tried_again_and_what_does_not_is_fatal() {
    let (of, tries) = (objects(), AtomicUsize::new(0));
    let server = Server::start(move |asked| {
        if tries.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            return "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n".to_owned();
        }
        answer(&of, asked)
    })
    .await;
    let seen = run(made(&server, json!({"prefix": "a/1"})).unwrap(), None).await;
    assert_eq!(seen.text(), "one\n");
    let of = objects();
    let server = Server::start(move |asked| answer(&of, asked)).await;
    for (more, reason) in [
        (json!({"key": "none"}), "404 Not Found: none"),
        (json!({"prefix": "a", "no_sign_request": true}), "403 Forbidden"),
        (json!({"key": "a/../b"}), "can be in no URL"),
    ] {
        let seen = run(made(&server, more.clone()).unwrap(), None).await;
        assert!(
            seen.status.fatal_error.clone().is_some_and(|fatal| fatal.contains(reason)),
            "{more}: {:?}",
            seen.status
        );
    }
    let always = Server::start(|_| "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n".to_owned()).await;
    let seen = run(made(&always, json!({"prefix": "", "max_retries": 1})).unwrap(), None).await;
    assert_eq!(seen.status.num_transport_errors, 2);
    assert!(seen.status.fatal_error.is_some());
}

#[test]
fn configurations_are_checked() {
    let with = |more: serde_json::Value| {
        let mut config = json!({"bucket_name": "b", "region": "r", "key": "k", "no_sign_request": true});
        more.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        connector("s3_input", config)
    };
    assert!(with(json!({})).is_ok());
    for (more, member) in [
        (json!({"bucket_name": "a/b"}), "bucket_name"),
        (json!({"region": "a.b"}), "region"),
        (json!({"key": null}), "key"),
        (json!({"prefix": "p"}), "key"),
        (json!({"no_sign_request": false}), "aws_access_key_id"),
        (json!({"no_sign_request": false, "aws_access_key_id": "a"}), "aws_secret_access_key"),
        (json!({"max_concurrent_fetches": 0}), "max_concurrent_fetches"),
        (json!({"endpoint_url": "file:///x"}), "endpoint_url"),
        (json!({"endpoint_url": "http://u:p@h"}), "endpoint_url"),
    ] {
        let error = with(more.clone()).unwrap_err();
        assert!(
            matches!(&error, Error::Member { member: found, .. } if *found == format!("transport.config.{member}")),
            "{more}: {error}"
        );
    }
}
