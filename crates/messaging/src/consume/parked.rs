//! Keys whose messages are put aside one after the other, because an earlier one of theirs is a dead letter.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{LoopError, lanes::Ordering};
use crate::{
    bus::Bus,
    dead_letter,
    headers::{Headers, REPLAY},
    transport::{AdminError, Browse, Incoming, Stored},
};

/// Keys that are known one by one. With more of them than this, every message that has a key is put aside.
const KEYS_MAX: usize = 100_000;
/// Dead letters read at once.
const PAGE_MESSAGES: usize = 1_000;
/// The keys of a topic and group that have dead letters, each with the most replays that one of its letters has behind it.
///
/// A message passes when it was replayed more often than every letter that is left of its key: what is replayed goes ahead of what
/// is not replayed yet, and waits behind what failed again.
pub(super) struct Parked {
    bus: Bus,
    filter: String,
    state: Mutex<State>,
}

struct State {
    keys: HashMap<Bytes, Letters>,
}

/// What is known of the dead letters of a key.
#[derive(Clone, Copy)]
struct Letters {
    /// The most replays that one of them has behind it.
    replays: u32,
    /// The number of the newest.
    newest: u64,
    noted: Instant,
}

impl State {
    fn note(&mut self, key: Bytes, letters: Letters) {
        let known = self.keys.entry(key).or_insert(letters);
        *known = Letters {
            replays: letters.replays.max(known.replays),
            newest: letters.newest.max(known.newest),
            noted: letters.noted,
        };
    }

    /// What a message of a key, replayed so often, waits behind.
    fn behind(&self, key: &Bytes, replays: u32) -> Option<Behind> {
        if self.keys.len() > KEYS_MAX {
            return Some(Behind::Everything);
        }
        let letters = self.keys.get(key)?;
        (replays <= letters.replays).then_some(Behind::Letter(letters.newest))
    }
}

enum Behind {
    /// There are too many to know them.
    Everything,
    /// The newest letter of its key.
    Letter(u64),
}

fn replays(headers: &Headers) -> u32 {
    headers.get_str(REPLAY).and_then(|times| times.parse().ok()).unwrap_or(0)
}

impl Parked {
    /// Reads the dead letters that there are.
    pub(super) async fn open(bus: &Bus, topic: &str, group: &str, ordering: Ordering) -> Result<Self, LoopError> {
        let wrong = |why: &str| Err(LoopError::Settings(why.to_owned()));
        if ordering == Ordering::None {
            return wrong("DeadLetter::sequenced keeps messages in order, and this loop keeps none");
        }
        if bus.capabilities().watermark {
            return wrong("DeadLetter::sequenced needs a broker from which single dead letters can be removed");
        }
        let filter = dead_letter::subject(bus.tenant(), topic, group);
        let state = Mutex::new(State { keys: HashMap::new() });
        let parked = Self { bus: bus.clone(), filter, state };
        parked.read().await.map_err(|error| LoopError::Place(format!("dead letters cannot be read: {error}")))?;
        Ok(parked)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message must wait for a replay of what came before it.
    pub(super) async fn holds(&self, incoming: &Incoming) -> bool {
        let Some(key) = &incoming.key else { return false };
        let own = replays(&incoming.headers);
        let known = self.state().behind(key, own);
        let there = match known {
            None => return false,
            // Of a replay there are few, and what it waits for changes with each.
            Some(Behind::Letter(newest)) if own == 0 => self.is_there(newest).await,
            Some(_) => Ok(false),
        };
        let read = match there {
            Ok(true) => return true,
            Ok(false) => self.read().await,
            Err(error) => Err(error),
        };
        if let Err(error) = read {
            // As long as nobody can tell, the order is kept.
            tracing::warn!(error = %error, "dead letters cannot be read; messages behind them are put aside");
            return true;
        }
        self.state().behind(key, own).is_some()
    }

    /// A message became a dead letter of this number: later ones of its key wait.
    pub(super) fn note(&self, incoming: &Incoming, number: u64) {
        let Some(key) = incoming.key.clone() else { return };
        let replays = replays(&incoming.headers);
        self.state().note(key, Letters { replays, newest: number, noted: Instant::now() });
    }

    async fn is_there(&self, number: u64) -> Result<bool, AdminError> {
        let found = self.page(number, 1).await?;
        Ok(found.first().is_some_and(|letter| letter.position.number() == number))
    }

    async fn page(&self, from: u64, messages_max: usize) -> Result<Vec<Stored>, AdminError> {
        let name = dead_letter::STREAM.to_owned();
        let what = Browse { name, filter: self.filter.clone(), partition: None, from, messages_max };
        match self.bus.admin().browse(what).await {
            // No stream of dead letters, so no dead letters.
            Err(AdminError::NotFound(_)) => Ok(Vec::new()),
            page => page,
        }
    }

    async fn read(&self) -> Result<(), AdminError> {
        let (began, mut found, mut from) = (Instant::now(), State { keys: HashMap::new() }, 1);
        while found.keys.len() <= KEYS_MAX {
            let page = self.page(from, PAGE_MESSAGES).await?;
            let Some(last) = page.last() else { break };
            from = last.position.number() + 1;
            for letter in page {
                let (replays, newest) = (replays(&letter.headers), letter.position.number());
                if let Some(key) = letter.key {
                    found.note(key, Letters { replays, newest, noted: began });
                }
            }
        }
        let mut state = self.state();
        // What was put aside while this was read may not be in it.
        for (key, letters) in state.keys.drain().filter(|(_, letters)| letters.noted >= began) {
            found.note(key, letters);
        }
        *state = found;
        Ok(())
    }
}
