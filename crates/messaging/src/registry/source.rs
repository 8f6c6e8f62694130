//! The registry as a codec asks it, and schemas with all that they use.

use std::collections::HashSet;

use alluvium_avro::{Named, REFERENCES_MAX};
use alluvium_kernel::BoxFuture;

use super::client::RegistryClient;
use super::error::RegistryError;
use super::types::{NewSchema, Reference, SchemaType, Version};
use crate::model::MessageSchema;
use crate::wire::{Fetched, SchemaRef, SchemaSource, SourceError};

/// Code of a subject that there is not.
const SUBJECT_NOT_FOUND: u32 = 40401;
/// Code of a schema that there is not.
const SCHEMA_NOT_FOUND: u32 = 40403;

impl RegistryClient {
    /// The texts of references, each after those that it needs itself.
    pub async fn resolve(&self, references: &[Reference]) -> Result<Vec<Named>, RegistryError> {
        enum Step {
            Open(Reference),
            Close(Named),
        }
        let mut seen = HashSet::new();
        let mut named = Vec::new();
        let mut steps: Vec<Step> = references.iter().rev().cloned().map(Step::Open).collect();
        while let Some(step) = steps.pop() {
            let reference = match step {
                Step::Close(one) => {
                    named.push(one);
                    continue;
                }
                Step::Open(reference) if !seen.insert(reference.name.clone()) => continue,
                Step::Open(reference) => reference,
            };
            if seen.len() > REFERENCES_MAX {
                let request = format!("resolving {}", reference.name);
                return Err(RegistryError::Malformed {
                    request,
                    message: format!("more than {REFERENCES_MAX} references"),
                });
            }
            let version = u32::try_from(reference.version).map_or(Version::Latest, Version::Number);
            let found = self.version(&reference.subject, version, true).await?;
            steps.push(Step::Close(Named { name: reference.name, text: found.schema }));
            steps.extend(found.references.into_iter().rev().map(Step::Open));
        }
        Ok(named)
    }

    /// A version's schema, parsed with all that it uses.
    pub async fn load(&self, subject: &str, version: impl Into<Version>) -> Result<MessageSchema, RegistryError> {
        let version = version.into();
        let found = self.version(subject, version, false).await?;
        self.parsed(&format!("{subject}@{version}"), found.schema, found.schema_type, &found.references).await
    }

    /// An id's schema, parsed with all that it uses.
    pub async fn load_id(&self, id: u32) -> Result<MessageSchema, RegistryError> {
        let found = self.by_id(id, None).await?;
        self.parsed(&format!("id:{id}"), found.schema, found.schema_type, &found.references).await
    }

    async fn parsed(
        &self,
        name: &str,
        text: String,
        kind: SchemaType,
        references: &[Reference],
    ) -> Result<MessageSchema, RegistryError> {
        let wrong = |message: String| RegistryError::Malformed { request: format!("loading {name}"), message };
        if kind != SchemaType::Avro {
            return Err(wrong(format!("it is {kind}, not AVRO")));
        }
        let references = self.resolve(references).await?;
        Fetched { id: None, guid: None, text, references }.parse().map_err(|error| wrong(error.to_string()))
    }

    async fn fetched(
        &self,
        id: Option<u32>,
        found: Result<super::types::SchemaById, RegistryError>,
    ) -> Result<Option<Fetched>, SourceError> {
        match found {
            Ok(found) if found.schema_type != SchemaType::Avro => {
                let message = format!("schema {id:?} is {}, not AVRO", found.schema_type);
                Err(SourceError::refused(message, None, None))
            }
            Ok(found) => {
                let references = self.resolve(&found.references).await?;
                let guid = found.guid.map(uuid::Uuid::into_bytes);
                Ok(Some(Fetched { id, guid, text: found.schema, references }))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_absent(error: &RegistryError) -> bool {
    matches!(error.registry_code(), Some(SUBJECT_NOT_FOUND | SCHEMA_NOT_FOUND))
}

impl SchemaSource for RegistryClient {
    fn ping(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async move { Ok(Self::ping(self).await?) })
    }

    fn by_id(&self, id: u32) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move { self.fetched(Some(id), Self::by_id(self, id, None).await).await })
    }

    fn by_guid(&self, guid: [u8; 16]) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move { self.fetched(None, Self::by_guid(self, uuid::Uuid::from_bytes(guid)).await).await })
    }

    fn by_fingerprint(&self, fingerprint: u64) -> BoxFuture<'_, Result<Vec<Fetched>, SourceError>> {
        Box::pin(async move {
            let ids = match self.ids_of_fingerprint(fingerprint).await {
                Ok(ids) => ids,
                // Other registries do not know the path.
                Err(error) if error.is_not_found() => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut all = Vec::with_capacity(ids.len());
            for each in ids {
                let within = self.in_context(&each.context);
                let client = if each.context == "." { self } else { &within };
                all.extend(client.fetched(Some(each.id), Self::by_id(client, each.id, None).await).await?);
            }
            Ok(all)
        })
    }

    fn lookup<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        normalize: bool,
    ) -> BoxFuture<'a, Result<Option<SchemaRef>, SourceError>> {
        Box::pin(async move {
            match Self::lookup(self, subject, &NewSchema::avro(text), normalize).await {
                Ok(found) => Ok(Some(SchemaRef { id: found.id, guid: found.guid.map(uuid::Uuid::into_bytes) })),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn register<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        normalize: bool,
    ) -> BoxFuture<'a, Result<SchemaRef, SourceError>> {
        Box::pin(async move {
            let registered = Self::register(self, subject, &NewSchema::avro(text), normalize).await?;
            Ok(SchemaRef { id: registered.id, guid: registered.guid.map(uuid::Uuid::into_bytes) })
        })
    }

    fn latest<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<Fetched>, SourceError>> {
        Box::pin(async move {
            match self.version(subject, Version::Latest, false).await {
                Ok(found) => {
                    let references = self.resolve(&found.references).await?;
                    let guid = found.guid.map(uuid::Uuid::into_bytes);
                    Ok(Some(Fetched { id: Some(found.id), guid, text: found.schema, references }))
                }
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }
}
