//! What all queries of a pipeline share: memory, a place to spill to, and how many may run.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::common::not_impl_err;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::object_store::ObjectStore;
use datafusion::prelude::SessionConfig;
use tokio::sync::Semaphore;
use url::Url;

use crate::catalog::{CATALOG, SCHEMA};
use crate::error::QueryError;
use crate::guard::{GuardRewrite, guarded};
use crate::relations::{Relations, Sink};
use crate::session::Session;

/// How many rows are worked on at a time.
pub const BATCH_ROWS: usize = 2_048;
/// How many operators an error names that hold most of the memory.
const CULPRITS: NonZeroUsize = NonZeroUsize::MIN;

/// Where sorts and joins may put what memory does not hold.
#[derive(Clone, Debug)]
pub struct Spill {
    /// A directory that is there and is theirs alone.
    pub directory: PathBuf,
    /// How much they may put there.
    pub bytes_max: u64,
}

/// What the queries of a pipeline may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How much memory all of them together may hold for sorts, joins, groups and rows to insert.
    pub memory_bytes: usize,
    /// Where they may go beyond it; nowhere, if `None`.
    pub spill: Option<Spill>,
    /// How many rows one may give.
    pub rows_max: Option<u64>,
    /// How long one may take, from its text to its last byte.
    pub time_max: Option<Duration>,
    /// How many may run at once.
    pub queries_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 256 * 1024 * 1024, spill: None, rows_max: None, time_max: None, queries_max: 16 }
    }
}

/// Runs the ad-hoc queries of one pipeline. Clones share everything.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) limits: Arc<Limits>,
    pub(crate) base: Arc<SessionState>,
    pub(crate) running: Arc<Semaphore>,
}

impl Engine {
    /// An engine with these limits. Errors if the directory to spill to cannot be used.
    pub fn new(limits: Limits) -> Result<Self, QueryError> {
        let mut base = SessionStateBuilder::new()
            .with_config(config())
            .with_runtime_env(Arc::new(runtime(&limits)?))
            .with_expr_planners(SessionStateDefaults::default_expr_planners())
            .with_scalar_functions(SessionStateDefaults::default_scalar_functions().into_iter().map(guarded).collect())
            .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
            .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
            .with_window_functions(SessionStateDefaults::default_window_functions())
            .with_table_function_list(SessionStateDefaults::default_table_functions())
            .build();
        datafusion_functions_json::register_all(&mut base)?;
        base.register_function_rewrite(Arc::new(GuardRewrite))?;
        let running = Arc::new(Semaphore::new(limits.queries_max.min(Semaphore::MAX_PERMITS)));
        Ok(Self { limits: Arc::new(limits), base: Arc::new(base), running })
    }

    /// For one request: its relations as of one moment, and where its inserts go.
    #[must_use]
    pub fn session(&self, relations: Arc<dyn Relations>, sink: Arc<dyn Sink>) -> Session {
        Session::new(self.clone(), relations, sink)
    }
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.map_string_types_to_utf8view = false;
    config
}

fn runtime(limits: &Limits) -> Result<RuntimeEnv, QueryError> {
    let (pool, mode, spilled_max): (Arc<dyn MemoryPool>, _, _) = match &limits.spill {
        // Who spills must leave something to the others.
        Some(spill) => (
            Arc::new(TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), CULPRITS)),
            DiskManagerMode::Directories(vec![spill.directory.clone()]),
            spill.bytes_max,
        ),
        None => (
            Arc::new(TrackConsumersPool::new(GreedyMemoryPool::new(limits.memory_bytes), CULPRITS)),
            DiskManagerMode::Disabled,
            0,
        ),
    };
    let disk = DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(spilled_max);
    Ok(RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(NoStores))
        .build()?)
}

/// There are no files and no buckets to read or write, not even by mistake.
#[derive(Debug)]
struct NoStores;

impl ObjectStoreRegistry for NoStores {
    fn register_store(&self, _url: &Url, _store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, _url: &Url) -> Result<Arc<dyn ObjectStore>> {
        not_impl_err!("queries read relations of the pipeline only")
    }
}
