//! Who may: every operation of the surface, asked with every kind of key. What this table does not know is refused to pass.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_access::contract::KeyPermissions;
use alluvium_access::keys;
use alluvium_access::model::{Permissions, Scope};
use alluvium_blackbox::{ADMIN, World};
use alluvium_http::Seed;
use alluvium_kernel::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

/// The branch of the keys that are asked with, and another one.
const BRANCH: &str = "00c0ffee";
const OTHER: &str = "0badf00d";
/// What stands for every part of a path or a command that is not the project or the branch; a bucket's name among them.
const NAMED: &str = "none";
/// The project of the keys.
const PROJECT: &str = "own";
/// The signing key of every world of these tests.
const SIGNING_KEY: [u8; 32] = [7; 32];
/// Methods of OpenAPI's path items.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The columns of the table, in this order.
const ROLES: [&str; 14] = [
    "nobody",
    "unknown",
    "stranger",
    "pipeline_read",
    "pipeline_write",
    "registry",
    "branch_read",
    "branch_admin",
    "other_branch",
    "bucket_read",
    "bucket_write",
    "managing",
    "project",
    "admin",
];
/// How many of them are refused with the words for strangers, after nobody.
const STRANGERS: std::ops::Range<usize> = 1..6;

/// Who may call an operation, by the surface's matrix of scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Everybody, with or without a key.
    Anybody,
    /// Any live key.
    AnyKey,
    /// The admin.
    Admin,
    /// All keys of the project, those of its branches as well.
    Members,
    /// Keys that may change the project or a branch of it.
    Contributors,
    /// Keys of the whole project.
    Project,
    /// The same, and those of chosen buckets that may manage keys.
    KeyManagers,
    /// Keys of the whole project, and those of chosen buckets that may manage buckets.
    BucketManagers,
    /// Keys of the whole project and those of chosen buckets, whatever they may.
    Parts,
    /// Any key of the project, also one that opens nothing of it.
    OwnKeys,
    /// Keys that may read the branch.
    Readers,
    /// Keys that may change the branch.
    Writers,
    /// Keys that may read the bucket in the branch.
    BucketReaders,
    /// Keys that may change the bucket in the branch.
    BucketWriters,
    /// Keys that may change the branch's files, and who may change all.
    FilesChanged,
    /// Keys that may make files for the branch.
    FilesMade,
    /// No key, whatever it opens.
    Nobody,
    /// Keys that may read something of the branch.
    Lookers,
    /// Keys that may change something of the branch; which, the command asks.
    Workers,
    /// Keys of pipelines.
    PipelineReaders,
    /// Keys of pipelines that may change them.
    PipelineWriters,
}

impl For {
    /// One letter for each role: `y` is let in. Of what is in a branch, in the branch of the keys.
    fn row(self) -> &'static str {
        match self {
            Self::Anybody => "yyyyyyyyyyyyyy",
            Self::AnyKey => "--yyyyyyyyyyyy",
            Self::Admin => "-------------y",
            Self::Members => "------yyyyyyyy",
            Self::Contributors => "-------yyyyyyy",
            Self::Project => "------------yy",
            Self::KeyManagers | Self::BucketManagers => "-----------yyy",
            Self::Parts => "---------yyyyy",
            Self::OwnKeys => "-----yyyyyyyyy",
            Self::Readers | Self::BucketReaders | Self::Lookers | Self::FilesMade => "------yy----yy",
            Self::Writers | Self::BucketWriters | Self::Workers | Self::FilesChanged => "-------y----yy",
            Self::Nobody => "--------------",
            Self::PipelineReaders => "---yy--------y",
            Self::PipelineWriters => "----y--------y",
        }
    }

    /// The same of the main line: no key of a branch is let in to what is in it. A bucket that a key does not open is not there for
    /// it, so that it may be asked for.
    fn main_row(self) -> &'static str {
        match self {
            Self::Readers | Self::Writers => "-----------yyy",
            Self::BucketReaders | Self::Lookers | Self::Workers => "---------yyyyy",
            Self::BucketWriters => "----------yyyy",
            Self::FilesChanged | Self::FilesMade => Self::Project.row(),
            other => other.row(),
        }
    }
}

