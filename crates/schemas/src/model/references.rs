//! `NoteReference` and `ReleaseReference`: what schemas of other contexts refer to here.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Referrer, Registry};
use crate::contract::{NoteReference, ReferenceNoted, ReferenceReleased, RegistryEvent, ReleaseReference};
use crate::error;

impl Decide<Registry> for NoteReference {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let version = self.version.max(0).cast_unsigned();
        if registry.subject(&self.subject).and_then(|subject| subject.version(version)).is_none() {
            let detail = format!("Invalid schema. Error: there is no version {version} of {}", self.subject);
            return Err(error::invalid_schema(detail));
        }
        let by = Referrer { context: Some(self.by_context.clone()), id: self.by_id.cast_unsigned() };
        if registry.referrers(&self.subject, version).contains(&by) {
            return Ok(vec![]);
        }
        let Self { subject, version, by_context, by_id, .. } = self;
        Ok(vec![ReferenceNoted { subject, version, by_context, by_id }.into()])
    }
}

impl Decide<Registry> for ReleaseReference {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let by = Referrer { context: Some(self.by_context.clone()), id: self.by_id.cast_unsigned() };
        if !registry.referrers(&self.subject, self.version.max(0).cast_unsigned()).contains(&by) {
            return Ok(vec![]);
        }
        let Self { subject, version, by_context, by_id, .. } = self;
        Ok(vec![ReferenceReleased { subject, version, by_context, by_id }.into()])
    }
}

impl Registry {
    /// References into other contexts of contents that no version has any more. Those released before are among them; to release
    /// them again changes nothing.
    pub fn unused_foreign(&self) -> Vec<(u32, super::Reference)> {
        self.unused()
            .flat_map(|(id, content)| {
                let foreign = content.references.iter().filter(|reference| reference.subject.starts_with(":."));
                foreign.map(move |reference| (id, reference.clone()))
            })
            .collect()
    }
}
