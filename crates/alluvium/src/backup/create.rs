//! `alluvium backup create`

use std::path::{Path, PathBuf};
use std::time::Instant;

use alluvium_eventlog::blob::{BlobId, keep_all};
use alluvium_eventlog::check::{Checked, Recorded, keeps_all};
use alluvium_messaging::snapshot::{Snapshot, describe};
use async_nats::jetstream;
use serde_json::json;

use super::check::{self, Reading};
use super::manifest::{Manifest, Stream};
use super::pack::{Pack, refuse_existing};
use super::wanted;
use crate::cli::BackupCreateArgs;
use crate::commands::Context;
use crate::config::Config;
use crate::failure::{Done, Exit, Failure};
use crate::node::nats;
use crate::secrets;
use crate::ui::{Progress, Ui};

/// Makes a backup of a running platform.
pub async fn create(cx: &Context, args: &BackupCreateArgs) -> Done {
    let began = Instant::now();
    refuse_existing(&args.target)?;
    let mut session = cx.session()?;
    if let Some(data) = &args.data {
        session.config.data_dir.clone_from(data);
    }
    let config = &session.config;
    let fingerprint = secrets::fingerprint(config).ok_or_else(|| {
        let message = format!("No signing key is known here, and none is in `{}`.", config.data_dir.display());
        Failure::new(Exit::NotAllowed, "cli.no_signing_key", message)
            .help("run it where the platform's data directory is, or name that with `--data`")
    })?;
    let js = nats::for_command(&session).await?;
    let blobs = blobs(config)?;
    if args.dry_run {
        return dry_run(cx.ui, &js, config, &blobs).await;
    }
    let version = js.client().server_info().version;
    let manifest = Manifest::begin(version, now(), fingerprint);
    // Until it is done nobody sweeps what its streams name.
    let root = config.blobs_dir();
    let _kept = if root.is_dir() { Some(keep_all(&root)?) } else { None };
    let pack = Pack::begin(&args.target)?;
    match fill(cx.ui, &js, config, &pack, manifest).await {
        Ok((manifest, reading)) => {
            let (manifest, text) = manifest.seal(now())?;
            pack.finish(&text)?;
            told(cx.ui, &args.target, &manifest, &reading, began)
        }
        Err(failure) => {
            pack.abandon();
            Err(failure)
        }
    }
}

/// All parts, in the order that makes the cut.
async fn fill(
    ui: Ui,
    js: &jetstream::Context,
    config: &Config,
    pack: &Pack,
    mut manifest: Manifest,
) -> Result<(Manifest, Reading), Failure> {
    for name in wanted(js).await? {
        stream(ui, js, pack, &mut manifest, &name).await?;
    }
    let mut reading = Reading::default();
    copy_blobs(ui, config, pack, &mut manifest, &mut reading)?;
    for (name, path) in secrets::kept_files(config) {
        let part = pack.copy(&format!("secrets/{name}"), std::fs::File::open(path)?)?;
        manifest.parts.push(part);
    }
    for stream in manifest.streams.iter_mut().filter(|stream| keeps_all(&stream.config)) {
        let what = Checked {
            stream: stream.name.clone(),
            filter: None,
            to: Some(stream.holds.last_seq),
            recorded: Recorded::default(),
        };
        reading.stream(ui, js, &what).await?;
        // Only if nothing was purged between the snapshot and this reading do both speak of the same messages.
        let summary = reading.summaries.get(&stream.name).cloned();
        stream.read = summary.filter(|summary| summary.messages == stream.holds.messages);
    }
    let names = manifest.names();
    reading.blobs_missing(|id| names.contains(part_of(id).as_str()));
    Ok((manifest, reading))
}

async fn stream(
    ui: Ui,
    js: &jetstream::Context,
    pack: &Pack,
    manifest: &mut Manifest,
    name: &str,
) -> Result<(), Failure> {
    let Some(described) = describe(js, name).await? else {
        let message = format!("The server has no stream `{name}`.");
        return Err(Failure::new(Exit::NotFound, "platform.unknown_stream", message)
            .help("check `--nats`; `alluvium streams diff` shows what is missing"));
    };
    let mut snapshot = Snapshot::open(js, name).await?;
    let progress = Progress::new(ui, &format!("copying {name}"), Some(described.state.bytes)).counting("bytes");
    let mut part = pack.part(&format!("streams/{name}.snapshot"))?;
    while let Some(chunk) = snapshot.next().await? {
        part.write(&chunk)?;
        progress.inc(chunk.len() as u64);
    }
    progress.finish();
    let part = part.finish()?;
    manifest.streams.push(Stream {
        name: name.to_owned(),
        part: part.name.clone(),
        created_micros: described.created.micros(),
        holds: snapshot.holds()?,
        config: snapshot.config.clone(),
        state: snapshot.state.clone(),
        read: None,
    });
    manifest.parts.push(part);
    Ok(())
}

