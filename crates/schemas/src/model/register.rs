//! `RegisterSchema` and `ImportSchemas`: a subject gets a version, or has it.

use alluvium_kernel::{Decide, DecisionContext, Problem};

use super::{Digest, Registry, Version};
use crate::contract::{
    Assessment, ImportSchemas, RegisterSchema, RegistryEvent, SchemaRegistered, Submission, VersionPurged,
};
use crate::error;

/// Whether hidden versions of the same content stay beside the new one.
#[derive(Clone, Copy)]
struct KeepDeleted(bool);

impl Registry {
    /// The newest live version of a subject that has this content, or means the same.
    pub fn matching(&self, subject: &str, hidden: bool, known: &Assessment) -> Option<Version> {
        let parse = |text: &String| Digest::parse(text);
        let identities = [Some(&known.identity_sha256), known.alternative_identity.as_ref()];
        let equalities = [Some(&known.equality_sha256), known.alternative_equality.as_ref()];
        let identities: Vec<Digest> = identities.into_iter().flatten().filter_map(parse).collect();
        let equalities: Vec<Digest> = equalities.into_iter().flatten().filter_map(parse).collect();
        self.find(subject, hidden, |content| {
            identities.contains(&content.identity) || equalities.contains(&content.equality)
        })
    }

    /// The version and id that a submission meets without changing anything.
    pub fn there_already(&self, sent: &Submission, known: &Assessment) -> Option<Version> {
        let found = self.matching(&sent.subject, false, known)?;
        let same_id = sent.id.is_none_or(|id| id.cast_unsigned() == found.id);
        let same_version = match sent.version {
            None | Some(0 | -1) => true,
            Some(version) => known.importing && version.cast_unsigned() == found.version,
        };
        (same_id && same_version).then_some(found)
    }

    fn register(&self, sent: Submission, keep: KeepDeleted) -> Result<Vec<RegistryEvent>, Problem> {
        // Left out only by a mistake in the plan: what a publisher sends there is replaced before it gets here.
        let known = sent.assessment.clone().ok_or_else(|| error::mistake("a schema was not assessed"))?;
        if self.there_already(&sent, &known).is_some() {
            return Ok(vec![]);
        }
        let importing = permitted(&sent, &known)?;
        if !known.incompatible.is_empty() {
            return Err(error::incompatible(&sent.subject, &known.level, &known.incompatible, &known.reasons));
        }
        let version = self.version_for(&sent, importing)?;
        let identity = Digest::parse(&known.identity_sha256).ok_or_else(|| error::mistake("an identity is no hash"))?;
        let id = self.id_for(&sent, identity, importing)?;
        // After the new one: a subject that is empty in between would lose its settings.
        let superseded = if keep.0 { Vec::new() } else { self.superseded(&sent.subject, id) };
        let mut events = vec![registered(sent, known, version, id, importing).into()];
        events.extend(superseded);
        Ok(events)
    }

    fn version_for(&self, sent: &Submission, importing: bool) -> Result<u32, Problem> {
        let subject = self.subject(&sent.subject);
        let next = subject.map_or(1, super::Subject::next);
        match sent.version {
            None | Some(0 | -1) => Ok(next),
            Some(version) if version < 0 => Err(error::invalid_version(&version.to_string())),
            Some(version) if importing => {
                let version = version.cast_unsigned();
                if subject.and_then(|subject| subject.version(version)).is_some() {
                    let detail = format!("Version {version} of subject '{}' is another schema.", sent.subject);
                    return Err(error::not_permitted(detail));
                }
                Ok(version)
            }
            Some(version) if version.cast_unsigned() == next => Ok(next),
            Some(_) => Err(error::invalid_schema("Version is not one more than previous version")),
        }
    }

    fn id_for(&self, sent: &Submission, identity: Digest, importing: bool) -> Result<u32, Problem> {
        let known = self.id_of(identity);
        let Some(asked) = sent.id.filter(|_| importing) else { return Ok(known.unwrap_or(self.max_id() + 1)) };
        let asked = u32::try_from(asked).ok().filter(|id| *id > 0);
        let asked = asked.ok_or_else(|| error::not_permitted("An id is a number from 1."))?;
        let taken = self.content(asked).is_some_and(|content| content.identity != identity);
        if taken || known.is_some_and(|known| known != asked) {
            return Err(error::not_permitted(format!("Overwrite new schema with id {asked} is not permitted.")));
        }
        Ok(asked)
    }

    /// Hidden versions of the content that comes back, unless something refers to them.
    fn superseded(&self, name: &str, id: u32) -> Vec<RegistryEvent> {
        let Some(subject) = self.subject(name) else { return vec![] };
        let gone = subject
            .versions
            .iter()
            .filter(|version| version.deleted && version.id == id && self.referrers(name, version.version).is_empty());
        gone.map(|version| VersionPurged { subject: name.to_owned(), version: version.version.cast_signed() }.into())
            .collect()
    }
}

/// Whether it is an import; refuses what the mode does not permit.
fn permitted(sent: &Submission, known: &Assessment) -> Result<bool, Problem> {
    let subject = &sent.subject;
    if known.readonly {
        return Err(error::not_permitted(format!("Subject {subject} is in read-only mode")));
    }
    match (known.importing, sent.id) {
        (false, Some(_)) => Err(error::not_permitted(format!("Subject {subject} is not in import mode"))),
        (true, None) => Err(error::not_permitted(format!("Subject {subject} is in import mode: an id is needed"))),
        (importing, _) => Ok(importing),
    }
}

fn registered(sent: Submission, known: Assessment, version: u32, id: u32, imported: bool) -> SchemaRegistered {
    SchemaRegistered {
        subject: sent.subject,
        version: version.cast_signed(),
        id: id.cast_signed(),
        guid: known.guid,
        r#type: sent.r#type,
        text: known.text,
        packed: known.packed,
        identity_sha256: known.identity_sha256,
        equality_sha256: known.equality_sha256,
        fp64: known.fp64,
        references: known.references,
        metadata: known.metadata,
        rule_set: known.rule_set,
        imported,
        checked_level: known.level,
        checked_against: known.checked_against,
    }
}

impl Decide<Registry> for RegisterSchema {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        registry.register(self.schema, KeepDeleted(self.keep_deleted))
    }
}

impl Decide<Registry> for ImportSchemas {
    type Event = RegistryEvent;

    fn decide(self, registry: &Registry, _: &DecisionContext) -> Result<Vec<RegistryEvent>, Problem> {
        let (mut after, mut all) = (registry.clone(), Vec::new());
        for sent in self.schemas {
            for event in after.register(sent, KeepDeleted(true))? {
                cqrs_es::Aggregate::apply(&mut after, event.clone());
                all.push(event);
            }
        }
        Ok(all)
    }
}
