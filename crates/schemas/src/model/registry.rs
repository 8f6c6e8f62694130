//! The aggregate: all subjects of one context. Numbers and hashes, no texts.

use alluvium_kernel::Evolve;
use serde::{Deserialize, Serialize};

use super::{Config, Digest, Mode, Shards};
use crate::contract::{
    ConfigCleared, ConfigSet, ContextDeleted, ModeCleared, ModeSet, ReferenceNoted, ReferenceReleased, SchemaReference,
    SchemaRegistered, SubjectPurged, SubjectSoftDeleted, VersionPurged, VersionSoftDeleted,
};

/// One context of a tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    /// The highest id ever given.
    max_id: u32,
    subjects: Shards<String, Subject>,
    contents: Shards<u32, Content>,
    ids: Shards<Digest, u32>,
    referrers: Shards<(String, u32), Vec<Referrer>>,
    config: Option<Config>,
    mode: Option<Mode>,
    /// Whether it has had a schema, and was not deleted since.
    listed: bool,
}

/// One subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Its versions, ascending; hidden ones too.
    pub versions: Vec<Version>,
    /// Its own settings.
    pub config: Option<Config>,
    /// Its own mode.
    pub mode: Option<Mode>,
}

/// One version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number.
    pub version: u32,
    /// The id of its content.
    pub id: u32,
    /// Whether it is hidden.
    pub deleted: bool,
}

/// What an id stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Equal content.
    pub identity: Digest,
    /// Equal meaning, references written out.
    pub equality: Digest,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// The versions that have it, hidden ones too.
    pub uses: Vec<(String, u32)>,
}

/// One reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// How the referrer calls it.
    pub name: String,
    /// The subject as it was written, relative to the referrer's context.
    pub subject: String,
    /// The version.
    pub version: u32,
}

/// Who refers to a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Referrer {
    /// Its context; none for this one.
    pub context: Option<String>,
    /// Its id there.
    pub id: u32,
}

impl From<&SchemaReference> for Reference {
    fn from(reference: &SchemaReference) -> Self {
        Self {
            name: reference.name.clone(),
            subject: reference.subject.clone(),
            version: reference.version.max(0).cast_unsigned(),
        }
    }
}

impl Subject {
    /// Versions that are not hidden, ascending.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.versions.iter().filter(|version| !version.deleted)
    }

    /// A version by its number, hidden or not.
    pub fn version(&self, version: u32) -> Option<&Version> {
        let at = self.versions.binary_search_by_key(&version, |version| version.version).ok()?;
        self.versions.get(at)
    }

    /// The newest version that is not hidden.
    pub fn latest(&self) -> Option<&Version> {
        self.live().next_back()
    }

    /// The number that the next version gets.
    pub fn next(&self) -> u32 {
        self.versions.last().map_or(1, |last| last.version + 1)
    }
}

impl Registry {
    /// The highest id ever given.
    pub fn max_id(&self) -> u32 {
        self.max_id
    }

    /// A subject that has versions, settings or a mode.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.get(name).map(|subject| &**subject)
    }

    /// All subjects, in no order; those without versions too.
    pub fn subjects(&self) -> impl Iterator<Item = (&String, &Subject)> {
        self.subjects.iter().map(|(name, subject)| (name, &**subject))
    }

    /// What an id stands for; those of purged versions too.
    pub fn content(&self, id: u32) -> Option<&Content> {
        self.contents.get(&id).map(|content| &**content)
    }

    /// The id of a content.
    pub fn id_of(&self, identity: Digest) -> Option<u32> {
        self.ids.get(&identity).map(|id| **id)
    }

    /// Who refers to a version.
    pub fn referrers(&self, subject: &str, version: u32) -> &[Referrer] {
        self.referrers.get(&(subject.to_owned(), version)).map_or(&[], |all| all.as_slice())
    }

    /// The context's own settings.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// The context's own mode.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// Whether it is among the contexts.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// Contents that no version has any more.
    pub fn unused(&self) -> impl Iterator<Item = (u32, &Content)> {
        self.contents.iter().filter(|(_, content)| content.uses.is_empty()).map(|(id, content)| (*id, &**content))
    }

    /// Whether an id is that of a version that is not hidden.
    pub fn is_live(&self, id: u32) -> bool {
        let live = |(subject, version): &(String, u32)| {
            self.subject(subject).and_then(|subject| subject.version(*version)).is_some_and(|version| !version.deleted)
        };
        self.content(id).is_some_and(|content| content.uses.iter().any(live))
    }

    /// The newest version of a subject with a content of which `fits` holds, hidden ones only if asked for.
    pub fn find(&self, subject: &str, hidden: bool, fits: impl Fn(&Content) -> bool) -> Option<Version> {
        let subject = self.subject(subject)?;
        let mut versions = subject.versions.iter().rev().filter(|version| hidden || !version.deleted);
        versions.find(|version| self.content(version.id).is_some_and(&fits)).copied()
    }

    /// The settings of a scope.
    pub fn config_of(&self, scope: &str) -> Option<&Config> {
        if scope.is_empty() { self.config() } else { self.subject(scope)?.config.as_ref() }
    }

    /// The mode of a scope.
    pub fn mode_of(&self, scope: &str) -> Option<Mode> {
        if scope.is_empty() { self.mode } else { self.subject(scope)?.mode }
    }

    fn set_config(&mut self, scope: String, config: Option<Config>) {
        if scope.is_empty() {
            self.config = config;
        } else {
            self.subjects.entry(scope.clone()).config = config;
            self.forget_if_empty(scope);
        }
    }

    fn set_mode(&mut self, scope: String, mode: Option<Mode>) {
        if scope.is_empty() {
            self.mode = mode;
        } else {
            self.subjects.entry(scope.clone()).mode = mode;
            self.forget_if_empty(scope);
        }
    }

    fn forget_if_empty(&mut self, subject: String) {
        if self.subject(&subject).is_some_and(|subject| *subject == Subject::default()) {
            self.subjects.remove(&subject);
        }
    }

    fn hide(&mut self, subject: &str, version: u32) {
        if let Some(subject) = self.subjects.get_mut(&subject.to_owned())
            && let Some(found) = subject.versions.iter_mut().find(|found| found.version == version)
        {
            found.deleted = true;
        }
    }

    /// Takes away the versions of contents that are not `kept`.
    pub(crate) fn purge_unless(&mut self, kept: impl Fn(u32) -> bool) {
        let gone = self.contents.iter().filter(|(id, _)| !kept(**id));
        let gone: Vec<(String, u32)> = gone.flat_map(|(_, content)| content.uses.clone()).collect();
        for (subject, version) in gone {
            self.purge(&subject, version);
        }
    }

    fn purge(&mut self, name: &str, version: u32) {
        let key = name.to_owned();
        let Some(subject) = self.subjects.get_mut(&key) else { return };
        let Some(id) = subject.version(version).map(|version| version.id) else { return };
        subject.versions.retain(|found| found.version != version);
        if subject.versions.is_empty() {
            // With its last version a subject loses its settings.
            self.subjects.remove(&key);
        }
        let Some(content) = self.contents.get_mut(&id) else { return };
        content.uses.retain(|used| *used != (key.clone(), version));
        if content.uses.is_empty() {
            for reference in content.references.clone() {
                self.unrefer((reference.subject, reference.version), &Referrer { context: None, id });
            }
        }
    }

    fn refer(&mut self, to: (String, u32), by: Referrer) {
        let all = self.referrers.entry(to);
        if !all.contains(&by) {
            all.push(by);
        }
    }

    fn unrefer(&mut self, to: (String, u32), by: &Referrer) {
        if let Some(all) = self.referrers.get_mut(&to) {
            all.retain(|other| other != by);
            if all.is_empty() {
                self.referrers.remove(&to);
            }
        }
    }
}

