//! What may be asked for a projection's parked events. Pure: ids and the actor come in through `DecisionContext`.

mod retry;
mod settle;
mod skip;

use std::collections::BTreeMap;

use alluvium_kernel::Problem;
use serde::{Deserialize, Serialize};

use crate::error;

/// Remedies of one projection that wait at once.
pub const PENDING_MAX: usize = 100;
/// Length of a key, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// Length of the reason for giving an event up, in characters.
pub const REASON_CHARS_MAX: usize = 1_000;

/// A projection, as far as its operators' wishes are concerned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// Keys with a remedy under way, by the command id of its request.
    pub pending: BTreeMap<String, String>,
}

impl Projection {
    /// Whether a remedy for `key` may begin: one at a time, so that each knows what it finds.
    fn ready(&self, key: &str) -> Result<(), Problem> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || key.chars().any(char::is_control) {
            return Err(error::invalid(format!(
                "`key` is 1 to {KEY_BYTES_MAX} bytes of text without control characters."
            )));
        }
        if self.pending.values().any(|busy| busy == key) {
            return Err(error::pending(format!("A remedy for `{key}` is under way.")));
        }
        if self.pending.len() >= PENDING_MAX {
            return Err(error::pending(format!("{PENDING_MAX} remedies of this projection are under way.")));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod spec {
    //! Shared words of the specs.

    use alluvium_kernel::{Actor, DecisionContext, Timestamp, Token};
    use cqrs_es::test::{AggregateTestExecutor, TestFramework};

    use super::Projection;
    use crate::contract::{ProjectionEvent, RemedySettled, RetryRequested};

    /// What has happened before; the command under test has the id `cmd`.
    pub(crate) fn given(events: Vec<ProjectionEvent>) -> AggregateTestExecutor<Projection> {
        let at = DecisionContext {
            tenant: Token::encode("default").unwrap(),
            command_id: "cmd".into(),
            actor: Actor::Admin,
            time: Timestamp::from_micros(0),
        };
        TestFramework::with(at).given(events)
    }

    pub(crate) fn retry_requested(request: &str, key: &str) -> RetryRequested {
        RetryRequested { request: request.into(), projection: "storage".into(), key: key.into() }
    }

    pub(crate) fn settled(request: &str, accepted: bool) -> RemedySettled {
        let problem = (!accepted).then(|| "{}".to_owned());
        RemedySettled { request: request.into(), accepted, problem, result: "{}".into() }
    }
}
