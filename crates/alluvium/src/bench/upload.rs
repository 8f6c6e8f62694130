//! What an upload takes of the server's memory: content that is made while it is sent.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Body;
use reqwest::multipart::Part;

use super::process::{Process, forget_peak, peak, resident};
use super::storage;
use super::world::World;
use super::{Measured, Results, Run};

/// Bytes that are sent.
const BYTES: u64 = 10_000_000_000;
/// Bytes of one piece.
const PIECE_BYTES: u64 = 256 << 10;
/// What is promised, in megabytes more than before.
const MB_MAX: f64 = 100.0;
/// How long the process is left alone before.
const IDLE: Duration = Duration::from_secs(2);

pub async fn run(run: Run) -> Results {
    let bytes = run.scaled(BYTES, 10_000_000);
    let world = World::start().await?;
    let process = Process::start(&world).await?;
    storage::bucket(&process.client).await?;
    tokio::time::sleep(IDLE).await;
    let id = process.id()?;
    let before = resident(id)?;
    forget_peak(id)?;
    let began = Instant::now();
    let part = Part::stream_with_length(Body::wrap_stream(content(bytes)), bytes).file_name("content.bin");
    storage::upload_part(&process.client, "content.bin", part).await?;
    let seconds = began.elapsed().as_secs_f64();
    let more = peak(id)? - before;
    process.end().await?;
    world.stop().await?;
    let megabytes = bytes as f64 / 1e6;
    Ok(vec![
        Measured::bound(&format!("more memory for an upload of {megabytes:.0} MB"), "MB", more, MB_MAX, None),
        Measured::bound(&format!("an upload of {megabytes:.0} MB"), "s", seconds, f64::INFINITY, None),
    ])
}

/// So many bytes, no piece like another.
fn content(bytes: u64) -> impl futures::Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    let pieces = (0..bytes.div_ceil(PIECE_BYTES)).map(move |n| {
        let length = PIECE_BYTES.min(bytes - n * PIECE_BYTES) as usize;
        let mut piece = vec![n.to_le_bytes()[0]; length];
        let number = n.to_le_bytes();
        piece[..number.len().min(length)].copy_from_slice(&number[..number.len().min(length)]);
        Ok(Bytes::from(piece))
    });
    futures::stream::iter(pieces)
}
