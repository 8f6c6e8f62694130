//! Patterns: `LIKE`, which has no escape character unless one is named, and regular expressions, which are found anywhere.

use std::collections::HashMap;

use arrow::array::{ArrayRef, BooleanArray, StringArray};
use regex::{Regex, RegexBuilder};

use super::super::support::{Kind, fixed, strict};
use super::super::{Call, Function, Outcome, failure};

/// Bytes that one compiled pattern may have.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// How many compiled patterns a call keeps.
const PATTERNS_KEPT_MAX: usize = 64;

pub(in super::super) const FUNCTIONS: [Function; 4] = [
    Function::new("__like", |args| fixed(args, &[Kind::Text], 2, 3, Kind::Boolean), |call| like(call, false)),
    Function::new("__ilike", |args| fixed(args, &[Kind::Text], 2, 3, Kind::Boolean), |call| like(call, true)),
    Function::new("rlike", |args| fixed(args, &[Kind::Text], 2, 2, Kind::Boolean), rlike),
    Function::new("regexp_replace", |args| fixed(args, &[Kind::Text], 2, 3, Kind::Text), regexp_replace),
];

/// Compiled patterns; most calls have one for all rows.
#[derive(Default)]
struct Patterns {
    known: HashMap<String, Regex>,
}

impl Patterns {
    fn get(&mut self, pattern: &str, ignores_case: bool) -> Outcome<&Regex> {
        if !self.known.contains_key(pattern) {
            if self.known.len() >= PATTERNS_KEPT_MAX {
                self.known.clear();
            }
            let compiled = RegexBuilder::new(pattern)
                .size_limit(PATTERN_BYTES_MAX)
                .case_insensitive(ignores_case)
                .build()
                .map_err(|error| failure!("'{pattern}' is not a pattern: {}", error.to_string().replace('\n', " ")))?;
            self.known.insert(pattern.to_owned(), compiled);
        }
        self.known.get(pattern).ok_or_else(|| failure!("'{pattern}' is not a pattern"))
    }
}

/// A pattern of `LIKE` as a regular expression.
fn like_regex(pattern: &str, escape: Option<char>) -> Outcome<String> {
    let mut regex = String::from("(?s)^");
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            letter if Some(letter) == escape => match letters.next() {
                Some(next) => regex.push_str(&regex::escape(next.encode_utf8(&mut [0; 4]))),
                None => return Err(failure!("the pattern '{pattern}' ends in its escape character")),
            },
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    regex.push('$');
    Ok(regex)
}

fn like(call: &Call<'_>, ignores_case: bool) -> Outcome<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    let mut compiled = Patterns::default();
    let mut matches = |text: &str, pattern: &str, escape: Option<char>| -> Outcome<bool> {
        Ok(compiled.get(&like_regex(pattern, escape)?, ignores_case)?.is_match(text))
    };
    if call.args.len() == 2 {
        return Ok(
            strict!(call.rows, BooleanArray; text in texts, pattern in patterns => Some(matches(text, pattern, None)?)),
        );
    }
    let escapes = call.texts(2)?;
    Ok(strict!(call.rows, BooleanArray; text in texts, pattern in patterns, escape in escapes => {
        let mut letters = escape.chars();
        let (Some(escape), None) = (letters.next(), letters.next()) else {
            return Err(failure!("'{escape}' is not an escape character"));
        };
        Some(matches(text, pattern, Some(escape))?)
    }))
}

fn rlike(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    let mut compiled = Patterns::default();
    Ok(strict!(call.rows, BooleanArray; text in texts, pattern in patterns => {
        Some(compiled.get(pattern, false)?.is_match(text))
    }))
}

fn regexp_replace(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, call.texts(1)?);
    let mut compiled = Patterns::default();
    if call.args.len() == 2 {
        return Ok(strict!(call.rows, StringArray; text in texts, pattern in patterns => {
            Some(compiled.get(pattern, false)?.replace_all(text, "").into_owned())
        }));
    }
    let news = call.texts(2)?;
    Ok(strict!(call.rows, StringArray; text in texts, pattern in patterns, new in news => {
        let found = compiled.get(pattern, false)?;
        let made = found.replace_all(text, new);
        if made.len() > super::TEXT_BYTES_MAX {
            return Err(failure!("a text of more than {} bytes would be made", super::TEXT_BYTES_MAX));
        }
        Some(made.into_owned())
    }))
}
