//! Reading bodies and queries the way clients of the surface are used to: unknown fields are ignored, a number may come as
//! text, and everything wrong is reported at once, each with its place.

use std::cell::RefCell;
use std::rc::Rc;

use alluvium_kernel::Problem;
use serde_json::{Map, Value, json};

use super::mistake::{bounded, camel_case, entry, lax_bool, wrong};

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

impl<'a> Shape<'a> {
    fn note(&self, name: &str, kind: &str, msg: &str, input: &Value) {
        self.note_at(json!(name), kind, msg, input, None);
    }

    /// A field in either spelling: that of the surface, or in camel case as Keboola's own clients write it.
    fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).or_else(|| self.fields.get(&camel_case(name)))
    }

    fn given(&self, name: &str) -> Option<&'a Value> {
        self.field(name).filter(|value| !value.is_null())
    }

    fn required(&self, name: &str) -> Option<&'a Value> {
        let found = self.field(name);
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
        self.field(name).is_some()
    }

    /// Whether a field says something; null says nothing.
    pub fn says(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// The names of all fields.
    pub fn every_name(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.fields.keys().map(String::as_str)
    }

    /// Refuses every field but these.
    pub fn only(&self, known: &[&str]) {
        for (name, value) in self.fields.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            self.note(name, "extra_forbidden", "Extra inputs are not permitted", value);
        }
    }

    /// Whether a list was given.
    pub fn is_list(&self, name: &str) -> bool {
        matches!(self.field(name), Some(Value::Array(_)))
    }

    /// Whether a list was given whose first entry is a text.
    pub fn lists_texts(&self, name: &str) -> bool {
        self.field(name).and_then(|list| list.get(0)).is_some_and(Value::is_string)
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

    /// A list of texts that must be there, though it may be empty.
    pub fn named_strings(&self, name: &str) -> Vec<String> {
        if let Some(Value::Null) = self.required(name) {
            self.note(name, "list_type", "Input should be a valid list", &Value::Null);
        }
        self.opt_strings(name).unwrap_or_default()
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

    /// A value that `read` understands; another one is this mistake.
    pub fn opt_read<T>(
        &self,
        name: &str,
        kind: &'static str,
        msg: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.given(name)?;
        let found = read(value);
        if found.is_none() {
            self.note(name, kind, msg, value);
        }
        found
    }

    /// The same of one that must be there.
    pub fn read<T>(&self, name: &str, kind: &'static str, msg: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.required(name)?;
        let found = read(value);
        if found.is_none() {
            self.note(name, kind, msg, value);
        }
        found
    }

    fn check_length(&self, name: &str, length: Option<usize>) {
        match (length, self.field(name)) {
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
    fn camel_case_means_the_same() {
        let body = br#"{"fileId": "f", "whereFilters": [], "allow_truncate": true, "allowTruncate": false}"#;
        let read = read(body, |shape| {
            (shape.string("file_id"), shape.names("where_filters"), shape.opt_bool("allow_truncate"))
        });
        assert_eq!(read.unwrap(), ("f".to_owned(), true, Some(true)), "our own spelling counts first");
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
