//! Where schemas come from that this process does not have: a registry, or the platform's own log.

use alluvium_avro::{Named, Schema, Strictness};
use alluvium_kernel::BoxFuture;

use crate::model::{MessageSchema, SchemaError};

/// A schema as a source has it.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its number there, if it has one.
    pub id: Option<u32>,
    /// Its GUID there, if it has one.
    pub guid: Option<[u8; 16]>,
    /// Its text.
    pub text: String,
    /// Texts of what it refers to, each after those that it needs itself.
    pub references: Vec<Named>,
}

impl Fetched {
    /// Parsed. Leniently, because a registry may have taken it in long ago.
    pub fn parse(&self) -> Result<MessageSchema, SchemaError> {
        let parsed = Schema::parse_with(&self.text, &self.references, Strictness::Lenient)?;
        MessageSchema::of_parsed(parsed)
    }
}

/// A schema of a source by its names there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaRef {
    /// Its number.
    pub id: u32,
    /// Its GUID, if the source has such.
    pub guid: Option<[u8; 16]>,
}

/// A source that did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What happened, without secrets.
    pub message: String,
    /// HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The registry's code, where there was one.
    pub code: Option<u32>,
    retryable: bool,
}

impl SourceError {
    /// A failure that may pass.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { message: message.into(), status: None, code: None, retryable: true }
    }

    /// A refusal.
    pub fn refused(message: impl Into<String>, status: Option<u16>, code: Option<u32>) -> Self {
        Self { message: message.into(), status, code, retryable: false }
    }

    /// With what the server answered.
    #[must_use]
    pub fn with(mut self, status: u16, code: Option<u32>) -> Self {
        (self.status, self.code) = (Some(status), code);
        self
    }

    /// Whether it may be asked again.
    pub fn retryable(&self) -> bool {
        self.retryable
    }
}

/// What a codec asks of a registry. `None` is a plain "there is none".
pub trait SchemaSource: Send + Sync {
    /// Whether it answers.
    fn ping(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async move { self.by_id(1).await.map(drop) })
    }
    /// The schema of a number.
    fn by_id(&self, id: u32) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>>;
    /// The schema of a GUID.
    fn by_guid(&self, guid: [u8; 16]) -> BoxFuture<'_, Result<Option<Fetched>, SourceError>>;
    /// All schemas of a fingerprint.
    fn by_fingerprint(&self, fingerprint: u64) -> BoxFuture<'_, Result<Vec<Fetched>, SourceError>>;
    /// The names of a schema under a subject.
    fn lookup<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        normalize: bool,
    ) -> BoxFuture<'a, Result<Option<SchemaRef>, SourceError>>;
    /// Registers a schema under a subject.
    fn register<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
        normalize: bool,
    ) -> BoxFuture<'a, Result<SchemaRef, SourceError>>;
    /// The newest schema of a subject.
    fn latest<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<Fetched>, SourceError>>;
}