/// What the matrix says of an operation; `None` for what it does not say.
fn expected(method: &str, path: &str) -> Option<For> {
    const PUBLIC: [&str; 7] = ["/", "/driver/commands", "/health", "/ready", "/metrics", "/openapi.json", "/docs"];
    const PLATFORM: [&str; 10] = [
        "/audit",
        "/backend/",
        "/events",
        "/projections",
        "/streams",
        "/retention",
        "/blobs/",
        "/projects",
        "/internal/",
        "/forget",
    ];
    // Each of these asks again for what stands in its body or path.
    const ANY_KEY: [&str; 5] =
        ["/commands", "/driver/execute", "/aggregates/", "/asyncapi.json", "/events/{position}/why"];
    if PUBLIC.contains(&path) || path.starts_with("/docs/") {
        return Some(For::Anybody);
    }
    if ANY_KEY.iter().any(|prefix| path.starts_with(prefix)) {
        return Some(For::AnyKey);
    }
    if let Some(below) = path.strip_prefix("/projects/{project_id}") {
        return Some(of_project(method, below));
    }
    if ["/v0/", "/api/", "/config/", "/healthz"].iter().any(|prefix| path.starts_with(prefix)) {
        return Some(of_pipelines(method, path));
    }
    // Each is shown the buckets that it may use.
    if path == "/s3" {
        return Some(For::AnyKey);
    }
    // A bucket is a project; of its files each key reaches its own, and signs links that may what it may.
    if path.starts_with("/s3/") {
        return Some(if method == "get" || path.ends_with("/presign") { For::Members } else { For::Contributors });
    }
    PLATFORM.iter().any(|prefix| path.starts_with(prefix)).then_some(For::Admin)
}

fn of_pipelines(method: &str, path: &str) -> For {
    const ADMIN: [&str; 4] = ["/v0/oidc_trust", "/v0/tenant/users", "/v0/tenants", "/v0/config/owners"];
    // Reads that cost something, or make something.
    const WORK: [&str; 3] = ["/v0/api_keys", "/query", "/completion_token"];
    if !path.starts_with("/v0/") && !path.starts_with("/api/") {
        return For::Anybody;
    }
    // Whoever it is, they are told who they are.
    if path == "/v0/config/session" {
        return For::AnyKey;
    }
    if ADMIN.iter().any(|prefix| path.starts_with(prefix)) {
        return For::Admin;
    }
    let reads = method == "get" && !WORK.iter().any(|part| path.starts_with(part) || path.ends_with(part));
    if reads || path.ends_with("/samply_profile") { For::PipelineReaders } else { For::PipelineWriters }
}

fn of_project(method: &str, below: &str) -> For {
    if below == "/files" || below.starts_with("/files/") {
        return if method == "get" { For::Members } else { For::Contributors };
    }
    // Keys of branches see the jobs of their branch.
    if below == "/jobs" || below.starts_with("/jobs/") {
        return For::Members;
    }
    if below == "/undelete" {
        return For::Admin;
    }
    if below == "/api-keys/self" {
        return For::OwnKeys;
    }
    if below.starts_with("/api-keys") {
        return For::KeyManagers;
    }
    // Whoever may link a bucket is shown what there is to link.
    if below == "/shared-buckets" {
        return For::BucketManagers;
    }
    // Each shows, and takes, what the key may.
    if matches!(below, "/query" | "/workspaces") {
        return For::Parts;
    }
    // Of whatever branch it is, its handler asks: one that is not there is not there for every key of the project.
    if below.starts_with("/workspaces/{workspace_id}") {
        return For::Members;
    }
    let Some(in_branch) = below.strip_prefix("/branches/{branch_id}") else {
        let shown = matches!(below, "" | "/stats" | "/metadata");
        return if method == "get" && shown { For::Members } else { For::Project };
    };
    of_branch_path(method, in_branch)
}

