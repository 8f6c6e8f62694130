//! Reading bodies and queries the way clients of the surface are used to: unknown fields are ignored, a number may come as
//! text, and everything wrong is reported at once, each with its place.

use std::cell::RefCell;
use std::rc::Rc;

use alluvium_kernel::{Problem, Timestamp};
use serde_json::{Map, Value, json};

type Mistakes = Rc<RefCell<Vec<Value>>>;

/// One JSON object while it is read. What is missing or wrong is noted, and a stand-in given so that reading goes on.
pub struct Shape<'a> {
    fields: &'a Map<String, Value>,
    whole: &'a Value,
    loc: Vec<Value>,
    mistakes: Mistakes,
}

/// Reads a body; fails with all mistakes in it.
pub fn read<T>(bytes: &[u8], reader: impl FnOnce(&Shape<'_>) -> T) -> Result<T, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong(
            "http.invalid_body",
            vec![entry("missing", &[json!("body")], "Field required", &Value::Null, None)],
        ));
    }
    let body: Value = serde_json::from_slice(bytes)
        .map_err(|cause| Problem::new("http.malformed_body", 400, format!("The body is not JSON: {cause}.")))?;
    let Value::Object(fields) = &body else {
        let text = "Input should be a valid dictionary or object to extract fields from";
        return Err(wrong(
            "http.invalid_body",
            vec![entry("model_attributes_type", &[json!("body")], text, &body, None)],
        ));
    };
    let mistakes = Mistakes::default();
    let shape = Shape { fields, whole: &body, loc: vec![json!("body")], mistakes: mistakes.clone() };
    let value = reader(&shape);
    let found = mistakes.take();
    if found.is_empty() { Ok(value) } else { Err(wrong("http.invalid_body", found)) }
}

fn wrong(code: &str, mistakes: Vec<Value>) -> Problem {
    Problem::new(code, 422, "The request does not have the shape it should have.")
        .with_details(json!({ "detail": mistakes }))
}

/// One mistake; `ctx` holds the values that its message has.
fn entry(kind: &str, loc: &[Value], msg: &str, input: &Value, ctx: Option<Value>) -> Value {
    let mut entry = json!({ "type": kind, "loc": loc, "msg": msg, "input": input });
    if let Some(ctx) = ctx {
        entry["ctx"] = ctx;
    }
    entry
}

impl<'a> Shape<'a> {
    fn note(&self, name: &str, kind: &str, msg: &str, input: &Value) {
        self.note_at(json!(name), kind, msg, input, None);
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Option<&'a Value> {
        let found = self.fields.get(name);
        if found.is_none() {
            self.note(name, "missing", "Field required", self.whole);
        }
        found
    }

    fn text_of(&self, name: &str, value: &Value) -> String {
        if let Value::String(text) = value {
            return text.clone();
        }
        self.note(name, "string_type", "Input should be a valid string", value);
        String::new()
    }

    /// A text that must be there.
    pub fn string(&self, name: &str) -> String {
        self.required(name).map(|value| self.text_of(name, value)).unwrap_or_default()
    }

    /// A text that may be absent or null.
    pub fn opt_string(&self, name: &str) -> Option<String> {
        self.given(name).map(|value| self.text_of(name, value))
    }

    /// A truth value, also as text or number.
    pub fn opt_bool(&self, name: &str) -> Option<bool> {
        let value = self.given(name)?;
        let read = match value {
            Value::Bool(value) => Some(*value),
            Value::Number(number) => match number.as_f64() {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            },
            Value::String(text) => lax_bool(text),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        if read.is_none() {
            let text = "Input should be a valid boolean, unable to interpret input";
            self.note(name, "bool_parsing", text, value);
        }
        read
    }

    /// A whole number within bounds, also as text.
    pub fn opt_int(&self, name: &str, min: i64, max: i64) -> Option<i64> {
        let value = self.given(name)?;
        let number = match value {
            Value::Number(number) => number
                .as_i64()
                .or_else(|| number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64)),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match bounded(number, min, max) {
            Ok(number) => Some(number),
            Err(mistake) => {
                self.note_at(json!(name), mistake.kind, &mistake.msg, value, mistake.ctx);
                None
            }
        }
    }

    /// An object, as it is.
    pub fn opt_object(&self, name: &str) -> Option<&'a Map<String, Value>> {
        match self.given(name)? {
            Value::Object(object) => Some(object),
            other => {
                self.note(name, "dict_type", "Input should be a valid dictionary", other);
                None
            }
        }
    }

