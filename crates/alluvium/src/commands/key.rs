//! `alluvium key`: keys of a project and of the schema registry.

use alluvium_access::contract::KeyPermissions;
use alluvium_access::model::{Permissions, Scope};
use alluvium_kernel::header;
use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::cli::{IssueKeyArgs, KeyCommand, RotateKeyArgs};
use crate::client::{Client, Session, path};
use crate::failure::{Done, Failure};

/// What is shown of a key.
const COLUMNS: [&str; 7] = ["id", "scope", "branch_id", "rights", "description", "expires_at", "last_used_at"];
/// Most keys of one list: as many as a project may have.
const KEYS_MAX: usize = 1_000;

pub async fn run(cx: &Context, command: KeyCommand) -> Done {
    match command {
        KeyCommand::Issue(args) => issue(cx, &args).await,
        KeyCommand::Rotate(args) => rotate(cx, &args).await,
        KeyCommand::List => list(cx).await,
        KeyCommand::Revoke { id, dry_run } => revoke(cx, &id, dry_run).await,
    }
}

/// Where the keys of the session's project are. The last part goes as it is: encoded it would be another path.
fn keys_of(session: &Session) -> Result<String, Failure> {
    Ok(format!("{}/api-keys", path(&["projects", session.project()?])))
}

async fn issue(cx: &Context, args: &IssueKeyArgs) -> Done {
    let (client, session) = cx.client()?;
    let scope = scope(args)?;
    let may = scope.permissions().map(Permissions::contract);
    let body = json!({
        "description": args.description, "person": args.person, "scope": scope.name(), "branch_id": scope.branch(), "rights": args.right,
        "expires_in_days": args.expires_in_days, "bucket_permissions": may.as_ref().map(|may| &may.buckets),
        "can_manage_buckets": may.as_ref().map(|may| may.manage_buckets),
        "can_manage_tokens": may.as_ref().map(|may| may.manage_tokens),
        "can_read_all_file_uploads": may.as_ref().map(|may| may.read_all_files),
    });
    if args.dry_run {
        return rehearse(cx, &client, "IssueKey", &issuing(session.project()?, &scope, args)).await;
    }
    let at = keys_of(&session)?;
    let made = client.json(client.request(Method::POST, &at).json(&body)).await?;
    if scope == Scope::Registry {
        cx.ui.say("a registry client takes the key's id as user and the key as password");
    }
    show(cx, &made);
    Ok(())
}

/// What the arguments say that the key opens.
fn scope(args: &IssueKeyArgs) -> Result<Scope, Failure> {
    if args.bucket.is_empty() && !args.manage_buckets && !args.manage_keys && !args.read_all_files {
        return Ok(match &args.branch {
            Some(id) => Scope::Branch { id: id.clone(), writes: !args.read_only },
            None if args.right.is_empty() => Scope::Project,
            None => Scope::Registry,
        });
    }
    let pair = |text: &String| {
        let wrong = || Failure::usage(format!("`{text}` is no right on a bucket: write NAME:read or NAME:write"));
        let (bucket, right) = text.rsplit_once(':').ok_or_else(wrong)?;
        Ok((bucket.to_owned(), right.to_owned()))
    };
    let given = KeyPermissions {
        buckets: args.bucket.iter().map(pair).collect::<Result<_, Failure>>()?,
        manage_buckets: args.manage_buckets,
        manage_tokens: args.manage_keys,
        read_all_files: args.read_all_files,
    };
    Ok(Scope::Custom(Permissions::checked(&given)?))
}

/// Shows a new key with its secret.
fn show(cx: &Context, made: &Value) {
    cx.ui.say("the key is shown this once");
    cx.ui.record(&json!({
        "id": made["id"], "scope": made["scope"], "branch_id": made["branch_id"], "rights": made["rights"],
        "expires_at": made["expires_at"], "api_key": made["api_key"],
    }));
}

async fn rotate(cx: &Context, args: &RotateKeyArgs) -> Done {
    let (client, session) = cx.client()?;
    let at = format!("{}{}/rotate", keys_of(&session)?, path(&[&args.id]));
    let made =
        client.json(client.request(Method::POST, &at).json(&json!({"grace_seconds": args.grace_seconds}))).await?;
    show(cx, &made);
    Ok(())
}

/// The command that issuing a key comes to, with a digest that no key has.
fn issuing(project: &str, scope: &Scope, args: &IssueKeyArgs) -> Value {
    let expires_at = args.expires_in_days.map(|days| {
        let lifetime = jiff::SignedDuration::from_hours(24 * i64::from(days));
        (jiff::Timestamp::now() + lifetime).as_microsecond()
    });
    json!({
        "project": project, "key": format!("key_{}", uuid::Uuid::new_v4().simple()), "digest": "0".repeat(64),
        "prefix": alluvium_access::keys::prefix(project, scope), "scope": scope.name(), "description": args.description,
        "expires_at": expires_at, "rights": args.right, "branch": scope.branch(),
        "permissions": scope.permissions().map(Permissions::contract), "person": args.person,
    })
}

/// Prints what a command would lead to.
async fn rehearse(cx: &Context, client: &Client, command: &str, body: &Value) -> Done {
    let request = client.request(Method::POST, &path(&["commands", "access", command]));
    let answer = client.json(request.header(header::DRY_RUN, "1").json(body)).await?;
    cx.ui.say("dry run: these events would follow; nothing was appended");
    let events = answer["events"].as_array().cloned().unwrap_or_default();
    cx.ui.rows(&["type", "event"], &events);
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

async fn revoke(cx: &Context, id: &str, dry_run: bool) -> Done {
    let (client, session) = cx.client()?;
    if dry_run {
        return rehearse(cx, &client, "RevokeKey", &json!({ "project": session.project()?, "key": id })).await;
    }
    cx.ui.confirm(&format!("Revoke `{id}`? Whoever uses it is refused from then on."))?;
    client.send(client.request(Method::DELETE, &format!("{}{}", keys_of(&session)?, path(&[id])))).await?;
    cx.ui.ok(format!("{id} is dead"));
    Ok(())
}
