//! Who is told how tables and views change.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_dataflow::Zset;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

/// Steps that wait for a listener that is slow.
const WAITING_MAX: usize = 100;
/// Listeners of one pipeline.
const LISTENERS_MAX: usize = 1_000;
/// How often a listener that all wait for is looked at, in milliseconds.
const LOOK_MS: u64 = 2;

/// How a relation changed in a step.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Counts what a listener was to be told, from 0: a gap is what it was too slow for.
    pub number: u64,
    /// The step.
    pub step: u64,
    /// How it changed.
    pub delta: Arc<Zset>,
}

/// The listeners of a pipeline.
#[derive(Default)]
pub(crate) struct Listeners {
    by_relation: Mutex<BTreeMap<String, Vec<Listener>>>,
    count: Arc<AtomicUsize>,
}

struct Listener {
    to: mpsc::Sender<Told>,
    next: u64,
    /// Whether the pipeline waits for it.
    holds_up: bool,
    told: Arc<AtomicU64>,
}

/// What a listener hears; it stops to listen when this is dropped.
pub(crate) struct Hearing {
    pub from: mpsc::Receiver<Told>,
    /// How much it was to be told so far, whether it was or was too slow.
    pub told: Arc<AtomicU64>,
    count: Arc<AtomicUsize>,
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Listeners {
    /// One more for a relation; none when there are too many.
    pub fn add(&self, relation: &str, holds_up: bool) -> Option<Hearing> {
        if self.count.fetch_add(1, Ordering::Relaxed) >= LISTENERS_MAX {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let (to, from) = mpsc::channel(WAITING_MAX);
        let told = Arc::default();
        self.lock().entry(relation.to_owned()).or_default().push(Listener {
            to,
            next: 0,
            holds_up,
            told: Arc::clone(&told),
        });
        Some(Hearing { from, told, count: Arc::clone(&self.count) })
    }

    /// Tells all listeners of a relation. Waits for those that hold the pipeline up, but not beyond its end.
    pub fn tell(&self, relation: &str, step: u64, delta: &Arc<Zset>, stop: &CancellationToken) {
        let mut told = match self.lock().get_mut(relation) {
            Some(listeners) => std::mem::take(listeners),
            None => return,
        };
        told.retain_mut(|listener| {
            let message = Told { number: listener.next, step, delta: Arc::clone(delta) };
            listener.next += 1;
            let listens = send(listener, message, stop);
            listener.told.store(listener.next, Ordering::Release);
            listens
        });
        // Some may have come meanwhile.
        self.lock().entry(relation.to_owned()).or_default().extend(told);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Listener>>> {
        self.by_relation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it still listens.
fn send(listener: &Listener, mut message: Told, stop: &CancellationToken) -> bool {
    loop {
        match listener.to.try_send(message) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(_)) if !listener.holds_up || stop.is_cancelled() => return true,
            Err(TrySendError::Full(again)) => message = again,
        }
        std::thread::sleep(Duration::from_millis(LOOK_MS));
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;

    use super::*;

    fn nothing() -> Arc<Zset> {
        Arc::new(Zset::empty(&Arc::new(Schema::empty())))
    }

    #[test]
    fn who_is_too_slow_misses_steps_and_can_tell() {
        let (listeners, stop) = (Listeners::default(), CancellationToken::new());
        let mut hearing = listeners.add("v", false).unwrap();
        (1..=WAITING_MAX as u64 + 5).for_each(|step| listeners.tell("v", step, &nothing(), &stop));
        for number in 0..WAITING_MAX as u64 {
            assert_eq!(hearing.from.try_recv().unwrap().number, number);
        }
        listeners.tell("v", 500, &nothing(), &stop);
        let after = hearing.from.try_recv().unwrap();
        assert_eq!((after.number, after.step), (WAITING_MAX as u64 + 5, 500));
    }

    #[test]
    fn who_holds_the_pipeline_up_misses_nothing_until_it_ends() {
        let (listeners, stop) = (Arc::new(Listeners::default()), CancellationToken::new());
        let mut hearing = listeners.add("v", true).unwrap();
        let told = WAITING_MAX as u64 * 2;
        let teller = std::thread::spawn({
            let (listeners, stop) = (Arc::clone(&listeners), stop.clone());
            move || (0..told).for_each(|step| listeners.tell("v", step, &nothing(), &stop))
        });
        for number in 0..told {
            assert_eq!(hearing.from.blocking_recv().unwrap().number, number);
        }
        teller.join().unwrap();
        stop.cancel();
        (0..told).for_each(|step| listeners.tell("v", step, &nothing(), &stop));
        drop(hearing);
        listeners.tell("v", 1, &nothing(), &stop);
        assert_eq!(listeners.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn there_are_not_more_listeners_than_there_may_be() {
        let listeners = Listeners::default();
        let mut all: Vec<Hearing> = (0..LISTENERS_MAX).map(|_| listeners.add("v", false).unwrap()).collect();
        assert!(listeners.add("v", false).is_none());
        all.pop();
        assert!(listeners.add("w", false).is_some());
    }
}
