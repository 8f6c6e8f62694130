//! The command line as it is typed. What the commands do is in `commands`.

mod args;
pub mod bridge;
pub mod broker;
pub mod dlq;
pub mod schema;
pub mod seals;
pub mod topic;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use args::*;
pub use seals::{ForgetCommand, SealsCommand};

use crate::ui::Format;

/// Streams settle as tables: commands become events, events become Postgres rows and DuckDB files.
#[derive(Debug, Parser)]
#[command(name = "alluvium", version, max_term_width = 100, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 ok, 2 usage, 3 rejected, 4 conflict, 5 not found, 6 not allowed, 7 unavailable, \
                        10 findings of a check, 1 a bug of ours."
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// Configuration file [default: alluvium.toml, if there is one]
    #[arg(long, global = true, env = "ALLUVIUM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The server to talk to [default: that of `alluvium dev` here, else http://127.0.0.1:8080]
    #[arg(long, global = true, env = "ALLUVIUM_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// The key to show it [default: that of `alluvium dev` here]
    #[arg(long, global = true, env = "ALLUVIUM_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// The project to work in [default: that of `alluvium dev` here]
    #[arg(long, global = true, env = "ALLUVIUM_PROJECT", value_name = "ID")]
    pub project: Option<String>,
    /// NATS, for what goes over it [default: `nats.url` of the configuration, else that of `alluvium dev` here]
    #[arg(long, global = true, env = "ALLUVIUM_NATS", value_name = "URL", hide_env_values = true)]
    pub nats: Option<String>,
    /// How data is printed on stdout
    #[arg(long, short, global = true, env = "ALLUVIUM_OUTPUT", value_name = "FORMAT", default_value = "table")]
    pub output: Format,
    /// Ask nothing, go ahead
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// Say nothing but data and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[expect(clippy::enum_variant_names, reason = "`command` is the word for what is sent")]
pub enum Command {
    /// Run everything here: private NATS and Postgres, all roles, a demo project
    Dev(DevArgs),
    /// Run roles against a given NATS and Postgres
    Serve(ServeArgs),
    /// Send commands
    #[command(subcommand)]
    Command(CommandCommand),
    /// Read the event log
    #[command(subcommand)]
    Events(EventsCommand),
    /// Check the event log
    #[command(subcommand)]
    Log(LogCommand),
    /// Back up log, blobs and keys, and put them back
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Show an aggregate as the log has it, now or at an earlier point
    State(StateArgs),
    /// Show what changed about an aggregate between two points
    Diff(DiffArgs),
    /// Show the command behind an event, all it led to, and who has applied it
    Why(WhyArgs),
    /// Publish rows to tables over NATS
    #[command(subcommand)]
    Rows(RowsCommand),
    /// Look into tables, load and export them
    #[command(subcommand)]
    Tables(TablesCommand),
    /// Watch, rebuild and verify projections
    #[command(subcommand)]
    Projections(ProjectionsCommand),
    /// Take rows off the log that checkpoints hold
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Look after uploaded and copied content
    #[command(subcommand)]
    Blobs(BlobsCommand),
    /// Issue, list and revoke keys of a project and of the schema registry
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make what is sealed for a person, a project or the tenant unreadable for ever, in every backup too
    #[command(subcommand)]
    Forget(ForgetCommand),
    /// Keep the keys of sealed fields apart from backups
    #[command(subcommand)]
    Seals(SealsCommand),
    /// Check, compare, generate from and register schemas
    Schema(Box<schema::SchemaArgs>),
    /// Look after topics, publish and read messages
    Topic(Box<topic::TopicArgs>),
    /// Look at dead letters, replay, edit and drop them
    Dlq(Box<dlq::DlqArgs>),
    /// Describe channels and messages as an AsyncAPI document
    Asyncapi(Box<topic::AsyncapiCommand>),
    /// Carry messages between Kafka and JetStream
    #[command(subcommand)]
    Bridge(bridge::BridgeCommand),
    /// Compare the server's streams with ours, and make them so
    #[command(subcommand)]
    Streams(StreamsCommand),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say what an error code means and what to do
    Explain(ExplainArgs),
    /// Check ports, versions, streams, lag and disk; each finding with its fix
    Doctor,
    /// Measure each path beside the raw part it is made of
    Bench(BenchArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
    /// Open a table file that may be broken, in a process of its own
    #[command(hide = true)]
    ProbeTable(ProbeArgs),
    /// Do one piece of work in a workspace, in a process of its own
    #[command(hide = true)]
    WorkspaceEngine,
}

#[cfg(test)]
mod tests;