    /// An object that must be there.
    pub fn object(&self, name: &str) -> Map<String, Value> {
        match self.required(name) {
            Some(Value::Object(object)) => object.clone(),
            Some(other) => {
                self.note(name, "dict_type", "Input should be a valid dictionary", other);
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// An object that is read further.
    pub fn opt_shape<T>(&self, name: &str, reader: impl FnOnce(&Shape<'_>) -> T) -> Option<T> {
        let value = self.given(name)?;
        let fields = self.opt_object(name)?;
        Some(reader(&self.below(&[json!(name)], fields, value)))
    }

    /// Whether a field is there at all, null or not.
    pub fn names(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Refuses every field but these.
    pub fn only(&self, known: &[&str]) {
        for (name, value) in self.fields.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            self.note(name, "extra_forbidden", "Extra inputs are not permitted", value);
        }
    }

    /// Whether a list was given.
    pub fn is_list(&self, name: &str) -> bool {
        matches!(self.fields.get(name), Some(Value::Array(_)))
    }

    /// Texts by name.
    pub fn string_map(&self, name: &str) -> std::collections::BTreeMap<String, String> {
        let Some(object) = self.opt_object(name) else { return std::collections::BTreeMap::new() };
        let inside = self.below(&[json!(name)], object, self.whole);
        object.iter().map(|(key, value)| (key.clone(), inside.text_of(key, value))).collect()
    }

    /// A list, each entry read by `reader` with its place.
    fn list<T>(&self, name: &str, value: &'a Value, mut reader: impl FnMut(usize, &'a Value) -> T) -> Vec<T> {
        match value {
            Value::Array(entries) => entries.iter().enumerate().map(|(index, entry)| reader(index, entry)).collect(),
            other => {
                self.note(name, "list_type", "Input should be a valid list", other);
                Vec::new()
            }
        }
    }

    /// A list of texts that may be absent or null.
    pub fn opt_strings(&self, name: &str) -> Option<Vec<String>> {
        let value = self.given(name)?;
        Some(self.list(name, value, |index, entry| {
            let inside = self.below(&[json!(name)], self.fields, self.whole);
            match entry {
                Value::String(text) => text.clone(),
                other => {
                    inside.note_at(json!(index), "string_type", "Input should be a valid string", other, None);
                    String::new()
                }
            }
        }))
    }

    /// A list of texts that must be there, with at least one entry.
    pub fn strings(&self, name: &str) -> Vec<String> {
        if self.required(name).is_none() {
            return Vec::new();
        }
        let found = self.opt_strings(name);
        self.check_length(name, found.as_ref().map(Vec::len));
        found.unwrap_or_default()
    }

    /// A list of objects; `None` when absent or null.
    pub fn opt_shapes<T>(&self, name: &str, reader: impl Fn(&Shape<'_>) -> T) -> Option<Vec<T>> {
        let value = self.given(name)?;
        let read = self.list(name, value, |index, entry| match entry {
            Value::Object(fields) => Some(reader(&self.below(&[json!(name), json!(index)], fields, entry))),
            other => {
                let text = "Input should be a valid dictionary or object to extract fields from";
                let inside = self.below(&[json!(name)], self.fields, self.whole);
                inside.note_at(json!(index), "model_attributes_type", text, other, None);
                None
            }
        });
        Some(read.into_iter().flatten().collect())
    }

    /// A list of objects that must be there, with at least one entry.
    pub fn shapes<T>(&self, name: &str, reader: impl Fn(&Shape<'_>) -> T) -> Vec<T> {
        let Some(value) = self.required(name) else { return Vec::new() };
        let found = self.opt_shapes(name, reader);
        self.check_length(name, value.as_array().map(Vec::len));
        found.unwrap_or_default()
    }

    /// A value of another crate's type, read by serde.
    pub fn opt_value<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = self.given(name)?;
        match serde_json::from_value(value.clone()) {
            Ok(read) => Some(read),
            Err(error) => {
                let (msg, ctx) = (format!("Value error, {error}"), json!({ "error": error.to_string() }));
                self.note_at(json!(name), "value_error", &msg, value, Some(ctx));
                None
            }
        }
    }

    fn check_length(&self, name: &str, length: Option<usize>) {
        match (length, self.fields.get(name)) {
            (Some(0), Some(value)) => {
                let text = "List should have at least 1 item after validation, not 0";
                let ctx = json!({ "field_type": "List", "min_length": 1, "actual_length": 0 });
                self.note_at(json!(name), "too_short", text, value, Some(ctx));
            }
            (None, Some(Value::Null)) => self.note(name, "list_type", "Input should be a valid list", &Value::Null),
            _ => {}
        }
    }

    fn note_at(&self, place: Value, kind: &str, msg: &str, input: &Value, ctx: Option<Value>) {
        let mut loc = self.loc.clone();
        loc.push(place);
        self.mistakes.borrow_mut().push(entry(kind, &loc, msg, input, ctx));
    }

    fn below<'b>(&self, places: &[Value], fields: &'b Map<String, Value>, whole: &'b Value) -> Shape<'b> {
        let loc = self.loc.iter().chain(places).cloned().collect();
        Shape { fields, whole, loc, mistakes: self.mistakes.clone() }
    }
}

fn lax_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Why a value does not do.
struct Mistake {
    kind: &'static str,
    msg: String,
    ctx: Option<Value>,
}

fn bounded(number: Option<i64>, min: i64, max: i64) -> Result<i64, Mistake> {
    let (kind, msg, ctx) = match number {
        Some(number) if number < min => (
            "greater_than_equal",
            format!("Input should be greater than or equal to {min}"),
            Some(json!({ "ge": min })),
        ),
        Some(number) if number > max => {
            ("less_than_equal", format!("Input should be less than or equal to {max}"), Some(json!({ "le": max })))
        }
        Some(number) => return Ok(number),
        None => {
            ("int_parsing", "Input should be a valid integer, unable to parse string as an integer".to_owned(), None)
        }
    };
    Err(Mistake { kind, msg, ctx })
}

/// `'a', 'b' or 'c'`
fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The query part of a URL while it is read.
#[derive(Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    mistakes: Vec<Value>,
}

impl Query {
    /// Takes the query apart; the last of equal names counts.
    pub fn of(text: Option<&str>) -> Self {
        let decode = |part: &str| {
            let spaced = part.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self { pairs: pairs.collect(), mistakes: Vec::new() }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A text that must be there.
    pub fn required(&mut self, name: &str) -> String {
        let found = self.text(name).map(ToOwned::to_owned);
        found.unwrap_or_else(|| {
            self.mistakes.push(entry("missing", &[json!("query"), json!(name)], "Field required", &Value::Null, None));
            String::new()
        })
    }

    /// Every text of a name that may be repeated.
    pub fn every<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number within bounds.
    pub fn int(&mut self, name: &str, default: i64, (min, max): (i64, i64)) -> i64 {
        let Some(text) = self.text(name).map(ToOwned::to_owned) else { return default };
        match bounded(text.trim().parse().ok(), min, max) {
            Ok(number) => number,
            Err(Mistake { kind, msg, ctx }) => {
                self.note(name, kind, &msg, &text, ctx);
                default
            }
        }
    }

    /// A truth value.
    pub fn flag(&mut self, name: &str, default: bool) -> bool {
        let Some(text) = self.text(name).map(ToOwned::to_owned) else { return default };
        lax_bool(&text).unwrap_or_else(|| {
            let msg = "Input should be a valid boolean, unable to interpret input";
            self.note(name, "bool_parsing", msg, &text, None);
            default
        })
    }

    /// A moment, RFC 3339.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?.to_owned();
        let read = Timestamp::parse(&text);
        if read.is_none() {
            self.note(name, "datetime_parsing", "Input should be a valid datetime", &text, None);
        }
        read
    }

    /// One of some words.
    pub fn choice<'w>(&mut self, name: &str, words: &[&'w str], default: &'w str) -> &'w str {
        let Some(text) = self.text(name).map(ToOwned::to_owned) else { return default };
        words.iter().find(|word| **word == text).copied().unwrap_or_else(|| {
            let expected = alternatives(words);
            let msg = format!("Input should be {expected}");
            self.note(name, "literal_error", &msg, &text, Some(json!({ "expected": expected })));
            default
        })
    }

    /// A value of another crate's type, written as JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?.to_owned();
        let read = serde_json::from_str(&text).map_err(|error| {
            let kind = if error.is_data() { "value_error" } else { "json_invalid" };
            let ctx = json!({ "error": error.to_string() });
            self.note(name, kind, &format!("Value error, {error}"), &text, Some(ctx));
        });
        read.ok()
    }

    /// Texts: a JSON list of them, or parted by commas.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let text = self.text(name)?;
        if text.trim_start().starts_with('[') {
            return self.json(name);
        }
        Some(text.split(',').map(|part| part.trim().to_owned()).collect())
    }

    fn note(&mut self, name: &str, kind: &str, msg: &str, input: &str, ctx: Option<Value>) {
        self.mistakes.push(entry(kind, &[json!("query"), json!(name)], msg, &json!(input), ctx));
    }

    /// Fails with all mistakes found.
    pub fn finish(self) -> Result<(), Problem> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(wrong("http.invalid_query", self.mistakes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(result: Result<impl std::fmt::Debug, Problem>) -> Vec<(String, Value)> {
        let details = result.unwrap_err().details.unwrap();
        let list = details["detail"].as_array().unwrap().clone();
        list.into_iter().map(|one| (one["type"].as_str().unwrap().to_owned(), one["loc"].clone())).collect()
    }

    #[test]
    fn scalars_are_read_leniently() {
        let body = br#"{"n": "5", "b": "yes", "c": 0, "s": "x", "extra": [], "none": null}"#;
        let read = read(body, |shape| {
            (
                shape.opt_int("n", 1, 10),
                shape.opt_bool("b"),
                shape.opt_bool("c"),
                shape.string("s"),
                shape.opt_string("none"),
            )
        });
        assert_eq!(read.unwrap(), (Some(5), Some(true), Some(false), "x".to_owned(), None));
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        let body = br#"{"n": 0, "columns": [{"name": 5}, "x"], "key": [1]}"#;
        let found = mistakes(read(body, |shape| {
            shape.string("id");
            shape.opt_int("n", 1, 10);
            shape.shapes("columns", |column| column.string("name"));
            shape.opt_strings("key");
        }));
        let expected = [
            ("missing", json!(["body", "id"])),
            ("greater_than_equal", json!(["body", "n"])),
            ("string_type", json!(["body", "columns", 0, "name"])),
            ("model_attributes_type", json!(["body", "columns", 1])),
            ("string_type", json!(["body", "key", 0])),
        ];
        assert_eq!(found, expected.map(|(kind, loc)| (kind.to_owned(), loc)));
        let found = mistakes(read(br#"{"columns": []}"#, |shape| shape.strings("columns")));
        assert_eq!(found, [("too_short".to_owned(), json!(["body", "columns"]))]);
    }

    #[test]
    fn what_is_no_object_is_said_at_once() {
        assert_eq!(mistakes(read(b" ", |_| ())), [("missing".to_owned(), json!(["body"]))]);
        assert_eq!(mistakes(read(b"[]", |_| ())), [("model_attributes_type".to_owned(), json!(["body"]))]);
        assert_eq!(read(b"{", |_| ()).unwrap_err().code, "http.malformed_body");
    }

    #[test]
    fn queries_are_read_the_same_way() {
        let mut query = Query::of(Some("limit=2000&offset=x&cascade=no&name=a%20b+c"));
        assert_eq!((query.int("limit", 100, (1, 1000)), query.int("offset", 0, (0, 9))), (100, 0));
        assert!(!query.flag("cascade", true));
        assert_eq!(query.text("name"), Some("a b c"));
        let found = mistakes(query.finish());
        let expected = [("less_than_equal", json!(["query", "limit"])), ("int_parsing", json!(["query", "offset"]))];
        assert_eq!(found, expected.map(|(kind, loc)| (kind.to_owned(), loc)));
    }

    #[test]
    fn lists_and_values_may_stand_in_a_query() {
        let mut query = Query::of(Some("a=x,%20y&b=%5B%22p,q%22%5D&c=%7B%7D&d=1&format=xml"));
        assert_eq!(query.texts("a"), Some(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(query.texts("b"), Some(vec!["p,q".to_owned()]));
        assert_eq!(query.texts("none"), None);
        assert_eq!((query.json::<Vec<u8>>("c"), query.json::<u8>("d")), (None, Some(1)));
        assert_eq!(query.choice("format", &["json", "rfc"], "json"), "json");
        let details = query.finish().unwrap_err().details.unwrap();
        let found = |index: usize, part: &str| details["detail"][index][part].clone();
        assert_eq!((found(0, "type"), found(1, "type")), (json!("value_error"), json!("literal_error")));
        assert_eq!(found(1, "ctx"), json!({ "expected": "'json' or 'rfc'" }));
    }

    #[test]
    fn the_values_of_a_message_stand_beside_it() {
        let refused = read(br#"{"n": 0, "columns": []}"#, |shape| {
            shape.opt_int("n", 1, 10);
            shape.strings("columns");
        });
        let details = refused.unwrap_err().details.unwrap();
        assert_eq!(details["detail"][0]["ctx"], json!({ "ge": 1 }));
        assert_eq!(details["detail"][1]["ctx"]["min_length"], 1);
    }
}
