//! What is known of running pipelines only where they run; the binary brings it.

use alluvium_kernel::{BoxFuture, Token};

use super::Place;

/// Asked for what the log does not tell.
pub trait Telemetry: Send + Sync + 'static {
    /// The metrics of all running pipelines of a tenant, in the text format of Prometheus. Of those that do not answer, nothing.
    fn metrics<'a>(&'a self, tenant: &'a Token) -> BoxFuture<'a, String>;

    /// What there is to say of a pipeline now, as much of it as is wanted. Of one that does not run, what can be said.
    fn collect<'a>(&'a self, place: &'a Place, wanted: Wanted) -> BoxFuture<'a, Collection>;

    /// What was collected before by itself, newest first.
    fn collected<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Vec<Collection>>;
}

/// What of a collection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Work and sizes of the nodes.
    pub circuit_profile: bool,
    /// Where memory is.
    pub heap_profile: bool,
    /// Metrics.
    pub metrics: bool,
    /// What it wrote for people.
    pub logs: bool,
    /// Counters.
    pub stats: bool,
}

/// What was said of a pipeline at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Parts, none where they were not wanted.
    pub parts: Vec<Part>,
}

/// One part of a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which.
    pub kind: PartKind,
    /// What it says, or why it is not there.
    pub content: Result<Vec<u8>, String>,
}

/// The parts that only where a pipeline runs are known. Each is a file of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Work and sizes of the nodes, drawn: an archive.
    CircuitProfile,
    /// The same as data.
    CircuitJsonProfile,
    /// Where memory is.
    HeapProfile,
    /// Metrics, in the text format of Prometheus.
    Metrics,
    /// What it wrote for people.
    Logs,
    /// Counters.
    Stats,
}

impl PartKind {
    /// The file's name.
    pub fn file(self) -> &'static str {
        match self {
            Self::CircuitProfile => "circuit_profile.zip",
            Self::CircuitJsonProfile => "circuit_profile.json",
            Self::HeapProfile => "heap_profile.pb.gz",
            Self::Metrics => "metrics.txt",
            Self::Logs => "logs.txt",
            Self::Stats => "stats.json",
        }
    }
}

impl Wanted {
    /// Whether a part is wanted.
    pub fn has(self, kind: PartKind) -> bool {
        match kind {
            PartKind::CircuitProfile | PartKind::CircuitJsonProfile => self.circuit_profile,
            PartKind::HeapProfile => self.heap_profile,
            PartKind::Metrics => self.metrics,
            PartKind::Logs => self.logs,
            PartKind::Stats => self.stats,
        }
    }

    /// Whether anything is.
    pub fn is_any(self) -> bool {
        self.circuit_profile || self.heap_profile || self.metrics || self.logs || self.stats
    }
}
