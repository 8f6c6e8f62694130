//! Arguments of `dlq`.

use std::path::PathBuf;

use alluvium_messaging::dead_letter::Filter;
use clap::{Args, Subcommand};

use super::broker::BrokerArgs;

/// `dlq`
#[derive(Debug, Args)]
pub struct DlqArgs {
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The tenant whose dead letters these are
    #[arg(long, global = true, default_value = alluvium_kernel::DEFAULT_TENANT)]
    pub tenant: String,
    /// What to do.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// List dead letters
    List(DlqFilter),
    /// Show one: headers, why it died, its payload, and why decoding fails now
    Show(DlqShowArgs),
    /// Count dead letters by topic, group and reason
    Stats(DlqFilter),
    /// Publish dead letters again, in the order of their keys, and take them out
    Replay(DlqReplayArgs),
    /// Change the payload of one, as JSON, and publish it again
    Edit(DlqEditArgs),
    /// Take dead letters out for good
    Drop(DlqDropArgs),
    /// Write dead letters to a file, one JSON object a line
    Export(DlqExportArgs),
    /// Show who replayed, edited or dropped what
    History(DlqOf),
}

/// Which dead letters.
#[derive(Clone, Debug, Args)]
pub struct DlqFilter {
    /// Which of all.
    #[command(flatten)]
    pub pick: DlqPick,
    /// Only for this reason: decode, schema, handler, deadline, attempts or crash
    #[arg(long)]
    pub reason: Option<String>,
}

/// Which dead letters, whatever they died of.
#[derive(Clone, Debug, Args)]
pub struct DlqPick {
    /// These only, comma-separated
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    pub ids: Vec<u64>,
    /// Whose.
    #[command(flatten)]
    pub of: DlqOf,
    /// Only those that died at this time (RFC 3339) or later
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only of this key
    #[arg(long, value_name = "KEY")]
    pub message_key: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// `dlq show`
#[derive(Debug, Args)]
pub struct DlqShowArgs {
    /// Its id, as `dlq list` prints it
    pub id: u64,
    /// Whose.
    #[command(flatten)]
    pub of: DlqOf,
}

/// Whose dead letters; on Kafka that has to be said, for they have a topic of their own.
#[derive(Clone, Debug, Default, Args)]
pub struct DlqOf {
    /// Only of this topic; on Kafka it must be named
    #[arg(long)]
    pub topic: Option<String>,
    /// Only of this group; on Kafka it must be named
    #[arg(long)]
    pub group: Option<String>,
}

impl DlqOf {
    /// As the kit takes it.
    pub fn filter(&self) -> Filter {
        Filter { topic: self.topic.clone(), group: self.group.clone(), ..Filter::default() }
    }
}

/// `dlq replay`
#[derive(Debug, Args)]
pub struct DlqReplayArgs {
    /// Which.
    #[command(flatten)]
    pub filter: DlqFilter,
    /// Publish them here [default: where they came from]
    #[arg(long, value_name = "SUBJECT")]
    pub to: Option<String>,
    /// At most so many a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Leave them among the dead letters; on Kafka they stay always
    #[arg(long)]
    pub keep: bool,
    /// Give each a new message id
    #[arg(long)]
    pub new_id: bool,
    /// Say what would be published, publish nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `dlq edit`
#[derive(Debug, Args)]
pub struct DlqEditArgs {
    /// Its id, as `dlq list` prints it
    pub id: u64,
    /// Whose.
    #[command(flatten)]
    pub of: DlqOf,
    /// The new payload, as JSON; @FILE reads a file, - stdin [default: opens $EDITOR]
    #[arg(long, value_name = "JSON")]
    pub payload: Option<String>,
    /// The schema of a payload that names none, or that cannot be decoded
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Option<String>,
}

/// `dlq drop`
#[derive(Debug, Args)]
pub struct DlqDropArgs {
    /// Which.
    #[command(flatten)]
    pub pick: DlqPick,
    /// Only those that died for this reason
    #[arg(long, value_name = "REASON")]
    pub why: Option<String>,
    /// Why they may go; it is kept
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Say what would go, take nothing out
    #[arg(long)]
    pub dry_run: bool,
}

/// `dlq export`
#[derive(Debug, Args)]
pub struct DlqExportArgs {
    /// Which.
    #[command(flatten)]
    pub filter: DlqFilter,
    /// The file; - is stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
}
