//! `alluvium log`

use alluvium_eventlog::check::{Checked, Recorded};
use serde_json::{Value, json};

use super::Context;
use crate::backup::{Finding, Reading};
use crate::cli::{LogCommand, LogVerifyArgs};
use crate::failure::{Done, Exit, Failure};
use crate::node::{CONTEXTS, nats};
use crate::platform::streams_of;
use crate::ui::Format;

pub async fn run(cx: &Context, command: LogCommand) -> Done {
    match command {
        LogCommand::Verify(args) => verify(cx, &args).await,
    }
}

async fn verify(cx: &Context, args: &LogVerifyArgs) -> Done {
    let session = cx.session()?;
    let all = asked(args.what.as_deref())?;
    let js = nats::for_command(&session).await?;
    let mut reading = Reading::default();
    for what in &all {
        reading.stream(cx.ui, &js, what).await?;
    }
    let streams: Vec<Value> = reading
        .summaries
        .iter()
        .map(|(name, read)| {
            let (messages, subjects, rows) = (read.messages, read.subjects, read.rows_messages);
            json!({ "stream": name, "messages": messages, "chains": subjects, "rows": rows, "digest": read.digest })
        })
        .collect();
    let findings: Vec<Value> = reading.findings.iter().map(Finding::row).collect();
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.record(&json!({ "streams": streams, "findings": findings, "more": reading.more }));
    } else if findings.is_empty() {
        cx.ui.rows(&["stream", "messages", "chains", "rows", "digest"], &streams);
    } else {
        cx.ui.rows(&["place", "subject", "kind", "detail"], &findings);
    }
    match reading.count() {
        0 => {
            cx.ui.ok("every message is there, in order and unchanged");
            Ok(())
        }
        count => {
            Err(Failure::findings(count)
                .help("compare with a backup; `alluvium events show STREAM:SEQUENCE` prints one"))
        }
    }
}

/// What to read: a stream, or subjects of those streams that take them; all streams of events when nothing is named.
fn asked(what: Option<&str>) -> Result<Vec<Checked>, Failure> {
    let checked = |stream: &str, filter: Option<&str>| Checked {
        stream: stream.to_owned(),
        filter: filter.map(str::to_owned),
        to: None,
        recorded: Recorded::default(),
    };
    let Some(what) = what else {
        return Ok(CONTEXTS.iter().map(|context| checked(context.stream, None)).collect());
    };
    if alluvium_messaging::streams::load(None).iter().any(|file| file.name == what) {
        return Ok(vec![checked(what, None)]);
    }
    let streams = streams_of(what)?;
    if streams.is_empty() {
        let message = format!("`{what}` is neither a stream nor a subject of ours.");
        return Err(Failure::new(Exit::NotFound, "platform.unknown_stream", message)
            .help("`alluvium streams diff` knows the streams; subjects begin with ev, rows, cmd, out or dlq"));
    }
    Ok(streams.iter().map(|stream| checked(stream, Some(what))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_and_subjects_are_told_apart() {
        let names = |what| {
            let all = asked(what).unwrap();
            all.into_iter().map(|one| (one.stream, one.filter)).collect::<Vec<_>>()
        };
        assert_eq!(names(Some("STORAGE")), [("STORAGE".to_owned(), None)]);
        let subject = "ev.default.access.>";
        assert_eq!(names(Some(subject)), [("EV_ACCESS".to_owned(), Some(subject.to_owned()))]);
        assert!(names(None).contains(&("STORAGE".to_owned(), None)));
        assert_eq!(asked(Some("NOPE")).unwrap_err().code, "platform.unknown_stream");
        assert_eq!(asked(Some("a b.>")).unwrap_err().code, "platform.invalid_filter");
    }
}
