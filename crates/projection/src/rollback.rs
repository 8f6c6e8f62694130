//! Going back to the generation that was read before a rebuild: brought up to date first, so that no read goes back in time.

use std::sync::Arc;

use alluvium_kernel::Problem;
use serde::Serialize;

use crate::ahead::Ahead;
use crate::generation::Building;
use crate::rebuild::Replay;
use crate::runner::Unit;
use crate::{Error, Order, Pace, Schema, generation, lineage, parking};

/// Parked events of one key that are tried again or left out one after another.
const REMEDIES_MAX: usize = 1_000;

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollbackReport {
    /// The generation read until now; kept, so that one can go back again.
    pub from_generation: i32,
    /// The generation read from now on.
    pub to_generation: i32,
    /// Messages that it had missed.
    pub events: u64,
    /// Sequence of the stream at which reads were switched.
    pub seq: u64,
}

impl Unit {
    /// Brings the kept generation up to where the live one is, and flips to it.
    pub async fn rollback(&self, pace: Pace) -> Result<RollbackReport, Error> {
        let _working = self.begin_work()?;
        let live = self.active.borrow().clone();
        let Some(number) = generation::previous(&self.pool, &*self.projection).await? else {
            let detail = format!("`{}` has no other generation than the one being read.", self.name());
            return Err(Problem::new("projection.nothing_kept", 409, detail).into());
        };
        let building = Building::sign(&self.pool, &*self.projection, number).await?;
        let result = self.follow_and_flip(&live, number, pace).await;
        building.done().await;
        self.progress.send_replace(None);
        result
    }

    async fn follow_and_flip(&self, live: &Schema, number: i32, pace: Pace) -> Result<RollbackReport, Error> {
        let kept = Arc::new(Schema::new(self.projection.schema(), number));
        // It may be of an earlier release.
        generation::create(&self.pool, &*self.projection, &kept).await?;
        let watermark = self.live_watermark(&kept).await?;
        let refuse = |reason: String| {
            let detail = format!("Generation {number} of `{}` cannot be brought up to date: {reason}.", self.name());
            Error::from(Problem::new("projection.cannot_go_back", 409, detail))
        };
        if let Some(reason) = watermark.quarantined {
            return Err(refuse(reason));
        }
        let facts = match lineage::verify(&self.js, &*self.projection, &watermark).await {
            Ok(facts) => facts,
            Err(Error::Quarantine(reason)) => return Err(refuse(reason)),
            Err(error) => return Err(error),
        };
        let ahead = (facts.created, Ahead::of(self.reader(watermark.seq + 1)?));
        let mut replay = Replay::begin(self, kept.clone(), ahead, pace).await?;
        self.remedied(live, &kept).await?;
        // A kept one is not followed by another: nothing is dropped, and one can go back again.
        let (seq, _) = self.flip(&mut replay, live, &kept).await?;
        Ok(RollbackReport { from_generation: live.generation(), to_generation: number, events: replay.done, seq })
    }

    /// What was parked when it stopped being read may have been remedied since: given up by an order, or its cause removed.
    async fn remedied(&self, live: &Schema, kept: &Schema) -> Result<(), Error> {
        let (from, to, at) = (live.generation(), kept.generation(), self.live_watermark(live).await?.seq);
        let parked = parking::list(&self.pool, self.name(), kept.generation()).await?;
        let skipped = parking::skipped(&mut *self.pool.acquire().await?, self.name()).await?;
        let mut keys: Vec<&str> = parked.iter().map(|event| event.key.as_str()).collect();
        keys.dedup();
        for key in keys {
            for event in parked.iter().filter(|event| event.key == key).take(REMEDIES_MAX) {
                let give_up = skipped.contains(&event.seq).then_some(event.seq);
                let position = format!("rollback {from} {to} at {at} of {key} {}", event.seq);
                let order = Order { key: key.to_owned(), give_up, position };
                match self.bench(kept).remedy(&order).await {
                    Ok(done) if done.remaining == 0 => break,
                    // Still poison, as in the live one: it stays parked.
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}
