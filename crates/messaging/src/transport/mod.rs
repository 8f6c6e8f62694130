//! What the kit asks of a broker, and what differs between brokers.
//!
//! A [`Transport`] publishes and subscribes; a [`Source`] gives messages and its [`Settler`] tells the broker what became of
//! them. Types of messages, retries and dead letters are not known here: those are the kit's, the same on every broker.

mod admin;
mod error;
pub mod jetstream;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod pending;
mod types;
#[cfg(any(test, feature = "kafka", feature = "testing"))]
#[cfg_attr(not(any(test, feature = "kafka")), expect(dead_code, reason = "commits are Kafka's"))]
pub(crate) mod window;

use std::{sync::Arc, time::Duration};

use alluvium_kernel::BoxFuture;
use futures::stream::BoxStream;
use tokio::{sync::oneshot, time::Instant};

pub use admin::{Admin, Browse, Stored, TopicInfo, TopicSpec};
pub use error::{AdminError, FlushError, PublishError, SettleError, SourceError, SubscribeError};
pub use pending::{Pending, Resolver};
pub use types::{
    Capabilities, DeadReason, Incoming, Lag, Outgoing, Position, Receipt, Room, Settle, SettleToken, StartFrom,
    SubscribeSpec,
};

/// A broker, connected.
pub trait Transport: Send + Sync {
    /// Takes a message into the window of those in flight, waiting for a place there. The [`Pending`] resolves with the
    /// broker's acknowledgement. Messages of one subject (or key) are stored in the order of the calls.
    fn publish(&self, message: Outgoing) -> BoxFuture<'_, Result<Pending, PublishError>>;

    /// The same, but [`PublishError::Full`] instead of waiting.
    fn try_publish(&self, message: Outgoing) -> Result<Pending, PublishError>;

    /// Publishes all or none; `Unsupported` before anything is sent where the broker cannot.
    fn publish_atomic(&self, messages: Vec<Outgoing>) -> BoxFuture<'_, Result<Vec<Receipt>, PublishError>>;

    /// Begins to read.
    fn subscribe(&self, spec: SubscribeSpec) -> BoxFuture<'_, Result<Box<dyn Source>, SubscribeError>>;

    /// Waits until everything published before the call is settled.
    fn flush(&self, within: Duration) -> BoxFuture<'_, Result<(), FlushError>>;

    /// Whether the broker answers.
    fn ping(&self, within: Duration) -> BoxFuture<'_, Result<(), SubscribeError>>;

    /// Topics and what they hold.
    fn admin(&self) -> &dyn Admin;

    /// What this broker can.
    fn capabilities(&self) -> Capabilities;

    /// Closes: nothing is published after it. What is in flight is for [`Self::flush`], called before.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Told of messages whose [`Pending`] nobody awaited and that failed. Replaces the one before.
    fn on_delivery_error(&self, hook: DeliveryErrorHook);
}

/// Told of a message that could not be delivered and for which nobody waits: its subject and why.
pub type DeliveryErrorHook = Arc<dyn Fn(&str, &PublishError) + Send + Sync>;

/// Messages of a subscription, one reader at a time.
pub trait Source: Send {
    /// How much may be handed out more than is handed out and not settled now; [`Room::NONE`] stops intake. Without a call
    /// a source hands out what its settings allow.
    fn room(&mut self, room: Room);

    /// The next message; waits for one. Safe to drop while waiting. `None`: closed.
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Incoming, SourceError>>>;

    /// A message that has arrived already, without waiting.
    fn ready(&mut self) -> Option<Result<Incoming, SourceError>>;

    /// Tells what became of messages; may be used beside [`Self::next`] and after the source is gone.
    fn settler(&self) -> Arc<dyn Settler>;

    /// No more messages of these partitions until [`Self::resume`].
    fn pause(&mut self, partitions: &[u32]);

    /// Undoes [`Self::pause`].
    fn resume(&mut self, partitions: &[u32]);

    /// What happens around the messages; may be taken once, later calls give an empty stream.
    fn events(&mut self) -> BoxStream<'static, SourceEvent>;

    /// How far behind.
    fn lag(&self) -> BoxFuture<'_, Result<Lag, SourceError>>;

    /// Ends: last commits, leaves the group. What is not settled is given to somebody else.
    fn close(&mut self, by: Instant) -> BoxFuture<'_, Result<(), SettleError>>;
}

/// Tells a broker what became of messages.
pub trait Settler: Send + Sync {
    /// Settles one message. [`Settle::Working`] may be said many times, everything else once; a token of a partition that was
    /// lost meanwhile does nothing.
    fn settle<'a>(&'a self, token: &'a SettleToken, how: Settle) -> BoxFuture<'a, Result<(), SettleError>>;

    /// Waits until everything settled before is known to the broker.
    fn commit(&self) -> BoxFuture<'_, Result<(), SettleError>>;
}

/// What happens around the messages of a source.
#[derive(Debug)]
pub enum SourceEvent {
    /// These partitions are read from now on.
    Assigned(Vec<u32>),
    /// These are given to somebody else: what runs may finish until `done` is answered or dropped, then progress is committed.
    Revoked {
        /// The partitions.
        partitions: Vec<u32>,
        /// To be answered when their messages are finished.
        done: oneshot::Sender<()>,
    },
    /// These were given to somebody else already: nothing of theirs can be settled any more.
    Lost(Vec<u32>),
    /// The connection was replaced.
    Reconnected,
    /// The broker cannot be read now; the source tries again by itself.
    Broken(String),
}
