//! Message ids: UUIDs of version 7, so that they sort by time.

use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::{Builder, Uuid};

/// Random bytes of one id.
const RANDOM_BYTES: usize = 10;
/// Ids for which random bytes are asked for at once: asking costs a system call, which is more than all else here.
const IDS_AT_ONCE: usize = 64;

/// Random bytes, and how many of them nobody has yet.
struct Pool {
    bytes: [u8; RANDOM_BYTES * IDS_AT_ONCE],
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; RANDOM_BYTES * IDS_AT_ONCE], left: 0 }) };
}

/// A new id.
pub fn next() -> Uuid {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    random().map_or_else(Uuid::now_v7, |random| {
        Builder::from_unix_timestamp_millis(since.as_millis() as u64, &random).into_uuid()
    })
}

/// Random bytes that nobody else has; nothing if the system gives none now.
fn random() -> Option<[u8; RANDOM_BYTES]> {
    POOL.with_borrow_mut(|pool| {
        if pool.left == 0 {
            getrandom::fill(&mut pool.bytes).ok()?;
            pool.left = pool.bytes.len();
        }
        pool.left -= RANDOM_BYTES;
        pool.bytes[pool.left..pool.left + RANDOM_BYTES].try_into().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_sort_by_time() {
        let ids: Vec<Uuid> = (0..1_000).map(|_| next()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        let time = |id: &Uuid| id.get_timestamp().expect("version 7 has a time").to_unix();
        assert!(ids.windows(2).all(|pair| time(&pair[0]) <= time(&pair[1])));
    }
}
