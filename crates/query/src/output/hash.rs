//! One number for a result, equal for equal rows in any order.
//!
//! It is the SHA-256 of: the SHA-256 of the columns' names and types; how many rows there are; and the sum of the rows'
//! SHA-256, each taken as a number, little end first, modulo 2^256. A sum does not depend on the order, and unlike an
//! exclusive or it knows twice from never.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Encoder;
use super::hash_value::Writer;
use crate::error::QueryError;

pub(super) struct Digest {
    columns: [u8; 32],
    rows: u64,
    sum: [u8; 32],
}

impl Digest {
    pub fn new(schema: &SchemaRef) -> Self {
        let mut columns = Sha256::new();
        for field in schema.fields() {
            for part in [field.name(), &field.data_type().to_string()] {
                columns.update((part.len() as u64).to_le_bytes());
                columns.update(part);
            }
        }
        Self { columns: columns.finalize().into(), rows: 0, sum: [0; 32] }
    }
}

fn add(sum: &mut [u8; 32], more: &[u8; 32]) {
    let mut carry = 0_u16;
    for (digit, other) in sum.iter_mut().zip(more) {
        let total = u16::from(*digit) + u16::from(*other) + carry;
        *digit = (total & 0xff) as u8;
        carry = total >> 8;
    }
}

impl Encoder for Digest {
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Bytes>, QueryError> {
        let writers = batch.columns().iter().map(Writer::new).collect::<Result<Vec<_>, _>>()?;
        let mut bytes = Vec::new();
        for row in 0..batch.num_rows() {
            bytes.clear();
            for writer in &writers {
                writer.write(row, &mut bytes)?;
            }
            add(&mut self.sum, &Sha256::digest(&bytes).into());
        }
        self.rows += batch.num_rows() as u64;
        Ok(Vec::new())
    }

    fn end(&mut self) -> Result<Vec<Bytes>, QueryError> {
        let mut whole = Sha256::new();
        whole.update(self.columns);
        whole.update(self.rows.to_le_bytes());
        whole.update(self.sum);
        let digits: String = whole.finalize().iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(vec![Bytes::from(digits)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_carry_and_wrap() {
        let mut sum = [0xff; 32];
        let mut one = [0; 32];
        one[0] = 1;
        add(&mut sum, &one);
        assert_eq!(sum, [0; 32]);
        add(&mut sum, &[0x80; 32]);
        add(&mut sum, &[0x80; 32]);
        let mut expected = [1; 32];
        expected[0] = 0;
        assert_eq!(sum, expected);
    }
}
