//! Which inputs may run when: `paused`, `start_after` and what users command.

use std::collections::{BTreeMap, BTreeSet};

/// Why an input does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It is paused: by its configuration, or by a user.
    Paused,
    /// Inputs before it did not reach their ends.
    Before,
}

/// An input, as far as its start is concerned.
#[derive(Clone, Debug, Default)]
struct Entry {
    labels: BTreeSet<String>,
    after: BTreeSet<String>,
    is_paused: bool,
    /// A user started it: it waits for nobody any more.
    is_forced: bool,
    has_ended: bool,
}

/// The inputs of a pipeline and who waits for whom. Pure: it starts nothing itself.
#[derive(Clone, Debug, Default)]
pub struct StartOrder {
    entries: BTreeMap<String, Entry>,
}

/// Inputs that could never start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A label that no input has.
    #[error("connector '{endpoint}': no input connector has the label '{label}' of its `start_after`")]
    NoSuchLabel {
        /// The input.
        endpoint: String,
        /// The label.
        label: String,
    },
    /// Inputs that wait for each other.
    #[error("these connectors wait for each other by their `start_after`: {}", .0.join(", "))]
    Circle(Vec<String>),
}

impl StartOrder {
    /// Adds an input: its labels, those it waits for, and whether it begins paused.
    pub fn add(&mut self, endpoint: &str, labels: &[String], start_after: Option<&[String]>, is_paused: bool) {
        let entry = Entry {
            labels: labels.iter().cloned().collect(),
            after: start_after.unwrap_or_default().iter().cloned().collect(),
            is_paused,
            ..Entry::default()
        };
        self.entries.insert(endpoint.to_owned(), entry);
    }

    /// Whether all of them could start, one after the other.
    ///
    /// # Errors
    ///
    /// A label that nobody has; inputs that wait for each other, or for themselves.
    pub fn check(&self) -> Result<(), OrderError> {
        for (endpoint, entry) in &self.entries {
            let is_there = |label: &&String| self.entries.values().any(|other| other.labels.contains(*label));
            if let Some(label) = entry.after.iter().find(|label| !is_there(label)) {
                return Err(OrderError::NoSuchLabel { endpoint: endpoint.clone(), label: label.clone() });
            }
        }
        // Take away who waits for nobody who is left, until nobody is left or nobody goes.
        let mut left: BTreeSet<&String> = self.entries.keys().collect();
        loop {
            let labels: BTreeSet<&String> = left.iter().flat_map(|each| &self.entries[*each].labels).collect();
            let before = left.len();
            left.retain(|each| self.entries[*each].after.iter().any(|label| labels.contains(label)));
            if left.is_empty() {
                return Ok(());
            }
            if left.len() == before {
                return Err(OrderError::Circle(left.into_iter().cloned().collect()));
            }
        }
    }

    /// Why an input does not run; nothing if it may. An input that is not known may not.
    #[must_use]
    pub fn waiting(&self, endpoint: &str) -> Option<Waiting> {
        let Some(entry) = self.entries.get(endpoint) else { return Some(Waiting::Paused) };
        if entry.is_paused {
            return Some(Waiting::Paused);
        }
        let is_open = |other: &Entry| !other.has_ended && !other.labels.is_disjoint(&entry.after);
        (!entry.is_forced && self.entries.values().any(is_open)).then_some(Waiting::Before)
    }

    /// The inputs that may run, by name. Those that ended are among them.
    #[must_use]
    pub fn running(&self) -> Vec<&str> {
        self.entries.keys().map(String::as_str).filter(|endpoint| self.waiting(endpoint).is_none()).collect()
    }

    /// An input reached its end. Says which inputs may run now that could not before.
    pub fn ended(&mut self, endpoint: &str) -> Vec<String> {
        self.change(endpoint, |entry| entry.has_ended = true)
    }

    /// A user pauses an input; whether there is one of that name.
    pub fn pause(&mut self, endpoint: &str) -> bool {
        self.change(endpoint, |entry| entry.is_paused = true);
        self.entries.contains_key(endpoint)
    }

    /// A user starts an input: it does not wait for others any more. Whether there is one of that name.
    pub fn start(&mut self, endpoint: &str) -> bool {
        self.change(endpoint, |entry| {
            entry.is_paused = false;
            entry.is_forced = true;
        });
        self.entries.contains_key(endpoint)
    }

    fn change(&mut self, endpoint: &str, act: impl FnOnce(&mut Entry)) -> Vec<String> {
        let before: BTreeSet<String> = self.running().into_iter().map(ToOwned::to_owned).collect();
        if let Some(entry) = self.entries.get_mut(endpoint) {
            act(entry);
        }
        self.running().into_iter().filter(|each| !before.contains(*each)).map(ToOwned::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs written `name labels > labels`, `!` for paused.
    fn order(inputs: &[&str]) -> StartOrder {
        let mut order = StartOrder::default();
        for input in inputs {
            let (own, after) = input.split_once('>').unwrap_or((input, ""));
            let mut own = own.split_whitespace();
            let name = own.next().unwrap();
            let labels: Vec<String> = own.map(ToOwned::to_owned).collect();
            let after: Vec<String> = after.split_whitespace().map(ToOwned::to_owned).collect();
            let after = (!after.is_empty()).then_some(after.as_slice());
            order.add(name.trim_end_matches('!'), &labels, after, name.ends_with('!'));
        }
        order
    }

    #[test]
    fn inputs_start_when_all_before_them_ended() {
        let mut order =
            order(&["a first", "b first", "c second > first", "d > second other", "e other", "f!", "g! > first"]);
        assert_eq!(order.check(), Ok(()));
        assert_eq!(order.running(), ["a", "b", "e"]);
        assert_eq!((order.waiting("c"), order.waiting("f")), (Some(Waiting::Before), Some(Waiting::Paused)));
        assert!(order.ended("a").is_empty());
        assert_eq!(order.ended("b"), ["c"]);
        assert_eq!(order.waiting("g"), Some(Waiting::Paused));
        assert!(order.ended("c").is_empty());
        assert_eq!(order.ended("e"), ["d"]);
        assert!(order.ended("e").is_empty() && order.ended("nobody").is_empty());
        assert_eq!(order.running(), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn users_pause_and_start() {
        let mut order = order(&["a first", "b > first", "c!"]);
        assert!(order.pause("a") && order.start("b") && order.start("c"));
        assert_eq!(order.running(), ["b", "c"]);
        // An input that others wait for does not end by being paused.
        assert_eq!(order.waiting("a"), Some(Waiting::Paused));
        assert!(!order.pause("nobody") && !order.start("nobody"));
        assert_eq!(order.waiting("nobody"), Some(Waiting::Paused));
    }

    #[test]
    fn a_paused_input_that_ended_before_still_counts_as_ended() {
        let mut order = order(&["a first", "b > first"]);
        order.ended("a");
        order.pause("a");
        assert_eq!(order.running(), ["b"]);
    }

    #[test]
    fn what_could_never_start_is_refused() {
        let circle = |names: &[&str]| Err(OrderError::Circle(names.iter().map(|name| (*name).to_owned()).collect()));
        for (inputs, expected) in [
            (&["a"][..], Ok(())),
            (&["a > x"], Err(OrderError::NoSuchLabel { endpoint: "a".into(), label: "x".into() })),
            (&["a x > x"], circle(&["a"])),
            (&["a x > y", "b y > x", "c z", "d > z"], circle(&["a", "b"])),
            (&["a x", "b y > x", "c > x y"], Ok(())),
        ] {
            assert_eq!(order(inputs).check(), expected, "{inputs:?}");
        }
    }
}
