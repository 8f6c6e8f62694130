//! What fills tables: a running input, its chunks, and how it is paused, resumed and stopped.

mod backoff;
pub mod cut;
mod port;
mod stream;

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};

pub(crate) use backoff::Backoff;
pub(crate) use port::{Draft, Port};
pub(crate) use stream::Cutter;

use crate::config::Common;
use crate::error::Exit;
use crate::status::{Monitor, Status};
use port::{Queue, Taken};

/// How many chunks may wait, however small they are.
pub const CHUNKS_MAX: usize = 4096;

/// Something that can be read. It is made by [`input`](crate::input()) and run by [`start`].
pub trait Input: Send {
    /// Reads on from a position that it gave out before, or from where its configuration says, until all is read.
    ///
    /// # Errors
    ///
    /// It was stopped, or cannot go on. What may pass is tried again and told through the port.
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>>;
}

/// A message as it came, with what is known of it beside its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What a parser gets.
    pub payload: Bytes,
    /// Its key, where there are keys.
    pub key: Option<Bytes>,
    /// What `CONNECTOR_METADATA()` gives: topic, offset, headers.
    pub metadata: Map<String, Value>,
}

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// A part of a file or object, cut between records.
    Stream {
        /// The bytes.
        bytes: Bytes,
        /// The file or object: its path or key.
        object: Arc<str>,
        /// Where the bytes begin in it. A parser whose first line is a header reads one where this is 0.
        offset: u64,
        /// Whether nothing of the object comes any more.
        ends_object: bool,
    },
    /// Messages, each to be parsed on its own.
    Messages(Vec<Message>),
    /// JSON objects, one to a line, each a row to insert: its members are columns. Needs no `format`.
    JsonLines(Bytes),
    /// Rows to insert, with the columns of the table in their order. Needs no `format`.
    Rows(RecordBatch),
}

impl Payload {
    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Stream { bytes, .. } | Self::JsonLines(bytes) => bytes.len() as u64,
            Self::Messages(all) => {
                all.iter().map(|each| (each.payload.len() + each.key.as_ref().map_or(0, Bytes::len)) as u64).sum()
            }
            Self::Rows(batch) => batch.get_array_memory_size() as u64,
        }
    }

    /// Records; a guess by the ends of lines where only a parser can know.
    #[must_use]
    pub fn records(&self) -> u64 {
        match self {
            Self::Stream { bytes, .. } | Self::JsonLines(bytes) => memchr::memchr_iter(b'\n', bytes).count() as u64,
            Self::Messages(all) => all.len() as u64,
            Self::Rows(batch) => batch.num_rows() as u64,
        }
    }
}

/// A piece of input. It counts as queued until it is dropped.
#[derive(Debug)]
pub struct Chunk {
    /// What came.
    pub payload: Payload,
    /// Where the input is after it: given to [`start`], it goes on with what follows.
    pub position: Value,
    /// The transaction that it belongs to, if the input groups its rows: one begins where this number changes, and is
    /// committed where it changes again or the input ends.
    pub transaction: Option<u64>,
    _taken: Taken,
}

/// What an input was told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Run,
    Pause,
    Stop,
}

/// How much may wait to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Records.
    pub records: u64,
    /// Bytes.
    pub bytes: u64,
    /// Records to a chunk, for inputs that choose.
    pub batch_records: u64,
}

impl Limits {
    /// The limits of a configuration, for so many workers.
    #[must_use]
    pub fn of(common: &Common, workers: u64) -> Self {
        let batch_records = common.batch_records_max(workers).min(common.max_queued_records);
        Self { records: common.max_queued_records, bytes: common.queued_bytes_max(), batch_records }
    }
}

/// A running input. Dropped, it stops.
#[derive(Debug)]
pub struct Handle {
    orders: watch::Sender<Order>,
    monitor: Arc<Monitor>,
    queue: Arc<Queue>,
    task: Option<tokio::task::JoinHandle<()>>,
}

/// Starts an input at a position, or where its configuration says. Chunks come until its end, a fatal error or a stop;
/// the handle's status says which it was. Needs a Tokio runtime.
#[must_use]
pub fn start(input: Box<dyn Input>, position: Option<Value>, limits: Limits, paused: bool) -> (Handle, Chunks) {
    let (orders, order) = watch::channel(if paused { Order::Pause } else { Order::Run });
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    let monitor = Arc::new(Monitor::default());
    let queue = Arc::new(Queue::new(limits));
    let port = Port::new(sender.clone(), order, monitor.clone(), queue.clone());
    let told = monitor.clone();
    let task = tokio::spawn(async move {
        // Who reads to the last chunk finds out behind it how the input ended.
        let _open = sender;
        // A panic of a transport is its end, and no end of input.
        let mut unwinding = OnPanic(Some(told.clone()));
        let ended = input.run(position, port).await;
        unwinding.0 = None;
        match ended {
            Ok(()) => told.end(),
            Err(Exit::Stopped) => {}
            Err(Exit::Fatal(reason)) => told.fatal(&reason),
        }
    });
    (Handle { orders, monitor, queue, task: Some(task) }, Chunks(receiver))
}

/// The chunks of an input in their order.
#[derive(Debug)]
pub struct Chunks(mpsc::Receiver<Chunk>);

impl Chunks {
    /// The next chunk; nothing after the last.
    pub async fn next(&mut self) -> Option<Chunk> {
        self.0.recv().await
    }

    /// A chunk that is there already.
    pub fn try_next(&mut self) -> Option<Chunk> {
        self.0.try_recv().ok()
    }
}

struct OnPanic(Option<Arc<Monitor>>);

impl Drop for OnPanic {
    fn drop(&mut self) {
        if let (Some(monitor), true) = (&self.0, std::thread::panicking()) {
            monitor.fatal("the connector broke off by a fault of its own");
        }
    }
}

impl Handle {
    /// Has it give out nothing more until it is resumed. What is queued already still comes.
    pub fn pause(&self) {
        self.order(Order::Pause);
    }

    /// Has it go on.
    pub fn resume(&self) {
        self.order(Order::Run);
    }

    fn order(&self, order: Order) {
        self.orders.send_if_modified(|now| {
            let changes = *now != order && *now != Order::Stop;
            if changes {
                *now = order;
            }
            changes
        });
    }

    /// Whether it is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        *self.orders.borrow() == Order::Pause
    }

    /// How it fares.
    #[must_use]
    pub fn status(&self) -> Status {
        self.monitor.status()
    }

    /// Where what happens to it is counted.
    #[must_use]
    pub fn monitor(&self) -> Arc<Monitor> {
        Arc::clone(&self.monitor)
    }

    /// Stops it, and waits for nothing.
    pub fn halt(&self) {
        self.orders.send_replace(Order::Stop);
    }

    /// Records and bytes that were given out and not yet dropped.
    #[must_use]
    pub fn queued(&self) -> (u64, u64) {
        self.queue.queued()
    }

    /// Stops it, and waits until it let go of everything.
    pub async fn stop(mut self) {
        self.orders.send_replace(Order::Stop);
        if let Some(task) = self.task.take() {
            task.await.ok();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.orders.send_replace(Order::Stop);
    }
}

#[cfg(test)]
mod tests;
