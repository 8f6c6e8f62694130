//! Both implementations of Avro make the same of any value of any mapping, and so do both paths of reading.

use std::collections::BTreeMap;

use alluvium_messaging::wire::{Plan, PlanKind};
use alluvium_messaging::{AvroType, CodecConfig, Codecs, Headers, Message, MessageSchema, Wire};
use apache_avro::{reader::datum::GenericDatumReader, writer::datum::GenericDatumWriter};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum Symbol {
    One,
    Two,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroType)]
#[avro(namespace = "t")]
enum Union {
    Number(i64),
    Text(String),
    Part {
        inner: Option<i32>,
    },
    Nothing,
    #[avro(null)]
    Null,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "any", name = "Any", namespace = "t")]
struct Any {
    yes: bool,
    int: i32,
    small: u16,
    long: i64,
    float: f32,
    double: f64,
    text: String,
    bytes: Vec<u8>,
    fixed: [u8; 3],
    #[avro(as = "long")]
    wide: Option<u64>,
    #[avro(as = "fixed")]
    wider: u128,
    #[avro(as = "decimal", precision = 38, scale = 0)]
    widest: i128,
    #[avro(precision = 28, scale = 4)]
    money: rust_decimal::Decimal,
    #[avro(as = "big-decimal")]
    free_money: rust_decimal::Decimal,
    #[avro(as = "fixed", precision = 18, scale = 2, size = 9)]
    fixed_money: rust_decimal::Decimal,
    symbol: Symbol,
    union: Union,
    unions: Vec<Union>,
    map: BTreeMap<String, Vec<Option<i32>>>,
    #[avro(as = "pairs")]
    pairs: BTreeMap<i64, String>,
    id: uuid::Uuid,
    at: jiff::Timestamp,
    #[avro(as = "micros")]
    wait: std::time::Duration,
}

prop_compose! {
    fn anything()(
        (yes, int, small, long, float, double) in (any::<bool>(), any::<i32>(), any::<u16>(), any::<i64>(), any::<f32>(), any::<f64>()),
        (text, bytes, fixed, wide, wider) in (".{0,20}", any::<Vec<u8>>(), any::<[u8; 3]>(), proptest::option::of(0..u64::MAX / 2), any::<u128>()),
        widest in -(10_i128.pow(38) - 1)..10_i128.pow(38),
        (money, scale, fixed_money) in (any::<i64>(), 0_u32..28, -(10_i64.pow(18) - 1)..10_i64.pow(18)),
        symbol in prop_oneof![Just(Symbol::One), Just(Symbol::Two)],
        unions in proptest::collection::vec(union(), 1..5),
        map in proptest::collection::btree_map(".{0,5}", proptest::collection::vec(any::<Option<i32>>(), 0..3), 0..3),
        pairs in proptest::collection::btree_map(any::<i64>(), ".{0,5}", 0..3),
        (id, at, wait) in (any::<u128>(), -62_000_000_000_000_000_i64..200_000_000_000_000_000, 0..i64::MAX as u64),
    ) -> Any {
        Any {
            yes, int, small, long, float, double, text, bytes, fixed, wide, wider, widest,
            money: rust_decimal::Decimal::new(money, 4),
            free_money: rust_decimal::Decimal::new(money, scale),
            fixed_money: rust_decimal::Decimal::new(fixed_money, 2),
            symbol,
            union: unions[0].clone(),
            unions,
            map,
            pairs,
            id: uuid::Uuid::from_u128(id),
            at: jiff::Timestamp::from_microsecond(at).unwrap(),
            wait: std::time::Duration::from_micros(wait),
        }
    }
}

fn union() -> impl Strategy<Value = Union> {
    prop_oneof![
        any::<i64>().prop_map(Union::Number),
        ".{0,5}".prop_map(Union::Text),
        any::<Option<i32>>().prop_map(|inner| Union::Part { inner }),
        Just(Union::Nothing),
        Just(Union::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn both_implementations_agree(message in anything()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let codecs = Codecs::new(CodecConfig::default());
        let encoded = runtime.block_on(codecs.encode(&message, Wire::Raw)).unwrap();
        // With the whole schema, logical types included, where it must understand them as we do.
        let schema = apache_avro::Schema::parse_str(Any::schema().text()).unwrap();
        let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut &*encoded.payload).unwrap();
        // Its writer makes other bytes of some: shorter or longer digits. What it writes, we read as the same.
        let mut again = Vec::new();
        GenericDatumWriter::builder(&schema).build().unwrap().write_value(&mut again, value).unwrap();
        for payload in [encoded.payload, again.into()] {
            let read = runtime.block_on(codecs.decode::<Any>(Some(&payload), &Headers::new(), Wire::Raw)).unwrap();
            let read = read.value().unwrap();
            // Floats that are no numbers equal nothing, not even themselves.
            prop_assert_eq!(format!("{:?}", read), format!("{:?}", message));
        }
    }

    #[test]
    fn both_ways_of_reading_agree(message in anything()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let codecs = Codecs::new(CodecConfig::default());
        // The same but for the order of a union's branches, which only the long way can read.
        let text = Any::schema().text().replace(r#"["long","string","#, r#"["string","long","#);
        let other = MessageSchema::parse(&text).unwrap();
        prop_assert_ne!(other.text(), Any::schema().text());
        let encoded = runtime.block_on(codecs.encode(&message, Wire::Raw)).unwrap();
        let plan = Plan::of(&other, Any::schema());
        prop_assert_ne!(plan.kind(), PlanKind::Impossible);
        // Rewritten there by the other implementation.
        let ours = apache_avro::Schema::parse_str(Any::schema().canonical_form()).unwrap();
        let theirs = apache_avro::Schema::parse_str(other.canonical_form()).unwrap();
        let reader = GenericDatumReader::builder(&ours).reader_schema(&theirs).build().unwrap();
        let mut datum = Vec::new();
        let value = reader.read_value(&mut &*encoded.payload).unwrap();
        GenericDatumWriter::builder(&theirs).build().unwrap().write_value(&mut datum, value).unwrap();
        codecs.add_schema(&other);
        let mut headers = Headers::new();
        headers.insert(alluvium_messaging::headers::SCHEMA, other.label().to_owned());
        let read = runtime.block_on(codecs.decode::<Any>(Some(&datum.into()), &headers, Wire::Raw)).unwrap();
        prop_assert_eq!(format!("{:?}", read.value().unwrap()), format!("{:?}", message));
    }
}
