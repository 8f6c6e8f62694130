//! `DeleteContext`.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::Registry;
use crate::contract::{ContextDeleted, DeleteContext, RegistryEvent};
use crate::error;

impl Decide<Registry> for DeleteContext {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        if registry.subjects().any(|(_, subject)| !subject.versions.is_empty()) {
            return Err(error::context_not_empty(&self.context));
        }
        let nothing = !registry.is_listed()
            && registry.config().is_none()
            && registry.mode().is_none()
            && registry.subjects().next().is_none();
        Ok(if nothing { vec![] } else { vec![ContextDeleted { name: self.context }.into()] })
    }
}
