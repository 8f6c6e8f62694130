//! `alluvium command`

use std::io::Read as _;

use alluvium_kernel::header;
use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::cli::{CommandCommand, SendArgs};
use crate::client::path;
use crate::failure::{Done, Failure};
use crate::ui::Format;

pub async fn run(cx: &Context, command: CommandCommand) -> Done {
    match command {
        CommandCommand::Send(args) => send(cx, args).await,
        CommandCommand::List => list(cx).await,
    }
}

async fn list(cx: &Context) -> Done {
    let (client, _) = cx.client()?;
    let body = client.get("/commands").await?;
    let rows = body.get("commands").and_then(Value::as_array).cloned().unwrap_or_default();
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], &rows);
        return Ok(());
    }
    let brief = |row: &Value| json!({ "context": row["context"], "command": row["command"], "about": row["about"] });
    cx.ui.rows(&["context", "command", "about"], &rows.iter().map(brief).collect::<Vec<_>>());
    Ok(())
}

async fn send(cx: &Context, args: SendArgs) -> Done {
    let body = body(&args.body)?;
    let id = args.id.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let answer = if args.over_nats {
        super::serve::send_over_nats(&cx.session()?, &args, &id, &body).await?
    } else {
        let (client, _) = cx.client()?;
        let mut request = client
            .request(Method::POST, &path(&["commands", &args.context, &args.command]))
            .header("Alv-Command-Id", &id)
            .json(&body);
        if args.dry_run {
            request = request.header(header::DRY_RUN, "1");
        }
        client.json(request).await?
    };
    if args.dry_run {
        cx.ui.say("dry run: these events would follow; nothing was appended");
    }
    match answer.get("events").and_then(Value::as_array) {
        Some(events) if args.dry_run && events.iter().all(Value::is_object) => {
            cx.ui.rows(&["type", "event"], events);
        }
        _ if matches!(cx.ui.format, Format::Table) => {
            cx.ui.record(
                &json!({ "events": answer["events"], "position": answer["position"], "result": answer["result"] }),
            );
        }
        _ => cx.ui.record(&answer),
    }
    if !args.dry_run {
        cx.ui.ok(format!("{}.{} accepted as {id}", args.context, args.command));
    }
    Ok(())
}

/// The command's body: JSON as given, from `@FILE`, or from stdin for `-`.
fn body(text: &str) -> Result<Value, Failure> {
    let (source, text) = if text == "-" {
        let mut all = String::new();
        std::io::stdin().read_to_string(&mut all)?;
        ("stdin".to_owned(), all)
    } else if let Some(file) = text.strip_prefix('@') {
        let read = std::fs::read_to_string(file);
        let read = read.map_err(|error| Failure::from(error).note(format!("reading `{file}`")))?;
        (format!("`{file}`"), read)
    } else {
        ("the body".to_owned(), text.to_owned())
    };
    let value: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("What {source} holds is not JSON: {error}.")))?;
    if value.is_object() { Ok(value) } else { Err(Failure::usage(format!("What {source} holds is no JSON object."))) }
}
