//! The side of an input that its transport sees.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::{Chunk, Limits, Order, Payload};
use crate::error::Exit;
use crate::status::Monitor;

/// How much is queued, and how much may be.
#[derive(Debug)]
pub(super) struct Queue {
    pub limits: Limits,
    records: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    records_max: u32,
    bytes_max: u32,
    queued_records: AtomicU64,
    queued_bytes: AtomicU64,
}

/// A chunk's share of the queue; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    queue: Arc<Queue>,
    records: u64,
    bytes: u64,
    _permits: [OwnedSemaphorePermit; 2],
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.queue.queued_records.fetch_sub(self.records, Ordering::Relaxed);
        self.queue.queued_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Queue {
    pub fn new(limits: Limits) -> Self {
        let permits = |limit: u64| u32::try_from(limit).unwrap_or(u32::MAX).min(Semaphore::MAX_PERMITS as u32).max(1);
        let (records_max, bytes_max) = (permits(limits.records), permits(limits.bytes));
        Self {
            limits,
            records: Arc::new(Semaphore::new(records_max as usize)),
            bytes: Arc::new(Semaphore::new(bytes_max as usize)),
            records_max,
            bytes_max,
            queued_records: AtomicU64::new(0),
            queued_bytes: AtomicU64::new(0),
        }
    }

    pub fn queued(&self) -> (u64, u64) {
        (self.queued_records.load(Ordering::Relaxed), self.queued_bytes.load(Ordering::Relaxed))
    }

    /// Waits until there is room. What is greater than all room waits until nothing else is there.
    async fn take(self: Arc<Self>, records: u64, bytes: u64) -> Option<Taken> {
        let share = |amount: u64, most: u32| u32::try_from(amount).unwrap_or(u32::MAX).clamp(1, most);
        let of_records = self.records.clone().acquire_many_owned(share(records, self.records_max)).await.ok()?;
        let of_bytes = self.bytes.clone().acquire_many_owned(share(bytes, self.bytes_max)).await.ok()?;
        self.queued_records.fetch_add(records, Ordering::Relaxed);
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(Taken { queue: self, records, bytes, _permits: [of_records, of_bytes] })
    }
}

/// A chunk that has no room yet.
pub struct Draft {
    pub payload: Payload,
    pub position: Value,
    pub transaction: Option<u64>,
}

/// Where a transport gives its chunks, tells its troubles, and gets its orders.
pub struct Port {
    sender: mpsc::Sender<Chunk>,
    orders: watch::Receiver<Order>,
    monitor: Arc<Monitor>,
    queue: Arc<Queue>,
}

impl Port {
    pub(super) fn new(
        sender: mpsc::Sender<Chunk>,
        orders: watch::Receiver<Order>,
        monitor: Arc<Monitor>,
        queue: Arc<Queue>,
    ) -> Self {
        Self { sender, orders, monitor, queue }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.queue.limits
    }

    /// Counts an error that will be tried again.
    pub(crate) fn trouble(&self, tag: &str, message: &str) {
        tracing::warn!(connector.tag = tag, error = message, "a connector met a fault");
        self.monitor.trouble(tag, message);
    }

    /// It does its work.
    pub(crate) fn well(&self) {
        self.monitor.well();
    }

    /// Whether it should not read on now.
    pub(crate) fn is_paused(&self) -> bool {
        *self.orders.borrow() == Order::Pause
    }

    /// Waits until it may read on.
    pub(crate) async fn ready(&mut self) -> Result<(), Exit> {
        match self.orders.wait_for(|order| *order != Order::Pause).await.map(|order| *order) {
            Ok(Order::Run) => Ok(()),
            Ok(_) | Err(_) => Err(Exit::Stopped),
        }
    }

    /// Waits until it may read on, at most so long; says whether it may.
    pub(crate) async fn ready_within(&mut self, limit: Duration) -> Result<bool, Exit> {
        match tokio::time::timeout(limit, self.ready()).await {
            Ok(ready) => ready.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// What a future gives, unless it is stopped first; then the future is dropped.
    pub(crate) async fn guard<F: Future>(&mut self, future: F) -> Result<F::Output, Exit> {
        let mut orders = self.orders.clone();
        let stopped = async { orders.wait_for(|order| *order == Order::Stop).await.map(|_| ()).ok() };
        tokio::select! {
            biased;
            _ = stopped => Err(Exit::Stopped),
            () = self.sender.closed() => Err(Exit::Stopped),
            output = future => Ok(output),
        }
    }

    /// Waits so long.
    pub(crate) async fn sleep(&mut self, time: Duration) -> Result<(), Exit> {
        self.guard(tokio::time::sleep(time)).await
    }

    /// Gives on a chunk once it is not paused and there is room.
    pub(crate) async fn send(&mut self, draft: Draft) -> Result<(), Exit> {
        self.ready().await?;
        let (records, bytes) = (draft.payload.records(), draft.payload.bytes());
        let taken = self.guard(self.queue.clone().take(records, bytes)).await?.ok_or(Exit::Stopped)?;
        // It may have been paused while there was no room.
        self.ready().await?;
        let chunk =
            Chunk { payload: draft.payload, position: draft.position, transaction: draft.transaction, _taken: taken };
        let sender = self.sender.clone();
        self.guard(sender.send(chunk)).await?.map_err(|_| Exit::Stopped)?;
        self.monitor.count(records, bytes);
        self.monitor.well();
        Ok(())
    }
}
