//! The measurement itself: both sides in turn in one process, medians of several rounds.

use std::hint::black_box;
use std::time::Instant;

use alluvium_messaging::bench::Sample;
use alluvium_messaging::model::json_to_datum;
use alluvium_messaging::wire::{Decoder, Encoder, frame};
use alluvium_messaging::{CodecConfig, Codecs, Headers, Message, MessageSchema, Wire};
use apache_avro::reader::datum::GenericDatumReader;
use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use serde_avro_fast::ser::SerializerConfig;

/// Rounds of each side.
const ROUNDS: usize = 7;

/// Four fields, about 60 bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "bench-small", namespace = "bench")]
pub struct Small {
    id: String,
    count: i64,
    ratio: f64,
    note: Option<String>,
}

/// One line of a large message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, alluvium_messaging::AvroType)]
#[avro(namespace = "bench")]
pub struct Line {
    sku: String,
    amount: i32,
    price: f64,
    tax: Option<f64>,
}

/// About forty fields with those inside, about a kilobyte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "bench-large", namespace = "bench")]
pub struct Large {
    id: String,
    customer: String,
    street: String,
    city: String,
    country: String,
    zip: String,
    mail: Option<String>,
    phone: Option<String>,
    created: i64,
    changed: i64,
    paid: bool,
    sent: bool,
    total: f64,
    tax: f64,
    weight: f32,
    revision: i32,
    tags: Vec<String>,
    lines: Vec<Line>,
    note: String,
    comment: String,
}

/// One line of the result, in messages a second.
pub struct Figure {
    /// What was measured.
    pub path: &'static str,
    /// Ours.
    pub ours: f64,
    /// The raw part.
    pub raw: f64,
    /// Whether the writer's schema needs rewriting.
    pub resolved: bool,
}

/// Measures everything; `count` messages a round.
pub fn measure(count: u64) -> Vec<Figure> {
    let mut figures = direct("encode, 60 bytes", "decode, 60 bytes", &small(), count);
    figures.extend(direct("encode, 200 bytes", "decode, 200 bytes", &Sample::numbered(1), count / 2));
    figures.extend(direct("encode, 1 KB", "decode, 1 KB", &large(), count / 5));
    figures.extend(resolved(count / 10));
    figures
}

fn small() -> Small {
    Small {
        id: "0190a5c2-7d4e-7000-8000-00000000beef".to_owned(),
        count: 123_456,
        ratio: 0.25,
        note: Some("a note".to_owned()),
    }
}

fn large() -> Large {
    let line = |n: i32| Line { sku: format!("SKU-{n:08}"), amount: n, price: 9.99, tax: Some(0.19) };
    Large {
        id: "0190a5c2-7d4e-7000-8000-00000000beef".to_owned(),
        customer: "A customer of some name".to_owned(),
        street: "A street of some length 17".to_owned(),
        city: "Hamburg".to_owned(),
        country: "DE".to_owned(),
        zip: "20095".to_owned(),
        mail: Some("somebody@example.org".to_owned()),
        phone: None,
        created: 1_767_323_045_123_456,
        changed: 1_767_323_045_123_457,
        paid: true,
        sent: false,
        total: 123.45,
        tax: 23.45,
        weight: 1.5,
        revision: 7,
        tags: (0..8).map(|n| format!("tag-{n}")).collect(),
        lines: (0..12).map(line).collect(),
        note: "n".repeat(150),
        comment: "c".repeat(250),
    }
}

