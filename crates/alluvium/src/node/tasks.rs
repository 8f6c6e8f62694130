//! Tasks that run until told to stop, and are waited for.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A group of tasks that stops together.
pub struct Tasks {
    group: &'static str,
    stop: CancellationToken,
    set: JoinSet<&'static str>,
}

impl Tasks {
    /// An empty group.
    pub fn new(group: &'static str) -> Self {
        Self { group, stop: CancellationToken::new(), set: JoinSet::new() }
    }

    /// What tells the group to stop.
    pub fn token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Adds a task that runs until the group's token is cancelled.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.set.spawn(async move {
            task.await;
            name
        });
    }

    /// Resolves when a task ends although nobody asked it to; never for an empty group.
    pub async fn ended(&mut self) -> &'static str {
        match self.set.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(error)) => {
                tracing::error!(group = self.group, error = %error, "a task panicked");
                self.group
            }
            None => std::future::pending().await,
        }
    }

    /// Tells all to stop and waits for them, within a bound; then they are dropped where they stand, which the log survives.
    pub async fn stop(mut self, within: Duration) {
        self.stop.cancel();
        let all = async { while self.set.join_next().await.is_some() {} };
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!(
                group = self.group,
                within_ms = within.as_millis() as u64,
                "stopped before all was finished"
            );
            self.set.abort_all();
        }
    }
}
