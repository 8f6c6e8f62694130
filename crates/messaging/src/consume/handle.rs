//! What stands outside of a running loop and looks in.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering as Atomic},
};

use tokio_util::sync::CancellationToken;

use super::{
    health::{Health, Report},
    lanes::Lanes,
};

/// Stops a loop and tells how it is doing. A cheap clone.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) stop: CancellationToken,
    pub(super) health: Health,
    pub(super) finished: Arc<AtomicU64>,
    pub(super) lanes: Arc<OnceLock<Arc<Lanes>>>,
}

impl Handle {
    pub(super) fn new() -> Self {
        let stop = CancellationToken::new();
        Self { stop, health: Health::new(), finished: Arc::default(), lanes: Arc::default() }
    }

    /// Ends the loop as its token does.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// How it is doing.
    pub fn report(&self) -> Report {
        let (in_flight, in_flight_bytes, oldest) = self.lanes.get().map_or((0, 0, None), |lanes| lanes.vitals());
        Report {
            state: self.health.state(),
            heard_before: self.health.heard_before(),
            in_flight,
            in_flight_bytes,
            oldest,
            finished: self.finished.load(Atomic::Relaxed),
        }
    }
}
