use serde_json::json;

use super::*;

fn parse(config: Value) -> Result<ConnectorConfig, Error> {
    ConnectorConfig::parse("c", &config, &context())
}

fn context() -> Context {
    let environment = [("HOST", "example.org"), ("PASS", "open sesame"), ("LOOP", "${env:PASS}")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Context { environment: environment.into(), ..Context::default() }
}

fn url(path: &str) -> Value {
    json!({"transport": {"name": "url_input", "config": {"path": path}}})
}

#[test]
fn what_is_not_given_has_its_default() {
    let config = parse(json!({"transport": {"name": "null_output"}})).unwrap();
    let common = &config.common;
    assert_eq!((common.paused, common.labels.len(), common.start_after.clone()), (false, 0, None));
    assert_eq!((common.max_queued_records, common.queued_bytes_max()), (1_000_000, 1_000_000_000));
    assert_eq!((common.batch_records_max(3), common.output_buffer_time()), (30_000, None));
    assert_eq!((common.enable_output_buffer, common.max_output_buffer_size_records), (false, 10_000_000));
    assert_eq!((common.send_snapshot, common.soft_delete, common.index.clone()), (false, false, None));
    assert!(config.format.is_none() && config.unknown.is_empty());
}

#[test]
fn what_is_given_is_taken() {
    let config = parse(json!({
        "name": "c", "paused": true, "labels": ["a"], "start_after": "b", "max_queued_records": 7, "max_batch_size": 3,
        "max_output_buffer_time_millis": 20, "index": "i", "stream": "t", "labelz": 1, "preprocessor": [],
        "format": {"name": "json", "config": {}}, "transport": {"name": "empty_input", "config": null}
    }));
    let config = config.unwrap();
    let common = &config.common;
    assert_eq!((common.labels.clone(), common.start_after.clone()), (vec!["a".to_owned()], Some(vec!["b".to_owned()])));
    assert_eq!((common.queued_bytes_max(), common.batch_records_max(9)), (7000, 3));
    assert_eq!(common.output_buffer_time(), Some(std::time::Duration::from_millis(20)));
    assert_eq!(config.unknown, ["labelz"]);
    let list = parse(json!({"start_after": ["a", "b"], "labels": null, "transport": {"name": "empty_input"}})).unwrap();
    assert_eq!(list.common.start_after, Some(vec!["a".to_owned(), "b".to_owned()]));
    let greatest = parse(json!({"max_output_buffer_time_millis": u64::MAX, "transport": {"name": "null_output"}}));
    assert_eq!(greatest.unwrap().common.output_buffer_time(), None);
}

#[test]
fn errors_name_the_member() {
    let with = |name: &str, value: Value| {
        let mut config = json!({"transport": {"name": "empty_input"}});
        config[name] = value;
        config
    };
    let transport = |name: &str, config: Value| json!({"transport": {"name": name, "config": config}});
    for (config, member) in [
        (json!([]), ""),
        (json!({}), "transport"),
        (json!({"transport": {}}), "transport.name"),
        (transport("carrier_pigeon", json!({})), "transport.name"),
        (transport("url_input", json!([])), "transport.config"),
        (transport("url_input", json!({})), "transport.config"),
        (transport("url_input", json!({"path": 1})), "transport.config.path"),
        (transport("url_input", json!({"path": "file:///etc/passwd"})), "transport.config.path"),
        (
            transport("nats_input", json!({"stream_name": "s", "connection_config": {"server_url": 1}})),
            "transport.config.connection_config.server_url",
        ),
        (with("paused", json!("yes")), "paused"),
        (with("labels", json!(["a", 1])), "labels[1]"),
        (with("start_after", json!(1)), "start_after"),
        (with("max_queued_records", json!(-1)), "max_queued_records"),
        (with("max_queued_records", json!(0)), "max_queued_records"),
        (with("max_queued_bytes", json!(0)), "max_queued_bytes"),
        (with("format", json!("json")), "format"),
        (with("index", json!(["a"])), "index"),
        (url("${env:NONE}"), "transport.config.path"),
        (url("${secret:vault:x}"), "transport.config.path"),
        (url("${secret:file:/etc/passwd}"), "transport.config.path"),
        (url("${secret:kubernetes:a/b}"), "transport.config.path"),
    ] {
        match parse(config.clone()) {
            Err(Error::Member { connector, member: found, reason }) => {
                assert_eq!((connector.as_str(), found.as_str()), ("c", member), "{config}: {reason}");
            }
            other => panic!("{config}: {other:?}"),
        }
    }
    let unsupported = parse(with("postprocessor", json!([{"name": "x"}]))).unwrap_err();
    assert_eq!((unsupported.code(), unsupported.to_string().contains("`postprocessor`")), ("NotSupported", true));
}

#[test]
fn references_are_replaced_once() {
    let path = |config: Value| match parse(config).unwrap().transport {
        Transport::UrlInput(config) => config.path.expose().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(path(url("https://${env:HOST}/a?p=${env:PASS}")), "https://example.org/a?p=open sesame");
    assert_eq!(path(url("https://h/${env:LOOP}")), "https://h/${env:PASS}");
    assert_eq!(path(url("https://h/${other}/${env:HOST")), "https://h/${other}/${env:HOST");
}

#[test]
fn secrets_come_from_files_below_what_is_allowed() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("k/db")).unwrap();
    std::fs::write(home.path().join("one"), "first\n").unwrap();
    std::fs::write(home.path().join("k/db/password"), "second").unwrap();
    std::fs::write(home.path().join("long"), vec![b'a'; SECRET_BYTES_MAX as usize + 1]).unwrap();
    std::fs::write(home.path().join("bytes"), [0xff]).unwrap();
    let context = Context {
        secret_directories: vec![home.path().to_owned()],
        kubernetes_secrets: Some(home.path().join("k")),
        ..Context::default()
    };
    let path = |path: String| match ConnectorConfig::parse("c", &url(&path), &context)?.transport {
        Transport::UrlInput(config) => Ok::<_, Error>(config.path.expose().to_owned()),
        other => panic!("{other:?}"),
    };
    let file = |name: &str| format!("http://h/${{secret:file:{}/{name}}}", home.path().display());
    assert_eq!(path(file("one")).unwrap(), "http://h/first");
    assert_eq!(path("http://h/${secret:kubernetes:db/password}".into()).unwrap(), "http://h/second");
    for (wrong, reason) in [
        (file("none"), "there is no such file"),
        (file("long"), "longer than"),
        (file("bytes"), "no UTF-8"),
        (file("k"), "no plain file"),
        ("${secret:file:/etc/hostname}".to_owned(), "in no directory that is allowed"),
        ("${secret:kubernetes:../one}".to_owned(), "it is written"),
        ("${secret:kubernetes:db}".to_owned(), "it is written"),
        ("${secret:kubernetes:db/none}".to_owned(), "it is not there"),
    ] {
        let error = path(wrong.clone()).unwrap_err().to_string();
        assert!(error.contains(reason), "{wrong}: {error}");
    }
}

