//! The tables of the platform: one DuckDB file each, and everything that may be said to them.
pub mod column;
pub mod quote;
