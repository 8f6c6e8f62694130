//! A registry out into values, and into another one.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};

use super::client::{RegistryClient, SchemaVersions};
use super::error::RegistryError;
use super::types::{Config, Mode, NewSchema, Reference, SubjectVersion};

/// Version of the form of an [`Export`].
pub const EXPORT_VERSION: u32 = 2;
/// Requests on their way at once: enough that a registry decides many together.
const IN_FLIGHT: usize = 32;

/// All that a registry has, or the part of it with a prefix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// Version of this form.
    pub version: u32,
    /// Versions by subject and number.
    pub versions: Vec<SubjectVersion>,
    /// What subjects have of their own.
    #[serde(default)]
    pub settings: BTreeMap<String, Settings>,
}

/// What a subject has of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Config>,
    /// Its mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// What ids imported schemas have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Those that they had; their subjects are in mode IMPORT meanwhile.
    Keep,
    /// Whatever the target gives them.
    New,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Versions that were registered, or were there already.
    pub versions: usize,
    /// Their subjects.
    pub subjects: usize,
}

/// A version by its subject and number.
type Place = (String, u32);

impl RegistryClient {
    /// Reads everything, or the subjects that begin with a prefix; softly deleted versions only if asked for. In a context, names
    /// are those within it.
    pub async fn export(&self, prefix: Option<&str>, deleted: bool) -> Result<Export, RegistryError> {
        let which = if deleted { SchemaVersions::WithDeleted } else { SchemaVersions::Live };
        let subjects = self.subjects(None, which).await?;
        // Not every registry knows prefixes.
        let subjects = subjects.iter().map(|subject| self.unqualified(subject));
        let wanted: Vec<&str> =
            subjects.filter(|subject| prefix.is_none_or(|prefix| subject.starts_with(prefix))).collect();
        let reading = stream::iter(wanted).map(|subject| self.export_subject(subject, which)).buffered(IN_FLIGHT);
        let all: Vec<(&str, Vec<SubjectVersion>, Settings)> = reading.try_collect().await?;
        let mut export = Export { version: EXPORT_VERSION, ..Export::default() };
        for (subject, versions, settings) in all {
            export.versions.extend(versions);
            if settings != Settings::default() {
                export.settings.insert(subject.to_owned(), settings);
            }
        }
        Ok(export)
    }

