//! The schema-first messaging kit: contracts generated from Avro schemas, and JetStream done right.
//!
//! It knows nothing of Alluvium's contexts. A message type is generated from its `.avsc` and can do this:
//!
//! ```
//! use alluvium_messaging::{Commit, Contract};
//! let commit = Commit { entries: vec![] };
//! assert_eq!(Commit::from_avro(&commit.to_avro()).unwrap(), commit);
//! ```

// Types of this crate's tests derive, too.
#[cfg(test)]
extern crate self as alluvium_messaging;

pub mod batch;
mod commit;
#[cfg(doctest)]
mod compile_errors;
pub mod connect;
mod contract;
mod count;
pub mod direct;
mod error;
mod floor;
pub mod generate;
pub mod headers;
mod message;
pub mod model;
pub mod profile;
mod pull;
#[cfg(feature = "registry")]
pub mod registry;
pub mod schema;
pub mod snapshot;
pub mod streams;
mod tail;
pub mod transport;
pub mod validate;
pub mod wire;

pub use alluvium_messaging_derive::{AvroType, Message};
pub use commit::{Commit, Entry};
pub use contract::{Codec, CodecError, Contract, ContractSet, commit_to_avro};
pub use count::count_up_to;
pub use error::{Error, ErrorKind};
pub use floor::Floor;
pub use headers::Headers;
pub use message::{LogMessage, chain_after};
pub use model::derive as __derive;
pub use model::{AvroType, Message, MessageMeta, MessageSchema, Vars, avro_as, export_models, models};
pub use pull::{PullSettings, Puller};
pub use tail::{FILTERS_MAX, Place, Tail, TailConfig, TailHealth, Tailed, place, stream_created};
pub use wire::frame::SINGLE_OBJECT_MAGIC;
pub use wire::{CodecConfig, Codecs, DecodeError, DynMessage, EncodeError, Encoded, Payload, ReadWire, Register, Wire};
