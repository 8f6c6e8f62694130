//! The `connectors` property: a JSON list of what fills a table or takes a view's changes.

use serde_json::{Map, Value, json};

use crate::catalog::Connector;
use crate::message::{Message, error, warning};
use crate::position::{Position, SourceRange};
use crate::source::Source;
use crate::statement::Property;
use crate::types::Identifier;

/// How long the name of a connector may be.
pub const CONNECTOR_NAME_CHARS_MAX: usize = 100;
/// How many connectors a table or view may have.
pub const CONNECTORS_MAX: usize = 1000;

/// To which side of the program a connector belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
}

/// What may be named as a transport.
const TRANSPORTS: &[(&str, Direction)] = &[
    ("file_input", Direction::Input),
    ("nats_input", Direction::Input),
    ("kafka_input", Direction::Input),
    ("pub_sub_input", Direction::Input),
    ("url_input", Direction::Input),
    ("s3_input", Direction::Input),
    ("delta_table_input", Direction::Input),
    ("iceberg_input", Direction::Input),
    ("postgres_input", Direction::Input),
    ("postgres_cdc_input", Direction::Input),
    ("datagen", Direction::Input),
    ("nexmark", Direction::Input),
    ("http_input", Direction::Input),
    ("ad_hoc_input", Direction::Input),
    ("clock_input", Direction::Input),
    ("empty_input", Direction::Input),
    ("file_output", Direction::Output),
    ("nats_output", Direction::Output),
    ("kafka_output", Direction::Output),
    ("delta_table_output", Direction::Output),
    ("dynamodb_output", Direction::Output),
    ("redis_output", Direction::Output),
    ("postgres_output", Direction::Output),
    ("http_output", Direction::Output),
    ("null_output", Direction::Output),
];

/// Of what kind a common field is, and its value where it is not given.
enum Kind {
    Flag(bool),
    Count(u64),
    OptionalCount,
    OptionalText,
    Texts,
    OptionalTexts,
    OptionalObject,
    OptionalList,
}

const FIELDS: &[(&str, Kind)] = &[
    ("paused", Kind::Flag(false)),
    ("labels", Kind::Texts),
    ("start_after", Kind::OptionalTexts),
    ("max_queued_records", Kind::Count(1_000_000)),
    ("max_queued_bytes", Kind::OptionalCount),
    ("max_batch_size", Kind::OptionalCount),
    ("max_worker_batch_size", Kind::OptionalCount),
    ("send_snapshot", Kind::Flag(false)),
    ("soft_delete", Kind::Flag(false)),
    ("index", Kind::OptionalText),
    ("enable_output_buffer", Kind::Flag(false)),
    // There is no such time unless one is given.
    ("max_output_buffer_time_millis", Kind::Count(u64::MAX)),
    ("max_output_buffer_size_records", Kind::Count(10_000_000)),
    ("format", Kind::OptionalObject),
    ("preprocessor", Kind::OptionalList),
    ("postprocessor", Kind::OptionalList),
];

/// The connectors of a list, and what is said of them though they are good. `messages` gets the errors, too.
pub(crate) fn parse(
    relation: &Identifier,
    property: &Property,
    direction: Direction,
    source: &Source<'_>,
    messages: &mut Vec<Message>,
) -> Vec<Connector> {
    let list: Value = match serde_json::from_str(&property.value) {
        Ok(list) => list,
        Err(failure) => {
            let range = place(property, source, failure.line(), failure.column());
            let message = format!("the connectors of '{relation}' are no JSON: {failure}");
            messages.push(Message::error(error::CONNECTOR, range, message));
            return Vec::new();
        }
    };
    let Value::Array(list) = list else {
        let message = format!("the connectors of '{relation}' are no JSON list");
        messages.push(Message::error(error::CONNECTOR, property.value_range, message));
        return Vec::new();
    };
    if list.len() > CONNECTORS_MAX {
        let message = format!("'{relation}' has {} connectors; at most {CONNECTORS_MAX} are allowed", list.len());
        messages.push(Message::error(error::CONNECTOR, property.value_range, message));
        return Vec::new();
    }
    let mut connectors: Vec<Connector> = Vec::new();
    for (at, described) in list.into_iter().enumerate() {
        match connector(relation, described, at, direction, property.value_range, messages) {
            Ok(connector) if connectors.iter().any(|other| other.name == connector.name) => {
                let message = format!("'{relation}' has two connectors of the name '{}'", connector.name);
                messages.push(Message::error(error::CONNECTOR, property.value_range, message));
            }
            Ok(connector) => connectors.push(connector),
            Err(reason) => {
                let message = format!("connector {at} of '{relation}': {reason}");
                messages.push(Message::error(error::CONNECTOR, property.value_range, message));
            }
        }
    }
    connectors
}

