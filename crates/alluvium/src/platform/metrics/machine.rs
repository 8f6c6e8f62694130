//! What lies under the process: the streams on the log, and the room on the disk.

use alluvium_messaging::streams;
use metrics::gauge;

use super::super::{ANSWER_WAIT, Platform};

/// Brings the gauges up to date; what does not answer keeps its last value.
pub async fn update(platform: &Platform) {
    disk(platform);
    let files = streams::load(Some(platform.replicas));
    let asked = files.iter().map(|file| async {
        let Ok(Ok(stream)) = tokio::time::timeout(ANSWER_WAIT, platform.js.get_stream(file.name)).await else { return };
        let state = &stream.cached_info().state;
        let labels = [("stream", file.name)];
        gauge!("alluvium_stream_messages", &labels).set(state.messages as f64);
        gauge!("alluvium_stream_bytes", &labels).set(state.bytes as f64);
        gauge!("alluvium_stream_last_seq", &labels).set(state.last_sequence as f64);
        if file.name == streams::IDEMPOTENCY {
            gauge!("duckdb_idempotency_cache_size").set(state.messages as f64);
        }
    });
    futures::future::join_all(asked).await;
}

fn disk(platform: &Platform) {
    if let Ok(stat) = nix::sys::statvfs::statvfs(&platform.data_dir) {
        gauge!("alluvium_disk_free_bytes").set(stat.blocks_available() as f64 * stat.fragment_size() as f64);
    }
}
