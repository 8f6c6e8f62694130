//! Several loops under one end and one report.

use std::collections::BTreeMap;

use alluvium_kernel::BoxFuture;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{Classify, Context, DrainReport, Handle, Loop, LoopError, Report, State, read::Readable};

type Start = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, Result<DrainReport, LoopError>> + Send>;

/// Several loops that begin and end together: when one fails, all end.
#[derive(Default)]
pub struct Router {
    loops: Vec<(String, Start)>,
    handles: RouterHandle,
}

/// How the loops of a router are doing. A cheap clone.
#[derive(Clone, Debug, Default)]
pub struct RouterHandle(Vec<(String, Handle)>);

impl RouterHandle {
    /// Each loop's report, by its name.
    pub fn reports(&self) -> Vec<(String, Report)> {
        self.0.iter().map(|(name, handle)| (name.clone(), handle.report())).collect()
    }

    /// Whether every loop works as it should.
    pub fn is_ready(&self) -> bool {
        self.0.iter().all(|(_, handle)| handle.report().state == State::Ready)
    }

    /// Ends all loops.
    pub fn stop(&self) {
        self.0.iter().for_each(|(_, handle)| handle.stop());
    }
}

impl Router {
    /// No loops yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A loop and what handles its messages.
    #[must_use]
    pub fn with<T, H, F, E>(mut self, name: impl Into<String>, reads: Loop<T>, handler: H) -> Self
    where
        T: Readable,
        H: Fn(Context, T) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Classify + 'static,
    {
        let name = name.into();
        self.handles.0.push((name.clone(), reads.handle()));
        self.loops.push((name, Box::new(move |stop| Box::pin(reads.run(handler, stop)))));
        self
    }

    /// How its loops are doing.
    pub fn handle(&self) -> RouterHandle {
        self.handles.clone()
    }

    /// Runs all loops until `shutdown` is cancelled or one of them fails; gives each one's end, or the first failure after
    /// all have ended.
    pub async fn run(self, shutdown: CancellationToken) -> Result<BTreeMap<String, DrainReport>, (String, LoopError)> {
        let stop = shutdown.child_token();
        let mut running: FuturesUnordered<_> = self
            .loops
            .into_iter()
            .map(|(name, start)| {
                let running = start(stop.clone());
                async move { (name, running.await) }
            })
            .collect();
        let (mut ends, mut failed) = (BTreeMap::new(), None);
        while let Some((name, result)) = running.next().await {
            match result {
                Ok(report) => {
                    ends.insert(name, report);
                }
                Err(error) => {
                    stop.cancel();
                    failed.get_or_insert((name, error));
                }
            }
        }
        failed.map_or(Ok(ends), Err)
    }
}
