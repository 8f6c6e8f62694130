//! What takes changes out of views: items, steps, and how far an output is.

mod deliver;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Map, Value};

pub use deliver::{deliver, open};

use crate::error::Fault;

/// What an output is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// [`Item::Message`], encoded: bytes one after the other, or one message each.
    Messages,
    /// [`Item::Change`]: rows as JSON, by the key of the connector's `index`. It needs no format.
    Changes,
}

/// What became of the row of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came.
    Insert,
    /// It has other values now.
    Update,
    /// It went.
    Delete,
}

/// Something to give out.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Encoded rows.
    Message {
        /// The bytes; none says that the key went, where there are keys.
        payload: Option<Bytes>,
        /// The key, where there are keys.
        key: Option<Bytes>,
        /// Names and values to go with it.
        headers: Vec<(String, Bytes)>,
        /// The row as JSON, if it is one: what `{column}` in a subject stands for.
        row: Option<Arc<Map<String, Value>>>,
    },
    /// A row as JSON.
    Change {
        /// What became of it.
        kind: ChangeKind,
        /// The columns of its key.
        key: Map<String, Value>,
        /// All its columns; of one that went, those it had.
        row: Map<String, Value>,
    },
}

impl Item {
    /// An encoded buffer with nothing beside it.
    #[must_use]
    pub fn bytes(payload: impl Into<Bytes>) -> Self {
        Self::Message { payload: Some(payload.into()), key: None, headers: Vec::new(), row: None }
    }
}

/// How far an output is, as it found out itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// The last step of which it has something.
    pub step: u64,
    /// How many items of that step it has; all of them without.
    pub items: Option<u64>,
}

/// Something that can be written to. It is made by [`output`](crate::output()).
///
/// A step is one call of [`write`](Self::write) or several, then [`finish`](Self::finish). After a passing fault, call
/// [`open`](Self::open) again and give the step again from its first item: [`deliver`] does.
pub trait Output: Send {
    /// What it is given.
    fn wants(&self) -> Wants;

    /// Connects, or connects anew. Says how far it is if it can know; whoever writes leaves out what it has.
    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>>;

    /// Takes items of a step, in their order. `first` is the number of the first one in its step.
    fn write<'a>(&'a mut self, step: u64, first: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>>;

    /// What it has to find again to go on behind the last step that was finished; null if nothing.
    fn own(&self) -> Value {
        Value::Null
    }

    /// Goes on where [`own`](Self::own) said: called before it is opened.
    fn restore(&mut self, _own: &Value) {}

    /// Ends a step: afterwards all of it is where it should be.
    fn finish(&mut self, step: u64) -> BoxFuture<'_, Result<(), Fault>>;
}

/// Drops everything.
pub(crate) struct Null;

impl Output for Null {
    fn wants(&self) -> Wants {
        Wants::Messages
    }

    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
        Box::pin(async { Ok(None) })
    }

    fn write<'a>(&'a mut self, _: u64, _: u64, _: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn finish(&mut self, _: u64) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }
}
