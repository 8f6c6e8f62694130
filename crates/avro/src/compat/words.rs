//! Findings in the words of registries.

use super::{DirectedIncompatibility, Direction, Incompatibility, Kind, Level, VersionFindings};

/// Most letters of an old schema's text that a message repeats.
pub const OLD_SCHEMA_CHARS_MAX: usize = 10_240;

impl DirectedIncompatibility {
    /// The finding as one message: `{errorType:'…', description:'…', additionalInfo:'…'}`.
    pub fn verbose(&self) -> String {
        format!(
            "{{errorType:'{}', description:'{}', additionalInfo:'{}'}}",
            self.incompatibility.kind,
            self.description(),
            self.incompatibility.info()
        )
    }

    /// A sentence with the place, and whether it is in the new or the old schema.
    pub fn description(&self) -> String {
        let Incompatibility { kind, pointer, message } = &self.incompatibility;
        let (reader, writer) = (self.direction.reader(), self.direction.writer());
        match kind {
            Kind::TypeMismatch => {
                format!(
                    "the type at {pointer} of the {reader} schema cannot read what the {writer} schema writes there"
                )
            }
            Kind::NameMismatch => {
                format!("the name at {pointer} of the {reader} schema does not match the one in the {writer} schema")
            }
            Kind::ReaderFieldMissingDefaultValue => format!(
                "field \"{message}\" at {pointer} of the {reader} schema has no default and is absent from the \
                 {writer} schema"
            ),
            Kind::MissingEnumSymbols => {
                format!(
                    "the enum at {pointer} of the {reader} schema lacks symbols of the {writer} schema and has no default"
                )
            }
            Kind::FixedSizeMismatch => {
                format!("the size at {pointer} of the {reader} schema is not the one in the {writer} schema")
            }
            Kind::MissingUnionBranch => {
                format!("the union at {pointer} of the {reader} schema lacks a type that the {writer} schema writes")
            }
            Kind::TooComplex => format!("the {reader} schema against the {writer} schema is too complex to be judged"),
        }
    }
}

impl Incompatibility {
    /// The short text with the names of types in upper case.
    pub fn info(&self) -> String {
        match (self.kind, self.message.split_once(" not compatible with writer type: ")) {
            (Kind::TypeMismatch, Some((reader, writer))) => {
                let reader = reader.trim_start_matches("reader type: ").to_ascii_uppercase();
                let writer = writer.to_ascii_uppercase();
                format!("reader type: {reader} not compatible with writer type: {writer}")
            }
            _ => self.message.clone(),
        }
    }
}

impl VersionFindings {
    /// The short texts of the findings.
    pub fn short_messages(&self) -> Vec<String> {
        self.findings.iter().map(|finding| finding.incompatibility.message.clone()).collect()
    }

    /// The findings as messages, then the version and the text of its schema, cut at [`OLD_SCHEMA_CHARS_MAX`] letters.
    pub fn verbose_messages(&self, old_text: &str) -> Vec<String> {
        let mut messages: Vec<String> = self.findings.iter().map(DirectedIncompatibility::verbose).collect();
        messages.push(format!("{{oldSchemaVersion: {}}}", self.version));
        let end = old_text.char_indices().nth(OLD_SCHEMA_CHARS_MAX).map_or(old_text.len(), |(at, _)| at);
        messages.push(format!("{{oldSchema: '{}'}}", &old_text[..end]));
        messages
    }
}

/// All messages of a check, newest version first, with the level at the end. `old_text` gives a version's text.
pub fn verbose_messages<'t>(
    found: &[VersionFindings],
    level: Level,
    mut old_text: impl FnMut(u32) -> &'t str,
) -> Vec<String> {
    let mut messages: Vec<String> =
        found.iter().flat_map(|version| version.verbose_messages(old_text(version.version))).collect();
    if !messages.is_empty() {
        messages.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
    }
    messages
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
