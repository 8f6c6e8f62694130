//! A look into a message without taking it apart: what is read borrows from its bytes.

use bytes::Bytes;
use serde::Deserialize;

use super::Unsettled;
use crate::{
    headers::Headers,
    transport::Incoming,
    wire::{Datum, DecodeError},
};

/// A message of which as much is read as is looked at.
#[derive(Debug)]
pub struct View {
    pub(super) datum: Option<Datum>,
    pub(super) message: Unsettled,
}

impl View {
    /// Reads it, by the schema that it was written with. `V` is any type of serde, with the writer's names of fields; `&str` and
    /// `&[u8]` in it point into the message. Logical types are the numbers and texts that they are written as. `None`: a tombstone.
    pub fn read<'v, V: Deserialize<'v>>(&'v self) -> Option<Result<V, DecodeError>> {
        self.datum.as_ref().map(Datum::read)
    }

    /// Its key.
    pub fn key(&self) -> Option<&Bytes> {
        self.message.raw().key.as_ref()
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.message.raw().headers
    }

    /// The message as it came.
    pub fn raw(&self) -> &Incoming {
        self.message.raw()
    }

    /// The message, to be settled.
    pub fn into_message(self) -> Unsettled {
        self.message
    }
}
