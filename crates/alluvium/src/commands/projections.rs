//! `alluvium projections`

use alluvium_kernel::Problem;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, parked};
use crate::cli::{ProjectionArgs, ProjectionsCommand};
use crate::client::{Client, path};
use crate::failure::{Done, Exit, Failure};
use crate::ui::{Format, Progress};

pub async fn run(cx: &Context, command: ProjectionsCommand) -> Done {
    match command {
        ProjectionsCommand::List => list(cx).await,
        ProjectionsCommand::Rebuild(args) if args.accept_differences => {
            each(cx, "rebuild?accept_differences=true", &args.which).await
        }
        ProjectionsCommand::Rebuild(args) => each(cx, "rebuild", &args.which).await,
        ProjectionsCommand::Verify(args) => each(cx, "verify", &args).await,
        ProjectionsCommand::Parked { name } => parked::list(cx, name.as_deref()).await,
        ProjectionsCommand::Retry(args) => parked::retry(cx, &args).await,
        ProjectionsCommand::Skip(args) => parked::skip(cx, &args).await,
    }
}

pub async fn known(client: &Client) -> Result<Vec<Value>, Failure> {
    let body = client.get("/projections").await?;
    Ok(body.get("projections").and_then(Value::as_array).cloned().unwrap_or_default())
}

async fn list(cx: &Context) -> Done {
    let (client, _) = cx.client()?;
    let rows = known(&client).await?;
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], &rows);
    } else {
        let columns = ["name", "stream", "watermark", "last", "lag_events", "lag_seconds", "parked", "state"];
        cx.ui.rows(&columns, &rows.iter().map(|row| picked(row, &columns)).collect::<Vec<_>>());
    }
    Ok(())
}

/// The columns of a record that a person wants to see.
fn picked(row: &Value, columns: &[&str]) -> Value {
    let of = |name: &&str| ((*name).to_owned(), row.get(*name).cloned().unwrap_or_default());
    Value::Object(columns.iter().map(of).collect())
}

async fn each(cx: &Context, what: &str, args: &ProjectionArgs) -> Done {
    let (client, _) = cx.client()?;
    let all: Vec<String> =
        known(&client).await?.iter().filter_map(|row| Some(row.get("name")?.as_str()?.to_owned())).collect();
    let names = match &args.name {
        Some(name) if !all.contains(name) => {
            let failure = Failure::new(
                Exit::NotFound,
                "platform.unknown_projection",
                format!("There is no projection `{name}`."),
            );
            return Err(failure.help(format!("there are {}", all.join(", "))));
        }
        Some(name) => vec![name.clone()],
        None => all,
    };
    if args.dry_run {
        let rows: Vec<Value> = names.iter().map(|name| json!({ "projection": name, "would": what })).collect();
        cx.ui.rows(&["projection", "would"], &rows);
        return Ok(());
    }
    let mut ends = Vec::new();
    for name in &names {
        ends.push(one(cx, &client, what, name).await?);
    }
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], &ends);
    } else {
        let columns = ["projection", "result", "events", "seq", "first_difference"];
        cx.ui.rows(&columns, &ends.iter().map(|end| picked(end, &columns)).collect::<Vec<_>>());
    }
    match ends.iter().filter(|end| end.get("differs").and_then(Value::as_bool) == Some(true)).count() {
        0 => Ok(()),
        differing => Err(Failure::findings(differing).help("`alluvium projections rebuild NAME` makes it right")),
    }
}

/// Asks for one, and follows its progress lines to the last one, which is its end.
async fn one(cx: &Context, client: &Client, what: &str, name: &str) -> Result<Value, Failure> {
    let (what, query) = what.split_once('?').map_or((what, ""), |(what, query)| (what, query));
    let place = format!("{}?{query}", path(&["projections", name, what]));
    let response = client.send(client.request(Method::POST, place.trim_end_matches('?'))).await?;
    let progress = Progress::new(cx.ui, &format!("{what} {name}"), None);
    let mut chunks = response.bytes_stream();
    let mut text = Vec::new();
    let mut end = None;
    while let Some(chunk) = chunks.next().await {
        text.extend_from_slice(&chunk.map_err(|error| {
            Failure::unavailable("cli.server_unreachable", format!("The server ended the {what} of {name}."))
                .because(&error)
        })?);
        while let Some(at) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=at).collect();
            let Ok(line) = serde_json::from_slice::<Value>(&line) else { continue };
            let problem = line.get("problem").cloned();
            if let Some(problem) = problem.and_then(|problem| serde_json::from_value::<Problem>(problem).ok()) {
                progress.finish();
                return Err(Failure::from(problem).note(format!("{what} of {name}")));
            }
            let applied = line.get("events").and_then(Value::as_u64).unwrap_or(0);
            progress.inc(applied.saturating_sub(progress.done()));
            end = line.get("result").is_some().then_some(line);
        }
    }
    progress.finish();
    end.ok_or_else(|| Failure::unavailable("cli.server_unreachable", format!("The {what} of {name} did not end.")))
}
