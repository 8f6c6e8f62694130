//! The shapes that bodies of errors have, as `/openapi.json` describes them.

use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::xml::XmlBuilder;
use utoipa::openapi::{Ref, RefOr};

/// A shape of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBody {
    /// RFC 9457, with our members.
    Problem,
    /// `{"detail":{"error","message","details"?}}`
    Detail,
    /// `{"detail":"…"}`
    DetailText,
    /// `{"detail":[{"type","loc","msg","input","ctx"?}]}`
    DetailList,
    /// `{"error","message"}`
    Plain,
    /// `{"message","error_code","details"}`
    Coded,
    /// `{"detail":{"Code","Message"}}`, with AWS's words.
    S3Detail,
    /// `<Error><Code/><Message/><Resource/><RequestId/></Error>`
    S3Xml,
}

impl ErrorBody {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Problem,
        Self::Detail,
        Self::DetailText,
        Self::DetailList,
        Self::Plain,
        Self::Coded,
        Self::S3Detail,
        Self::S3Xml,
    ];

    /// The name of its schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::Problem => "Problem",
            Self::Detail => "DetailError",
            Self::DetailText => "DetailText",
            Self::DetailList => "DetailMistakes",
            Self::Plain => "PlainError",
            Self::Coded => "ErrorResponse",
            Self::S3Detail => "S3DetailError",
            Self::S3Xml => "S3Error",
        }
    }

    pub(crate) fn schema(self) -> RefOr<Schema> {
        let (shape, what) = match self {
            Self::Problem => (problem(), "What went wrong (RFC 9457), with a stable code."),
            Self::Detail => (object(&[("detail", stated().into())]), "What went wrong, with a stable code."),
            Self::DetailText => (object(&[("detail", text())]), "What went wrong before anything was looked at."),
            Self::DetailList => {
                let mistakes = ArrayBuilder::new().items(mistake());
                (object(&[("detail", mistakes.into())]), "Every field that is missing or wrong.")
            }
            Self::Plain => (stated(), "What went wrong, with a stable code."),
            Self::Coded => {
                let members = [("message", text()), ("error_code", text()), ("details", any())];
                (object(&members), "What went wrong, with a stable code in camel case.")
            }
            Self::S3Detail => {
                let said = object(&[("Code", text()), ("Message", text())]);
                (object(&[("detail", said.into())]), "What went wrong, in the words of S3.")
            }
            Self::S3Xml => {
                let members = [("Code", text()), ("Message", text()), ("Resource", text()), ("RequestId", text())];
                (
                    object(&members).xml(Some(XmlBuilder::new().name(Some("Error")).build())),
                    "What went wrong, as S3 says it.",
                )
            }
        };
        shape.description(Some(what)).into()
    }
}

/// A reference to one shape, or to one of several.
pub(crate) fn reference(bodies: &[ErrorBody]) -> RefOr<Schema> {
    let one = |body: &ErrorBody| Ref::from_schema_name(body.name());
    match bodies {
        [body] => one(body).into(),
        several => several.iter().fold(OneOfBuilder::new(), |all, body| all.item(one(body))).into(),
    }
}

fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

fn any() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

fn free() -> RefOr<Schema> {
    ObjectBuilder::new().additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true))).into()
}

/// An object with these members, all of which are there.
fn object(members: &[(&str, RefOr<Schema>)]) -> ObjectBuilder {
    members
        .iter()
        .fold(ObjectBuilder::new(), |object, (name, schema)| object.property(*name, schema.clone()).required(*name))
}

fn stated() -> ObjectBuilder {
    object(&[("error", text()), ("message", text())]).property("details", free())
}

fn mistake() -> ObjectBuilder {
    let place = ArrayBuilder::new().items(any());
    object(&[("type", text()), ("loc", place.into()), ("msg", text()), ("input", any())]).property("ctx", free())
}

fn problem() -> ObjectBuilder {
    let status = ObjectBuilder::new().schema_type(Type::Integer);
    object(&["type", "title", "detail", "instance", "code", "request_id"].map(|name| (name, text())))
        .property("status", status)
        .required("status")
        .property("errors", ArrayBuilder::new().items(object(&[("field", text()), ("message", text())])))
        .property("details", any())
}
