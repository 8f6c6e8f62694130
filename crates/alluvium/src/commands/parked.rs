//! `alluvium projections parked`, `retry` and `skip`: what could not be applied, and what to do about it.

use alluvium_kernel::header;
use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use super::projections::known;
use crate::cli::{ParkedKey, RetryArgs, SkipArgs};
use crate::client::{Client, path};
use crate::failure::{Done, Exit, Failure};

pub async fn list(cx: &Context, name: Option<&str>) -> Done {
    let (client, _) = cx.client()?;
    let names = match name {
        Some(name) => vec![name.to_owned()],
        None => known(&client).await?.iter().filter_map(|row| Some(row.get("name")?.as_str()?.to_owned())).collect(),
    };
    let mut rows = Vec::new();
    for name in &names {
        rows.extend(parked(&client, name).await?.into_iter().map(|mut event| {
            event["projection"] = json!(name);
            event
        }));
    }
    cx.ui.rows(&["projection", "key", "seq", "code", "reason"], &rows);
    Ok(())
}

async fn parked(client: &Client, projection: &str) -> Result<Vec<Value>, Failure> {
    let body = client.get(&path(&["projections", projection, "parked"])).await?;
    Ok(body.get("parked").and_then(Value::as_array).cloned().unwrap_or_default())
}

pub async fn retry(cx: &Context, args: &RetryArgs) -> Done {
    let (client, _) = cx.client()?;
    let body = json!({ "projection": args.parked.name, "key": args.parked.key });
    send(cx, &client, "RetryParked", &body, args.dry_run).await
}

pub async fn skip(cx: &Context, args: &SkipArgs) -> Done {
    let (client, _) = cx.client()?;
    let seq = match args.seq {
        Some(seq) => seq,
        None => first(&client, &args.parked).await?,
    };
    let (name, key) = (&args.parked.name, &args.parked.key);
    let asked = format!("Give up event {seq} of `{key}` in `{name}`, for ever?");
    if !args.dry_run {
        cx.ui.confirm(&asked)?;
    }
    let body = json!({ "projection": name, "key": key, "seq": seq, "reason": args.reason });
    send(cx, &client, "SkipParked", &body, args.dry_run).await
}

async fn first(client: &Client, of: &ParkedKey) -> Result<u64, Failure> {
    let events = parked(client, &of.name).await?;
    let first = events.iter().find(|event| event["key"] == of.key.as_str());
    first.and_then(|event| event["seq"].as_u64()).ok_or_else(|| {
        Failure::new(Exit::NotFound, "projection.not_parked", format!("Nothing is parked under `{}`.", of.key))
            .help("`alluvium projections parked` lists what is")
    })
}

async fn send(cx: &Context, client: &Client, command: &str, body: &Value, dry_run: bool) -> Done {
    let mut request = client.request(Method::POST, &path(&["commands", "platform", command])).json(body);
    if dry_run {
        request = request.header(header::DRY_RUN, "1");
    }
    let answer = client.json(request).await?;
    if dry_run {
        cx.ui.say("dry run: these events would follow; nothing was done");
        let events = answer.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        cx.ui.rows(&["type", "event"], &events);
        return Ok(());
    }
    let result = &answer["result"];
    cx.ui.record(&json!({
        "projection": body["projection"], "key": body["key"], "applied": result["applied"], "skipped": result["skipped"],
        "remaining": result["remaining"], "command_id": answer["command_id"],
    }));
    Ok(())
}
