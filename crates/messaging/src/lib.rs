//! The schema-first messaging kit: contracts generated from Avro schemas, and JetStream done right.
//!
//! It knows nothing of Alluvium's contexts. A message type is generated from its `.avsc` and can do this:
//!
//! ```
//! use alluvium_messaging::{Commit, Contract};
//! let commit = Commit { entries: vec![] };
//! assert_eq!(Commit::from_avro(&commit.to_avro()).unwrap(), commit);
//! ```

mod commit;
mod contract;
pub mod generate;

pub use commit::{Commit, Entry};
pub use contract::{Codec, CodecError, Contract, ContractSet, SINGLE_OBJECT_MAGIC};
