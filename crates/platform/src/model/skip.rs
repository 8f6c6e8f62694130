//! `SkipParked`: the first parked event of a key is given up.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Projection, REASON_CHARS_MAX};
use crate::contract::{ProjectionEvent, SkipParked, SkipRequested};
use crate::error;

impl Decide<Projection> for SkipParked {
    type Event = ProjectionEvent;

    fn decide(self, state: &Projection, at: &DecisionContext) -> Result<Vec<ProjectionEvent>, Problem> {
        state.ready(&self.key)?;
        let Self { projection, key, seq, reason } = self;
        if seq < 1 {
            return Err(error::invalid(format!("`seq` is the sequence of the parked event, not {seq}.")));
        }
        if reason.trim().is_empty() || reason.chars().count() > REASON_CHARS_MAX {
            return Err(error::invalid(format!("`reason` says in 1 to {REASON_CHARS_MAX} characters why.")));
        }
        Ok(vec![SkipRequested { request: at.command_id.clone(), projection, key, seq, reason }.into()])
    }
}

impl Evolve<Projection> for SkipRequested {
    fn evolve(self, state: &mut Projection) {
        state.pending.insert(self.request, self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{given, retry_requested};
    use super::*;

    fn skip(seq: i64, reason: &str) -> SkipParked {
        SkipParked { projection: "storage".into(), key: "k".into(), seq, reason: reason.into() }
    }

    #[test]
    fn names_the_event_and_a_reason() {
        let requested = SkipRequested {
            request: "cmd".into(),
            projection: "storage".into(),
            key: "k".into(),
            seq: 7,
            reason: "a test's".into(),
        };
        given(vec![]).when(skip(7, "a test's").into()).then_expect_events(vec![requested.into()]);
        for (seq, reason) in [(0, "why"), (-1, "why"), (7, "  "), (7, &*"x".repeat(REASON_CHARS_MAX + 1))] {
            let problem = given(vec![]).when(skip(seq, reason).into()).inspect_result().unwrap_err();
            assert_eq!(problem.code, "platform.invalid_remedy");
        }
        let busy = vec![retry_requested("r1", "k").into()];
        let problem = given(busy).when(skip(7, "why").into()).inspect_result().unwrap_err();
        assert_eq!(problem.code, "platform.remedy_pending");
    }
}
