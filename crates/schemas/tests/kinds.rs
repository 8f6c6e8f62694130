//! JSON Schema and Protobuf as the registry sees them: verdicts by the vector files, identity, references, and hostile texts.

use std::time::{Duration, Instant};

use alluvium_schemas::kinds::json::JsonSchema;
use alluvium_schemas::kinds::protobuf::ProtobufSchema;
use alluvium_schemas::kinds::{Direction, Policy, Referenced, SchemaModel, Strictness};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// More than any of these takes even unoptimised; only something that grows out of hand passes it.
const HOSTILE_MAX: Duration = Duration::from_mins(1);

fn parse<M: SchemaModel>(text: &str) -> M {
    parse_with(text, &[])
}

fn parse_with<M: SchemaModel>(text: &str, references: &[(&str, &str)]) -> M {
    let references: Vec<Referenced> = references
        .iter()
        .map(|(name, text)| Referenced { name: (*name).to_owned(), text: (*text).to_owned() })
        .collect();
    M::parse(text, &references, Strictness::Strict).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused<M: SchemaModel>(text: &str) -> String {
    match M::parse(text, &[], Strictness::Strict) {
        Ok(_) => panic!("accepted: {}", &text[..text.len().min(200)]),
        Err(error) => error.0,
    }
}

fn kinds<M: SchemaModel>(reader: &M, writer: &M, policy: Policy) -> Vec<String> {
    let mut kinds: Vec<String> =
        M::can_read(reader, writer, Direction::Backward, policy).into_iter().map(|each| each.kind).collect();
    kinds.sort();
    kinds
}

fn expected(vector: &Value, key: &str) -> Vec<String> {
    let mut kinds: Vec<String> =
        vector[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    kinds.sort();
    kinds
}

fn check<M: SchemaModel>(vectors: &str, text: impl Fn(&Value, &str) -> String) {
    let vectors: Vec<Value> = serde_json::from_str(vectors).expect("the vectors are JSON");
    let mut wrong = Vec::new();
    for vector in &vectors {
        let (old, new): (M, M) = (parse(&text(vector, "old")), parse(&text(vector, "new")));
        let lenient = if vector["lenient"].is_array() { "lenient" } else { "backward" };
        for (key, found) in [
            ("backward", kinds(&new, &old, Policy::Strict)),
            ("forward", kinds(&old, &new, Policy::Strict)),
            (lenient, kinds(&new, &old, Policy::Lenient)),
        ] {
            if found != expected(vector, key) {
                wrong.push(format!("{}, {key}: expected {:?}, found {found:?}", vector["name"], expected(vector, key)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn json_verdicts() {
    check::<JsonSchema>(include_str!("vectors/json.json"), |vector, key| vector[key].to_string());
}

#[test]
fn protobuf_verdicts() {
    check::<ProtobufSchema>(include_str!("vectors/protobuf.json"), |vector, key| {
        format!(
            "syntax = \"{}\"; {}",
            vector["syntax"].as_str().unwrap_or("proto3"),
            vector[key].as_str().expect("a text")
        )
    });
}

#[test]
fn findings_say_where_and_who() {
    let old: JsonSchema = parse(r#"{"type":"object","properties":{"a/b":{"type":"string"}}}"#);
    let new: JsonSchema = parse(r#"{"type":"object","properties":{"a/b":{"type":"integer"}}}"#);
    let found = JsonSchema::can_read(&new, &old, Direction::Backward, Policy::Strict);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].pointer, "/properties/a~1b/type");
    assert_eq!(found[0].short, "reader type: integer not compatible with writer type: string");
    assert!(found[0].description.contains("of the new schema"), "{}", found[0].description);
    let old: ProtobufSchema = parse("syntax = \"proto3\"; message A { message B { int32 a = 7; } }");
    let new: ProtobufSchema = parse("syntax = \"proto3\"; message A { message B { string a = 7; } }");
    let found = ProtobufSchema::can_read(&old, &new, Direction::Forward, Policy::Strict);
    assert_eq!(found[0].pointer, "/A/B/7");
    assert!(found[0].description.contains("of the old schema"), "{}", found[0].description);
}

#[test]
fn json_is_the_same_whatever_the_order_of_keys() {
    let left: JsonSchema = parse(r#"{ "type": "object", "properties": {"b": true, "a": {}} }"#);
    let right: JsonSchema = parse(r#"{"properties":{"a":{},"b":true},"type":"object"}"#);
    assert_eq!(left.identity_text(), right.identity_text());
    assert_eq!(left.normalized_text(), right.identity_text());
    assert_ne!(left.identity_text(), parse::<JsonSchema>(r#"{"type":"object"}"#).identity_text());
    assert_eq!(left.stored_text("{ \"type\" : 1 }"), "{\"type\":1}");
}

#[test]
fn json_schemas_are_checked() {
    for (text, part) in [
        ("{", "no JSON"),
        ("12", "a schema is an object or a boolean"),
        (r#"{"type":"text"}"#, "/type"),
        (r#"{"type":["string","string"]}"#, "/type"),
        (r#"{"properties":[]}"#, "/properties"),
        (r#"{"properties":{"a":{"maxLength":-1}}}"#, "/properties/a/maxLength"),
        (r#"{"required":["a","a"]}"#, "/required"),
        (r#"{"items":{"allOf":[]}}"#, "/items/allOf"),
        (r#"{"exclusiveMaximum":true}"#, "/exclusiveMaximum"),
        (r#"{"$schema":"http://json-schema.org/draft-04/schema#","exclusiveMaximum":3}"#, "draft-04"),
        (r#"{"$schema":"http://example.com/own"}"#, "$schema"),
        (r##"{"$ref":"#/definitions/none"}"##, "leads to nothing"),
        (r#"{"$ref":"http://example.com/other.json"}"#, "nothing is fetched"),
        (r#"{"type":"x","minimum":"y"}"#, "/minimum"),
    ] {
        let told = refused::<JsonSchema>(text);
        assert!(told.contains(part), "{text}: {told}");
        if text != "{" {
            assert!(JsonSchema::parse(text, &[], Strictness::Lenient).is_ok(), "{text}");
        }
    }
    for text in [
        r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
        "true",
        r#"{"$ref":"http://json-schema.org/draft-07/schema#"}"#,
    ] {
        parse::<JsonSchema>(text);
    }
}

#[test]
fn json_references_are_found_by_name_id_and_anchor() {
    let customer = r#"{"$id":"http://example.com/customer.json","type":"object","properties":{"name":{"$ref":"text.json"}},"additionalProperties":false}"#;
    let order = |kind: &str| {
        json!({"type": "object", "properties": {"c": {"$ref": kind}}, "additionalProperties": false}).to_string()
    };
    let references = [("text.json", r#"{"type":"string"}"#), ("customer.json", customer)];
    let by_name: JsonSchema = parse_with(&order("customer.json"), &references);
    assert_eq!(by_name.referenced_names(), ["customer.json", "text.json"]);
    let by_id: JsonSchema = parse_with(&order("http://example.com/customer.json"), &references);
    assert!(kinds(&by_name, &by_id, Policy::Strict).is_empty());
    let narrower = [("text.json", r#"{"type":"string","maxLength":3}"#), references[1]];
    let changed: JsonSchema = parse_with(&order("customer.json"), &narrower);
    assert_eq!(kinds(&changed, &by_name, Policy::Strict), ["MAX_LENGTH_ADDED"]);
    assert_eq!(changed.identity_text(), by_name.identity_text());
    assert_ne!(changed.equality_text(), by_name.equality_text());

    let inside: JsonSchema = parse(
        &json!({"$id": "http://example.com/a/root.json", "$defs": {"x": {"$id": "part.json", "$anchor": "here", "type": "null"}},
                "anyOf": [{"$ref": "part.json"}, {"$ref": "http://example.com/a/part.json#here"}, {"$ref": "#/$defs/x"}]})
        .to_string(),
    );
    assert!(inside.referenced_names().is_empty(), "{:?}", inside.referenced_names());
}

const SHOP: &str = r#"
syntax = "proto3";
package shop;
import "money.proto";
import "google/protobuf/timestamp.proto";
option java_package = "com.example";
// A comment.
message Order {
  reserved 9, 11 to 13;
  reserved "old";
  string id = 1 [deprecated = true, json_name = "ident"];
  optional int32 n = 2;
  map<string, money.Amount> parts = 3;
  oneof how { string card = 4; bool cash = 5; }
  google.protobuf.Timestamp at = 6;
  repeated Kind kinds = 7 [packed = false];
  message Line { bytes data = 1; }
  enum Kind { option allow_alias = true; NONE = 0; SOME = 1; ANY = 1; reserved 5 to max; }
}
service Shop { rpc Buy(Order) returns (stream Order.Line) { option deprecated = true; } }
"#;
const MONEY: &str = "syntax = \"proto3\"; package money; message Amount { int64 units = 1; }";

#[test]
fn protobuf_text_comes_back_as_the_same_descriptor() {
    let shop: ProtobufSchema = parse_with(SHOP, &[("money.proto", MONEY)]);
    assert_eq!(shop.referenced_names(), ["money.proto"]);
    assert_eq!(shop.stored_text(SHOP), SHOP);
    let canonical = shop.identity_text();
    let again: ProtobufSchema = parse_with(&canonical, &[("money.proto", MONEY)]);
    assert_eq!(again.identity_text(), canonical);
    assert_eq!(again.formatted("serialized"), shop.formatted("serialized"), "{canonical}");
    assert_eq!(again.normalized_text(), shop.normalized_text());
    assert_eq!(shop.message_at(&[0, 1]).as_deref(), Some("shop.Order.Line"));
    assert_eq!(shop.message_at(&[3]), None);
    for part in [
        "map<string, .money.Amount> parts = 3;",
        "json_name = \"ident\"",
        "reserved 11 to 13;",
        "returns (stream .shop.Order.Line)",
        "reserved 5 to max;",
        "optional int32 n = 2;",
    ] {
        assert!(canonical.contains(part), "{part}\n{canonical}");
    }
    assert!(!canonical.contains("comment"));

    let encoded = shop.formatted("serialized").unwrap();
    let from_bytes: ProtobufSchema = parse_with(&encoded, &[("money.proto", MONEY)]);
    assert_eq!(from_bytes.identity_text(), canonical);
    assert_eq!(from_bytes.stored_text(&encoded), canonical);
}

const PROTO2: &str = r#"
syntax = "proto2";
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { optional string note = 50001; repeated int32 marks = 50002; optional Deep deep = 50003; }
message Deep { optional string s = 1; extensions 100 to 199; }
extend Deep { optional int32 more = 100; }
message A {
  required int32 a = 1 [default = -3, (note) = "a \"b\"\n", (marks) = 1, (marks) = 2, (deep) = { s: "x" }];
  optional bytes b = 2 [default = "\001\377a"];
  optional string c = 3 [default = "q'\""];
  optional E e = 4 [default = Y];
  optional double d = 5 [default = inf];
  repeated group G = 6 { optional int32 x = 1; }
}
enum E { X = 0; Y = -1; }
"#;

#[test]
fn proto2_and_extensions_come_back_too() {
    let schema: ProtobufSchema = parse(PROTO2);
    let canonical = schema.identity_text();
    let again: ProtobufSchema = parse(&canonical);
    assert_eq!(again.formatted("serialized"), schema.formatted("serialized"), "{canonical}");
    assert!(canonical.contains("(marks) = 2"), "{canonical}");
    let without = schema.formatted("ignore_extensions").unwrap();
    assert!(!without.contains("(marks)") && without.contains("default = -3"), "{without}");
}

const EDITION: &str = "CghlZC5wcm90bxICZWQiIAoBTRIJCgFhGAEgASgFEhAKAWIYAiABKAlCBaoBAggBQgWSAwIIAmIIZWRpdGlvbnNw6Ac=";
const MAP_OF_NOTHING: &str = "CgdhLnByb3RvIicKAU0SFAoBeBgBIAMoCzIJLk0uWEVudHJ5GgwKBlhFbnRyeToCOAFiBnByb3RvMw==";

#[test]
fn protobuf_faults_are_told() {
    for (text, part) in [
        ("message", "expected"),
        ("syntax = \"proto3\"; message A { B b = 1; }", "B"),
        ("syntax = \"proto3\"; import \"gone.proto\";", "gone.proto"),
        ("syntax = \"proto3\"; message A { int32 a = 1; int32 b = 1; }", "number"),
        ("syntax = \"proto3\"; message A { required int32 a = 1; }", "required"),
        ("edition = \"2023\"; message A {}", "edition"),
        ("AAAA", "FileDescriptorProto"),
        // Of `edition = "2023"`, as a serializer sends it; and a map whose entries have no fields, as none does.
        (EDITION, "syntax editions is not known here; proto2 and proto3 are"),
        (MAP_OF_NOTHING, "contradicts itself"),
        ("{\"type\":\"string\"}", "expected"),
    ] {
        let told = refused::<ProtobufSchema>(text);
        assert!(told.contains(part), "{text}: {told}");
    }
}

#[test]
fn an_import_that_changed_is_seen() {
    let text = "syntax = \"proto3\"; import \"m.proto\"; message A { M m = 1; }";
    let old: ProtobufSchema = parse_with(text, &[("m.proto", "syntax = \"proto3\"; message M { int32 a = 1; }")]);
    let new: ProtobufSchema = parse_with(text, &[("m.proto", "syntax = \"proto3\"; message M { string a = 1; }")]);
    assert_eq!(kinds(&new, &old, Policy::Strict), ["FIELD_SCALAR_KIND_CHANGED"]);
    assert_ne!(new.equality_text(), old.equality_text());
}

#[test]
fn hostile_json_ends_in_time() {
    let started = Instant::now();
    refused::<JsonSchema>(&"[".repeat(1_000_000));
    refused::<JsonSchema>(&format!("{}true{}", r#"{"not":"#.repeat(100_000), "}".repeat(100_000)));

    // References that double at every step, and chains that are deeper than a stack.
    let level = |at: usize, last: Value| {
        let next = json!({"$ref": format!("#/definitions/{}", at + 1)});
        if at == 40 { last } else { json!({"allOf": [next.clone(), {"properties": {"a": next.clone(), "b": next}}]}) }
    };
    let laughs = |last: Value| -> JsonSchema {
        let all: serde_json::Map<String, Value> =
            (0..=40).map(|at| (at.to_string(), level(at, last.clone()))).collect();
        parse(&json!({"$ref": "#/definitions/0", "definitions": all}).to_string())
    };
    let found = kinds(&laughs(json!({"type": "string"})), &laughs(json!({"type": "integer"})), Policy::Strict);
    assert!(!found.is_empty());

    let chain = |last: &str| -> JsonSchema {
        let all: serde_json::Map<String, Value> = (0..9000)
            .map(|at| {
                (
                    at.to_string(),
                    if at == 8999 {
                        json!({"type": last})
                    } else {
                        json!({"items": {"$ref": format!("#/definitions/{}", at + 1)}})
                    },
                )
            })
            .collect();
        parse(&json!({"$ref": "#/definitions/0", "definitions": all}).to_string())
    };
    assert_eq!(kinds(&chain("string"), &chain("integer"), Policy::Strict), ["TOO_COMPLEX"]);
    assert!(kinds(&chain("string"), &chain("string"), Policy::Strict).is_empty());

    // Patterns that blow up when compiled, and one that backtracks for ever elsewhere.
    let patterns: serde_json::Map<String, Value> =
        (0..60).map(|at| (format!("(\\w{{900}}){{900}}{at}"), json!({"type": "string"}))).collect();
    let bombs = |most: u32| -> JsonSchema {
        parse(&json!({"patternProperties": patterns, "properties": {"a".repeat(30): {"maxLength": most}}}).to_string())
    };
    kinds(&bombs(3), &bombs(4), Policy::Strict);
    let slow: JsonSchema = parse(&json!({"type": "string", "pattern": "^(a+)+$"}).to_string());
    let value: JsonSchema = parse(&json!({"enum": [format!("{}b", "a".repeat(50_000))]}).to_string());
    assert_eq!(kinds(&slow, &value, Policy::Strict), ["TYPE_NARROWED"]);

    // A megabyte of honest properties.
    let wide = |kind: &str| -> JsonSchema {
        let all: serde_json::Map<String, Value> =
            (0..20_000).map(|at| (format!("property_{at}"), json!({"type": kind}))).collect();
        parse(&json!({"type": "object", "properties": all}).to_string())
    };
    assert!(kinds(&wide("number"), &wide("integer"), Policy::Strict).is_empty());
    assert!(kinds(&wide("integer"), &wide("number"), Policy::Strict).len() >= 500);
    assert!(started.elapsed() < HOSTILE_MAX, "{:?}", started.elapsed());
}

#[test]
fn hostile_protobuf_ends_in_time() {
    let started = Instant::now();
    for text in [
        format!("syntax = \"proto3\"; {}", "message A {".repeat(90_000)),
        format!("syntax = \"proto3\"; option a = {}", "{ a: ".repeat(90_000)),
        format!("syntax = \"proto3\"; message A {{ int32 a = {}1; }}", "-".repeat(900_000)),
        "\u{0}\u{ffff}".repeat(1000),
        format!("syntax = \"proto3\"; message {} {{", "A".repeat(1_000_000)),
        "a".repeat(1_000_000),
    ] {
        refused::<ProtobufSchema>(&text);
    }
    // Descriptors with wrong bytes in them: whatever they say then, nothing falls over.
    let whole = STANDARD.decode(parse::<ProtobufSchema>(PROTO2).formatted("serialized").unwrap()).unwrap();
    for at in 0..whole.len() {
        for wrong in [0, 1, 2, 8, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = wrong;
            let sent = STANDARD.encode(&bytes);
            if let Ok(schema) = ProtobufSchema::parse(&sent, &[], Strictness::Strict) {
                kinds(&schema, &parse(PROTO2), Policy::Strict);
                kinds(&parse(PROTO2), &schema, Policy::Strict);
                schema.formatted("ignore_extensions");
            }
        }
    }
    let chain = |kind: &str| -> ProtobufSchema {
        let mut text: String = (0..9000).map(|at| format!("message M{at} {{ M{} m = 1; }} ", at + 1)).collect();
        text.extend(["message M9000 { ", kind, " m = 1; }"]);
        parse(&format!("syntax = \"proto3\"; {text}"))
    };
    assert_eq!(kinds(&chain("string"), &chain("int32"), Policy::Strict), ["FIELD_SCALAR_KIND_CHANGED"]);
    assert!(started.elapsed() < HOSTILE_MAX, "{:?}", started.elapsed());
}
