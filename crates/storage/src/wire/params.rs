//! The query part of a URL, read as leniently as bodies.

use alluvium_kernel::{Problem, Timestamp};
use serde_json::{Value, json};

use super::mistake::{Mistake, alternatives, bounded, camel_case, entry, lax_bool, wrong};

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
        let camel = camel_case(name);
        let known = |pair: &&(String, String)| pair.0 == name || pair.0 == camel;
        self.pairs.iter().rev().find(known).map(|(_, value)| value.as_str())
    }

    /// A text that is looked for in Postgres. No text there has a NUL, and none may be asked for: it becomes a sign that is in no name.
    pub fn sought(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.replace('\0', "\u{fffd}"))
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

    /// A text that `read` understands; another one is this mistake.
    pub fn read<T>(&mut self, name: &str, kind: &str, msg: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?.to_owned();
        let found = read(&text);
        if found.is_none() {
            self.note(name, kind, msg, &text, None);
        }
        found
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
    fn queries_are_read_the_same_way() {
        let mut query = Query::of(Some("limit=2000&offset=x&cascade=no&name=a%20b+c"));
        assert_eq!((query.int("limit", 100, (1, 1000)), query.int("offset", 0, (0, 9))), (100, 0));
        assert!(!query.flag("cascade", true));
        assert_eq!(query.text("name"), Some("a b c"));
        assert_eq!(Query::of(Some("name=a%00")).sought("name").as_deref(), Some("a\u{fffd}"));
        let found = mistakes(query.finish());
        let expected = [("less_than_equal", json!(["query", "limit"])), ("int_parsing", json!(["query", "offset"]))];
        assert_eq!(found, expected.map(|(kind, loc)| (kind.to_owned(), loc)));
    }

    #[test]
    fn camel_case_means_the_same() {
        assert_eq!(Query::of(Some("orderBy=a")).text("order_by"), Some("a"));
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
}
