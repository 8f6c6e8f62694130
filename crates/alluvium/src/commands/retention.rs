//! `alluvium retention` and `alluvium blobs`: what is kept on the log and in the blob store, and taking away the rest.

use reqwest::Method;
use serde_json::{Value, json};

use super::Context;
use crate::cli::{BlobsCommand, RetentionArgs, RetentionCommand};
use crate::client::Client;
use crate::failure::{Done, Exit, Failure};
use crate::ui::Format;

pub async fn run(cx: &Context, command: RetentionCommand) -> Done {
    let (client, _) = cx.client()?;
    match command {
        RetentionCommand::Show => show(cx, &client).await,
        RetentionCommand::Plan(args) | RetentionCommand::Run { args, dry_run: true } => plan(cx, &client, &args).await,
        RetentionCommand::Run { args, dry_run: false } => carry_out(cx, &client, &args).await,
    }
}

pub async fn blobs(cx: &Context, command: BlobsCommand) -> Done {
    let BlobsCommand::Sweep { keep, dry_run } = command;
    let (client, _) = cx.client()?;
    if !dry_run {
        cx.ui.confirm("Remove the blobs that nothing on the log needs?")?;
    }
    let body = json!({ "keep_seconds": keep.map(|keep| keep.0), "dry_run": dry_run });
    let report = client.json(client.request(Method::POST, "/blobs/sweep").json(&body)).await?;
    cx.ui.record(&report);
    if dry_run {
        cx.ui.say("dry run: nothing was removed");
    }
    Ok(())
}

async fn show(cx: &Context, client: &Client) -> Done {
    let shown = client.get("/retention").await?;
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.record(&shown);
        return Ok(());
    }
    match shown["configured"]["keep_seconds"].as_u64() {
        Some(seconds) => cx.ui.say(format!("rows are kept for {seconds} s at least")),
        None => cx.ui.say("not configured: rows are kept until somebody runs retention"),
    }
    let columns = ["table", "floor", "checkpoints", "checkpoint_bytes", "messages_since", "problem"];
    tables(cx, &columns, &shown);
    Ok(())
}

async fn plan(cx: &Context, client: &Client, args: &RetentionArgs) -> Done {
    let plan = client.json(client.request(Method::POST, "/retention/plan").json(&body(args))).await?;
    let columns = [
        "table",
        "would_checkpoint",
        "would_purge_up_to",
        "would_purge_messages",
        "would_purge_bytes_about",
        "dropped",
        "problem",
    ];
    tables(cx, &columns, &plan);
    cx.ui.say("a plan: nothing was changed");
    Ok(())
}

async fn carry_out(cx: &Context, client: &Client, args: &RetentionArgs) -> Done {
    cx.ui.confirm("Purge rows below checkpoints? They come back only from a backup.")?;
    let report = client.json(client.request(Method::POST, "/retention/run").json(&body(args))).await?;
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.record(&report);
    } else {
        tables(cx, &["table", "checkpoint", "purged_up_to", "purged_messages", "problem"], &report);
    }
    let count = |name: &str| report[name].as_u64().unwrap_or(0);
    cx.ui.ok(format!("{} checkpoints made, {} messages purged", count("checkpoints"), count("purged_messages")));
    match count("failed") {
        0 => Ok(()),
        failed => Err(Failure::new(
            Exit::Unavailable,
            "storage.retention_incomplete",
            format!("{failed} tables were left for the next run."),
        )
        .help(crate::errors::help("storage.retention_incomplete"))),
    }
}

fn body(args: &RetentionArgs) -> Value {
    json!({ "keep_seconds": args.keep.map(|keep| keep.0), "messages_min": args.messages_min })
}

fn tables(cx: &Context, columns: &[&str], answer: &Value) {
    let rows = answer["tables"].as_array().cloned().unwrap_or_default();
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        return cx.ui.rows(&[], &rows);
    }
    let brief = |row: &Value| {
        let cell = |name: &&str| {
            // A problem is a text, or a whole problem with its code.
            let value = row.get(*name).cloned().unwrap_or_default();
            let value = value.get("detail").cloned().unwrap_or(value);
            ((*name).to_owned(), value)
        };
        Value::Object(columns.iter().map(cell).collect())
    };
    cx.ui.rows(columns, &rows.iter().map(brief).collect::<Vec<_>>());
}
