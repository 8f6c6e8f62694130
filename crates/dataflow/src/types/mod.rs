//! What a type of a program is next to other types.

mod common;
mod text;

pub use alluvium_formats::types::{TYPE_KEY, UnknownType, column_type, data_type, field, parse_type, type_text};
pub(crate) use common::{
    common_type, comparable_type, decimal_of, decimal_product, decimal_quotient, decimal_sum, numeric_common,
};
pub(crate) use text::units_of;
