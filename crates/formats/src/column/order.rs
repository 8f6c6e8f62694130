//! The order of values, for the keys of maps.

use std::cmp::Ordering;

use super::{Column, Ends, Values, each_simple};

impl Column {
    /// How two of its values are ordered. NULL is the smallest, not-a-number the greatest of the numbers.
    pub(crate) fn compare(&self, left: usize, right: usize) -> Ordering {
        let by_presence = self.valid.get_bit(left).cmp(&self.valid.get_bit(right));
        if by_presence.is_ne() || !self.valid.get_bit(left) {
            return by_presence;
        }
        match &self.values {
            Values::Real(values) => by_number(f64::from(values[left]), f64::from(values[right])),
            Values::Double(values) => by_number(values[left], values[right]),
            values => each_simple!(values, values => partial(&values[left], &values[right]), else
                Values::Boolean(values) => values.get_bit(left).cmp(&values.get_bit(right)),
                Values::Text(spans) | Values::Binary(spans) => spans.get(left).cmp(spans.get(right)),
                Values::Array(ends, item) => by_parts(ends, left, right, |a, b| item.compare(a, b)),
                Values::Map(ends, entries) => by_parts(ends, left, right, |a, b| {
                    entries.0.compare(a, b).then_with(|| entries.1.compare(a, b))
                }),
                Values::Row(_, fields) => fields
                    .iter()
                    .map(|field| field.compare(left, right))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal),
            ),
        }
    }
}

fn partial<T: PartialOrd>(left: &T, right: &T) -> Ordering {
    left.partial_cmp(right).unwrap_or(Ordering::Equal)
}

fn by_number(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

fn by_parts(ends: &Ends, left: usize, right: usize, compare: impl Fn(usize, usize) -> Ordering) -> Ordering {
    let (left, right) = (ends.range(left), ends.range(right));
    let by_length = left.len().cmp(&right.len());
    left.zip(right).map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(by_length)
}
