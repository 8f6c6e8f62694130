//! Taking back what was said. A dev branch hides what the main line says.

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};

use super::{Metadata, MetadataOf};
use crate::contract::{DeleteMetadata, MetadataDeleted, MetadataEvent};
use crate::model::names::fold;
use crate::model::problem;

impl Decide<Metadata> for DeleteMetadata {
    type Event = MetadataEvent;

    fn decide(self, state: &Metadata, _: &DecisionContext) -> Result<Vec<MetadataEvent>, Problem> {
        let of = MetadataOf::named(self.of_project, self.bucket.as_deref(), self.table.as_deref())?;
        let column = self.column.as_deref().map(fold).unwrap_or_default();
        let is_shown = state.entry(&column, &self.id).unwrap_or(self.inherited);
        if !is_shown {
            return Err(problem::metadata_not_found(&self.id));
        }
        if self.inherited {
            state.check_room(std::iter::once((column.as_str(), self.id.as_str())), &[])?;
        }
        let Self { project, branch, id, object, uid, project_uid, inherited: hides, .. } = self;
        let kind = of.as_str().to_owned();
        Ok(vec![MetadataDeleted { project, project_uid, kind, object, branch, uid, column, id, hides }.into()])
    }
}

impl Evolve<Metadata> for MetadataDeleted {
    fn evolve(self, state: &mut Metadata) {
        state.belongs(self.project, self.project_uid);
        if self.hides {
            state.put(self.column, self.id, false);
        } else {
            state.remove(&self.column, &self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry_id;
    use super::super::tests::{entry, said};
    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn delete(column: Option<&str>, inherited: bool) -> DeleteMetadata {
        DeleteMetadata {
            project: "Shop".into(),
            branch: "b1".into(),
            of_project: false,
            bucket: Some("sales".into()),
            table: Some("orders".into()),
            column: column.map(Into::into),
            id: entry_id(&column.map(fold).unwrap_or_default(), "me", "owner"),
            object: "t1".into(),
            uid: "t1".into(),
            project_uid: "p1".into(),
            inherited,
        }
    }

    fn when(before: Vec<MetadataEvent>, command: DeleteMetadata) -> Result<Vec<MetadataEvent>, Problem> {
        given::<Metadata>(before).when(command.into()).inspect_result()
    }

    fn hides(result: Result<Vec<MetadataEvent>, Problem>) -> bool {
        let events = result.unwrap();
        let [MetadataEvent::MetadataDeleted(event)] = &events[..] else { panic!("{events:?}") };
        event.hides
    }

    #[test]
    fn an_entry_is_deleted_once() {
        let before = said("b1", vec![entry(None, "owner", "a"), entry(Some("id"), "owner", "b")]);
        assert!(!hides(when(before.clone(), delete(None, false))));
        let after = [before.clone(), when(before, delete(None, false)).unwrap()].concat();
        refused(when(after.clone(), delete(None, false)), 404, "storage.metadata_not_found");
        assert!(!hides(when(after.clone(), delete(Some("ID"), false))), "the column's is another one");
        refused(when(after, delete(Some("note"), false)), 404, "storage.metadata_not_found");
        refused(when(nothing(), delete(None, false)), 404, "storage.metadata_not_found");
    }

    #[test]
    fn a_branch_hides_what_it_inherits_until_it_says_something_itself() {
        assert!(hides(when(nothing(), delete(None, true))));
        let hidden = when(nothing(), delete(None, true)).unwrap();
        refused(when(hidden.clone(), delete(None, true)), 404, "storage.metadata_not_found");
        let said_again = [hidden, said("b1", vec![entry(None, "owner", "mine")])].concat();
        assert!(hides(when(said_again, delete(None, true))), "the main line's does not come through");
    }
}
