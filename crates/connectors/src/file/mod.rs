//! `file_input` and `file_output`: files of the server, below the directories that it allows.

mod output;

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

pub(crate) use output::FileOutput;

use crate::config::Wrong;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::input::cut::Cut;
use crate::input::{Backoff, Cutter, Draft, Input, Payload, Port};

/// How many bytes are read at once, where nothing else is said, and at most.
pub const READ_BYTES: usize = 64 << 10;
/// How many bytes may be read at once.
pub const READ_BYTES_MAX: usize = 16 << 20;
/// How long until a file that is followed is looked at again, in milliseconds.
const LOOK_MS: u64 = 100;
/// The longest wait before a file that could not be read is tried again, in seconds.
const RETRY_SECS_MAX: u64 = 30;

/// `file_input`.
#[derive(Clone, Debug, Deserialize)]
pub struct InputConfig {
    /// The file: a path, or a `file://` URL.
    pub path: String,
    /// How many bytes are read at once.
    #[serde(default)]
    pub buffer_size_bytes: Option<usize>,
    /// Whether what is appended is read, too, for ever.
    #[serde(default)]
    pub follow: bool,
}

/// `file_output`.
#[derive(Clone, Debug, Deserialize)]
pub struct OutputConfig {
    /// The file; it is emptied when the connector starts.
    pub path: String,
}

impl InputConfig {
    pub(crate) fn check(&self) -> Result<(), Wrong> {
        match self.buffer_size_bytes {
            Some(size) if size == 0 || size > READ_BYTES_MAX => {
                Err(Wrong::new("buffer_size_bytes", format!("it is {size} and must be 1 to {READ_BYTES_MAX}")))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a file.
pub(crate) struct FileInput {
    path: PathBuf,
    object: Arc<str>,
    read_bytes: usize,
    is_followed: bool,
    cut: Cut,
}

impl FileInput {
    /// Checks that the file may be read.
    ///
    /// # Errors
    ///
    /// It is below no directory that is allowed, or not there.
    pub fn new(connector: &str, config: &InputConfig, cut: Cut, context: &Context) -> Result<Self, Error> {
        let path = context.readable(connector, &config.path)?;
        let read_bytes = config.buffer_size_bytes.unwrap_or(READ_BYTES);
        Ok(Self { path, object: config.path.as_str().into(), read_bytes, is_followed: config.follow, cut })
    }

    async fn read(self, position: Option<Value>, mut port: Port) -> Result<(), Exit> {
        let start = match position {
            None => 0,
            Some(position) => position
                .get("offset")
                .and_then(Value::as_u64)
                .ok_or_else(|| Exit::fatal("this is no position in a file"))?,
        };
        let mut cutter = Cutter::new(self.cut, start);
        let mut backoff = Backoff::up_to(Duration::from_secs(RETRY_SECS_MAX));
        loop {
            match self.pass(&mut cutter, &mut port).await {
                Ok(()) => return self.finish(&mut cutter, &mut port).await,
                Err(Failure::Exit(exit)) => return Err(exit),
                Err(Failure::Io(error)) => {
                    port.trouble("file", &format!("reading {}: {error}", self.object));
                    port.sleep(backoff.next()).await?;
                }
            }
        }
    }

    /// Reads from where the cutter is to the end; a file that is followed has none.
    async fn pass(&self, cutter: &mut Cutter, port: &mut Port) -> Result<(), Failure> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        let length = file.metadata().await?.len();
        if length < cutter.reached() {
            let reached = cutter.reached();
            return Err(Exit::fatal(format!(
                "{} is shorter ({length} bytes) than what was read of it ({reached} bytes)",
                self.object
            ))
            .into());
        }
        file.seek(SeekFrom::Start(cutter.reached())).await?;
        port.well();
        let mut buffer = vec![0; self.read_bytes];
        loop {
            port.ready().await?;
            let count = file.read(&mut buffer).await?;
            if count == 0 {
                if !self.is_followed {
                    return Ok(());
                }
                port.sleep(Duration::from_millis(LOOK_MS)).await?;
                if file.metadata().await?.len() < cutter.reached() {
                    return Err(Exit::fatal(format!("{} was cut short while it was followed", self.object)).into());
                }
                continue;
            }
            cutter.push(&buffer[..count]).map_err(Exit::fatal)?;
            if let Some((bytes, offset)) = cutter.complete() {
                let payload = Payload::Stream { bytes, object: self.object.clone(), offset, ends_object: false };
                port.send(Draft { payload, position: json!({"offset": cutter.given()}), transaction: None }).await?;
            }
        }
    }

    async fn finish(&self, cutter: &mut Cutter, port: &mut Port) -> Result<(), Exit> {
        let (bytes, offset) = cutter.rest();
        let payload = Payload::Stream { bytes, object: self.object.clone(), offset, ends_object: true };
        port.send(Draft { payload, position: json!({"offset": cutter.given()}), transaction: None }).await
    }
}

enum Failure {
    Io(std::io::Error),
    Exit(Exit),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Exit> for Failure {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl Input for FileInput {
    fn run(self: Box<Self>, position: Option<Value>, port: Port) -> BoxFuture<'static, Result<(), Exit>> {
        Box::pin((*self).read(position, port))
    }
}

#[cfg(test)]
mod tests;
