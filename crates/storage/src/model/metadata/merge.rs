//! What a dev branch says of a table becomes what the main line says of it, hidden entries too.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::Metadata;
use crate::contract::{MergeMetadata, MetadataEvent, MetadataMerged};

impl Decide<Metadata> for MergeMetadata {
    type Event = MetadataEvent;

    fn decide(self, state: &Metadata, _: &DecisionContext) -> Result<Vec<MetadataEvent>, Problem> {
        let Self { project, branch, object, project_uid, source, source_uid, shown, hidden, .. } = self;
        if shown.is_empty() && hidden.is_empty() {
            return Ok(Vec::new());
        }
        state.check_room(shown.iter().map(|entry| (entry.column.as_str(), entry.id.as_str())), &[])?;
        Ok(vec![MetadataMerged { project, project_uid, object, source, source_uid, branch, shown, hidden }.into()])
    }
}

impl Evolve<Metadata> for MetadataMerged {
    fn evolve(self, state: &mut Metadata) {
        state.belongs(self.project, self.project_uid);
        for entry in &self.hidden {
            state.remove(&entry.column, &entry.id);
        }
        for entry in self.shown {
            state.put(entry.column, entry.id, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, said};
    use super::*;
    use crate::contract::MetadataRef;
    use crate::model::limits::METADATA_PER_OBJECT_MAX;
    use crate::model::spec::{given, nothing, refused};
    use cqrs_es::Aggregate as _;

    fn merge(shown: Vec<MetadataRef>, hidden: Vec<MetadataRef>) -> MergeMetadata {
        MergeMetadata {
            project: "Shop".into(),
            branch: "b1".into(),
            bucket: "sales".into(),
            table: "orders".into(),
            object: "t1".into(),
            project_uid: "p1".into(),
            source: "t1".into(),
            source_uid: "t2".into(),
            shown,
            hidden,
        }
    }

    fn after(events: Vec<MetadataEvent>) -> Metadata {
        let mut state = Metadata::default();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }

    #[test]
    fn the_main_line_says_then_what_the_branch_said() {
        let main = said("default", vec![entry(None, "owner", "a"), entry(Some("id"), "unit", "m")]);
        let branch = after(said("b1", vec![entry(None, "owner", "b"), entry(None, "new", "c")]));
        let (shown, hidden) = (branch.refs(true), after(main.clone()).refs(true).split_off(1));
        assert_eq!((shown.len(), hidden[0].column.as_str()), (2, "id"));
        let command = merge(shown.clone(), hidden);
        let events = given::<Metadata>(main.clone()).when(command.into()).inspect_result().unwrap();
        assert_eq!(after([main, events].concat()).refs(true), shown);
        given::<Metadata>(nothing()).when(merge(vec![], vec![]).into()).then_expect_events(nothing());
    }

    #[test]
    fn there_is_no_more_room_than_there_is() {
        let full = (0..METADATA_PER_OBJECT_MAX).map(|n| entry(None, &n.to_string(), ""));
        let more = vec![MetadataRef { id: "new".into(), column: String::new() }];
        let result = given::<Metadata>(said("default", full.collect())).when(merge(more, vec![]).into());
        refused(result.inspect_result(), 403, "storage.quota_exceeded");
    }
}
