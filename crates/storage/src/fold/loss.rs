//! Counting what is missing: of this stream nothing goes but what a recorded purge took, so a message that is missing beyond
//! those was taken by somebody else, wherever it stood.

use std::sync::Arc;
use std::time::Duration;

use alluvium_messaging::direct;

use super::fold::{Fold, STREAM};

/// How often it is counted.
const COUNT_EVERY: Duration = Duration::from_secs(10);

impl Fold {
    /// Counts until the process ends or the fold is quarantined.
    pub(super) async fn watch_for_loss(self: Arc<Self>) {
        while self.quarantine().is_none() {
            self.check_for_loss().await;
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(COUNT_EVERY) => {}
            }
        }
    }

    async fn check_for_loss(&self) {
        let accepted = self.effects.accepted_loss();
        match self.effects.kept().lost(&self.js).await {
            Ok(lost) if lost > accepted => self.quarantined(&format!(
                "{} messages are missing on the log that no recorded purge took",
                lost - accepted
            )),
            Ok(_) => {}
            // Not reachable, or deleted: others find that out.
            Err(error) => tracing::debug!(error = %error, "what is missing on the log cannot be counted now"),
        }
    }

    /// Whether the message at `seq` is one that a recorded purge took: then all that is missing is.
    pub(super) async fn was_purged(&self, seq: u64) -> bool {
        let counted = async {
            let kept = self.effects.kept();
            kept.refresh_all(&self.js).await?;
            let (extent, lost) = (direct::extent(&self.js, STREAM).await?, kept.lost(&self.js).await?);
            let covered = seq <= extent.last && seq <= kept.purges().up_to;
            Ok::<_, alluvium_kernel::Problem>(covered && lost <= self.effects.accepted_loss())
        };
        counted.await.unwrap_or(false)
    }
}