    async fn export_subject<'s>(
        &self,
        subject: &'s str,
        which: SchemaVersions,
    ) -> Result<(&'s str, Vec<SubjectVersion>, Settings), RegistryError> {
        let live = match self.versions(subject, SchemaVersions::Live).await {
            Err(error) if error.is_not_found() => Vec::new(),
            live => live?,
        };
        let numbers = if which == SchemaVersions::Live { live.clone() } else { self.versions(subject, which).await? };
        let mut versions = Vec::with_capacity(numbers.len());
        for number in numbers {
            let version = self.version(subject, number, which != SchemaVersions::Live).await?;
            versions.push(SubjectVersion { subject: subject.to_owned(), deleted: !live.contains(&number), ..version });
        }
        let settings = Settings {
            config: own(self.config(Some(subject), false).await)?,
            mode: own(self.mode(Some(subject), false).await)?,
        };
        Ok((subject, versions, settings))
    }

    /// Writes an export into this registry. May be repeated: what is there already stays as it is.
    pub async fn import(&self, export: &Export, ids: Ids) -> Result<Imported, RegistryError> {
        if export.version != EXPORT_VERSION {
            let message = format!("an export of version {}; this client reads {EXPORT_VERSION}", export.version);
            return Err(RegistryError::Configuration(message));
        }
        let of_versions = export.versions.iter().map(|version| version.subject.as_str());
        let subjects: BTreeSet<&str> = of_versions.chain(export.settings.keys().map(String::as_str)).collect();
        let opening = stream::iter(&subjects).map(|subject| self.open(subject, ids)).buffer_unordered(IN_FLIGHT);
        let imported = match opening.try_collect::<()>().await {
            Ok(()) => self.import_versions(&export.versions, ids).await,
            Err(error) => Err(error),
        };
        // Also after a failure: an open subject takes anything, or nothing from its producers.
        let closing = stream::iter(&subjects).map(|subject| self.close(subject, export.settings.get(*subject), ids));
        let closed: Vec<Result<(), RegistryError>> = closing.buffer_unordered(IN_FLIGHT).collect().await;
        imported?;
        closed.into_iter().collect::<Result<(), RegistryError>>()?;
        Ok(Imported { versions: export.versions.len(), subjects: subjects.len() })
    }

    /// Has a subject take what was once taken elsewhere: history is not judged by the rules of today.
    async fn open(&self, subject: &str, ids: Ids) -> Result<(), RegistryError> {
        match ids {
            Ids::Keep => self.set_mode(Some(subject), Mode::Import, true).await,
            Ids::New => self.set_config(Some(subject), &Config::level(alluvium_avro::Level::None)).await.map(|_| ()),
        }
    }

    /// Gives a subject the settings that it had; of those that were changed meanwhile, none where it had none.
    async fn close(&self, subject: &str, settings: Option<&Settings>, ids: Ids) -> Result<(), RegistryError> {
        let (config, mode) = settings.map_or((None, None), |own| (own.config.as_ref(), own.mode));
        // The mode comes last: it may forbid the rest.
        match config {
            Some(config) => self.set_config(Some(subject), config).await.map(|_| ())?,
            None if ids == Ids::New => gone(self.clear_config(Some(subject)).await)?,
            None => {}
        }
        match mode {
            Some(mode) => self.set_mode(Some(subject), mode, true).await,
            None if ids == Ids::Keep => gone(self.clear_mode(Some(subject)).await),
            None => Ok(()),
        }
    }

    /// Registers every version after those it uses, and deletes what was deleted.
    async fn import_versions(&self, versions: &[SubjectVersion], ids: Ids) -> Result<(), RegistryError> {
        let waves = waves(versions);
        let mut given: BTreeMap<Place, u32> = BTreeMap::new();
        for wave in &waves {
            let registering = stream::iter(wave).map(|version| self.import_version(version, ids, &given));
            let done: Vec<(Place, u32)> = registering.buffer_unordered(IN_FLIGHT).try_collect().await?;
            given.extend(done);
        }
        for version in waves.iter().rev().flatten().filter(|version| version.deleted) {
            let number = given.get(&place(version)).copied().unwrap_or(version.version);
            gone(self.delete_version(&version.subject, number, false).await)?;
        }
        Ok(())
    }

    async fn import_version(
        &self,
        version: &SubjectVersion,
        ids: Ids,
        given: &BTreeMap<Place, u32>,
    ) -> Result<(Place, u32), RegistryError> {
        let reference = |reference: &Reference| {
            let number = used(version, reference).and_then(|place| i32::try_from(*given.get(&place)?).ok());
            Reference { version: number.unwrap_or(reference.version), ..reference.clone() }
        };
        let mut schema = NewSchema {
            schema: version.schema.clone(),
            schema_type: version.schema_type,
            references: version.references.iter().map(reference).collect(),
            metadata: version.metadata.clone(),
            rule_set: version.rule_set.clone(),
            id: None,
            version: None,
        };
        if ids == Ids::Keep {
            // A deleted version that is there is not registered anew: it would have to come back to life first.
            let there =
                if version.deleted { own(self.version(&version.subject, version.version, true).await)? } else { None };
            if there.is_some_and(|there| there.id == version.id) {
                return Ok((place(version), version.version));
            }
            schema.id = Some(version.id);
            schema.version = Some(i32::try_from(version.version).unwrap_or(i32::MAX));
            self.register(&version.subject, &schema, false).await?;
            return Ok((place(version), version.version));
        }
        let registered = self.register(&version.subject, &schema, false).await?;
        let number = match registered.version {
            Some(number) => number,
            None => self.lookup(&version.subject, &schema, false).await?.version,
        };
        Ok((place(version), number))
    }

    /// A subject's name without the context that this client works in.
    pub fn unqualified<'n>(&self, name: &'n str) -> &'n str {
        let context = self.context().map(|context| context.trim_matches(':').trim_start_matches('.'));
        context.and_then(|context| name.strip_prefix(&format!(":.{context}:"))).unwrap_or(name)
    }
}

