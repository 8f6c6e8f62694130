//! Defaults of fields, the same whether a schema is resolved or a reader fills them in.

use std::sync::OnceLock;

use serde::de::Error;

use super::avro_type::{AvroType, De, Ser};
use super::builder::{Place, SchemaBuilder, json_of};
use super::datum::{json_from_datum, json_to_datum};
use super::kind::Literal;
use super::schema::MessageSchema;
use crate::wire::core;

/// A default as written in an attribute, encoded once by the rules of Avro and read like any value.
#[derive(Debug)]
pub struct FieldDefault(OnceLock<Result<(MessageSchema, Vec<u8>), String>>);

impl FieldDefault {
    /// Not looked at yet.
    #[expect(clippy::new_without_default, reason = "it stands in statics, which take no default")]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The value.
    pub fn value<T: AvroType<As>, As, E: Error>(&self, place: &Place<'_>, literal: Literal) -> Result<T, E> {
        let encoded = self.0.get_or_init(|| {
            let (text, problems) = SchemaBuilder::build(|builder| T::avro_schema(builder, place));
            if let Some(problem) = problems.into_iter().next() {
                return Err(problem);
            }
            let schema = MessageSchema::parse(&text).map_err(|error| error.to_string())?;
            let json = serde_json::from_str(&json_of(&T::KIND, literal)).map_err(|error| error.to_string())?;
            let datum = json_to_datum(schema.parsed(), &json)?;
            Ok((schema, datum))
        });
        match encoded {
            Ok((schema, datum)) => core::decode::<De<T, As>>(datum, schema.fast())
                .map(De::into_inner)
                .map_err(|error| E::custom(format_args!("default of {}: {error}", place.field))),
            Err(problem) => Err(E::custom(format_args!("default of {}: {problem}", place.field))),
        }
    }
}

/// A value as the default of a field of this schema.
pub fn default_text<T: AvroType<As>, As>(schema: &str, value: &T) -> Result<String, String> {
    let schema = MessageSchema::parse(schema).map_err(|error| error.to_string())?;
    let mut datum = Vec::new();
    core::encode(&Ser::<T, As>::new(value), schema.fast(), &mut datum).map_err(|error| error.to_string())?;
    json_from_datum(schema.parsed(), &datum).map(|json| json.to_string())
}
