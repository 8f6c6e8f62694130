//! Aggregates as people look at them, whatever their type: each context lists its own, and says what is never shown.

use alluvium_kernel::Problem;
use alluvium_messaging::LogMessage;
use serde_json::Value;

use crate::stored::{LogAggregate, Stored};

/// What stands in place of a hidden field.
const HIDDEN: &str = "(hidden)";

/// The project that an aggregate belongs to: who may read that project may look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The project's id.
    pub project: String,
    /// Its incarnation, when the aggregate knows it.
    pub uid: Option<String>,
}

/// An aggregate that people may look at.
pub trait Shown: LogAggregate {
    /// Fields of its state and events that nobody is shown.
    const HIDDEN: &'static [&'static str] = &[];

    /// Whose it is; one that is nobody's is for admins.
    fn owner(&self) -> Option<Owner> {
        None
    }
}

/// A type of aggregate, as data.
#[derive(Clone, Copy)]
pub struct AggregateType {
    /// As in subjects: `table`.
    pub name: &'static str,
    hidden: &'static [&'static str],
    begin: fn() -> Box<dyn Folding>,
}

impl AggregateType {
    /// The type of `A`.
    pub const fn of<A: Shown>() -> Self {
        Self { name: A::TYPE, hidden: A::HIDDEN, begin: || Box::new(Stored::<A>::default()) }
    }

    /// One before its first event.
    pub fn begin(&self) -> Look {
        Look { hidden: self.hidden, folding: (self.begin)() }
    }

    /// Text and numbers that nobody is shown, out of an event or a state.
    pub fn hide(&self, value: &mut Value) {
        hide(self.hidden, value);
    }
}

/// An aggregate while it is folded.
pub struct Look {
    hidden: &'static [&'static str],
    folding: Box<dyn Folding>,
}

impl Look {
    /// Takes in the next commit, after checking that it is the next.
    pub fn fold(&mut self, message: &LogMessage) -> Result<(), Problem> {
        self.folding.fold(message)
    }

    /// Sequence of its last commit; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.folding.seq()
    }

    /// How many events it has.
    pub fn events(&self) -> usize {
        self.folding.events()
    }

    /// Whose it is now.
    pub fn owner(&self) -> Option<Owner> {
        self.folding.owner()
    }

    /// What it is now; null before its first event.
    pub fn state(&self) -> Value {
        if self.seq() == 0 {
            return Value::Null;
        }
        let mut state = self.folding.state();
        hide(self.hidden, &mut state);
        state
    }
}

trait Folding: Send {
    fn fold(&mut self, message: &LogMessage) -> Result<(), Problem>;
    fn seq(&self) -> u64;
    fn events(&self) -> usize;
    fn owner(&self) -> Option<Owner>;
    fn state(&self) -> Value;
}

impl<A: Shown> Folding for Stored<A> {
    fn fold(&mut self, message: &LogMessage) -> Result<(), Problem> {
        Self::fold(self, message)
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn events(&self) -> usize {
        self.events
    }

    fn owner(&self) -> Option<Owner> {
        self.state.owner()
    }

    fn state(&self) -> Value {
        serde_json::to_value(&self.state).unwrap_or_default()
    }
}

fn hide(hidden: &[&str], value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if hidden.contains(&name.as_str()) {
                    *value = HIDDEN.into();
                } else {
                    hide(hidden, value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| hide(hidden, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hidden_fields_are_hidden_however_deep() {
        let mut value = json!({"keys": {"k": {"digest": "d", "by": "admin"}}, "list": [{"digest": {"x": 1}}]});
        hide(&["digest"], &mut value);
        let expected = json!({"keys": {"k": {"digest": "(hidden)", "by": "admin"}}, "list": [{"digest": "(hidden)"}]});
        assert_eq!(value, expected);
    }
}
