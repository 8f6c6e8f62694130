//! Waiting until published rows are in the table, and seeing whether the fold refused any: an acknowledgement of the stream is
//! not acceptance.

use std::time::{Duration, Instant};

use alluvium_kernel::{Position, Timestamp};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::client::{Client, TableName};
use crate::commands::Context;
use crate::failure::{Done, Exit, Failure};
use crate::ui::Progress;

/// The stream of rows.
const STREAM: &str = "STORAGE";
/// How long the fold may take in all.
const WAIT: Duration = Duration::from_mins(10);
/// How long one question may take at the server, in milliseconds.
const ASK_MS: u64 = 5_000;
/// Pause before a question is asked again.
const ASK_PAUSE: Duration = Duration::from_millis(100);
/// Refused messages that are shown.
const REFUSED_SHOWN_MAX: usize = 5;

/// Waits until the table holds everything up to the last message. The rows are on the log by now, so a server that does not
/// answer for a while is asked again: failing would make people publish them twice.
pub async fn wait(cx: &Context, client: &Client, table: &TableName, span: (u64, u64), since: Timestamp) -> Done {
    let began = Instant::now();
    let progress = Progress::new(cx.ui, "waiting for the table", None);
    let position = Position::of(STREAM, span.1).to_token();
    let preview = || {
        client
            .request(Method::GET, &table.path(&["preview"]))
            .query(&[("limit", 1)])
            .header("Alv-Min-Position", &position)
            .header("Alv-Wait-Ms", ASK_MS)
    };
    let there = patiently(client, began, preview).await;
    progress.finish();
    there?;
    cx.ui.ok(format!("in the table after {:.1} s more", began.elapsed().as_secs_f64()));
    refused(cx, client, began, span, since).await
}

/// Asks until the server answers.
async fn patiently(client: &Client, began: Instant, ask: impl Fn() -> RequestBuilder) -> Result<Value, Failure> {
    loop {
        match client.json(ask()).await {
            Err(failure) if failure.exit == Exit::Unavailable && began.elapsed() < WAIT => {
                tokio::time::sleep(ASK_PAUSE).await;
            }
            Err(failure) => return Err(failure.note("the rows are on the log; the table takes them in when it can")),
            Ok(answer) => return Ok(answer),
        }
    }
}

/// Dead letters that came of these messages. Only the admin may read them, so another key learns nothing here.
async fn refused(cx: &Context, client: &Client, began: Instant, (first, last): (u64, u64), since: Timestamp) -> Done {
    let since = since.to_rfc3339();
    let query = [("subject", "dlq.default.storage.rows.*"), ("limit", "1000"), ("since", since.as_str())];
    let body = match patiently(client, began, || client.request(Method::GET, "/events").query(&query)).await {
        Ok(body) => body,
        Err(failure) if failure.exit == Exit::NotAllowed => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let mine = |event: &&Value| {
        let seq =
            event.get("subject").and_then(Value::as_str).and_then(|subject| subject.rsplit('.').next()?.parse().ok());
        seq.is_some_and(|seq: u64| (first..=last).contains(&seq))
    };
    let refused: Vec<&Value> =
        body.get("events").and_then(Value::as_array).into_iter().flatten().filter(mine).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let message = format!("{} messages were refused by the table and are kept as dead letters.", refused.len());
    let mut failure = Failure::new(Exit::Rejected, "cli.rows_refused", message)
        .help("`alluvium events replay 'dlq.>'` lists them with their reasons");
    for event in refused.iter().take(REFUSED_SHOWN_MAX) {
        let text = |name: &str| event["reason"][name].as_str().unwrap_or_default().to_owned();
        failure = failure.note(format!("{}: {}", text("code"), text("detail")));
    }
    cx.ui.warn("not all rows were taken");
    Err(failure)
}
