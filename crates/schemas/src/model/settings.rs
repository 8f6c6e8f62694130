//! `SetConfig` and `ClearConfig`.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::Registry;
use crate::contract::{ClearConfig, ConfigCleared, ConfigSet, RegistryEvent, SetConfig};
use crate::error;
use crate::subject::Name;

impl Decide<Registry> for SetConfig {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let before = registry.config_of(&self.scope);
        let after = before.cloned().unwrap_or_default().patched(&self.config)?;
        if before == Some(&after) || (before.is_none() && after.0.is_empty()) {
            return Ok(vec![]);
        }
        if after.0.is_empty() {
            return Ok(vec![ConfigCleared { scope: self.scope }.into()]);
        }
        let config = serde_json::Value::Object(after.0).to_string();
        Ok(vec![ConfigSet { scope: self.scope, config }.into()])
    }
}

impl Decide<Registry> for ClearConfig {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        if registry.config_of(&self.scope).is_some() {
            return Ok(vec![ConfigCleared { scope: self.scope }.into()]);
        }
        // A context always has settings: those of the server, if no others. A subject has not.
        if self.scope.is_empty() {
            return Ok(vec![]);
        }
        Err(error::subject_not_found(&Name::of(&self.context, &self.scope).qualified()))
    }
}
