//! The table files of this process: the engine, the blobs they are loaded from, the fold.

use std::collections::HashSet;
use std::sync::Arc;

use alluvium_eventlog::blob::BlobStore;
use alluvium_eventlog::{Log, LogOptions, OutcomePublisher};
use alluvium_storage::TableStats;
use alluvium_storage::fold::{Live, Owned, STREAM, Tables};
use alluvium_tablestore::{Hub, HubConfig};
use tokio_util::sync::CancellationToken;

use super::Parts;
use crate::config::Config;
use crate::failure::{Exit, Failure};

/// Files kept attached when idle.
const ATTACHED_MAX: usize = 256;

/// Opens the engine and starts the fold, which leaves out what operators have given up.
pub async fn start(parts: &Parts, blobs: BlobStore, given_up: HashSet<u64>) -> Result<Arc<Tables>, Failure> {
    let config = hub_config(&parts.config)?;
    let hub = tokio::task::spawn_blocking(move || Hub::open(config))
        .await
        .map_err(|error| Failure::bug(format!("opening the table engine ended unexpectedly: {error}")))?
        .map_err(|error| {
            Failure::unavailable("storage.fold_unavailable", "The table engine cannot start.").because(&error)
        })?;
    for suspect in hub.suspects() {
        tracing::warn!(
            file = %suspect.path.display(),
            moved = suspect.moved_to.is_some(),
            "a table file was open when the process died; it was probed"
        );
    }
    let live = Live {
        log: Log::new(
            parts.js.clone(),
            STREAM,
            "storage",
            LogOptions { replicas: parts.config.nats.replicas, ..LogOptions::default() },
        )
        .with_snapshots(parts.secrets.signing_key.clone()),
        outcomes: OutcomePublisher::new(parts.js.clone()),
        authorizer: parts.access.clone(),
        signing: parts.secrets.signing_key.clone(),
        given_up: given_up.into(),
    };
    let owned = if parts.registry.is_some() { Owned::claimed() } else { Owned::everything() };
    let started = Tables::start_with(hub, parts.js.clone(), blobs, live, owned, CancellationToken::new());
    started.await.map_err(super::at_start)
}

fn hub_config(config: &Config) -> Result<HubConfig, Failure> {
    let probe = std::env::current_exe().ok().map(|program| vec![program.into(), "probe-table".into()]);
    Ok(HubConfig {
        data_dir: config.data_dir.join("tables"),
        blob_dir: config.blobs_dir(),
        export_dir: config.data_dir.join("exports"),
        memory_limit_bytes: memory_limit("duckdb.memory_limit", &config.duckdb.memory_limit)?,
        threads: config.duckdb.threads as usize,
        attached_max: ATTACHED_MAX,
        probe_command: probe,
    })
}

/// Bytes out of what DuckDB's own settings take: `4GB`, `512MiB`, `2 GiB`.
pub fn memory_limit(setting: &str, text: &str) -> Result<u64, Failure> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor: Option<u64> = match unit.trim().to_ascii_lowercase().as_str() {
        "b" | "" => Some(1),
        "kb" => Some(1_000),
        "kib" => Some(1 << 10),
        "mb" => Some(1_000_000),
        "mib" => Some(1 << 20),
        "gb" => Some(1_000_000_000),
        "gib" => Some(1 << 30),
        _ => None,
    };
    let bytes = number.parse::<f64>().ok().zip(factor).map(|(number, factor)| (number * factor as f64) as u64);
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        Failure::new(Exit::Usage, "config.invalid", format!("`{setting}` is `{text}`."))
            .help("write a size such as 4GB or 512MiB")
    })
}

/// Sizes for lists in a process that does not fold tables: unknown.
pub struct NoSizes;

impl TableStats for NoSizes {
    fn stats(&self, _: &str) -> Option<(u64, u64)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_written_as_for_duckdb() {
        let bytes = |text: &str| memory_limit("duckdb.memory_limit", text);
        assert_eq!(bytes("4GB").unwrap(), 4_000_000_000);
        assert_eq!(bytes("1.5 GiB").unwrap(), 3 << 29);
        assert!(bytes("lots").is_err() && bytes("0GB").is_err() && bytes("4TBB").is_err());
    }
}
