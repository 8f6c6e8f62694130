//! The driver bridge: commands of Keboola's storage driver, as JSON. Each is translated to requests of the HTTP surface, sent in this
//! process with the caller's own credential: so it means what the route means, to whom the route is open, and nothing else.

mod backend;
mod bucket;
mod commands;
mod fields;
mod object;
mod renderer;
mod rest;
mod rows;
mod sharing;
mod table;
mod transfer;
mod workspace;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use alluvium_http::{BodyBytes, Json, Op, Principal, ProblemResponse, RequestId, Route, RouteGroup};
use alluvium_kernel::{Actor, ErrorInfo, Problem, Requirement};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use metrics::{counter, gauge, histogram};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::routes::{StorageRoutes, WRITE_TIMEOUT};
use crate::wire::read;
use commands::COMMANDS;
use fields::Fields;
use renderer::DriverRenderer;
use rest::Rest;

/// Commands that are only for the admin.
const ADMINS: [&str; 4] = ["InitBackendCommand", "RemoveBackendCommand", "CreateProjectCommand", "DropProjectCommand"];
/// What a response's type begins with.
const TYPE_PREFIX: &str = "type.googleapis.com/keboola.storageDriver.command";

/// What this bridge answers with besides the errors of the routes behind it.
pub(crate) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.driver_command",
        400,
        "No such command, or one that makes no sense",
        "`GET /driver/commands` lists the commands with an example of each.",
    ),
    ErrorInfo::new(
        "storage.driver_forbidden",
        403,
        "The credential does not open what the command names",
        "Use the admin's key, or a key of the project that the command and its credentials name.",
    ),
    ErrorInfo::new(
        "storage.driver_unsupported",
        501,
        "The command is known and not served",
        "Use the routes of the surface.",
    ),
];

/// What the handlers work with.
#[derive(Clone)]
pub struct DriverRoutes {
    /// The storage routes' own state, for names that only the catalogue can resolve.
    pub storage: StorageRoutes,
    /// The whole surface, once it is assembled.
    pub surface: Arc<OnceLock<Weak<Router>>>,
}

/// The two routes.
pub fn driver_routes(state: DriverRoutes) -> RouteGroup {
    let renderer = DriverRenderer::new(state.storage.admin_configured);
    let op = |id, what| Op::new(id, "driver", what);
    let nobody = |_: &alluvium_http::PathParams| Requirement::Nothing;
    let anybody = |_: &alluvium_http::PathParams| Requirement::Authenticated;
    let routes = vec![
        Route::get(
            "/driver/commands",
            nobody,
            list,
            op("listDriverCommands", "The commands there are").json::<Commands>(200, "All of them"),
        ),
        Route::post(
            "/driver/execute",
            anybody,
            execute,
            op("executeDriverCommand", "Execute one command of the storage driver")
                .body::<Request>()
                .json::<Executed>(200, "What came of it")
                .errors(&["storage.driver_command", "storage.driver_forbidden", "storage.driver_unsupported"])
                .errors(&["storage.project_not_found", "storage.project_exists", "storage.add_column_failed"])
                .errors(&["storage.version_expired", "storage.table_busy", "storage.workspace_not_found"]),
        )
        .timeout(WRITE_TIMEOUT),
    ];
    RouteGroup::new("driver", state, routes).keyed().errors_as(renderer, &["/driver"])
}

/// A command with what goes with it.
#[derive(ToSchema)]
#[schema(as = DriverRequest)]
#[expect(dead_code, reason = "only documents what the handler reads")]
struct Request {
    /// Its `type` or `@type`, and its fields in snake case or camel case.
    #[schema(value_type = Object)]
    command: Map<String, Value>,
    /// `project_id`, or `host`: the project it is about.
    #[schema(value_type = Option<Object>)]
    credentials: Option<Map<String, Value>>,
    /// Taken and not looked at.
    features: Option<Vec<String>>,
    /// Taken and not looked at.
    #[schema(value_type = Option<Object>)]
    runtime_options: Option<Map<String, Value>>,
}

/// What came of a command.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DriverResponse)]
struct Executed {
    /// The command's own response, with its `@type`; null where it has none.
    #[schema(value_type = Option<Object>)]
    command_response: Option<Value>,
    /// What there is to say besides.
    messages: Vec<Message>,
}

