//! Progress of one partition: which offsets are taken, which are done, and up to where it may be committed.

use std::collections::VecDeque;

/// Offsets taken and not committed, in order. A commit never passes one that is not done.
#[derive(Debug, Default)]
pub struct Window {
    /// Offset and whether it is done; offsets only grow.
    open: VecDeque<(i64, bool)>,
    /// The offset to go on from when everything before it is done.
    next: Option<i64>,
    committed: Option<i64>,
    done_since_commit: usize,
}

impl Window {
    /// An offset is handed out. One that was before (after a seek back) begins the window anew.
    pub fn take(&mut self, offset: i64) {
        if self.open.back().is_some_and(|(last, _)| *last >= offset) || self.next.is_some_and(|next| next > offset) {
            *self = Self { committed: self.committed, ..Self::default() };
        }
        self.open.push_back((offset, false));
    }

    /// An offset is done; `true` if the watermark moved.
    pub fn done(&mut self, offset: i64) -> bool {
        let Ok(at) = self.open.binary_search_by_key(&offset, |(each, _)| *each) else { return false };
        if !std::mem::replace(&mut self.open[at].1, true) {
            self.done_since_commit += 1;
        }
        let before = self.next;
        while let Some((first, true)) = self.open.front().copied() {
            self.next = Some(first + 1);
            self.open.pop_front();
        }
        self.next != before
    }

    /// The offset to commit, if it is another than the one committed.
    pub fn to_commit(&self) -> Option<i64> {
        self.next.filter(|next| self.committed != Some(*next))
    }

    /// This offset is known to the broker.
    pub fn committed(&mut self, offset: i64) {
        self.committed = Some(offset);
        self.done_since_commit = 0;
    }

    /// Messages done since the last commit.
    pub fn done_since_commit(&self) -> usize {
        self.done_since_commit
    }

    /// The offset a reader that stopped now would go on from.
    pub fn place(&self) -> Option<i64> {
        self.open.front().map(|(offset, _)| *offset).or(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_waits_for_the_slow_first() {
        let mut window = Window::default();
        (1..=5).for_each(|offset| window.take(offset));
        for offset in 2..=5 {
            assert!(!window.done(offset));
        }
        assert_eq!((window.to_commit(), window.place(), window.done_since_commit()), (None, Some(1), 4));
        assert!(window.done(1));
        assert_eq!((window.to_commit(), window.place()), (Some(6), Some(6)));
        window.committed(6);
        assert_eq!((window.to_commit(), window.done_since_commit()), (None, 0));
    }

    #[test]
    fn gaps_repeats_and_strangers_do_no_harm() {
        let mut window = Window::default();
        for offset in [10, 12, 20] {
            window.take(offset);
        }
        assert!(window.done(10) && !window.done(10) && !window.done(11));
        assert_eq!(window.to_commit(), Some(11));
        assert!(window.done(12) && window.done(20));
        assert_eq!(window.to_commit(), Some(21));
        // Read again from 12 on: nothing behind it counts as done any more.
        window.take(12);
        assert_eq!((window.to_commit(), window.place()), (None, Some(12)));
        assert!(window.done(12));
        assert_eq!(window.to_commit(), Some(13));
    }
}
