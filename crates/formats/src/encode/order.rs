//! The order in which rows of one step go out.

/// Goes through rows by weight: those that went, then those that came, each as often as it says.
pub(super) struct Order<'a> {
    weights: &'a [i64],
    is_delete: bool,
    row: usize,
    /// How often the row was there already.
    times: u64,
}

impl<'a> Order<'a> {
    pub(super) fn new(weights: &'a [i64]) -> Self {
        Self { weights, is_delete: true, row: 0, times: 0 }
    }

    /// The next row, and whether it went. It stays the next one until it is advanced over.
    pub(super) fn next(&mut self) -> Option<(usize, bool)> {
        loop {
            match self.weights.get(self.row) {
                None if self.is_delete => (self.is_delete, self.row) = (false, 0),
                None => return None,
                Some(weight) if (*weight < 0) == self.is_delete && self.times < weight.unsigned_abs() => {
                    return Some((self.row, self.is_delete));
                }
                Some(_) => self.advance_row(),
            }
        }
    }

    /// Goes to the next repetition.
    pub(super) fn advance(&mut self) {
        self.times += 1;
    }

    /// Goes to the next row, whatever is missing of this one.
    pub(super) fn advance_row(&mut self) {
        self.row += 1;
        self.times = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_is_before_what_came() {
        for (weights, expected) in [
            (&[][..], vec![]),
            (&[0, 0], vec![]),
            (&[1, -1, 2, -2], vec![(1, true), (3, true), (3, true), (0, false), (2, false), (2, false)]),
            (&[-1], vec![(0, true)]),
            (&[3], vec![(0, false); 3]),
        ] {
            let mut order = Order::new(weights);
            let mut found = Vec::new();
            while let Some(next) = order.next() {
                found.push(next);
                order.advance();
            }
            assert_eq!(found, expected, "{weights:?}");
        }
        // A weight of any size costs nothing before it is asked for.
        assert_eq!(Order::new(&[i64::MIN]).next(), Some((0, true)));
    }
}
