//! A registry out into values, and into another one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::client::{RegistryClient, SchemaVersions};
use super::error::RegistryError;
use super::types::{Config, Mode, NewSchema, SubjectVersion};

/// Version of the form of an [`Export`].
pub const EXPORT_VERSION: u32 = 1;

/// All that a registry has, or the part of it with a prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// Version of this form.
    pub version: u32,
    /// Settings of the whole.
    pub config: Option<Config>,
    /// Versions by id, so that each comes after what it uses.
    pub versions: Vec<ExportedVersion>,
    /// Settings of subjects that have their own.
    pub configs: Vec<(String, Config)>,
}

/// One version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportedVersion {
    /// What it is.
    #[serde(flatten)]
    pub version: SubjectVersion,
}

/// What ids imported schemas have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Those that they had; the target is in mode IMPORT meanwhile.
    Keep,
    /// Whatever the target gives them.
    New,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Versions that were registered, or were there already.
    pub versions: usize,
    /// Scopes whose settings were set.
    pub configs: usize,
}

impl RegistryClient {
    /// Reads everything, or what has a prefix; softly deleted versions only if asked for.
    pub async fn export(&self, prefix: Option<&str>, deleted: bool) -> Result<Export, RegistryError> {
        let which = if deleted { SchemaVersions::WithDeleted } else { SchemaVersions::Live };
        let mut versions = Vec::new();
        let mut configs = Vec::new();
        for subject in self.subjects(prefix, which).await? {
            let live = match self.versions(&subject, SchemaVersions::Live).await {
                Ok(live) => live,
                Err(error) if error.is_not_found() => Vec::new(),
                Err(error) => return Err(error),
            };
            for number in self.versions(&subject, which).await? {
                let mut version = self.version(&subject, number, deleted).await?;
                version.deleted = !live.contains(&number);
                versions.push(ExportedVersion { version });
            }
            match self.config(Some(&subject), false).await {
                Ok(config) => configs.push((subject, config)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        versions.sort_by(|a, b| {
            (a.version.id, &a.version.subject, a.version.version).cmp(&(
                b.version.id,
                &b.version.subject,
                b.version.version,
            ))
        });
        let config = match self.config(None, false).await {
            Ok(config) => Some(config),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        Ok(Export { version: EXPORT_VERSION, config, versions, configs })
    }

    /// Writes an export into this registry. May be repeated: what is there already stays as it is.
    pub async fn import(&self, export: &Export, ids: Ids) -> Result<Imported, RegistryError> {
        if export.version != EXPORT_VERSION {
            let message = format!("an export of version {}; this client reads {EXPORT_VERSION}", export.version);
            return Err(RegistryError::Configuration(message));
        }
        let before = if ids == Ids::Keep {
            let before = self.mode(None, true).await?;
            self.set_mode(None, Mode::Import, true).await?;
            Some(before)
        } else {
            None
        };
        let outcome = self.import_all(export, ids).await;
        // Also after a failure: a registry left in mode IMPORT refuses its producers.
        if let Some(before) = before {
            self.set_mode(None, before, true).await?;
        }
        outcome
    }

    async fn import_all(&self, export: &Export, ids: Ids) -> Result<Imported, RegistryError> {
        let mut imported = Imported::default();
        let of_versions = export.versions.iter().map(|each| each.version.subject.as_str());
        let of_configs = export.configs.iter().map(|(subject, _)| subject.as_str());
        let subjects: BTreeSet<&str> = of_versions.chain(of_configs).collect();
        // What was once taken in under other settings is taken in again: history is not judged by the rules of today.
        for subject in &subjects {
            self.set_config(Some(subject), &Config::level(alluvium_avro::Level::None)).await?;
        }
        let versions = self.import_versions(export, ids, &mut imported).await;
        // Also after a failure: a subject without rules takes anything.
        for subject in subjects {
            match export.configs.iter().find(|(of, _)| of == subject) {
                Some((_, config)) => {
                    self.set_config(Some(subject), config).await?;
                    imported.configs += 1;
                }
                None => {
                    self.clear_config(Some(subject)).await?;
                }
            }
        }
        versions?;
        if let Some(config) = &export.config {
            self.set_config(None, config).await?;
            imported.configs += 1;
        }
        Ok(imported)
    }

    async fn import_versions(&self, export: &Export, ids: Ids, imported: &mut Imported) -> Result<(), RegistryError> {
        for each in &export.versions {
            let from = &each.version;
            let schema = NewSchema {
                schema: from.schema.clone(),
                schema_type: from.schema_type,
                references: from.references.clone(),
                metadata: from.metadata.clone(),
                rule_set: from.rule_set.clone(),
                id: (ids == Ids::Keep).then_some(from.id),
                version: (ids == Ids::Keep).then_some(i32::try_from(from.version).unwrap_or(i32::MAX)),
            };
            self.register(&from.subject, &schema, false).await?;
            imported.versions += 1;
        }
        for each in export.versions.iter().filter(|each| each.version.deleted && ids == Ids::Keep) {
            match self.delete_version(&each.version.subject, each.version.version, false).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
