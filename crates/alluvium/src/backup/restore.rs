//! `alluvium backup restore`

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use alluvium_messaging::snapshot::describe;
use alluvium_servers::NatsOptions;
use async_nats::jetstream;
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::check;
use super::manifest::Manifest;
use super::source::Source;
use super::{damaged, load, pack, verify};
use crate::cli::BackupRestoreArgs;
use crate::client::Session;
use crate::commands::Context;
use crate::config::{Config, Secret};
use crate::failure::{Done, Exit, Failure};
use crate::node::nats;
use crate::secrets;
use crate::ui::{Progress, Ui};

/// The schema that tells that read models are in a database.
const READ_MODELS: &str = "projection";
/// Parts that are files of the data directory, and parts that become such: by their first name.
const FILES: [&str; 2] = ["blobs/", "secrets/"];

/// Puts a backup back, onto a machine that has nothing yet. Ctrl-C is for us to notice: then what was restored is taken back.
pub async fn restore(cx: &Context, args: &BackupRestoreArgs) -> Done {
    let (source, manifest) = Source::open(&args.source)?;
    let session = target(cx, args)?;
    let config = &session.config;
    refuse_data(&config.data_dir)?;
    let js = match &session.nats {
        Some(_) => Some(nats::for_command(&session).await?),
        None => None,
    };
    if let Some(js) = &js {
        refuse_streams(js, &manifest).await?;
        refuse_read_models(config).await?;
    }
    refuse_other_key(config, &manifest)?;
    let findings = verify::parts(cx.ui, &source, &manifest)?;
    if !findings.is_empty() {
        check::print(cx.ui, &findings);
        return Err(damaged(format!("`{}` is not whole; nothing was restored.", args.source.display())));
    }
    if args.dry_run {
        cx.ui.record(&told(args, &session, &manifest, "would_restore"));
        cx.ui.say("dry run: the backup's parts are whole, nothing was restored");
        return Ok(());
    }
    let staged = stage(&config.data_dir)?;
    let mut made = Vec::new();
    let filling = async {
        match &js {
            Some(js) => fill(cx.ui, js, (&source, &manifest), &staged, config.nats.replicas, &mut made).await,
            None => private(cx.ui, &source, &manifest, &staged).await,
        }
    };
    let result = tokio::select! {
        result = filling => result,
        _ = tokio::signal::ctrl_c() => Err(Failure::unavailable("cli.interrupted", "Interrupted.")),
    };
    match result.and_then(|()| settle(&staged, &config.data_dir)) {
        Ok(()) => {
            cx.ui.record(&told(args, &session, &manifest, "restored"));
            cx.ui.ok("restored; at its next start the platform folds its tables from the log");
            Ok(())
        }
        Err(failure) => {
            undo(js.as_ref(), &made, &staged).await;
            Err(failure.note("what had been restored was taken back"))
        }
    }
}

/// Where to: the NATS that is named or configured, else a private one below the data directory.
fn target(cx: &Context, args: &BackupRestoreArgs) -> Result<Session, Failure> {
    let mut session = cx.session()?;
    if let Some(data) = &args.data {
        session.config.data_dir.clone_from(data);
    }
    session.nats = if args.embedded { None } else { cx.globals.nats.clone().or(session.config.nats.url.clone()) };
    Ok(session)
}

fn not_empty(message: String) -> Failure {
    let code = "backup.target_not_empty";
    Failure::new(Exit::Conflict, code, message).help(crate::errors::help(code))
}

fn refuse_data(data_dir: &Path) -> Done {
    match fs::read_dir(data_dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(not_empty(format!("The data directory `{}` is not empty.", data_dir.display()))),
        },
    }
}

async fn refuse_streams(js: &jetstream::Context, manifest: &Manifest) -> Done {
    for stream in &manifest.streams {
        if let Some(there) = describe(js, &stream.name).await? {
            let messages = there.state.messages;
            return Err(not_empty(format!("The NATS server has a stream {} with {messages} messages.", stream.name)));
        }
    }
    Ok(())
}

/// Read models of another log would be taken for this one's, found to be wrong, and stop.
async fn refuse_read_models(config: &Config) -> Done {
    let Some(url) = config.postgres.url.as_ref().map(Secret::expose) else { return Ok(()) };
    let failed = |error: sqlx::Error| {
        Failure::unavailable("platform.postgres_unreachable", "Postgres does not answer.").because(&error)
    };
    let mut connection = PgConnection::connect(url).await.map_err(failed)?;
    let there = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM information_schema.schemata WHERE schema_name = $1")
        .bind(READ_MODELS)
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    connection.close().await.map_err(failed)?;
    if there > 0 { Err(not_empty("The Postgres database holds read models already.".to_owned())) } else { Ok(()) }
}

