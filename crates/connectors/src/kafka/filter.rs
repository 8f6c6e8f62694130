//! Which messages are read, by their headers.

use regex::bytes::Regex;
use serde::Deserialize;

/// How deep a filter may be nested.
pub const FILTER_DEPTH_MAX: usize = 64;

/// A filter as it is configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderFilter {
    /// A header has a value of a pattern.
    Header(HeaderMatch),
    /// All of them.
    And(Vec<HeaderFilter>),
    /// One of them.
    Or(Vec<HeaderFilter>),
    /// Not that one.
    Not(Box<HeaderFilter>),
}

/// A header, and a regular expression for all of its value.
#[derive(Clone, Debug, Deserialize)]
pub struct HeaderMatch {
    /// The header.
    pub name: String,
    /// The expression.
    pub pattern: String,
}

/// A filter whose expressions are made.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    Header(String, Regex),
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
}

impl HeaderFilter {
    /// Makes the expressions.
    ///
    /// # Errors
    ///
    /// One is none; it is nested too deeply; an `and` or `or` of nothing.
    pub(super) fn compile(&self) -> Result<Filter, String> {
        self.at(1)
    }

    fn at(&self, depth: usize) -> Result<Filter, String> {
        if depth > FILTER_DEPTH_MAX {
            return Err(format!("it is nested more than {FILTER_DEPTH_MAX} deep"));
        }
        let all = |filters: &[Self]| match filters {
            [] => Err("an `and` or `or` has nothing to look at".to_owned()),
            filters => filters.iter().map(|filter| filter.at(depth + 1)).collect::<Result<Vec<_>, _>>(),
        };
        Ok(match self {
            Self::Header(HeaderMatch { name, pattern }) => {
                let whole = Regex::new(&format!(r"\A(?:{pattern})\z"));
                let whole = whole.map_err(|error| format!("the pattern of the header {name:?}: {error}"))?;
                Filter::Header(name.clone(), whole)
            }
            Self::And(filters) => Filter::And(all(filters)?),
            Self::Or(filters) => Filter::Or(all(filters)?),
            Self::Not(filter) => Filter::Not(Box::new(filter.at(depth + 1)?)),
        })
    }
}

impl Filter {
    /// Whether a message with these headers is read. A header of a name may come several times: one value is enough.
    pub fn takes(&self, headers: &[(&str, &[u8])]) -> bool {
        match self {
            Self::Header(name, pattern) => {
                headers.iter().any(|(header, value)| header == name && pattern.is_match(value))
            }
            Self::And(filters) => filters.iter().all(|filter| filter.takes(headers)),
            Self::Or(filters) => filters.iter().any(|filter| filter.takes(headers)),
            Self::Not(filter) => !filter.takes(headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn compile(filter: Value) -> Result<Filter, String> {
        serde_json::from_value::<HeaderFilter>(filter).map_err(|error| error.to_string())?.compile()
    }

    #[test]
    fn messages_are_taken_by_their_headers() {
        let headers: &[(&str, &[u8])] =
            &[("kind", b"created"), ("kind", b"\xff\n"), ("source", b"test-1"), ("none", b"")];
        let is = |name: &str, pattern: &str| json!({"header": {"name": name, "pattern": pattern}});
        for (filter, takes) in [
            (is("kind", "created|updated"), true),
            (is("kind", "creat"), false),
            (is("kind", r"(?s-u:\xff.)"), true),
            (is("Kind", "created"), false),
            (is("none", ""), true),
            (is("absent", ".*"), false),
            (json!({"and": [is("kind", "created"), {"not": is("source", "test-.*")}]}), false),
            (json!({"or": [is("kind", "x"), is("source", "test-.*")]}), true),
        ] {
            assert_eq!(compile(filter.clone()).unwrap().takes(headers), takes, "{filter}");
        }
    }

    #[test]
    fn filters_that_are_none_are_refused() {
        let mut deep = json!({"header": {"name": "a", "pattern": "b"}});
        for _ in 1..FILTER_DEPTH_MAX {
            deep = json!({"not": deep});
        }
        assert!(compile(deep.clone()).is_ok());
        for wrong in [
            json!({"not": deep}),
            json!({"and": []}),
            json!({"header": {"name": "a", "pattern": "("}}),
            json!({"xor": []}),
        ] {
            assert!(compile(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
