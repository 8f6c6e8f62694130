//! Which names of a tenant stand for which pipelines.

use std::collections::BTreeMap;

use alluvium_kernel::{Decide, DecisionContext, Evolve, Problem};
use serde::{Deserialize, Serialize};

use crate::contract::{DirectoryEvent, FreeName, NameFreed, NameTaken, TakeName};
use crate::error;

/// The names of a tenant's pipelines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    names: BTreeMap<String, String>,
    /// Ids of pipelines that were made from another's program, and of those.
    #[serde(default)]
    programs: BTreeMap<String, String>,
}

impl Directory {
    /// Id of the pipeline that a name stands for.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// Whether there is a pipeline with an id.
    pub fn has(&self, id: &str) -> bool {
        self.names.values().any(|known| known == id)
    }

    /// A pipeline that was made from the program of this one.
    pub fn user_of(&self, program: &str) -> Option<&str> {
        self.programs.iter().find(|(_, of)| *of == program).map(|(user, _)| user.as_str())
    }
}

impl Decide<Directory> for TakeName {
    type Event = DirectoryEvent;

    fn decide(self, state: &Directory, _: &DecisionContext) -> Result<Vec<DirectoryEvent>, Problem> {
        match state.find(&self.name) {
            Some(id) if id == self.id => Ok(vec![]),
            Some(_) => Err(error::duplicate_name(&self.name)),
            None => Ok(vec![NameTaken { name: self.name, id: self.id, program_id: self.program_id }.into()]),
        }
    }
}

impl Evolve<Directory> for NameTaken {
    fn evolve(self, state: &mut Directory) {
        if let Some(program) = self.program_id {
            state.programs.insert(self.id.clone(), program);
        }
        state.names.insert(self.name, self.id);
    }
}

impl Decide<Directory> for FreeName {
    type Event = DirectoryEvent;

    fn decide(self, state: &Directory, _: &DecisionContext) -> Result<Vec<DirectoryEvent>, Problem> {
        let is_its = state.find(&self.name) == Some(self.id.as_str());
        Ok(if is_its { vec![NameFreed { name: self.name, id: self.id }.into()] } else { vec![] })
    }
}

impl Evolve<Directory> for NameFreed {
    fn evolve(self, state: &mut Directory) {
        state.names.remove(&self.name);
        // One that is called otherwise now is still there.
        if !state.has(&self.id) {
            state.programs.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use cqrs_es::Aggregate as _;

    use super::*;
    use crate::model::spec::{given, nothing, refused};

    fn taken(name: &str, id: &str) -> DirectoryEvent {
        NameTaken { name: name.into(), id: id.into(), program_id: None }.into()
    }

    #[test]
    fn a_name_is_one_pipelines_until_it_is_freed() {
        let take = |id: &str| TakeName { name: "p".into(), id: id.into(), program_id: None }.into();
        let free = |id: &str| FreeName { name: "p".into(), id: id.into() }.into();
        given::<Directory>(nothing()).when(take("1")).then_expect_events(vec![taken("p", "1")]);
        given::<Directory>(vec![taken("p", "1")]).when(take("1")).then_expect_events(nothing());
        let other = given::<Directory>(vec![taken("p", "1")]).when(take("2")).inspect_result();
        refused(other, 409, "pipelines.duplicate_name");
        given::<Directory>(vec![taken("p", "1")]).when(free("2")).then_expect_events(nothing());
        let freed: DirectoryEvent = NameFreed { name: "p".into(), id: "1".into() }.into();
        given::<Directory>(vec![taken("p", "1")]).when(free("1")).then_expect_events(vec![freed.clone()]);
        given::<Directory>(vec![taken("p", "1"), freed]).when(take("2")).then_expect_events(vec![taken("p", "2")]);
    }

    #[test]
    fn a_program_is_used_as_long_as_its_user_has_a_name() {
        let mut names = Directory::default();
        names.apply(taken("program", "1"));
        names.apply(NameTaken { name: "p".into(), id: "2".into(), program_id: Some("1".into()) }.into());
        assert_eq!((names.user_of("1"), names.user_of("2")), (Some("2"), None));
        names.apply(taken("q", "2"));
        names.apply(NameFreed { name: "p".into(), id: "2".into() }.into());
        assert_eq!(names.user_of("1"), Some("2"));
        names.apply(NameFreed { name: "q".into(), id: "2".into() }.into());
        assert_eq!((names.user_of("1"), names.has("2")), (None, false));
    }
}