/// Medians of the rates of two sides that take turns.
fn alternate(count: u64, mut ours: impl FnMut(), mut raw: impl FnMut()) -> (f64, f64) {
    let rate = |side: &mut dyn FnMut()| {
        let began = Instant::now();
        for _ in 0..count {
            side();
        }
        count as f64 / began.elapsed().as_secs_f64()
    };
    let (mut of_ours, mut of_raw) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_raw.push(rate(&mut raw));
        of_ours.push(rate(&mut ours));
    }
    (median(of_ours), median(of_raw))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        // Without a registry nothing here waits.
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn direct<M: Message + Clone>(encode: &'static str, decode: &'static str, message: &M, count: u64) -> Vec<Figure> {
    let codecs = Codecs::new(CodecConfig::default());
    let encoder: Encoder<M> = ready(codecs.encoder(Wire::SingleObject)).expect("the schema is its own");
    let decoder: Decoder<M> = codecs.decoder(Wire::SingleObject);
    let schema: Schema = M::schema().text().parse().expect("a valid schema");
    let encoded = encoder.encode(message).expect("the message fits");
    let (mut buffer, mut raw_buffer) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
    let mut config = SerializerConfig::new(&schema);
    let (ours, raw) = alternate(
        count,
        || {
            buffer.clear();
            encoder.encode_into(black_box(message), &mut buffer).expect("the message fits");
            black_box(&buffer);
        },
        || {
            raw_buffer.clear();
            let out = std::mem::take(&mut raw_buffer);
            raw_buffer = serde_avro_fast::to_datum(black_box(message), out, &mut config).expect("the message fits");
            black_box(&raw_buffer);
        },
    );
    let encoding = Figure { path: encode, ours, raw, resolved: false };
    let datum = &encoded.payload[10..];
    let (ours, raw) = alternate(
        count,
        || {
            let read = decoder.decode_now(Some(black_box(&encoded.payload)), &encoded.headers);
            black_box(read.map(|read| read.expect("what was written can be read")));
        },
        || {
            let read: M =
                serde_avro_fast::from_datum_slice(black_box(datum), &schema).expect("what was written can be read");
            black_box(read);
        },
    );
    vec![encoding, Figure { path: decode, ours, raw, resolved: false }]
}

/// A type whose writer still wrote the field under its old name, too: no codec reads that at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Message)]
#[message(topic = "bench-renamed", name = "Renamed", namespace = "bench")]
struct Renamed {
    id: String,
    #[avro(alias = "number")]
    count: i64,
    ratio: f64,
    #[avro(default = "none")]
    note: String,
}

fn resolved(count: u64) -> Vec<Figure> {
    let text = r#"{"type": "record", "name": "Renamed", "namespace": "bench", "fields": [
        {"name": "count", "type": "int"}, {"name": "id", "type": "string"}, {"name": "ratio", "type": "float"},
        {"name": "number", "type": "int"}, {"name": "more", "type": "string"}]}"#;
    let writer = MessageSchema::parse(text).expect("a valid schema");
    let value = serde_json::json!({"count": 5, "id": "0190a5c2-7d4e-7000-8000-00000000beef", "ratio": 0.5, "number": 4, "more": "m"});
    let datum = json_to_datum(writer.parsed(), &value).expect("the value fits");
    let codecs = Codecs::new(CodecConfig::default());
    codecs.add_schema(&writer);
    let payload = [&frame::single_object_prefix(writer.fp64())[..], &datum].concat();
    let decoder: Decoder<Renamed> = codecs.decoder(Wire::SingleObject);
    let headers = Headers::new();
    let from = apache_avro::Schema::parse_str(text).expect("a valid schema");
    let to = apache_avro::Schema::parse_str(Renamed::schema().text()).expect("a valid schema");
    let reader = GenericDatumReader::builder(&from).reader_schema(&to).build().expect("both resolve");
    let (ours, raw) = alternate(
        count,
        || {
            let read = decoder.decode_now(Some(black_box(&payload)), &headers);
            black_box(read.map(|read| read.expect("the pair resolves")));
        },
        || {
            let value = reader.read_value(&mut black_box(&*datum)).expect("the pair resolves");
            let read: Renamed = apache_avro::from_value(&value).expect("the value is a record");
            black_box(read);
        },
    );
    vec![Figure { path: "decode through another schema", ours, raw, resolved: true }]
}
