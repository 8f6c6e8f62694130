//! Where a surface keeps, for a while, what it knows of requests that may come again.

use std::time::Duration;

use crate::{BoxFuture, Problem};

/// What is kept at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// Which writing it is; grows over all places.
    pub revision: u64,
    /// What was written.
    pub value: Vec<u8>,
}

/// Places that are written by compare-and-set and forgotten after a time. A place is named by tokens with dots between them:
/// letters, digits, `_`, `-` and `=`.
pub trait Reservations: Send + Sync + 'static {
    /// What is kept at a place now.
    fn read<'a>(&'a self, at: &'a str) -> BoxFuture<'a, Result<Option<Reserved>, Problem>>;

    /// Writes a value where revision `expected` is (0: nothing), to be forgotten after `keep`. The new revision; `None` when
    /// something else is there. The same value written again where it is already counts as written.
    fn write<'a>(
        &'a self,
        at: &'a str,
        expected: u64,
        value: Vec<u8>,
        keep: Duration,
    ) -> BoxFuture<'a, Result<Option<u64>, Problem>>;

    /// Forgets what was written before a revision at every place that matches; `*` is any one token.
    fn clear<'a>(&'a self, places: &'a str, before: u64) -> BoxFuture<'a, Result<(), Problem>>;
}
