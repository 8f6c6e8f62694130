//! `/openapi.json` out of the same list as the router.

use std::collections::BTreeMap;

use alluvium_kernel::{ErrorInfo, Requirement};
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Paths, RefOr, Required, ResponseBuilder,
};

use crate::idempotency::KEY_CHARS_MAX;
use crate::{About, Catalogue, Documented, ErrorBody, ErrorRenderer, PathParams, RouteGroup, RouteInfo, error_body};

const BEARER: &str = "bearer";
/// What the guard may answer on a route that asks for something.
const OF_CALLERS: [&str; 2] = ["http.not_authenticated", "http.unknown_credential"];
/// What reading a body may answer.
const OF_BODIES: [&str; 2] = ["http.body_too_large", "http.body_interrupted"];
/// What reading a JSON body may answer.
const OF_JSON: [&str; 3] = ["http.malformed_body", "http.invalid_body", "http.unsupported_media_type"];
/// What a key of the caller's own may answer.
const OF_KEYS: [&str; 3] =
    ["http.invalid_idempotency_key", "http.idempotency_conflict", "http.idempotency_in_progress"];
/// A caller that is known and may not do this: what it lacks is said by whoever decides on rights.
const REFUSED: ErrorInfo = ErrorInfo::new("http.refused", 403, "The caller may not do this", "");

