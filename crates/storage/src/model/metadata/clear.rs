//! The end of what a dev branch says of a table that it does not show any more.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Metadata;
use crate::contract::{ClearMetadata, MetadataCleared, MetadataEvent};

impl Decide<Metadata> for ClearMetadata {
    type Event = MetadataEvent;

    fn decide(self, state: &Metadata, _: &DecisionContext) -> Result<Vec<MetadataEvent>, Problem> {
        if state.is_empty() {
            return Ok(Vec::new());
        }
        let Self { project, object, branch } = self;
        Ok(vec![MetadataCleared { project, object, branch }.into()])
    }
}

impl Evolve<Metadata> for MetadataCleared {
    fn evolve(self, state: &mut Metadata) {
        state.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, said};
    use super::*;
    use crate::model::spec::{given, nothing};

    #[test]
    fn all_of_it_goes_and_nothing_goes_twice() {
        let clear = || ClearMetadata { project: "Shop".into(), object: "t1".into(), branch: "b1".into() };
        let gone = MetadataCleared { project: "Shop".into(), object: "t1".into(), branch: "b1".into() };
        let before = said("b1", vec![entry(None, "owner", "a")]);
        given::<Metadata>(before.clone()).when(clear().into()).then_expect_events(vec![gone.clone().into()]);
        let after = [before, vec![gone.into()]].concat();
        given::<Metadata>(after).when(clear().into()).then_expect_events(nothing());
        given::<Metadata>(nothing()).when(clear().into()).then_expect_events(nothing());
    }
}
