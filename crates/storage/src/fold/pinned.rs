//! What pinned branches began with, and whether they have gone on from there.

use std::sync::Arc;

use alluvium_kernel::Problem;
use alluvium_tablestore::RowsDiffer;

use super::past::Version;
use super::tables::Tables;
use super::version_of;

impl Tables {
    /// Whether a branch's own table was changed since it was made.
    pub async fn was_touched(&self, own: &str) -> Result<bool, Problem> {
        let own = self.lane_of(own)?;
        let made = version_of::table(&self.js, &own.id.tenant, &own.id.uid).await?.created_seq;
        self.fold().effects.was_changed(&own.id, made, u64::MAX).await
    }

    /// The table of the main line that a branch's own one was made of, as it was then; whatever became of it since.
    pub async fn began_with(&self, main: &str, own: &str) -> Result<Arc<Version>, Problem> {
        let own = self.lane_of(own)?;
        let made = version_of::table(&self.js, &own.id.tenant, &own.id.uid).await?.created_seq;
        let source = version_of::table(&self.js, &own.id.tenant, main).await?;
        self.version_of(&source, made).await
    }

    /// How the rows of a table differ from those of an earlier point.
    pub async fn rows_differ_from(&self, earlier: Arc<Version>, later: &str) -> Result<RowsDiffer, Problem> {
        let (later, before) = (self.lane_of(later)?, earlier.file().clone());
        let differ = self.long_on_file(&*later, move |hub, file| hub.rows_differ(&before, file)).await;
        // Held until here: its file goes with it.
        drop(earlier);
        differ
    }
}
