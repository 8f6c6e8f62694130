//! How a plan of rows is configured.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::words::{self, Make};
use crate::config::Wrong;

/// How many workers may make rows.
pub const WORKERS_MAX: usize = 1024;
/// How many rows a worker makes at once, where nothing else is said.
pub const CHUNK_ROWS: u64 = 10_000;

/// `datagen`: rows made by plans, one after the other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The plans, in their order.
    #[serde(default = "one_plan")]
    pub plan: Vec<Plan>,
    /// How many rows are made side by side.
    #[serde(default = "one")]
    pub workers: usize,
    /// What all rows depend on; one is drawn without.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Rows to a transaction; no transactions without.
    #[serde(default)]
    pub transaction_size: Option<u64>,
}

/// Some rows, or rows without end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Rows per second; as fast as it goes without.
    #[serde(default)]
    pub rate: Option<u32>,
    /// Rows in all; no end without.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Rows that are made at once.
    #[serde(default)]
    pub worker_chunk_size: Option<u64>,
    /// How the values of columns are made; columns without count.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldSettings>,
}

impl Plan {
    /// Rows that are made at once.
    pub(super) fn chunk_rows(&self) -> u64 {
        let by_rate = self.rate.map_or(CHUNK_ROWS, |rate| CHUNK_ROWS.min(u64::from(rate)));
        self.worker_chunk_size.unwrap_or(by_rate).max(1)
    }
}

/// How the values of a column, field, element or key are made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FieldSettings {
    /// How they follow each other.
    pub strategy: Strategy,
    /// Between which two they are, the second not among them; or their lengths.
    pub range: Option<Vec<Value>>,
    /// What they are multiplied with.
    pub scale: i64,
    /// How fast they become rare, for [`Strategy::Zipf`].
    pub e: f64,
    /// All values there are.
    pub values: Option<Vec<Value>>,
    /// How many of a hundred are NULL.
    pub null_percentage: Option<u64>,
    /// The fields of a row.
    pub fields: Option<BTreeMap<String, FieldSettings>>,
    /// The keys of a map.
    pub key: Option<Box<FieldSettings>>,
    /// The elements of an array, the values of a map.
    pub value: Option<Box<FieldSettings>>,
}

impl Default for FieldSettings {
    fn default() -> Self {
        Self {
            strategy: Strategy::Increment,
            range: None,
            scale: 1,
            e: 1.0,
            values: None,
            null_percentage: None,
            fields: None,
            key: None,
            value: None,
        }
    }
}

/// How values follow each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub enum Strategy {
    /// They count.
    Increment,
    /// All are equally frequent.
    Uniform,
    /// The first are the most frequent.
    Zipf,
    /// They are words.
    Words(WordStrategy),
}

/// Words of one kind.
#[derive(Clone)]
pub struct WordStrategy {
    name: &'static str,
    pub(super) make: Make,
    pub(super) parts: Option<std::ops::Range<usize>>,
}

impl std::fmt::Debug for WordStrategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl TryFrom<String> for Strategy {
    type Error = String;

    fn try_from(tag: String) -> Result<Self, String> {
        Ok(match tag.as_str() {
            "increment" => Self::Increment,
            "uniform" => Self::Uniform,
            "zipf" => Self::Zipf,
            other => {
                let (name, make, parts) =
                    words::find(other).ok_or_else(|| format!("there is no strategy `{other}`"))?;
                Self::Words(WordStrategy { name, make, parts })
            }
        })
    }
}

fn one_plan() -> Vec<Plan> {
    vec![Plan::default()]
}

fn one() -> usize {
    1
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        if self.workers == 0 || self.workers > WORKERS_MAX {
            return Err(Wrong::new("workers", format!("it is {} and must be 1 to {WORKERS_MAX}", self.workers)));
        }
        if self.transaction_size == Some(0) {
            return Err(Wrong::new("transaction_size", "it is 0 and must be at least 1"));
        }
        for (at, plan) in self.plan.iter().enumerate() {
            if plan.rate == Some(0) {
                return Err(Wrong::new(format!("plan[{at}].rate"), "it is 0; leave it out for no limit"));
            }
            if plan.worker_chunk_size == Some(0) {
                return Err(Wrong::new(format!("plan[{at}].worker_chunk_size"), "it is 0 and must be at least 1"));
            }
        }
        Ok(())
    }
}
