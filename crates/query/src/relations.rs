//! What whoever runs the pipeline gives to queries: relations to read, and a way for rows to go in.

use std::error::Error;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

/// An error of who runs the pipeline.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The rows of a relation, part by part. It may block, and is only ever asked on threads where that is allowed.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, BoxError>> + Send>;

/// What kind of relation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// Rows may be inserted.
    Table,
    /// Its rows follow from those of tables.
    View,
}

/// A relation that queries may name.
#[derive(Clone, Debug)]
pub struct RelationInfo {
    /// Its name in the form it has in SQL behind folding; names are equal only exactly.
    pub name: String,
    /// Whether rows may be inserted.
    pub kind: RelationKind,
    /// Its columns as [`Relations::scan`] gives them and [`Sink::insert`] gets them.
    pub schema: SchemaRef,
    /// Whether all its rows are there to be read. Others may still be inserted into.
    pub is_materialized: bool,
    /// The places of the columns for which the sink has a value of its own where an INSERT does not name them.
    pub defaults: Vec<usize>,
}

/// The relations of a pipeline as of one moment. All that one request reads, it reads through one of these.
pub trait Relations: Send + Sync + 'static {
    /// All relations, in any order.
    fn relations(&self) -> Vec<RelationInfo>;

    /// The rows of the relation called `name`, of which only the columns at these places (all, if `None`), in that
    /// order, about `batch_rows` at a time. The batches may lack the metadata of the fields, but have their types.
    /// There is at least one place, and none twice. Called and iterated where blocking is allowed.
    fn scan(&self, name: &str, projection: Option<&[usize]>, batch_rows: usize) -> Result<Batches, BoxError>;
}

/// The rows of one INSERT.
#[derive(Clone, Debug)]
pub struct Insert {
    /// The table.
    pub table: String,
    /// The places of the columns the statement gives values for, ascending.
    pub given: Vec<usize>,
    /// The rows, with all columns of the table, in its types; those not given are NULL whatever the table says. What
    /// types say beyond their form in memory (the length of CHAR, the form of UUID and VARIANT) is not checked yet.
    pub batches: Vec<RecordBatch>,
}

/// Where rows go that an INSERT makes.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Takes the rows, all or none, and is done when the engine has them. It is dropped if the client goes away.
    async fn insert(&self, rows: Insert) -> Result<(), BoxError>;
}
