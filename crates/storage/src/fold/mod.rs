//! The fold of `STORAGE` into table files: a reader hands each message to the lane of its table, the lane moves the file.
//!
//! * floor: all up to this sequence is in the files or is for none; a start reads on from there.
//! * lane: one table's messages, applied in order; tables do not wait for each other.
//! * owner: the process that keeps a project's tables, when several share the log; a claim is its right to, with an epoch.
//! * request and verdict: a change that the rows may refuse, and the answer, which goes back on the log.

mod abandon;
mod active;
mod alone;
mod changes;
mod claims;
mod compare;
mod counts;
mod decoders;
mod effects;
mod floor;
#[expect(clippy::module_inception, reason = "the fold itself, beside its parts")]
mod fold;
mod generations;
mod history;
mod kept;
mod lane;
mod long;
mod look;
mod loss;
mod moving;
mod owned;
mod owners;
mod past;
mod pinned;
mod progress;
mod queue;
mod read;
mod reader;
mod rebase;
mod rebased;
mod recover;
mod remedy;
mod request;
mod restored;
mod routing;
mod rows;
mod settle;
mod suspect;
mod tables;
mod tries;
mod version_of;

pub use active::TableGeneration;
pub use alone::note as note_decided;
pub use changes::TableThen;
pub use effects::{Effects, Live};
pub use fold::{Fold, STREAM};
pub use generations::{Comparison, RebuildProgress, RolledBack};
pub use kept::{Checkpoint, Kept, KeptTable};
pub use lane::{Lane, Parked, TableView, rows_schema};
pub use owned::{Owned, project_key};
pub use owners::{Owners, keeper};
pub use past::{Version, Versions};
pub(crate) use past::{next_generation, then};
pub use progress::Progress;
pub(crate) use read::relations;
pub use read::{Readable, TableExport, TableExtract, TableQuery, sql_problem, store_problem};
pub use rebase::CHECKPOINT_LOST;
pub use remedy::Resumed;
pub(crate) use request::load_format;
pub use routing::{Routing, TableId};
pub use tables::{ParkedTable, Tables, TablesHealth};
