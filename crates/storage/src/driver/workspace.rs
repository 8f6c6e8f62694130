//! Workspaces: named by who creates them, found by that name or by their id.

use alluvium_kernel::Problem;
use alluvium_tablestore::quote::ident;
use serde_json::{Value, json};

use super::rest::path;
use super::rows::{changed, filters};
use super::{Ask, Done, Executed, long, wrong};
use crate::model::names::bucket_name;

/// Entries of one page of a list.
const PAGE: usize = 1_000;
/// Pages that are looked through for a name.
const PAGES_MAX: usize = 100;

/// Where a workspace is.
struct Workspace {
    project: String,
    id: String,
}

impl Workspace {
    fn below(&self, rest: &[&str]) -> String {
        path(&[&["projects", &self.project, "workspaces", &self.id], rest].concat())
    }
}

impl Ask<'_> {
    /// The workspace that a field names, by a property of it besides its id.
    async fn workspace(&self, named: &str, by: &str) -> Result<Workspace, Problem> {
        let project = self.project(self.fields.text("projectId")?)?;
        match self.listed(&project, |one| one["id"] == named || property(one, by) == Some(named)).await? {
            Some(id) => Ok(Workspace { project, id }),
            None => Err(Problem::new("storage.workspace_not_found", 404, format!("Workspace {named} not found"))),
        }
    }

    /// The newest workspace of a project that is meant.
    async fn listed(&self, project: &str, is_meant: impl Fn(&Value) -> bool) -> Result<Option<String>, Problem> {
        for page in 0..PAGES_MAX {
            let list = path(&["projects", project, "workspaces"]);
            let found = self.rest.get(&format!("{list}?limit={PAGE}&offset={}", page * PAGE)).await?;
            let workspaces = found["workspaces"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(id) = workspaces.iter().find(|one| is_meant(one)).and_then(|one| one["id"].as_str()) {
                return Ok(Some(id.to_owned()));
            }
            if workspaces.len() < PAGE {
                break;
            }
        }
        Ok(None)
    }
}

fn property<'a>(workspace: &'a Value, by: &str) -> Option<&'a str> {
    let found = if by == "username" { &workspace["connection"]["username"] } else { &workspace[by] };
    found.as_str()
}

pub(super) async fn create(ask: &Ask<'_>) -> Done {
    let project = ask.project(ask.fields.text("projectId")?)?;
    let branch = ask.branch(&project, ask.fields.text("branchId")?.as_deref()).await;
    let name = ask.fields.required("workspaceId")?;
    if ask.listed(&project, |one| one["id"] == name || one["name"] == name).await?.is_some() {
        return Err(wrong(format!("There is a workspace {name} already.")));
    }
    let made = path(&["projects", &project, "branches", &branch, "workspaces"]);
    let made = ask.rest.post(&made, json!({ "name": name })).await?;
    let connection = &made["connection"];
    let response = json!({
        "workspaceUserName": connection["username"], "workspaceRoleName": format!("role_{name}"),
        "workspacePassword": connection["password"], "workspaceObjectName": made["id"],
    });
    Ok(Executed::with("workspace", "CreateWorkspace", response))
}

/// One that is not there is as good as dropped.
pub(super) async fn drop(ask: &Ask<'_>) -> Done {
    let dropped = async {
        let workspace = ask.workspace(&ask.fields.required("workspaceObjectName")?, "name").await?;
        ask.rest.delete(&workspace.below(&[]), None).await
    };
    unless(dropped.await, "storage.workspace_not_found", true, "There was no such workspace.")
}

pub(super) async fn clear(ask: &Ask<'_>) -> Done {
    let kept = ask.fields.texts("objectsToPreserve")?;
    let cleared = async {
        let workspace = ask.workspace(&ask.fields.required("workspaceObjectName")?, "name").await?;
        if kept.is_empty() {
            return ask.rest.post(&workspace.below(&["clear"]), json!({})).await;
        }
        let shown = ask.rest.get(&workspace.below(&[])).await?;
        let objects = shown["workspace_objects"].as_array().into_iter().flatten();
        for name in objects.filter_map(|object| object["name"].as_str()) {
            if !kept.iter().any(|kept| kept.eq_ignore_ascii_case(name)) {
                ask.rest.delete(&workspace.below(&["objects", name]), None).await?;
            }
        }
        Ok(Value::Null)
    };
    match cleared.await {
        Err(problem) if ask.fields.flag("ignoreErrors")? => Ok(Executed::nothing().saying("Warning", problem.detail)),
        other => other.map(|_| Executed::nothing()),
    }
}

pub(super) async fn reset_password(ask: &Ask<'_>) -> Done {
    let workspace = ask.workspace(&ask.fields.required("workspaceUserName")?, "username").await?;
    let reset = ask.rest.post(&workspace.below(&["credentials", "reset"]), json!({})).await?;
    let response = json!({ "workspaceUserName": reset["username"], "workspacePassword": reset["password"] });
    Ok(Executed::with("workspace", "ResetWorkspacePassword", response))
}