/// Something to say to people.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = DriverMessage)]
struct Message {
    /// `Error`, `Warning` or `Info`.
    level: &'static str,
    /// What.
    message: String,
}

/// The commands.
#[derive(Serialize, ToSchema)]
#[schema(as = DriverCommands)]
struct Commands {
    /// Each with an example.
    supported_commands: Vec<Supported>,
    /// How many there are.
    total_commands: usize,
}

/// A command.
#[derive(Serialize, ToSchema)]
#[schema(as = DriverCommand)]
struct Supported {
    /// Its name.
    r#type: &'static str,
    /// What it does.
    description: &'static str,
    /// How it is sent.
    #[schema(value_type = Object)]
    example: Value,
}

/// What came of a translation.
type Done = Result<Executed, Problem>;

/// A command under way.
struct Ask<'a> {
    fields: Fields<'a>,
    rest: Rest,
    principal: &'a Principal,
    state: &'a DriverRoutes,
    /// The project that the credentials name.
    project: Option<String>,
}

impl Executed {
    /// Nothing but that it was done.
    fn nothing() -> Self {
        Self { command_response: None, messages: Vec::new() }
    }

    /// A response of a group; what is empty is left out, as in protobuf's JSON.
    fn with(group: &str, name: &str, fields: Value) -> Self {
        let mut response = Map::new();
        response.insert("@type".to_owned(), json!(format!("{TYPE_PREFIX}.{group}.{name}Response")));
        if let Value::Object(fields) = fields {
            response.extend(fields.into_iter().filter(|(_, value)| !is_default(value)));
        }
        Self { command_response: Some(Value::Object(response)), messages: Vec::new() }
    }

    fn saying(mut self, level: &'static str, message: impl Into<String>) -> Self {
        self.messages.push(Message { level, message: message.into() });
        self
    }
}

/// Whether protobuf leaves a value out.
fn is_default(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) | Value::Object(_) => false,
    }
}

/// A 64-bit number as protobuf writes it.
fn long(number: &Value) -> Value {
    match number.as_i64() {
        Some(0) | None => Value::Null,
        Some(number) => json!(number.to_string()),
    }
}

/// A command that cannot be taken as it is.
fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new("storage.driver_command", 400, detail)
}

fn forbidden(detail: impl Into<String>) -> Problem {
    Problem::new("storage.driver_forbidden", 403, detail)
}

async fn list() -> Json<Commands> {
    let supported_commands: Vec<Supported> = COMMANDS
        .iter()
        .map(|command| Supported {
            r#type: command.name,
            description: command.description,
            example: serde_json::from_str(command.example).unwrap_or(Value::Null),
        })
        .collect();
    Json(Commands { total_commands: supported_commands.len(), supported_commands })
}

async fn execute(
    State(state): State<DriverRoutes>,
    principal: Principal,
    RequestId(request_id): RequestId,
    headers: HeaderMap,
    BodyBytes(body): BodyBytes,
) -> Result<Json<Executed>, ProblemResponse> {
    let (command, credentials) = read(&body, |body| (body.object("command"), body.opt_object("credentials").cloned()))?;
    let fields = Fields::of(&command);
    let name = fields.kind()?;
    let began = Instant::now();
    let running = gauge!("duckdb_grpc_connections_active");
    running.increment(1.0);
    let given = credentials.as_ref().map(Fields::of);
    let project = given.and_then(|given| ["projectId", "host"].iter().find_map(|name| given.text(name).ok().flatten()));
    let ask = Ask {
        fields,
        rest: Rest::new(&state, &principal, &headers, &request_id)?,
        principal: &principal,
        state: &state,
        project,
    };
    let done = if ADMINS.contains(&name) && principal.actor != Actor::Admin {
        Err(forbidden(format!("{name} is for the admin.")))
    } else {
        translate(name, &ask).await
    };
    running.decrement(1.0);
    let status = if done.is_ok() { "success" } else { "error" };
    counter!("duckdb_grpc_requests_total", "command" => name, "status" => status).increment(1);
    histogram!("duckdb_grpc_request_duration_seconds", "command" => name).record(began.elapsed());
    if let Err(problem) = &done {
        let kind = problem.status.to_string();
        counter!("duckdb_grpc_errors_total", "command" => name, "error_type" => kind).increment(1);
    }
    Ok(Json(done?))
}

