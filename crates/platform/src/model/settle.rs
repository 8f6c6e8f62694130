//! The verdict on a remedy. Given once; every replay obeys it.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Projection;
use crate::contract::{ProjectionEvent, RemedySettled, SettleRemedy};

impl Decide<Projection> for SettleRemedy {
    type Event = ProjectionEvent;

    fn decide(self, state: &Projection, _: &DecisionContext) -> Result<Vec<ProjectionEvent>, Problem> {
        // Settled already, or never asked: either way there is nothing left to say.
        if !state.pending.contains_key(&self.request) {
            return Ok(Vec::new());
        }
        let Self { request, accepted, problem, result, .. } = self;
        Ok(vec![RemedySettled { request, accepted, problem, result }.into()])
    }
}

impl Evolve<Projection> for RemedySettled {
    fn evolve(self, state: &mut Projection) {
        state.pending.remove(&self.request);
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::{given, retry_requested, settled};
    use super::*;

    fn settle(request: &str, accepted: bool) -> SettleRemedy {
        let RemedySettled { request, accepted, problem, result } = settled(request, accepted);
        SettleRemedy { projection: "storage".into(), request, accepted, problem, result }
    }

    #[test]
    fn a_verdict_counts_once_and_only_for_what_was_asked() {
        let asked = || vec![retry_requested("r1", "k").into()];
        given(asked()).when(settle("r1", true).into()).then_expect_events(vec![settled("r1", true).into()]);
        given(asked()).when(settle("r1", false).into()).then_expect_events(vec![settled("r1", false).into()]);
        given(asked()).when(settle("never", true).into()).then_expect_events(vec![]);
        let after = asked().into_iter().chain([settled("r1", true).into()]).collect();
        given(after).when(settle("r1", false).into()).then_expect_events(vec![]);
    }
}
