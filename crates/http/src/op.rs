//! The documentation of a route, declared beside it.

use utoipa::openapi::path::{Operation, OperationBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{IntoParams, ToSchema};

/// One operation of `/openapi.json`, with the schemas it names. Path parameters and error answers are added by assembly.
#[derive(Clone)]
pub struct Op {
    pub(crate) operation: Operation,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) errors: Vec<&'static str>,
    pub(crate) instrumented: bool,
}

impl Op {
    /// An operation: its unique id (camel case), the group it is listed in, and what it does in a few words.
    pub fn new(id: &str, tag: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new().operation_id(Some(id)).tag(tag).summary(Some(summary)).build();
        Self { operation, schemas: Vec::new(), errors: Vec::new(), instrumented: true }
    }

    /// A paragraph more.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.operation.description = Some(text.to_owned());
        self
    }

    /// The query parameters of `T`.
    #[must_use]
    pub fn query<T: IntoParams>(mut self) -> Self {
        let parameters = T::into_params(|| Some(ParameterIn::Query)).into_iter().map(RefOr::T);
        self.operation.parameters.get_or_insert_default().extend(parameters);
        self
    }

    /// A JSON body of type `T`.
    #[must_use]
    pub fn body<T: ToSchema>(self) -> Self {
        self.json_body::<T>(Required::True)
    }

    /// A JSON body of type `T` that may be left out.
    #[must_use]
    pub fn optional_body<T: ToSchema>(self) -> Self {
        self.json_body::<T>(Required::False)
    }

    /// A body of another media type, as bytes.
    #[must_use]
    pub fn binary_body(mut self, media_type: &str) -> Self {
        let content = ContentBuilder::new().schema(Some(binary())).build();
        let body = RequestBodyBuilder::new().required(Some(Required::True)).content(media_type, content).build();
        self.operation.request_body = Some(RefOr::T(body));
        self
    }

    /// A form with one file, in the field `name`.
    #[must_use]
    pub fn file_body(mut self, name: &str) -> Self {
        let form = ObjectBuilder::new().property(name, binary()).required(name).build();
        let content = ContentBuilder::new().schema(Some(Schema::from(form))).build();
        let body =
            RequestBodyBuilder::new().required(Some(Required::True)).content("multipart/form-data", content).build();
        self.operation.request_body = Some(RefOr::T(body));
        self
    }

    /// A JSON answer of type `T`.
    #[must_use]
    pub fn json<T: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let schema = self.reference::<T>();
        self.json_of(status, what, schema)
    }

    /// A JSON answer that is a list of `T`.
    #[must_use]
    pub fn json_list<T: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let schema = ArrayBuilder::new().items(self.reference::<T>());
        self.json_of(status, what, RefOr::<Schema>::from(schema))
    }

    /// A JSON answer of type `A` or of type `B`.
    #[must_use]
    pub fn json_either<A: ToSchema, B: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let schema = OneOfBuilder::new().item(self.reference::<A>()).item(self.reference::<B>());
        self.json_of(status, what, RefOr::<Schema>::from(schema))
    }

    /// A further media type of an answer that was declared before.
    #[must_use]
    pub fn or_binary(mut self, status: u16, media_type: &str) -> Self {
        if let Some(RefOr::T(answer)) = self.operation.responses.responses.get_mut(&status.to_string()) {
            let content = ContentBuilder::new().schema(Some(binary())).build();
            answer.content.insert(media_type.to_owned(), RefOr::T(content));
        }
        self
    }

    /// An answer of another media type.
    #[must_use]
    pub fn binary(mut self, status: u16, media_type: &str, what: &str) -> Self {
        let content = ContentBuilder::new().schema(Some(binary())).build();
        self.answer(status, ResponseBuilder::new().description(what).content(media_type, content).build());
        self
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(mut self, status: u16, what: &str) -> Self {
        self.answer(status, ResponseBuilder::new().description(what).build());
        self
    }

    /// Any other answer: its statuses are those of an interface that is described elsewhere.
    #[must_use]
    pub fn otherwise(mut self, what: &str) -> Self {
        let answer = ResponseBuilder::new().description(what).build();
        self.operation.responses.responses.insert("default".to_owned(), RefOr::T(answer));
        self
    }

    /// The codes this operation answers with, beyond those any route can give. Each must be in a crate's `ERRORS`.
    #[must_use]
    pub fn errors(mut self, codes: &[&'static str]) -> Self {
        self.errors.extend(codes);
        self
    }

    /// Leaves the route out of the HTTP metrics (scrapes, documentation).
    #[must_use]
    pub fn uncounted(mut self) -> Self {
        self.instrumented = false;
        self
    }

    pub(crate) fn summary(&self) -> &str {
        self.operation.summary.as_deref().unwrap_or_default()
    }

    fn json_body<T: ToSchema>(mut self, required: Required) -> Self {
        let schema = self.reference::<T>();
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let body = RequestBodyBuilder::new().required(Some(required)).content("application/json", content).build();
        self.operation.request_body = Some(RefOr::T(body));
        self
    }

    fn json_of(mut self, status: u16, what: &str, schema: RefOr<Schema>) -> Self {
        let content = ContentBuilder::new().schema(Some(schema)).build();
        self.answer(status, ResponseBuilder::new().description(what).content("application/json", content).build());
        self
    }

    fn answer(&mut self, status: u16, response: utoipa::openapi::Response) {
        self.operation.responses.responses.insert(status.to_string(), RefOr::T(response));
    }

    fn reference<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let name = T::name().into_owned();
        T::schemas(&mut self.schemas);
        self.schemas.push((name.clone(), T::schema()));
        RefOr::Ref(Ref::from_schema_name(name))
    }
}

fn binary() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Binary)))
        .build()
        .into()
}