async fn translate(name: &'static str, ask: &Ask<'_>) -> Done {
    match name {
        "InitBackendCommand" => backend::init(ask).await,
        "RemoveBackendCommand" => backend::remove(ask).await,
        "CreateProjectCommand" => backend::create_project(ask).await,
        "DropProjectCommand" => backend::drop_project(ask).await,
        "CreateDevBranchCommand" => backend::create_branch(ask).await,
        "DropDevBranchCommand" => backend::drop_branch(ask).await,
        "CreateBucketCommand" => bucket::create(ask).await,
        "DropBucketCommand" => bucket::drop(ask).await,
        "ShareBucketCommand" => sharing::share(ask).await,
        "UnshareBucketCommand" => sharing::unshare(ask).await,
        "LinkBucketCommand" => sharing::link(ask).await,
        "UnlinkBucketCommand" => sharing::unlink(ask).await,
        "GrantBucketAccessToReadOnlyRoleCommand" => sharing::grant_read_only(ask).await,
        "RevokeBucketAccessFromReadOnlyRoleCommand" => sharing::revoke_read_only(ask).await,
        "CreateTableCommand" => table::create(ask).await,
        "DropTableCommand" => table::drop(ask).await,
        "AddColumnCommand" => table::add_column(ask).await,
        "DropColumnCommand" => table::drop_column(ask).await,
        "AlterColumnCommand" => table::alter_column(ask).await,
        "AddPrimaryKeyCommand" => table::add_primary_key(ask).await,
        "DropPrimaryKeyCommand" => table::drop_primary_key(ask).await,
        "PreviewTableCommand" => rows::preview(ask).await,
        "DeleteTableRowsCommand" => rows::delete(ask).await,
        "ExecuteQueryCommand" => rows::query(ask).await,
        "ObjectInfoCommand" => object::info(ask).await,
        "TableImportFromFileCommand" => transfer::import(ask).await,
        "TableExportToFileCommand" => transfer::export(ask).await,
        "CreateWorkspaceCommand" => workspace::create(ask).await,
        "DropWorkspaceCommand" => workspace::drop(ask).await,
        "ClearWorkspaceCommand" => workspace::clear(ask).await,
        "ResetWorkspacePasswordCommand" => workspace::reset_password(ask).await,
        "DropWorkspaceObjectCommand" => workspace::drop_object(ask).await,
        "GrantWorkspaceAccessToProjectCommand" | "RevokeWorkspaceAccessToProjectCommand" => workspace::grant(ask).await,
        "LoadTableToWorkspaceCommand" => workspace::load(ask).await,
        _ => Err(Problem::new("storage.driver_unsupported", 501, format!("{name} is not served here."))),
    }
}

impl Ask<'_> {
    /// The only project that names are looked up in; `None` for the admin, who may name any.
    fn own(&self) -> Result<Option<String>, Problem> {
        if self.principal.actor == Actor::Admin { Ok(self.project.clone()) } else { self.project(None).map(Some) }
    }

    /// The project that a command is about: the one it names, or else its credentials do. Who is no admin must not name two.
    fn project(&self, named: Option<String>) -> Result<String, Problem> {
        match (named, &self.project) {
            (Some(named), Some(own)) if named != *own && self.principal.actor != Actor::Admin => {
                Err(forbidden(format!("Access denied to project {named}: the credentials name {own}.")))
            }
            (Some(named), _) => Ok(named),
            (None, Some(own)) => Ok(own.clone()),
            (None, None) => Err(wrong("The command names no project, and neither do its credentials.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_listed_with_an_example_of_itself() {
        assert_eq!(COMMANDS.len(), 35);
        for command in COMMANDS {
            let example: Value = serde_json::from_str(command.example).expect(command.name);
            let fields = Fields::of(example.as_object().expect("an object"));
            assert_eq!(fields.kind().map_err(|problem| problem.detail), Ok(command.name));
        }
        let mut names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let done =
            Executed::with("table", "X", json!({"a": "", "b": [], "c": 0, "d": null, "e": "x", "f": long(&json!(7))}));
        let expected = json!({"@type": format!("{TYPE_PREFIX}.table.XResponse"), "e": "x", "f": "7"});
        assert_eq!(done.command_response, Some(expected));
        assert_eq!(long(&json!(0)), Value::Null);
    }
}
