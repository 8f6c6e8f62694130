//! Schemas that somebody else wrote with, fetched when a message names them.

use super::Codecs;
use crate::model::MessageSchema;
use crate::wire::cache::Missing;
use crate::wire::error::DecodeError;
use crate::wire::frame::SchemaName;

impl Codecs {
    /// The schema of a name that is known.
    pub(in crate::wire) fn known(&self, name: SchemaName) -> Option<MessageSchema> {
        self.0.schemas.get(name)
    }

    /// Fetches a schema, or learns that there is none. Who asks for the same at the same time shares one request.
    pub(in crate::wire) async fn fetch(&self, name: SchemaName) -> Result<(), DecodeError> {
        let inner = &self.0;
        let unknown = |transient| DecodeError::UnknownSchema { schema: name.to_string(), transient };
        let Some(source) = &inner.config.source else {
            return Err(unknown(false));
        };
        let turn = inner.schemas.turn(name);
        let _mine = turn.lock().await;
        let found = match name {
            SchemaName::Fingerprint(fingerprint) => inner.schemas.was_asked(fingerprint),
            _ => inner.schemas.get(name).is_some(),
        };
        if found {
            return Ok(());
        }
        if let Missing::Since(long) = inner.schemas.missing(name) {
            metrics::counter!("messaging_schema_cache_total", "result" => "absent").increment(1);
            return Err(unknown(long < inner.config.schema_wait));
        }
        metrics::counter!("messaging_schema_cache_total", "result" => "miss").increment(1);
        let failed = |source| DecodeError::Registry { schema: name.to_string(), source };
        let fetched = match name {
            SchemaName::Id(id) => source.by_id(id).await.map_err(failed)?.into_iter().collect(),
            SchemaName::Guid(guid) => source.by_guid(guid).await.map_err(failed)?.into_iter().collect(),
            SchemaName::Fingerprint(fingerprint) => source.by_fingerprint(fingerprint).await.map_err(failed)?,
        };
        let mut parsed = Vec::with_capacity(fetched.len());
        for each in &fetched {
            let broken = |error: crate::model::SchemaError| DecodeError::Schema {
                schema: name.to_string(),
                reason: error.to_string(),
            };
            parsed.push(each.parse().map_err(broken)?);
        }
        if let SchemaName::Fingerprint(fingerprint) = name {
            parsed.retain(|schema| schema.fp64() == fingerprint);
            if !parsed.is_empty() || !inner.schemas.of_fingerprint(fingerprint).is_empty() {
                inner.schemas.keep_set(fingerprint, parsed);
                self.note_shared(fingerprint);
                return Ok(());
            }
        } else if let Some(schema) = parsed.pop() {
            inner.schemas.keep(name, schema);
            return Ok(());
        }
        Err(unknown(inner.schemas.note_absent(name) < inner.config.schema_wait))
    }
}
