//! Backups: the log, what it refers to, and the keys without which it is of no use; whole, or refused.
//!
//! A backup is a directory, or that directory as one tar file:
//!
//! | Part | What |
//! |---|---|
//! | `streams/<NAME>.snapshot` | JetStream's own snapshot of a stream: sequences, times, headers |
//! | `blobs/<2 hex>/<64 hex>` | content that events name by its hash |
//! | `secrets/signing.key`, `secrets/admin.key` | what the data directory keeps to itself, readable by the owner only |
//! | `manifest.json` | what all of these must be, written last |
//!
//! **The cut.** Streams are taken one after another, each at one moment: commands, outcomes, dead letters, the events of each
//! context, `STORAGE`; then blobs. So whatever a part refers to is in a part taken later: an outcome's events, a blob's content.
//! Everything that was acknowledged before the backup began is in it; of what is acknowledged meanwhile, some. A command that is
//! both waiting and carried out is told apart by its id when it is decided again.
//!
//! Folds (Postgres, table files) are not in it: they are folded again from the log.

mod check;
mod create;
mod load;
mod manifest;
mod pack;
mod restore;
mod source;
mod verify;

pub use check::{Finding, Reading};
pub use create::create;
pub use restore::restore;
pub use verify::verify;

use std::collections::BTreeSet;

use alluvium_messaging::streams;
use async_nats::jetstream;
use futures::TryStreamExt as _;

use crate::failure::{Exit, Failure};

/// Commands that wait.
const COMMANDS: &str = "CMD";
/// What comes before the events that it refers to, in this order.
const FIRST: [&str; 3] = [COMMANDS, "OUT", "DLQ"];
/// Tables and their rows: referred to by nobody, refers to blobs.
const LAST: &str = "STORAGE";
/// What JetStream puts before the name of a key-value bucket's stream.
const BUCKET_PREFIX: &str = "KV_";

/// The streams of a backup, in the order in which they are taken.
async fn wanted(js: &jetstream::Context) -> Result<Vec<String>, Failure> {
    let of_files: Vec<&str> = streams::load(None).iter().map(|file| file.name).collect();
    let mut names: Vec<String> = FIRST.map(str::to_owned).into();
    names.extend(buckets(js).await?);
    // The account of calls is no part of the log, and begins anew.
    let left = |name: &str| FIRST.contains(&name) || name == LAST || name == streams::AUDIT;
    let events = of_files.iter().filter(|name| !left(name) && !name.starts_with(BUCKET_PREFIX));
    names.extend(events.map(|name| (*name).to_owned()));
    names.push(LAST.to_owned());
    Ok(names)
}

/// The streams of key-value buckets. Leases and the answers to requests that may come again are not kept, they mean nothing later;
/// nor snapshots, which the log makes again; nor the keys of sealed fields: what is forgotten must be forgotten in every backup.
async fn buckets(js: &jetstream::Context) -> Result<BTreeSet<String>, Failure> {
    let all: Vec<String> = js.stream_names().try_collect().await.map_err(|error| {
        Failure::unavailable("platform.log_unavailable", "The streams of the server cannot be listed.").because(&error)
    })?;
    let leases = format!("{BUCKET_PREFIX}{}", streams::LEASES);
    let left = [leases.as_str(), streams::SNAPSHOTS, streams::IDEMPOTENCY, streams::SEALS];
    let kept = |name: &String| name.starts_with(BUCKET_PREFIX) && !left.contains(&name.as_str());
    Ok(all.into_iter().filter(kept).collect())
}

/// A backup that is not what its manifest says.
fn damaged(message: impl Into<String>) -> Failure {
    Failure::new(Exit::Rejected, "backup.damaged", message).help(crate::errors::help("backup.damaged"))
}
