//! The pipelines of all tenants, in memory: what the driver looks at.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use alluvium_kernel::Problem;
use alluvium_kernel::subject::{self, Parsed};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage};
use alluvium_projection::LiveFold;
use cqrs_es::Aggregate as _;
use tokio::sync::Notify;

use super::Place;
use crate::context::STREAM;
use crate::contract::Event;
use crate::model::Pipeline;

/// The fold's name, where somebody waits for it.
pub const PIPELINES: &str = "pipelines.live";

/// The pipelines of all tenants, as the log has them.
#[derive(Debug, Default)]
pub struct Pipelines {
    all: RwLock<BTreeMap<Place, Arc<Pipeline>>>,
    changed: Notify,
}

impl Pipelines {
    /// One of them.
    pub(super) fn get(&self, place: &Place) -> Option<Arc<Pipeline>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<(Place, Arc<Pipeline>)> {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(place, pipeline)| (place.clone(), pipeline.clone())).collect()
    }

    /// Waits until something changes.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn read(&self, message: &LogMessage) -> Result<(), String> {
        let Some(Parsed::Event { tenant, aggregate, id, .. }) = subject::parse(&message.subject) else {
            return Err("this is no subject of an aggregate".to_owned());
        };
        if aggregate != "pipeline" {
            return Ok(());
        }
        let commit = Commit::from_avro(&message.payload).map_err(|error| error.to_string())?;
        let place = Place { tenant, pipeline: id.decode() };
        let mut pipeline = self.get(&place).map_or_else(Pipeline::default, |known| Pipeline::clone(&known));
        for entry in &commit.entries {
            let event = Event::decode(&entry.r#type, &entry.event).map_err(|error| error.to_string())?;
            if let Event::Pipeline(event) = event {
                pipeline.apply(event);
            }
        }
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if pipeline.is_live() {
            all.insert(place, Arc::new(pipeline));
        } else {
            all.remove(&place);
        }
        Ok(())
    }
}

impl LiveFold for Pipelines {
    const STREAM: &'static str = STREAM;
    const NAME: &'static str = PIPELINES;

    fn clear(&self) {
        self.all.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn apply(&self, message: &LogMessage) {
        if let Err(reason) = self.read(message) {
            tracing::error!(
                stream.seq = message.seq,
                reason,
                "an event of pipelines cannot be read; its pipeline stands still"
            );
        }
        self.changed.notify_one();
    }

    fn not_ready() -> Problem {
        Problem::unavailable(
            "pipelines.unavailable",
            "The log of pipelines has not been read to its end yet. Try again.",
        )
    }
}
