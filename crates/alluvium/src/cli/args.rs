//! Arguments of each command.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use crate::complete;
use crate::config::{Role, Seconds};

/// `dev`
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Where everything is kept [default: data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port of the HTTP surface [default: 8080]
    #[arg(long)]
    pub port: Option<u16>,
    /// Sync every write to disk before it counts, instead of every second
    #[arg(long)]
    pub durable: bool,
    /// Begin with an empty data directory
    #[arg(long, conflicts_with = "retain")]
    pub fresh: bool,
    /// Keep what is there (the default)
    #[arg(long)]
    pub retain: bool,
    /// Say what would be started and where, start nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The parts to run [default: all]
    #[arg(long, value_delimiter = ',', value_enum)]
    pub role: Vec<Role>,
    /// Address to listen on
    #[arg(long)]
    pub host: Option<String>,
    /// Port to listen on
    #[arg(long)]
    pub port: Option<u16>,
    /// Where table files, blobs and secrets live
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Check the configuration and the servers, run nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `command`
#[derive(Debug, Subcommand)]
pub enum CommandCommand {
    /// Send one command and wait for its outcome
    Send(SendArgs),
    /// List the commands there are
    List,
}

/// `command send`
#[derive(Debug, Args)]
pub struct SendArgs {
    /// The context, e.g. storage
    #[arg(add = ArgValueCandidates::new(complete::contexts))]
    pub context: String,
    /// The command, e.g. CreateBucket
    #[arg(add = ArgValueCandidates::new(complete::commands))]
    pub command: String,
    /// Its body as JSON, @FILE, or - for stdin
    pub body: String,
    /// The command's id; the same id and body always have the same outcome [default: a new one]
    #[arg(long)]
    pub id: Option<String>,
    /// Publish it on NATS instead of sending it over HTTP
    #[arg(long)]
    pub over_nats: bool,
    /// Decide, print the events, append nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `events`
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Follow events as they come
    Tail(TailArgs),
    /// Print one message whole
    Show(ShowArgs),
    /// Read events again from a position or time
    Replay(ReplayArgs),
}

/// Which events.
#[derive(Debug, Args)]
pub struct EventFilter {
    /// Subjects, e.g. ev.default.storage.> or rows.>
    #[arg(default_value = "ev.>")]
    pub subject: String,
    /// Only this type of event, e.g. TableCreated
    #[arg(long = "type", value_name = "NAME")]
    pub kind: Option<String>,
}

/// `events tail`
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Which.
    #[command(flatten)]
    pub filter: EventFilter,
    /// Stop after so many
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// `events show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// STREAM:SEQUENCE, e.g. STORAGE:42
    pub position: String,
}

/// `events replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Which.
    #[command(flatten)]
    pub filter: EventFilter,
    /// From this sequence of the stream
    #[arg(long, value_name = "SEQ", conflicts_with = "since")]
    pub from: Option<u64>,
    /// From this time, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u64,
}

/// Which aggregate.
#[derive(Debug, Args)]
pub struct AggregateArgs {
    /// storage.project.ID, a subject, or a type and a name: project demo, table demo.sales.orders, table sales/orders
    #[arg(required = true, num_args = 1..=2)]
    pub aggregate: Vec<String>,
}

/// `state`
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Which.
    #[command(flatten)]
    pub which: AggregateArgs,
    /// STREAM:SEQUENCE, a position token, or a time (RFC 3339) [default: now]
    #[arg(long, value_name = "POINT")]
    pub at: Option<String>,
}

/// `diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Which.
    #[command(flatten)]
    pub which: AggregateArgs,
    /// STREAM:SEQUENCE, a position token, or a time (RFC 3339) [default: before its first event]
    #[arg(long, value_name = "POINT")]
    pub from: Option<String>,
    /// The same [default: now]
    #[arg(long, value_name = "POINT")]
    pub to: Option<String>,
}

/// `why`
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// STREAM:SEQUENCE, with /INDEX for one event of a commit, or a position token
    pub event: String,
}

/// `rows`
#[derive(Debug, Subcommand)]
pub enum RowsCommand {
    /// Publish a file's rows (CSV, Parquet, NDJSON) as Avro and wait until they are in the table
    Publish(PublishArgs),
}

