//! A few things that are dear to make and are asked for again soon: kept for a while, made once however many ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

/// A small cache. What it lets go of lives on for as long as somebody uses it.
pub struct Recent<K, V> {
    entries: Mutex<Vec<Entry<K, V>>>,
    kept_max: usize,
    idle_max: Duration,
}

struct Entry<K, V> {
    key: K,
    value: Arc<OnceCell<Arc<V>>>,
    used: Instant,
}

impl<K: PartialEq, V> Recent<K, V> {
    /// Keeps at most `kept_max` things, each for `idle_max` after its last use.
    pub fn new(kept_max: usize, idle_max: Duration) -> Self {
        Self { entries: Mutex::default(), kept_max, idle_max }
    }

    /// The thing of this key; made when it is not there. When making fails or is given up, the next who asks makes it.
    pub async fn get<E>(&self, key: K, make: impl Future<Output = Result<V, E>>) -> Result<Arc<V>, E> {
        let value = self.entry(key);
        value.get_or_try_init(|| async { make.await.map(Arc::new) }).await.cloned()
    }

    fn entry(&self, key: K) -> Arc<OnceCell<Arc<V>>> {
        let mut entries = self.lock();
        let now = Instant::now();
        // Sorted by use, the latest at the end.
        let mut entry = match entries.iter().position(|entry| entry.key == key) {
            Some(at) => entries.remove(at),
            None => Entry { key, value: Arc::default(), used: now },
        };
        entry.used = now;
        let value = entry.value.clone();
        entries.push(entry);
        let surplus = entries.len().saturating_sub(self.kept_max);
        let gone: Vec<_> = entries.drain(..surplus).collect();
        // What they hold is let go of outside the lock.
        drop(entries);
        drop(gone);
        value
    }

    /// Lets go of what nobody has asked for lately.
    pub fn sweep(&self) {
        self.keep_while(|_, used| used.elapsed() < self.idle_max);
    }

    /// Lets go of the least lately used until what is left weighs no more than `max`.
    pub fn shrink(&self, max: u64, weight: impl Fn(&V) -> u64) {
        let mut total: u64 = self.lock().iter().filter_map(|entry| Some(weight(entry.value.get()?))).sum();
        self.keep_while(|value, _| {
            let fits = total <= max;
            if !fits {
                total -= value.map_or(0, &weight);
            }
            fits
        });
    }

    fn keep_while(&self, mut keep: impl FnMut(Option<&V>, Instant) -> bool) {
        let mut entries = self.lock();
        let (kept, gone): (Vec<_>, Vec<_>) =
            entries.drain(..).partition(|entry| keep(entry.value.get().map(Arc::as_ref), entry.used));
        *entries = kept;
        drop(entries);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry<K, V>>> {
        // No use of it can stop half way.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(recent: &Recent<u32, u32>, key: u32, value: u32) -> u32 {
        *recent.get(key, async { Ok::<_, ()>(value) }).await.unwrap()
    }

    #[tokio::test]
    async fn things_are_made_once_and_the_least_used_go_first() {
        let recent = Recent::new(2, Duration::from_mins(1));
        assert_eq!((get(&recent, 1, 10).await, get(&recent, 1, 11).await), (10, 10));
        get(&recent, 2, 20).await;
        get(&recent, 1, 12).await;
        get(&recent, 3, 30).await;
        assert_eq!((get(&recent, 1, 13).await, get(&recent, 2, 21).await), (10, 21));
        assert!(recent.get(9, async { Err::<u32, _>("no") }).await.is_err());
        assert_eq!(get(&recent, 9, 90).await, 90);
        recent.shrink(95, |value| u64::from(*value));
        assert_eq!((get(&recent, 2, 22).await, get(&recent, 9, 91).await), (22, 90));
    }

    #[tokio::test]
    async fn what_is_idle_is_let_go_of() {
        let recent = Recent::new(2, Duration::ZERO);
        let kept = recent.get(1, async { Ok::<_, ()>(10) }).await.unwrap();
        recent.sweep();
        assert_eq!((Arc::strong_count(&kept), get(&recent, 1, 11).await), (1, 11));
    }
}
