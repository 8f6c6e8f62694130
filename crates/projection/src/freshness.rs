//! Where reads wait until what they read is far enough. Nothing here polls.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alluvium_kernel::{Position, Problem};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// How far each fold in this process (or heard of from others) is. Cheap to clone; one per process.
#[derive(Clone, Default)]
pub struct Freshness(Arc<RwLock<HashMap<String, Entry>>>);

#[derive(Clone)]
struct Entry {
    stream: Arc<str>,
    applied: watch::Sender<u64>,
    wanted: Arc<Notify>,
}

impl Freshness {
    /// Makes a fold known, at 0. Registering again changes nothing.
    pub fn register(&self, name: &str, stream: &str) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        entries.entry(name.to_owned()).or_insert_with(|| Entry {
            stream: stream.into(),
            applied: watch::Sender::new(0),
            wanted: Arc::default(),
        });
    }

    /// Forgets a fold; who waits for it waits its budget out.
    pub fn forget(&self, name: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// A fold has applied everything up to `seq`. Going backwards is ignored.
    pub fn advance(&self, name: &str, seq: u64) {
        if let Some(entry) = self.entry(name) {
            entry.applied.send_if_modified(|applied| {
                let moves = seq > *applied;
                *applied = (*applied).max(seq);
                moves
            });
        }
    }

    /// A fold starts from `seq`, wherever it was: at start, and after a rebuild of a quarantined one.
    pub fn reset(&self, name: &str, seq: u64) {
        if let Some(entry) = self.entry(name) {
            entry.applied.send_replace(seq);
        }
    }

    /// How far a fold is; `None` when nobody registered it.
    pub fn applied(&self, name: &str) -> Option<u64> {
        self.entry(name).map(|entry| *entry.applied.borrow())
    }

    /// How far all of `projections` are: for each stream the slowest fold of it.
    pub fn reached(&self, projections: &[&str]) -> Position {
        let mut slowest: HashMap<Arc<str>, u64> = HashMap::new();
        for entry in projections.iter().filter_map(|name| self.entry(name)) {
            let applied = *entry.applied.borrow();
            slowest.entry(entry.stream.clone()).and_modify(|seq| *seq = (*seq).min(applied)).or_insert(applied);
        }
        slowest.iter().fold(Position::start(), |all, (stream, seq)| all.join(&Position::of(stream, *seq)))
    }

    /// Resolves when somebody waits for more than the fold has: its runner then looks at once whether the rest of the stream
    /// concerns it at all.
    pub(crate) fn wanted(&self, name: &str) -> Arc<Notify> {
        self.entry(name).map(|entry| entry.wanted).unwrap_or_default()
    }

    /// Waits until every one of `projections` has reached `position` in its stream.
    pub async fn wait(&self, position: &Position, projections: &[&str], budget: Duration) -> Result<(), Problem> {
        let deadline = Instant::now() + budget;
        for name in projections {
            let entry = self.entry(name).ok_or_else(|| {
                tracing::error!(projection = name, "a read waits for a projection that nobody runs");
                Problem::new("projection.unknown", 404, format!("Nobody here folds `{name}`."))
            })?;
            let needed = position.seq(&entry.stream);
            let mut applied = entry.applied.subscribe();
            if *applied.borrow_and_update() >= needed {
                continue;
            }
            entry.wanted.notify_one();
            let reached = tokio::time::timeout_at(deadline, applied.wait_for(|seq| *seq >= needed)).await;
            if !matches!(reached, Ok(Ok(_))) {
                return Err(self.lagging(name, needed, budget, projections));
            }
        }
        Ok(())
    }

    fn lagging(&self, name: &str, needed: u64, budget: Duration, projections: &[&str]) -> Problem {
        let applied = self.applied(name).unwrap_or(0);
        let detail = format!(
            "`{name}` has applied {applied}, the request asks for {needed}; waited {} ms. Try again.",
            budget.as_millis()
        );
        Problem::unavailable("projection.lagging", detail).with_details(serde_json::json!({
            "projection": name,
            "reached": self.reached(projections).to_token(),
            "retry_after_seconds": 1,
        }))
    }

    fn entry(&self, name: &str) -> Option<Entry> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_every_fold_and_says_how_far_it_is() {
        let freshness = Freshness::default();
        freshness.register("a", "S");
        freshness.register("b", "S");
        freshness.advance("a", 5);
        let position = Position::of("S", 5);
        let problem = freshness.wait(&position, &["a", "b"], Duration::from_millis(20)).await.unwrap_err();
        assert_eq!((problem.code.as_str(), problem.status), ("projection.lagging", 503));
        let details = problem.details.unwrap();
        assert_eq!(details["projection"], "b");
        assert_eq!(Position::from_token(details["reached"].as_str().unwrap()).unwrap().seq("S"), 0);

        let waiting = tokio::spawn({
            let (freshness, position) = (freshness.clone(), position.clone());
            async move { freshness.wait(&position, &["a", "b"], Duration::from_secs(5)).await }
        });
        tokio::task::yield_now().await;
        freshness.advance("b", 9);
        freshness.advance("b", 2);
        waiting.await.unwrap().unwrap();
        assert_eq!(freshness.applied("b"), Some(9), "never backwards");
    }

    #[tokio::test]
    async fn other_streams_do_not_matter_and_strangers_are_named() {
        let freshness = Freshness::default();
        freshness.register("a", "S");
        freshness.wait(&Position::of("T", 100), &["a"], Duration::ZERO).await.unwrap();
        let problem = freshness.wait(&Position::start(), &["x"], Duration::ZERO).await.unwrap_err();
        assert_eq!(problem.code, "projection.unknown");
    }
}
