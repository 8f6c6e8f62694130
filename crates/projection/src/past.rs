//! A projection as the log had it at an earlier point: a generation of its own, replayed up to there, read, and dropped.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::Problem;
use sqlx::PgPool;
use tokio::sync::watch;

use crate::rebuild::Replay;
use crate::runner::Unit;
use crate::{ActiveSchema, Error, PgProjection, Projections, Schema, generation};

/// How long a replay to an earlier point may take, in seconds; a longer history is refused.
pub const PAST_SECONDS_MAX: u64 = 20;
/// Earlier points of one projection that are kept for repeated reads.
pub(crate) const PAST_KEPT_MAX: usize = 4;
/// How long one is kept after its last read.
pub(crate) const PAST_IDLE: Duration = Duration::from_mins(1);
/// When a generation that its process forgot may be dropped by any other, in seconds. Longer than a replay, the time it is
/// kept while it is read, and a request together.
const ABANDONED_SECONDS: u64 = 3_600;
/// How long after that it is looked for.
const SWEEP_LATER: Duration = Duration::from_secs(1);

/// A projection at an earlier point. Its generation goes with the last who holds this.
pub struct PastGeneration {
    schema: Arc<Schema>,
    pool: PgPool,
    projection: Arc<dyn PgProjection>,
}

impl PastGeneration {
    /// The schema to read, as readers of the live one take it.
    pub fn schema(&self) -> ActiveSchema {
        // A receiver keeps the last value when its sender is gone.
        ActiveSchema::new(watch::channel(self.schema.clone()).1)
    }
}

impl Drop for PastGeneration {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (pool, projection, number) = (self.pool.clone(), self.projection.clone(), self.schema.generation());
        runtime.spawn(async move {
            if let Err(error) = generation::drop(&pool, &*projection, number).await {
                // It is dropped as abandoned later on.
                tracing::debug!(projection = projection.name(), generation = number, error = %error, "left behind");
            }
        });
    }
}

impl Projections {
    /// The projection as it was with message `seq` of its stream: replayed beside the live one, kept for a minute. Refused
    /// when that takes longer than [`PAST_SECONDS_MAX`].
    pub async fn as_of(&self, name: &str, seq: u64) -> Result<Arc<PastGeneration>, Problem> {
        let unit = self.unit(name)?;
        unit.past.sweep();
        let replayed = unit.past.get(seq, Box::pin(unit.replay_to(seq)));
        let replayed = tokio::time::timeout(Duration::from_secs(PAST_SECONDS_MAX), replayed).await;
        let idle = Arc::downgrade(unit);
        tokio::spawn(async move {
            tokio::time::sleep(PAST_IDLE + SWEEP_LATER).await;
            if let Some(unit) = idle.upgrade() {
                unit.past.sweep();
            }
        });
        let Ok(replayed) = replayed else {
            let stream = unit.projection.stream();
            let detail = format!("`{name}` up to {stream}:{seq} takes longer than {PAST_SECONDS_MAX} s to fold.");
            return Err(Problem::unavailable("projection.history_over_budget", detail));
        };
        Ok(replayed?)
    }
}

impl Unit {
    async fn replay_to(&self, seq: u64) -> Result<PastGeneration, Error> {
        generation::drop_abandoned(&self.pool, &*self.projection).await?;
        let ahead = self.read_ahead().await?;
        let (schema, building) = generation::next(&self.pool, &*self.projection).await?;
        let schema = Arc::new(schema);
        // From here on it is dropped whatever happens.
        let past =
            PastGeneration { schema: schema.clone(), pool: self.pool.clone(), projection: self.projection.clone() };
        let noted = generation::abandon_after(&self.pool, &schema, ABANDONED_SECONDS).await;
        // The note tells from here on what it is there for, and who may drop it.
        building.done().await;
        noted?;
        Replay::quietly(self, schema, ahead).await?.to(seq).await?;
        Ok(past)
    }
}