/// What a scope has of its own; nothing where a registry has no such thing.
fn own<T>(answer: Result<T, RegistryError>) -> Result<Option<T>, RegistryError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What was to go, and may be gone already.
fn gone<T>(answer: Result<T, RegistryError>) -> Result<(), RegistryError> {
    own(answer).map(|_| ())
}

fn place(version: &SubjectVersion) -> Place {
    (version.subject.clone(), version.version)
}

/// What a version uses: subjects without a context are of the context of who uses them.
fn used(version: &SubjectVersion, reference: &Reference) -> Option<Place> {
    let subject = &version.subject;
    let qualifier = subject.strip_prefix(":.").and_then(|rest| rest.find(':')).map_or(0, |at| at + 3);
    let own = if reference.subject.starts_with(':') { "" } else { &subject[..qualifier] };
    Some((format!("{own}{}", reference.subject), u32::try_from(reference.version).ok()?))
}

/// Versions in waves: each comes after those it uses and after those before it in its subject. Within a wave order is free.
fn waves(versions: &[SubjectVersion]) -> Vec<Vec<&SubjectVersion>> {
    let places: BTreeMap<Place, &SubjectVersion> = versions.iter().map(|version| (place(version), version)).collect();
    let needs = |version: &SubjectVersion| -> Vec<Place> {
        let before = places.range(..place(version)).next_back().map(|(before, _)| before.clone());
        let before = before.filter(|(subject, _)| *subject == version.subject);
        let uses = version.references.iter().filter_map(|reference| used(version, reference));
        uses.filter(|place| places.contains_key(place)).chain(before).collect()
    };
    let (mut waves, mut met): (Vec<Vec<&SubjectVersion>>, BTreeSet<Place>) = (Vec::new(), BTreeSet::new());
    let mut wave_of: BTreeMap<Place, usize> = BTreeMap::new();
    for start in places.keys() {
        // A walk without recursion: how long a chain gets is up to who made the export.
        let mut open = vec![(start.clone(), false)];
        while let Some((at, ready)) = open.pop() {
            let version = places[&at];
            if ready {
                let after = needs(version).iter().filter_map(|need| wave_of.get(need)).max();
                let wave = after.map_or(0, |after| after + 1);
                waves.resize_with(waves.len().max(wave + 1), Vec::new);
                waves[wave].push(version);
                wave_of.insert(at, wave);
            } else if met.insert(at.clone()) {
                open.push((at, true));
                open.extend(needs(version).into_iter().map(|need| (need, false)));
            }
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_comes_first() {
        let version = |subject: &str, number: u32, uses: &[(&str, i32)]| {
            let references = uses
                .iter()
                .map(|(subject, version)| serde_json::json!({"name": "x", "subject": subject, "version": version}));
            let references: Vec<serde_json::Value> = references.collect();
            let all = serde_json::json!({
                "subject": subject, "version": number, "id": 1, "schema": "", "references": references,
            });
            serde_json::from_value::<SubjectVersion>(all).unwrap()
        };
        let all = [
            version("a", 2, &[]),
            version("a", 1, &[("z", 1)]),
            version("z", 1, &[("m", 3), ("nowhere", 1)]),
            version("m", 3, &[]),
        ];
        let waves: Vec<Vec<Place>> =
            waves(&all).iter().map(|wave| wave.iter().map(|one| place(one)).collect()).collect();
        let place = |subject: &str, number: u32| (subject.to_owned(), number);
        assert_eq!(waves, [[place("m", 3)], [place("z", 1)], [place("a", 1)], [place("a", 2)]]);
        let one = version(":.c:a", 1, &[("m", 3), (":.d:m", 4)]);
        assert_eq!(used(&one, &one.references[0]), Some(place(":.c:m", 3)));
        assert_eq!(used(&one, &one.references[1]), Some(place(":.d:m", 4)));
    }
}
