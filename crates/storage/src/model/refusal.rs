//! `refusal`: the verdict that a rows message does not count, given once.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use crate::contract::{RefusalEvent, RefuseRows, RowsRefused};

/// The note on one rows message; its aggregate id is the message's sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The message's sequence, once refused.
    pub seq: Option<i64>,
}

impl Decide<Refusal> for RefuseRows {
    type Event = RefusalEvent;

    fn decide(self, state: &Refusal, _: &DecisionContext) -> Result<Vec<RefusalEvent>, Problem> {
        if state.seq.is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![RowsRefused { seq: self.seq, subject: self.subject, problem: self.problem }.into()])
    }
}

impl Evolve<Refusal> for RowsRefused {
    fn evolve(self, state: &mut Refusal) {
        state.seq = Some(self.seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::{given, nothing};

    fn refuse() -> RefuseRows {
        RefuseRows { seq: 7, subject: "rows.default.p.b.t".into(), problem: "{}".into() }
    }

    #[test]
    fn rows_are_refused_once() {
        let refused = RowsRefused { seq: 7, subject: "rows.default.p.b.t".into(), problem: "{}".into() };
        given::<Refusal>(nothing()).when(refuse().into()).then_expect_events(vec![refused.clone().into()]);
        given::<Refusal>(vec![refused.into()]).when(refuse().into()).then_expect_events(nothing());
    }
}
