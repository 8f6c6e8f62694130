use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alluvium_messaging::model::{CalendarDuration, json_from_datum};
use alluvium_messaging::{AvroType, CodecConfig, Codecs, Headers, Message, Wire};
use apache_avro::{reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use bytes::Bytes;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// Writes and reads, and gives the JSON of what was written.
pub async fn round_trip<M: Message + PartialEq + std::fmt::Debug>(message: &M) -> Value {
    let codecs = Codecs::new(CodecConfig::default());
    let encoded = codecs.encode(message, Wire::SingleObject).await.unwrap();
    let decoded = codecs.decode::<M>(Some(&encoded.payload), &encoded.headers, Wire::SingleObject).await.unwrap();
    assert_eq!(decoded.value().as_ref(), Some(message));
    // The other implementation of Avro reads the same from the same bytes, and writes the same bytes.
    let datum = &encoded.payload[10..];
    let schema = apache_avro::Schema::parse_str(M::schema().canonical_form()).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let value = reader.read_value(&mut &*datum).unwrap();
    let mut again = Vec::new();
    GenericDatumWriter::builder(&schema).build().unwrap().write_value(&mut again, value).unwrap();
    assert_eq!(again, datum);
    json_from_datum(M::schema().parsed(), datum).unwrap()
}

/// Types by field of a schema.
fn types<M: Message>() -> Value {
    let schema: Value = serde_json::from_str(M::schema().text()).unwrap();
    let fields = schema["fields"].as_array().unwrap();
    Value::Object(
        fields.iter().map(|field| (field["name"].as_str().unwrap().to_owned(), field["type"].clone())).collect(),
    )
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "plain", namespace = "t")]
struct Plain {
    yes: bool,
    i8: i8,
    i16: i16,
    i32: i32,
    u8: u8,
    u16: u16,
    i64: i64,
    u32: u32,
    f32: f32,
    f64: f64,
    text: String,
    cow: Cow<'static, str>,
    arc: Arc<str>,
    letter: char,
    unit: (),
    bytes: Vec<u8>,
    more_bytes: Bytes,
    fixed: [u8; 4],
    #[avro(as = "array")]
    ints: Vec<u8>,
}

#[tokio::test]
async fn primitives() {
    let message = Plain {
        yes: true,
        i8: -8,
        i16: -16,
        i32: i32::MIN,
        u8: 255,
        u16: 65535,
        i64: i64::MIN,
        u32: u32::MAX,
        f32: 1.5,
        f64: -2.25,
        text: "grüß".into(),
        cow: "kuh".into(),
        arc: "arc".into(),
        letter: 'ß',
        unit: (),
        bytes: vec![0, 128, 255],
        more_bytes: Bytes::from_static(b"more"),
        fixed: [1, 2, 3, 4],
        ints: vec![7, 8],
    };
    let json = round_trip(&message).await;
    assert_eq!(json["bytes"], "\u{0}\u{80}\u{ff}");
    assert_eq!(json["ints"], json!([7, 8]));
    assert_eq!(
        types::<Plain>(),
        json!({
            "yes": "boolean", "i8": "int", "i16": "int", "i32": "int", "u8": "int", "u16": "int", "i64": "long", "u32": "long",
            "f32": "float", "f64": "double", "text": "string", "cow": "string", "arc": "string", "letter": "string",
            "unit": "null", "bytes": "bytes", "more_bytes": "bytes",
            "fixed": {"type": "fixed", "name": "Plain_fixed", "namespace": "t", "size": 4},
            "ints": {"type": "array", "items": "int"},
        })
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "wide", namespace = "t")]
struct Wide {
    #[avro(as = "long")]
    a: u64,
    #[avro(as = "long")]
    b: usize,
    #[avro(as = "decimal", precision = 20)]
    c: u64,
    #[avro(as = "fixed")]
    d: u64,
    #[avro(as = "fixed")]
    e: u128,
    #[avro(as = "fixed")]
    f: i128,
    #[avro(as = "decimal", precision = 38)]
    g: i128,
    #[avro(as = "long")]
    h: Option<u64>,
    #[avro(as = "long")]
    i: Vec<u64>,
    #[avro(as = "long")]
    j: BTreeMap<String, u64>,
}

fn wide() -> Wide {
    Wide {
        a: 1,
        b: 2,
        c: u64::MAX,
        d: u64::MAX,
        e: u128::MAX,
        f: -5,
        g: -(10_i128.pow(38) - 1),
        h: Some(3),
        i: vec![4],
        j: BTreeMap::from([("k".to_owned(), 5)]),
    }
}