pub(crate) fn assemble(about: &About, groups: &[RouteGroup], catalogue: &Catalogue) -> OpenApi {
    let mut paths = Paths::new();
    let mut schemas: BTreeMap<String, RefOr<Schema>> =
        ErrorBody::ALL.into_iter().map(|body| (body.name().to_owned(), body.schema())).collect();
    for (group, info) in groups.iter().flat_map(|group| group.infos.iter().map(move |info| (group, info))) {
        schemas.extend(info.op.schemas.iter().cloned());
        if let Some(method) = method_of(info) {
            let operation = operation(info, group.renderer.as_ref(), catalogue);
            paths.add_path_operation(info.template(), vec![method], operation);
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

fn operation(info: &RouteInfo, renderer: &dyn ErrorRenderer, catalogue: &Catalogue) -> Operation {
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
    if info.keyed {
        parameters.push(RefOr::T(idempotency_key()));
    }
    operation.parameters = Some(parameters).filter(|parameters| !parameters.is_empty());

    let requirement = requirement(info);
    let (needs, open) = needs(&requirement);
    operation.description = Some(match operation.description.take() {
        Some(text) => format!("{text}\n\nNeeds: {needs}."),
        None => format!("Needs: {needs}."),
    });
    operation.security = Some(if open { vec![] } else { vec![SecurityRequirement::new(BEARER, [""; 0])] });
    let errors = errors(info, &operation, &requirement, catalogue);
    add_errors(&mut operation, &errors, renderer, &requirement);
    operation
}

/// The header by which a request is done once, however often it is sent.
fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(KEY_CHARS_MAX))
        .pattern(Some("^[!-~]+$"));
    ParameterBuilder::new()
        .name("X-Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some("The caller's name of this request: sent again, it gets the answer of before."))
        .schema(Some(schema.build()))
        .build()
}

/// What the route requires, with the names of the path's parts for their values.
fn requirement(info: &RouteInfo) -> Requirement {
    let named = PathParams::new(info.param_names().into_iter().map(|name| (name.clone(), format!("{{{name}}}"))));
    info.requirement(&named)
}

/// The same in words; and whether that is nothing.
fn needs(requirement: &Requirement) -> (&'static str, bool) {
    match requirement {
        Requirement::Nothing => ("nothing, it is public", true),
        Requirement::Authenticated => ("any live key", false),
        Requirement::Admin => ("the admin key", false),
        Requirement::ProjectAdmin(_) => ("administration of the project", false),
        Requirement::ProjectWrite(_) => ("write access to the project", false),
        Requirement::ProjectRead(_) => ("read access to the project", false),
        Requirement::ProjectMember(_) | Requirement::ProjectKey(_) => ("any live key of the project", false),
        Requirement::AnyBranchWrite(_) => ("write access to the project or to a part of it", false),
        Requirement::BranchWrite(..) => ("write access to the branch", false),
        Requirement::BranchRead(..) => ("read access to the branch", false),
        Requirement::BranchList(..) => ("read access to the branch, or to buckets of it, which are shown then", false),
        Requirement::BranchWork(..) => ("write access to the branch, or to what the body names in it", false),
        Requirement::ProjectList(_) => ("read access to the project, or to buckets of it, which are shown then", false),
        Requirement::ProjectWork(_) => ("write access to the project, or to what the body names in it", false),
        Requirement::BucketRead(..) => ("read access to the bucket", false),
        Requirement::BucketWrite(..) => ("write access to the bucket", false),
        Requirement::BucketAdmin(_) => ("administration of the project's buckets", false),
        Requirement::KeyAdmin(_) => ("administration of the project's keys", false),
        Requirement::FileWrite(..) | Requirement::FileExport(..) => ("write access to the file", false),
        Requirement::WorkspaceRead(..) => ("read access to the workspace", false),
        Requirement::WorkspaceWrite(..) => ("write access to the workspace", false),
        Requirement::SchemaSubject(..) => ("a right on the subject", false),
        Requirement::SchemaConfig(_) => ("a right on the settings of the registry", false),
        Requirement::PipelineRead => ("read access to the tenant's pipelines", false),
        Requirement::PipelineWrite => ("write access to the tenant's pipelines", false),
        Requirement::PipelineAdmin => ("administration of the tenant's members", false),
        Requirement::PipelineOwner => ("ownership of the installation", false),
        Requirement::Every(_) => ("several rights", false),
        Requirement::System => ("a part of Alluvium itself", false),
    }
}

/// The route's own errors, and those that the guard and the extractors may answer with in front of its handler.
fn errors(info: &RouteInfo, operation: &Operation, requirement: &Requirement, catalogue: &Catalogue) -> Vec<ErrorInfo> {
    let mut codes: Vec<&str> = vec!["http.timeout"];
    let has = |place: &ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters.filter_map(inline).any(|parameter| parameter.parameter_in == *place)
    };
    if has(&ParameterIn::Path) {
        codes.push("http.invalid_path");
    }
    if info.keyed {
        codes.extend(OF_KEYS);
    }
    if has(&ParameterIn::Query) {
        codes.push("http.invalid_query");
    }
    if let Some(body) = operation.request_body.as_ref().and_then(inline) {
        codes.extend(OF_BODIES);
        if body.content.contains_key("application/json") {
            codes.extend(OF_JSON);
        }
    }
    let mut errors: Vec<ErrorInfo> = Vec::new();
    if *requirement != Requirement::Nothing {
        codes.extend(OF_CALLERS);
        codes.push("http.invalid_position");
        errors.push(REFUSED);
    }
    codes.extend(&info.op.errors);
    errors.extend(codes.into_iter().filter_map(|code| catalogue.get(code).copied()));
    errors
}

fn inline<T>(this: &RefOr<T>) -> Option<&T> {
    match this {
        RefOr::T(this) => Some(this),
        RefOr::Ref(_) => None,
    }
}

/// One answer per status, listing the codes that come with it, in the shapes the route's group gives them.
fn add_errors(operation: &mut Operation, errors: &[ErrorInfo], renderer: &dyn ErrorRenderer, asked: &Requirement) {
    let mut by_status: BTreeMap<u16, Vec<(&ErrorInfo, Documented)>> = BTreeMap::new();
    for error in errors {
        if let Some(documented) = renderer.documented(error, asked) {
            by_status.entry(documented.status).or_default().push((error, documented));
        }
    }
    for (status, answers) in by_status {
        let lines: Vec<String> = answers
            .iter()
            .map(|(error, _)| match *error {
                error if *error == REFUSED => error.title.to_owned(),
                error => format!("`{}`: {}", error.code, error.title),
            })
            .collect();
        let mut bodies: BTreeMap<&str, Vec<ErrorBody>> = BTreeMap::new();
        for (_, Documented { media_type, body, .. }) in answers {
            let bodies = bodies.entry(media_type).or_default();
            if !bodies.contains(&body) {
                bodies.push(body);
            }
        }
        let response = bodies.into_iter().fold(
            ResponseBuilder::new().description(lines.join("; ")),
            |response, (media_type, bodies)| {
                let content = ContentBuilder::new().schema(Some(error_body::reference(&bodies)));
                response.content(media_type, content.build())
            },
        );
        operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response.build()));
    }
}
