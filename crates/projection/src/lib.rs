//! Folding the log into Postgres, and waiting until a fold is far enough.
//!
//! A [`PgProjection`] says which messages it folds and how; [`Projections`] runs it: reads the stream in order from its own
//! watermark, applies rows and watermark in one transaction, parks what cannot be applied by key, refuses to go on when the
//! stream is not the one it knows, rebuilds beside the running one and flips. [`Freshness`] is where reads wait.
//!
//! Nothing here decides anything or has a side effect outside its own tables: every projection can be thrown away and rebuilt.
//!
//! ```
//! use alluvium_kernel::Position;
//! use alluvium_projection::Freshness;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let freshness = Freshness::default();
//! freshness.register("storage", "STORAGE");
//! freshness.advance("storage", 7);
//! freshness.wait(&Position::of("STORAGE", 7), &["storage"], std::time::Duration::ZERO).await.unwrap();
//! # });
//! ```

mod ahead;
mod apply;
mod batch;
mod compare;
mod error;
mod freshness;
mod generation;
mod health;
mod lineage;
mod live;
mod pace;
mod parking;
mod past;
mod projection;
mod projections;
mod rebuild;
mod recent;
mod rollback;
mod runner;
mod schema;
mod watermark;

pub use compare::{Difference, RowDifference};
pub use error::{ERRORS, Error};
pub use freshness::Freshness;
pub use generation::{Generation, GenerationState, migrations};
pub use health::{HEARTBEAT_AGE_MS_MAX, Health, State};
pub use live::{Live, LiveFold};
pub use pace::{Pace, Throttle};
pub use parking::{Order, Parked, Remedy};
pub use past::{PAST_SECONDS_MAX, PastGeneration};
pub use projection::{ApplyError, PgProjection};
pub use projections::{Projections, Settings};
pub use rebuild::{Phase, Progress, RebuildMode, RebuildReport, VerifyReport};
pub use recent::Recent;
pub use rollback::RollbackReport;
pub use schema::{ActiveSchema, Schema, quote};

pub use alluvium_messaging::LogMessage;
