//! `SetMode` and `ClearMode`.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Mode, Registry};
use crate::contract::{ClearMode, ModeCleared, ModeSet, RegistryEvent, SetMode, SubjectPurged};
use crate::error;
use crate::subject::Name;

impl Decide<Registry> for SetMode {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let mode: Mode = self.mode.parse().map_err(|()| error::invalid_mode())?;
        let before = registry.mode_of(&self.scope);
        let mut events = Vec::new();
        if mode == Mode::Import && before != Some(Mode::Import) && !self.force {
            events = registry.emptied(&self.scope)?;
        }
        if before != Some(mode) {
            events.push(ModeSet { scope: self.scope, mode: mode.as_str().to_owned() }.into());
        }
        Ok(events)
    }
}

impl Registry {
    /// What makes a scope free of hidden versions; refuses while there are live ones.
    fn emptied(&self, scope: &str) -> Result<Vec<RegistryEvent>, Problem> {
        let mut events = Vec::new();
        let mut subjects: Vec<_> = self.subjects().filter(|(name, _)| scope.is_empty() || *name == scope).collect();
        subjects.sort_by_key(|(name, _)| *name);
        for (name, subject) in subjects {
            if subject.latest().is_some() {
                let detail = format!("Cannot import since found existing subjects: '{name}'");
                return Err(error::not_permitted(detail));
            }
            if !subject.versions.is_empty() {
                let versions = subject.versions.iter().map(|version| version.version.cast_signed()).collect();
                events.push(SubjectPurged { subject: name.clone(), versions }.into());
            }
        }
        Ok(events)
    }
}

impl Decide<Registry> for ClearMode {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let mut events: Vec<RegistryEvent> = Vec::new();
        if self.recursive && self.scope.is_empty() {
            let own = registry.subjects().filter(|(_, subject)| subject.mode.is_some());
            let mut scopes: Vec<String> = own.map(|(name, _)| name.clone()).collect();
            scopes.sort();
            events.extend(scopes.into_iter().map(|scope| ModeCleared { scope }.into()));
        }
        if registry.mode_of(&self.scope).is_some() {
            events.push(ModeCleared { scope: self.scope }.into());
        } else if !self.scope.is_empty() {
            return Err(error::subject_not_found(&Name::of(&self.context, &self.scope).qualified()));
        }
        Ok(events)
    }
}
