//! Values as text, both ways.

pub(crate) mod bytes;
pub(crate) mod calendar;
pub(crate) mod decimal;
pub(crate) mod float;
pub(crate) mod json_text;
pub(crate) mod uuid;
