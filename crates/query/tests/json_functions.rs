//! Functions and operators on JSON in texts.

mod common;

use common::{json, memory, refusal};
use rstest::rstest;
use serde_json::json;

const OBJECT: &str = r#"'{"a": {"b": [1, 2.5, "x", true, null]}, "n": 7, "s": "text", "t": true, "z": null}'"#;

#[rstest]
#[case("json_get({}, 'n')", json!("7"))]
#[case("{} -> 's'", json!("\"text\""))]
#[case("{} -> 'a' -> 'b' -> 0", json!("1"))]
#[case("{} -> 'a'", json!("{\"b\": [1, 2.5, \"x\", true, null]}"))]
#[case("{} -> 'nothing'", json!(null))]
#[case("{} -> 'z'", json!(null))]
#[case("({} -> 'n')::int + 1", json!(8))]
#[case("{} ->> 's'", json!("text"))]
#[case("{} ->> 'n'", json!("7"))]
#[case("{} -> 'a' -> 'b' ->> 2", json!("x"))]
#[case("{} ? 's'", json!(true))]
#[case("{} ? 'q'", json!(false))]
#[case("CASE WHEN {} ? 'q' THEN 1 ELSE 2 END", json!(2))]
#[case("json_get_str({}, 's')", json!("text"))]
#[case("json_get_int({}, 'n')", json!(7))]
#[case("json_get_float({}, 'a', 'b', 1)", json!(2.5))]
#[case("json_get_bool({}, 't')", json!(true))]
#[case("json_get_json({}, 'a', 'b')", json!("[1, 2.5, \"x\", true, null]"))]
#[case("json_get_array({}, 'a', 'b')", json!(["1", "2.5", "\"x\"", "true", "null"]))]
#[case("json_as_text({}, 'n')", json!("7"))]
#[case("json_contains({}, 'a', 'b', 4)", json!(true))]
#[case("json_length({}, 'a', 'b')", json!(5))]
#[case("json_object_keys({})", json!(["a", "n", "s", "t", "z"]))]
#[tokio::test]
async fn they_give_what_they_say(#[case] expr: &str, #[case] expected: serde_json::Value) {
    let sql = format!("SELECT {} AS x", expr.replace("{}", OBJECT));
    assert_eq!(json!(json(&memory(), &sql).await), json!([{"x": expected}]), "{expr}");
}

#[tokio::test]
async fn they_work_on_columns_and_in_conditions() {
    let sql = "SELECT id FROM (SELECT id, '{\"k\": \"' || name || '\"}' AS j FROM people) WHERE j ->> 'k' = 'bob' AND j ? 'k'";
    assert_eq!(json!(json(&memory(), sql).await), json!([{"id": 3}]));
}

#[tokio::test]
async fn a_question_mark_is_no_parameter() {
    assert_eq!(refusal(&memory(), "SELECT ?").await.status(), 400);
}
