//! `alluvium streams`

use alluvium_messaging::streams;
use serde_json::{Value, json};

use super::Context;
use crate::cli::StreamsCommand;
use crate::failure::{Done, Failure};
use crate::node::nats;

pub async fn run(cx: &Context, command: StreamsCommand) -> Done {
    let session = cx.session()?;
    let js = nats::for_command(&session).await?;
    let replicas = Some(session.config.nats.replicas);
    match command {
        StreamsCommand::Diff => {
            let differences = streams::diff(&js, replicas).await?;
            print(cx, &differences);
            if differences.is_empty() {
                cx.ui.ok("the server's streams are as their files want them");
                return Ok(());
            }
            Err(Failure::findings(differences.len()).help("`alluvium streams apply` makes what may be made"))
        }
        StreamsCommand::Apply { dry_run: true } => {
            let differences = streams::diff(&js, replicas).await?;
            print(cx, &differences);
            cx.ui.say("dry run: nothing was changed");
            Ok(())
        }
        StreamsCommand::Apply { dry_run: false } => {
            let changed = streams::apply(&js, replicas).await?;
            print(cx, &changed);
            cx.ui.ok(if changed.is_empty() { "nothing to change" } else { "applied" });
            Ok(())
        }
    }
}

fn print(cx: &Context, differences: &[streams::Difference]) {
    let rows: Vec<Value> = differences
        .iter()
        .map(|difference| {
            let missing = difference.field.is_empty();
            json!({
                "stream": difference.stream,
                "field": if missing { "(whole stream)" } else { &difference.field },
                "wanted": if missing { json!("present") } else { difference.wanted.clone() },
                "found": if missing { json!("missing") } else { difference.found.clone() },
                "apply": if difference.refused { "refuses" } else { "changes it" },
            })
        })
        .collect();
    if !rows.is_empty() {
        cx.ui.rows(&["stream", "field", "wanted", "found", "apply"], &rows);
    }
}
