//! `alluvium rows publish`

mod publisher;
mod settle;

use alluvium_kernel::{DEFAULT_TENANT, Token, subject};
use alluvium_tablestore::{Column, TableSchema};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::Context;
use crate::cli::{PublishArgs, RowsCommand};
use crate::client::{Client, TableName};
use crate::failure::{Done, Exit, Failure};
use crate::node::nats;
use crate::rows::{Encoded, Encoder, Kind, Source};
use crate::ui::Progress;

/// Messages that are encoded ahead of publishing.
const ENCODED_AHEAD_MAX: usize = 64;

pub async fn run(cx: &Context, command: RowsCommand) -> Done {
    let RowsCommand::Publish(args) = command;
    publish(cx, args).await
}

async fn publish(cx: &Context, args: PublishArgs) -> Done {
    let (client, session) = cx.client()?;
    let table = TableName::parse(&args.table, &session)?;
    let schema = schema(&client, &table).await?;
    let kind = Kind::of(&args.file)?;

    cx.ui.say(format!("reading {}", args.file.display()));
    let (file, null, for_source) = (args.file.clone(), args.null.clone(), schema.clone());
    let source = blocking(move || Source::stage(&file, kind, &null, &for_source)).await?;
    let rows = source.rows();
    if args.single && source.columns().len() < schema.columns.len() {
        return Err(Failure::new(
            Exit::Rejected,
            "cli.unreadable_rows",
            "Single messages need every column of the table.",
        )
        .help("leave out `--single`, or add the missing columns to the file"));
    }
    let subject = subject_of(&table)?;
    let progress = Progress::new(cx.ui, if args.dry_run { "encoding" } else { "publishing" }, Some(rows));
    let (to_publish, messages) = mpsc::channel(ENCODED_AHEAD_MAX);
    let single = args.single;
    let encoding = blocking(move || encode(&source, &schema, single, &to_publish));

    if args.dry_run {
        let (encoded, counted) = tokio::join!(encoding, count(messages, &progress));
        progress.finish();
        encoded?;
        let (count, bytes) = counted;
        cx.ui.record(&json!({ "would_publish": rows, "messages": count, "bytes": bytes, "subject": subject }));
        return Ok(());
    }
    let js = nats::for_command(&session).await?;
    let key = crate::secrets::existing_signing_key(&session.config);
    let since = publisher::now();
    let publisher = publisher::Publisher::new(js, subject, key);
    let (encoded, published) = tokio::join!(encoding, publisher.publish(messages, &progress));
    progress.finish();
    // Publishing that ends early closes the channel, which ends encoding too: its own failure is the one to tell.
    let published = published?;
    encoded?;
    let Some(span) = published.span else {
        cx.ui.ok("the file has no rows");
        return Ok(());
    };
    let messages = if published.messages == 1 { "message" } else { "messages" };
    cx.ui.ok(format!("{rows} rows are on the log in {} {messages}, {}/s", published.messages, progress.rate()));
    if args.no_wait {
        cx.ui.record(&json!({ "rows": rows, "messages": published.messages, "last_seq": span.1 }));
        return Ok(());
    }
    settle::wait(cx, &client, &table, span, since).await?;
    cx.ui.record(&json!({
        "rows": rows, "messages": published.messages, "table": table.to_string(), "seconds": (progress.seconds() * 1_000.0).round() / 1_000.0,
    }));
    Ok(())
}

fn encode(source: &Source, schema: &TableSchema, single: bool, to: &mpsc::Sender<Encoded>) -> Result<(), Failure> {
    let mut encoder = Encoder::new(schema, source.columns(), single)?;
    let mut emit = |message| to.blocking_send(message).map_err(|_| Failure::bug("publishing has ended"));
    source.each(|batch| encoder.push(&batch, &mut emit))?;
    encoder.finish().map_or(Ok(()), emit)
}

async fn count(mut messages: mpsc::Receiver<Encoded>, progress: &Progress) -> (u64, u64) {
    let (mut count, mut bytes) = (0, 0);
    while let Some(message) = messages.recv().await {
        progress.inc(message.rows);
        count += 1;
        bytes += message.payload.len() as u64;
    }
    (count, bytes)
}

/// The table's columns, as the server tells them.
async fn schema(client: &Client, table: &TableName) -> Result<TableSchema, Failure> {
    let body = client.get(&table.path(&[])).await?;
    let columns = body.get("columns").and_then(Value::as_array).into_iter().flatten().map(|column| {
        let text = |name: &str| column.get(name).and_then(Value::as_str);
        let nullable = column.get("nullable").and_then(Value::as_bool).unwrap_or(true);
        let (name, kind) = (text("name").unwrap_or_default(), text("type").unwrap_or_default());
        Column::new(name, kind, nullable, text("default"))
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| not_understood(&error))?;
    let keys = body.get("primary_key").and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<String> = keys.filter_map(|key| key.as_str().map(str::to_owned)).collect();
    TableSchema::new(columns, &keys).map_err(|error| not_understood(&error))
}

fn not_understood(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::unavailable("cli.not_alluvium", "The server's description of the table is not understood.").because(error)
}

fn subject_of(table: &TableName) -> Result<String, Failure> {
    let token = |text: &str| Token::encode(text).map_err(|error| Failure::usage(format!("`{text}`: {error}.")));
    Ok(subject::rows(&token(DEFAULT_TENANT)?, &token(&table.project)?, &token(&table.bucket)?, &token(&table.table)?))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Failure::bug(format!("reading the file ended unexpectedly: {error}"))),
    }
}
