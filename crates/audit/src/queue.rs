//! What was noted and is not published yet. Noting never waits: what does not fit is counted and left out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_eventlog::{CommandSettled, CommandWatch};
use alluvium_http::{Audit, Call};
use alluvium_kernel::{SigningKey, Token};
use async_nats::jetstream;
use metrics::{counter, gauge};
use tokio::sync::Notify;

use crate::budget::Budget;
use crate::contract::CallAudited;
use crate::names;
use crate::publish::Publisher;
use crate::record::{self, Naming};

/// Calls that may wait to be published. A process that is killed loses these at the most.
pub(crate) const QUEUE_CALLS_MAX: usize = 8_192;
/// Denials of strangers that are noted at once, and how often one more after that: whoever has no key must not be able to fill the
/// stream, or it would let go of what matters.
const STRANGERS: (u32, Duration) = (60, Duration::from_secs(10));
/// The same of callers who are known.
const DENIALS: (u32, Duration) = (600, Duration::from_secs(1));
/// Commands over NATS that are noted at once, and how often one more after that. They come by tens of thousands a second, and what
/// is accepted of them is on the log.
const COMMANDS: (u32, Duration) = (2_000, Duration::from_millis(5));
/// Refusals that the driver's bridge makes itself; all other answers of it are those of requests that it sends, which are noted.
const BRIDGE: &str = "storage.driver_";

/// What waits.
#[derive(Debug, Default)]
pub struct Ledger {
    waiting: Mutex<VecDeque<Noted>>,
    pub(crate) more: Notify,
}

/// One call, and of which tenant it is.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    pub tenant: Token,
    pub call: CallAudited,
}

impl Ledger {
    fn push(&self, noted: Noted) {
        let mut waiting = self.lock();
        if waiting.len() >= QUEUE_CALLS_MAX {
            drop(waiting);
            return dropped("queue_full", 1);
        }
        waiting.push_back(noted);
        gauge!("alluvium_audit_waiting").set(waiting.len() as f64);
        drop(waiting);
        self.more.notify_one();
    }

    pub(crate) fn take(&self, max: usize) -> Vec<Noted> {
        let mut waiting = self.lock();
        let count = waiting.len().min(max);
        let taken = waiting.drain(..count).collect();
        gauge!("alluvium_audit_waiting").set(waiting.len() as f64);
        taken
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Noted>> {
        // No use of it can stop half way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why calls are left out of the account.
pub(crate) const REASONS: [&str; 5] = ["queue_full", "strangers", "denials", "commands", "stopped"];

pub(crate) fn dropped(reason: &'static str, calls: u64) {
    counter!("alluvium_audit_dropped_total", "reason" => reason).increment(calls);
}

/// Notes calls.
pub struct Auditor {
    ledger: Arc<Ledger>,
    naming: Naming,
    tenant: Token,
    strangers: Budget,
    denials: Budget,
    commands: Budget,
}

/// Who notes calls, and who publishes what was noted. Calls of strangers are those of `tenant`.
pub fn ledger(js: jetstream::Context, key: SigningKey, tenant: Token, naming: Naming) -> (Auditor, Publisher) {
    let ledger = Arc::new(Ledger::default());
    let budget = |(burst, every)| Budget::new(burst, every);
    let (strangers, denials, commands) = (budget(STRANGERS), budget(DENIALS), budget(COMMANDS));
    (Auditor { ledger: ledger.clone(), naming, tenant, strangers, denials, commands }, Publisher::new(js, key, ledger))
}

impl Auditor {
    /// Whether one more denial is noted.
    fn has_room(&self, is_known: bool) -> bool {
        let (budget, reason) = if is_known { (&self.denials, "denials") } else { (&self.strangers, "strangers") };
        let has_room = budget.take();
        if !has_room {
            dropped(reason, 1);
        }
        has_room
    }
}

/// Whether a request is noted: it changed something or was refused to, was denied, or was handed a secret.
fn is_noted(call: &Call<'_>) -> bool {
    let is_refused = call.status >= 400;
    match call.operation {
        _ if call.is_denied => true,
        _ if call.is_replay => false,
        // It is an event itself.
        "createEvent" => is_refused,
        "executeDriverCommand" => call.problem.is_some_and(|(code, _)| code.starts_with(BRIDGE)),
        "sendCommand" => !call.concerns.iter().any(|(name, _)| *name == "dry_run"),
        operation => call.changes || names::hands_out(operation),
    }
}

impl Audit for Auditor {
    fn note(&self, call: &Call<'_>) {
        if !is_noted(call) || call.is_denied && !self.has_room(call.caller.is_some()) {
            return;
        }
        let tenant = call.caller.map_or(&self.tenant, |caller| &caller.tenant).clone();
        self.ledger.push(Noted { tenant, call: record::of_call(call, &self.naming) });
    }
}

impl CommandWatch for Auditor {
    fn settled(&self, command: &CommandSettled<'_>) {
        if !record::is_foreign(command) {
            return;
        }
        if !self.commands.take() {
            return dropped("commands", 1);
        }
        let call = record::of_command(command, &self.naming);
        if call.denied && !self.has_room(false) {
            return;
        }
        self.ledger.push(Noted { tenant: command.tenant.clone(), call });
    }
}
