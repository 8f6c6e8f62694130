//! Texts and parsed schemas where commands are decided and questions answered. All of it is immutable: a text belongs to the
//! hash of its content, so that it may come from wherever it is at hand.

use std::sync::Arc;
use std::time::Duration;

use alluvium_kernel::{Problem, Token};
use moka::sync::Cache;

use crate::error;
use crate::index::{Entry, Follower, View};
use crate::kinds::{Model, Referenced, Strictness};
use crate::model::{Content, Digest};

/// Memory for parsed schemas, in bytes, roughly.
const MODELS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Texts of decisions that may not be on the log yet, in bytes.
const FRESH_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a decision waits for a text that the log has and the index has not, in milliseconds.
const TEXT_WAIT_MS: u64 = 2_000;
/// Pause between two looks for it, in milliseconds.
const LOOK_AGAIN_MS: u64 = 2;

/// Texts and parsed schemas.
pub struct Library {
    follower: Arc<Follower>,
    models: Cache<Digest, Arc<Model>>,
    fresh: Cache<Digest, Arc<Entry>>,
}

impl Library {
    /// Over the index of this process.
    pub fn new(follower: Arc<Follower>) -> Self {
        let models = Cache::builder()
            .weigher(|_: &Digest, model: &Arc<Model>| u32::try_from(model.weight()).unwrap_or(u32::MAX))
            .max_capacity(MODELS_BYTES_MAX)
            .build();
        let fresh = Cache::builder()
            .weigher(|_: &Digest, entry: &Arc<Entry>| u32::try_from(entry.text.len() + 256).unwrap_or(u32::MAX))
            .max_capacity(FRESH_BYTES_MAX)
            .build();
        Self { follower, models, fresh }
    }

    /// Keeps what a decision is about: the next one may need it before it is on the log.
    pub(crate) fn remember(&self, entry: Entry) {
        self.fresh.insert(entry.identity, Arc::new(entry));
    }

    /// A tenant's view as it is now.
    pub(crate) fn view(&self, tenant: &Token) -> Arc<View> {
        self.follower.known().view(tenant)
    }

    /// The text of a content that the aggregate knows, waiting for the index if need be.
    pub(crate) async fn text_of(
        &self,
        tenant: &Token,
        context: &str,
        id: u32,
        content: &Content,
    ) -> Result<Arc<Entry>, Problem> {
        if let Some(entry) = self.fresh.get(&content.identity) {
            return Ok(entry);
        }
        for _ in 0..TEXT_WAIT_MS / LOOK_AGAIN_MS {
            let view = self.view(tenant);
            let entry = view.context(context).and_then(|context| context.entry(id));
            if let Some(entry) = entry.filter(|entry| entry.identity == content.identity) {
                return Ok(entry.clone());
            }
            tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
        }
        Err(error::not_ready())
    }

    /// A parsed schema, from before if it is at hand: whatever means the same is the same model.
    pub(crate) fn model(
        &self,
        entry: &Entry,
        references: impl FnOnce() -> Vec<Referenced>,
    ) -> Result<Arc<Model>, Problem> {
        if let Some(model) = self.models.get(&entry.equality) {
            return Ok(model);
        }
        let parsed = Model::parse(entry.kind, &entry.text, &references(), Strictness::Lenient);
        let model =
            parsed.map_err(|cause| error::mistake(&format!("schema {} does not parse any more: {cause}", entry.id)))?;
        let model = Arc::new(model);
        self.models.insert(entry.equality, model.clone());
        Ok(model)
    }

    /// Whether a parsed schema is at hand.
    pub(crate) fn has_model(&self, entry: &Entry) -> bool {
        self.models.contains_key(&entry.equality)
    }
}