/// The part that holds a blob.
pub fn part_of(id: &BlobId) -> String {
    format!("blobs/{}/{id}", &id.as_str()[..2])
}

/// The blobs of the data directory, with their sizes.
fn blobs(config: &Config) -> Result<Vec<(BlobId, PathBuf, u64)>, Failure> {
    let root = config.blobs_dir();
    let mut found = Vec::new();
    if !root.is_dir() {
        return Ok(found);
    }
    for shelf in std::fs::read_dir(root)? {
        let shelf = shelf?.path();
        for file in std::fs::read_dir(&shelf).into_iter().flatten() {
            let file = file?;
            // What is still coming in has another kind of name.
            let Ok(id) = BlobId::try_from(file.file_name().to_string_lossy().into_owned()) else { continue };
            found.push((id, file.path(), file.metadata()?.len()));
        }
    }
    found.sort();
    Ok(found)
}

fn copy_blobs(ui: Ui, config: &Config, pack: &Pack, manifest: &mut Manifest, reading: &mut Reading) -> Done {
    // Looked up only now: what the streams name was stored before them.
    let blobs = blobs(config)?;
    let progress =
        Progress::new(ui, "copying blobs", Some(blobs.iter().map(|(_, _, bytes)| bytes).sum())).counting("bytes");
    for (id, path, bytes) in blobs {
        let part = pack.copy(&part_of(&id), std::fs::File::open(path)?)?;
        if part.sha256 != id.as_str() {
            reading.found(check::Finding::of_part(&part.name, "altered", "its content does not have its name's hash"));
        }
        manifest.parts.push(part);
        manifest.blobs += 1;
        progress.inc(bytes);
    }
    progress.finish();
    Ok(())
}

async fn dry_run(ui: Ui, js: &jetstream::Context, config: &Config, blobs: &[(BlobId, PathBuf, u64)]) -> Done {
    let mut rows = Vec::new();
    for name in wanted(js).await? {
        let state = describe(js, &name).await?.map(|described| described.state).unwrap_or_default();
        rows.push(json!({ "part": format!("stream {name}"), "count": state.messages, "bytes": state.bytes }));
    }
    let bytes: u64 = blobs.iter().map(|(_, _, bytes)| bytes).sum();
    rows.push(json!({ "part": "blobs", "count": blobs.len(), "bytes": bytes }));
    let secrets = secrets::kept_files(config).len();
    rows.push(json!({ "part": "secrets of the data directory", "count": secrets, "bytes": null }));
    ui.rows(&["part", "count", "bytes"], &rows);
    ui.say("dry run: nothing was written");
    Ok(())
}

fn told(ui: Ui, target: &Path, manifest: &Manifest, reading: &Reading, began: Instant) -> Done {
    if manifest.part("secrets/signing.key").is_none() {
        ui.say("the signing key is from the configuration: it is not in the backup, keep it safe yourself");
    }
    ui.record(&json!({
        "backup": target.display().to_string(),
        "begun": manifest.begun,
        "created": manifest.created,
        "streams": manifest.streams.len(),
        "messages": manifest.streams.iter().map(|stream| stream.holds.messages).sum::<u64>(),
        "blobs": manifest.blobs,
        "bytes": manifest.parts.iter().map(|part| part.bytes).sum::<u64>(),
        "seconds": (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        "findings": reading.findings.iter().map(check::Finding::row).collect::<Vec<_>>(),
    }));
    match reading.count() {
        0 => {
            ui.ok("the backup is whole");
            Ok(())
        }
        count => Err(Failure::findings(count)
            .note("the backup is what the log is: it was damaged before")
            .help("`alluvium log verify` shows the same; compare with an older backup")),
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}