#[test]
fn secrets_are_in_no_error_and_not_shown() {
    let wrong = parse(json!({"transport": {"name": "file_input", "config": {"path": "/a", "follow": "${env:PASS}"}}}));
    let error = wrong.unwrap_err();
    assert!(!error.to_string().contains("sesame") && !format!("{error:?}").contains("sesame"), "{error}");
    for config in [
        url("https://user:${env:PASS}@h/"),
        json!({"transport": {"name": "nats_input", "config": {"stream_name": "s",
            "connection_config": {"server_url": "nats://u:${env:PASS}@h", "auth": {"token": "${env:PASS}"}},
            "consumer_config": {"deliver_policy": "All"}}}}),
        json!({"transport": {"name": "postgres_input", "config": {"uri": "postgres://u:${env:PASS}@h/d", "query": "SELECT 1"}},
            "format": {"name": "avro", "config": {"registry_password": "${env:PASS}"}}}),
        json!({"transport": {"name": "redis_output", "config": {"connection_string": "redis://:${env:PASS}@h"}}}),
        json!({"transport": {"name": "s3_input", "config": {"bucket_name": "bucket", "region": "r", "key": "k",
            "aws_access_key_id": "a", "aws_secret_access_key": "${env:PASS}"}}}),
    ] {
        let shown = format!("{:?}", parse(config.clone()).unwrap());
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn what_is_not_built_is_taken() {
    for name in [
        "delta_table_input",
        "delta_table_output",
        "iceberg_input",
        "pub_sub_input",
        "dynamodb_output",
        "postgres_cdc_input",
    ] {
        let config = parse(json!({"transport": {"name": name, "config": {"anything": {"at": ["all"]}}}})).unwrap();
        assert!(matches!(config.transport, Transport::Unbuilt(tag) if tag.name == name), "{name}");
    }
    for name in ["http_input", "http_output", "ad_hoc_input", "clock_input"] {
        let config = parse(json!({"transport": {"name": name, "config": {"name": "x"}}})).unwrap();
        assert!(matches!(config.transport, Transport::Internal(tag, _) if tag.name == name), "{name}");
    }
}
