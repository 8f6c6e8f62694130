//! The table that an input fills.

use alluvium_sql::types::{ColumnType, Field, Identifier};
use arrow::datatypes::SchemaRef;

/// A table as inputs see it.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Field>,
    /// The columns in memory, in the same order.
    pub schema: SchemaRef,
}

impl Table {
    /// The place of the column that a member of a configuration means: unquoted names in any case, quoted ones
    /// exactly, with or without their quotes.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        position(&self.columns, name)
    }
}

/// The place of the field of that name.
pub(crate) fn position(fields: &[Field], name: &str) -> Option<usize> {
    let bare = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let means = |identifier: &Identifier| match bare {
        Some(bare) => identifier.name == bare,
        None if identifier.is_case_sensitive => identifier.name == name,
        None => identifier.name == name.to_lowercase(),
    };
    fields.iter().position(|field| means(&field.name))
}

/// A column that is not quoted.
#[must_use]
pub fn column(name: &str, column_type: ColumnType) -> Field {
    Field { name: Identifier::folded(name), column_type }
}
