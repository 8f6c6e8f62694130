//! What a multiset of rows is, in short: rows that come and go one by one end in the same as the rows that are left.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::row::{RowConverter, SortField};

use crate::failure::Failure;

/// The sum of the hashes of rows, each as often as it is there.
pub struct Digest {
    converter: RowConverter,
    /// How many rows there are.
    pub rows: i64,
    sum: u128,
}

impl Digest {
    /// Of rows with these columns.
    pub fn new(schema: &Schema) -> Result<Self, Failure> {
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        Ok(Self { converter: RowConverter::new(fields).map_err(Failure::bug)?, rows: 0, sum: 0 })
    }

    /// Counts rows in, each with its weight.
    pub fn add(&mut self, batch: &RecordBatch, weights: impl IntoIterator<Item = i64>) -> Result<(), Failure> {
        let rows = self.converter.convert_columns(batch.columns()).map_err(Failure::bug)?;
        for (row, weight) in rows.iter().zip(weights) {
            let mut hasher = DefaultHasher::new();
            row.data().hash(&mut hasher);
            self.rows += weight;
            self.sum =
                self.sum.wrapping_add(u128::from(hasher.finish()).wrapping_mul(i128::from(weight).cast_unsigned()));
        }
        Ok(())
    }

    /// Whether these are the rows of another one.
    pub fn is(&self, other: &Self) -> bool {
        (self.rows, self.sum) == (other.rows, other.sum)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    type Row<'a> = (i64, Option<&'a str>);

    fn batch(rows: &[Row<'_>]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>());
        let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.1).collect::<StringArray>());
        RecordBatch::try_from_iter_with_nullable([("a", numbers, true), ("b", texts, true)]).unwrap()
    }

    fn digest(parts: &[(&[Row<'_>], i64)]) -> Digest {
        let mut digest = Digest::new(&batch(&[]).schema()).unwrap();
        for (rows, weight) in parts {
            digest.add(&batch(rows), std::iter::repeat(*weight)).unwrap();
        }
        digest
    }

    #[test]
    fn only_the_same_rows_have_the_same_digest() {
        let (one, two) = ((1, Some("x")), (2, None));
        let both = digest(&[(&[one, two], 1)]);
        assert!(both.is(&digest(&[(&[two], 1), (&[one], 1)])));
        assert!(both.is(&digest(&[(&[two, two, one], 1), (&[two], -1)])));
        for other in [digest(&[(&[one], 1)]), digest(&[(&[one, one], 1)]), digest(&[(&[one, (2, Some(""))], 1)])] {
            assert!(!both.is(&other));
        }
        assert!(digest(&[(&[one], 1), (&[one], -1)]).is(&digest(&[])));
    }
}
