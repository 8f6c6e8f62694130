//! Types as text.

use alluvium_sql::NoType;
use alluvium_sql::types::Type;

/// A type as a program would write it.
#[must_use]
pub fn type_text(kind: &Type) -> String {
    kind.to_string()
}

/// Reads a type. Synonyms are read too: `STRING`, `NUMERIC`, `INT64`, `BYTEA`, `TINYINT UNSIGNED`.
pub fn parse_type(text: &str) -> Result<Type, NoType> {
    text.parse()
}
