//! The schema registry's settings.

use serde::{Deserialize, Serialize};

/// The port of the registry's own listener, unless told.
pub const REGISTRY_PORT: u16 = 8081;

/// The schema registry.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// `host:port` of its own listener, or `off`; port 8081 of `host` when not set, if nobody has it.
    pub listen: Option<String>,
    /// Whom that listener is like where the known servers differ.
    pub dialect: Dialect,
    /// The error code of an incompatible schema there: 409 or 40901.
    pub incompatible_code: u32,
    /// Which text answers have there.
    pub schema_text: SchemaText,
    /// Further listeners.
    pub listeners: Vec<Listener>,
    /// The compatibility level where no scope sets one.
    pub default_level: String,
    /// Whether modes may be set.
    pub mode_changes: bool,
    /// Whether everybody may do everything in it without a key.
    pub open: bool,
}

/// A further listener: a table, or `host:port dialect code` in one text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Listener {
    /// `host:port`
    pub listen: String,
    /// Whom it is like.
    pub dialect: Dialect,
    /// The error code of an incompatible schema.
    pub incompatible_code: u32,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Table {
        listen: String,
        #[serde(default)]
        dialect: Dialect,
        #[serde(default = "plain_conflict")]
        incompatible_code: u32,
    },
}

fn plain_conflict() -> u32 {
    409
}

impl From<Written> for Listener {
    fn from(written: Written) -> Self {
        match written {
            Written::Table { listen, dialect, incompatible_code } => Self { listen, dialect, incompatible_code },
            Written::Text(text) => {
                let mut parts = text.split_whitespace();
                let listen = parts.next().unwrap_or_default().to_owned();
                let rest: Vec<&str> = parts.collect();
                let dialect = if rest.contains(&"karapace") { Dialect::Karapace } else { Dialect::Confluent };
                let code = rest.iter().find_map(|part| part.parse().ok());
                Self { listen, dialect, incompatible_code: code.unwrap_or_else(plain_conflict) }
            }
        }
    }
}

/// One of the known servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Confluent's.
    #[default]
    Confluent,
    /// Karapace.
    Karapace,
}

/// Which text answers have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaText {
    /// As it was submitted, without insignificant whitespace.
    #[default]
    Submitted,
    /// As Avro's Java library writes it.
    Java,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            listen: None,
            dialect: Dialect::default(),
            incompatible_code: plain_conflict(),
            schema_text: SchemaText::default(),
            listeners: Vec::new(),
            default_level: "BACKWARD".to_owned(),
            mode_changes: true,
            open: false,
        }
    }
}
