//! `alluvium forget` and `alluvium seals`: destroying the keys of sealed fields, and keeping them apart from backups.

use std::path::Path;

use alluvium_access::forgetting;
use alluvium_eventlog::seals::{Carried, Restored, Seals};
use alluvium_messaging::streams;
use async_nats::jetstream;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Context;
use crate::cli::{ForgetCommand, SealsCommand};
use crate::failure::{Done, Exit, Failure};
use crate::node::nats;
use crate::secrets;

/// What a file of keys says it is.
const FORMAT: &str = "alluvium-seals-1";
/// The largest file that is read, in bytes: some hundred thousand keys.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Keys in a file.
#[derive(Serialize, Deserialize)]
struct Keys {
    format: String,
    keys: Vec<Carried>,
}

pub async fn forget(cx: &Context, command: ForgetCommand) -> Done {
    let (kind, name, after) = match command {
        ForgetCommand::Person(args) => ("person", args.name, "Nothing is ever sealed for them again."),
        ForgetCommand::Project(args) => ("project", args.name, "What is sealed for it later gets a new key."),
        ForgetCommand::Tenant(args) => {
            ("tenant", args.name, "It takes nothing that is sealed any more: no project, no key.")
        }
    };
    let question =
        format!("Forget {kind} `{name}`? What is sealed for it is unreadable for ever, in every backup too. {after}");
    cx.ui.confirm(&question)?;
    let (client, _) = cx.client()?;
    let answer = client.json(client.request(Method::POST, "/forget").json(&json!({ kind: name }))).await?;
    cx.ui.record(&answer);
    Ok(())
}

pub async fn seals(cx: &Context, command: SealsCommand) -> Done {
    let session = cx.session()?;
    let secret = secrets::existing_signing_key(&session.config).ok_or_else(|| {
        Failure::new(Exit::NotAllowed, "cli.no_signing_key", "No signing key is known here.")
            .help("set ALLUVIUM_SIGNING_KEY, or run it where the platform's data directory is")
    })?;
    let js = nats::for_command(&session).await?;
    let seals = Seals::new(js.clone(), secret);
    match command {
        SealsCommand::Export { file } => export(cx, &seals, &file).await,
        SealsCommand::Import { file } => {
            // After a restore nothing has made the bucket yet, and the keys should be there before anything makes new ones.
            streams::apply(&js, Some(session.config.nats.replicas)).await?;
            import(cx, &seals, &js, &file).await
        }
    }
}

async fn export(cx: &Context, seals: &Seals, file: &Path) -> Done {
    if file.exists() {
        let message = format!("`{}` is there already.", file.display());
        return Err(Failure::usage(message).help("name a new file: an old one may hold keys that were destroyed since"));
    }
    let keys = Keys { format: FORMAT.to_owned(), keys: seals.carry().await? };
    let text = serde_json::to_string(&keys).map_err(|error| Failure::bug(format!("keys are no JSON: {error}")))?;
    secrets::write_private(file, &text)?;
    cx.ui.ok(format!("{} keys are in {}, wrapped under the signing key", keys.keys.len(), file.display()));
    cx.ui.say("replace it after each forgetting: who has this file and the signing key reads what it opens");
    Ok(())
}

async fn import(cx: &Context, seals: &Seals, js: &jetstream::Context, file: &Path) -> Done {
    let unreadable = |why: String| {
        Failure::new(
            Exit::Usage,
            "cli.usage",
            format!("`{}` is no file of `alluvium seals export`: {why}.", file.display()),
        )
    };
    let size = std::fs::metadata(file)?.len();
    if size > FILE_BYTES_MAX {
        return Err(unreadable(format!("it has {size} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    let keys: Keys = serde_json::from_slice(&std::fs::read(file)?).map_err(|error| unreadable(error.to_string()))?;
    if keys.format != FORMAT {
        return Err(unreadable(format!("its format is `{}`", keys.format)));
    }
    let gone = forgetting::all(js).await?;
    let (mut there, mut forgotten, mut other) = (0, 0, 0);
    for key in &keys.keys {
        match seals.put_back(key, &gone).await? {
            Restored::There => there += 1,
            Restored::Forgotten => forgotten += 1,
            Restored::Other => other += 1,
        }
    }
    cx.ui.record(&json!({ "there": there, "refused_as_forgotten": forgotten, "refused_for_another": other }));
    Ok(())
}
