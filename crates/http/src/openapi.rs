//! `/openapi.json` out of the same list as the router.

use std::collections::BTreeMap;

use alluvium_kernel::Requirement;
use utoipa::openapi::path::{HttpMethod, Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required,
    ResponseBuilder,
};

use crate::{About, Catalogue, PathParams, RouteGroup, RouteInfo};

const BEARER: &str = "bearer";
const PROBLEM: &str = "Problem";

pub(crate) fn assemble(about: &About, groups: &[RouteGroup], catalogue: &Catalogue) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::from([(PROBLEM.to_owned(), problem_schema())]);
    for info in groups.iter().flat_map(|group| &group.infos) {
        schemas.extend(info.op.schemas.iter().cloned());
        if let Some(method) = method_of(info) {
            paths.add_path_operation(info.template(), vec![method], operation(info, catalogue));
        }
    }
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A key of Alluvium.")).build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(BEARER, SecurityScheme::Http(scheme))
        .build();
    let info = InfoBuilder::new().title(&about.title).version(&about.version).build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn method_of(info: &RouteInfo) -> Option<HttpMethod> {
    Some(match info.method.as_str() {
        "GET" => HttpMethod::Get,
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        "HEAD" => HttpMethod::Head,
        "OPTIONS" => HttpMethod::Options,
        _ => return None,
    })
}

fn operation(info: &RouteInfo, catalogue: &Catalogue) -> Operation {
    let mut operation = info.op.operation.clone();
    let in_path = info.param_names().into_iter().map(|name| {
        let schema = ObjectBuilder::new().schema_type(Type::String).build();
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(schema));
        RefOr::T(parameter.build())
    });
    let mut parameters: Vec<_> = in_path.collect();
    parameters.extend(operation.parameters.take().unwrap_or_default());
    operation.parameters = Some(parameters).filter(|parameters| !parameters.is_empty());

    let (needs, open) = needs(info);
    operation.description = Some(match operation.description.take() {
        Some(text) => format!("{text}\n\nNeeds: {needs}."),
        None => format!("Needs: {needs}."),
    });
    operation.security = Some(if open { vec![] } else { vec![SecurityRequirement::new(BEARER, [""; 0])] });
    add_errors(&mut operation, info, catalogue);
    operation
}

/// What the route requires, in words; and whether that is nothing.
fn needs(info: &RouteInfo) -> (&'static str, bool) {
    let named = PathParams::new(info.param_names().into_iter().map(|name| (name.clone(), format!("{{{name}}}"))));
    match info.requirement(&named) {
        Requirement::Nothing => ("nothing, it is public", true),
        Requirement::Authenticated => ("any live key", false),
        Requirement::Admin => ("the admin key", false),
        Requirement::ProjectAdmin(_) => ("administration of the project", false),
        Requirement::ProjectWrite(_) => ("write access to the project", false),
        Requirement::ProjectRead(_) => ("read access to the project", false),
        Requirement::ProjectMember(_) => ("any live key of the project", false),
        Requirement::BranchWrite(..) => ("write access to the branch", false),
        Requirement::BranchRead(..) => ("read access to the branch", false),
        Requirement::SchemaSubject(..) => ("a right on the subject", false),
        Requirement::SchemaConfig(_) => ("a right on the settings of the registry", false),
        Requirement::Every(_) => ("several rights", false),
        Requirement::System => ("a part of Alluvium itself", false),
    }
}

/// One answer per status, listing the codes that come with it.
fn add_errors(operation: &mut Operation, info: &RouteInfo, catalogue: &Catalogue) {
    let mut by_status: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for error in info.op.errors.iter().filter_map(|code| catalogue.get(code)) {
        by_status.entry(error.status).or_default().push(format!("`{}`: {}", error.code, error.title));
    }
    for (status, lines) in by_status {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build();
        let response =
            ResponseBuilder::new().description(lines.join("; ")).content("application/problem+json", content).build();
        operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
    }
}

fn problem_schema() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let object = ["type", "title", "detail", "instance", "code", "request_id"]
        .into_iter()
        .fold(ObjectBuilder::new(), |object, name| object.property(name, text()).required(name))
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).build())
        .required("status")
        .description(Some("What went wrong (RFC 9457), with a stable code."))
        .build();
    RefOr::T(object.into())
}