fn of_branch_path(method: &str, in_branch: &str) -> For {
    // Reaching beyond one branch.
    const SETTINGS: &str = "/settings/snapshots";
    // Said of a bucket, and so of the project.
    const OF_BUCKETS: [&str; 4] = ["/share", "/link", "/grant-readonly", "/buckets/{bucket_name}/undrop"];
    // Reads that take a body.
    const READS: [&str; 3] = ["/preview", "/profile", "/export"];
    // The branch beside the main line, which its keys do not reach.
    if matches!(in_branch, "/diff" | "/merge") {
        return For::Project;
    }
    let reads = method == "get" || READS.iter().any(|end| in_branch.ends_with(end));
    if !reads && (in_branch.is_empty() || in_branch.ends_with(SETTINGS)) {
        return For::Project;
    }
    if in_branch.is_empty() {
        return For::Readers;
    }
    // What is shown is the tenant's, and no key of a project reads that.
    if in_branch.ends_with("/link-pipeline") {
        return For::Admin;
    }
    // Other projects are named there.
    if in_branch.starts_with("/buckets/{bucket_name}/links") {
        return For::BucketManagers;
    }
    // Said of the branch itself.
    if in_branch.starts_with("/metadata") {
        return if reads { For::Readers } else { For::Writers };
    }
    let is_bucket = matches!(in_branch, "/buckets" | "/buckets/{bucket_name}");
    if !reads && (is_bucket || OF_BUCKETS.iter().any(|end| in_branch.ends_with(end))) {
        return For::BucketManagers;
    }
    match (reads, in_branch.contains("{bucket_name}")) {
        (true, true) => For::BucketReaders,
        (false, true) => For::BucketWriters,
        (true, false) => For::Lookers,
        (false, false) => For::Workers,
    }
}

/// A key of a scope, issued by the command: over HTTP its branch would have to exist.
async fn issue(world: &World, project: &str, scope: Scope) -> String {
    let minted = keys::mint(&SigningKey::new(SIGNING_KEY), project, &scope, &Seed::fresh());
    let body = json!({
        "project": project, "key": minted.id, "digest": minted.digest, "prefix": minted.prefix, "scope": scope.name(),
        "branch": scope.branch(), "description": "", "expires_at": null, "rights": [],
        "permissions": scope.permissions().map(Permissions::contract),
    });
    world.command("access", "IssueKey", &body).await;
    minted.secret.reveal().to_owned()
}

/// A scope of chosen buckets, and of whatever else.
fn custom(buckets: &[(&str, &str)], manages: bool) -> Scope {
    let buckets = buckets.iter().map(|(bucket, right)| ((*bucket).to_owned(), (*right).to_owned())).collect();
    let may = KeyPermissions { buckets, manage_buckets: manages, manage_tokens: manages, read_all_files: manages };
    Scope::Custom(Permissions::checked(&may).unwrap())
}

fn of_branch(id: &str, writes: bool) -> Scope {
    Scope::Branch { id: id.to_owned(), writes }
}

/// One key for each role, in their order.
async fn callers(world: &World) -> Vec<Option<String>> {
    world.project("other").await;
    let branch_read = issue(world, PROJECT, of_branch(BRANCH, false)).await;
    let mut of_pipelines = Vec::new();
    for role in ["read", "write"] {
        let made = world.post("/v0/api_keys", &json!({ "name": role, "role": role })).await;
        of_pipelines.push(made["api_key"].as_str().map(str::to_owned));
    }
    let [pipeline_read, pipeline_write] = of_pipelines.try_into().unwrap();
    vec![
        None,
        Some(branch_read.replace("_read_", "_admin_")),
        Some(issue(world, "other", Scope::Project).await),
        pipeline_read,
        pipeline_write,
        Some(issue(world, PROJECT, Scope::Registry).await),
        Some(branch_read),
        Some(issue(world, PROJECT, of_branch(BRANCH, true)).await),
        Some(issue(world, PROJECT, of_branch(OTHER, true)).await),
        Some(issue(world, PROJECT, custom(&[(NAMED, "read")], false)).await),
        Some(issue(world, PROJECT, custom(&[(NAMED, "write")], false)).await),
        Some(issue(world, PROJECT, custom(&[], true)).await),
        Some(issue(world, PROJECT, Scope::Project).await),
        Some(ADMIN.to_owned()),
    ]
}

