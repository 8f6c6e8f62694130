//! Backend, projects and dev branches.

use serde_json::{Value, json};

use super::rest::path;
use super::{Ask, Done, Executed, wrong};
use crate::routes::tenant_text;

pub(super) async fn init(ask: &Ask<'_>) -> Done {
    let made = ask.rest.post("/backend/init", json!({})).await?;
    Ok(Executed::with("backend", "InitBackend", json!({})).saying("Info", said(&made)))
}

pub(super) async fn remove(ask: &Ask<'_>) -> Done {
    let removed = ask.rest.post("/backend/remove", json!({})).await?;
    Ok(Executed::nothing().saying("Info", said(&removed)))
}

fn said(answer: &Value) -> &str {
    answer["message"].as_str().unwrap_or_default()
}

pub(super) async fn create_project(ask: &Ask<'_>) -> Done {
    let project = ask.fields.required("projectId")?;
    let made = ask.rest.post("/projects", json!({ "id": project })).await?;
    let name = format!("project_{project}");
    let response =
        json!({ "projectUserName": name, "projectPassword": made["api_key"], "projectDatabaseName": made["db_path"] });
    Ok(Executed::with("project", "CreateProject", response))
}

/// By the name that its creation gave it, or by its id.
pub(super) async fn drop_project(ask: &Ask<'_>) -> Done {
    let database = ask.fields.text("projectDatabaseName")?.map_or_else(|| ask.fields.required("projectId"), Ok)?;
    let labelled = database.strip_prefix("project_").unwrap_or(&database);
    match ask.rest.delete(&path(&["projects", labelled]), None).await {
        Err(missing) if missing.status == 404 && labelled != database => {
            ask.rest.delete(&path(&["projects", &database]), None).await?;
        }
        gone => drop(gone?),
    }
    Ok(Executed::nothing())
}

/// A dev branch is called what the command calls it; its id is ours, and either finds it.
pub(super) async fn create_branch(ask: &Ask<'_>) -> Done {
    let project = ask.project(ask.fields.text("projectId")?)?;
    let branch = ask.fields.required("branchId")?;
    let made = ask.rest.post(&path(&["projects", &project, "branches"]), json!({ "name": branch })).await?;
    let id = made["id"].as_str().unwrap_or_default();
    let response = json!({ "devBranchReadOnlyRoleName": format!("branch_{project}_{branch}_readonly") });
    Ok(Executed::with("project", "CreateDevBranch", response).saying("Info", format!("The branch has the id {id}.")))
}

pub(super) async fn drop_branch(ask: &Ask<'_>) -> Done {
    let role = ask.fields.required("devBranchReadOnlyRoleName")?;
    let tenant = tenant_text(&ask.principal.tenant);
    let found = ask.state.storage.queries.branches_by_role(&tenant, &role, ask.own()?.as_deref()).await?;
    let [(project, branch)] = &found[..] else {
        return Err(wrong(format!("The role {role:?} is that of {} branches, not of one.", found.len())));
    };
    let project = ask.project(Some(project.clone()))?;
    ask.rest.delete(&path(&["projects", &project, "branches", branch]), None).await?;
    Ok(Executed::nothing())
}
