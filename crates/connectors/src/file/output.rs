//! A file that encoded rows are written to.

use std::path::PathBuf;

use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};

use super::OutputConfig;
use crate::context::Context;
use crate::error::{Error, Fault};
use crate::output::{Item, Output, Reached, Wants};

/// Writes a file. A start begins it anew, unless it is told where it was: then what is behind that goes and is written
/// again.
pub(crate) struct FileOutput {
    path: PathBuf,
    shown: String,
    file: Option<BufWriter<tokio::fs::File>>,
    /// Where the last finished step ends.
    finished: u64,
    is_truncated: bool,
}

impl FileOutput {
    /// Checks that the file may be written.
    ///
    /// # Errors
    ///
    /// Its directory is not allowed.
    pub fn new(connector: &str, config: &OutputConfig, context: &Context) -> Result<Self, Error> {
        let path = context.writable(connector, &config.path)?;
        Ok(Self { path, shown: config.path.clone(), file: None, finished: 0, is_truncated: false })
    }

    fn passing(&self, error: &std::io::Error) -> Fault {
        Fault::Passing(format!("writing {}: {error}", self.shown))
    }

    async fn reopen(&mut self) -> std::io::Result<()> {
        self.file = None;
        let mut options = tokio::fs::OpenOptions::new();
        // A link that was put there meanwhile is not followed.
        options.write(true).create(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
        let mut file = options.open(&self.path).await?;
        if !self.is_truncated {
            file.set_len(0).await?;
            self.is_truncated = true;
        }
        // What a step that failed left behind goes.
        file.set_len(self.finished).await?;
        file.seek(std::io::SeekFrom::Start(self.finished)).await?;
        self.file = Some(BufWriter::new(file));
        Ok(())
    }

    async fn put(&mut self, items: &[Item]) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Err(std::io::Error::other("the file is not open")) };
        for item in items {
            if let Item::Message { payload: Some(payload), .. } = item {
                file.write_all(payload).await?;
            }
        }
        Ok(())
    }

    async fn sync(&mut self) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Err(std::io::Error::other("the file is not open")) };
        file.flush().await?;
        file.get_ref().sync_data().await?;
        self.finished = file.stream_position().await?;
        Ok(())
    }
}

impl Output for FileOutput {
    fn wants(&self) -> Wants {
        Wants::Messages
    }

    fn own(&self) -> Value {
        json!({ "bytes": self.finished })
    }

    fn restore(&mut self, own: &Value) {
        // A file that is shorter is another one.
        let length = std::fs::symlink_metadata(&self.path).map_or(0, |found| found.len());
        if let Some(bytes) = own.get("bytes").and_then(Value::as_u64).filter(|bytes| *bytes <= length) {
            self.finished = bytes;
            self.is_truncated = true;
        }
    }

    fn open(&mut self) -> BoxFuture<'_, Result<Option<Reached>, Fault>> {
        Box::pin(async {
            let opened = self.reopen().await;
            opened.map(|()| None).map_err(|error| self.passing(&error))
        })
    }

    fn write<'a>(&'a mut self, _: u64, _: u64, items: &'a [Item]) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async {
            let written = self.put(items).await;
            written.map_err(|error| self.passing(&error))
        })
    }

    fn finish(&mut self, _: u64) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            let synced = self.sync().await;
            synced.map_err(|error| self.passing(&error))
        })
    }
}