#[tokio::test]
async fn wide_integers() {
    round_trip(&wide()).await;
    assert_eq!(types::<Wide>()["c"], json!({"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0}));
}

#[tokio::test]
async fn what_does_not_fit_is_an_error_and_names_its_field() {
    let codecs = Codecs::new(CodecConfig::default());
    for (broken, field) in [
        (Wide { a: u64::MAX, ..wide() }, "a"),
        (Wide { h: Some(u64::MAX), ..wide() }, "h"),
        (Wide { g: 10_i128.pow(38), ..wide() }, "g"),
        (Wide { i: vec![u64::MAX], ..wide() }, "i"),
    ] {
        let error = codecs.encode(&broken, Wide::meta().wire.unwrap_or(Wire::SingleObject)).await.unwrap_err();
        assert_eq!(error.code(), "messaging.encode_range", "{error}");
        assert!(error.to_string().starts_with(&format!("{field}: ")), "{error}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "times", namespace = "t")]
struct Times {
    at: Timestamp,
    #[avro(logical = "timestamp-millis")]
    at_millis: Timestamp,
    #[avro(logical = "timestamp-nanos")]
    at_nanos: Timestamp,
    local: DateTime,
    #[avro(logical = "local-timestamp-millis")]
    local_millis: Option<DateTime>,
    day: Date,
    time: Time,
    #[avro(logical = "time-millis")]
    time_millis: Time,
    #[avro(as = "millis")]
    wait: Duration,
    #[avro(as = "nanos")]
    wait_nanos: Duration,
    #[avro(as = "micros")]
    signed: SignedDuration,
    span: CalendarDuration,
    platform: alluvium_kernel::Timestamp,
}

fn times() -> Times {
    Times {
        at: "2026-01-02T03:04:05.123456Z".parse().unwrap(),
        at_millis: "1912-01-02T03:04:05.123Z".parse().unwrap(),
        at_nanos: "2026-01-02T03:04:05.123456789Z".parse().unwrap(),
        local: "2026-01-02T03:04:05.123456".parse().unwrap(),
        local_millis: Some("2026-01-02T03:04:05.123".parse().unwrap()),
        day: "1969-12-31".parse().unwrap(),
        time: "23:59:59.999999".parse().unwrap(),
        time_millis: "23:59:59.999".parse().unwrap(),
        wait: Duration::from_millis(1500),
        wait_nanos: Duration::from_nanos(7),
        signed: SignedDuration::from_micros(-3),
        span: CalendarDuration { months: 1, days: 2, millis: 3 },
        platform: alluvium_kernel::Timestamp::from_micros(5),
    }
}

#[tokio::test]
async fn times_of_every_unit() {
    let json = round_trip(&times()).await;
    assert_eq!(json["day"], -1);
    assert_eq!(json["at"], 1_767_323_045_123_456_i64);
    assert_eq!(json["time_millis"], 86_399_999);
    assert_eq!(json["wait"], 1500);
    let types = types::<Times>();
    for (field, logical) in [
        ("at", "timestamp-micros"),
        ("at_millis", "timestamp-millis"),
        ("at_nanos", "timestamp-nanos"),
        ("local", "local-timestamp-micros"),
        ("day", "date"),
        ("time", "time-micros"),
        ("time_millis", "time-millis"),
        ("span", "duration"),
        ("platform", "timestamp-micros"),
    ] {
        assert_eq!(types[field]["logicalType"], logical, "{field}");
    }
    assert_eq!(types["wait"], "long");
}

#[tokio::test]
async fn times_finer_than_their_unit_are_errors() {
    let codecs = Codecs::new(CodecConfig::default());
    for (broken, field) in [
        (Times { at: "2026-01-02T03:04:05.1234567Z".parse().unwrap(), ..times() }, "at"),
        (Times { at_millis: "2026-01-02T03:04:05.1234Z".parse().unwrap(), ..times() }, "at_millis"),
        (Times { time_millis: "00:00:00.0001".parse().unwrap(), ..times() }, "time_millis"),
        (Times { wait: Duration::from_micros(1), ..times() }, "wait"),
    ] {
        let error = codecs.encode(&broken, Wire::SingleObject).await.unwrap_err();
        assert_eq!(error.code(), "messaging.encode_range", "{error}");
        assert!(error.to_string().starts_with(&format!("{field}: ")), "{error}");
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "money", namespace = "t")]
struct Money {
    #[avro(precision = 18, scale = 2)]
    total: Decimal,
    #[avro(as = "fixed", precision = 10, scale = 4, size = 8)]
    rate: Decimal,
    #[avro(as = "big-decimal")]
    any: Decimal,
    #[avro(precision = 9, scale = 3)]
    maybe: Option<Decimal>,
}

#[tokio::test]
async fn decimals_are_exact_or_errors() {
    let money = |total: &str, rate: &str| Money {
        total: total.parse().unwrap(),
        rate: rate.parse().unwrap(),
        any: "-0.000123".parse().unwrap(),
        maybe: Some("1.500".parse().unwrap()),
    };
    for (total, rate) in
        [("0", "0"), ("-1.28", "-0.0001"), ("1.27", "999999.9999"), ("9999999999999999.99", "-999999.9999")]
    {
        round_trip(&money(total, rate)).await;
    }
    let codecs = Codecs::new(CodecConfig::default());
    for (total, rate) in [("1.275", "0"), ("10000000000000000.00", "0"), ("0", "0.00001"), ("0", "1000000")] {
        let error = codecs.encode(&money(total, rate), Wire::SingleObject).await.unwrap_err();
        assert_eq!(error.code(), "messaging.encode_range", "{total} {rate}: {error}");
    }
}

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum Colour {
    #[avro(default)]
    Unknown,
    Red,
    #[serde(rename = "GREEN")]
    Green,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
struct Line {
    /// What is sold.
    sku: String,
    #[avro(as = "fixed")]
    id: Uuid,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroType)]
struct Wrapped(#[avro(as = "long")] u64);

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum Payment {
    Cash(i64),
    Card {
        number: String,
        #[avro(default = 2)]
        tries: i32,
    },
    Free,
    #[avro(null)]
    None,
    Colour(Colour),
    Line(Box<Line>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum Shape {
    Circle(f64),
    Square { side: f64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
struct Tree {
    value: i32,
    left: Option<Box<Tree>>,
    children: Vec<Tree>,
}

type Names = HashMap<String, Vec<i64>>;

#[derive(Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "nested", namespace = "t")]
struct Nested {
    lines: Vec<Line>,
    line: Line,
    maybe: Option<Line>,
    colour: Colour,
    colours: BTreeSet<Colour>,
    payment: Payment,
    payments: VecDeque<Payment>,
    shape: Option<Shape>,
    wrapped: Wrapped,
    tree: Tree,
    by_name: HashMap<String, Line>,
    set: HashSet<i32>,
    three: [i32; 3],
    #[avro(as = "pairs")]
    pairs: BTreeMap<i32, String>,
    any: Value,
    id: Uuid,
    maybe_id: Option<Uuid>,
    deep: Option<Vec<Option<Names>>>,
}

fn line(sku: &str) -> Line {
    Line { sku: sku.to_owned(), id: Uuid::from_u128(7) }
}

#[tokio::test]
async fn nested_types() {
    let leaf = |value| Tree { value, left: None, children: vec![] };
    let message = Nested {
        lines: vec![line("a"), line("b")],
        line: line("c"),
        maybe: Some(line("d")),
        colour: Colour::Green,
        colours: BTreeSet::from([Colour::Red, Colour::Unknown]),
        payment: Payment::Card { number: "4".to_owned(), tries: 1 },
        payments: VecDeque::from([
            Payment::Cash(5),
            Payment::Free,
            Payment::None,
            Payment::Colour(Colour::Red),
            Payment::Line(Box::new(line("e"))),
        ]),
        shape: Some(Shape::Square { side: 2.0 }),
        wrapped: Wrapped(9),
        tree: Tree { value: 1, left: Some(Box::new(leaf(2))), children: vec![leaf(3), leaf(4)] },
        by_name: HashMap::from([("x".to_owned(), line("f"))]),
        set: HashSet::from([1]),
        three: [1, 2, 3],
        pairs: BTreeMap::from([(1, "one".to_owned()), (2, "two".to_owned())]),
        any: json!({"free": ["form", 1, null]}),
        id: Uuid::from_u128(8),
        maybe_id: Some(Uuid::from_u128(9)),
        deep: Some(vec![None, Some(HashMap::from([("y".to_owned(), vec![1, 2])]))]),
    };
    let json = round_trip(&message).await;
    assert_eq!(json["colour"], "GREEN");
    assert_eq!(json["payments"], json!([5, {}, null, "Red", {"sku": "e", "id": json["line"]["id"]}]));
    let types = types::<Nested>();
    assert_eq!(types["line"], "t.Line", "written in full once only");
    assert_eq!(types["any"], json!({"type": "string", "alv.type": "json"}));
    assert_eq!(types["shape"][0], "null");
    assert_eq!(types["wrapped"], "long");
    assert_eq!(types["colour"]["default"], "Unknown");
    assert_eq!(types["colour"]["symbols"], json!(["Unknown", "Red", "GREEN"]));
    assert_eq!(types["lines"]["items"]["fields"][0]["doc"], "What is sold.");
    assert_eq!(types["pairs"]["items"]["name"], "Nested_pairs");
    let none = Nested { maybe: None, shape: None, maybe_id: None, deep: None, ..message };
    round_trip(&none).await;
}

#[tokio::test]
async fn left_over_bytes_and_short_ones_are_errors() {
    let codecs = Codecs::new(CodecConfig::default());
    let encoded = codecs.encode(&times(), Wire::SingleObject).await.unwrap();
    let mut longer = encoded.payload.to_vec();
    longer.extend([0, 0, 0]);
    let error = codecs.decode::<Times>(Some(&longer.into()), &encoded.headers, Wire::SingleObject).await.unwrap_err();
    assert_eq!(error.to_string(), "3 bytes are left over after the message");
    for length in 0..encoded.payload.len() {
        let short = encoded.payload.slice(..length);
        let error = codecs.decode::<Times>(Some(&short), &Headers::new(), Wire::SingleObject).await.unwrap_err();
        assert!(!error.retryable(), "{length}: {error}");
    }
}
