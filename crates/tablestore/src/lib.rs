//! Table files: one DuckDB file per table, all attached to one locked-down engine instance.
//!
//! A file is a fold of the log: [`Hub::apply`] moves its mark and its rows in one transaction, so a killed process never
//! leaves them apart, and a file that is lost is made again from the log. The library blocks and knows nothing of NATS or
//! tokio; callers run it on their blocking threads. It never creates an index, never reads a file outside its directories,
//! and never puts user text into SQL.

mod alter;
mod append;
mod apply;
pub mod avro_schema;
mod background;
mod changes;
mod checkpoint;
pub mod column;
mod create;
mod diff;
pub mod error;
mod export;
mod extract;
mod file;
mod hub;
mod instance;
mod json;
mod key;
mod lens;
mod load;
mod marker;
mod meta;
mod order;
mod parcel;
mod profile;
mod query;
pub mod quote;
mod quote_path;
mod read;
mod rebase;
mod repeat;
mod replace;
mod rows;
mod scan;
mod settle;
pub mod sql;
mod stamp;
mod steps;
mod transact;
mod verify;
mod wal;
mod watchdog;
mod weighted;
mod writing;

pub use apply::{Applied, Change, ChangeReport, Moment};
pub use background::give_way;
pub use changes::{Changes, ChangesFormat, ChangesSpec};
pub use checkpoint::{Copied, Original};
pub use column::{Column, ColumnType, DefaultExpr, TableSchema};
pub use diff::RowsDiffer;
pub use error::{ApplyError, Error, Fault, Result};
pub use export::{ExportFormat, ExportSpec, Exported, ParquetCompression};
pub use extract::{ExtractSpec, Extracted};
pub use file::{FILE_NAME_BYTES_MAX, Mark, PATH_PART_BYTES_MAX, TableFile, TableStats, UNFOLDED_GENERATION};
pub use hub::{Hub, HubConfig, Pinned};
pub use lens::Lens;
pub use load::{
    CSV_DELIMITER_BYTES_MAX, CsvOptions, DedupMode, ExtraColumns, FileColumn, LoadFormat, LoadReport, LoadSpec,
    LookSpec,
};
pub use marker::{Suspect, probe_file};
pub use parcel::exact;
pub use profile::{
    ColumnProfile, Correlation, DetectedPattern, Histogram, Numbers, Profile, ProfileMode, QualityIssue, Texts,
};
pub use query::{QueryBatches, QueryRows, QuerySpec, ResultColumn, row_json};
pub use read::{PREVIEW_ROWS_MAX, Preview, PreviewSpec};
pub use rebase::{CONFLICTS_SHOWN_MAX, RebaseSpec, Rebased};
pub use rows::{
    DecodedMany, DecodedRun, MESSAGES_PER_BATCH_MAX, ROWS_DECOMPRESSED_BYTES_MAX, ROWS_PER_MESSAGE_MAX, RowsDecoder,
    RowsError,
};
pub use scan::Scan;
pub use settle::Settlement;
pub use stamp::{Changed, SHOWN_AS};
pub use steps::{CreateOptions, Step, StepMark, StepRows, Steps};
pub use verify::{Checksum, TablePair};
pub use wal::mend as mend_log;
pub use watchdog::Stop;
pub use weighted::COPIES_MAX;
