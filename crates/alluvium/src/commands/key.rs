//! `alluvium key`: keys of a project and of the schema registry.

use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::cli::{IssueKeyArgs, KeyCommand};
use crate::client::{Session, path};
use crate::failure::{Done, Failure};

/// What is shown of a key.
const COLUMNS: [&str; 6] = ["id", "scope", "rights", "description", "expires_at", "last_used_at"];
/// Most keys of one list: as many as a project may have.
const KEYS_MAX: usize = 1_000;

pub async fn run(cx: &Context, command: KeyCommand) -> Done {
    match command {
        KeyCommand::Issue(args) => issue(cx, &args).await,
        KeyCommand::List => list(cx).await,
        KeyCommand::Revoke { id } => revoke(cx, &id).await,
    }
}

/// Where the keys of the session's project are. The last part goes as it is: encoded it would be another path.
fn keys_of(session: &Session) -> Result<String, Failure> {
    Ok(format!("{}/api-keys", path(&["projects", session.project()?])))
}

async fn issue(cx: &Context, args: &IssueKeyArgs) -> Done {
    let (client, session) = cx.client()?;
    let scope = if args.right.is_empty() { "project_admin" } else { "registry" };
    let body = json!({
        "description": args.description, "scope": scope, "rights": args.right, "expires_in_days": args.expires_in_days,
    });
    let at = keys_of(&session)?;
    let made = client.json(client.request(Method::POST, &at).json(&body)).await?;
    cx.ui.say("the key is shown this once; a registry client takes its id as user and the key as password");
    cx.ui.record(&json!({
        "id": made["id"], "scope": made["scope"], "rights": made["rights"], "expires_at": made["expires_at"],
        "api_key": made["api_key"],
    }));
    Ok(())
}

async fn list(cx: &Context) -> Done {
    let (client, session) = cx.client()?;
    let at = keys_of(&session)?;
    let found = client.get(&format!("{at}?limit={KEYS_MAX}")).await?;
    let keys = found["api_keys"].as_array().cloned().unwrap_or_default();
    let shown = |key: &Value| COLUMNS.iter().map(|name| ((*name).to_owned(), key[*name].clone())).collect();
    let rows: Vec<Value> = keys.iter().map(|key| Value::Object(shown(key))).collect();
    cx.ui.rows(&COLUMNS, &rows);
    Ok(())
}

async fn revoke(cx: &Context, id: &str) -> Done {
    let (client, session) = cx.client()?;
    cx.ui.confirm(&format!("Revoke `{id}`? Whoever uses it is refused from then on."))?;
    client.send(client.request(Method::DELETE, &format!("{}{}", keys_of(&session)?, path(&[id])))).await?;
    cx.ui.ok(format!("{id} is dead"));
    Ok(())
}