/// A path with its parts filled in; what is named there is not there, so that nothing happens to who is let in.
fn concrete(path: &str, branch: &str) -> String {
    let filled = path.replace("{project_id}", PROJECT).replace("{bucket}", PROJECT).replace("{branch_id}", branch);
    let parts = filled.split('/').map(|part| if part.starts_with('{') { NAMED } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Every operation of the document, those that end something for good behind the others.
async fn operations(world: &World) -> Vec<(String, String)> {
    let document = world.get("/openapi.json").await;
    let mut found: Vec<(String, String)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        found.extend(
            METHODS.iter().filter(|method| item.get(**method).is_some()).map(|m| (m.to_string(), path.clone())),
        );
    }
    found.sort_by_key(|(method, path)| (method == "delete" && path == "/projects/{project_id}", path.clone()));
    found
}

/// How each role fares with a request: `y` for those let in, and the answers to the others.
async fn ask(world: &World, callers: &[Option<String>], method: &str, path: &str) -> (String, Vec<(u16, Value)>) {
    let method: Method = method.to_ascii_uppercase().parse().unwrap();
    let body = (method != Method::GET).then(|| json!({}));
    let (mut row, mut refusals) = (String::new(), Vec::new());
    for (n, caller) in callers.iter().enumerate() {
        // Whoever may put an object makes it its own.
        let path =
            if path.starts_with("/s3/") { path.replace(NAMED, &format!("{NAMED}-{n}")) } else { path.to_owned() };
        let (status, answer) = world.http_as(caller.as_deref(), method.clone(), &path, body.as_ref()).await;
        let refused = matches!(status.as_u16(), 401 | 403);
        row.push(if refused { '-' } else { 'y' });
        refusals.extend(refused.then_some((status.as_u16(), answer)));
    }
    (row, refusals)
}

fn forbidden(what: &str) -> Value {
    json!({"detail": {"error": "forbidden", "message": format!("Access denied to {what}")}})
}

#[tokio::test]
async fn every_operation_is_for_who_may() {
    let world = World::start().await;
    world.project(PROJECT).await;
    let callers = callers(&world).await;
    let operations = operations(&world).await;
    let mut walked = 0;
    // The registry's rights are of subjects; `registry_rights.rs` walks them.
    for (method, path) in operations.iter().filter(|(_, path)| !path.starts_with("/sr/")) {
        let known = expected(method, path).unwrap_or_else(|| panic!("{method} {path} is in no row of the matrix"));
        let (found, refusals) = ask(&world, &callers, method, &concrete(path, BRANCH)).await;
        assert_eq!(found, known.row(), "{method} {path}: {known:?} of {ROLES:?}: {refusals:?}");
        if path.starts_with("/projects/") && known != For::Admin {
            let project = forbidden(&format!("project {PROJECT}"));
            // A key that opens nothing of the project may see itself.
            let strangers = if known == For::OwnKeys { STRANGERS.end - 1 } else { STRANGERS.end };
            assert_eq!(refusals[0], (401, json!({"detail": "Not authenticated"})), "{method} {path}");
            assert!(
                refusals[STRANGERS.start..strangers].iter().all(|refusal| *refusal == (403, project.clone())),
                "{method} {path}: {refusals:?}"
            );
            let of_one_branch =
                [For::Readers, For::Writers, For::BucketReaders, For::BucketWriters, For::Lookers, For::Workers];
            let last = if of_one_branch.contains(&known) { forbidden(&format!("branch {BRANCH}")) } else { project };
            assert!(
                refusals[strangers..].iter().all(|refusal| *refusal == (403, last.clone())),
                "{method} {path}: {refusals:?}"
            );
        }
        walked += 1;
    }
    assert!(walked > 60, "{walked}");
}

/// The main line is the project's: no key of a branch reaches it, not by its name and not by the older form of the path.
#[tokio::test]
async fn keys_of_branches_do_not_reach_the_main_line() {
    let world = World::start().await;
    world.project(PROJECT).await;
    let callers = callers(&world).await;
    let mut walked = 0;
    for (method, path) in operations(&world).await.iter().filter(|(_, path)| path.contains("/branches/{branch_id}")) {
        let known = expected(method, path).unwrap_or_else(|| panic!("{method} {path} is in no row of the matrix"));
        let mut forms = vec![concrete(path, "default")];
        let below = path.strip_prefix("/projects/{project_id}/branches/{branch_id}").unwrap_or_default();
        if below.starts_with("/buckets") || below.starts_with("/snapshots") {
            forms.push(concrete(path, "default").replace("/branches/default", ""));
        }
        for form in forms {
            let (found, _) = ask(&world, &callers, method, &form).await;
            assert_eq!(found, known.main_row(), "{method} {form} of {ROLES:?}");
            walked += 1;
        }
    }
    assert!(walked > 30, "{walked}");
}

/// Commands ask for the same as the routes that send them, whichever way they come.
#[tokio::test]
async fn commands_ask_for_what_their_routes_ask_for() {
    let world = World::start().await;
    world.project(PROJECT).await;
    let callers = callers(&world).await;
    let commands = world.get("/commands").await;
    let mut walked = 0;
    for command in commands["commands"].as_array().unwrap().iter().filter(|one| one["context"] != "schemas") {
        let (context, name) = (command["context"].as_str().unwrap(), command["command"].as_str().unwrap());
        let known = match command["schema"]["requires"].as_str().unwrap() {
            "admin" | "pipeline_admin" | "pipeline_owner" => For::Admin,
            "system" => For::Nobody,
            "project_admin" | "project_write" | "project_read" => For::Project,
            "key_admin" => For::KeyManagers,
            // It shows what is the tenant's, and no key of a project reads that.
            "bucket_admin" if name == "LinkPipeline" => For::Admin,
            "bucket_admin" => For::BucketManagers,
            "branch_write" | "workspace_write" => For::Writers,
            "bucket_write" => For::BucketWriters,
            "branch_read" => For::Readers,
            // Of the whole project's files, where they are of no key and of no branch.
            "file_write" => For::FilesChanged,
            "file_export" => For::FilesMade,
            "pipeline_read" => For::PipelineReaders,
            "pipeline_write" => For::PipelineWriters,
            other => panic!("{name} asks for `{other}`"),
        };
        let mut body = sample(&command["schema"]);
        for (branch, known) in [(BRANCH, known.row()), ("default", known.main_row())] {
            if body.get("branch").is_some() && context == "storage" {
                body["branch"] = json!(branch);
            }
            let (found, answers) = send(&world, &callers, &format!("/commands/{context}/{name}"), &body).await;
            assert_eq!(found, known, "{name} in {branch} of {ROLES:?}: {answers:?}");
            walked += 1;
        }
    }
    assert!(walked > 50, "{walked}");
}

/// Which roles a command is decided for. Only decided: nothing is appended.
async fn send(world: &World, callers: &[Option<String>], path: &str, body: &Value) -> (String, Vec<Value>) {
    let (mut row, mut answers, client) = (String::new(), Vec::new(), reqwest::Client::new());
    for caller in callers {
        let mut request = client.post(format!("{}{path}", world.alluvium.url())).json(body);
        request = request.header("Alv-Dry-Run", "1");
        if let Some(key) = caller {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap_or_default();
        // Who has the right to link may still be told that nothing is shared with the project.
        let refused = matches!(status, 401 | 403) && answer["code"] != "storage.bucket_not_shared";
        row.push(if refused { '-' } else { 'y' });
        answers.push(answer);
    }
    (row, answers)
}

/// A command that says what its schema says, and means nothing that is there but the project and the branch.
fn sample(schema: &Value) -> Value {
    let fields = schema["fields"].as_array().unwrap().iter();
    let filled = fields.map(|field| {
        let name = field["name"].as_str().unwrap();
        let value = match name {
            "project" => json!(PROJECT),
            "branch" if field["type"] == "string" => json!(BRANCH),
            _ => field.get("default").cloned().unwrap_or_else(|| plain(&field["type"])),
        };
        (name.to_owned(), value)
    });
    Value::Object(filled.collect())
}

/// The least value of an Avro type.
fn plain(of: &Value) -> Value {
    match of {
        Value::Array(members) => plain(&members[0]),
        Value::Object(kind) if kind.get("type") == Some(&json!("record")) => sample(of),
        Value::Object(kind) => plain(&kind["type"]),
        Value::String(name) => match name.as_str() {
            "string" => json!(NAMED),
            "boolean" => json!(false),
            "int" | "long" | "float" | "double" => json!(0),
            "array" => json!([]),
            "map" => json!({}),
            _ => Value::Null,
        },
        _ => Value::Null,
    }
}

/// What happened is told to keys of the project; a key of a branch would see the main line in it.
#[tokio::test]
async fn keys_of_branches_see_no_history() {
    let world = World::start().await;
    world.project(PROJECT).await;
    let [reader, owner] = [of_branch(BRANCH, true), Scope::Project].map(|scope| issue(&world, PROJECT, scope));
    let (reader, owner) = (reader.await, owner.await);
    let path = format!("/aggregates/storage/project/{PROJECT}");
    let (status, _) = world.http_as(Some(&owner), Method::GET, &path, None).await;
    assert_eq!(status, 200);
    let (status, answer) = world.http_as(Some(&reader), Method::GET, &path, None).await;
    assert_eq!(status, 404, "{answer}");
    let (status, listed) = world.http_as(Some(&reader), Method::GET, "/events", None).await;
    assert_eq!(status, 401, "{listed}");
}
