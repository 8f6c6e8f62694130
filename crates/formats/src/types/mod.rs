//! What a type of a program is in memory, and as text.

mod arrow_types;
mod maps;
mod text;

pub use arrow_types::{TYPE_KEY, UnknownType, column_type, data_type, field};
pub use maps::{recast, with_arrow_maps};
pub use text::{parse_type, type_text};
