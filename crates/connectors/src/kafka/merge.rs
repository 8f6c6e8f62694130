//! Brings messages of several partitions into the order of their times.

use std::collections::{BTreeMap, VecDeque};

/// How many messages of a partition wait before it is read no further.
pub(super) const WAITING_MAX: usize = 1000;

/// Messages that wait for those of other partitions, each with its time.
#[derive(Debug)]
pub(super) struct Merge<T> {
    waiting: BTreeMap<i32, VecDeque<(i64, T)>>,
}

impl<T> Merge<T> {
    pub fn new(partitions: impl IntoIterator<Item = i32>) -> Self {
        Self { waiting: partitions.into_iter().map(|partition| (partition, VecDeque::new())).collect() }
    }

    /// Adds a message of a partition; says whether that partition has enough.
    pub fn push(&mut self, partition: i32, time: i64, message: T) -> bool {
        let waiting = self.waiting.entry(partition).or_default();
        waiting.push_back((time, message));
        waiting.len() >= WAITING_MAX
    }

    /// The earliest message, and its partition, once every partition has one.
    pub fn pop(&mut self) -> Option<(i32, T)> {
        let mut earliest: Option<(i64, i32)> = None;
        for (partition, waiting) in &self.waiting {
            let (time, _) = waiting.front()?;
            if earliest.is_none_or(|(other, _)| *time < other) {
                earliest = Some((*time, *partition));
            }
        }
        let (_, partition) = earliest?;
        self.waiting.get_mut(&partition)?.pop_front().map(|(_, message)| (partition, message))
    }

    /// Whether a partition has so few waiting that it should be read again.
    pub fn is_low(&self, partition: i32) -> bool {
        self.waiting.get(&partition).is_none_or(|waiting| waiting.len() < WAITING_MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_the_order_of_their_times_once_all_partitions_have_one() {
        let mut merge = Merge::new([0, 1]);
        merge.push(0, 5, "a5");
        merge.push(0, 9, "a9");
        assert_eq!(merge.pop(), None);
        merge.push(1, 7, "b7");
        assert_eq!((merge.pop(), merge.pop(), merge.pop()), (Some((0, "a5")), Some((1, "b7")), None));
        merge.push(1, 9, "b9");
        // Of one time, the lower partition is first.
        assert_eq!((merge.pop(), merge.pop()), (Some((0, "a9")), None));
        assert!((1..WAITING_MAX - 1).all(|at| !merge.push(1, at as i64, "b")) && merge.push(1, 0, "b"));
        assert!(merge.is_low(0) && !merge.is_low(1));
    }
}
