//! A running process: the roles, laid together.

pub mod nats;
