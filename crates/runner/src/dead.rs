//! Rows that a pipeline did not take: kept in its view [`ERROR_VIEW`], which can be queried and followed as any other.

use std::sync::Arc;

use alluvium_dataflow::{RejectedRows, Zset};
use alluvium_formats::{ChunkLimits, EncoderOptions, FormatConfig};
pub(crate) use alluvium_sql::catalog::ERROR_VIEW;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::program::Shown;

/// How long a text of it may be, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;
/// Rows that one step adds.
pub(crate) const STEP_ROWS_MAX: usize = 1_000;
/// How much of the rows that a table refused is shown, in bytes.
const SHOWN_BYTES_MAX: usize = 2_048;

/// Something that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dead {
    /// The table or view that it was for.
    pub relation: String,
    /// Why not.
    pub message: String,
    /// What is known of it beside, as JSON: where it came from, and the record itself.
    pub metadata: String,
}

impl Dead {
    pub fn new(relation: &str, message: &str, metadata: &Value) -> Self {
        let cut = |text: &str| text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned();
        let metadata = metadata.to_string();
        // What is cut is no JSON any more.
        let metadata =
            if metadata.len() > TEXT_BYTES_MAX { json!({ "cut": cut(&metadata) }).to_string() } else { metadata };
        Self { relation: relation.to_owned(), message: cut(message), metadata }
    }

    /// A message of the stream whose rows cannot be taken, or some of them.
    pub fn of_message(table: &str, reason: &str, seq: u64) -> Self {
        Self::new(table, reason, &json!({ "stream_sequence": seq }))
    }

    /// Rows that a table refused.
    pub fn of_rows(rejected: &RejectedRows, table: Option<&Shown>) -> Self {
        let rows = table.and_then(|table| shown(&rejected.rows, table));
        let metadata = json!({ "rows": rejected.rows.len(), "beginning_with": rows });
        Self::new(&rejected.table, &rejected.reason, &metadata)
    }
}

/// The first of some rows as JSON.
fn shown(rows: &Zset, table: &Shown) -> Option<Value> {
    let json = FormatConfig::from_query([("format", "json"), ("array", "true")]).ok()?;
    let mut encoder = json.encoder(&table.columns, EncoderOptions::default()).ok()?;
    let weights = vec![1; rows.weights.len()];
    let mut text = Vec::new();
    let limits = ChunkLimits { records: 10, bytes: SHOWN_BYTES_MAX };
    encoder.records(&rows.batch, &weights).ok()?.limited_chunk(&mut text, limits)?;
    serde_json::from_slice(&text).ok()
}

/// Them as new rows of the view; nothing if there are none.
pub(crate) fn rows(dead: &[Dead], view: &Shown) -> Option<Zset> {
    if dead.is_empty() {
        return None;
    }
    let texts = |text: fn(&Dead) -> &str| -> ArrayRef {
        Arc::new(dead.iter().map(|it| Some(text(it))).collect::<StringArray>())
    };
    let columns = vec![texts(|it| &it.relation), texts(|it| &it.message), texts(|it| &it.metadata)];
    let batch = RecordBatch::try_new(crate::columns::engine_schema(&view.columns), columns).ok()?;
    Some(Zset { batch, weights: vec![1; dead.len()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_limited_and_what_is_known_stays_json() {
        let long = "ä".repeat(TEXT_BYTES_MAX);
        let dead = Dead::new("t", &long, &json!({ "a": long }));
        assert!(dead.message.len() <= TEXT_BYTES_MAX);
        let metadata: Value = serde_json::from_str(&dead.metadata).unwrap();
        assert!(metadata["cut"].as_str().unwrap().starts_with("{\"a\""));
        let short = Dead::of_message("t", "no", 7);
        assert_eq!(short.metadata, r#"{"stream_sequence":7}"#);
    }
}
