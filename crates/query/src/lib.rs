//! Ad-hoc queries of a pipeline: SQL over its relations as they are at one moment, and inserts into its tables.
//!
//! An [`Engine`] belongs to a pipeline and says how much its queries may use. Each request is a [`Session`] over
//! [`Relations`] that do not change while it lasts. It is first planned as a whole, so that whatever is wrong with it
//! is said before anything is done; then [`Prepared::run`] does its inserts and gives an [`Answer`], a stream in the
//! [`Format`] that was asked for. Dropping the stream stops the query.
//!
//! Texts may be hostile. They are only ever parsed, never put together. There is no way to files, to settings or to
//! anything but the relations. Length, depth, memory, rows, time and how many queries run are limited; computing has
//! threads of its own.
//!
//! ```
//! use std::sync::Arc;
//!
//! use alluvium_query::{Batches, BoxError, Engine, Format, Insert, Limits, RelationInfo, RelationKind, Relations, Sink};
//! use arrow::array::{Int64Array, RecordBatch};
//! use futures::StreamExt;
//!
//! /// One table of three rows.
//! struct Numbers(RecordBatch);
//!
//! impl Relations for Numbers {
//!     fn relations(&self) -> Vec<RelationInfo> {
//!         let (name, kind, schema) = ("numbers".to_owned(), RelationKind::Table, self.0.schema());
//!         vec![RelationInfo { name, kind, schema, is_materialized: true, defaults: vec![] }]
//!     }
//!
//!     fn scan(&self, _name: &str, projection: Option<&[usize]>, _batch_rows: usize) -> Result<Batches, BoxError> {
//!         let rows = projection.map_or(Ok(self.0.clone()), |places| self.0.project(places))?;
//!         Ok(Box::new(std::iter::once(Ok(rows))))
//!     }
//! }
//!
//! /// Takes no rows.
//! struct Nowhere;
//!
//! #[async_trait::async_trait]
//! impl Sink for Nowhere {
//!     async fn insert(&self, _rows: Insert) -> Result<(), BoxError> {
//!         Err("this table is read only".into())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rows = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as _)])?;
//! let engine = Engine::new(Limits::default())?;
//! let session = engine.session(Arc::new(Numbers(rows)), Arc::new(Nowhere));
//! let answer = session.plan("SELECT SUM(n) AS total FROM numbers WHERE n > 1").await?.run(Format::Json).await?;
//! let chunks: Vec<_> = answer.into_body().collect().await;
//! assert_eq!(chunks[0].as_ref().unwrap(), "{\"total\":5}\n");
//! # Ok(())
//! # }
//! ```

mod catalog;
mod conform;
mod drive;
mod engine;
mod error;
mod guard;
mod output;
mod plan;
mod relations;
mod run;
mod scan;
mod session;
mod text;

pub use engine::{BATCH_ROWS, Engine, Limits, Spill};
pub use error::{QueryError, QueryErrorKind};
pub use guard::{CALL_BYTES_MAX, VALUE_BYTES_MAX};
pub use output::{Answer, FRAME_BYTES_MAX, Format, Frame};
pub use relations::{Batches, BoxError, Insert, RelationInfo, RelationKind, Relations, Sink};
pub use session::{Prepared, Session};
pub use text::{SQL_BYTES_MAX, STATEMENTS_MAX};