impl Evolve<Registry> for SchemaRegistered {
    fn evolve(self, registry: &mut Registry) {
        let (id, version) = (self.id.cast_unsigned(), self.version.cast_unsigned());
        registry.listed = true;
        registry.max_id = registry.max_id.max(id);
        let references: Vec<Reference> = self.references.iter().map(Reference::from).collect();
        let content = registry.contents.entry(id);
        content.identity = Digest::parse(&self.identity_sha256).unwrap_or_default();
        content.equality = Digest::parse(&self.equality_sha256).unwrap_or_default();
        content.references.clone_from(&references);
        content.uses.push((self.subject.clone(), version));
        let identity = content.identity;
        registry.ids.insert(identity, id);
        for reference in references {
            // Those into other contexts are noted there; nobody looks for them here.
            registry.refer((reference.subject, reference.version), Referrer { context: None, id });
        }
        let versions = &mut registry.subjects.entry(self.subject).versions;
        let at = versions.partition_point(|other| other.version < version);
        versions.insert(at, Version { version, id, deleted: false });
    }
}

impl Evolve<Registry> for VersionSoftDeleted {
    fn evolve(self, registry: &mut Registry) {
        registry.hide(&self.subject, self.version.cast_unsigned());
    }
}

impl Evolve<Registry> for SubjectSoftDeleted {
    fn evolve(self, registry: &mut Registry) {
        self.versions.iter().for_each(|version| registry.hide(&self.subject, version.cast_unsigned()));
    }
}

impl Evolve<Registry> for VersionPurged {
    fn evolve(self, registry: &mut Registry) {
        registry.purge(&self.subject, self.version.cast_unsigned());
    }
}

impl Evolve<Registry> for SubjectPurged {
    fn evolve(self, registry: &mut Registry) {
        self.versions.iter().for_each(|version| registry.purge(&self.subject, version.cast_unsigned()));
    }
}

impl Evolve<Registry> for ConfigSet {
    fn evolve(self, registry: &mut Registry) {
        let config = Config::parse(&self.config);
        registry.set_config(self.scope, Some(config));
    }
}

impl Evolve<Registry> for ConfigCleared {
    fn evolve(self, registry: &mut Registry) {
        registry.set_config(self.scope, None);
    }
}

impl Evolve<Registry> for ModeSet {
    fn evolve(self, registry: &mut Registry) {
        registry.set_mode(self.scope, self.mode.parse().ok());
    }
}

impl Evolve<Registry> for ModeCleared {
    fn evolve(self, registry: &mut Registry) {
        registry.set_mode(self.scope, None);
    }
}

impl Evolve<Registry> for ContextDeleted {
    fn evolve(self, registry: &mut Registry) {
        registry.listed = false;
        registry.config = None;
        registry.mode = None;
        registry.subjects = Shards::default();
    }
}

impl Evolve<Registry> for ReferenceNoted {
    fn evolve(self, registry: &mut Registry) {
        let by = Referrer { context: Some(self.by_context), id: self.by_id.cast_unsigned() };
        registry.refer((self.subject, self.version.cast_unsigned()), by);
    }
}

impl Evolve<Registry> for ReferenceReleased {
    fn evolve(self, registry: &mut Registry) {
        let by = Referrer { context: Some(self.by_context), id: self.by_id.cast_unsigned() };
        registry.unrefer((self.subject, self.version.cast_unsigned()), &by);
    }
}
