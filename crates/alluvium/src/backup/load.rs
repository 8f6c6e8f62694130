//! Putting the streams of a backup into a server.

use std::io::Read as _;

use alluvium_kernel::header;
use alluvium_messaging::ErrorKind;
use alluvium_messaging::direct::leader_next;
use alluvium_messaging::snapshot::{CHUNK_BYTES, Restore, StreamState};
use async_nats::jetstream;
use bytes::Bytes;
use serde_json::Value;

use super::manifest::{Manifest, Stream};
use super::source::Source;
use super::{COMMANDS, damaged};
use crate::failure::{Done, Failure};
use crate::ui::{Progress, Ui};

/// Puts all streams into a server that has none of them; commands last, so that nobody decides on half a log. `made` is told
/// which are there now.
pub async fn streams(
    ui: Ui,
    js: &jetstream::Context,
    source: &Source,
    manifest: &Manifest,
    replicas: usize,
    made: &mut Vec<String>,
) -> Done {
    for stream in manifest.streams.iter().rev() {
        let holds = one(ui, js, source, manifest, stream, replicas, made).await?;
        if !same(stream, &holds) {
            return Err(damaged(format!("The stream {} is not what it was when the backup was made.", stream.name))
                .note(format!("it holds {holds:?}"))
                .note(format!("it should hold {:?}", stream.holds)));
        }
    }
    let commands = manifest.streams.iter().find(|stream| stream.name == COMMANDS);
    match commands {
        Some(commands) => name_commands(js, commands).await,
        None => Ok(()),
    }
}

async fn one(
    ui: Ui,
    js: &jetstream::Context,
    source: &Source,
    manifest: &Manifest,
    stream: &Stream,
    replicas: usize,
    made: &mut Vec<String>,
) -> Result<StreamState, Failure> {
    let mut config = stream.config.clone();
    // As many copies as this server's platform wants, which need not be those of where the backup is from.
    config["num_replicas"] = replicas.into();
    // The server lets nobody take a protection off; ours of today may want less of it than that of then.
    let file = alluvium_messaging::streams::load(None).into_iter().find(|file| file.name == stream.name);
    if let Some(wanted) = file.as_ref().and_then(|file| file.wants("deny_purge")) {
        config["deny_purge"] = wanted.clone();
    }
    let mut part = source.require(&stream.part)?;
    let bytes = manifest.part(&stream.part).map(|part| part.bytes);
    let progress = Progress::new(ui, &format!("restoring {}", stream.name), bytes).counting("bytes");
    let refused = |error: alluvium_messaging::Error| match error.kind {
        ErrorKind::Refused(_) => damaged("The server cannot restore a stream.").because(&error),
        _ => Failure::from(error),
    };
    let restore = Restore::begin(js, &stream.name, &config, &stream.state).await.map_err(refused)?;
    made.push(stream.name.clone());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = part.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        restore.send(Bytes::copy_from_slice(&chunk[..read])).await.map_err(refused)?;
        progress.inc(read as u64);
    }
    let holds = restore.finish().await.map_err(refused)?;
    progress.finish();
    Ok(holds)
}

/// Whether a restored stream holds what its snapshot held. Messages that have outlived their time are taken away at once.
fn same(stream: &Stream, found: &StreamState) -> bool {
    let ages = stream.config.get("max_age").and_then(Value::as_u64).unwrap_or(0) > 0;
    // Before 2.15 a snapshot may hold some of what was stored while it was taken.
    let since = found.last_seq.checked_sub(stream.holds.last_seq);
    since.is_some_and(|since| ages || stream.name == COMMANDS || found.messages == stream.holds.messages + since)
}

/// Waiting commands without an id were to be named after their stream's beginning, which a restore changes. They get that very
/// name now: some may have been carried out while the backup was made, and are told apart by it.
async fn name_commands(js: &jetstream::Context, commands: &Stream) -> Done {
    let trying = |error: &(dyn std::error::Error + 'static)| {
        Failure::unavailable("platform.log_unavailable", "A waiting command could not be restored.").because(error)
    };
    let stream = js.get_stream(COMMANDS).await.map_err(|error| trying(&error))?;
    let mut from = 1;
    while let Some(message) = leader_next(js, COMMANDS, ">", from).await? {
        from = message.seq + 1;
        if message.seq > commands.holds.last_seq || message.header(header::MESSAGE_ID).is_some() {
            continue;
        }
        let mut headers = message.headers.clone();
        headers.insert(header::MESSAGE_ID, format!("{COMMANDS}:{}:{}", commands.created_micros, message.seq));
        let ack = js.publish_with_headers(message.subject, headers, message.payload).await;
        ack.map_err(|error| trying(&error))?.await.map_err(|error| trying(&error))?;
        stream.delete_message(message.seq).await.map_err(|error| trying(&error))?;
    }
    Ok(())
}
