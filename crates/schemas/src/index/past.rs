//! Views as they were: the log folded up to a point.

use std::sync::Arc;
use std::time::Duration;

use alluvium_eventlog::{Past, Point};
use alluvium_kernel::{Problem, Token};
use alluvium_messaging::{PullSettings, Tail, TailConfig, Tailed};
use async_nats::jetstream;

use super::{Change, Follower, STREAM, View};
use crate::error;

/// How long making a view may take, in milliseconds.
const FOLD_MS_MAX: u64 = 30_000;
/// Views of the past kept at hand.
const VIEWS_MAX: u64 = 8;

/// Makes views of the past. Cheap to clone.
#[derive(Clone)]
pub struct PastViews {
    js: jetstream::Context,
    past: Past,
    follower: Arc<Follower>,
    made: moka::sync::Cache<(Token, u64), Arc<View>>,
}

impl PastViews {
    /// Over the registry's stream.
    pub fn new(js: jetstream::Context, follower: Arc<Follower>) -> Self {
        let past = Past::new(js.clone(), STREAM);
        Self { js, past, follower, made: moka::sync::Cache::new(VIEWS_MAX) }
    }

    /// The sequence that a point means: `seq:<n>`, a position token, or a time.
    pub async fn resolve(&self, text: &str) -> Result<u64, Problem> {
        let text = text.strip_prefix("seq:").unwrap_or(text);
        self.past.resolve(&Point::parse(text, STREAM)?).await
    }

    /// A tenant's view with message `seq`, and without any after it.
    pub async fn at(&self, tenant: &Token, seq: u64) -> Result<Arc<View>, Problem> {
        let key = (tenant.clone(), seq);
        if let Some(view) = self.made.get(&key) {
            return Ok(view);
        }
        let folded = tokio::time::timeout(Duration::from_millis(FOLD_MS_MAX), self.fold(tenant, seq)).await;
        let view = folded.map_err(|_| error::not_ready())??;
        self.made.insert(key, view.clone());
        Ok(view)
    }

    async fn fold(&self, tenant: &Token, seq: u64) -> Result<Arc<View>, Problem> {
        let mut view = View::default();
        if seq == 0 {
            return Ok(Arc::new(view));
        }
        let filters = vec![format!("ev.{tenant}.schemas.>")];
        let config = TailConfig { stream: STREAM.to_owned(), filters, from: 1, pull: PullSettings::default() };
        let mut tail = Tail::new(self.js.clone(), config)?;
        let mut seen_any = false;
        loop {
            match tail.next().await? {
                Tailed::Message(message) if message.seq > seq => break,
                Tailed::Message(message) => {
                    let last = message.seq == seq || message.pending == 0;
                    seen_any = true;
                    let change = Change::of(&message).map_err(|reason| error::mistake(&reason))?;
                    view.apply(change);
                    if last {
                        break;
                    }
                }
                Tailed::Reconnected if seen_any => return Err(error::not_ready()),
                // The log may only be slow: there is nothing of this tenant when the index has nothing either.
                Tailed::Idle if self.follower.get()?.view(tenant).seq == 0 => break,
                Tailed::Reconnected | Tailed::Idle => {}
            }
        }
        Ok(Arc::new(view))
    }
}