pub(super) async fn drop_object(ask: &Ask<'_>) -> Done {
    let workspace = ask.workspace(&ask.fields.required("workspaceObjectName")?, "name").await?;
    let name = ask.fields.required("objectNameToDrop")?;
    let dropped = ask.rest.delete(&workspace.below(&["objects", &name]), None).await;
    unless(dropped, "storage.object_not_found", ask.fields.flag("ignoreIfNotExists")?, "There was no such object.")
}

/// Whoever reaches the project reaches its workspaces: there is nothing to grant.
pub(super) async fn grant(ask: &Ask<'_>) -> Done {
    ask.workspace(&ask.fields.required("workspaceObjectName")?, "name").await?;
    Ok(Executed::nothing().saying("Info", "Keys of the project reach its workspaces; nothing was changed."))
}

fn unless(done: Result<Value, Problem>, code: &str, ignored: bool, told: &str) -> Done {
    match done {
        Err(missing) if ignored && missing.code == code => Ok(Executed::nothing().saying("Info", told)),
        other => other.map(|_| Executed::nothing()),
    }
}

/// What the source's columns are called in the workspace.
fn mapped(source: &super::fields::Fields<'_>) -> Result<Vec<(String, String)>, Problem> {
    let mappings = source.objects("columnMappings")?;
    let pair = |mapping: &super::fields::Fields<'_>| {
        let from = mapping.required("sourceColumnName")?;
        let to = mapping.text("destinationColumnName")?.filter(|to| !to.is_empty());
        Ok((from.clone(), to.unwrap_or(from)))
    };
    mappings.iter().map(pair).collect()
}

pub(super) async fn load(ask: &Ask<'_>) -> Done {
    let (source, destination) = (ask.fields.object("source")?, ask.fields.object("destination")?);
    let [named] = &destination.texts("path")?[..] else { return Err(wrong("A destination's `path` is [workspace].")) };
    let places = source.texts("path")?;
    let (project, bucket) = match &places[..] {
        [bucket] => (None, bucket),
        [project, bucket] | [project, _, bucket] => (Some(project.clone()), bucket),
        _ => return Err(wrong("A source's `path` is [project, bucket], [project, branch, bucket] or [bucket].")),
    };
    let workspace = ask.workspace(named, "name").await?;
    if project.is_some_and(|project| project != workspace.project) {
        return Err(wrong("Tables come into workspaces of their own project."));
    }
    let (to, columns) = (destination.required("tableName")?, mapped(&source)?);
    let limit = Some(source.number("limit")?).filter(|limit| *limit > 0);
    let is_plain = limit.is_none() && columns.iter().all(|(from, to)| from == to);
    let first = if is_plain { to.clone() } else { format!("load-{}", ask.principal.seed.uuid("load").simple()) };
    let names: Vec<&str> = columns.iter().map(|(from, _)| from.as_str()).collect();
    let item = json!({
        "source": format!("{}.{}", bucket_name(bucket), source.required("tableName")?), "destination": first,
        "columns": Some(&names).filter(|names| !names.is_empty()), "where_filters": filters(&source)?,
    });
    let done = ask.rest.post(&workspace.below(&["load"]), json!({ "tables": [changed(&source, item)?] })).await?;
    let mut loaded = done["loaded"][0].clone();
    if let Some(message) = loaded["error"]["message"].as_str() {
        return Err(wrong(message));
    }
    if !is_plain {
        let shaped = shape(ask, &workspace, (&first, &to), &columns, limit).await;
        // What is in between goes whether or not it came to something.
        ask.rest.delete(&workspace.below(&["objects", &first]), None).await?;
        loaded["rows"] = shaped?;
    }
    let response = json!({ "importedRowsCount": long(&loaded["rows"]), "tableSizeBytes": long(&loaded["size_bytes"]) });
    Ok(Executed::with("workspace", "LoadTableToWorkspace", response))
}

/// Makes of what was brought in what was asked for: so many rows, under other names. How many there are.
async fn shape(
    ask: &Ask<'_>,
    workspace: &Workspace,
    (from, to): (&str, &str),
    columns: &[(String, String)],
    limit: Option<i64>,
) -> Result<Value, Problem> {
    let picked: Vec<String> = columns.iter().map(|(from, to)| format!("{} AS {}", ident(from), ident(to))).collect();
    let picked = if picked.is_empty() { "*".to_owned() } else { picked.join(", ") };
    let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
    let sql = format!("CREATE OR REPLACE TABLE {} AS SELECT {picked} FROM {}{limit}", ident(to), ident(from));
    let answer = ask.rest.post(&workspace.below(&["query"]), json!({ "query": sql })).await?;
    if answer["status"] != "ok" {
        return Err(wrong(answer["message"].as_str().unwrap_or("The table could not be brought in.")));
    }
    Ok(answer["data"]["rows"][0][0].clone())
}
