//! `RetryParked`: the parked events of a key are tried again.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Projection;
use crate::contract::{ProjectionEvent, RetryParked, RetryRequested};

impl Decide<Projection> for RetryParked {
    type Event = ProjectionEvent;

    fn decide(self, state: &Projection, at: &DecisionContext) -> Result<Vec<ProjectionEvent>, Problem> {
        state.ready(&self.key)?;
        let Self { projection, key } = self;
        Ok(vec![RetryRequested { request: at.command_id.clone(), projection, key }.into()])
    }
}

impl Evolve<Projection> for RetryRequested {
    fn evolve(self, state: &mut Projection) {
        state.pending.insert(self.request, self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{given, retry_requested, settled};
    use super::super::{KEY_BYTES_MAX, PENDING_MAX};
    use super::*;

    fn retry(key: &str) -> RetryParked {
        RetryParked { projection: "storage".into(), key: key.into() }
    }

    #[test]
    fn one_remedy_a_key_at_a_time() {
        given(vec![]).when(retry("k").into()).then_expect_events(vec![retry_requested("cmd", "k").into()]);
        let busy = || vec![retry_requested("r1", "k").into()];
        let problem = given(busy()).when(retry("k").into()).inspect_result().unwrap_err();
        assert_eq!(problem.code, "platform.remedy_pending");
        given(busy()).when(retry("other").into()).then_expect_events(vec![retry_requested("cmd", "other").into()]);
        let free = busy().into_iter().chain([settled("r1", false).into()]).collect();
        given(free).when(retry("k").into()).then_expect_events(vec![retry_requested("cmd", "k").into()]);
    }

    #[test]
    fn no_more_than_the_limit_wait() {
        let full = (0..PENDING_MAX).map(|n| retry_requested(&format!("r{n}"), &format!("k{n}")).into()).collect();
        let problem = given(full).when(retry("k").into()).inspect_result().unwrap_err();
        assert_eq!(problem.code, "platform.remedy_pending");
    }

    #[test]
    fn keys_are_text_of_a_bounded_length() {
        for key in ["", "a\nb", &"x".repeat(KEY_BYTES_MAX + 1)] {
            let problem = given(vec![]).when(retry(key).into()).inspect_result().unwrap_err();
            assert_eq!((problem.code.as_str(), problem.status), ("platform.invalid_remedy", 422));
        }
    }
}
