//! Rows with weights: how often a row is there, or how its number changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{RowConverter, SortField};

use crate::functions::{Outcome, failure};

/// Rows with weights.
#[derive(Clone, Debug)]
pub struct Zset {
    /// The rows.
    pub batch: RecordBatch,
    /// A weight for each row. Where a Z-set is consolidated, no row is there twice and no weight is 0.
    pub weights: Vec<i64>,
}

impl Zset {
    /// No rows.
    #[must_use]
    pub fn empty(schema: &SchemaRef) -> Self {
        Self { batch: RecordBatch::new_empty(Arc::clone(schema)), weights: Vec::new() }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// How many different rows there are, if it is consolidated.
    #[must_use]
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    pub(crate) fn new(schema: &SchemaRef, columns: Vec<ArrayRef>, weights: Vec<i64>) -> Outcome<Self> {
        let columns =
            columns.into_iter().zip(schema.fields()).map(|(column, field)| conform(column, field.data_type()));
        let columns = columns.collect::<Outcome<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(weights.len()));
        Ok(Self { batch: RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?, weights })
    }

    /// Some of the rows, with their weights.
    pub(crate) fn take(&self, rows: &[u32]) -> Outcome<Self> {
        let weights = rows.iter().map(|row| self.weights[*row as usize]).collect();
        Ok(Self { batch: crate::circuit::taken(&self.batch, rows)?, weights })
    }

    /// The rows with the opposite weights.
    pub(crate) fn negated(mut self) -> Self {
        self.weights.iter_mut().for_each(|weight| *weight = -*weight);
        self
    }

    /// What has to come and go so that these rows become those of several others together.
    pub fn difference(&self, wanted: &[Self]) -> Result<Self, String> {
        let schema = self.batch.schema();
        let make = || {
            let mut parts: Vec<Self> = wanted.to_vec();
            parts.push(self.clone().negated());
            Codec::new(&schema)?.consolidate(&Self::concat(&schema, &parts)?)
        };
        make().map_err(|error: crate::functions::FunctionError| error.0)
    }

    /// All rows of several; they have the same columns.
    pub(crate) fn concat(schema: &SchemaRef, parts: &[Self]) -> Outcome<Self> {
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            let arrays = parts
                .iter()
                .map(|part| conform(Arc::clone(part.batch.column(at)), field.data_type()))
                .collect::<Outcome<Vec<_>>>()?;
            let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            columns.push(if arrays.is_empty() {
                new_null_array(field.data_type(), 0)
            } else {
                arrow::compute::concat(&arrays)?
            });
        }
        Self::new(schema, columns, parts.iter().flat_map(|part| part.weights.iter().copied()).collect())
    }
}

/// An array as one of a type that differs from its own in names and marks only.
fn conform(array: ArrayRef, wanted: &DataType) -> Outcome<ArrayRef> {
    if array.data_type() == wanted {
        return Ok(array);
    }
    if *array.data_type() == DataType::Null {
        return Ok(new_null_array(wanted, array.len()));
    }
    if let (DataType::LargeList(_) | DataType::Struct(_) | DataType::Timestamp(..), _) = (array.data_type(), wanted) {
        return Ok(arrow::compute::cast(&array, wanted)?);
    }
    Err(failure!("a column of {} is where {wanted} is planned", array.data_type()))
}

/// Translates rows to bytes, which compare as the rows do with NULL the smallest, and back.
#[derive(Debug)]
pub(crate) struct Codec {
    converter: RowConverter,
    schema: SchemaRef,
}

/// A row as bytes.
pub(crate) type RowBytes = Box<[u8]>;

impl Codec {
    pub(crate) fn new(schema: &SchemaRef) -> Outcome<Self> {
        let fields: Vec<SortField> =
            schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        if !RowConverter::supports_fields(&fields) {
            return Err(failure!("columns of these types have no order"));
        }
        Ok(Self { converter: RowConverter::new(fields)?, schema: Arc::clone(schema) })
    }

    pub(crate) fn encode(&self, columns: &[ArrayRef], rows: usize) -> Outcome<Vec<RowBytes>> {
        // Without columns all rows are the same.
        if columns.is_empty() {
            return Ok(vec![RowBytes::default(); rows]);
        }
        let encoded = self.converter.convert_columns(columns)?;
        Ok(encoded.iter().map(|row| row.as_ref().into()).collect())
    }

    pub(crate) fn decode<'a>(&self, rows: impl Iterator<Item = (&'a RowBytes, i64)>) -> Outcome<Zset> {
        let (rows, weights): (Vec<&RowBytes>, Vec<i64>) = rows.unzip();
        if self.schema.fields().is_empty() {
            return Zset::new(&self.schema, Vec::new(), weights);
        }
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(rows.iter().map(|row| parser.parse(row)))?;
        Zset::new(&self.schema, columns, weights)
    }

    /// Puts equal rows together, in the order of their bytes, and drops those of weight 0.
    pub(crate) fn consolidate(&self, zset: &Zset) -> Outcome<Zset> {
        if zset.is_empty() {
            return Ok(zset.clone());
        }
        let rows = self.encode(zset.batch.columns(), zset.len())?;
        let mut sums: BTreeMap<&RowBytes, (i64, u32)> = BTreeMap::new();
        for (at, (row, weight)) in rows.iter().zip(&zset.weights).enumerate() {
            let sum = sums.entry(row).or_insert((0, at as u32));
            sum.0 = sum.0.checked_add(*weight).ok_or_else(|| failure!("a row is there too often"))?;
        }
        let (weights, chosen): (Vec<i64>, Vec<u32>) = sums.into_values().filter(|(weight, _)| *weight != 0).unzip();
        let chosen = UInt32Array::from(chosen);
        let columns = zset
            .batch
            .columns()
            .iter()
            .map(|column| arrow::compute::take(column, &chosen, None))
            .collect::<Result<Vec<_>, _>>()?;
        Zset::new(&self.schema, columns, weights)
    }
}
