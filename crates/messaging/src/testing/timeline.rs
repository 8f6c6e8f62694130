//! What happened to the messages of each key, in the order in which it happened.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{Message, consume::Context};

/// A handler came to a good end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Handled {
    /// The type, by its name in Avro.
    pub(super) name: &'static str,
    group: String,
    position: String,
}

struct Note {
    after: Duration,
    key: String,
    what: String,
}

struct State {
    began: Instant,
    notes: Vec<Note>,
    handled: Vec<Handled>,
}

/// Printed, it is what happened by key.
pub(super) struct Timeline(Mutex<State>);

impl Default for Timeline {
    fn default() -> Self {
        Self(Mutex::new(State { began: Instant::now(), notes: Vec::new(), handled: Vec::new() }))
    }
}

impl Timeline {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, key: Option<&[u8]>, what: String) {
        let mut state = self.state();
        let key = key.map_or_else(|| "(no key)".to_owned(), |key| String::from_utf8_lossy(key).into_owned());
        let after = state.began.elapsed();
        state.notes.push(Note { after, key, what });
    }

    /// The same, unless it was noted already.
    pub(super) fn note_once(&self, key: Option<&[u8]>, what: String) {
        if !self.state().notes.iter().any(|note| note.what == what) {
            self.note(key, what);
        }
    }

    /// A handler came to an end.
    pub(super) fn tried<M: Message>(&self, context: &Context, group: &str, failed: Option<String>) {
        let (position, attempt) = (context.position().to_string(), context.attempt());
        let what = match &failed {
            None => format!("handled by {group} at {position}, try {attempt}"),
            Some(why) => format!("failed in {group} at {position}, try {attempt}: {why}"),
        };
        self.note(context.key().map(AsRef::as_ref), what);
        if failed.is_none() {
            self.state().handled.push(Handled { name: M::NAME, group: group.to_owned(), position });
        }
    }

    pub(super) fn handled(&self) -> Vec<Handled> {
        self.state().handled.clone()
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let mut keys: BTreeMap<&str, Vec<&Note>> = BTreeMap::new();
        for note in &state.notes {
            keys.entry(&note.key).or_default().push(note);
        }
        if keys.is_empty() {
            return out.write_str("nothing happened");
        }
        for (key, notes) in keys {
            writeln!(out, "{key}:")?;
            for note in notes {
                writeln!(out, "  {:>10.3} s  {}", note.after.as_secs_f64(), note.what)?;
            }
        }
        Ok(())
    }
}
