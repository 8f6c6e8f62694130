//! `alluvium projections`

use alluvium_kernel::Problem;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Context, generations, parked};
use crate::cli::{PaceArgs, ProjectionArgs, ProjectionsCommand};
use crate::client::{Client, path};
use crate::failure::{Done, Exit, Failure};
use crate::ui::{Format, Progress};

pub async fn run(cx: &Context, command: ProjectionsCommand) -> Done {
    match command {
        ProjectionsCommand::List => list(cx).await,
        ProjectionsCommand::Rebuild(args) => {
            // Only what is equal takes over, unless one says otherwise.
            let ask =
                args.accept_differences.then_some("Fold everything again, and read what comes out even if it differs?");
            let work = Work { what: "rebuild", ask, pace: args.pace, accept: args.accept_differences };
            each(cx, &work, &args.which).await
        }
        ProjectionsCommand::Verify(args) => {
            each(cx, &Work { what: "verify", ask: None, pace: args.pace, accept: false }, &args.which).await
        }
        ProjectionsCommand::Rollback(args) => {
            let ask = "Switch reads back to the generation before?";
            each(cx, &Work { what: "rollback", ask: Some(ask), pace: args.pace, accept: false }, &args.which).await
        }
        ProjectionsCommand::Generations { name } => generations::list(cx, name.as_deref()).await,
        ProjectionsCommand::Drop(args) => generations::drop(cx, &args).await,
        ProjectionsCommand::Parked { name } => parked::list(cx, name.as_deref()).await,
        ProjectionsCommand::Retry(args) => parked::retry(cx, &args).await,
        ProjectionsCommand::Skip(args) => parked::skip(cx, &args).await,
    }
}

/// What is done to each of the projections.
struct Work {
    what: &'static str,
    /// What is asked before.
    ask: Option<&'static str>,
    pace: PaceArgs,
    accept: bool,
}

impl Work {
    /// Where it is asked for.
    fn place(&self, name: &str) -> String {
        let mut query = Vec::new();
        query.extend(self.accept.then(|| "accept_differences=true".to_owned()));
        query.extend(self.pace.rate.map(|rate| format!("events_per_second={rate}")));
        query.extend(self.pace.share.map(|share| format!("share_percent={share}")));
        let place = path(&["projections", name, self.what]);
        if query.is_empty() { place } else { format!("{place}?{}", query.join("&")) }
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

/// The names that are meant: one that must be there, or all.
pub async fn named(client: &Client, name: Option<&str>) -> Result<Vec<String>, Failure> {
    let all: Vec<String> =
        known(client).await?.iter().filter_map(|row| Some(row.get("name")?.as_str()?.to_owned())).collect();
    match name {
        Some(name) if !all.iter().any(|known| known == name) => {
            let failure = Failure::new(
                Exit::NotFound,
                "platform.unknown_projection",
                format!("There is no projection `{name}`."),
            );
            Err(failure.help(format!("there are {}", all.join(", "))))
        }
        Some(name) => Ok(vec![name.to_owned()]),
        None => Ok(all),
    }
}

async fn each(cx: &Context, work: &Work, args: &ProjectionArgs) -> Done {
    let (client, _) = cx.client()?;
    let names = named(&client, args.name.as_deref()).await?;
    if args.dry_run {
        let rows: Vec<Value> = names.iter().map(|name| json!({ "projection": name, "would": work.what })).collect();
        cx.ui.rows(&["projection", "would"], &rows);
        return Ok(());
    }
    if let Some(ask) = work.ask {
        cx.ui.confirm(&format!("{}: {ask}", names.join(", ")))?;
    }
    let mut ends = Vec::new();
    for name in &names {
        ends.push(one(cx, &client, work, name).await?);
    }
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], &ends);
    } else {
        let last = if work.what == "verify" { "first_difference" } else { "to_generation" };
        let columns = ["projection", "result", "events", "seq", last];
        cx.ui.rows(&columns, &ends.iter().map(|end| picked(end, &columns)).collect::<Vec<_>>());
    }
    match ends.iter().filter(|end| end.get("differs").and_then(Value::as_bool) == Some(true)).count() {
        0 => Ok(()),
        differing => Err(Failure::findings(differing).help("`alluvium projections rebuild NAME` makes it right")),
    }
}

/// Asks for one, and follows its progress lines to the last one, which is its end.
async fn one(cx: &Context, client: &Client, work: &Work, name: &str) -> Result<Value, Failure> {
    let what = work.what;
    let response = client.send(client.request(Method::POST, &work.place(name))).await?;
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
