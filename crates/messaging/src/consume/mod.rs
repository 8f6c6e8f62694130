//! Handling messages in a loop: in order where it matters, side by side where it does not, again when it failed, and put aside when
//! it never will.
//!
//! Intake is bounded by messages and bytes. Each message goes into a lane (by its key, its partition, or none); one message of a
//! lane is handled at a time. A message is settled only after its handler and everything the handler sent came to a good end.

mod batch;
mod builder;
mod channel;
mod context;
mod engine;
mod handle;
mod health;
mod lanes;
mod ledger;
mod metrics;
mod options;
mod outcome;
mod parked;
mod read;
mod retry;
mod router;
mod run;
mod strict;
mod tiers;
mod work;

pub use batch::BatchLoop;
pub use builder::Loop;
pub use channel::Channel;
pub use context::{Context, Delivery as DeliveredMessage};
pub use engine::{DrainReport, LoopError};
pub use handle::Handle;
pub use health::{Report, State};
pub use lanes::Ordering;
pub use ledger::AttemptLedger;
pub use options::Delivery;
pub use outcome::{BoxError, Class, Classify, Failure, HandlerError, error_chain};
pub use read::{DecodePath, Opaque, Readable, Unreadable};
pub use retry::{Retry, RetryMode};
pub use router::{Router, RouterHandle};
pub use strict::Positions;
pub(crate) use tiers::{Pause, Tiers, retry_topic};
#[cfg(feature = "testing")]
pub(crate) use tiers::{TIERS, retry_group};
pub(crate) use work::Verdict;