fn connector(
    relation: &Identifier,
    described: Value,
    at: usize,
    direction: Direction,
    range: SourceRange,
    messages: &mut Vec<Message>,
) -> Result<Connector, String> {
    let Value::Object(mut config) = described else {
        return Err("it is no JSON object".to_owned());
    };
    let name = match config.remove("name") {
        None | Some(Value::Null) => {
            let name = format!("unnamed-{at}");
            let message = format!("connector {at} of '{relation}' has no name; it is called '{name}'");
            messages.push(Message::warning(warning::UNNAMED_CONNECTOR, range, message));
            name
        }
        Some(Value::String(name)) => checked_name(name)?,
        Some(other) => return Err(format!("its name is {other} and no text")),
    };
    let transport = transport(&config, direction)?;
    for (field, kind) in FIELDS {
        let value = config.remove(*field).unwrap_or(Value::Null);
        config.insert((*field).to_owned(), completed(field, kind, value)?);
    }
    if config["format"].as_object().is_some_and(|format| !format.get("name").is_some_and(Value::is_string)) {
        return Err("its format has no name".to_owned());
    }
    config.insert("stream".to_owned(), Value::String(relation.name.clone()));
    Ok(Connector { relation: relation.clone(), name, transport, config, range })
}

fn checked_name(name: String) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > CONNECTOR_NAME_CHARS_MAX || !name.bytes().all(is_good) {
        return Err(format!(
            "its name is {name:?}; a name has 1 to {CONNECTOR_NAME_CHARS_MAX} letters, digits, `_` and `-`"
        ));
    }
    Ok(name)
}

fn transport(config: &Map<String, Value>, direction: Direction) -> Result<String, String> {
    let Some(name) = config.get("transport").and_then(|transport| transport.get("name")).and_then(Value::as_str) else {
        return Err("it has no transport with a name".to_owned());
    };
    let transport = config.get("transport").and_then(|transport| transport.get("config"));
    if transport.is_some_and(|config| !(config.is_object() || config.is_null())) {
        return Err(format!("the configuration of its transport '{name}' is no JSON object"));
    }
    let Some((_, found)) = TRANSPORTS.iter().find(|(known, _)| *known == name) else {
        return Err(format!("there is no transport '{name}'"));
    };
    match (direction, *found) {
        (Direction::Input, Direction::Output) => Err(format!("'{name}' takes data out of views and fills no table")),
        (Direction::Output, Direction::Input) => Err(format!("'{name}' fills tables and takes no data out of views")),
        _ => Ok(name.to_owned()),
    }
}

/// The value of a common field, or its default.
fn completed(field: &str, kind: &Kind, value: Value) -> Result<Value, String> {
    let is_texts = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
    let (is_good, wanted) = match kind {
        Kind::Flag(default) if value.is_null() => return Ok(json!(default)),
        Kind::Count(default) if value.is_null() => return Ok(json!(default)),
        Kind::Texts if value.is_null() => return Ok(json!([])),
        _ if value.is_null() => return Ok(value),
        Kind::OptionalTexts if value.is_string() => return Ok(json!([value])),
        Kind::Flag(_) => (value.is_boolean(), "true or false"),
        Kind::Count(_) | Kind::OptionalCount => (value.is_u64(), "a whole number"),
        Kind::OptionalText => (value.is_string(), "a text"),
        Kind::Texts | Kind::OptionalTexts => (is_texts(&value), "a list of texts"),
        Kind::OptionalObject => (value.is_object(), "an object"),
        Kind::OptionalList => (value.is_array(), "a list"),
    };
    if is_good { Ok(value) } else { Err(format!("`{field}` is {value} and not {wanted}")) }
}

/// Where in the program the place of a property's value is, lines and columns from 1.
fn place(property: &Property, source: &Source<'_>, line: usize, column: usize) -> SourceRange {
    let written = source.slice(property.value_range);
    // Only a plain literal has its characters where the value has them.
    let is_plain = written.len() == property.value.len() + 2 && written.starts_with('\'');
    let (Ok(line), Ok(column)) = (u32::try_from(line), u32::try_from(column)) else {
        return property.value_range;
    };
    if !is_plain || line == 0 {
        return property.value_range;
    }
    let start = property.value_range.start;
    let bytes = written.lines().nth(line as usize - 1).unwrap_or("");
    // JSON counts bytes, from the quote in the first line.
    let before = bytes.get(..(column as usize + usize::from(line == 1)).saturating_sub(1));
    let characters = before.map_or(1, |before| before.chars().count() + 1);
    let characters = u32::try_from(characters).unwrap_or(1);
    let column = if line == 1 { start.column + characters - 1 } else { characters };
    let position = Position { line: start.line + line - 1, column };
    SourceRange { start: position, end: position }
}

#[cfg(test)]
#[path = "connectors_tests.rs"]
mod tests;
