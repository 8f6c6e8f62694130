//! The schema-first messaging kit: contracts generated from Avro schemas, and JetStream done right.
//!
//! It knows nothing of Alluvium's contexts. A message type is generated from its `.avsc` and can do this:
//!
//! ```
//! use alluvium_messaging::{Commit, Contract};
//! let commit = Commit { entries: vec![] };
//! assert_eq!(Commit::from_avro(&commit.to_avro()).unwrap(), commit);
//! ```

// Types of this crate derive, too.
#[cfg(any(test, feature = "bench", feature = "testing"))]
extern crate self as alluvium_messaging;

pub mod asyncapi;
pub mod batch;
#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "blocking")]
pub mod blocking;
pub mod bridge;
pub mod bus;
mod commit;
#[cfg(doctest)]
mod compile_errors;
pub mod connect;
pub mod consume;
mod contract;
mod count;
pub mod dead_letter;
pub mod direct;
mod error;
mod floor;
pub mod generate;
pub mod headers;
mod ids;
#[cfg(feature = "postgres")]
pub mod inbox;
mod message;
pub mod model;
#[cfg(feature = "postgres")]
pub mod outbox;
pub mod profile;
mod pull;
#[cfg(feature = "registry")]
pub mod registry;
pub mod schema;
pub mod snapshot;
pub mod streams;
mod tail;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;
pub mod validate;
pub mod wire;

pub use alluvium_kernel::sealed::{Sealable, SealedBy, SealedField};
pub use alluvium_messaging_derive::{AvroType, Message, consumer};
pub use bus::Bus;
pub use commit::{Commit, Entry};
pub use consume::{Context, HandlerError, Loop};
pub use contract::{Codec, CodecError, Contract, ContractSet, commit_to_avro};
pub use count::count_up_to;
pub use error::{Error, ErrorKind};
pub use floor::Floor;
pub use headers::Headers;
pub use message::{LogMessage, chain_after};
pub use model::derive as __derive;
pub use model::{AvroType, Message, MessageMeta, MessageSchema, Vars, avro_as, export_models, models};
pub use pull::{PullRoom, PullSettings, Puller};
pub use tail::{FILTERS_MAX, Place, Tail, TailConfig, TailHealth, Tailed, place, stream_created};
pub use tokio_util::sync::CancellationToken;
pub use wire::frame::SINGLE_OBJECT_MAGIC;
pub use wire::{CodecConfig, Codecs, DecodeError, DynMessage, EncodeError, Encoded, Payload, ReadWire, Register, Wire};
