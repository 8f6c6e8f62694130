//! CSV that comes in.

mod fields;
mod parse;

pub(crate) use parse::CsvParser;

#[cfg(test)]
mod tests;
