//! The mappings of types that are not derived.

mod bytes;
mod collections;
mod decimal;
mod maps;
mod other;
mod primitive;
mod time;
mod wide;

#[cfg(feature = "chrono")]
mod chrono;

pub use time::CalendarDuration;
