//! What a caller may: asked once for each request, then of every subject that an answer would name. What may not be read
//! looks as if it were not there.

use std::collections::HashSet;

use alluvium_kernel::{Access, Problem};

use super::route::Call;
use crate::contract::SchemaReference;
use crate::error;
use crate::index::Entry;
use crate::subject::{DEFAULT_CONTEXT, Name};
use crate::world::{no_reference, sent};

/// The answer to who may look, and may not do this.
pub(super) fn forbidden() -> Problem {
    Problem::new("access.forbidden", 403, "User is denied operation on this server.")
}

impl Call<'_> {
    /// Whether a subject may be read.
    pub fn reads(&self, name: &Name) -> bool {
        self.rights.is_everything() || self.rights.on_subject(&name.qualified(), Access::Read)
    }

    /// Whether one of the versions that have a content may be read.
    pub fn reads_any(&self, context: &str, uses: &[(String, u32)]) -> bool {
        self.rights.is_everything() || uses.iter().any(|(subject, _)| self.reads(&Name::of(context, subject)))
    }

    /// Refuses what the caller may not do with a subject.
    pub fn permit(&self, name: &Name, access: Access) -> Result<(), Problem> {
        if self.rights.is_everything() || self.rights.on_subject(&name.qualified(), access) {
            return Ok(());
        }
        Err(if self.reads(name) { forbidden() } else { error::subject_not_found(&name.qualified()) })
    }

    /// Refuses what the caller may not do with a scope of settings: a subject, or a context for an empty one.
    pub fn permit_scope(&self, name: &Name, access: Access) -> Result<(), Problem> {
        if !name.subject.is_empty() {
            return self.permit(name, access);
        }
        // Settings of more than a subject know no admin but the installation's.
        let allowed = match access {
            Access::Admin => self.rights.is_everything(),
            access => self.rights.on_config(access),
        };
        if allowed { Ok(()) } else { Err(forbidden()) }
    }

    /// Refuses references to what the caller may not read, in the words for what is not there.
    pub fn permit_references(&self, context: &str, references: &[SchemaReference]) -> Result<(), Problem> {
        let hidden = references.iter().find(|reference| !self.reads(&Name::parse(&reference.subject, context)));
        hidden.map_or(Ok(()), |reference| Err(no_reference(reference)))
    }

    /// The same for all that a schema refers to, through others too: for answers that write references out.
    pub fn permit_all_references(&self, context: &str, entry: &Entry) -> Result<(), Problem> {
        if self.rights.is_everything() {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let mut open: Vec<(String, SchemaReference)> =
            entry.references.iter().map(|reference| (context.to_owned(), sent(reference))).collect();
        while let Some((within, reference)) = open.pop() {
            let name = Name::parse(&reference.subject, &within);
            if !self.reads(&name) {
                return Err(no_reference(&reference));
            }
            if !seen.insert((name.clone(), reference.version)) {
                continue;
            }
            let index = self.view.context(&name.context);
            let version = index.and_then(|index| {
                index.registry.subject(&name.subject)?.version(u32::try_from(reference.version).ok()?)
            });
            let nested = version.and_then(|version| index?.entry(version.id));
            let nested = nested.into_iter().flat_map(|entry| entry.references.iter());
            open.extend(nested.map(|reference| (name.context.clone(), sent(reference))));
        }
        Ok(())
    }

    /// The subject that a part of a path means, for who may do this with it: an alias stands for its target.
    pub fn name(&self, segment: &str, access: Access) -> Result<Name, Problem> {
        let name = self.named(segment);
        self.permit(&name, access)?;
        Ok(name)
    }

    /// The same for reading: a name without context that the default one does not have is looked for in the others.
    pub fn name_anywhere(&self, segment: &str) -> Result<Name, Problem> {
        let name = self.named_anywhere(segment);
        self.permit(&name, Access::Read)?;
        Ok(name)
    }

    /// What a part of a path means, without a word on who may.
    fn named(&self, segment: &str) -> Name {
        let name = Name::parse(segment, &self.within);
        if !self.reads(&name) {
            return name;
        }
        let subject = self.registry(&name.context).and_then(|registry| registry.subject(&name.subject));
        let alias = subject.and_then(|subject| subject.config.as_ref()).and_then(|config| config.alias());
        let target = alias.map(|alias| Name::parse(alias, &name.context));
        target.filter(|target| self.reads(target)).unwrap_or(name)
    }

    /// The same, in the other contexts too if need be.
    pub fn named_anywhere(&self, segment: &str) -> Name {
        let name = self.named(segment);
        let qualified = segment.starts_with(":.");
        if qualified || name.context != DEFAULT_CONTEXT || (self.reads(&name) && self.has_versions(&name)) {
            return name;
        }
        let mut others = self.view.default_first().map(|(context, _)| Name::of(context, &name.subject));
        others.find(|other| self.reads(other) && self.has_versions(other)).unwrap_or(name)
    }
}
