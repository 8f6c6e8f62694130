//! What is wrong with a body or a query, as the surface words it, and how leniently single values are read.

use alluvium_kernel::Problem;
use serde_json::{Value, json};

pub(super) fn wrong(code: &str, mistakes: Vec<Value>) -> Problem {
    Problem::new(code, 422, "The request does not have the shape it should have.")
        .with_details(json!({ "detail": mistakes }))
}

/// One mistake; `ctx` holds the values that its message has.
pub(super) fn entry(kind: &str, loc: &[Value], msg: &str, input: &Value, ctx: Option<Value>) -> Value {
    let mut entry = json!({ "type": kind, "loc": loc, "msg": msg, "input": input });
    if let Some(ctx) = ctx {
        entry["ctx"] = ctx;
    }
    entry
}

/// `file_id` as `fileId`.
pub(super) fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters);
    }
    camel
}

pub(super) fn lax_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Why a value does not do.
pub(super) struct Mistake {
    pub kind: &'static str,
    pub msg: String,
    pub ctx: Option<Value>,
}

pub(super) fn bounded(number: Option<i64>, min: i64, max: i64) -> Result<i64, Mistake> {
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
pub(super) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
