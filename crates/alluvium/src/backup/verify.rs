//! `alluvium backup verify`

use alluvium_eventlog::check::{Checked, Recorded, keeps_all};
use alluvium_messaging::connect::{ConnectConfig, connect, jetstream as jetstream_over};
use alluvium_servers::{NatsOptions, NatsServer};
use async_nats::jetstream;
use serde_json::json;

use super::check::{self, Finding, Reading};
use super::create::part_of;
use super::load;
use super::manifest::Manifest;
use super::source::Source;
use crate::cli::BackupVerifyArgs;
use crate::commands::Context;
use crate::failure::{Done, Exit, Failure};
use crate::ui::{Progress, Ui};

/// Reads a backup whole: every part has its hash, every stream can be restored, every chain holds, every blob is there.
pub async fn verify(cx: &Context, args: &BackupVerifyArgs) -> Done {
    let (source, manifest) = Source::open(&args.source).map_err(as_finding)?;
    let mut findings = parts(cx.ui, &source, &manifest)?;
    if findings.is_empty() && !args.quick {
        findings = streams(cx.ui, &source, &manifest, args).await.map_err(as_finding)?;
    }
    if findings.is_empty() {
        cx.ui.record(&json!({
            "backup": args.source.display().to_string(),
            "begun": manifest.begun,
            "created": manifest.created,
            "streams": manifest.streams.len(),
            "messages": manifest.streams.iter().map(|stream| stream.holds.messages).sum::<u64>(),
            "blobs": manifest.blobs,
            "parts": manifest.parts.len(),
        }));
        cx.ui.ok(if args.quick { "every part has its hash" } else { "the backup is whole" });
        return Ok(());
    }
    check::print(cx.ui, &findings);
    let message = format!("`{}` has {} findings.", args.source.display(), findings.len());
    Err(Failure::new(Exit::Findings, "backup.damaged", message).help(crate::errors::help("backup.damaged")))
}

/// Damage is what a check is there to find.
fn as_finding(failure: Failure) -> Failure {
    if failure.code == "backup.damaged" { Failure { exit: Exit::Findings, ..failure } } else { failure }
}

/// What is wrong with the parts as files.
pub fn parts(ui: Ui, source: &Source, manifest: &Manifest) -> Result<Vec<Finding>, Failure> {
    let total = manifest.parts.iter().map(|part| part.bytes).sum();
    let progress = Progress::new(ui, "reading the backup", Some(total)).counting("bytes");
    let mut findings = Vec::new();
    for part in &manifest.parts {
        if let Some(wrong) = source.wrong(part, |bytes| progress.inc(bytes))? {
            findings.push(Finding::of_part(&part.name, "altered", wrong));
        }
    }
    progress.finish();
    for stream in manifest.streams.iter().filter(|stream| manifest.part(&stream.part).is_none()) {
        findings.push(Finding::of_part(&stream.part, "missing", "the manifest does not list it"));
    }
    Ok(findings)
}

/// What is wrong with the streams, found by restoring them into a server of our own that is thrown away.
async fn streams(
    ui: Ui,
    source: &Source,
    manifest: &Manifest,
    args: &BackupVerifyArgs,
) -> Result<Vec<Finding>, Failure> {
    let scratch = match &args.scratch {
        Some(directory) => tempfile::tempdir_in(directory)?,
        None => tempfile::tempdir()?,
    };
    let server = private(NatsOptions::scratch(scratch.path().join("nats"))).await?;
    let js = connected(&server).await?;
    load::streams(ui, &js, source, manifest, 1, &mut Vec::new()).await?;
    let reading = read(ui, &js, manifest).await?;
    server.stop().await.map_err(|error| servers_failed(&error))?;
    Ok(reading.findings)
}

/// Reads restored streams and compares them with the manifest.
pub async fn read(ui: Ui, js: &jetstream::Context, manifest: &Manifest) -> Result<Reading, Failure> {
    let mut reading = Reading::default();
    for stream in manifest.streams.iter().filter(|stream| keeps_all(&stream.config)) {
        let what = Checked {
            stream: stream.name.clone(),
            filter: None,
            to: Some(stream.holds.last_seq),
            recorded: Recorded::default(),
        };
        reading.stream(ui, js, &what).await?;
    }
    reading.compare(&manifest.streams);
    let names = manifest.names();
    reading.blobs_missing(|id| names.contains(part_of(id).as_str()));
    Ok(reading)
}

/// A nats-server of our own.
pub async fn private(options: NatsOptions) -> Result<NatsServer, Failure> {
    NatsServer::start(options).await.map_err(|error| servers_failed(&error))
}

/// JetStream of a server of our own.
pub async fn connected(server: &NatsServer) -> Result<jetstream::Context, Failure> {
    let config = ConnectConfig { url: server.url(), name: "alluvium-backup".to_owned(), ..ConnectConfig::default() };
    let client = connect(&config).await.map_err(|error| {
        Failure::unavailable("platform.servers_failed", "The private nats-server does not answer.").because(&error)
    })?;
    Ok(jetstream_over(client))
}

/// A server of our own that does not do its part.
pub fn servers_failed(error: &alluvium_servers::Error) -> Failure {
    let code = "platform.servers_failed";
    Failure::unavailable(code, error.to_string()).help(crate::errors::help(code))
}
