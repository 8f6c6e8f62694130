use alluvium_connectors::Context;
use alluvium_formats::types::parse_type;
use alluvium_sql::types::{ColumnType, Identifier};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

use super::*;

fn columns() -> Vec<Field> {
    [("id", "BIGINT"), ("city", "VARCHAR")]
        .map(|(name, kind)| Field {
            name: Identifier::folded(name),
            column_type: ColumnType { kind: parse_type(kind).unwrap(), is_nullable: true },
        })
        .to_vec()
}

fn encoding(transport: Value, format: Value, index: Option<&str>) -> Result<Encoding, FormatError> {
    let mut config = json!({ "transport": transport });
    if !format.is_null() {
        config["format"] = format;
    }
    let config = ConnectorConfig::parse("c", &config, &Context::default()).unwrap();
    let is_keyed = matches!(config.transport, Transport::PostgresOutput(_) | Transport::RedisOutput(_));
    let wants = if is_keyed { Wants::Changes } else { Wants::Messages };
    let view = View { name: "v", columns: &columns(), index: index.map(|index| vec![index.to_owned()]) };
    Encoding::new(&config, wants, &view)
}

fn nats(subject: &str) -> Value {
    let config = json!({ "connection_config": { "server_url": "nats://x" }, "stream_name": "S", "subject": subject });
    json!({ "name": "nats_output", "config": config })
}

fn rows(all: &[(i64, &str, i64)]) -> Zset {
    let ids: ArrayRef = Arc::new(all.iter().map(|(id, ..)| *id).collect::<Int64Array>());
    let cities: ArrayRef = Arc::new(all.iter().map(|(_, city, _)| Some(*city)).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("id", ids), ("city", cities)]).unwrap();
    Zset { batch, weights: all.iter().map(|(.., weight)| *weight).collect() }
}

fn shown(encoded: &Encoded) -> Vec<String> {
    let show = |item: &Item| match item {
        Item::Message { payload, key, row, .. } => {
            let text = |bytes: &Option<Bytes>| {
                bytes.as_ref().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap().trim_end().to_owned())
            };
            let row = row.as_ref().map(|row| format!(" row {}", Value::Object((**row).clone())));
            let key = text(key).map(|key| format!("{key} = "));
            let (key, row) = (key.unwrap_or_default(), row.unwrap_or_default());
            format!("{key}{}{row}", text(payload).unwrap_or_default())
        }
        Item::Change { kind, key, row } => {
            format!("{kind:?} {} {}", Value::Object(key.clone()), Value::Object(row.clone()))
        }
    };
    encoded.items.iter().map(show).collect()
}

const STEP: [(i64, &str, i64); 3] = [(3, "c", 1), (1, "a", -1), (2, "b", 2)];

#[test]
fn a_change_is_a_message_unless_it_is_said_otherwise() {
    let json = || json!({ "name": "json" });
    let gathered = json!({ "name": "json", "config": { "array": true } });
    let two = json!({ "name": "json", "config": { "buffer_size_records": 3 } });
    let delete = r#"{"delete":{"id":1,"city":"a"}}"#;
    let [b, c] = [r#"{"insert":{"id":2,"city":"b"}}"#, r#"{"insert":{"id":3,"city":"c"}}"#];
    let file = || json!({ "name": "file_output", "config": { "path": "/f" } });
    for (transport, format, wanted) in [
        (nats("s"), json(), vec![delete.to_owned(), b.to_owned(), b.to_owned(), c.to_owned()]),
        (nats("s"), gathered, vec![format!("[{delete},{b},{b},{c}]")]),
        (nats("s"), two, vec![format!("{delete}\n{b}\n{b}"), c.to_owned()]),
        (file(), json(), vec![format!("{delete}\n{b}\n{b}\n{c}")]),
        (file(), json!({ "name": "csv" }), vec!["1,a,-1\n2,b,1\n2,b,1\n3,c,1".to_owned()]),
        (
            nats("s.{city}"),
            json(),
            [(delete, "a", 1), (b, "b", 2), (b, "b", 2), (c, "c", 3)]
                .map(|(text, city, id)| format!("{text} row {}", json!({ "id": id, "city": city })))
                .to_vec(),
        ),
    ] {
        let mut encoding = encoding(transport.clone(), format.clone(), None).unwrap();
        let encoded = encoding.items(&rows(&STEP)).unwrap();
        assert_eq!((shown(&encoded), encoded.records, encoded.errors), (wanted, 4, 0), "{transport} {format}");
    }
    let mut null = encoding(json!({ "name": "null_output" }), Value::Null, None).unwrap();
    let encoded = null.items(&rows(&STEP)).unwrap();
    assert_eq!((encoded.items.len(), encoded.records), (0, 4));
}

#[test]
fn rows_are_told_apart_by_their_index() {
    let postgres = || json!({ "name": "postgres_output", "config": { "uri": "postgres://u@x/y", "table": "t" } });
    let mut encoding = encoding(postgres(), Value::Null, Some("id")).unwrap();
    let step = rows(&[(1, "a", -1), (1, "b", 1), (2, "b", -1), (3, "c", 3)]);
    let encoded = encoding.items(&step).unwrap();
    assert_eq!(
        shown(&encoded),
        [
            r#"Update {"id":1} {"city":"b","id":1}"#,
            r#"Delete {"id":2} {"city":"b","id":2}"#,
            r#"Insert {"id":3} {"city":"c","id":3}"#,
        ]
    );
    let double = encoding.items(&rows(&[(1, "a", 1), (1, "b", 1)])).unwrap();
    assert_eq!((double.items.len(), double.errors), (1, 1));
}

#[test]
fn what_does_not_fit_is_refused() {
    let redis = json!({ "name": "redis_output", "config": { "connection_string": "redis://x" } });
    let keyed = json!({ "name": "json", "config": { "key_fields": ["id"] } });
    assert!(encoding(redis.clone(), keyed, None).is_ok());
    for (transport, format) in [
        (nats("s"), Value::Null),
        (nats("s"), json!({ "name": "raw" })),
        (nats("s"), json!({ "name": "parquet" })),
        (nats("s"), json!({ "name": "json", "config": { "wrong": 1 } })),
        (redis.clone(), json!({ "name": "json", "config": { "key_fields": ["none"] } })),
        (redis, json!({ "name": "json" })),
    ] {
        assert!(encoding(transport.clone(), format.clone(), None).is_err(), "{transport} {format}");
    }
}

#[test]
fn rows_are_in_an_order_of_their_own() {
    let (one, other) = (rows(&STEP), rows(&[STEP[2], STEP[0], STEP[1]]));
    let (one, other) = (ordered(&one), ordered(&other));
    assert_eq!((one.batch, one.weights), (other.batch, other.weights));
}