/// `rows publish`
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The file; its kind is told by its name (.csv, .csv.gz, .tsv, .parquet, .ndjson, .jsonl)
    pub file: PathBuf,
    /// PROJECT/BUCKET/TABLE, or BUCKET/TABLE of --project
    #[arg(long, value_name = "TABLE", add = ArgValueCandidates::new(complete::tables))]
    pub table: String,
    /// Text of a CSV file that means NULL
    #[arg(long, default_value = "")]
    pub null: String,
    /// One message a row, instead of blocks of many rows
    #[arg(long)]
    pub single: bool,
    /// Return when everything is on the log, without waiting for the table
    #[arg(long)]
    pub no_wait: bool,
    /// Read and encode everything, publish nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `tables`
#[derive(Debug, Subcommand)]
pub enum TablesCommand {
    /// List the tables of a project, or of one bucket
    List {
        /// The bucket [default: all]
        #[arg(add = ArgValueCandidates::new(complete::buckets))]
        bucket: Option<String>,
        /// As it was at STREAM:SEQUENCE, a position token or a time (RFC 3339)
        #[arg(long, value_name = "POINT")]
        at: Option<String>,
    },
    /// Print the first rows of a table
    Preview {
        /// BUCKET/TABLE
        #[arg(add = ArgValueCandidates::new(complete::tables))]
        table: String,
        /// How many rows
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
        /// As it was at STREAM:SEQUENCE, a position token or a time (RFC 3339)
        #[arg(long, value_name = "POINT")]
        at: Option<String>,
    },
    /// Run one SELECT over the project's tables, named bucket.table
    Query {
        /// The SELECT, or @FILE
        sql: String,
        /// Over the tables as they were at STREAM:SEQUENCE, a position token or a time (RFC 3339)
        #[arg(long, value_name = "POINT")]
        at: Option<String>,
    },
    /// Load a CSV or Parquet file into a table
    Load(LoadArgs),
    /// Write a table to a file
    Export(ExportArgs),
}

/// `tables load`
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// BUCKET/TABLE
    #[arg(add = ArgValueCandidates::new(complete::tables))]
    pub table: String,
    /// The file
    pub file: PathBuf,
    /// Add to what is there; rows with a known primary key are updated. Without it the table is replaced
    #[arg(long)]
    pub incremental: bool,
    /// Kind of the file [default: by its name]
    #[arg(long)]
    pub format: Option<FileFormat>,
    /// Between fields of a CSV file
    #[arg(long, default_value = ",")]
    pub delimiter: String,
    /// Text of a CSV file that means NULL
    #[arg(long, default_value = "")]
    pub null: String,
    /// Say what would be uploaded and loaded, do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `tables export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// BUCKET/TABLE
    #[arg(add = ArgValueCandidates::new(complete::tables))]
    pub table: String,
    /// The file to write, or - for stdout
    pub file: PathBuf,
    /// Kind of the file [default: by its name]
    #[arg(long)]
    pub format: Option<FileFormat>,
    /// Only these columns
    #[arg(long, value_delimiter = ',')]
    pub columns: Vec<String>,
    /// At most so many rows
    #[arg(long)]
    pub limit: Option<u64>,
    /// As it was at STREAM:SEQUENCE, a position token or a time (RFC 3339)
    #[arg(long, value_name = "POINT")]
    pub at: Option<String>,
    /// Say what would be written, write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Kinds of table files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Comma-separated text.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// `projections`
#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// List projections with their lag
    List,
    /// Fold everything again beside the live one, then switch over
    Rebuild(RebuildArgs),
    /// Compare the live one with a scratch rebuild and name the first difference
    Verify(VerifyArgs),
    /// Go back to the generation that was read before the last rebuild; it takes in first what it has missed
    Rollback(VerifyArgs),
    /// List the generations: live, kept to go back to, being built
    Generations {
        /// Only of this one [default: all]
        #[arg(add = ArgValueCandidates::new(complete::projections))]
        name: Option<String>,
    },
    /// Remove a generation that is not read
    Drop(DropArgs),
    /// List the events that could not be applied, with their reasons
    Parked {
        /// Only of this one [default: all]
        #[arg(add = ArgValueCandidates::new(complete::projections))]
        name: Option<String>,
    },
    /// Try the parked events of a key again
    Retry(RetryArgs),
    /// Give the first parked event of a key up, for ever, and go on behind it
    Skip(SkipArgs),
}

