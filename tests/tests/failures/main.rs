//! The failure table of the platform: each line breaks the real thing under the real binary, and holds what is promised.
//! `docs/operations.md` lists these tests by name.

mod clock;
mod disk;
mod files;
mod long;
mod nats;
mod poison;
mod postgres;
mod streams;
mod support;
