//! A pointer into a schema under construction.

use std::fmt::Write as _;

/// The way from the root to where a walk is.
#[derive(Default)]
pub(crate) struct Pointer(String);

impl Pointer {
    /// Where the walk is, to come back to.
    pub fn mark(&self) -> usize {
        self.0.len()
    }

    pub fn back(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    pub fn field(&mut self, index: usize) {
        let _ = write!(self.0, "/fields/{index}");
    }

    pub fn step(&mut self, step: &str) {
        self.0.push('/');
        self.0.push_str(step);
    }

    pub fn branch(&mut self, index: usize) {
        let _ = write!(self.0, "/{index}");
    }

    /// The pointer itself, with a last step unless that is empty.
    pub fn at(&self, last: &str) -> String {
        match (self.0.as_str(), last) {
            ("", "") => "/".to_owned(),
            (here, "") => here.to_owned(),
            (here, last) => format!("{here}/{last}"),
        }
    }
}
