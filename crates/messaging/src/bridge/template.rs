//! Subjects and topics from a template with `{placeholders}`.

use std::fmt::Write as _;

use super::BridgeError;

/// What stands for a key that is not there.
const NO_KEY: &str = "-";

/// A template, taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(String),
}

impl Template {
    /// Takes `text` apart; every placeholder must be one of `known`.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, BridgeError> {
        let wrong = |why: String| BridgeError::Settings(format!("the template {text}: {why}"));
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            let (name, behind) = after[1..].split_once('}').ok_or_else(|| wrong("a { without }".to_owned()))?;
            if !known.contains(&name) {
                return Err(wrong(format!("{{{name}}} is none of {}", known.join(", "))));
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Hole(name.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        if text.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text with each placeholder filled by `value`.
    pub fn fill(&self, mut value: impl FnMut(&str) -> String) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Hole(name) => value(name),
            })
            .collect()
    }
}

/// Bytes as one token of a subject: `[A-Za-z0-9_-]` as is, others percent-encoded.
pub fn token(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return NO_KEY.to_owned() };
    let mut token = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            token.push(char::from(*byte));
        } else {
            let _ = write!(token, "%{byte:02X}");
        }
    }
    token
}

/// The name of a topic in a subject: its dots part tokens where they can.
pub fn topic_tokens(topic: &str) -> String {
    topic.split('.').map(|part| token(Some(part.as_bytes()))).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_become_tokens() {
        let template = Template::parse("kafka.{topic}.{partition}.{key}", &["topic", "partition", "key"]).unwrap();
        let filled = template.fill(|name| match name {
            "topic" => topic_tokens("a.b c..d"),
            "partition" => "3".to_owned(),
            _ => token(Some(b"k.*>\xff")),
        });
        assert_eq!(filled, "kafka.a.b%20c.-.d.3.k%2E%2A%3E%FF");
        assert_eq!(token(None), "-");
        for wrong in ["", "a.{", "a.{nothing}"] {
            assert!(Template::parse(wrong, &["key"]).is_err(), "{wrong}");
        }
    }
}