/// `retention`
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show what is kept of each table on the log
    Show,
    /// Say what a run would do, and how much would go
    Plan(RetentionArgs),
    /// Make checkpoints, and purge rows below those out of the window
    Run {
        /// What is kept.
        #[command(flatten)]
        args: RetentionArgs,
        /// The same as `retention plan`
        #[arg(long)]
        dry_run: bool,
    },
}

/// What is kept.
#[derive(Debug, Args)]
pub struct RetentionArgs {
    /// How far back tables stay readable as they were: 90s, 15m, 12h, 7d [default: `retention.keep`]
    #[arg(long, value_name = "DURATION")]
    pub keep: Option<Seconds>,
    /// Messages of a table since its last checkpoint before another is made [default: `retention.messages_min`]
    #[arg(long, value_name = "N")]
    pub messages_min: Option<u64>,
}

/// `blobs`
#[derive(Debug, Subcommand)]
pub enum BlobsCommand {
    /// Remove the blobs that nothing on the log needs any more
    Sweep {
        /// Keep the content of files deleted so recently: 12h, 7d [default: `retention.keep`, else 0s]
        #[arg(long, value_name = "DURATION")]
        keep: Option<Seconds>,
        /// Find out, remove nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// A parked key.
#[derive(Debug, Args)]
pub struct ParkedKey {
    /// The projection
    #[arg(add = ArgValueCandidates::new(complete::projections))]
    pub name: String,
    /// The key, as `projections parked` lists it
    // Not the id `key`, which is the credential's.
    #[arg(id = "parked_key", value_name = "KEY")]
    pub key: String,
}

/// `projections retry`
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Which.
    #[command(flatten)]
    pub parked: ParkedKey,
    /// Decide, print the events, do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Issue a key: of the project, with --branch of one branch, with --bucket of chosen buckets, or with --right one for the
    /// schema registry alone
    Issue(IssueKeyArgs),
    /// Issue a successor of a key; the old one stops working at once, or when its grace is over
    Rotate(RotateKeyArgs),
    /// List the project's keys that are not revoked
    List,
    /// Revoke a key
    Revoke {
        /// Its id, as `key list` shows it
        id: String,
        /// Decide, print the events, append nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// `key issue`
#[derive(Debug, Args)]
pub struct IssueKeyArgs {
    /// The id of the one branch that it opens
    #[arg(long, value_name = "BRANCH", conflicts_with = "right")]
    pub branch: Option<String>,
    /// It may read the branch, not change it
    #[arg(long, requires = "branch")]
    pub read_only: bool,
    /// What it may do in the schema registry: subject:PATTERN:read, write or admin; config:read or write
    #[arg(long, value_name = "RIGHT")]
    pub right: Vec<String>,
    /// A bucket that it opens, and for what: NAME:read or NAME:write
    #[arg(long, value_name = "BUCKET", conflicts_with_all = ["branch", "right"])]
    pub bucket: Vec<String>,
    /// It may create, delete, share and link buckets, which opens all of them
    #[arg(long, conflicts_with_all = ["branch", "right"])]
    pub manage_buckets: bool,
    /// It may issue, change, rotate and revoke keys that open no more than itself
    #[arg(long, conflicts_with_all = ["branch", "right"])]
    pub manage_keys: bool,
    /// It may read all files of the project, not just its own
    #[arg(long, conflicts_with_all = ["branch", "right"])]
    pub read_all_files: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// Who holds it; what is sealed for a person can be forgotten
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// Days until it stops working by itself [default: never]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    pub expires_in_days: Option<u32>,
    /// Decide, print the events, append nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `key rotate`
#[derive(Debug, Args)]
pub struct RotateKeyArgs {
    /// Its id, as `key list` shows it
    pub id: String,
    /// Seconds that the old key works on
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub grace_seconds: u32,
}

/// `projections skip`
#[derive(Debug, Args)]
pub struct SkipArgs {
    /// Which.
    #[command(flatten)]
    pub parked: ParkedKey,
    /// Why it may be given up, for those who read the log later
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Sequence of the event [default: the first parked one of the key]
    #[arg(long, value_name = "SEQ")]
    pub seq: Option<u64>,
    /// Decide, print the events, do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `projections rebuild`
#[derive(Debug, Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    pub which: ProjectionArgs,
    #[command(flatten)]
    pub pace: PaceArgs,
    /// Switch over even when the new one differs, and say how
    #[arg(long)]
    pub accept_differences: bool,
}

/// `projections verify` and `rollback`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub which: ProjectionArgs,
    #[command(flatten)]
    pub pace: PaceArgs,
}

/// How fast events are folded again, beside those who read and write.
#[derive(Clone, Copy, Debug, Args)]
pub struct PaceArgs {
    /// At most so many events a second, 0 for without limit [default: as the server is set]
    #[arg(long, value_name = "EVENTS_PER_SECOND")]
    pub rate: Option<u64>,
    /// At most so much of the time, in percent [default: as the server is set]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub share: Option<u32>,
}

/// `projections drop`
#[derive(Debug, Args)]
pub struct DropArgs {
    /// The projection
    #[arg(add = ArgValueCandidates::new(complete::projections))]
    pub name: String,
    /// Number of the generation, as `projections generations` lists it
    #[arg(long, value_name = "NUMBER")]
    pub generation: u32,
    /// Say what would be done, do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Which projections
#[derive(Debug, Args)]
#[group(id = "which", required = true)]
pub struct ProjectionArgs {
    /// Its name
    #[arg(group = "which", add = ArgValueCandidates::new(complete::projections))]
    pub name: Option<String>,
    /// All of them
    #[arg(long, group = "which")]
    pub all: bool,
    /// Say what would be done, do nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `streams`
#[derive(Debug, Subcommand)]
pub enum StreamsCommand {
    /// Show what differs, field by field (exit 10 when something does)
    Diff,
    /// Create what is missing and update what may be
    Apply {
        /// Show what would change, change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// `log`
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Read the log again and check that nothing is missing, changed or moved (exit 10 when something is)
    Verify(LogVerifyArgs),
}

/// `log verify`
#[derive(Debug, Args)]
pub struct LogVerifyArgs {
    /// A stream, or subjects, e.g. STORAGE or ev.default.access.> [default: all streams of events]
    #[arg(value_name = "STREAM|SUBJECT")]
    pub what: Option<String>,
}

/// `backup`
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Copy log, blobs and keys of a running platform into one consistent backup
    Create(BackupCreateArgs),
    /// Read a backup whole, restore it into a server that is thrown away, and check it (exit 10 when it is damaged)
    Verify(BackupVerifyArgs),
    /// Put a backup back, onto a machine that has nothing yet
    Restore(BackupRestoreArgs),
}

/// `backup create`
#[derive(Debug, Args)]
pub struct BackupCreateArgs {
    /// The directory to make, or the archive when it ends with .tar
    #[arg(value_name = "DIR|ARCHIVE")]
    pub target: PathBuf,
    /// The platform's data directory, for blobs and keys
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Say what would be copied, write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `backup verify`
#[derive(Debug, Args)]
pub struct BackupVerifyArgs {
    /// The backup
    #[arg(value_name = "DIR|ARCHIVE")]
    pub source: PathBuf,
    /// Only compare every file with its hash, restore nothing
    #[arg(long)]
    pub quick: bool,
    /// Where the streams are restored to be read; they need as much room as the backup [default: TMPDIR]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// `backup restore`
#[derive(Debug, Args)]
pub struct BackupRestoreArgs {
    /// The backup
    #[arg(value_name = "DIR|ARCHIVE")]
    pub source: PathBuf,
    /// The data directory to make; it must be empty or not there
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Into the private NATS that `alluvium dev` runs below the data directory, whatever NATS is named or configured
    #[arg(long)]
    pub embedded: bool,
    /// Check the backup and the target, restore nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every problem with its fix (exit 10 when there is one)
    Check,
    /// Print every setting, its value and where it came from
    Show,
}

/// `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code, e.g. storage.table_exists; without one, all are listed
    #[arg(add = ArgValueCandidates::new(complete::codes))]
    pub code: Option<String>,
}

/// `bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Only these paths [default: all]
    pub paths: Vec<String>,
    /// How much work each path gets, relative to the default
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// List the paths, measure nothing
    #[arg(long)]
    pub dry_run: bool,
    /// One query of Nexmark in this process, as JSON
    #[arg(long, hide = true)]
    pub part: Option<String>,
}

/// `completion`
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    pub shell: String,
}

/// `probe-table`
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The table file
    pub file: PathBuf,
}
