//! `kafka_input` and `kafka_output`: topics of a Kafka cluster that a user has, through librdkafka.

mod filter;
mod input;
mod merge;
mod options;
mod output;
mod settings;
#[cfg(test)]
mod tests;

pub use filter::{FILTER_DEPTH_MAX, HeaderFilter, HeaderMatch};
pub(crate) use input::KafkaInput;
pub(crate) use output::KafkaOutput;
pub use settings::{FaultTolerance, HeaderValue, InputConfig, KafkaHeader, OutputConfig, StartFrom};