fn refuse_other_key(config: &Config, manifest: &Manifest) -> Done {
    let configured = config.signing_key.is_some().then(|| secrets::fingerprint(config)).flatten();
    let code = "backup.other_signing_key";
    let refused = |message: &str| Failure::new(Exit::Conflict, code, message).help(crate::errors::help(code));
    match configured {
        Some(fingerprint) if fingerprint == manifest.signing_key => Ok(()),
        Some(_) => Err(refused("The configured signing key is not the one that the backup's API keys were made with.")),
        None if manifest.part("secrets/signing.key").is_some() => Ok(()),
        None => {
            Err(refused("The backup holds no signing key, because it was configured, and none is configured here."))
        }
    }
}

/// Where everything is laid together before it gets its name.
fn stage(data_dir: &Path) -> Result<PathBuf, Failure> {
    let staged = pack::beside(data_dir, ".restoring");
    if staged.exists() {
        fs::remove_dir_all(&staged)?;
    }
    // Others may pass: Postgres runs below it as another user.
    fs::DirBuilder::new().recursive(true).mode(0o755).create(&staged)?;
    Ok(staged)
}

async fn private(ui: Ui, source: &Source, manifest: &Manifest, staged: &Path) -> Done {
    let server = verify::private(NatsOptions::durable(staged.join("nats"))).await?;
    let js = verify::connected(&server).await?;
    let filled = fill(ui, &js, (source, manifest), staged, 1, &mut Vec::new()).await;
    let stopped = server.stop().await.map_err(|error| verify::servers_failed(&error));
    filled.and(stopped)
}

async fn fill(
    ui: Ui,
    js: &jetstream::Context,
    (source, manifest): (&Source, &Manifest),
    staged: &Path,
    replicas: usize,
    made: &mut Vec<String>,
) -> Done {
    files(ui, source, manifest, staged)?;
    load::streams(ui, js, source, manifest, replicas, made).await?;
    let reading = verify::read(ui, js, manifest).await?;
    if reading.count() > 0 {
        // A backup of a damaged log is restored as it is: there may be no better one.
        let kept = reading.summaries.iter().all(|(name, found)| {
            manifest
                .streams
                .iter()
                .any(|stream| stream.name == *name && stream.read.as_ref().is_none_or(|read| read == found))
        });
        if !kept {
            check::print(ui, &reading.findings);
            return Err(damaged("The restored log is not the one that was backed up."));
        }
        ui.warn(format!(
            "the log had {} findings when it was backed up; `alluvium log verify` shows them",
            reading.count()
        ));
    }
    Ok(())
}

fn files(ui: Ui, source: &Source, manifest: &Manifest, staged: &Path) -> Done {
    let parts: Vec<_> =
        manifest.parts.iter().filter(|part| FILES.iter().any(|room| part.name.starts_with(room))).collect();
    let progress =
        Progress::new(ui, "restoring files", Some(parts.iter().map(|part| part.bytes).sum())).counting("bytes");
    for part in parts {
        let secret = part.name.strip_prefix("secrets/");
        let path = staged.join(secret.unwrap_or(&part.name));
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mode = if secret.is_some() { 0o600 } else { 0o644 };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path)?;
        std::io::copy(&mut source.require(&part.name)?, &mut file)?;
        file.sync_all()?;
        progress.inc(part.bytes);
    }
    progress.finish();
    Ok(())
}

/// Gives what was laid together its name.
fn settle(staged: &Path, data_dir: &Path) -> Done {
    if data_dir.exists() {
        fs::remove_dir(data_dir)?;
    }
    fs::rename(staged, data_dir)?;
    let parent = data_dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?)
}

/// Takes back what was restored. The error that led here is the one to show.
async fn undo(js: Option<&jetstream::Context>, made: &[String], staged: &Path) {
    if let Some(js) = js {
        for stream in made {
            let _ = js.delete_stream(stream).await;
        }
    }
    let _ = fs::remove_dir_all(staged);
}

fn told(args: &BackupRestoreArgs, session: &Session, manifest: &Manifest, what: &str) -> serde_json::Value {
    json!({
        what: args.source.display().to_string(),
        "begun": manifest.begun,
        "data": session.config.data_dir.display().to_string(),
        "nats": session.nats.as_ref().map_or("private, below the data directory", |_| "the configured server"),
        "streams": manifest.streams.len(),
        "messages": manifest.streams.iter().map(|stream| stream.holds.messages).sum::<u64>(),
        "blobs": manifest.blobs,
    })
}
